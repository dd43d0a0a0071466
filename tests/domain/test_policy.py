"""The permission policy."""

from collections.abc import Callable
from contextlib import contextmanager
from typing import Any

import pytest
from tests.domain.actors import OPERATOR, PASSWORD

from blog.domain.accounts.actors import ALL_SCOPES, Actor, Member, NotAnAdmin, OutOfScope, Scope
from blog.domain.accounts.login import log_in
from blog.domain.accounts.user import PostsOnDeletion, User
from blog.domain.blog import Blog, OpenBlog
from blog.domain.errors import Forbidden
from blog.domain.policy import Action, PolicyEntry, Role, table
from blog.domain.posts.importing import PortablePost
from blog.domain.posts.post import Post
from blog.domain.shared import PostId

PICTURE = """
                    anonymous  user       admin      operator
VIEW_STATUS         yes        yes        yes        yes
LOG_IN              yes        yes        yes        yes
REGISTER            yes        yes        yes        yes
READ_POSTS          yes        yes        yes        yes
READ_UNPUBLISHED_POSTS no      own        own        no
CREATE_POST         no         yes        yes        no
UPDATE_POST         no         own        own        no
READ_WORKING_COPY   no         own        own        no
SAVE_WORKING_COPY   no         own        own        no
DELETE_POST         no         own        own        no
READ_TRASH          no         own        own        no
RESTORE_POST        no         own        own        no
PURGE_POST          no         own        own        no
PUBLISH_POST        no         own        own        no
READ_REVISIONS      no         own        own        no
RESTORE_REVISION    no         own        own        no
MANAGE_PREVIEWS     no         own        own        no
READ_PREVIEW        yes        yes        yes        yes
VIEW_OWN_ACCOUNT    no         yes        yes        no
LOG_OUT             no         yes        yes        no
LIST_OWN_TOKENS     no         own        own        no
REVOKE_OWN_TOKEN    no         own        own        no
UPDATE_OWN_ACCOUNT  no         own        own        no
EXPORT_OWN_DATA     no         own        own        no
DELETE_OWN_ACCOUNT  no         own        own        no
VIEW_USERS          no         no         any        yes
UPDATE_USERS        no         no         any        yes
DELETE_USERS        no         no         others     yes
MANAGE_INVITATIONS  no         no         yes        yes
IMPORT_POSTS        no         no         yes        yes
READ_AUDIT_LOG      no         no         yes        yes
"""


def picture() -> dict[tuple[str, str], str]:
    """The table as it is written above: what is somebody's is one's own or another's where it is somebody who asks."""
    cells: dict[tuple[str, str], list[PolicyEntry]] = {}
    for cell in table():
        cells.setdefault((cell.action.name, cell.role.value), []).append(cell)
    return {key: word(some) for key, some in cells.items()}


def word(cells: list[PolicyEntry]) -> str:
    if len(cells) == 1:
        assert cells[0].own is None
        return "yes" if cells[0].allowed else "no"
    own, other = cells
    assert (own.own, other.own) == (True, False)
    return {(True, True): "any", (True, False): "own", (False, True): "others", (False, False): "no"}[
        own.allowed, other.allowed
    ]


def test_policy_table() -> None:
    heads, *rows = [line.split() for line in PICTURE.strip().splitlines()]
    expected = {(action, role): allowed for action, *row in rows for role, allowed in zip(heads, row, strict=True)}
    assert heads == [role.value for role in Role]
    assert picture() == expected, "PICTURE in this file: decide who may do what, and write it there"
    assert len(expected) == len(Action) * len(Role)


def test_every_action_has_a_unique_description_and_a_scope() -> None:
    assert len({action.description for action in Action}) == len(Action)
    for action in Action:
        assert action.description.strip() == action.description != ""
        assert action.is_public == (picture()[action.name, "anonymous"] == "yes")
    assert {action for action in Action if action.scope is None} == {
        Action.VIEW_STATUS,
        Action.LOG_IN,
        Action.REGISTER,
        Action.READ_POSTS,
        Action.READ_UNPUBLISHED_POSTS,
        Action.READ_WORKING_COPY,
        Action.READ_REVISIONS,
        Action.READ_PREVIEW,
        Action.READ_TRASH,
        Action.VIEW_OWN_ACCOUNT,
        Action.LOG_OUT,
    }


