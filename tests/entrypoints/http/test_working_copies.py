"""Working copies over HTTP."""

from typing import Any

import pytest
from httpx import Response
from tests.entrypoints.http.clients import PASSWORD, Member, Site, StoppedClock, invalid_fields, problem

from blog.adapters.memory import MemoryStore
from blog.adapters.sql import SqlStore
from blog.domain.accounts.actors import Scope
from blog.domain.accounts.login import log_in
from blog.domain.blog import OpenBlog, OpenStores
from blog.domain.posts.post import MAX_BODY_LENGTH
from blog.entrypoints.http import create_app

NOW = "2026-11-22T09:30:00.000000Z"
OTHER = {"title": "Secret", "body": "We buy them."}

pytestmark = pytest.mark.parametrize("store", ["memory", "sqlite"], indirect=True)


@pytest.fixture
def root(site: Site) -> Member:
    return site.add_member("root", is_admin=True)


def create(member: Member, **more: Any) -> dict[str, Any]:
    answer = member.ask("POST", "/api/posts/", json={"title": "Hello", "body": "World", **more})
    assert answer.status_code == 201, answer.text
    post: dict[str, Any] = answer.json()
    return post


def path(post: dict[str, Any], end: str = "") -> str:
    return f"/api/posts/{post['id']}/working-copy/{end}"


def get(member: Member, post: dict[str, Any]) -> Response:
    answer = member.ask("GET", path(post))
    assert answer.status_code == 200, answer.text
    return answer


def put(member: Member, post: dict[str, Any], *, if_match: str | None = None, **sent: Any) -> Response:
    headers = {} if if_match is None else {"If-Match": if_match}
    return member.ask("PUT", path(post), json={"based_on": post["version"], **OTHER, **sent}, headers=headers)


def saved(member: Member, post: dict[str, Any], **sent: Any) -> Response:
    answer = put(member, post, **sent)
    assert answer.status_code == 200, answer.text
    return answer


def patched(member: Member, post: dict[str, Any], **changes: Any) -> dict[str, Any]:
    answer = member.ask("PATCH", f"/api/posts/{post['id']}/", json=changes)
    assert answer.status_code == 200, answer.text
    changed: dict[str, Any] = answer.json()
    return changed


def apply(member: Member, post: dict[str, Any], **headers: str) -> Response:
    return member.ask("POST", path(post, "apply/"), headers={name.replace("_", "-"): headers[name] for name in headers})


def publish(member: Member, post: dict[str, Any], **sent: Any) -> Response:
    return member.ask("POST", f"/api/posts/{post['id']}/publish/", **sent)


def with_scopes(member: Member, *scopes: Scope) -> Member:
    secret = log_in(member.site.open_blog, member.username, PASSWORD, scopes=scopes)[1].secret
    return Member(site=member.site, id=member.id, username=member.username, token=secret)


def test_an_editor_always_has_something_to_open(alice: Member) -> None:
    post = create(alice, tags=["sea"])
    begun = get(alice, post)
    assert begun.json() == {
        "post": post["id"],
        "based_on": 1,
        "is_outdated": False,
        "saved_at": None,
        "title": "Hello",
        "body": "World",
        "slug": "hello",
        "tags": ["sea"],
        "summary": None,
    }
    assert "no-store" in begun.headers["cache-control"]
    answer = saved(alice, post, if_match=begun.headers["etag"], title="", tags=["land"])
    assert answer.json() == {**begun.json(), **OTHER, "title": "", "tags": ["land"], "saved_at": NOW}
    opened = get(alice, post)
    assert (opened.json(), opened.headers["etag"]) == (answer.json(), answer.headers["etag"])
    assert answer.headers["etag"] != begun.headers["etag"]
    assert "no-store" in answer.headers["cache-control"]


def test_the_same_put_again_changes_nothing(alice: Member, clock: StoppedClock) -> None:
    post = create(alice)
    begun = get(alice, post).headers["etag"]
    first = saved(alice, post, if_match=begun)
    clock.advance(seconds=2)
    again = saved(alice, post, if_match=begun)  # the response to the first was lost
    assert (again.json(), again.headers["etag"]) == (first.json(), first.headers["etag"])


