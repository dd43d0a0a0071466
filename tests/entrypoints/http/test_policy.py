"""HTTP, the use cases and the command line enforce the policy."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import count
from typing import Any, Final, TypeAlias

import pytest
from tests.entrypoints.http.clients import StoppedClock
from tests.entrypoints.http.configured_sites import SECRET, ConfiguredSite, SiteUser

from blog.adapters.memory import MemoryStore
from blog.domain.accounts.actors import Member, NotAMember, Operator, Scope, require_member
from blog.domain.accounts.invitations import Registration
from blog.domain.accounts.login import log_in, register
from blog.domain.accounts.passwords import PasswordHasher
from blog.domain.accounts.user import PostsOnDeletion, UserNotFound
from blog.domain.blog import Blog, BlogConfig
from blog.domain.errors import Forbidden, NotFound, Unauthenticated
from blog.domain.policy import Action, PolicyEntry, Role, table
from blog.domain.posts.importing import PortablePost
from blog.domain.shared import PostId, TokenId, UserId

_numbers = count()
POST: Final = {"title": "A title", "body": "A body"}
CELLS: Final = [cell for cell in table() if cell.role is not Role.OPERATOR]


@dataclass(frozen=True)
class Case:
    """Somebody, or nobody, who would do something to what is their own or another's."""

    configured_site: ConfiguredSite
    actor: SiteUser | None
    owner: SiteUser

    def asks(self, method: str, path: str, sent: Any = None) -> bool:
        """Whether it is done over HTTP. A refusal must be a 401, 403 or 404."""
        answer = self.configured_site.ask(method, path, token=self.actor and self.actor.token, json=sent)
        assert answer.status_code in {200, 201, 204, 401, 403, 404}, answer.text
        return answer.is_success

    @property
    def other_token(self) -> SiteUser:
        """The owner, with another token, made for all."""
        return self.configured_site.with_new_token(self.owner.username)

    @property
    def is_gone(self) -> bool:
        """Whether the owner has no account any more."""
        try:
            with self.configured_site.open_blog() as blog:
                blog.users.get(Operator(), UserId(self.owner.id))
        except UserNotFound:
            return True
        return False

    @property
    def post(self) -> PostId:
        """A published post of the owner's."""
        return PostId(self.other_token.create_post())

    @property
    def draft(self) -> PostId:
        """A draft of the owner's."""
        answer = self.other_token.ask("POST", "/api/posts/", json={**POST, "status": "draft"})
        return PostId(answer.json()["id"])

    @property
    def preview(self) -> str:
        """The URL of a preview link of a draft of the owner's."""
        answer = self.other_token.ask("POST", f"/api/posts/{self.draft}/previews/")
        return str(answer.json()["url"])

    @property
    def trashed(self) -> PostId:
        """A draft of the owner's in the trash."""
        draft = self.draft
        assert self.other_token.ask("DELETE", f"/api/posts/{draft}/").status_code == 204
        return draft


HttpDriver: TypeAlias = Callable[[Case], bool]
UseCase: TypeAlias = Callable[[Blog, Any, Case], object]


def _sees_tokens(case: Case) -> bool:
    token = case.other_token
    answer = case.configured_site.ask("GET", "/api/tokens/", token=case.actor and case.actor.token)
    return answer.is_success and token.token_id in [shown["id"] for shown in answer.json()["results"]]


def _sees_trash(case: Case) -> bool:
    post_id = case.trashed
    answer = case.configured_site.ask("GET", "/api/trash/", token=case.actor and case.actor.token)
    is_listed = answer.is_success and post_id in [shown["id"] for shown in answer.json()["results"]]
    assert case.asks("GET", f"/api/trash/{post_id}/") == is_listed
    return is_listed


def _changes_oneself(case: Case) -> bool:
    name = f"renamed{next(_numbers)}"
    done = case.asks("PATCH", "/api/users/me/", {"username": name})
    with case.configured_site.open_blog() as blog:
        return done and blog.users.get(Operator(), UserId(case.owner.id)).username == name


def _deletes_oneself(case: Case) -> bool:
    done = case.asks("POST", "/api/users/me/delete/", {"password": SECRET, "posts": "keep"})
    return done and case.is_gone


def _downloads_oneself(case: Case) -> bool:
    answer = case.configured_site.ask("GET", "/api/users/me/export/", token=case.actor and case.actor.token)
    return answer.is_success and answer.json()["account"]["id"] == case.owner.id


def _manages_previews(case: Case) -> bool:
    path = f"/api/posts/{case.draft}/previews/"
    made = case.other_token.ask("POST", path).json()
    asked = [case.asks("POST", path, {}), case.asks("GET", path), case.asks("DELETE", f"{path}{made['id']}/")]
    assert len({*asked}) == 1
    return asked[0]


