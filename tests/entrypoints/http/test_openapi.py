"""The OpenAPI document is complete and correct."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC
from http import HTTPStatus
from typing import Any

import msgspec
import pytest
import schemathesis
from hypothesis import given
from hypothesis import strategies as st
from jsonschema_rs import Draft202012Validator
from litestar import Controller, WebSocket, asgi, get, websocket
from litestar.handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute
from tests.entrypoints.http.clients import PASSWORD, Member, Site, StoppedClock, problem

from blog.bootstrap import create_blog
from blog.domain.accounts.actors import Operator, Scope
from blog.domain.accounts.invitations import Registration
from blog.domain.accounts.login import log_in
from blog.domain.accounts.passwords import PasswordHasher
from blog.domain.blog import BlogConfig, OpenBlog, OpenStores
from blog.domain.policy import Action
from blog.domain.posts.pagination import Position, SortOrder
from blog.domain.search.index import SearchPosition
from blog.domain.shared import PostId
from blog.entrypoints.http import app as application
from blog.entrypoints.http import create_app
from blog.entrypoints.http.operation import Authentication, ExecutorKind, Operation, RouteWithoutPolicy
from blog.entrypoints.http.parsing.cursors import PATTERN, cursor_of, cursor_of_standing
from blog.entrypoints.http.parsing.query import MAX_ID
from blog.entrypoints.http.schemas.posts import PostIn

OF_THE_DOCS = {"/schema/openapi.json", "/docs", "/docs/{name}"}
OF_ADMINS = {action for action in Action if action.scope is Scope.ADMIN}
OVER_HTTP = set(Action) - {Action.IMPORT_POSTS, Action.READ_UNPUBLISHED_POSTS}
"""The second is a part of READ_POSTS: the same routes answer whoever shows a token."""
NEW = "another correct horse"
SENT = {
    "WorkingCopyIn": {"title": "Another title", "body": "", "based_on": 1},
    "BatchIn": {"operations": [{"op": "create", "title": "Another title", "body": "Another body"}]},
    "DeletionIn": {"password": PASSWORD, "posts": "keep"},
    "InvitationIn": {"days": 1},
    "LoginIn": {"username": "alice", "password": PASSWORD},
    "MeIn": {"username": "another-name"},
    "PreviewIn": {"name": "for the editor", "expires_in_days": 1},
    "PublishIn": {"at": "2026-11-22T09:30:00Z"},
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
    return create_blog(store, hasher=hasher, now=clock, config=BlogConfig(registration=Registration.OPEN))


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
            query = [
                f"{name}={operation.query.parameters[name]['enum'][0]}"
                for name in (operation.query.required if operation.query else ())
            ]
            yield method, f"{path}{'?' if query else ''}{'&'.join(query)}", operation


def aimed(path: str, member: Member) -> str:
    """The path at something that is there: of the member's own, but for what only an administrator sees."""
    other = member.site.add_member(f"other{member.id}")
    with member.site.open_blog() as blog:
        shown = {each: blog.tokens.authenticate(each.token).token_id for each in (member, other)}
        invitation = blog.invitations.create(Operator()).invitation
    post = member.create_post()
    preview = member.ask("POST", f"/api/posts/{post['id']}/previews/").json()
    if path.startswith("/api/trash/") or path == "/api/posts/{post_id}/restore":
        assert member.ask("DELETE", f"/api/posts/{post['id']}/").status_code == 204
    there = {
        "post_id": post["id"],
        "number": post["version"],
        "slug": post["slug"],
        "user_id": other.id,
        "token_id": shown[other if "{user_id}" in path else member],
        "invitation_id": invitation.id,
        "preview_id": preview["id"],
        "secret": preview["secret"],
    }
    unknown = set(re.findall(r"{(\w+)}", path)) - set(there)
    assert not unknown, f"aimed() in this file: add something that {path} finds by {unknown}"
    return path.format_map(there)


def sent_to(operation: Operation) -> Any:
    shape = operation.body.__name__ if operation.body else None
    assert shape in SENT, f"SENT in this file: add a body of {shape} that the test's user may send"
    return SENT[shape]


def test_the_document_is_valid_openapi(document: Any) -> None:
    assert document["openapi"] == "3.1.0"
    assert document["servers"] == [{"url": "/"}]
    schemathesis.openapi.from_dict(document).validate()


