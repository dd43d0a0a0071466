"""A request that is sent to several processes at once under one key is done once."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from threading import Barrier

import httpx
import pytest
from tests.durability.stored import POST, Stored
from tests.durability.writers import all_posts
from tests.servers import Server


@pytest.fixture
def servers(stored: Stored) -> Iterator[list[Server]]:
    """Two on one database."""
    stored.add_users("alice")
    with ExitStack() as stack:
        yield [stack.enter_context(stored.serving()) for _ in range(2)]


def test_one_of_six_concurrent_creates_with_one_key_is_processed(stored: Stored, servers: list[Server]) -> None:
    together, token = Barrier(6), stored.log_in("alice")

    def create(number: int, key: str) -> httpx.Response:
        with servers[number % 2].client(token) as client:
            assert client.get("/livez").status_code == 200
            together.wait()
            return client.post("/api/posts/", json=POST, headers={"Idempotency-Key": key})

    with ThreadPoolExecutor(6) as pool:
        rounds = [list(pool.map(create, range(6), [f"key-{number}"] * 6)) for number in range(3)]

    for answers in rounds:
        assert [answer.status_code for answer in answers] == [201] * 6
        assert len({answer.content for answer in answers}) == 1
        assert sum("Idempotency-Replayed" in answer.headers for answer in answers) == 5
    with servers[0].client() as client:
        assert set(all_posts(client)) == {answers[0].json()["id"] for answers in rounds}
        assert len(all_posts(client)) == 3