@pytest.mark.parametrize("action", Action)
def test_token_without_the_scope_is_refused(admin: User, ann: User, action: Action) -> None:
    for scope in Scope:
        some = Member(user=admin, scopes=ALL_SCOPES - {scope}, token_id=None)
        owner = ann if action is Action.DELETE_USERS else admin
        assert action.rule(some, owner.id) == (scope is not action.scope)


def deleted(blog: Blog, author: User, post: Post) -> PostId:
    """Move a post to the trash of its author."""
    blog.posts.delete(Member.of(author), post.id)
    return post.id


USES: dict[Action, Callable[[Blog, Any, User, Post], object]] = {
    Action.READ_POSTS: lambda blog, _, __, post: blog.posts.get(post.id),
    Action.CREATE_POST: lambda blog, actor, _, __: blog.posts.create(actor, title="Hello", body="World"),
    Action.UPDATE_POST: lambda blog, actor, _, post: blog.posts.update(actor, post.id, title="Good bye"),
    Action.DELETE_POST: lambda blog, actor, _, post: blog.posts.delete(actor, post.id),
    Action.PUBLISH_POST: lambda blog, actor, _, post: blog.posts.unpublish(actor, post.id),
    Action.READ_REVISIONS: lambda blog, actor, _, post: blog.revisions.page(actor, post.id),
    Action.RESTORE_REVISION: lambda blog, actor, _, post: blog.revisions.restore(actor, post.id, post.version),
    Action.MANAGE_PREVIEWS: lambda blog, actor, _, post: blog.previews.create(actor, post.id),
    Action.READ_TRASH: lambda blog, actor, user, post: blog.trash.get(actor, deleted(blog, user, post)),
    Action.RESTORE_POST: lambda blog, actor, user, post: blog.trash.restore(actor, deleted(blog, user, post)),
    Action.PURGE_POST: lambda blog, actor, user, post: blog.trash.delete(actor, deleted(blog, user, post)),
    Action.LOG_OUT: lambda blog, actor, _, __: blog.accounts.log_out(actor),
    Action.LIST_OWN_TOKENS: lambda blog, actor, _, __: blog.tokens.list_own(actor),
    Action.REVOKE_OWN_TOKEN: lambda blog, actor, _, __: blog.accounts.log_out_everywhere(actor),
    Action.UPDATE_OWN_ACCOUNT: lambda blog, actor, _, __: blog.accounts.rename(actor, "another"),
    Action.EXPORT_OWN_DATA: lambda blog, actor, _, __: blog.personal_data.page(actor),
    Action.DELETE_OWN_ACCOUNT: lambda blog, actor, _, __: blog.accounts.begin_account_deletion(actor, PASSWORD),
    Action.DELETE_USERS: lambda blog, actor, user, _: blog.users.delete(actor, user.id, PostsOnDeletion.KEEP),
    Action.VIEW_USERS: lambda blog, actor, user, _: (
        blog.users.get(actor, user.id),
        blog.tokens.list_for(actor, user.id),
    ),
    Action.UPDATE_USERS: lambda blog, actor, user, _: blog.users.update(actor, user.id, username="another"),
    Action.MANAGE_INVITATIONS: lambda blog, actor, _, __: blog.invitations.create(actor),
    Action.IMPORT_POSTS: lambda blog, actor, _, post: blog.importer.import_post(actor, PortablePost.of(post)),
    Action.READ_AUDIT_LOG: lambda blog, actor, _, __: blog.audit.page(actor),
}
"""The use case of each action. Most of them accept members only."""

