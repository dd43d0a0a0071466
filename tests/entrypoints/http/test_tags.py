"""Tags over HTTP: of posts, as filters of lists and searches, and the list of all tags."""

import base64
import json
from collections.abc import Iterator
from itertools import product
from typing import Any
from urllib.parse import urlencode

import pytest
from httpx import Response
from tests.entrypoints.http.clients import Member, Site, StoppedClock, invalid_fields, problem

from blog.domain.blog import OpenBlog
from blog.domain.posts.tags import MAX_TAG_LENGTH, MAX_TAGS, tag_key
from blog.entrypoints.http import create_app

POSTS = "/api/posts/"
BATCH = f"{POSTS}batch/"
TAGS = "/api/tags/"
LATER = "2026-11-22T10:30:00.000000Z"
LONGEST = [f"{'🦊' * (MAX_TAG_LENGTH - 1)}{chr(ord('a') + number)}" for number in range(MAX_TAGS)]

pytestmark = pytest.mark.parametrize("store", ["memory", "sqlite"], indirect=True)


def create(member: Member, *tags: str, **more: Any) -> dict[str, Any]:
    answer = member.ask("POST", POSTS, json={"title": "A title", "body": "A body", "tags": tags, **more})
    assert answer.status_code == 201, answer.text
    post: dict[str, Any] = answer.json()
    return post


def ids(answer: Response) -> list[int]:
    assert answer.status_code == 200, answer.text
    return [post["id"] for post in answer.json()["results"]]


def pages(asker: Site | Member, url: str) -> Iterator[Response]:
    """Follow `next` from this page on."""
    following: Any = url
    for _ in range(99):
        answer = asker.ask("GET", following)
        assert answer.status_code == 200, answer.text
        yield answer
        following = answer.json()["next"]
        if following is None:
            return
    pytest.fail("no page is the last one")


def counts(asker: Site | Member) -> dict[str, int]:
    """The numbers of posts by tag, in the order of the tags."""
    answer = asker.ask("GET", TAGS)
    assert answer.status_code == 200, answer.text
    assert answer.json()["next"] is None
    return {each["tag"]: each["posts"] for each in answer.json()["results"]}


# Tags of a post


def test_tags_are_kept_as_they_are_written_and_in_their_order(site: Site, alice: Member) -> None:
    tags = ["Sea", "café", "a, b", "東京", "C++", "no"]
    post = create(alice, *tags)
    assert post["tags"] == tags
    assert site.ask("GET", f"{POSTS}{post['id']}/").json() == post
    assert site.ask("GET", POSTS).json()["results"] == [post]
    assert site.ask("GET", f"{POSTS}?fields=tags").json()["results"] == [{"tags": tags}]
    assert site.ask("GET", f"{POSTS}?q=title").json()["results"][0]["tags"] == tags


def test_tags_are_changed_and_left_as_they_are(alice: Member) -> None:
    post = create(alice, "a", "b")
    one = f"{POSTS}{post['id']}/"
    assert alice.ask("PATCH", one, json={"title": "Another"}).json()["tags"] == ["a", "b"]
    assert alice.ask("PATCH", one, json={"tags": ["b", "a"]}).json()["tags"] == ["b", "a"]
    same = alice.ask("PATCH", one, json={"tags": ["b", "a"]}).json()
    assert (same["tags"], same["version"]) == (["b", "a"], 3)
    assert alice.ask("PUT", one, json={"title": "A", "body": "B"}).json()["tags"] == ["b", "a"]
    assert alice.ask("PUT", one, json={"title": "A", "body": "B", "tags": ["B"]}).json()["tags"] == ["B"]
    assert alice.ask("PATCH", one, json={"tags": []}).json()["tags"] == []
    merge_patch = {"Content-Type": "application/merge-patch+json"}
    assert alice.ask("PATCH", one, content='{"tags": ["c"]}', headers=merge_patch).json()["tags"] == ["c"]
    assert invalid_fields(alice.ask("PATCH", one, content='{"tags": null}', headers=merge_patch)) == ["tags"]


