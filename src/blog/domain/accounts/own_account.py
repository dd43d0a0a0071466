"""One's own account: registration, log-in, log-out, and changes that users make to their own accounts."""

from collections.abc import Collection
from dataclasses import dataclass, replace

from blog.domain.audit import Audit, Event
from blog.domain.errors import FieldError, Unauthenticated, Unavailable, ValidationFailed
from blog.domain.shared import Clock

from .actors import Anonymous, Member, Scope, require_member, require_scope, scopes_for
from .deletion import AccountDeletion
from .invitations import Invitations, Registration, RegistrationClosed
from .passwords import NormalizingHasher, PasswordRules, validate_password
from .throttle import LoginAttempt, Throttle, rename_key
from .tokens import InvalidToken, IssuedToken, TokenNotFound, Tokens, validate_token_name
from .user import (
    Credentials,
    PostsOnDeletion,
    User,
    UserNotFound,
    UserRepository,
    check_name_limit,
    describe_changes,
    validate_new_username,
    validate_username,
)


class WrongCredentials(Unauthenticated):
    """The username or the password is wrong. The error does not say whether the username exists."""

    def __init__(self) -> None:
        super().__init__("Unknown username, wrong password, or inactive account.")


class WrongPassword(ValidationFailed):
    """The current password, which a user must repeat to change it or to delete the account, is wrong."""

    def __init__(self, field: str = "old_password") -> None:
        super().__init__([FieldError(field, "is not your password")])


class HashChanged(Unavailable):
    """The stored hash changed during the verification: the password must be verified again."""

    def __init__(self) -> None:
        super().__init__("The password was changed meanwhile.")