def test_nobody_else_sees_what_an_author_saves(site: Site, alice: Member, bob: Member, root: Member) -> None:
    post, draft = create(alice, slug="hello"), create(alice, status="draft")
    places = ("/api/posts/", f"/api/posts/{post['id']}/", "/api/posts/by-slug/hello/", "/api/posts/?q=hello",
              "/api/posts/?q=secret", "/api/tags/", "/api/posts/?fields=title,body")  # fmt: skip

    def seen() -> list[tuple[int, bytes, str | None]]:
        answers = [site.ask("GET", place) for place in places]
        answers += [member.ask("GET", place) for place in places for member in (alice, bob, root)]
        tag = answers[1].headers["etag"]
        answers.append(site.ask("GET", places[1], headers={"If-None-Match": tag}))
        return [(answer.status_code, answer.content, answer.headers.get("etag")) for answer in answers]

    before = seen()
    saved(alice, post, tags=["hidden"])
    saved(alice, draft)
    assert seen() == before
    assert seen()[-1][0] == 304
    assert alice.ask("GET", f"/api/posts/{draft['id']}/").json() == draft
    for member in (bob, root):
        for method, end, sent in (
            ("GET", "", None), ("PUT", "", {"based_on": 1, **OTHER}), ("PUT", "", {}), ("DELETE", "", None),
            ("POST", "apply/", None),
        ):  # fmt: skip
            told = problem(member.ask(method, path(post, end), json=sent), 403)["detail"]
            action = "change, publish or delete" if end else "read or change the working copy of"
            assert told == f"Only its author may {action} post {post['id']}."
            refused = problem(member.ask(method, path(draft, end), json=sent), 404)
            assert refused == problem(member.ask(method, path({"id": draft["id"]}, end), json=sent), 404)
            assert problem(site.ask(method, path(post, end), json=sent), 401)
    assert "Secret" not in root.ask("GET", "/api/audit/").text
    assert seen() == before


def test_the_response_cache_keeps_no_copy(store: OpenStores, alice: Member) -> None:
    assert isinstance(store, MemoryStore | SqlStore)
    site = Site(create_app(alice.site.open_blog, data_version=store.data_version), alice.site.open_blog)
    post = create(alice)
    author = Member(site=site, id=alice.id, username="alice", token=alice.token)
    places = (f"/api/posts/{post['id']}/", "/api/posts/", path(post))
    before = [site.ask("GET", place) for place in places]
    saved(author, post)
    for _ in range(2):
        assert get(author, post).json()["title"] == "Secret"
        answers = [site.ask("GET", place) for place in places]
        assert [answer.content for answer in answers] == [answer.content for answer in before]
        assert answers[2].status_code == 401
    site.close()


def test_a_copy_of_an_older_version_is_stored_and_answered_with_both_texts(alice: Member) -> None:
    post = create(alice)
    changed = patched(alice, post, body="Sun")
    for _ in range(2):  # the second time it is stored already
        answer = put(alice, post)
        told = problem(answer, 412)
        shown = get(alice, post)
        assert told["is_saved"] is True
        assert told["working_copy"] == shown.json()
        assert told["current"] == changed
        assert (told["version"], told["conflicting_fields"]) == (2, ["title", "body"])
        assert answer.headers["etag"] == shown.headers["etag"]
        assert "no-store" in answer.headers["cache-control"]
        assert (shown.json()["title"], shown.json()["based_on"], shown.json()["is_outdated"]) == ("Secret", 1, True)


def test_a_copy_on_another_base_is_not_overwritten_unseen(alice: Member) -> None:
    post = create(alice)
    first = saved(alice, post)
    changed = patched(alice, post, body="Sun")
    assert get(alice, post).headers["etag"] != first.headers["etag"]  # it says now that it is outdated
    for if_match in (None, "*", '"1"', f"W/{first.headers['etag']}", f'"{"0" * 32}.2"'):
        answer = put(alice, changed, if_match=if_match, body="Mars")
        told = problem(answer, 412)
        assert told["is_saved"] is False
        assert told["working_copy"] == get(alice, post).json()
        assert told["working_copy"]["body"] == "We buy them."
        assert told["current"] == changed
        assert answer.headers["etag"] == get(alice, post).headers["etag"]
    replaced = saved(alice, changed, if_match=first.headers["etag"], body="Mars")
    assert (replaced.json()["body"], replaced.json()["based_on"]) == ("Mars", 2)


