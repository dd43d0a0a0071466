"""User administration: use cases of administrators on the accounts of others."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TypedDict, Unpack

from blog.domain.audit import Audit, Event
from blog.domain.errors import FieldError, Forbidden, ValidationFailed
from blog.domain.posts.previews import PreviewStore
from blog.domain.shared import Clock, UserId, check_id, check_limit

from .actors import Actor, require_admin
from .deletion import AccountDeletion
from .passwords import NormalizingHasher, PasswordRules
from .tokens import Tokens
from .user import (
    Credentials,
    LastAdmin,
    PostsOnDeletion,
    ReservedUser,
    User,
    UserNotFound,
    UserRepository,
    check_name_limit,
    describe_changes,
    validate_new_username,
    validate_username,
)


class UserChanges(TypedDict, total=False):
    """The fields of an account that an administrator can change."""

    username: str
    is_admin: bool
    is_active: bool


class OwnPassword(Forbidden):
    """An administrator cannot reset their own password: a stolen admin token would be enough to take the account."""

    def __init__(self) -> None:
        super().__init__("Your own password can only be changed with the old one.")


class OwnAccount(Forbidden):
    """An administrator cannot delete their own account without the password."""

    def __init__(self) -> None:
        super().__init__("Your own account can only be deleted with your password.")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAccount:
    """A validated new account, with the hash of its password."""

    username: str
    password_hash: str = field(repr=False)
    is_admin: bool


@dataclass(slots=True)
class UserAdmin:
    """Creates, reads, changes and deletes accounts."""

    repository: UserRepository
    deletion: AccountDeletion
    tokens: Tokens
    previews: PreviewStore
    audit: Audit
    hasher: NormalizingHasher
    rules: PasswordRules
    now: Clock

    def add(self, actor: Actor, username: str, password: str, *, is_admin: bool = False) -> User:
        """Create an account.

        Raises:
            NotAnAdmin, OutOfScope, UsernameTaken.
            ValidationFailed: `username` or `password` is not valid.
        """
        return self.open(actor, self.prepare(actor, username, password, is_admin=is_admin))

    def prepare(self, actor: Actor, username: str, password: str, *, is_admin: bool = False) -> NewAccount:
        """Validate a new account and hash its password. Hashing is slow: call this before the unit takes a lock.

        Raises:
            NotAnAdmin, OutOfScope.
            ValidationFailed: `username` or `password` is not valid.
        """
        require_admin(actor)
        self._check(username=username, password=password, whose=username)
        return NewAccount(username=username, password_hash=self.hasher.hash(password), is_admin=is_admin)

    def open(self, actor: Actor, new: NewAccount) -> User:
        """Create an account that `prepare` returned.

        Raises:
            NotAnAdmin, OutOfScope, UsernameTaken.
        """
        require_admin(actor)
        user = User(username=new.username, is_admin=new.is_admin, created_at=self.now())
        user = self.repository.add(user, new.password_hash)
        role = ", admin" if new.is_admin else ""
        self.audit.record(Event.USER_CREATED, actor, "user", user.id, f"{new.username}{role}")
        return user

    def get(self, actor: Actor, user_id: UserId) -> User:
        """Return an account.

        Raises:
            NotAnAdmin, OutOfScope, UserNotFound.
        """
        require_admin(actor)
        check_id(user_id)
        return self.repository.get(user_id)

    def get_by_username(self, actor: Actor, username: str) -> User:
        """Return the account with this username.

        Raises:
            NotAnAdmin, OutOfScope, UserNotFound.
        """
        require_admin(actor)
        found = None if validate_username(username) else self.repository.find(username)
        if found is None:
            raise UserNotFound(username)
        return found.user

    def page(self, actor: Actor, *, limit: int = 100, after: UserId | None = None) -> Sequence[User]:
        """Return up to `limit` accounts by ascending id, after `after`.

        Raises:
            NotAnAdmin, OutOfScope.
            ValidationFailed: `limit` is not valid.
        """
        require_admin(actor)
        check_limit(limit)
        return self.repository.page(limit=limit, after=after)

    def update(
        self, actor: Actor, user_id: UserId, *, password: str | None = None, **changes: Unpack[UserChanges]
    ) -> User:
        """Rename, promote, demote, activate or deactivate a user, or set a new password.

        A new password or a deactivation revokes all tokens of the user. Activating the user restores none of them.

        Raises:
            NotAnAdmin, OutOfScope, UserNotFound, UsernameTaken, TooManyNames, LastAdmin, ReservedUser.
            OwnPassword: the account is the actor's own, and a password is set.
            ValidationFailed: `username` or `password` is not valid.
        """
        require_admin(actor)
        check_id(user_id)
        if password is not None and actor.user_id == user_id:
            raise OwnPassword
        user, username = self.repository.get(user_id), changes.get("username")
        if user.is_reserved:
            raise ReservedUser
        self._check(username=username, password=password, whose=username or user.username)
        password_hash = None if password is None else self.hasher.hash(password)
        admins = self.repository.active_admins_for_update() if _may_remove_an_admin(changes) else ()
        current = self.repository.get_for_update(user_id)
        if username is not None:
            check_name_limit(self.repository, user_id, username)
        user = replace(current.user, **changes)
        if current.user.is_active_admin and not user.is_active_admin and len(admins) == 1:
            raise LastAdmin
        self._save(actor, current, Credentials(user, password_hash or current.password_hash))
        return user

    def delete(self, actor: Actor, user_id: UserId, posts: PostsOnDeletion) -> None:
        """Delete an account, and delete or keep its posts.

        Raises:
            NotAnAdmin, OutOfScope, UserNotFound, LastAdmin, ReservedUser.
            OwnAccount: the account is the actor's own.
        """
        require_admin(actor)
        check_id(user_id)
        if actor.user_id == user_id:
            raise OwnAccount
        self.deletion.delete(actor, user_id, posts)

    def _save(self, actor: Actor, old: Credentials, new: Credentials) -> None:
        if new == old:
            return
        self.repository.save(new)
        if changed := describe_changes(old.user, new.user):
            self.audit.record(Event.USER_CHANGED, actor, "user", new.user.id, changed)
        if new.password_hash != old.password_hash:
            self.audit.record(Event.PASSWORD_RESET, actor, "user", new.user.id)
        if new.password_hash != old.password_hash or not new.user.is_active:
            self.tokens.revoke_all(actor, new.user)
        if not new.user.is_active:  # the author cannot revoke them any more
            self.previews.remove_all_of(new.user.id)

    def _check(self, *, username: str | None, password: str | None, whose: str) -> None:
        errors: list[FieldError] = [] if username is None else validate_new_username(username)
        errors += [] if password is None else self.rules.validate(password, whose)
        if errors:
            raise ValidationFailed(errors)


def _may_remove_an_admin(changes: UserChanges) -> bool:
    return not changes.get("is_admin", True) or not changes.get("is_active", True)
