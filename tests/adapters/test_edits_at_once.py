"""Of people who edit one post at once, having seen the same version of it, one is heard: over HTTP, in every store."""

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
def served(request: pytest.FixtureRequest) -> tuple[OpenStores, Any]:
    """Each store in turn, empty, and how it keeps several units of work at once, if it does."""
    if request.param == "memory":
        return MemoryStore(), None
    store: SqlStore = request.getfixturevalue(request.param.partition(" ")[0])
    return store, store.group_commit if "together" in request.param else None


def editing(served: tuple[OpenStores, Any], method: str, seen: str) -> tuple[list[Response], Response]:
    """What six editors are answered who all have seen this of Ann's post, and what there is then."""
    open_blog = create_blog(served[0], hasher=Argon2PasswordHasher(memory=8, iterations=1))
    with open_blog() as blog:
        blog.users.add(Operator(), "ann", PASSWORD)
    token = log_in(open_blog, "ann", PASSWORD)[1].secret
    app: Any = create_app(open_blog, group_commit=served[1], threads=EDITORS)

    async def run() -> tuple[list[Response], Response]:
        shown = {"Authorization": f"Token {token}"}
        async with AsyncClient(transport=ASGITransport(app), base_url="http://blog", headers=shown) as client:
            post = await client.post("/api/posts/", json={"title": "A title", "body": "A body"})
            path = post.headers["location"]
            edits = [_edit(client, method, path, seen, number) for number in range(EDITORS)]
            return list(await asyncio.gather(*edits)), await client.get(path)

    return asyncio.run(run())


async def _edit(client: httpx.AsyncClient, method: str, path: str, seen: str, number: int) -> Response:
    said = {"title": f"Number {number}", "body": "A body"}
    return await client.request(method, path, headers={"If-Match": seen}, json=None if method == "DELETE" else said)


def statuses(answers: Sequence[Response]) -> list[int]:
    return sorted(answer.status_code for answer in answers)


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_of_six_who_edit_the_same_version_at_once_one_is_heard(served: tuple[OpenStores, Any], method: str) -> None:
    answers, left = editing(served, method, '"1"')
    assert statuses(answers) == [200] + [412] * (EDITORS - 1)
    (heard,) = [answer for answer in answers if answer.status_code == 200]
    assert (left.json(), left.headers["etag"]) == (heard.json(), heard.headers["etag"])
    assert heard.headers["etag"].startswith('"2-')
    for answer in answers:
        assert answer.headers["etag"] == heard.headers["etag"]
        if answer is not heard:
            told = answer.json()
            assert (told["version"], told["conflicting_fields"]) == (2, ["title"])


def test_of_six_who_delete_it_one_does(served: tuple[OpenStores, Any]) -> None:
    answers, left = editing(served, "DELETE", '"1"')
    assert statuses(answers) == [204] + [404] * (EDITORS - 1)
    assert left.status_code == 404