def test_two_tabs_notice_each_other_by_if_match(alice: Member) -> None:
    post = create(alice)
    begun = get(alice, post).headers["etag"]
    first = saved(alice, post, if_match=begun)
    told = problem(put(alice, post, if_match=begun, body="Of the other tab"), 412)
    assert (told["is_saved"], told["working_copy"]) == (False, first.json())
    assert saved(alice, post, if_match=f'"1", {first.headers["etag"]}', body="Mars").json()["body"] == "Mars"
    assert saved(alice, post, body="Venus").json()["body"] == "Venus"  # the same base, and no If-Match


def test_what_is_wrong_in_a_copy_is_listed(alice: Member) -> None:
    post = create(alice)
    wrong: dict[str, Any] = {"title": "x" * 201, "body": "\0", "slug": "Not A Slug", "tags": [" "]}
    assert invalid_fields(put(alice, post, **wrong)) == ["title", "body", "slug", "tags[0]"]
    assert invalid_fields(put(alice, post, based_on=2)) == ["based_on"]
    for based_on in (0, -1, "1", 1.5, None, True):
        assert invalid_fields(put(alice, post, based_on=based_on)) == ["based_on"]
    assert invalid_fields(alice.ask("PUT", path(post), json={})) == ["title", "body", "based_on"]
    read_only = {"post": post["id"] + 1, "is_outdated": 1, "saved_at": "now", "version": 1}
    assert invalid_fields(alice.ask("PUT", path(post), json={**OTHER, "based_on": 1, **read_only})) == [
        "version",
        "is_outdated",
        "saved_at",
        "post",
    ]
    assert invalid_fields(put(alice, post, if_match="1")) == ["If-Match"]
    assert invalid_fields(alice.ask("DELETE", path(post), headers={"If-Match": "1"})) == ["If-Match"]
    assert problem(alice.ask("PUT", path(post), content=b"x"), 415)
    assert get(alice, post).json()["saved_at"] is None


def test_a_copy_can_be_sent_back_as_it_was_returned(alice: Member, clock: StoppedClock) -> None:
    post = create(alice, tags=["sea"])
    begun = get(alice, post)
    for is_saved in (False, True):
        sent = saved(alice, post, tags=["land"], summary="In short.") if is_saved else begun
        clock.advance(hours=1)
        answer = alice.ask("PUT", path(post), json=sent.json(), headers={"If-Match": sent.headers["etag"]})
        assert (answer.status_code, answer.json()) == (200, sent.json())
    changed = alice.ask("PUT", path(post), json={**begun.json(), "body": "Mars", "is_outdated": True, "saved_at": NOW})
    assert (changed.json()["body"], changed.json()["is_outdated"]) == ("Mars", False)
    assert changed.json()["saved_at"] != NOW


def test_a_conflict_says_what_to_do_next(alice: Member) -> None:
    draft = create(alice, status="draft")
    saved(alice, draft)
    refused = put(alice, draft, if_match=f'"{"0" * 32}.1"', body="Mars")
    assert problem(refused, 412)["detail"].endswith(" Send its ETag in If-Match to replace or discard it.")
    patched(alice, draft, body="Sun")
    batch = alice.ask("POST", "/api/posts/batch/", json={"operations": [{"op": "publish", "id": draft["id"]}]})
    merge = " Merge both texts, and apply the working copy with the ETag of the post in If-Match, or discard it."
    for answer in (put(alice, draft), apply(alice, draft), publish(alice, draft)):
        assert problem(answer, 412)["detail"].endswith(merge)
    assert batch.json()["detail"].endswith(merge)


