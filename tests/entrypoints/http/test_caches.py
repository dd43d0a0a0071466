"""Caches do not grow with different requests."""

import asyncio
import gc
import json
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest
from tests.entrypoints.http.clients import Member, Site

from blog.domain.blog import OpenBlog
from blog.entrypoints.http import create_app

LONG = 16_000
"""Characters of a query, a path or a header: as many as the server lets in."""
TIMES = 60
ALLOWED = 1_000_000
"""Bytes that may be held after all those requests: a tenth of what their queries and paths have."""


def ask(site: Site, member: Member, number: int) -> None:
    """Send requests that differ in every part."""
    part = f"{number:06}" + "x" * LONG
    many = "&".join(f"a{number}-{each}={each}" for each in range(900))
    for query in (f"q={part}", f"fields={'id,' * 4000}{number}", f"author={part}", f"x={part}", many):
        assert send(site, "GET", "/api/posts/", query, number=number) in {200, 400}
    assert send(site, "GET", f"/{part}/", number=number) == 404
    assert send(site, "GET", f"/api/posts/{number}{'7' * LONG}/", number=number) == 404
    post, token = "/api/posts/1/", f"Token {member.token}"
    assert send(site, "GET", post, number=number, if_none_match=f'"{part}"') == 200
    assert send(site, "GET", post, number=number, authorization=f"Token {part}") == 401
    assert send(site, "GET", post, number=number, authorization=f"{part} {part}") == 200
    body = json.dumps({part: part}).encode()
    for method, path in (("PATCH", post), ("POST", "/api/posts/"), ("POST", "/api/posts/batch/")):
        said = {"authorization": token, "content_type": "application/json", "if_match": '"1"'}
        assert send(site, method, path, body=body, number=number, **said, idempotency_key=part) == 400
        assert send(site, method, path, body=body, number=number, **said | {"content_type": part}) == 415


def send(site: Site, method: str, path: str, query: str = "", body: bytes = b"", *, number: int, **headers: str) -> int:
    """Send a request without a client, which would keep much of it; the status of the answer."""
    part = f"{number:06}" + "x" * LONG
    others = {"host": f"h{number}.example", "x-request-id": f"id-{number}", "x-forwarded-for": f"192.0.2.1, {part}"}
    others |= {"user-agent": part, "accept": part, "cookie": f"a={part}", "referer": part, "origin": part}
    others |= {name.replace("_", "-"): value for name, value in headers.items()}
    told: list[int] = []

    received = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> dict[str, Any]:
        if not received:
            await asyncio.Event().wait()  # for a client that stays
        return received.pop()

    async def answer(message: Any) -> None:
        told.append(message.get("status", 0))

    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in others.items()],
        "client": (f"192.0.2.{number}", number),
    }
    site.run(site.app(scope, receive, answer))
    return told[0]


@pytest.fixture
def site(open_blog: OpenBlog) -> Iterator[Site]:
    """A blog behind a proxy that is trusted."""
    site = Site(create_app(open_blog, trusted_proxies=["192.0.2.0/24"]), open_blog)
    yield site
    site.close()


def test_no_cache_grows_with_the_values_that_clients_send(site: Site, alice: Member) -> None:
    alice.create_post()
    for number in range(3):
        ask(site, alice, number)
    gc.collect()
    tracemalloc.start()
    try:
        for number in range(3, 3 + TIMES):
            ask(site, alice, number)
        gc.collect()
        held = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert held < ALLOWED
