"""The blog promises that…"""

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

import pytest
import schemathesis
from litestar import Controller, WebSocket, asgi, get, websocket
from litestar.handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute
from tests.entrypoints.http.visits import PASSWORD, Member, Site, StoppedClock, problem

from blog.domain.actors import Operator, Scope
from blog.domain.blog import OpenBlog, OpenStores, Terms
from blog.domain.entrance import log_in
from blog.domain.invitations import Registration
from blog.domain.passwords import PasswordHasher
from blog.domain.policy import Action
from blog.entrypoints.http import app as application
from blog.entrypoints.http import create_app
from blog.entrypoints.http.operations import Operation, RouteWithoutPolicy, Who
from blog.wiring import blog_on

OF_THE_DOCS = {"/schema/openapi.json", "/docs", "/docs/{name}"}
OF_ADMINS = {Action.SEE_USERS, Action.CHANGE_USERS, Action.DELETE_USERS, Action.INVITE, Action.READ_AUDIT}
OVER_HTTP = set(Action) - {Action.TAKE_IN_POSTS}
NEW = "another correct horse"
SENT = {
    "BatchIn": {"steps": [{"do": "create", "title": "Another title", "body": "Another body"}]},
    "DeletionIn": {"password": PASSWORD, "posts": "keep"},
    "InvitationIn": {"days": 1},
    "LoginIn": {"username": "alice", "password": PASSWORD},
    "MeIn": {"username": "another-name"},
    "PasswordIn": {"old_password": PASSWORD, "new_password": NEW},
    "PostIn": {"title": "Another title", "body": "Another body"},
    "PostPut": {"title": "Another title", "body": "Another body"},
    "PostPatch": {"title": "Another title"},
    "RegistrationIn": {"username": "newcomer", "password": NEW},
    "UserIn": {"username": "added", "password": NEW},
    "UserPatch": {"username": "renamed", "password": NEW},
    None: None,
}


@pytest.fixture
def open_blog(store: OpenStores, hasher: PasswordHasher, clock: StoppedClock) -> OpenBlog:
    """One that everybody can register with."""
    return blog_on(store, hasher=hasher, now=clock, terms=Terms(registration=Registration.OPEN))


@pytest.fixture
def document(site: Site) -> Any:
    return site.ask("GET", "/schema/openapi.json").json()


def served(site: Site) -> Iterator[tuple[str, str, HTTPRouteHandler]]:
    """Every method of every path that the application answers, with its handler."""
    for route in application._routes(False).routes:  # noqa: FBT003 - as `create_app` asks for them
        assert isinstance(route, HTTPRoute)
        for handler in route.route_handlers:
            for method in set(map(str, handler.http_methods)) - {"OPTIONS"}:  # which Litestar adds to every route
                yield method, route.path_format.replace(":str", ""), handler


def operations(site: Site) -> Iterator[tuple[str, str, Operation]]:
    """Every operation, with its method, its path, and the query that it needs."""
    for method, path, handler in served(site):
        if path not in OF_THE_DOCS:
            operation = handler.opt["operation"]
            query = [f"{name}={operation.takes_query[name]['enum'][0]}" for name in operation.needs_query]
            yield method, f"{path}{'?' if query else ''}{'&'.join(query)}", operation


def aimed(path: str, member: Member) -> str:
    """The path at something that is there: of the member's own, but for what only an administrator sees."""
    other = member.site.member(f"other{member.id}")
    with member.site.open_blog() as blog:
        shown = {each: blog.accounts.authenticate(each.token).token_id for each in (member, other)}
        invitation = blog.invitations.create(Operator()).invitation
    numbers = {
        "post_id": member.writes()["id"],
        "user_id": other.id,
        "token_id": shown[other if "{user_id}" in path else member],
        "invitation_id": invitation.id,
    }
    return path.format_map(numbers)


def sent_to(operation: Operation) -> Any:
    return SENT[operation.takes.__name__ if operation.takes else None]