def _user(case: Case) -> str:
    return f"/api/users/{case.owner.id}/"


def _reads_draft(blog: Blog, actor: Member, case: Case) -> None:
    require_member(actor)
    assert blog.posts.get(case.draft, actor).published_at is None


def _is_owner(blog: Blog, actor: Member, case: Case) -> None:
    blog.accounts.rename(actor, f"renamed{next(_numbers)}")
    if actor.user_id != case.owner.id:  # there is no way to name another: one changes what the actor is
        raise NotFound


def _leaves(blog: Blog, actor: Member, case: Case) -> None:
    blog.accounts.delete(actor, SECRET, PostsOnDeletion.DELETE)
    if actor.user_id != case.owner.id:
        raise NotFound


def _sees_all_of_own(blog: Blog, actor: Member, case: Case) -> None:
    if blog.personal_data.page(actor).user.id != case.owner.id:
        raise NotFound


def _sees_own(blog: Blog, actor: Member, case: Case) -> None:
    if case.owner.token_id not in [token.id for token in blog.tokens.list_own(actor)]:
        raise NotFound


HTTP: Final[Mapping[Action, HttpDriver]] = {
    Action.VIEW_STATUS: lambda case: all(
        case.asks("GET", path) for path in ("/livez", "/readyz", "/schema/openapi.json")
    ),
    Action.LOG_IN: lambda case: case.asks("POST", "/api/login/", {"username": case.owner.username, "password": SECRET}),
    Action.REGISTER: lambda case: case.asks(
        "POST", "/api/register/", {"username": f"new{next(_numbers)}", "password": SECRET}
    ),
    Action.READ_POSTS: lambda case: all(case.asks("GET", f"/api/posts/{end}") for end in ("", f"{case.post}/")),
    Action.READ_UNPUBLISHED_POSTS: lambda case: case.asks("GET", f"/api/posts/{case.draft}/"),
    Action.CREATE_POST: lambda case: case.asks("POST", "/api/posts/", POST),
    Action.UPDATE_POST: lambda case: case.asks("PUT", f"/api/posts/{case.draft}/", POST),
    Action.READ_WORKING_COPY: lambda case: case.asks("GET", f"/api/posts/{case.draft}/working-copy/"),
    Action.SAVE_WORKING_COPY: lambda case: all(
        case.asks(method, f"/api/posts/{post}/working-copy/", sent)
        for post in (case.draft, case.post)
        for method, sent in (("PUT", {**POST, "body": "", "based_on": 1}), ("DELETE", None))
    ),
    Action.DELETE_POST: lambda case: case.asks("DELETE", f"/api/posts/{case.draft}/"),
    Action.READ_TRASH: _sees_trash,
    Action.RESTORE_POST: lambda case: case.asks("POST", f"/api/posts/{case.trashed}/restore/"),
    Action.PURGE_POST: lambda case: case.asks("DELETE", f"/api/trash/{case.trashed}/"),
    Action.PUBLISH_POST: lambda case: all(
        case.asks("POST", f"/api/posts/{post}/{what}/")
        for post, what in ((case.draft, "publish"), (case.post, "unpublish"))
    ),
    Action.READ_REVISIONS: lambda case: all(
        case.asks("GET", f"/api/posts/{case.draft}/revisions/{end}") for end in ("", "1/", "1/compare/")
    ),
    Action.RESTORE_REVISION: lambda case: case.asks("POST", f"/api/posts/{case.draft}/revisions/1/restore/"),
    Action.MANAGE_PREVIEWS: _manages_previews,
    Action.READ_PREVIEW: lambda case: case.asks("GET", case.preview),
    Action.VIEW_OWN_ACCOUNT: lambda case: case.asks("GET", "/api/users/me/"),
    Action.LOG_OUT: lambda case: case.asks("POST", "/api/logout/"),
    Action.LIST_OWN_TOKENS: _sees_tokens,
    Action.REVOKE_OWN_TOKEN: lambda case: case.asks("DELETE", f"/api/tokens/{case.other_token.token_id}/"),
    Action.UPDATE_OWN_ACCOUNT: _changes_oneself,
    Action.EXPORT_OWN_DATA: _downloads_oneself,
    Action.DELETE_OWN_ACCOUNT: _deletes_oneself,
    Action.DELETE_USERS: lambda case: case.asks("DELETE", f"{_user(case)}?posts=delete") and case.is_gone,
    Action.VIEW_USERS: lambda case: case.asks("GET", _user(case)) and case.asks("GET", f"{_user(case)}tokens/"),
    Action.UPDATE_USERS: lambda case: case.asks("PATCH", _user(case), {"username": f"renamed{next(_numbers)}"}),
    Action.MANAGE_INVITATIONS: lambda case: (
        case.asks("POST", "/api/invitations/", {}) and case.asks("GET", "/api/invitations/")
    ),
    Action.READ_AUDIT_LOG: lambda case: case.asks("GET", "/api/audit/"),
}
"""How each action is done over HTTP. Posts are taken in at the console only."""