def test_the_document_has_every_route_and_no_other(site: Site, document: Any) -> None:
    told = {(method.upper(), path.rstrip("/")) for path, methods in document["paths"].items() for method in methods}
    assert told == {(method, path.rstrip("/")) for method, path, _ in served(site) if path not in OF_THE_DOCS}
    assert told


def test_every_route_declares_an_action(site: Site) -> None:
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
def test_an_application_with_an_undeclared_route_does_not_start(
    open_blog: OpenBlog, monkeypatch: pytest.MonkeyPatch, route: Any
) -> None:
    monkeypatch.setattr(application, "_ROUTERS", [*application._ROUTERS, route])
    monkeypatch.setattr(application, "_routes", application._routes.__wrapped__)
    with pytest.raises(RouteWithoutPolicy, match="/silent"):
        create_app(open_blog)


def test_paths_of_the_api_end_in_a_slash(document: Any) -> None:
    assert {path for path in document["paths"] if not path.endswith("/")} == {"/livez", "/readyz"}


def test_a_role_that_the_document_allows_may_use_the_route(site: Site, alice: Member) -> None:
    for number, (method, path, operation) in enumerate(operations(site)):
        member = site.add_member(f"m{number}", is_admin=operation.action in OF_ADMINS)
        tokens = {Authentication.NONE: "no token", Authentication.OPTIONAL: None, Authentication.REQUIRED: member.token}
        token = tokens[operation.authentication]
        answer = site.ask(method, aimed(path, member), json=sent_to(operation), token=token)
        assert answer.status_code == operation.status, f"{method} {path}: {answer.text}"
        for name in set(operation.response_headers) - {"Link", "Idempotency-Replayed"}:
            assert name in answer.headers


def test_a_role_that_the_document_does_not_allow_may_not_use_the_route(site: Site, alice: Member) -> None:
    asked, posts = set(), []
    for number, (method, path, operation) in enumerate(operations(site)):
        asked.add(operation.authentication)
        member = site.add_member(f"m{number}", is_admin=True)
        address, sent = aimed(path, member), sent_to(operation)
        posts = site.ask("GET", "/api/posts/?limit=100").json()["results"]
        if operation.authentication is Authentication.REQUIRED:
            problem(site.ask(method, address, json=sent), 401)
        if operation.authentication is not Authentication.NONE:
            problem(site.ask(method, address, json=sent, token=alice.token[:-1]), 401)
        if operation.action in OF_ADMINS:
            problem(alice.ask(method, address, json=sent), 403)
        assert site.ask("GET", "/api/posts/?limit=100").json()["results"] == posts
    assert asked == set(Authentication)
    assert len(posts) > len(SENT)


def test_a_token_without_the_scope_of_a_route_is_refused(site: Site) -> None:
    taking = set()
    for number, (method, path, operation) in enumerate(operations(site)):
        scope = operation.action.scope
        if scope is None or path == "/api/tokens/{token_id}":  # by which every token can end itself
            continue
        member = site.add_member(f"m{number}", is_admin=True)
        address = aimed(path, member)
        shown = log_in(site.open_blog, member.username, PASSWORD, scopes=set(Scope) - {scope})[1].secret
        told = problem(site.ask(method, address, json=sent_to(operation), token=shown), 403)
        assert told["detail"] == f"This token was made without the scope {scope}."
        taking.add(scope)
    assert taking == set(Scope) - {Scope.POSTS_READ}


def test_the_document_describes_the_permission_of_a_route(site: Site, document: Any) -> None:
    signed_in: list[Any] = [{"bearer": []}]
    for method, path, handler in served(site):
        if path not in OF_THE_DOCS:
            told = document["paths"][path if path in document["paths"] else f"{path}/"][method.lower()]
            optional = [{}, *signed_in]
            security = dict(zip(Authentication, ([], optional, signed_in), strict=True))
            assert told["security"] == security[handler.opt["operation"].authentication]
            assert ("401" in told["responses"]) == (bool(told["security"]) or path == "/api/login")
            assert ("403" in told["responses"]) >= (handler.opt["operation"].action.scope is not None)
    schemes = document["components"]["securitySchemes"].values()
    assert [(scheme["type"], scheme["scheme"]) for scheme in schemes] == [("http", "bearer")]


