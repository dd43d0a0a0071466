"""A replica answers readers who show no token, and nobody ever sees their own writes undone."""

import httpx
import pytest
from tests.entrypoints.blogs import PASSWORD, Store, asked, shown, written

from blog.domain.errors import Unavailable


@pytest.fixture
def primary() -> Store:
    return Store("primary")


@pytest.fixture
def replica() -> Store:
    return Store("replica")


def test_whoever_shows_no_token_is_answered_by_the_replica(primary: Store, replica: Store) -> None:
    async def ask(client: httpx.AsyncClient) -> list[str]:
        listed = (await client.get("/api/posts/")).json()["results"][0]
        return [listed["title"], (await client.get(f"/api/posts/{listed['id']}/")).json()["title"]]

    assert asked(primary, ask, replica=replica) == ["replica"] * 2
    assert primary.units == 0


def test_everything_else_is_answered_by_the_primary(primary: Store, replica: Store) -> None:
    async def ask(client: httpx.AsyncClient) -> list[int]:
        client.headers = httpx.Headers(shown(primary.token))
        path = (await written(client, primary.token)).headers["location"]
        said = {"username": "ann", "password": PASSWORD}
        answers = [
            await client.post("/api/login/", json=said),
            await client.get("/api/users/me/"),
            await client.get("/readyz"),
            await client.get("/api/posts/"),
            await client.get(path),
            await client.patch(path, json={"title": "Changed"}),
            await client.delete(path),
            await client.post("/api/logout/"),
        ]
        return [answer.status_code for answer in answers]

    assert asked(primary, ask, replica=replica) == [200] * 6 + [204] * 2
    assert replica.units == 0


def test_a_token_that_only_the_replica_still_knows_is_dead(primary: Store, replica: Store) -> None:
    answer = asked(primary, lambda client: client.get("/api/posts/", headers=shown(replica.token)), replica=replica)
    assert answer.status_code == 401
    assert replica.units == 0


def test_where_the_replica_does_not_answer_the_primary_does(primary: Store, replica: Store) -> None:
    def gone() -> None:
        raise Unavailable("The replica is gone.")

    replica.before = gone
    answer = asked(primary, lambda client: client.get("/api/posts/"), replica=replica)
    assert [post["title"] for post in answer.json()["results"]] == ["primary"]
    assert replica.units == 1


def test_a_replica_that_did_not_answer_is_left_alone_for_a_while(primary: Store, replica: Store) -> None:
    def gone() -> None:
        raise Unavailable("The replica is gone.")

    async def ask(client: httpx.AsyncClient) -> list[str]:
        return [(await client.get("/api/posts/")).json()["results"][0]["title"] for _ in range(3)]

    replica.before = gone
    assert asked(primary, ask, replica=replica) == ["primary"] * 3
    assert replica.units == 1


def test_a_replica_that_has_rested_is_asked_again(
    primary: Store, replica: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("blog.entrypoints.http.state.REPLICA_COOLDOWN", 0)

    async def ask(client: httpx.AsyncClient) -> list[str]:
        seen = []
        for before in (gone, lambda: None):
            replica.before = before
            seen.append((await client.get("/api/posts/")).json()["results"][0]["title"])
        return seen

    def gone() -> None:
        raise Unavailable("The replica is gone.")

    assert asked(primary, ask, replica=replica) == ["primary", "replica"]


def test_what_the_replica_knows_not_to_be_there_is_not_asked_for_again(primary: Store, replica: Store) -> None:
    answer = asked(primary, lambda client: client.get("/api/posts/99/"), replica=replica)
    assert answer.status_code == 404
    assert primary.units == 0


def test_whoever_wrote_reads_what_they_wrote_however_far_the_replica_is_behind(primary: Store, replica: Store) -> None:
    async def ask(client: httpx.AsyncClient) -> list[tuple[str, int]]:
        path = (await written(client, primary.token)).headers["location"]
        seen = []
        for number in range(5):
            await client.patch(path, json={"title": f"Version {number}"}, headers=shown(primary.token))
            await client.get("/api/posts/")  # as somebody else may, from the replica
            read = (await client.get(path, headers=shown(primary.token))).json()
            listed = (await client.get("/api/posts/", headers=shown(primary.token))).json()["results"][0]
            assert listed == read
            seen.append((read["title"], read["version"]))
        return seen

    assert asked(primary, ask, replica=replica) == [(f"Version {number}", number + 2) for number in range(5)]
    assert replica.titles() == ["replica"]
