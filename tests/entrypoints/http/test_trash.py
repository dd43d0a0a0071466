"""The trash over HTTP."""

from typing import Any

import pytest
from httpx import Response
from tests.entrypoints.http.clients import PASSWORD, Member, Site, StoppedClock, invalid_fields, problem

from blog.domain.accounts.actors import Scope
from blog.domain.accounts.login import log_in
from blog.domain.maintenance import run_maintenance
from blog.entrypoints.http import create_app

POSTS = "/api/posts/"
TRASH = "/api/trash/"
LATER = "2026-11-22T10:30:00.000000Z"
KINDS: dict[str, dict[str, Any]] = {
    "draft": {"status": "draft"},
    "scheduled": {"published_at": LATER},
    "published": {},
}

pytestmark = pytest.mark.parametrize("store", ["memory", "sqlite"], indirect=True)


def deleted(member: Member, title: str = "A title", **publication: Any) -> dict[str, Any]:
    """Create a post and move it to the trash. Return it as it was."""
    created = member.ask("POST", POSTS, json={"title": title, "body": "A body", "tags": ["sea"], **publication})
    assert created.status_code == 201, created.text
    post: dict[str, Any] = created.json()
    assert member.ask("DELETE", f"{POSTS}{post['id']}/").status_code == 204
    return post


def with_scopes(member: Member, *scopes: Scope) -> Member:
    secret = log_in(member.site.open_blog, member.username, PASSWORD, scopes=scopes)[1].secret
    return Member(site=member.site, id=member.id, username=member.username, token=secret)


def results(answer: Response) -> list[Any]:
    assert answer.status_code == 200, answer.text
    found: list[Any] = answer.json()["results"]
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_a_post_is_deleted_listed_read_and_restored(site: Site, alice: Member, bob: Member, kind: str) -> None:
    post = deleted(alice, **KINDS[kind])
    path = f"{POSTS}{post['id']}/"
    for member in (alice, bob):
        for method, rest in (("GET", ""), ("DELETE", ""), ("POST", "publish/"), ("POST", "unpublish/")):
            problem(member.ask(method, f"{path}{rest}"), 404)
        for method in ("PUT", "PATCH"):
            for headers in ({}, {"If-Match": '"7"'}):
                problem(member.ask(method, path, json={"title": "Mine", "body": "…"}, headers=headers), 404)
    problem(site.ask("GET", path), 404)
    problem(site.ask("GET", path, headers={"If-None-Match": "*"}), 404)
    assert results(site.ask("GET", f"{POSTS}?count=true")) == results(site.ask("GET", "/api/tags/")) == []
    in_trash = {
        **post,
        "status": "trashed",
        "version": 2,
        "deleted_at": "2026-11-22T09:30:00.000000Z",
        "expires_at": "2026-12-22T09:30:00.000000Z",
    }
    assert results(alice.ask("GET", TRASH)) == [in_trash]
    read = alice.ask("GET", f"{TRASH}{post['id']}/")
    assert read.json() == in_trash
    assert alice.ask("GET", f"{TRASH}{post['id']}/", headers={"If-None-Match": read.headers["etag"]}).status_code == 304
    restored = alice.ask("POST", f"{path}restore/")
    assert restored.status_code == 200, restored.text
    assert restored.json() == {**post, "version": 3} == alice.ask("GET", path).json()
    assert restored.headers["etag"] == alice.ask("GET", path).headers["etag"]
    assert results(alice.ask("GET", TRASH)) == []
    problem(alice.ask("POST", f"{path}restore/"), 404)


def test_the_trash_of_others_does_not_exist(site: Site, alice: Member, bob: Member) -> None:
    root = site.add_member("root", is_admin=True)
    post = deleted(alice)
    requests = [("GET", f"{TRASH}{post['id']}/"), ("DELETE", f"{TRASH}{post['id']}/")]
    requests.append(("POST", f"{POSTS}{post['id']}/restore/"))
    for method, path in requests:
        problem(site.ask(method, path), 401)
        for stranger in (bob, root):
            for headers in ({}, {"If-Match": '"7"'}):
                told = problem(stranger.ask(method, path, headers=headers), 404)
                assert told["detail"] == f"There is no post {post['id']} in your trash."
        missing = problem(alice.ask(method, path.replace(str(post["id"]), "404")), 404)
        assert missing["detail"] == "There is no post 404 in your trash."
    problem(site.ask("GET", TRASH), 401)
    assert results(bob.ask("GET", TRASH)) == results(root.ask("GET", TRASH)) == []
    assert len(results(alice.ask("GET", TRASH))) == 1