def test_the_document_describes_every_error(document: Any) -> None:
    for methods in document["paths"].values():
        for operation in methods.values():
            bad = {status: told for status, told in operation["responses"].items() if int(status) >= 400}
            assert {"413", "500", "503"} <= set(bad)
            assert ("415" in bad) == ("requestBody" in operation)
            for status, told in bad.items():
                assert told["description"] == HTTPStatus(int(status)).phrase
                (problem_told,) = told["content"].values()
                assert list(told["content"]) == ["application/problem+json"]
                assert problem_told["schema"] == {"$ref": "#/components/schemas/Problem"}
                assert ("WWW-Authenticate" in told.get("headers", {})) == (status == "401")
                assert ("Retry-After" in told.get("headers", {})) == (status in {"429", "503"})


def test_the_document_forbids_additional_properties(document: Any) -> None:
    schemas = document["components"]["schemas"]
    for name in set(SENT) - {None}:
        assert schemas[name]["additionalProperties"] is False
    assert schemas["PostIn"]["required"] == schemas["PostPut"]["required"] == ["title", "body"]
    assert schemas["PostPut"]["properties"]["version"]["readOnly"] is True
    assert "required" not in schemas["PostPatch"] or schemas["PostPatch"]["required"] == []
    assert schemas["PostIn"]["properties"]["title"]["maxLength"] == 200
    assert schemas["PostIn"]["properties"]["body"]["maxLength"] == 100_000


def test_a_body_is_accepted_in_the_documented_media_types_only(site: Site, document: Any) -> None:
    with_body = [(each, path, said) for each, path, said in operations(site) if said.body is not None]
    assert with_body
    for number, (method, path, operation) in enumerate(with_body):
        told = document["paths"][path if path in document["paths"] else f"{path}/"][method.lower()]
        named = list(told["requestBody"]["content"])
        assert named
        for media_type in {*named, "text/plain", "application/merge-patch+json", "multipart/form-data", ""}:
            member = site.add_member(f"m{number}-{len(media_type)}-{media_type in named}", is_admin=True)
            sent = msgspec.json.encode(sent_to(operation))
            answer = member.ask(method, aimed(path, member), content=sent, headers={"Content-Type": media_type})
            assert (answer.status_code == 415) == (media_type not in named), f"{method} {path} {media_type}"


def test_an_operation_with_a_body_needs_a_media_type() -> None:
    with pytest.raises(ValueError, match="PostIn has no media type"):
        Operation(Action.UPDATE_POST, executor=ExecutorKind.WRITE, body=PostIn, media_types=())


@pytest.mark.parametrize("kind", ["place", "standing"])
@given(data=st.data())
def test_every_cursor_matches_the_documented_pattern(kind: str, data: st.DataObject) -> None:
    number = PostId(data.draw(st.integers(1, MAX_ID)))
    if kind == "standing":
        cursor = cursor_of_standing(SearchPosition(data.draw(st.booleans()), number))
    else:
        order = data.draw(st.sampled_from(SortOrder))
        keys: Any = st.text(max_size=40) if order is SortOrder.TITLE else st.datetimes(timezones=st.just(UTC))
        cursor = cursor_of(order, Position(data.draw(keys), number))
    assert re.fullmatch(PATTERN, cursor)


def test_a_forged_cursor_does_not_match_the_documented_pattern(document: Any) -> None:
    wrong: dict[str, tuple[Any, ...]] = {"integer": (0, -1, 2**63, "x"), "string": ("0", "-1", "", "W", "é")}
    seen = set()
    for path, methods in document["paths"].items():
        for parameter in methods.get("get", {}).get("parameters", ()):
            if parameter["name"] == "cursor":
                seen.add(path)
                schema = parameter["schema"]
                validator = Draft202012Validator(schema)
                assert not [each for each in wrong[schema["type"]] if validator.is_valid(each)], path
    assert {"/api/posts/", "/api/users/"} < seen


def test_ids_in_paths_and_queries_are_64_bit_integers_from_1(document: Any) -> None:
    for methods in document["paths"].values():
        for operation in methods.values():
            for parameter in operation.get("parameters", ()):
                is_in_path = parameter["in"] == "path" and parameter["name"] not in {"slug", "secret"}
                if is_in_path or parameter["name"] in {"user", "subject_id"}:
                    schema = parameter["schema"]
                    assert (schema["type"], schema["minimum"], schema["maximum"]) == ("integer", 1, 2**63 - 1)


def test_new_passwords_have_a_documented_minimum_length_and_log_in_passwords_have_none(
    document: Any,
) -> None:
    schemas = document["components"]["schemas"]
    new = {"RegistrationIn": "password", "UserIn": "password", "UserPatch": "password", "PasswordIn": "new_password"}
    assert {schemas[shape]["properties"][name]["minLength"] for shape, name in new.items()} == {15}
    assert schemas["LoginIn"]["properties"]["password"]["minLength"] == 1