def test_the_document_is_valid_openapi(document: Any) -> None:
    assert document["openapi"] == "3.1.0"
    assert document["servers"] == [{"url": "/"}]
    schemathesis.openapi.from_dict(document).validate()


def test_the_document_tells_of_every_route_and_of_no_other(site: Site, document: Any) -> None:
    told = {(method.upper(), path.rstrip("/")) for path, methods in document["paths"].items() for method in methods}
    assert told == {(method, path.rstrip("/")) for method, path, _ in served(site) if path not in OF_THE_DOCS}
    assert len(told) == 32


def test_every_route_says_which_action_it_is(site: Site) -> None:
    said = {(method, path): handler.opt.get("operation") for method, path, handler in served(site)}
    assert [route for route, operation in said.items() if not isinstance(operation, Operation)] == []
    assert {operation.action for operation in said.values() if isinstance(operation, Operation)} == OVER_HTTP
    assert {path for (_, path), operation in said.items() if not (operation and operation.is_described)} == OF_THE_DOCS


@get("/silent")
async def silent() -> None: ...


@get("/silent", opt={"operation": "anybody"})
async def misleading() -> None: ...


@websocket("/silent")
async def of_another_protocol(socket: WebSocket[Any, Any, Any]) -> None: ...


@asgi("/silent", copy_scope=True)
async def mounted(scope: Any, receive: Any, send: Any) -> None: ...


class SilentController(Controller):
    path = "/api/posts"

    @get("/silent/")
    async def silent(self) -> None: ...


@pytest.mark.parametrize("route", [silent, misleading, of_another_protocol, mounted, SilentController])
def test_an_application_with_a_route_of_which_nobody_said_who_may_use_it_does_not_start(
    open_blog: OpenBlog, monkeypatch: pytest.MonkeyPatch, route: Any
) -> None:
    monkeypatch.setattr(application, "_CONTROLLERS", [*application._CONTROLLERS, route])
    monkeypatch.setattr(application, "_routes", application._routes.__wrapped__)
    with pytest.raises(RouteWithoutPolicy, match="/silent"):
        create_app(open_blog)


def test_the_documents_paths_are_those_that_its_links_use(document: Any) -> None:
    assert set(document["paths"]) == {
        "/api/audit/",
        "/api/invitations/",
        "/api/invitations/{invitation_id}/",
        "/api/login/",
        "/api/logout/",
        "/api/logout/all/",
        "/api/posts/",
        "/api/posts/batch/",
        "/api/posts/{post_id}/",
        "/api/register/",
        "/api/tokens/",
        "/api/tokens/{token_id}/",
        "/api/users/",
        "/api/users/me/",
        "/api/users/me/delete/",
        "/api/users/me/export/",
        "/api/users/me/password/",
        "/api/users/{user_id}/",
        "/api/users/{user_id}/tokens/",
        "/api/users/{user_id}/tokens/{token_id}/",
        "/livez",
        "/readyz",
    }


def test_whoever_may_use_a_route_by_its_word_may_use_it(site: Site, alice: Member) -> None:
    for number, (method, path, operation) in enumerate(operations(site)):
        member = site.member(f"m{number}", is_admin=operation.action in OF_ADMINS)
        token = {Who.NOBODY: "no token", Who.ANYONE: None, Who.SIGNED_IN: member.token}[operation.who]
        answer = site.ask(method, aimed(path, member), json=sent_to(operation), token=token)
        assert answer.status_code == operation.status, f"{method} {path}: {answer.text}"
        for name in set(operation.answers_header) - {"Link", "Idempotency-Replayed"}:
            assert name in answer.headers