def test_tags_belong_to_the_etag_and_to_a_conflict(alice: Member) -> None:
    one = f"{POSTS}{create(alice, 'a')['id']}/"
    before = alice.ask("GET", one).headers["etag"]
    after = alice.ask("PATCH", one, json={"tags": ["b"]}).headers["etag"]
    assert before != after
    late = alice.ask("PATCH", one, json={"tags": ["c"]}, headers={"If-Match": before})
    assert problem(late, 412)["conflicting_fields"] == ["tags"]


@pytest.mark.parametrize(
    ("tags", "fields"),
    [
        ([""], ["tags[0]"]),
        (["a", " b", "c ", "\u200b"], ["tags[1]", "tags[2]", "tags[3]"]),
        (["x" * (MAX_TAG_LENGTH + 1)], ["tags[0]"]),
        (["two\nlines", "nul\0"], ["tags[0]", "tags[1]"]),
        (["a", "b", "A"], ["tags[2]"]),
        (["ß", "ﬁ", "SS", "FI"], ["tags[2]", "tags[3]"]),
        ([str(number) for number in range(MAX_TAGS + 1)], ["tags"]),
        ("a", ["tags"]),
        (["a", 7], ["tags[1]"]),
        ([["a"]], ["tags[0]"]),
        ([7] * 100, [f"tags[{number}]" for number in range(20)]),
        ({"a": "b"}, ["tags"]),
        (None, ["tags"]),
    ],
)
def test_tags_that_are_not_valid_are_refused_by_every_use_case(alice: Member, tags: Any, fields: list[str]) -> None:
    post = alice.create_post()
    content = {"title": "A title", "body": "A body", "tags": tags}
    one = f"{POSTS}{post['id']}/"
    assert invalid_fields(alice.ask("POST", POSTS, json=content)) == fields
    assert invalid_fields(alice.ask("PUT", one, json=content)) == fields
    assert invalid_fields(alice.ask("PATCH", one, json={"tags": tags})) == fields
    steps = [{"op": "create", **content}, {"op": "update", "id": post["id"], "tags": tags}]
    refused = alice.ask("POST", BATCH, json={"operations": steps})
    assert invalid_fields(refused) == [f"operations[{index}].{name}" for index in (0, 1) for name in fields]


def test_a_message_says_what_tags_must_be(alice: Member) -> None:
    def told(tags: Any) -> list[dict[str, str]]:
        answer = alice.ask("POST", POSTS, json={"title": "A title", "body": "A body", "tags": tags})
        errors: list[dict[str, str]] = problem(answer, 400)["errors"]
        return errors

    assert told("a,b") == [{"field": "tags", "message": "must be a list of strings"}]
    assert told(["a", 7]) == [{"field": "tags[1]", "message": "must be a string"}]


def test_tags_are_set_in_a_batch(site: Site, alice: Member) -> None:
    post = create(alice, "a")
    new = {"op": "create", "title": "New", "body": "New", "tags": ["b", "C"]}
    steps = [new, {**new, "status": "draft"}, {"op": "update", "id": post["id"], "tags": ["c"]}]
    answer = alice.ask("POST", BATCH, json={"operations": steps})
    assert [result["post"]["tags"] for result in answer.json()["results"]] == [["b", "C"], ["b", "C"], ["c"]]
    assert counts(site) == {"b": 1, "C": 2} or counts(site) == {"b": 1, "c": 2}


# Lists and searches by tag


@pytest.fixture
def tagged(alice: Member, bob: Member, clock: StoppedClock) -> dict[str, int]:
    """Posts by the first letters of their tags."""
    made: dict[str, int] = {}
    for member, tags in ((alice, ("sea", "Travel")), (bob, ("SEA",)), (alice, ("food", "travel", "Sea")), (bob, ())):
        clock.advance(minutes=1)
        made["".join(tag[0].lower() for tag in tags)] = create(member, *tags)["id"]
    return made


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("tag=sea", ["fts", "s", "st"]),
        ("tag=%EF%BC%B3%EF%BC%A5%EF%BC%A1", ["fts", "s", "st"]),
        ("tag=food&tag=TRAVEL", ["fts", "st"]),
        ("tag=food&tag=food", ["fts"]),
        ("tag=nothing", []),
        ("tag=se", []),
        ("tag=nothing&tag=food", ["fts"]),
        ("tags_all=sea&tags_all=travel", ["fts", "st"]),
        ("tags_all=sea&tags_all=SEA", ["fts", "s", "st"]),
        ("tags_all=sea&tags_all=nothing", []),
        ("tags_all=sea&tag=food&tag=nothing", ["fts"]),
        ("tag=sea&author=bob", ["s"]),
        ("tag=sea&author=bob&author=alice&tags_all=travel", ["fts", "st"]),
        ("tag=sea&published_after=2026-11-22T09:32:00Z", ["fts", "s"]),
    ],
)
def test_lists_and_searches_are_filtered_by_tag(
    site: Site, tagged: dict[str, int], query: str, found: list[str]
) -> None:
    expected = [tagged[name] for name in found]
    for kind in ("", "order=updated&", "q=title&"):
        answer = site.ask("GET", f"{POSTS}?{kind}{query}&count=true")
        assert (ids(answer), answer.json()["count"]) == (expected, len(expected)), kind
    assert ids(site.ask("GET", f"{POSTS}?order=oldest&{query}")) == expected[::-1]