USE_CASES: Final[Mapping[Action, UseCase]] = {
    Action.READ_UNPUBLISHED_POSTS: _reads_draft,
    Action.CREATE_POST: lambda blog, actor, _: blog.posts.create(actor, title="A title", body="A body"),
    Action.UPDATE_POST: lambda blog, actor, case: blog.posts.update(actor, case.post, title="Another"),
    Action.READ_WORKING_COPY: lambda blog, actor, case: blog.working_copies.get(actor, case.post),
    Action.SAVE_WORKING_COPY: lambda blog, actor, case: blog.working_copies.discard(
        actor, blog.working_copies.save(actor, case.post, based_on=1, body="")
    ),
    Action.DELETE_POST: lambda blog, actor, case: blog.posts.delete(actor, case.post),
    Action.READ_TRASH: lambda blog, actor, case: blog.trash.get(actor, case.trashed),
    Action.RESTORE_POST: lambda blog, actor, case: blog.trash.restore(actor, case.trashed),
    Action.PURGE_POST: lambda blog, actor, case: blog.trash.delete(actor, case.trashed),
    Action.PUBLISH_POST: lambda blog, actor, case: blog.posts.unpublish(actor, blog.posts.publish(actor, case.draft)),
    Action.READ_REVISIONS: lambda blog, actor, case: (
        blog.revisions.page(actor, case.post),
        blog.revisions.get(actor, case.post, 1),
        blog.revisions.compare(actor, case.post, 1),
    ),
    Action.RESTORE_REVISION: lambda blog, actor, case: blog.revisions.restore(actor, case.post, 1),
    Action.MANAGE_PREVIEWS: lambda blog, actor, case: blog.previews.revoke(
        actor, draft := case.draft, blog.previews.create(actor, draft).preview.id
    ),
    Action.VIEW_OWN_ACCOUNT: lambda _, actor, __: require_member(actor),
    Action.LOG_OUT: lambda blog, actor, _: blog.accounts.log_out(actor),
    Action.LIST_OWN_TOKENS: _sees_own,
    Action.REVOKE_OWN_TOKEN: lambda blog, actor, case: blog.tokens.revoke(actor, TokenId(case.owner.token_id)),
    Action.UPDATE_OWN_ACCOUNT: _is_owner,
    Action.EXPORT_OWN_DATA: _sees_all_of_own,
    Action.DELETE_OWN_ACCOUNT: _leaves,
    Action.DELETE_USERS: lambda blog, actor, case: blog.users.delete(
        actor, UserId(case.owner.id), PostsOnDeletion.KEEP
    ),
    Action.VIEW_USERS: lambda blog, actor, case: (
        blog.users.get(actor, UserId(case.owner.id)),
        blog.users.page(actor),
        blog.tokens.list_for(actor, UserId(case.owner.id)),
    ),
    Action.UPDATE_USERS: lambda blog, actor, case: (
        blog.users.update(actor, UserId(case.owner.id), username=f"renamed{next(_numbers)}"),
        blog.users.add(actor, f"new{next(_numbers)}", SECRET),
    ),
    Action.MANAGE_INVITATIONS: lambda blog, actor, _: (blog.invitations.create(actor), blog.invitations.page(actor)),
    Action.IMPORT_POSTS: lambda blog, actor, case: blog.importer.import_post(
        actor, PortablePost.of(blog.posts.get(case.post))
    ),
    Action.READ_AUDIT_LOG: lambda blog, actor, _: blog.audit.page(actor),
}
"""How each action is done by whoever opens the blog. The other ones take no actor."""


@pytest.fixture(scope="module")
def configured_site(hasher: PasswordHasher) -> Iterator[ConfiguredSite]:
    """One for all cells, each of which has people of its own: to put a house together takes longer than to ask it."""
    terms = BlogConfig(registration=Registration.OPEN, throttle_scale=1000)
    configured_site = ConfiguredSite(MemoryStore(), hasher, StoppedClock(), config=terms)
    configured_site.add_user("root", is_admin=True)  # so that nobody else is the last administrator
    yield configured_site
    configured_site.close()


