"""`include=permissions` shows what the caller may do with a post."""

import pytest
from tests.entrypoints.http.clients import invalid_fields
from tests.entrypoints.http.configured_sites import ConfiguredSite, SiteUser

on_both = pytest.mark.parametrize("store", ["memory", "sqlite"], indirect=True)
POSTS = "/api/posts/"
ALL, NONE = (dict.fromkeys(("update", "delete", "publish"), may) for may in (True, False))


@pytest.fixture
def alice(configured_site: ConfiguredSite) -> SiteUser:
    return configured_site.add_user("alice")


@on_both
def test_a_post_shows_the_permissions_of_the_caller(configured_site: ConfiguredSite, alice: SiteUser) -> None:
    path = f"{POSTS}{alice.create_post()}/?include=permissions"
    assert configured_site.ask("GET", path).json()["permissions"] == NONE
    assert alice.ask("GET", path).json()["permissions"] == ALL
    for other in (configured_site.add_user("bob"), configured_site.add_user("root", is_admin=True)):
        assert other.ask("GET", path).json()["permissions"] == NONE
    for scopes, expected in (
        (["posts:write", "posts:publish"], ALL),
        (["posts:publish"], {**NONE, "publish": True}),
        (["posts:write"], NONE),
        (["posts:read"], NONE),
        (["account"], NONE),
        ([], NONE),
    ):
        assert configured_site.with_new_token("alice", scopes=scopes).ask("GET", path).json()["permissions"] == expected
    draft = configured_site.with_new_token("alice", scopes=["posts:write"])
    told = draft.ask("GET", f"{POSTS}{draft.create_post()}/?include=permissions").json()
    assert (told["status"], told["permissions"]) == ("draft", {**ALL, "publish": False})


@on_both
def test_the_shown_permissions_are_the_enforced_ones(configured_site: ConfiguredSite, alice: SiteUser) -> None:
    scopes = (["posts:read"], ["posts:write"], ["posts:publish"], ["posts:write", "posts:publish"])
    others = (configured_site.with_new_token("alice", scopes=some) for some in scopes)
    people = [alice, configured_site.add_user("bob"), *others]
    for person in people[::-1]:
        path = f"{POSTS}{alice.create_post()}/"
        told = person.ask("GET", f"{path}?include=permissions").json()["permissions"]
        updated = person.ask("PATCH", path, json={"title": "Another"}).status_code == 200
        published = person.ask("POST", f"{path}publish/").status_code == 200
        deleted = person.ask("DELETE", path).status_code == 204
        assert told == {"update": updated, "delete": deleted, "publish": published}


@on_both
def test_a_list_and_its_next_page_show_permissions_of_each_post(
    configured_site: ConfiguredSite, alice: SiteUser
) -> None:
    bob = configured_site.add_user("bob")
    for writer in (alice, bob, alice, bob, alice):
        writer.create_post()
    told, url = [], f"{POSTS}?limit=2&include=permissions"
    while url:
        answer = alice.ask("GET", url)
        told += [post["permissions"] for post in answer.json()["results"]]
        url = answer.json()["next"]
        assert answer.headers.get("link") == (f'<{url}>; rel="next"' if url else None)
    assert told == [ALL, NONE, ALL, NONE, ALL]
    anonymous = configured_site.ask("GET", f"{POSTS}?include=permissions").json()["results"]
    assert [post["permissions"] for post in anonymous] == [NONE] * 5


def test_permissions_are_shown_on_request_only(configured_site: ConfiguredSite, alice: SiteUser) -> None:
    post = alice.create_post()
    for path in (POSTS, f"{POSTS}{post}/"):
        assert b"permissions" not in alice.ask("GET", path).content
        for query in ("include=", "include=all", "include=permissions&include=permissions", "include=permissions,x"):
            assert invalid_fields(alice.ask("GET", f"{path}?{query}")) == ["include"]