MEMBERS_ONLY = {Action.CREATE_POST, Action.UPDATE_POST, Action.DELETE_POST, Action.PUBLISH_POST, Action.LOG_OUT}
MEMBERS_ONLY |= {Action.READ_REVISIONS, Action.RESTORE_REVISION}
MEMBERS_ONLY |= {Action.MANAGE_PREVIEWS}
ONES_OWN_ONLY = {Action.LIST_OWN_TOKENS, Action.REVOKE_OWN_TOKEN, Action.UPDATE_OWN_ACCOUNT}
ONES_OWN_ONLY |= {Action.EXPORT_OWN_DATA, Action.DELETE_OWN_ACCOUNT}
ONES_OWN_ONLY |= {Action.READ_TRASH, Action.RESTORE_POST, Action.PURGE_POST}
MEMBERS_ONLY |= ONES_OWN_ONLY
CELLS = [
    cell
    for cell in table()
    if cell.action in USES
    and cell.role is not Role.ANONYMOUS
    and not (cell.role is Role.OPERATOR and cell.action in MEMBERS_ONLY)
    and not (cell.own is False and cell.action in ONES_OWN_ONLY)
]


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: f"{cell.action.name}-{cell.role.value}-{cell.own}")
def test_use_cases_obey_the_policy(open_blog: OpenBlog, ann: User, bob: User, admin: User, cell: PolicyEntry) -> None:
    actor: Actor = OPERATOR
    if cell.role is not Role.OPERATOR:
        _, issued = log_in(open_blog, "admin" if cell.role is Role.ADMIN else "ann", PASSWORD)
        with open_blog() as blog:
            actor = blog.tokens.authenticate(issued.secret)
    owner = actor.user if isinstance(actor, Member) and cell.own else bob
    with open_blog() as blog:
        post = blog.posts.create(Member.of(owner), title="Hello", body="World")
    with open_blog() as blog, refused(cell):
        USES[cell.action](blog, actor, owner, post)


@contextmanager
def refused(cell: PolicyEntry) -> Any:
    if cell.allowed:
        yield
    else:
        with pytest.raises(Forbidden):
            yield


@pytest.mark.parametrize(
    ("where", "what", "stricter", "shut"),
    [
        (
            Post,
            "may_be_changed_by",
            lambda *_: False,
            {"UPDATE_POST", "DELETE_POST", "RESTORE_POST", "PURGE_POST", "RESTORE_REVISION"},
        ),
        (Post, "may_be_published_by", lambda *_: False, {"PUBLISH_POST"}),
        (
            Member,
            "has",
            lambda _, scope: scope is not Scope.ADMIN,
            {action.name for action in Action if action.scope is Scope.ADMIN},
        ),
        (
            Member,
            "has",
            lambda _, scope: scope is not Scope.ACCOUNT,
            {action.name for action in Action if action.scope is Scope.ACCOUNT},
        ),
    ],
    ids=["posts", "publication", "administration", "one's own account"],
)
def test_changed_rule_changes_the_table(
    monkeypatch: pytest.MonkeyPatch, where: type, what: str, stricter: Callable[..., bool], shut: set[str]
) -> None:
    before = picture()
    monkeypatch.setattr(where, what, stricter)
    changed = {action for (action, role), allowed in picture().items() if before[action, role] != allowed}
    assert changed == shut
    assert all(picture()[action, role] == "no" for action in shut for role in ("user", "admin"))


def test_changed_rule_changes_the_use_cases(monkeypatch: pytest.MonkeyPatch, open_blog: OpenBlog, admin: User) -> None:
    with open_blog() as blog:
        post = blog.posts.create(Member.of(admin), title="Hello", body="World")
    monkeypatch.setattr(Post, "may_be_changed_by", lambda *_: False)
    with open_blog() as blog, pytest.raises(Forbidden):
        blog.posts.delete(Member.of(admin), post.id)
    monkeypatch.setattr(Member, "has", lambda *_: False)
    with open_blog() as blog, pytest.raises(OutOfScope):
        blog.users.page(Member.of(admin))
    monkeypatch.setattr(Member, "is_admin", property(lambda _: False))
    with open_blog() as blog, pytest.raises(NotAnAdmin):
        blog.users.page(Member.of(admin))