def test_the_next_page_has_the_same_tags(tagged: dict[str, int], alice: Member) -> None:
    query = urlencode([("tag", "sea"), ("tag", "a, b & c"), ("tags_all", "SEA")])
    for kind in ("order=newest", "order=title", "q=title"):
        seen = []
        for answer in pages(alice, f"{POSTS}?{kind}&{query}&limit=1"):
            seen += ids(answer)
            assert len(seen) == 3 or answer.json()["next"] in answer.headers["link"]
        assert sorted(seen) == sorted(tagged[name] for name in ("fts", "s", "st")), kind


def test_ones_own_posts_are_filtered_by_tag(site: Site, alice: Member, bob: Member) -> None:
    made = {status: create(alice, "Sea", "mine", status=status)["id"] for status in ("draft", "published")}
    made["scheduled"] = create(alice, "Sea", "mine", published_at=LATER)["id"]
    for status, number in made.items():
        create(bob, "sea", **({"published_at": LATER} if status == "scheduled" else {"status": status}))
        create(alice, "other", **({"published_at": LATER} if status == "scheduled" else {"status": status}))
        for query in ("tag=sea", "tags_all=SEA&tags_all=mine", "tag=nothing&tag=mine"):
            answer = alice.ask("GET", f"{POSTS}?status={status}&{query}&count=true")
            assert (ids(answer), answer.json()["count"]) == ([number], 1)
    assert ids(site.ask("GET", f"{POSTS}?tag=mine")) == [made["published"]]


@pytest.mark.parametrize(
    "value", ["", "+", "a+", "+a", "x" * (MAX_TAG_LENGTH + 1), "a%0Ab", "%00", "%E2%80%8B", "a%E2%80%A8b"]
)
def test_a_tag_that_no_post_can_have_is_refused(site: Site, value: str) -> None:
    for name, kind in product(("tag", "tags_all"), ("", "q=x&")):
        assert invalid_fields(site.ask("GET", f"{POSTS}?{kind}{name}={value}")) == [name]


def test_a_list_is_filtered_by_twenty_tags_at_most(site: Site, alice: Member) -> None:
    number = create(alice, *LONGEST)["id"]
    for name in ("tag", "tags_all"):
        most = urlencode([(name, tag) for tag in LONGEST])
        assert ids(site.ask("GET", f"{POSTS}?{most}")) == [number]
        assert ids(site.ask("GET", f"{POSTS}?q=title&{most}")) == [number]
        refused = site.ask("GET", f"{POSTS}?{most}&{name}=a")
        assert {error["message"] for error in problem(refused, 400)["errors"]} == {"must stand only 20 times"}


def test_a_page_of_a_hundred_posts_has_all_their_tags(site: Site, alice: Member) -> None:
    steps = [{"op": "create", "title": f"Title {number}", "body": "A body", "tags": LONGEST} for number in range(100)]
    content = json.dumps({"operations": steps}, ensure_ascii=False).encode()
    answer = alice.ask("POST", BATCH, content=content, headers={"Content-Type": "application/json"})
    assert answer.status_code == 200, answer.text
    assert len(answer.content) < 2**20
    assert all(result["post"]["tags"] == LONGEST for result in answer.json()["results"])
    page = site.ask("GET", f"{POSTS}?limit=100").json()["results"]
    assert [post["tags"] for post in page] == [LONGEST] * 100


