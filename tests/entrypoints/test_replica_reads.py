"""A replica serves reads without a token; users always read their own writes."""

import httpx
import pytest
from tests.entrypoints.blocking_blogs import PASSWORD, Store, authorization, create_post, run_requests

from blog.domain.errors import Unavailable


@pytest.fixture
def primary() -> Store:
    return Store("primary")


@pytest.fixture
def replica() -> Store:
    return Store("replica")


def test_reads_without_a_token_go_to_the_replica(primary: Store, replica: Store) -> None:
    async def ask(client: httpx.AsyncClient) -> list[str]:
        listed = (await client.get("/api/posts/")).json()["results"][0]
        return [listed["title"], (await client.get(f"/api/posts/{listed['id']}/")).json()["title"]]

    assert run_requests(primary, ask, replica=replica) == ["replica"] * 2
    assert primary.units == 0


def test_all_other_requests_go_to_the_primary(primary: Store, replica: Store) -> None:
    async def ask(client: httpx.AsyncClient) -> list[int]:
        client.headers = httpx.Headers(authorization(primary.token))
        path = (await create_post(client, primary.token)).headers["location"]
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

    assert run_requests(primary, ask, replica=replica) == [200] * 6 + [204] * 2
    assert replica.units == 0


def test_a_link_that_only_the_replica_still_has_shows_nothing(primary: Store, replica: Store) -> None:
    with replica.inner() as blog:
        secret = blog.previews.create(replica.ann, blog.posts.page().posts[0].id).secret
    answer = run_requests(primary, lambda client: client.get(f"/api/previews/{secret}/"), replica=replica)
    assert answer.status_code == 404
    assert replica.units == 0


def test_a_token_that_only_the_replica_still_has_is_invalid(primary: Store, replica: Store) -> None:
    answer = run_requests(
        primary, lambda client: client.get("/api/posts/", headers=authorization(replica.token)), replica=replica
    )
    assert answer.status_code == 401
    assert replica.units == 0


def test_the_primary_is_read_if_the_replica_is_unavailable(primary: Store, replica: Store) -> None:
    def gone() -> None:
        raise Unavailable("The replica is gone.")

    replica.before = gone
    answer = run_requests(primary, lambda client: client.get("/api/posts/"), replica=replica)
    assert [post["title"] for post in answer.json()["results"]] == ["primary"]
    assert replica.units == 1


def test_an_unavailable_replica_is_skipped_during_its_cooldown(primary: Store, replica: Store) -> None:
    def gone() -> None:
        raise Unavailable("The replica is gone.")

    async def ask(client: httpx.AsyncClient) -> list[str]:
        return [(await client.get("/api/posts/")).json()["results"][0]["title"] for _ in range(3)]

    replica.before = gone
    assert run_requests(primary, ask, replica=replica) == ["primary"] * 3
    assert replica.units == 1


def test_a_replica_is_read_again_after_its_cooldown(
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

    assert run_requests(primary, ask, replica=replica) == ["primary", "replica"]


def test_not_found_on_the_replica_is_not_repeated_on_the_primary(primary: Store, replica: Store) -> None:
    answer = run_requests(primary, lambda client: client.get("/api/posts/99/"), replica=replica)
    assert answer.status_code == 404
    assert primary.units == 0


def test_a_user_reads_their_own_writes_despite_a_lagging_replica(primary: Store, replica: Store) -> None:
    async def ask(client: httpx.AsyncClient) -> list[tuple[str, int]]:
        path = (await create_post(client, primary.token)).headers["location"]
        seen = []
        for number in range(5):
            await client.patch(path, json={"title": f"Version {number}"}, headers=authorization(primary.token))
            await client.get("/api/posts/")  # as somebody else may, from the replica
            read = (await client.get(path, headers=authorization(primary.token))).json()
            listed = (await client.get("/api/posts/", headers=authorization(primary.token))).json()["results"][0]
            assert listed == read
            seen.append((read["title"], read["version"]))
        return seen

    assert run_requests(primary, ask, replica=replica) == [(f"Version {number}", number + 2) for number in range(5)]
    assert replica.titles() == ["replica"]