def test_whoever_may_not_use_a_route_by_its_word_may_not(site: Site, alice: Member) -> None:
    asked, posts = set(), []
    for number, (method, path, operation) in enumerate(operations(site)):
        asked.add(operation.who)
        member = site.member(f"m{number}", is_admin=True)
        address, sent = aimed(path, member), sent_to(operation)
        posts = site.ask("GET", "/api/posts/?limit=100").json()["results"]
        if operation.who is Who.SIGNED_IN:
            problem(site.ask(method, address, json=sent), 401)
        if operation.who is not Who.NOBODY:
            problem(site.ask(method, address, json=sent, token=alice.token[:-1]), 401)
        if operation.action in OF_ADMINS:
            problem(alice.ask(method, address, json=sent), 403)
        assert site.ask("GET", "/api/posts/?limit=100").json()["results"] == posts
    assert asked == set(Who)
    assert len(posts) > len(SENT)


def test_a_token_is_good_for_no_route_that_takes_another_scope(site: Site) -> None:
    taking = set()
    for number, (method, path, operation) in enumerate(operations(site)):
        scope = operation.action.scope
        if scope is None or path == "/api/tokens/{token_id}":  # by which every token can end itself
            continue
        member = site.member(f"m{number}", is_admin=True)
        address = aimed(path, member)
        shown = log_in(site.open_blog, member.username, PASSWORD, scopes=set(Scope) - {scope})[1].secret
        told = problem(site.ask(method, address, json=sent_to(operation), token=shown), 403)
        assert told["detail"] == f"This token was made without the scope {scope}."
        taking.add(scope)
    assert taking == set(Scope) - {Scope.POSTS_READ}


def test_the_document_tells_who_may_use_a_route(site: Site, document: Any) -> None:
    signed_in: list[Any] = [{"token": []}, {"bearer": []}]
    for method, path, handler in served(site):
        if path not in OF_THE_DOCS:
            told = document["paths"][path if path in document["paths"] else f"{path}/"][method.lower()]
            security = {Who.NOBODY: [], Who.ANYONE: [{}, *signed_in], Who.SIGNED_IN: signed_in}
            assert told["security"] == security[handler.opt["operation"].who]
            assert ("401" in told["responses"]) == (bool(told["security"]) or path == "/api/login")
            assert ("403" in told["responses"]) >= (handler.opt["operation"].action.scope is not None)
    schemes = document["components"]["securitySchemes"].values()
    assert [{name: scheme.get(name) for name in ("type", "in", "name", "scheme")} for scheme in schemes] == [
        {"type": "apiKey", "in": "header", "name": "Authorization", "scheme": None},
        {"type": "http", "in": None, "name": None, "scheme": "bearer"},
    ]


def test_the_document_tells_how_every_refusal_looks(document: Any) -> None:
    for methods in document["paths"].values():
        for operation in methods.values():
            bad = {status: told for status, told in operation["responses"].items() if int(status) >= 400}
            assert {"413", "500", "503"} <= set(bad)
            assert ("415" in bad) == ("requestBody" in operation)
            for status, told in bad.items():
                assert told["description"] == HTTPStatus(int(status)).phrase
                problems = {"schema": {"$ref": "#/components/schemas/Problem"}}
                assert told["content"] == {"application/problem+json": problems}
                assert ("WWW-Authenticate" in told.get("headers", {})) == (status == "401")
                assert ("Retry-After" in told.get("headers", {})) == (status in {"429", "503"})


def test_the_document_tells_that_other_members_are_refused(document: Any) -> None:
    schemas = document["components"]["schemas"]
    for name in set(SENT) - {None}:
        assert schemas[name]["additionalProperties"] is False
    assert schemas["PostIn"]["required"] == schemas["PostPut"]["required"] == ["title", "body"]
    assert schemas["PostPut"]["properties"]["version"]["readOnly"] is True
    assert "required" not in schemas["PostPatch"] or schemas["PostPatch"]["required"] == []
    assert schemas["PostIn"]["properties"]["title"]["maxLength"] == 200
    assert schemas["PostIn"]["properties"]["body"]["maxLength"] == 100_000


def test_operations_have_names_of_their_own(document: Any) -> None:
    names = [operation["operationId"] for methods in document["paths"].values() for operation in methods.values()]
    summaries = [operation["summary"] for methods in document["paths"].values() for operation in methods.values()]
    assert len(set(names)) == len(set(summaries)) == len(names)
    assert all(summaries)