def test_a_copy_is_discarded(alice: Member) -> None:
    post = create(alice)
    begun = get(alice, post)
    old = saved(alice, post).headers["etag"]
    saved(alice, post, body="Mars")
    told = problem(alice.ask("DELETE", path(post), headers={"If-Match": old}), 412)
    assert (told["working_copy"]["body"], "is_saved" in told) == ("Mars", False)
    for headers in ({"If-Match": get(alice, post).headers["etag"]}, {}, {}):
        assert alice.ask("DELETE", path(post), headers=headers).status_code == 204
    assert (get(alice, post).json(), get(alice, post).headers["etag"]) == (begun.json(), begun.headers["etag"])


def test_an_applied_copy_is_the_next_version(site: Site, alice: Member, clock: StoppedClock) -> None:
    post = create(alice)
    saved(alice, post, tags=["land"])
    clock.advance(hours=1)
    answer = apply(alice, post)
    assert answer.status_code == 200, answer.text
    shown = site.ask("GET", f"/api/posts/{post['id']}/")
    assert (answer.json(), answer.headers["etag"]) == (shown.json(), shown.headers["etag"])
    later = "2026-11-22T10:30:00.000000Z"
    assert shown.json() == {
        **post,
        **OTHER,
        "summary": "We buy them.",
        "tags": ["land"],
        "version": 2,
        "updated_at": later,
    }
    assert (get(alice, post).json()["saved_at"], get(alice, post).json()["based_on"]) == (None, 2)
    assert apply(alice, post).json() == shown.json()  # there is none any more


def test_an_outdated_copy_is_applied_over_a_version_that_the_author_has_seen(alice: Member) -> None:
    post = create(alice)
    saved(alice, post)
    changed = patched(alice, post, body="Sun")
    current = alice.ask("GET", f"/api/posts/{post['id']}/").headers["etag"]
    for if_match in ({}, {"If_Match": "*"}, {"If_Match": '"1"'}, {"If_Match": f"W/{current}"}):
        answer = apply(alice, post, **if_match)
        told = problem(answer, 412)
        assert "is_saved" not in told, "the copy is stored, and this request sent none"
        assert told["version"] == 2
        assert (told["working_copy"], told["current"]) == (get(alice, post).json(), changed)
        assert answer.headers["etag"] == current
    assert alice.ask("GET", f"/api/posts/{post['id']}/").json() == changed
    applied = apply(alice, post, If_Match=answer.headers["etag"])
    assert (applied.json()["body"], applied.json()["version"]) == ("We buy them.", 3)


def test_without_a_copy_an_apply_conflicts_as_every_other_change(alice: Member) -> None:
    post = create(alice)
    changed = patched(alice, post, body="Sun")
    current = alice.ask("GET", f"/api/posts/{post['id']}/").headers["etag"]
    for if_match in ('"1"', f"W/{current}", '"foreign"'):
        answer = apply(alice, post, If_Match=if_match)
        told = problem(answer, 412)
        assert set(told) == {"type", "title", "status", "detail", "version", "conflicting_fields"}
        assert (told["version"], told["conflicting_fields"]) == (2, [])
        assert answer.headers["etag"] == current
    assert apply(alice, post, If_Match=current).json() == changed


def test_an_apply_with_an_idempotency_key_is_replayed(alice: Member) -> None:
    post = create(alice)
    saved(alice, post)
    first = apply(alice, post, Idempotency_Key="a-key")
    saved(alice, first.json(), body="Mars")
    again = apply(alice, post, Idempotency_Key="a-key")
    assert (again.json(), again.headers["idempotency-replayed"]) == (first.json(), "true")
    assert get(alice, post).json()["body"] == "Mars"


def test_an_unfinished_copy_is_not_applied(alice: Member) -> None:
    post, draft = create(alice), create(alice, status="draft")
    for each in (post, draft):
        saved(alice, each, title="", body=" ")
        assert invalid_fields(apply(alice, each)) == ["title", "body"]
        assert get(alice, each).json()["body"] == " "
    assert invalid_fields(publish(alice, draft)) == ["title", "body"]