# All tags


def test_tags_are_listed_with_their_numbers_of_posts(
    site: Site, alice: Member, bob: Member, clock: StoppedClock
) -> None:
    assert counts(site) == {}
    create(alice, "travel", "Sea")
    clock.advance(seconds=1)
    post = create(bob, "SEA", "food")
    create(alice)
    for asker in (site, alice, bob):
        assert counts(asker) == {"food": 1, "Sea": 2, "travel": 1}
    bob.ask("PATCH", f"{POSTS}{post['id']}/", json={"tags": ["travel"]})
    assert counts(site) == {"Sea": 1, "travel": 2}
    bob.ask("DELETE", f"{POSTS}{post['id']}/")
    assert counts(site) == {"Sea": 1, "travel": 1}


def test_tags_of_drafts_and_scheduled_posts_are_not_listed(
    site: Site, clock: StoppedClock, alice: Member, bob: Member
) -> None:
    draft = create(alice, "secret", "sea", status="draft")
    create(alice, "planned", "Sea", published_at=LATER)
    for asker in (site, alice, bob):
        assert counts(asker) == {}
    clock.advance(minutes=59, seconds=59)
    assert counts(site) == {}
    clock.advance(seconds=1)
    assert counts(site) == {"planned": 1, "Sea": 1}
    alice.ask("POST", f"{POSTS}{draft['id']}/publish/")
    assert {name.lower(): number for name, number in counts(site).items()} == {"planned": 1, "sea": 2, "secret": 1}
    alice.ask("POST", f"{POSTS}{draft['id']}/unpublish/")
    assert counts(site) == {"planned": 1, "Sea": 1}


def test_tags_are_listed_in_pages(site: Site, alice: Member) -> None:
    names = [*LONGEST, "\ufdfa" * MAX_TAG_LENGTH, "a", "a b", "ä", "東京", "%", "&", "?#"]
    for first in range(0, len(names), MAX_TAGS):
        create(alice, *names[first : first + MAX_TAGS])
    for limit in (1, 7, 28, 100):
        seen: list[str] = []
        for answer in pages(site, f"{TAGS}?limit={limit}"):
            page = answer.json()["results"]
            assert len(page) <= limit
            seen += [each["tag"] for each in page]
            assert answer.json()["next"] is None or answer.json()["next"].startswith(f"{TAGS}?limit={limit}&cursor=W")
        assert seen == sorted(names, key=tag_key)


def cursor(*position: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(position).encode()).rstrip(b"=").decode()


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("cursor=", "cursor"),
        ("cursor=1", "cursor"),
        (f"cursor={cursor('a' * 901)}", "cursor"),
        (f"cursor={cursor('a', 1)}", "cursor"),
        (f"cursor={cursor(7)}", "cursor"),
        (f"cursor={cursor()}", "cursor"),
        (f"cursor={cursor(chr(0))}", "cursor"),
        (f"cursor={cursor(chr(0xD800))}", "cursor"),
        ("tag=a", "tag"),
        ("q=a", "q"),
    ],
)
def test_a_list_of_tags_refuses_other_queries(site: Site, query: str, field: str) -> None:
    assert invalid_fields(site.ask("GET", f"{TAGS}?{query}")) == [field]


def test_a_list_of_tags_may_begin_anywhere(site: Site, alice: Member) -> None:
    create(alice, "a", "c")
    for key, found in (("", ["a", "c"]), ("a", ["c"]), ("b", ["c"]), ("c", []), ("\U0010ffff", [])):
        answer = site.ask("GET", f"{TAGS}?cursor={cursor(key)}")
        assert [each["tag"] for each in answer.json()["results"]] == found


def test_a_list_of_tags_is_only_read(alice: Member) -> None:
    assert alice.ask("HEAD", TAGS).content == b""
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        assert alice.ask(method, TAGS, json={}).status_code == 405


def test_links_of_lists_of_tags_have_the_prefix_of_the_proxy(open_blog: OpenBlog, alice: Member) -> None:
    create(alice, "a", "b")
    site = Site(create_app(open_blog, root_path="/our/blog"), open_blog)
    assert site.ask("GET", f"/our/blog{TAGS}?limit=1").json()["next"].startswith(f"/our/blog{TAGS}?limit=1&cursor=")
    site.close()
