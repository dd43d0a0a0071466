"""HTTP methods and trailing slashes."""

from typing import Any

import pytest
from tests.entrypoints.http.clients import Member, Site, problem

PATHS = {
    "/api/login/": {"POST"},
    "/api/logout/": {"POST"},
    "/api/logout/all/": {"POST"},
    "/api/register/": {"POST"},
    "/api/users/me/": {"GET", "PATCH"},
    "/api/users/me/password/": {"POST"},
    "/api/tokens/": {"GET"},
    "/api/tokens/1/": {"DELETE"},
    "/api/users/": {"GET", "POST"},
    "/api/users/1/": {"GET", "PATCH", "DELETE"},
    "/api/users/1/tokens/": {"GET", "DELETE"},
    "/api/users/1/tokens/1/": {"DELETE"},
    "/api/invitations/": {"GET", "POST"},
    "/api/invitations/1/": {"DELETE"},
    "/api/audit/": {"GET"},
    "/api/posts/": {"GET", "POST"},
    "/api/posts/1/": {"GET", "PUT", "PATCH", "DELETE"},
    "/livez": {"GET"},
    "/readyz": {"GET"},
    "/schema/openapi.json": {"GET"},
    "/docs": {"GET"},
    "/docs/start.js": {"GET"},
}
EVERY_PATH = pytest.mark.parametrize("path", PATHS)


@pytest.fixture
def alice(site: Site) -> Member:
    """An administrator whose token use is recorded already, so that responses do not change."""
    alice = site.add_member("alice", is_admin=True)
    with site.open_blog() as blog:
        blog.tokens.touch(blog.tokens.authenticate(alice.token))
    return alice


def with_and_without_slash(path: str) -> tuple[str, str]:
    """Return the path without and with a trailing slash."""
    return path.rstrip("/"), path.rstrip("/") + "/"


def allowed(path: str) -> str:
    methods = PATHS[path] | {"OPTIONS"} | ({"HEAD"} if "GET" in PATHS[path] else set())
    return ", ".join(sorted(methods))


@EVERY_PATH
def test_a_trailing_slash_is_optional(site: Site, alice: Member, path: str) -> None:
    for method in ("GET", "PUT", "PATCH", "DELETE", "POST", "HEAD", "OPTIONS"):
        alice.create_post()
        without, with_slash = (site.ask(method, way) for way in with_and_without_slash(path))
        assert (without.status_code, without.content) == (with_slash.status_code, with_slash.content)
        assert without.status_code not in {301, 307, 308, 404}


@EVERY_PATH
def test_options_lists_the_methods_of_every_path(site: Site, path: str) -> None:
    for way in with_and_without_slash(path):
        answer = site.ask("OPTIONS", way)
        assert (answer.status_code, answer.content) == (204, b"")
        assert answer.headers["allow"] == allowed(path)
        assert "content-length" not in answer.headers


@EVERY_PATH
def test_head_is_get_without_a_body(alice: Member, path: str) -> None:
    alice.create_post()
    for way in with_and_without_slash(path):
        head, got = alice.ask("HEAD", way), alice.ask("GET", way)
        assert head.status_code == got.status_code == (200 if "GET" in PATHS[path] else 405)
        assert head.content == b""
        differing = {"x-request-id"}
        assert {name: value for name, value in head.headers.items() if name not in differing} == {
            name: value for name, value in got.headers.items() if name not in differing
        }


@EVERY_PATH
def test_other_methods_get_405_with_the_allowed_methods(alice: Member, path: str) -> None:
    for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "CONNECT", "PROPFIND", "ALLOW"} - PATHS[path]:
        answer = alice.ask(method, path, headers={"X-Secret": "do not echo"})
        assert problem(answer, 405)["detail"] == f"Here, {allowed(path)} are allowed."
        assert answer.headers["allow"] == allowed(path)
        assert b"echo" not in answer.content


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "OPTIONS", "TRACE"])
def test_an_unknown_path_is_404_for_every_method(site: Site, method: str) -> None:
    for path in ("/", "/nothing", "/api/", "/api/posts/1/nothing", "/api/posts/1/2/3/", "/schema"):
        problem(site.ask(method, path), 404)


def test_head_is_refused_as_get_would_be(site: Site, alice: Member) -> None:
    assert site.ask("HEAD", "/api/users/me/").status_code == 401
    assert site.ask("HEAD", "/api/posts/77/").status_code == 404
    assert site.ask("HEAD", "/api/posts/?limit=x").status_code == 400
    assert site.ask("HEAD", "/nothing").content == b""


def test_the_application_sends_no_body_for_head(site: Site) -> None:
    """Servers and clients drop it too, so that only the application itself shows it."""
    told: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        told.append(dict(message))

    scope = {"type": "http", "method": "HEAD", "path": "/livez", "query_string": b"", "headers": []}
    site.run(site.app(scope, receive, send))
    assert [message["type"] for message in told] == ["http.response.start", "http.response.body"]
    assert (told[0]["status"], told[1]["body"], told[1]["more_body"]) == (200, b"", False)
