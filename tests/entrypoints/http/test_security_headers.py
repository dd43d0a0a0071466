"""Security headers, request ids and CORS of every response."""

import asyncio
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from httpx import Response
from tests.entrypoints.http.clients import Member, Site, problem

from blog.domain.blog import OpenBlog
from blog.entrypoints.http import create_app
from blog.entrypoints.http.middleware.security_headers import SecurityHeadersMiddleware

PAGE = "https://pages.example"

FORKING = """
import asyncio, os
from blog.entrypoints.http.middleware.security_headers import SecurityHeadersMiddleware

async def app(scope, receive, send):
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})

async def show(message):
    if message["type"] == "http.response.start":
        os.write(1, dict(message["headers"])[b"x-request-id"] + b" ")

async def ask():
    for _ in range(50):
        await SecurityHeadersMiddleware(app)({"type": "http", "method": "GET", "path": "/", "headers": []}, None, show)

for _ in range(3):
    asyncio.run(ask())
    if os.fork():
        os.wait()
        break
asyncio.run(ask())
"""
"""A process that gives ids, and makes another of itself, which does so, too, and so on, three times."""


@pytest.fixture
def open_to_pages(open_blog: OpenBlog) -> Iterator[Site]:
    """A blog that pages of one origin may call."""
    site = Site(create_app(open_blog, cors_origins=[PAGE]), open_blog)
    yield site
    site.close()


def answers(site: Site, alice: Member, **sent: object) -> Iterator[Response]:
    """One of each kind: good ones, refusals by the blog, by HTTP, and by routing."""
    alice.create_post()
    asked = [("GET", "/api/posts/"), ("GET", "/livez"), ("GET", "/schema/openapi.json"), ("HEAD", "/api/posts/")]
    asked += [("GET", "/nothing"), ("POST", "/livez"), ("POST", "/api/login/"), ("GET", "/api/posts/?limit=x")]
    asked += [("OPTIONS", "/api/posts/"), ("OPTIONS", "/nothing"), ("DELETE", "/api/posts/1/"), ("GET", "/docs/x")]
    asked += [("GET", "/docs/start.js"), ("PATCH", "/api/posts/1/"), ("GET", "/api/users/me/"), ("GET", "/docs")]
    for method, path in asked:
        yield site.ask(method, path, **sent)
        yield alice.ask(method, path, **sent)
    yield site.ask("POST", "/api/login/", content=b" " * 9000, **sent)


def test_every_response_has_the_security_headers(site: Site, alice: Member) -> None:
    for answer in answers(site, alice):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        if not answer.url.path.rstrip("/").endswith("/docs"):
            assert answer.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
        for name in ("server", "x-powered-by"):
            assert name not in answer.headers


def test_no_response_header_is_sent_twice(site: Site, alice: Member) -> None:
    for answer in answers(site, alice):
        names = [name.lower() for name, _ in answer.headers.raw]
        assert len(names) == len(set(names))


def test_responses_to_a_token_are_not_cacheable(alice: Member) -> None:
    for path in ("/api/users/me/", "/api/posts/", "/api/posts/1/", "/nothing"):
        assert alice.ask("GET", path).headers["cache-control"] == "private, no-store"
    assert alice.ask("POST", "/api/posts/", json={}).headers["cache-control"] == "private, no-store"


def test_each_response_has_the_request_id_of_the_client_or_a_new_one(site: Site, alice: Member) -> None:
    for chosen in ("a", "0123-4567", "A" * 64):
        for answer in answers(site, alice, headers={"X-Request-ID": chosen}):
            assert answer.headers["x-request-id"] == chosen


def test_a_harmful_request_id_is_replaced(site: Site) -> None:
    for chosen in (None, "", "A" * 65, "a b", "a_b", "a\x1b[31m", "<b>", "a;b", "ä", "{}", "%0a"):
        headers = {} if chosen is None else {"X-Request-ID": chosen.encode()}
        given = site.ask("GET", "/livez", headers=headers).headers["x-request-id"]
        assert re.fullmatch("[0-9a-f]{32}", given)


def test_request_ids_are_unique(site: Site) -> None:
    assert len({site.ask("GET", "/livez").headers["x-request-id"] for _ in range(50)}) == 50


