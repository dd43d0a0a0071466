"""The blog promises that…"""

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

import pytest
import schemathesis
from litestar import Litestar
from litestar.handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute
from tests.entrypoints.http.visits import PASSWORD, Member, Site, problem

from blog.entrypoints.http.operations import Operation, Who

OF_THE_DOCS = {"/schema/openapi.json", "/docs", "/docs/{name}"}
SENT = {
    "LoginIn": {"username": "alice", "password": PASSWORD},
    "PostIn": {"title": "Another title", "body": "Another body"},
    "PostPatch": {"title": "Another title"},
    None: None,
}


@pytest.fixture
def document(site: Site) -> Any:
    return site.ask("GET", "/schema/openapi.json").json()


def served(site: Site) -> Iterator[tuple[str, str, HTTPRouteHandler]]:
    """Every method of every path that the application answers, with its handler."""
    app = site.app._app
    assert isinstance(app, Litestar)
    for route in app.routes:
        assert isinstance(route, HTTPRoute)
        for handler in route.route_handlers:
            for method in set(map(str, handler.http_methods)) - {"OPTIONS"}:  # which Litestar adds to every route
                yield method, route.path_format.replace(":str", ""), handler


def operations(site: Site) -> Iterator[tuple[str, str, Operation]]:
    """Every operation, with its method and the address of what it works on."""
    for method, path, handler in served(site):
        if path not in OF_THE_DOCS:
            yield method, path.replace("{post_id}", "1"), handler.opt["operation"]


def sent_to(operation: Operation) -> Any:
    return SENT[operation.takes.__name__ if operation.takes else None]


def test_the_document_is_valid_openapi(document: Any) -> None:
    assert document["openapi"] == "3.1.0"
    assert document["servers"] == [{"url": "/"}]
    schemathesis.openapi.from_dict(document).validate()


def test_the_document_tells_of_every_route_and_of_no_other(site: Site, document: Any) -> None:
    told = {(method.upper(), path.rstrip("/")) for path, methods in document["paths"].items() for method in methods}
    assert told == {(method, path.rstrip("/")) for method, path, _ in served(site) if path not in OF_THE_DOCS}
    assert len(told) == 11


def test_every_route_but_those_of_the_docs_says_what_it_is(site: Site) -> None:
    silent = {path for _, path, handler in served(site) if not isinstance(handler.opt.get("operation"), Operation)}
    assert silent == OF_THE_DOCS


def test_the_documents_paths_are_those_that_its_links_use(document: Any) -> None:
    assert set(document["paths"]) == {
        "/api/login/",
        "/api/logout/",
        "/api/posts/",
        "/api/posts/{post_id}/",
        "/api/users/me/",
        "/livez",
        "/readyz",
    }


def test_whoever_may_use_a_route_by_its_word_may_use_it(site: Site, alice: Member) -> None:
    for method, path, operation in sorted(operations(site), key=lambda one: one[0] == "DELETE"):
        alice.writes()
        token = {Who.NOBODY: "no token", Who.ANYONE: None, Who.SIGNED_IN: site.member(f"m{id(operation)}").token}
        token[Who.SIGNED_IN] = alice.token if "posts" in path else token[Who.SIGNED_IN]
        answer = site.ask(method, path, json=sent_to(operation), token=token[operation.who])
        assert answer.status_code == operation.status, f"{method} {path}: {answer.text}"
        for name in set(operation.answers_header) - {"Link"}:
            assert name in answer.headers


def test_whoever_may_not_use_a_route_by_its_word_may_not(site: Site, alice: Member) -> None:
    post = alice.writes()
    asked = set()
    for method, path, operation in operations(site):
        asked.add(operation.who)
        if operation.who is Who.SIGNED_IN:
            problem(site.ask(method, path, json=sent_to(operation)), 401)
        if operation.who is not Who.NOBODY:
            problem(site.ask(method, path, json=sent_to(operation), token=alice.token[:-1]), 401)
    assert asked == set(Who)
    assert site.ask("GET", "/api/posts/").json()["results"] == [post]


def test_the_document_tells_who_may_use_a_route(site: Site, document: Any) -> None:
    signed_in: list[Any] = [{"token": []}, {"bearer": []}]
    for method, path, handler in served(site):
        if path not in OF_THE_DOCS:
            told = document["paths"][path if path in document["paths"] else f"{path}/"][method.lower()]
            security = {Who.NOBODY: [], Who.ANYONE: [{}, *signed_in], Who.SIGNED_IN: signed_in}
            assert told["security"] == security[handler.opt["operation"].who]
            assert ("401" in told["responses"]) == (bool(told["security"]) or path == "/api/login")
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
                assert ("Retry-After" in told.get("headers", {})) == (status == "503")


def test_the_document_tells_that_other_members_are_refused(document: Any) -> None:
    schemas = document["components"]["schemas"]
    for name in ("LoginIn", "PostIn", "PostPatch"):
        assert schemas[name]["additionalProperties"] is False
    assert schemas["PostIn"]["required"] == ["title", "body"]
    assert "required" not in schemas["PostPatch"] or schemas["PostPatch"]["required"] == []
    assert schemas["PostIn"]["properties"]["title"]["maxLength"] == 200
    assert schemas["PostIn"]["properties"]["body"]["maxLength"] == 100_000


def test_operations_have_names_of_their_own(document: Any) -> None:
    names = [operation["operationId"] for methods in document["paths"].values() for operation in methods.values()]
    summaries = [operation["summary"] for methods in document["paths"].values() for operation in methods.values()]
    assert len(set(names)) == len(set(summaries)) == len(names)
    assert all(summaries)