def test_the_trash_is_read_in_pages(alice: Member, clock: StoppedClock) -> None:
    for number in range(5):
        deleted(alice, f"Post {number}")
        clock.advance(seconds=1)
    seen, url = [], f"{TRASH}?limit=2&count=true&fields=id,title"
    while url:
        answer = alice.ask("GET", url)
        assert answer.json()["count"] == 5
        seen += results(answer)
        url = answer.json()["next"]
        assert ("link" in answer.headers) == (url is not None)
    assert [post["title"] for post in seen] == [f"Post {number}" for number in (4, 3, 2, 1, 0)]
    assert set(seen[0]) == {"id", "title", "deleted_at", "expires_at"}
    first = alice.ask("GET", f"{TRASH}?limit=1&include=permissions")
    assert results(first)[0]["permissions"] == {"update": True, "delete": True, "publish": True}
    assert first.json()["next"].startswith(f"{TRASH}?")
    for query in ("limit=0", "cursor=x", "status=draft", "q=sea", "order=oldest", "fields=x", "count=1"):
        assert invalid_fields(alice.ask("GET", f"{TRASH}?{query}")) == [query.partition("=")[0]]


def test_a_page_of_large_posts_in_the_trash_ends_early(alice: Member) -> None:
    for _ in range(3):
        post = alice.create_post(body="\N{SNOWMAN}" * 100_000)
        alice.ask("PATCH", f"{POSTS}{post['id']}/", json={"title": "\N{SNOWMAN}" * 200})
        assert alice.ask("DELETE", f"{POSTS}{post['id']}/").status_code == 204
    sizes, url = [], TRASH
    while url:
        answer = alice.ask("GET", url)
        assert len(answer.content) < 2**20 + 10_000
        sizes.append(len(results(answer)))
        url = answer.json()["next"]
    assert sum(sizes) == 3


def test_status_of_a_list_and_of_a_new_post_is_not_the_trash(alice: Member) -> None:
    deleted(alice)
    assert invalid_fields(alice.ask("GET", f"{POSTS}?status=trashed")) == ["status"]
    for more in ({}, {"published_at": LATER}):
        sent = {"title": "A title", "body": "A body", "status": "trashed", **more}
        assert invalid_fields(alice.ask("POST", POSTS, json=sent)) == ["status"]
        batch = {"operations": [{"op": "create", **sent}]}
        assert invalid_fields(alice.ask("POST", f"{POSTS}batch/", json=batch)) == ["operations[0].status"]


def test_deleting_for_good(site: Site, alice: Member) -> None:
    at_once, batched = alice.create_post(), alice.create_post()
    assert alice.ask("DELETE", f"{POSTS}{at_once['id']}/?permanently=true").status_code == 204
    operation = {"op": "delete", "id": batched["id"], "permanently": True}
    answer = alice.ask("POST", f"{POSTS}batch/", json={"operations": [operation]})
    assert answer.json() == {"results": [{"status": 204}]}
    trashed = deleted(alice)
    assert alice.ask("DELETE", f"{TRASH}{trashed['id']}/").status_code == 204
    for post in (at_once, batched, trashed):
        problem(alice.ask("POST", f"{POSTS}{post['id']}/restore/"), 404)
        problem(alice.ask("DELETE", f"{TRASH}{post['id']}/"), 404)
    assert results(alice.ask("GET", TRASH)) == []


@pytest.mark.parametrize(
    "query", ["permanently=false", "permanently=", "permanent=true", "permanently=true&permanently=true"]
)
def test_a_query_that_is_not_understood_deletes_nothing(alice: Member, query: str) -> None:
    post = alice.create_post()
    assert invalid_fields(alice.ask("DELETE", f"{POSTS}{post['id']}/?{query}")) == [query.partition("=")[0]]
    assert alice.ask("GET", f"{POSTS}{post['id']}/").json() == post


def test_a_batch_moves_posts_to_the_trash(alice: Member) -> None:
    posts = [alice.create_post() for _ in range(2)]
    operations = [{"op": "delete", "id": post["id"], "version": 1} for post in posts]
    answer = alice.ask("POST", f"{POSTS}batch/", json={"operations": operations})
    assert answer.json() == {"results": [{"status": 204}] * 2}
    assert {post["id"] for post in results(alice.ask("GET", TRASH))} == {post["id"] for post in posts}
    wrong = {"op": "delete", "id": posts[0]["id"], "permanently": "yes"}
    assert invalid_fields(alice.ask("POST", f"{POSTS}batch/", json={"operations": [wrong]})) == [
        "operations[0].permanently"
    ]


