"""The blog promises that…"""

import pytest
from tests.entrypoints.http.houses import House, Person
from tests.entrypoints.http.visits import faulty

on_both = pytest.mark.parametrize("store", ["memory", "sqlite"], indirect=True)
POSTS = "/api/posts/"
ALL, NONE = {"update": True, "delete": True}, {"update": False, "delete": False}


@pytest.fixture
def alice(house: House) -> Person:
    return house.person("alice")


@on_both
def test_a_post_tells_whoever_asks_what_they_may_do_with_it(house: House, alice: Person) -> None:
    path = f"{POSTS}{alice.writes()}/?include=permissions"
    assert house.ask("GET", path).json()["permissions"] == NONE
    assert alice.ask("GET", path).json()["permissions"] == ALL
    for other in (house.person("bob"), house.person("root", is_admin=True)):
        assert other.ask("GET", path).json()["permissions"] == NONE
    for scopes, expected in ((["posts:write"], ALL), (["posts:read"], NONE), (["account"], NONE), ([], NONE)):
        assert house.again("alice", scopes=scopes).ask("GET", path).json()["permissions"] == expected


@on_both
def test_what_a_post_tells_is_what_happens(house: House, alice: Person) -> None:
    people = [alice, house.person("bob"), house.again("alice", scopes=["posts:read"])]
    for person in people[::-1]:
        path = f"{POSTS}{alice.writes()}/"
        told = person.ask("GET", f"{path}?include=permissions").json()["permissions"]
        updated = person.ask("PATCH", path, json={"title": "Another"}).status_code == 200
        assert told == {"update": updated, "delete": person.ask("DELETE", path).status_code == 204}


@on_both
def test_a_list_tells_it_of_each_post_and_so_does_the_next_page(house: House, alice: Person) -> None:
    bob = house.person("bob")
    for writer in (alice, bob, alice, bob, alice):
        writer.writes()
    told, url = [], f"{POSTS}?limit=2&include=permissions"
    while url:
        answer = alice.ask("GET", url)
        told += [post["permissions"] for post in answer.json()["results"]]
        url = answer.json()["next"]
        assert answer.headers.get("link") == (f'<{url}>; rel="next"' if url else None)
    assert told == [ALL, NONE, ALL, NONE, ALL]
    anonymous = house.ask("GET", f"{POSTS}?include=permissions").json()["results"]
    assert [post["permissions"] for post in anonymous] == [NONE] * 5


def test_a_post_tells_it_only_to_whoever_wants_to_know(house: House, alice: Person) -> None:
    post = alice.writes()
    for path in (POSTS, f"{POSTS}{post}/"):
        assert b"permissions" not in alice.ask("GET", path).content
        for query in ("include=", "include=all", "include=permissions&include=permissions", "include=permissions,x"):
            assert faulty(alice.ask("GET", f"{path}?{query}")) == ["include"]
