"""One of several concurrent edits of the same version succeeds: over HTTP, in every store."""

import asyncio
from collections.abc import Sequence
from typing import Any

import httpx
import pytest
from httpx import ASGITransport, AsyncClient, Response

from blog.adapters.argon2 import Argon2PasswordHasher
from blog.adapters.memory import MemoryStore
from blog.adapters.sql import SqlStore
from blog.bootstrap import create_blog
from blog.domain.accounts.actors import Operator
from blog.domain.accounts.login import log_in
from blog.domain.blog import OpenStores
from blog.entrypoints.http import create_app

PASSWORD = "correct horse battery staple"
EDITORS = 6


@pytest.fixture(params=["memory", "sqlite", "sqlite together", "postgresql"])
def store_and_group_commit(request: pytest.FixtureRequest) -> tuple[OpenStores, Any]:
    """Each store in turn, empty, with its group commit if it has one."""
    if request.param == "memory":
        return MemoryStore(), None
    store: SqlStore = request.getfixturevalue(request.param.partition(" ")[0])
    return store, store.group_commit if "together" in request.param else None


def send_concurrent_edits(
    store_and_group_commit: tuple[OpenStores, Any], method: str, if_match: str
) -> tuple[list[Response], Response]:
    """Send six concurrent edits of Ann's post with this `If-Match`. Return the responses and the post afterwards."""
    open_blog = create_blog(store_and_group_commit[0], hasher=Argon2PasswordHasher(memory=8, iterations=1))
    with open_blog() as blog:
        blog.users.add(Operator(), "ann", PASSWORD)
    token = log_in(open_blog, "ann", PASSWORD)[1].secret
    app: Any = create_app(open_blog, group_commit=store_and_group_commit[1], threads=EDITORS)

    async def run() -> tuple[list[Response], Response]:
        shown = {"Authorization": f"Token {token}"}
        async with AsyncClient(transport=ASGITransport(app), base_url="http://blog", headers=shown) as client:
            post = await client.post("/api/posts/", json={"title": "A title", "body": "A body"})
            path = post.headers["location"]
            edits = [_edit(client, method, path, if_match, number) for number in range(EDITORS)]
            return list(await asyncio.gather(*edits)), await client.get(path)

    return asyncio.run(run())


async def _edit(client: httpx.AsyncClient, method: str, path: str, if_match: str, number: int) -> Response:
    said = {"title": f"Number {number}", "body": "A body"}
    return await client.request(method, path, headers={"If-Match": if_match}, json=None if method == "DELETE" else said)


def statuses(responses: Sequence[Response]) -> list[int]:
    return sorted(answer.status_code for answer in responses)


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_one_of_six_concurrent_edits_of_the_same_version_succeeds(
    store_and_group_commit: tuple[OpenStores, Any], method: str
) -> None:
    responses, left = send_concurrent_edits(store_and_group_commit, method, '"1"')
    assert statuses(responses) == [200] + [412] * (EDITORS - 1)
    (heard,) = [answer for answer in responses if answer.status_code == 200]
    assert (left.json(), left.headers["etag"]) == (heard.json(), heard.headers["etag"])
    assert heard.headers["etag"].startswith('"2-')
    for answer in responses:
        assert answer.headers["etag"] == heard.headers["etag"]
        if answer is not heard:
            told = answer.json()
            assert (told["version"], told["conflicting_fields"]) == (2, ["title"])


def test_one_of_six_concurrent_deletions_succeeds(store_and_group_commit: tuple[OpenStores, Any]) -> None:
    responses, left = send_concurrent_edits(store_and_group_commit, "DELETE", '"1"')
    assert statuses(responses) == [204] + [404] * (EDITORS - 1)
    assert left.status_code == 404