def test_forked_processes_generate_different_request_ids() -> None:
    told = subprocess.run([sys.executable, "-c", FORKING], capture_output=True, text=True, timeout=60, check=True)
    ids = told.stdout.split()
    assert len(ids) == 7 * 50
    assert len(set(ids)) == len(ids)


def test_other_origins_get_no_cors_headers_by_default(site: Site, alice: Member) -> None:
    for answer in answers(site, alice, headers={"Origin": PAGE, "Access-Control-Request-Method": "DELETE"}):
        assert not [name for name in answer.headers if name.startswith("access-control-")]


def test_a_configured_origin_may_send_every_request(open_to_pages: Site) -> None:
    wanted = {"Access-Control-Request-Method": "DELETE", "Access-Control-Request-Headers": "authorization, if-match"}
    asked = open_to_pages.ask("OPTIONS", "/api/posts/1/", headers={"Origin": PAGE, **wanted})
    assert asked.status_code == 204
    assert asked.headers["access-control-allow-origin"] == PAGE
    assert "DELETE" in asked.headers["access-control-allow-methods"]
    allowed = {"authorization", "content-type", "idempotency-key", "if-match", "if-none-match", "x-request-id"}
    assert allowed <= set(asked.headers["access-control-allow-headers"].lower().split(", "))
    assert asked.headers["x-content-type-options"] == "nosniff"


def test_a_configured_origin_may_read_responses_and_errors(open_to_pages: Site) -> None:
    for method, path in (("GET", "/api/posts/"), ("DELETE", "/api/posts/1/"), ("GET", "/api/posts/77/"), ("GET", "/x")):
        answer = open_to_pages.ask(method, path, headers={"Origin": PAGE})
        assert answer.headers["access-control-allow-origin"] == PAGE
        assert {"etag", "idempotency-replayed", "link"} <= set(
            answer.headers["access-control-expose-headers"].lower().split(", ")
        )
        assert "access-control-allow-credentials" not in answer.headers


def test_an_origin_that_is_not_configured_may_not(open_to_pages: Site) -> None:
    for origin in ("https://evil.example", "null", f"{PAGE}.evil.example", "http://pages.example"):
        answer = open_to_pages.ask("GET", "/api/posts/", headers={"Origin": origin})
        assert answer.headers.get("access-control-allow-origin") is None
        asked = open_to_pages.ask(
            "OPTIONS", "/api/posts/", headers={"Origin": origin, "Access-Control-Request-Method": "POST"}
        )
        assert asked.headers.get("access-control-allow-origin") is None


def test_the_host_header_is_not_repeated(alice: Member) -> None:
    alice.create_post()
    alice.create_post()
    forged = {"Host": "evil.example", "X-Forwarded-Host": "evil.example", "X-Forwarded-Prefix": "/evil.example"}
    forged |= {"Forwarded": "host=evil.example", "X-Original-URL": "/evil.example", "X-Forwarded-Proto": "evil"}
    for method, path in (("GET", "/api/posts/?limit=1"), ("POST", "/api/posts/"), ("GET", "/docs"), ("GET", "/x")):
        answer = alice.ask(method, path, json={"title": "A", "body": "B"}, headers=forged)
        assert b"evil" not in answer.content
        assert not [value for value in answer.headers.values() if "evil" in value]
    assert b"evil" not in alice.ask("GET", "/schema/openapi.json", headers=forged).content
    created = alice.ask("POST", "/api/posts/", json={"title": "A", "body": "B"}, headers=forged)
    assert created.headers["location"].startswith("/api/posts/")
    problem(alice.ask("GET", "http://evil.example/nothing"), 404)


def test_an_error_outside_of_routes_is_a_problem_and_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    async def broken(scope: object, receive: object, send: object) -> None:
        raise LookupError("hunter2")

    async def ask() -> Response:
        app: Any = SecurityHeadersMiddleware(broken)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://blog.test") as client:
            return await client.get("/api/posts/")

    answer = asyncio.run(ask())
    assert "detail" not in problem(answer, 500)
    (record,) = caplog.records
    assert answer.headers["x-request-id"] in record.getMessage()