@pytest.mark.parametrize(("method", "path"), [("POST", "/api/posts/{}/restore/"), ("DELETE", "/api/trash/{}/")])
def test_a_version_in_the_trash_is_compared(alice: Member, method: str, path: str) -> None:
    post = deleted(alice)
    address = path.format(post["id"])
    told = problem(alice.ask(method, address, headers={"If-Match": '"1"'}), 412)
    assert told["version"] == 2
    assert invalid_fields(alice.ask(method, address, headers={"If-Match": "1"})) == ["If-Match"]
    tag = alice.ask("GET", f"{TRASH}{post['id']}/").headers["etag"]
    assert alice.ask(method, address, headers={"If-Match": tag}).is_success


def test_if_match_can_be_required_in_the_trash(open_blog: Any, alice: Member) -> None:
    post = deleted(alice)
    strict = Site(create_app(open_blog, require_if_match=True), open_blog)
    for method, path in (("POST", f"{POSTS}{post['id']}/restore/"), ("DELETE", f"{TRASH}{post['id']}/")):
        problem(strict.ask(method, path, token=alice.token), 428)
    strict.close()


def test_scopes_of_the_trash(alice: Member) -> None:
    published, draft = deleted(alice), deleted(alice, status="draft")
    account, reader = with_scopes(alice, Scope.ACCOUNT), with_scopes(alice, Scope.POSTS_READ)
    writer = with_scopes(alice, Scope.POSTS_WRITE)
    for path in (TRASH, f"{TRASH}{draft['id']}/"):
        problem(account.ask("GET", path), 403)
        assert reader.ask("GET", path).is_success
    for method, path in (("POST", POSTS + "{}/restore/"), ("DELETE", TRASH + "{}/")):
        for token in (account, reader):
            problem(token.ask(method, path.format(draft["id"])), 403)
        told = problem(writer.ask(method, path.format(published["id"])), 403)
        assert told["detail"] == "This token was made without the scope posts:publish."
    assert writer.ask("POST", f"{POSTS}{draft['id']}/restore/").json()["status"] == "draft"
    assert writer.ask("DELETE", f"{POSTS}{draft['id']}/").status_code == 204
    assert writer.ask("DELETE", f"{TRASH}{draft['id']}/").status_code == 204


def test_a_restoration_is_repeated_under_its_key(alice: Member) -> None:
    post = deleted(alice)
    answers = [
        alice.ask("POST", f"{POSTS}{post['id']}/restore/", headers={"Idempotency-Key": "a-key"}) for _ in range(2)
    ]
    assert answers[0].json() == answers[1].json() == {**post, "version": 3}
    assert answers[1].headers["idempotency-replayed"] == "true"


def test_an_address_answers_as_if_the_post_were_deleted_for_good(
    site: Site, alice: Member, clock: StoppedClock
) -> None:
    for number, kind in enumerate((*KINDS, "published")):
        post = deleted(alice, f"Title {number}", slug=f"title-{number}", **KINDS[kind])
        if number == 3:
            alice.ask("DELETE", f"{TRASH}{post['id']}/")
    for _ in range(2):
        for member in (None, alice.token):
            answers = [site.ask("GET", f"{POSTS}by-slug/title-{number}/", token=member) for number in range(4)]
            assert [answer.status_code for answer in answers] == [404, 404, 410, 410]
            assert answers[2].content == answers[3].content
        clock.advance(hours=2)
    restored = alice.ask("POST", f"{POSTS}{results(alice.ask('GET', TRASH))[1]['id']}/restore/").json()
    assert restored["status"] == "published"
    assert site.ask("GET", f"{POSTS}by-slug/title-1/").json() == restored


def test_a_personal_data_download_lists_the_trash(alice: Member) -> None:
    post = deleted(alice)
    (exported,) = alice.ask("GET", "/api/users/me/export/").json()["posts"]
    assert exported == results(alice.ask("GET", TRASH))[0]
    assert (exported["id"], exported["status"]) == (post["id"], "trashed")


def test_after_thirty_days_a_post_is_gone(site: Site, alice: Member, clock: StoppedClock) -> None:
    post = deleted(alice)
    clock.advance(days=29)
    run_maintenance(site.open_blog)
    alice = with_scopes(alice, Scope.POSTS_READ, Scope.POSTS_WRITE, Scope.POSTS_PUBLISH)
    assert [each["id"] for each in results(alice.ask("GET", TRASH))] == [post["id"]]
    clock.advance(days=1)
    run_maintenance(site.open_blog)
    assert results(alice.ask("GET", TRASH)) == []
    problem(alice.ask("POST", f"{POSTS}{post['id']}/restore/"), 404)
    problem(site.ask("GET", f"{POSTS}by-slug/{post['slug']}/"), 410)