def test_every_member_of_every_schema_has_an_example(document: Any) -> None:
    schemas = document["components"]["schemas"]
    for shape, schema in schemas.items():
        for name, member in schema.get("properties", {}).items():
            items = member.get("items", {})
            refers = "$ref" in member or "$ref" in items or "anyOf" in items
            help_text = (
                f"{shape}.{name}: add it to entrypoints/http/openapi/examples.py, or to its type by msgspec.Meta"
            )
            assert refers or "examples" in member, help_text


def test_every_example_conforms_to_its_schema(document: Any) -> None:
    validate = validator_of(document)
    for shape, schema in document["components"]["schemas"].items():
        for name, member in schema.get("properties", {}).items():
            for example in member.get("examples", ()):
                validate(member, example, f"{shape}.{name}")
    for content in contents(document):
        assert "example" in content
        validate(content["schema"], content["example"], str(content["schema"]))


def test_examples_are_realistic(document: Any) -> None:
    for path, method, shape in (("/api/login/", "post", "LoginIn"), ("/api/posts/", "post", "PostIn")):
        (content,) = document["paths"][path][method]["requestBody"]["content"].values()
        assert content["schema"]["$ref"].endswith(shape)
        assert all(
            text.replace(" ", "").replace(",", "").replace(".", "").isalpha() for text in content["example"].values()
        )


def test_an_error_has_a_short_example_with_its_own_status(document: Any) -> None:
    for methods in document["paths"].values():
        for operation in methods.values():
            for status, told in operation["responses"].items():
                if int(status) >= 400:
                    (content,) = told["content"].values()
                    assert content["example"]["status"] == int(status)
                    assert set(content["example"]) <= {"type", "title", "status", "detail"}


def test_every_parameter_and_header_has_a_description(document: Any) -> None:
    for path, methods in document["paths"].items():
        for operation in methods.values():
            for parameter in operation.get("parameters", ()):
                assert parameter["description"], f"{path} {parameter['name']}"
                assert "description" not in parameter["schema"]
            for told in operation["responses"].values():
                assert all(header["description"] for header in told.get("headers", {}).values())


def test_tags_are_described_and_posts_come_first(document: Any) -> None:
    groups = [tag["name"] for tag in document["tags"]]
    assert all(tag["description"] for tag in document["tags"])
    used = [tag for methods in document["paths"].values() for each in methods.values() for tag in each["tags"]]
    assert list(dict.fromkeys(used)) == groups
    assert groups[:3] == ["Posts", "Previews", "Accounts"]
    assert next(iter(document["paths"])) == "/api/posts/"
    assert "How to start" in document["info"]["description"]


def contents(document: Any) -> Iterator[Any]:
    """Every content of a body and of an answer."""
    for methods in document["paths"].values():
        for operation in methods.values():
            for told in (operation.get("requestBody", {}), *operation["responses"].values()):
                yield from told.get("content", {}).values()


def validator_of(document: Any) -> Callable[[Any, Any, str], None]:
    """Return a function that validates a value against a schema of the document."""

    def validate(schema: Any, value: Any, what: str) -> None:
        whole = {**schema, "components": document["components"]}
        errors = [fault.message for fault in Draft202012Validator(whole).iter_errors(value)]
        assert not errors, f"{what}: {errors}"

    return validate


def test_operation_ids_are_unique(document: Any) -> None:
    names = [operation["operationId"] for methods in document["paths"].values() for operation in methods.values()]
    summaries = [operation["summary"] for methods in document["paths"].values() for operation in methods.values()]
    assert len(set(names)) == len(set(summaries)) == len(names)
    assert all(summaries)


VERBS = {
    "apply",
    "change",
    "compare",
    "create",
    "delete",
    "export",
    "get",
    "list",
    "log",
    "publish",
    "register",
    "replace",
    "restore",
}
VERBS |= {"restore", "revoke", "unpublish", "update"}


def test_operation_ids_are_valid_function_names(document: Any) -> None:
    for methods in document["paths"].values():
        for operation in methods.values():
            verb, _, noun = operation["operationId"].partition("_")
            assert verb in VERBS, f"{operation['operationId']} begins with none of {VERBS}: is it a new verb?"
            assert re.fullmatch("[a-z]+(_[a-z]+)*", noun), f"{operation['operationId']} is not verb_noun in snake_case"