@dataclass(slots=True)
class Accounts:
    """Use cases of users on their own accounts.

    Log-in, registration and password change take several units of work: `login.py` has functions that run their steps.
    """

    repository: UserRepository
    tokens: Tokens
    invitations: Invitations
    throttle: Throttle
    audit: Audit
    hasher: NormalizingHasher
    rules: PasswordRules
    registration: Registration
    now: Clock
    deletion: AccountDeletion

    def log_out(self, actor: Member) -> None:
        """Revoke the token of the request.

        Raises:
            InvalidToken: it was revoked a moment ago, or the actor has no token.
        """
        require_member(actor)
        if actor.token_id is None:
            raise InvalidToken
        try:
            self.tokens.revoke(actor, actor.token_id)
        except TokenNotFound:
            raise InvalidToken from None
        self.audit.record(Event.LOGGED_OUT, actor, "user", actor.user_id)

    def log_out_everywhere(self, actor: Member) -> None:
        """Revoke all tokens of the actor.

        Raises:
            OutOfScope.
        """
        require_scope(actor, Scope.ACCOUNT)
        self.tokens.revoke_all(actor, actor.user)
        self.audit.record(Event.LOGGED_OUT, actor, "user", actor.user_id, "everywhere")

    def begin_rename(self, actor: Member, username: str) -> LoginAttempt | None:
        """Count an attempt to rename, so that nobody can find out which names are taken by trying many.

        None for a current or former name of the actor, because it reveals nothing about others. These attempts are
        counted apart from log-ins, so they never lock a user out.

        Raises:
            OutOfScope, TooManyNames, TooManyAttempts.
            ValidationFailed: `username` is not valid.
        """
        require_scope(actor, Scope.ACCOUNT)
        if errors := validate_new_username(username):
            raise ValidationFailed(errors)
        if username.lower() in self.repository.names_of(actor.user_id):
            return None
        check_name_limit(self.repository, actor.user_id, username)
        return self.throttle.reserve(rename_key(actor.user_id), actor.address)

    def rename(self, actor: Member, username: str, attempt: LoginAttempt | None = None) -> User:
        """Rename the actor's account, and cancel the counted attempt.

        Raises:
            OutOfScope, UsernameTaken, TooManyNames.
            InvalidToken: the account was deleted a moment ago.
            ValidationFailed: `username` is not valid.
        """
        require_scope(actor, Scope.ACCOUNT)
        if errors := validate_new_username(username):
            raise ValidationFailed(errors)
        try:
            current = self.repository.get_for_update(actor.user_id)
        except UserNotFound:
            raise InvalidToken from None
        check_name_limit(self.repository, actor.user_id, username)
        renamed = replace(current.user, username=username)
        if changed := describe_changes(current.user, renamed):
            self.repository.save(replace(current, user=renamed))
            self.audit.record(Event.USER_CHANGED, actor, "user", actor.user_id, changed)
        if attempt is not None:
            self.throttle.cancel(attempt)
        return renamed

    def begin_login(self, username: str, password: str, name: str, address: str) -> LoginAttempt:
        """Count an attempt to log in, before the password is verified.

        Raises:
            TooManyAttempts.
            ValidationFailed: `username`, `password` or `name` is not valid.
        """
        if errors := [*validate_username(username), *validate_password(password), *validate_token_name(name)]:
            raise ValidationFailed(errors)
        found = self.repository.find(username)
        return self.throttle.reserve(username if found is None else found.user.id, address)

    def complete_login(
        self, attempt: LoginAttempt, username: str, password: str, name: str, scopes: Collection[Scope] | None
    ) -> tuple[User, IssuedToken]:
        """Verify the password and issue a token.

        Raises:
            WrongCredentials: after one verification in any case, so that the time does not reveal the reason.
            ScopeNotGranted.
            HashChanged: during the verification.
        """
        found = self.repository.find(username)
        matches = self.hasher.verify(found.password_hash if found else self.hasher.decoy, password)
        if found is None or not matches:
            raise WrongCredentials
        renewed = self.hasher.hash(password) if self.hasher.needs_rehash(found.password_hash, password) else None
        user = self._recheck_locked(found, renewed)
        issued = self.tokens.issue(user, name=name, scopes=scopes, address=attempt.address)
        self.throttle.record_success(attempt)
        holder = Anonymous(address=attempt.address, name=user.username, user_id=user.id, token_id=issued.token.id)
        self.audit.record(Event.LOGGED_IN, holder, "user", user.id)
        return user, issued

    def record_failed_login(self, attempt: LoginAttempt, username: str, why: str = "") -> None:
        """Record a failed attempt. An unknown username is not stored: it may be a password in the wrong field."""
        found = self.repository.find(username)
        visitor = Anonymous(address=attempt.address)
        if found is not None:
            visitor = replace(visitor, name=found.user.username, user_id=found.user.id)
        self.audit.record(Event.LOGIN_FAILED, visitor, "user", visitor.user_id, why)
        if self.throttle.reaches_limit(attempt):
            self.audit.record(Event.LOGIN_THROTTLED, visitor, "user", visitor.user_id)

    def begin_password_change(self, actor: Member, old_password: str, new_password: str) -> LoginAttempt:
        """Count an attempt to change the password, before the old one is verified.

        Raises:
            OutOfScope, TooManyAttempts.
            ValidationFailed: `old_password` or `new_password` is not valid.
        """
        require_scope(actor, Scope.ACCOUNT)
        errors = validate_password(old_password, field="old_password")
        errors += self.rules.validate(new_password, actor.user.username, field="new_password")
        if errors:
            raise ValidationFailed(errors)
        return self.throttle.reserve(actor.user_id, actor.address)

    def change_password(
        self, actor: Member, attempt: LoginAttempt, old_password: str, new_password: str
    ) -> tuple[User, IssuedToken]:
        """Set a new password, and replace all tokens by a new one.

        Raises:
            WrongPassword.
            HashChanged: during the verification.
        """
        found = self.repository.find(actor.user.username)
        if found is None or not self.hasher.verify(found.password_hash, old_password):
            raise WrongPassword
        user = self._recheck_locked(found, self.hasher.hash(new_password))
        self.audit.record(Event.PASSWORD_CHANGED, actor, "user", user.id)
        self.tokens.revoke_all(actor, user)
        self.throttle.record_success(attempt)
        scopes = actor.scopes & scopes_for(user)  # the user may have been demoted since the token was issued
        return user, self.tokens.issue(user, scopes=scopes, address=actor.address)

    def begin_account_deletion(self, actor: Member, password: str) -> LoginAttempt:
        """Count an attempt to delete the account, before the password is verified.

        Raises:
            OutOfScope, TooManyAttempts.
            ValidationFailed: `password` is not valid.
        """
        require_scope(actor, Scope.ACCOUNT)
        if errors := validate_password(password):
            raise ValidationFailed(errors)
        return self.throttle.reserve(actor.user_id, actor.address)

    def delete(self, actor: Member, password: str, posts: PostsOnDeletion) -> None:
        """Delete the actor's account and its data, and delete or keep its posts.

        Raises:
            OutOfScope, WrongPassword, LastAdmin.
            HashChanged: during the verification.
        """
        require_scope(actor, Scope.ACCOUNT)
        found = self.repository.find(actor.user.username)
        if found is None or not self.hasher.verify(found.password_hash, password):
            raise WrongPassword("password")
        self._recheck_locked(found, None)
        self.deletion.delete(actor, actor.user_id, posts)

    def begin_registration(self, username: str, password: str, address: str) -> LoginAttempt:
        """Count an attempt to register: this limits new accounts, and guesses which names are taken.

        Raises:
            RegistrationClosed, TooManyAttempts.
            ValidationFailed: `username` or `password` is not valid.
        """
        if self.registration is Registration.CLOSED:
            raise RegistrationClosed
        if errors := [*validate_new_username(username), *self.rules.validate(password, username)]:
            raise ValidationFailed(errors)
        return self.throttle.reserve(f"registration from {address}", address)

    def register(self, attempt: LoginAttempt, username: str, password: str, invitation: str | None) -> User:
        """Create an account.

        Raises:
            InvalidInvitation, UsernameTaken.
        """
        password_hash = self.hasher.hash(password)  # slow, so before a lock is taken
        by = ""
        if self.registration is Registration.INVITE:
            by = f", invited by {self.invitations.redeem(invitation or '').by}"
        user = self.repository.add(User(username=username, created_at=self.now()), password_hash)
        visitor = Anonymous(address=attempt.address, name=username, user_id=user.id)
        self.audit.record(Event.USER_REGISTERED, visitor, "user", user.id, f"{username}{by}")
        return user

    def _recheck_locked(self, verified: Credentials, new_hash: str | None) -> User:
        """Lock the user whose password was verified, and store the new hash if there is one.

        Verifying and hashing are slow, so both were done before the lock was taken: nobody else waits for them. Another
        unit of work may have changed the account meanwhile. A changed hash is not verified here, under the lock.

        Raises:
            WrongCredentials: the account was deactivated or deleted meanwhile.
            HashChanged: the password or its hash was changed.
        """
        try:
            current = self.repository.get_for_update(verified.user.id)
        except UserNotFound:
            raise WrongCredentials from None
        if not current.user.is_active:
            raise WrongCredentials
        if current.password_hash != verified.password_hash:
            raise HashChanged
        if new_hash is not None:
            self.repository.save(replace(current, password_hash=new_hash))
        return current.user