def case_of(configured_site: ConfiguredSite, cell: PolicyEntry, scopes: frozenset[Scope] | None = None) -> Case:
    """The people of a cell, on the scene."""
    other = configured_site.add_user(f"other{next(_numbers)}")
    if cell.role is Role.ANONYMOUS:
        return Case(configured_site, None, other)
    actor = configured_site.add_user(f"actor{next(_numbers)}", is_admin=cell.role is Role.ADMIN)
    if scopes is not None:
        actor = configured_site.with_new_token(actor.username, scopes=scopes)
    return Case(configured_site, actor, actor if cell.own else other)


def named(cell: PolicyEntry) -> str:
    """Return the test id of a cell."""
    whose = {True: "-own", False: "-anothers", None: ""}[cell.own]
    return f"{cell.role.value}-{cell.action.name.lower()}{whose}"


def is_done(case: Case, action: Action) -> bool:
    """Whether it is done by whoever opens the blog and shows what they have."""
    try:
        with case.configured_site.open_blog() as blog:
            actor = blog.tokens.authenticate(case.actor.token if case.actor else "")
            USE_CASES[action](blog, actor, case)
    except (Forbidden, NotFound, Unauthenticated):
        return False
    return True


@pytest.mark.parametrize("cell", [cell for cell in CELLS if cell.action in HTTP], ids=named)
def test_http_enforces_the_policy(configured_site: ConfiguredSite, cell: PolicyEntry) -> None:
    assert HTTP[cell.action](case_of(configured_site, cell)) is cell.allowed


@pytest.mark.parametrize("cell", [cell for cell in CELLS if cell.action in USE_CASES], ids=named)
def test_the_use_cases_enforce_the_policy(configured_site: ConfiguredSite, cell: PolicyEntry) -> None:
    assert is_done(case_of(configured_site, cell), cell.action) is cell.allowed


@pytest.mark.parametrize("cell", [cell for cell in table() if cell.role is Role.OPERATOR], ids=named)
def test_the_command_line_enforces_the_policy(configured_site: ConfiguredSite, cell: PolicyEntry) -> None:
    case = case_of(configured_site, PolicyEntry(cell.action, Role.ANONYMOUS, None, allowed=False))
    if cell.action in USE_CASES:
        with nullcontext() if cell.allowed else pytest.raises(NotAMember), configured_site.open_blog() as blog:
            USE_CASES[cell.action](blog, Operator(), case)
    else:
        assert HTTP[cell.action](case) is cell.allowed


def test_every_action_is_tested(configured_site: ConfiguredSite) -> None:
    undriven = set(Action) - {Action.IMPORT_POSTS} - set(HTTP)
    assert not undriven, f"HTTP in this file: say how a client does {undriven}"
    without_actor = {Action.VIEW_STATUS, Action.LOG_IN, Action.REGISTER, Action.READ_POSTS, Action.READ_PREVIEW}
    undriven = set(Action) - without_actor - set(USE_CASES)
    assert not undriven, f"USE_CASES in this file: say how an embedder does {undriven}"
    assert {cell.action for cell in table()} == set(Action)
    assert {cell.role for cell in table()} == set(Role)
    configured_site.add_user("alice")
    assert log_in(configured_site.open_blog, "alice", SECRET)[0].username == "alice"
    assert register(configured_site.open_blog, "carol", SECRET).username == "carol"
    with configured_site.open_blog() as blog:
        assert len(blog.posts.page(limit=1).posts) <= 1


def scopes_of(action: Action) -> set[Scope]:
    """Each of these scopes alone permits the action."""
    if action in {Action.READ_UNPUBLISHED_POSTS, Action.READ_WORKING_COPY, Action.READ_REVISIONS, Action.READ_TRASH}:
        return {Scope.POSTS_READ, Scope.POSTS_WRITE, Scope.POSTS_PUBLISH}
    return set(Scope) if action.scope is None else {action.scope}


@pytest.mark.parametrize("action", HTTP)
def test_a_token_is_allowed_what_its_scope_covers_and_what_needs_none(
    configured_site: ConfiguredSite, action: Action
) -> None:
    cell = PolicyEntry(action, Role.ADMIN, own=action is not Action.DELETE_USERS, allowed=True)
    done = {scope for scope in Scope if HTTP[action](case_of(configured_site, cell, frozenset({scope})))}
    assert done == scopes_of(action)


@pytest.mark.parametrize("action", [action for action in HTTP if action.scope is not None])
def test_a_token_with_all_other_scopes_is_refused(configured_site: ConfiguredSite, action: Action) -> None:
    cell = PolicyEntry(action, Role.ADMIN, own=action is not Action.DELETE_USERS, allowed=True)
    assert not HTTP[action](
        case_of(configured_site, cell, frozenset(scope for scope in Scope if scope is not action.scope))
    )
