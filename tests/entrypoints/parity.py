"""A scenario of steps, and the use cases that run it. The other entrypoints are in `parity_entrypoints`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from blog.adapters.argon2 import Argon2PasswordHasher
from blog.adapters.memory import MemoryStore
from blog.bootstrap import create_blog
from blog.domain.accounts.actors import Member, Operator, Scope
from blog.domain.accounts.invitations import Registration
from blog.domain.accounts.login import change_password, delete_account, log_in, register
from blog.domain.accounts.user import PostsOnDeletion, UserNotFound
from blog.domain.blog import Blog, BlogConfig, OpenBlog, OpenStores
from blog.domain.errors import BlogError, ValidationFailed
from blog.domain.shared import UNSTORED, InvitationId, TokenId, UserId
from blog.entrypoints.http.errors import STATUS

Step: TypeAlias = Mapping[str, Any]

ROOT_PASSWORD: Final = "the first pass phrase here"
NOBODY: Final = 999_999
_HASHER: Final = Argon2PasswordHasher(memory=8, iterations=1)


@dataclass(frozen=True)
class Outcome:
    """The outcome of a step: an error with its kind and fields, or success with the visible results."""

    refused: str | None = None
    fields: tuple[str, ...] = ()
    sees: tuple[str, ...] | None = None

    @classmethod
    def of(cls, error: BlogError) -> "Outcome":
        kind = next(kind.__name__ for kind in STATUS if isinstance(error, kind))
        return cls(kind, tuple(fault.field for fault in error.errors) if isinstance(error, ValidationFailed) else ())


@dataclass
class Scenario:
    """The common part: a blog with one administrator, and the issued secrets by label."""

    stores: OpenStores
    address: str
    secrets: dict[str, str] = field(default_factory=dict)
    ids: dict[str, int] = field(default_factory=dict)
    open_blog: OpenBlog = field(init=False)

    def __post_init__(self) -> None:
        self.registration("closed")
        with self.open_blog() as blog:
            blog.users.add(Operator(), "root", ROOT_PASSWORD, is_admin=True)
        self.store_token("root", log_in(self.open_blog, "root", ROOT_PASSWORD, address=self.address)[1].secret)

    def run(self, step: Step) -> Outcome:
        """Run the step. Return its outcome."""
        if step["do"] == "registration":
            self.registration(step["is"])
            return Outcome()
        for _ in range(step.get("times", 1)):
            outcome = self.run_once(step)
        return outcome

    def run_once(self, step: Step) -> Outcome:
        """Run the step once."""
        raise NotImplementedError

    def registration(self, word: str) -> None:
        """Set who may register."""
        self.open_blog = create_blog(self.stores, hasher=_HASHER, config=BlogConfig(registration=Registration(word)))

    def store_token(self, label: str, secret: str) -> None:
        """Store an issued token."""
        self.secrets[label] = secret
        with self.open_blog() as blog:
            self.ids[label] = blog.tokens.authenticate(secret).token_id or UNSTORED

    def store_invitation(self, label: str, code: str) -> None:
        """Store an issued invitation."""
        self.secrets[label] = code
        with self.open_blog() as blog:
            self.ids[label] = blog.invitations.page(Operator())[-1].id

    def user_id(self, name: str) -> UserId:
        """Return the id of a user, or one that does not exist."""
        try:
            with self.open_blog() as blog:
                return blog.users.get_by_username(Operator(), name).id
        except UserNotFound:
            return UserId(NOBODY)

    def state(self) -> Mapping[str, Any]:
        """The state of the blog without times, addresses and secrets."""
        operator = Operator()
        with self.open_blog() as blog:
            users = blog.users.page(operator)
            tokens = {user.username: blog.tokens.list_for(operator, user.id) for user in users}
            entries = blog.audit.page(operator, limit=20).entries
            return {
                "users": [(user.id, user.username, user.is_admin, user.is_active) for user in users],
                "tokens": {of: [(token.id, token.name, token.scopes) for token in tokens[of]] for of in tokens},
                "invitations": [(each.id, each.by) for each in blog.invitations.page(operator)],
                "audit": [(e.id, e.event, e.actor, e.token_id, e.subject, e.subject_id, e.detail) for e in entries],
            }


Use: TypeAlias = Callable[["UseCases", Blog, Member, Step], object]
"""Lets a step happen; a list is what there was to see."""


def _change(**said: Any) -> Use:
    """Return a change of a user; its values are constants, or names of members of the step."""

    def use(to: "UseCases", blog: Blog, actor: Member, step: Step) -> object:
        changes = {name: step[value] if isinstance(value, str) else value for name, value in said.items()}
        return blog.users.update(actor, to.user_id(step["user"]), **changes)

    return use


_USES: Final[Mapping[str, Use]] = {
    "add user": lambda _, blog, actor, step: blog.users.add(actor, step["user"], step["password"]),
    "see users": lambda _, blog, actor, __: [user.username for user in blog.users.page(actor)],
    "see user": lambda to, blog, actor, step: [blog.users.get(actor, to.user_id(step["user"])).username],
    "rename": _change(username="to"),
    "promote": _change(is_admin=True),
    "demote": _change(is_admin=False),
    "activate": _change(is_active=True),
    "deactivate": _change(is_active=False),
    "set password": _change(password="password"),
    "see oneself": lambda _, __, actor, ___: [actor.name],
    "rename oneself": lambda _, blog, actor, step: blog.accounts.rename(actor, step["to"]),
    "export oneself": lambda _, blog, actor, __: blog.personal_data.page(actor),
    "delete user": lambda to, blog, actor, step: blog.users.delete(
        actor, to.user_id(step["user"]), PostsOnDeletion(step["posts"])
    ),
    "see own tokens": lambda _, blog, actor, __: [token.name for token in blog.tokens.list_own(actor)],
    "end own token": lambda to, blog, actor, step: blog.tokens.revoke(actor, TokenId(to.ids[step["token"]])),
    "see tokens": lambda to, blog, actor, step: [
        token.name for token in blog.tokens.list_for(actor, to.user_id(step["user"]))
    ],
    "end token": lambda to, blog, actor, step: blog.tokens.revoke_for(
        actor, to.user_id(step["user"]), TokenId(to.ids[step["token"]])
    ),
    "end all tokens": lambda to, blog, actor, step: blog.tokens.revoke_all_for(actor, to.user_id(step["user"])),
    "log out": lambda _, blog, actor, __: blog.accounts.log_out(actor),
    "log out everywhere": lambda _, blog, actor, __: blog.accounts.log_out_everywhere(actor),
    "see invitations": lambda _, blog, actor, __: [str(each.id) for each in blog.invitations.page(actor)],
    "uninvite": lambda to, blog, actor, step: blog.invitations.revoke(actor, InvitationId(to.ids[step["invitation"]])),
    "read audit": lambda _, blog, actor, __: [entry.event for entry in blog.audit.page(actor, limit=3).entries],
}


class UseCases(Scenario):
    """The use cases."""

    def __init__(self) -> None:
        super().__init__(MemoryStore(), "192.0.2.1")

    def run_once(self, step: Step) -> Outcome:
        try:
            sees = self._run_use_case(step)
        except BlogError as error:
            return Outcome.of(error)
        return Outcome(sees=tuple(sees) if isinstance(sees, list) else None)

    def _run_use_case(self, step: Step) -> object:
        if step["do"] in {"log in", "register", "change password", "delete oneself"}:
            return self._log_in_or_register(step)
        with self.open_blog() as blog:
            actor = blog.tokens.authenticate(self.secrets[step["as"]], address=self.address)
            if step["do"] != "invite":
                return _USES[step["do"]](self, blog, actor, step)
            days = {"days": step["days"]} if "days" in step else {}
            code = blog.invitations.create(actor, **days).code
        self.store_invitation(step["invitation"], code)
        return None

    def _log_in_or_register(self, step: Step) -> object:
        if step["do"] == "register":
            code = self.secrets.get(step.get("invitation", ""))
            return register(self.open_blog, step["user"], step["password"], invitation=code, address=self.address)
        if step["do"] == "delete oneself":
            secret, posts = self.secrets[step["as"]], PostsOnDeletion(step["posts"])
            delete_account(self.open_blog, secret, step["password"], posts, address=self.address)
            return None
        if step["do"] == "log in":
            made_for = [Scope(scope) for scope in step["scopes"]] if "scopes" in step else None
            said = {"name": step["token"], "scopes": made_for, "address": self.address}
            issued = log_in(self.open_blog, step["user"], step["password"], **said)[1]
        else:
            secret = self.secrets[step["as"]]
            issued = change_password(self.open_blog, secret, step["old"], step["new"], address=self.address)[1]
        self.store_token(step["token"], issued.secret)
        return None