def test_a_draft_is_published_with_its_copy(site: Site, alice: Member) -> None:
    one, other, scheduled = (create(alice, status="draft") for _ in range(3))
    for draft in (one, other, scheduled):
        saved(alice, draft, tags=["sea"])
    batch = {"operations": [{"op": "publish", "id": other["id"]}]}
    published = (
        publish(alice, one).json(),
        alice.ask("POST", "/api/posts/batch/", json=batch).json()["results"][0]["post"],
    )
    for post in published:
        assert (post["title"], post["tags"], post["version"], post["status"]) == ("Secret", ["sea"], 2, "published")
        assert site.ask("GET", f"/api/posts/{post['id']}/").json() == post
        assert get(alice, post).json()["saved_at"] is None
    later = publish(alice, scheduled, json={"at": "2027-01-01T00:00:00Z"}).json()
    assert (later["title"], later["status"]) == ("Secret", "scheduled")
    again = saved(alice, later, body="Mars")
    publish(alice, later, json={"at": "2027-01-02T00:00:00Z"})
    assert get(alice, later).json() == {**again.json(), "is_outdated": True}


def test_a_draft_with_an_outdated_copy_is_not_published(alice: Member) -> None:
    draft = create(alice, status="draft")
    saved(alice, draft)
    changed = patched(alice, draft, body="Sun")
    answer = publish(alice, draft, headers={"If-Match": '"2"'})
    told = problem(answer, 412)
    assert "is_saved" not in told
    assert (told["working_copy"], told["current"]) == (get(alice, draft).json(), changed)
    assert answer.headers["etag"] == alice.ask("GET", f"/api/posts/{draft['id']}/").headers["etag"]
    batch = alice.ask("POST", "/api/posts/batch/", json={"operations": [{"op": "publish", "id": draft["id"]}]})
    assert batch.status_code == 412
    assert "is_saved" not in batch.json()
    told.pop("detail")
    assert {**batch.json(), **told, "operation": 0} == batch.json()
    assert alice.ask("GET", f"/api/posts/{draft['id']}/").json() == changed


def test_a_token_that_may_not_publish_saves_but_does_not_apply(alice: Member) -> None:
    post, draft = create(alice), create(alice, status="draft")
    writer, reader = with_scopes(alice, Scope.POSTS_WRITE), with_scopes(alice, Scope.POSTS_READ)
    for each in (post, draft):
        assert put(reader, each).status_code == 403
        saved(writer, each)
        assert get(reader, each).json()["title"] == "Secret"
    assert problem(apply(writer, post), 403)
    assert apply(writer, draft).status_code == 200


def test_a_server_that_requires_if_match_requires_it_for_copies_too(open_blog: OpenBlog) -> None:
    site = Site(create_app(open_blog, require_if_match=True), open_blog)
    alice = site.add_member("alice")
    post = create(alice)
    assert problem(put(alice, post), 428)["detail"] == "If-Match is required: send the ETag of what you change."
    assert problem(apply(alice, post), 428)
    assert problem(alice.ask("DELETE", path(post)), 428)
    saved(alice, post, if_match=get(alice, post).headers["etag"])
    assert apply(alice, post, If_Match='"1"').status_code == 200
    site.close()


def test_the_longest_texts_are_answered_whole(alice: Member) -> None:
    body = "\u00df" * MAX_BODY_LENGTH
    post = create(alice, body=body)
    changed = patched(alice, post, title="Another")
    told = problem(put(alice, post, body=body[:-1] + "s"), 412)
    assert told["current"] == changed
    assert told["working_copy"]["body"] == body[:-1] + "s"


def test_a_download_has_the_copies(alice: Member, bob: Member) -> None:
    post = create(alice)
    copy = saved(alice, post).json()
    saved(bob, create(bob))
    assert alice.ask("GET", "/api/users/me/export/").json()["working_copies"] == [copy]


def test_a_download_with_long_copies_has_several_parts(alice: Member) -> None:
    body = "\u00df" * MAX_BODY_LENGTH
    posts = [create(alice, body=body) for _ in range(4)]
    copies = [saved(alice, post, body=f"{number}{body[1:]}").json() for number, post in enumerate(posts)]
    found, url, largest = [], "/api/users/me/export/", 0
    while url:
        answer = alice.ask("GET", url)
        part = answer.json()
        assert {copy["post"] for copy in part["working_copies"]} <= {post["id"] for post in part["posts"]}
        found += part["working_copies"]
        largest = max(largest, len(answer.content))
        url = part["next"]
    assert found == copies
    assert largest < 1_600_000
