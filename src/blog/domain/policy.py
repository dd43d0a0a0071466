"""The permission matrix: which role may perform which action. It calls the same rules as the use cases."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Final, TypeAlias

from blog.domain.accounts.actors import Actor, Member, Operator, Scope, may_administer, require_admin, require_scope
from blog.domain.accounts.user import User
from blog.domain.posts.post import Post, Status, may_write
from blog.domain.posts.revisions import may_read_revisions
from blog.domain.posts.visibility import Own, may_read_own, sees, sight_of

from .shared import UserId

Rule: TypeAlias = Callable[[Actor | None, UserId], bool]
"""Whether an actor, or an anonymous client (None), may perform an action on something that a user owns."""


class Role(Enum):
    """The role of an actor."""

    ANONYMOUS = "anonymous"
    USER = "user"
    ADMIN = "admin"
    OPERATOR = "operator"


def _anybody(_: Actor | None, __: UserId) -> bool:
    return True


def _member(actor: Actor | None, _: UserId) -> bool:
    return isinstance(actor, Member)


def _writer(actor: Actor | None, _: UserId) -> bool:
    return actor is not None and may_write(actor)


def _author(actor: Actor | None, owner: UserId) -> bool:
    return actor is not None and _post_of(owner).may_be_changed_by(actor)


def _publisher(actor: Actor | None, owner: UserId) -> bool:
    return actor is not None and _post_of(owner).may_be_published_by(actor)


def _editor(actor: Actor | None, owner: UserId) -> bool:
    return actor is not None and _post_of(owner).may_be_edited_by(actor)


def _reader_of_own(actor: Actor | None, owner: UserId) -> bool:
    return isinstance(actor, Member) and sees(sight_of(actor, _ONCE), _post_of(owner))


def _reader_of_revisions(actor: Actor | None, owner: UserId) -> bool:
    return actor is not None and may_read_revisions(_post_of(owner), actor)


def _reader_of_trash(actor: Actor | None, owner: UserId) -> bool:
    if not isinstance(actor, Member) or not may_read_own(actor):
        return False
    return sees(Own(_ONCE, actor.user_id, Status.TRASHED), _post_of(owner).trashed(_ONCE))


def _restorer(actor: Actor | None, owner: UserId) -> bool:
    return actor is not None and _post_of(owner).trashed(_ONCE).may_be_changed_by(actor)


def _holder(actor: Actor | None, owner: UserId) -> bool:
    return isinstance(actor, Member) and actor.user_id == owner and actor.has(Scope.ACCOUNT)


def _admin(actor: Actor | None, _: UserId) -> bool:
    return actor is not None and may_administer(actor)


def _admin_of_others(actor: Actor | None, owner: UserId) -> bool:
    return actor is not None and may_administer(actor) and actor.user_id != owner


class Action(Enum):
    """An action: its description, its rule, the scope that a token needs, and whether its object has an owner."""

    VIEW_STATUS = "see the health and the API documentation of a blog", _anybody, None, False
    LOG_IN = "log in", _anybody, None, False
    REGISTER = "register, if registration is open", _anybody, None, False
    READ_POSTS = "read published posts", _anybody, None, False
    READ_UNPUBLISHED_POSTS = "read a draft or a scheduled post", _reader_of_own, None, True
    CREATE_POST = "write a post", _writer, Scope.POSTS_WRITE, False
    UPDATE_POST = "change a post", _author, Scope.POSTS_WRITE, True
    READ_WORKING_COPY = "read a working copy", _reader_of_own, None, True
    SAVE_WORKING_COPY = "save or discard a working copy", _editor, Scope.POSTS_WRITE, True
    DELETE_POST = "delete a post", _author, Scope.POSTS_WRITE, True
    READ_TRASH = "see one's own deleted posts in the trash", _reader_of_trash, None, True
    RESTORE_POST = "restore a post from the trash", _restorer, Scope.POSTS_WRITE, True
    PURGE_POST = "delete a post in the trash for good", _restorer, Scope.POSTS_WRITE, True
    PUBLISH_POST = "publish, schedule or unpublish a post", _publisher, Scope.POSTS_PUBLISH, True
    READ_REVISIONS = "list, read and compare the versions of a post", _reader_of_revisions, None, True
    RESTORE_REVISION = "restore an earlier version of a post", _author, Scope.POSTS_WRITE, True
    MANAGE_PREVIEWS = "list, create and revoke preview links of a post", _editor, Scope.POSTS_WRITE, True
    READ_PREVIEW = "read a post by its preview link", _anybody, None, False
    VIEW_OWN_ACCOUNT = "see one's own account", _member, None, False
    LOG_OUT = "log out, and revoke the token of the request", _member, None, False
    LIST_OWN_TOKENS = "list one's own tokens", _holder, Scope.ACCOUNT, True
    REVOKE_OWN_TOKEN = "revoke one's own tokens", _holder, Scope.ACCOUNT, True
    UPDATE_OWN_ACCOUNT = "change one's own name or password", _holder, Scope.ACCOUNT, True
    EXPORT_OWN_DATA = "download one's own personal data", _holder, Scope.ACCOUNT, True
    DELETE_OWN_ACCOUNT = "delete one's own account", _holder, Scope.ACCOUNT, True
    VIEW_USERS = "list accounts and their tokens", _admin, Scope.ADMIN, True
    UPDATE_USERS = "create and change accounts, revoke their tokens", _admin, Scope.ADMIN, True
    DELETE_USERS = "delete accounts", _admin_of_others, Scope.ADMIN, True
    MANAGE_INVITATIONS = "list, create and revoke invitations", _admin, Scope.ADMIN, False
    IMPORT_POSTS = "import posts", _admin, Scope.ADMIN, False
    READ_AUDIT_LOG = "read the audit log", _admin, Scope.ADMIN, False

    def __init__(self, description: str, rule: Rule, scope: Scope | None, has_owner: bool) -> None:  # noqa: FBT001
        self.description = description
        self.rule = rule
        self.scope = scope
        self.has_owner = has_owner

    def check_permission(self, actor: Member) -> None:
        """Check the role of the actor and the scope of the token: everything except ownership.

        Raises:
            NotAnAdmin, OutOfScope.
        """
        if self.scope is Scope.ADMIN:
            require_admin(actor)
        elif self.scope is not None:
            require_scope(actor, self.scope)

    @property
    def is_public(self) -> bool:
        """Whether the action needs no token."""
        return self.rule(None, _ME)


@dataclass(frozen=True, slots=True)
class PolicyEntry:
    """Whether a role may perform an action, on what the actor owns or on what others own (None: no difference)."""

    action: Action
    role: Role
    own: bool | None
    allowed: bool


_ME: Final = UserId(1)
_ANOTHER: Final = UserId(2)


def table() -> Iterator[PolicyEntry]:
    """Return every entry of the matrix."""
    for action in Action:
        for role, actor in _ACTORS.items():
            for own in (True, False) if action.has_owner and isinstance(actor, Member) else (None,):
                yield PolicyEntry(action, role, own, action.rule(actor, _ME if own else _ANOTHER))


def _someone(*, is_admin: bool) -> Member:
    return Member.of(User(id=_ME, username="someone", is_admin=is_admin, created_at=_ONCE))


def _post_of(owner: UserId) -> Post:
    return Post(title="", body="", author_id=owner, author="", created_at=_ONCE, updated_at=_ONCE, published_at=None)


_ONCE: Final = datetime(1970, 1, 1, tzinfo=UTC)
_ACTORS: Final[Mapping[Role, Actor | None]] = {
    Role.ANONYMOUS: None,
    Role.USER: _someone(is_admin=False),
    Role.ADMIN: _someone(is_admin=True),
    Role.OPERATOR: Operator(),
}
