"""Preview links over HTTP."""

import json
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from tests.entrypoints.http.clients import Member, Site, StoppedClock, invalid_fields, problem
from tests.entrypoints.http.configured_sites import SECRET, ConfiguredSite, same

from blog.adapters.memory import MemoryStore
from blog.bootstrap import create_blog
from blog.domain.accounts.passwords import PasswordHasher
from blog.domain.blog import OpenBlog
from blog.domain.posts.previews import MAX_PREVIEWS_PER_POST, PREVIEW_FORMAT
from blog.entrypoints.http import create_app

PRIVATE = {"cache-control": "no-store", "x-robots-tag": "noindex", "referrer-policy": "no-referrer"}
UNKNOWN = PREVIEW_FORMAT.generate(lambda: "x" * 40)
DRAFT = {"title": "Hello", "body": "World", "status": "draft", "tags": ["sea"], "slug": "a-wish"}
SCHEDULED = {"title": "Hello", "body": "World", "published_at": "2100-01-01T00:00:00Z"}


@pytest.fixture
def draft(alice: Member) -> dict[str, Any]:
    """A draft of alice's."""
    return write(alice, DRAFT)


def write(author: Member, sent: Any) -> dict[str, Any]:
    answer = author.ask("POST", "/api/posts/", json=sent)
    assert answer.status_code == 201, answer.text
    post: dict[str, Any] = answer.json()
    return post


def path_of(post: dict[str, Any]) -> str:
    return f"/api/posts/{post['id']}/previews/"


def issue(author: Member, post: dict[str, Any], **sent: Any) -> dict[str, Any]:
    answer = author.ask("POST", path_of(post), json=sent)
    assert answer.status_code == 201, answer.text
    issued: dict[str, Any] = answer.json()
    return issued


def test_a_new_link_has_its_secret_and_its_url_once(site: Site, alice: Member, draft: dict[str, Any]) -> None:
    answer = alice.ask("POST", path_of(draft), json={"name": "for the editor", "expires_in_days": 2})
    assert answer.status_code == 201
    assert answer.headers["cache-control"] == "no-store"
    issued = answer.json()
    assert set(issued) == {"id", "secret", "url", "hint", "expires_at"}
    assert PREVIEW_FORMAT.is_valid(issued["secret"])
    assert issued["url"] == f"/api/previews/{issued['secret']}/"
    assert issued["expires_at"] == "2026-11-24T09:30:00.000000Z"
    listed = alice.ask("GET", path_of(draft))
    (shown,) = listed.json()["results"]
    assert shown == {
        "id": issued["id"],
        "of": "post",
        "name": "for the editor",
        "hint": issued["hint"],
        "created_at": "2026-11-22T09:30:00.000000Z",
        "expires_at": issued["expires_at"],
    }
    exported = alice.ask("GET", "/api/users/me/export/")
    assert exported.json()["previews"] == [{**shown, "post_id": draft["id"]}]
    audited = [alice.ask("GET", "/api/posts/?status=draft"), listed, exported]
    assert all(issued["secret"] not in each.text for each in audited)


@pytest.mark.parametrize("sent", [None, {}], ids=["without a body", "with an empty object"])
def test_a_link_needs_no_terms(alice: Member, draft: dict[str, Any], sent: Any) -> None:
    answer = alice.ask("POST", path_of(draft), **({} if sent is None else {"json": sent}))
    assert answer.status_code == 201
    assert answer.json()["expires_at"] == "2026-11-29T09:30:00.000000Z"


@pytest.mark.parametrize("sent", [DRAFT, SCHEDULED, {"title": "Hello", "body": "World"}], ids=["draft", "later", "now"])
@pytest.mark.parametrize("end", ["/", ""])
def test_a_link_shows_the_post_as_it_is_to_clients_without_a_token(
    site: Site, alice: Member, sent: Any, end: str
) -> None:
    post = write(alice, sent)
    url = issue(alice, post)["url"].rstrip("/") + end
    answer = site.ask("GET", url)
    assert answer.status_code == 200
    assert answer.json() == post == alice.ask("GET", f"/api/posts/{post['id']}/").json()
    alice.ask("PATCH", f"/api/posts/{post['id']}/", json={"title": "Another"})
    assert site.ask("GET", url).json()["title"] == "Another"


def test_a_link_of_the_working_copy_shows_it_in_the_post_until_it_is_applied(
    site: Site, alice: Member, draft: dict[str, Any]
) -> None:
    path = f"/api/posts/{draft['id']}/working-copy/"
    of_post, of_copy = issue(alice, draft), issue(alice, draft, of="working_copy")
    assert [each["of"] for each in alice.ask("GET", path_of(draft)).json()["results"]] == ["post", "working_copy"]
    assert site.ask("GET", of_copy["url"]).json() == draft
    content = {"title": "", "body": "Not *yet*", "tags": ["lake"], "slug": "another-wish", "summary": None}
    assert alice.ask("PUT", path, json={**content, "based_on": 1}).status_code == 200
    assert site.ask("GET", of_post["url"]).json() == draft
    shown = site.ask("GET", of_copy["url"])
    assert shown.json() == {**draft, **content, "summary": "Not yet"}
    assert shown.headers.items() >= PRIVATE.items()
    assert alice.ask("PUT", path, json={**content, "title": "Done", "based_on": 1}).status_code == 200
    assert site.ask("GET", of_copy["url"]).json()["title"] == "Done"
    assert alice.ask("POST", f"{path}apply/").status_code == 200
    post = alice.ask("GET", f"/api/posts/{draft['id']}/").json()
    assert [site.ask("GET", each["url"]).json() for each in (of_post, of_copy)] == [post] * 2
    assert alice.ask("PUT", path, json={**content, "based_on": 2}).status_code == 200
    assert alice.ask("DELETE", path).status_code == 204
    assert site.ask("GET", of_copy["url"]).json() == post


def test_no_cache_and_no_search_engine_keeps_a_preview(site: Site, alice: Member, draft: dict[str, Any]) -> None:
    url = issue(alice, draft)["url"]
    for answer in (
        site.ask("GET", url),
        site.ask("HEAD", url),
        site.ask("GET", url, headers={"If-None-Match": "*"}),
        site.ask("GET", url, token=alice.token),
        site.ask("GET", url, token="blog_no-token"),
        site.ask("GET", f"{url}?include=html"),
    ):
        assert answer.status_code == 200
        assert answer.headers.items() >= PRIVATE.items()
        assert "etag" not in answer.headers


def test_a_preview_has_html_on_request(site: Site, alice: Member) -> None:
    post = alice.ask("POST", "/api/posts/", json={**DRAFT, "body": "*Soon*"}).json()
    alice.ask("PUT", f"/api/posts/{post['id']}/working-copy/", json={"title": "", "body": "**Now**", "based_on": 1})
    for of, html in (("post", "<em>Soon</em>"), ("working_copy", "<strong>Now</strong>")):
        url = issue(alice, post, of=of)["url"]
        shown = site.ask("GET", f"{url}?include=html")
        assert shown.json() == {**site.ask("GET", url).json(), "html": f'<p dir="auto">{html}</p>\n'}
        assert "html" not in site.ask("GET", url).json()


@pytest.mark.parametrize("query", ["utm_source=letter", "include=permissions", "include=html&include=html", "include="])
def test_a_preview_refuses_other_parameters(site: Site, alice: Member, draft: dict[str, Any], query: str) -> None:
    link = issue(alice, draft)["url"]
    for url in (link, link[:-2] + "x/"):  # whether there is such a link or not
        answer = site.ask("GET", f"{url}?{query}")
        assert invalid_fields(answer) == [query.partition("=")[0]]


def test_every_link_that_shows_nothing_gets_the_same_response(
    configured_site: ConfiguredSite, clock: StoppedClock
) -> None:
    site, alice = configured_site, configured_site.add_user("alice")

    def link() -> tuple[str, int, str]:
        """A link of a new draft: its URL, the post and the path of the link."""
        post = alice.ask("POST", "/api/posts/", json=DRAFT).json()
        issued = alice.ask("POST", path_of(post), json={"expires_in_days": 1}).json()
        assert site.ask("GET", issued["url"]).json() == post
        return issued["url"], post["id"], f"{path_of(post)}{issued['id']}/"

    (revoked, _, path), (deleted, post, _), (ended, _, _) = link(), link(), link()
    assert alice.ask("DELETE", path).status_code == 204
    assert alice.ask("DELETE", f"/api/posts/{post}/").status_code == 204
    shown = [site.ask("GET", url) for url in (revoked, deleted)]
    clock.advance(days=1)
    alice = site.with_new_token("alice")
    closed, _, _ = link()
    gone = alice.ask("POST", "/api/users/me/delete/", json={"password": SECRET, "posts": "keep"})
    assert gone.status_code == 204
    wrong = [f"/api/previews/{text}/" for text in (UNKNOWN, UNKNOWN[:-1], "x", "1", "%FF")]
    shown += [site.ask("GET", url) for url in (ended, closed, *wrong)]
    assert all(same(answer) == same(shown[0]) for answer in shown)
    told = problem(shown[0], 404)
    assert told["detail"] == "This preview link is not valid: it has ended, or there never was one."
    assert shown[0].headers.items() >= PRIVATE.items()


def test_a_link_shows_its_own_post_only(site: Site, alice: Member, draft: dict[str, Any]) -> None:
    other = write(alice, {**DRAFT, "title": "Another"})
    urls = [issue(alice, post)["url"] for post in (draft, other)]
    assert [site.ask("GET", url).json()["id"] for url in urls] == [draft["id"], other["id"]]
    for path in (f"/api/posts/{draft['id']}/", "/api/posts/by-slug/a-wish/"):
        problem(site.ask("GET", path), 404)
        problem(site.ask("GET", path, headers={"Authorization": f"Token {urls[0].split('/')[3]}"}), 401)


def test_a_revoked_link_is_gone_from_the_list(alice: Member, draft: dict[str, Any]) -> None:
    revoked, kept = issue(alice, draft), issue(alice, draft)
    path = f"{path_of(draft)}{revoked['id']}/"
    assert alice.ask("DELETE", path).status_code == 204
    assert problem(alice.ask("DELETE", path), 404)["detail"] == f"There is no preview link {revoked['id']}."
    assert [each["id"] for each in alice.ask("GET", path_of(draft)).json()["results"]] == [kept["id"]]


@pytest.mark.parametrize(
    ("sent", "fields"),
    [
        ({"expires_in_days": 0}, ["expires_in_days"]),
        ({"expires_in_days": 8}, ["expires_in_days"]),
        ({"expires_in_days": 1.5}, ["expires_in_days"]),
        ({"expires_in_days": True}, ["expires_in_days"]),
        ({"expires_in_days": None}, ["expires_in_days"]),
        ({"expires_in_days": 10**30}, ["expires_in_days"]),
        ({"expires_at": "2026-11-22T09:30:00Z"}, ["expires_at"]),
        ({"expires_at": "2026-11-29T09:30:00.000001Z"}, ["expires_at"]),
        ({"expires_at": "2026-11-23T09:30:00"}, ["expires_at"]),
        ({"expires_at": "tomorrow"}, ["expires_at"]),
        ({"expires_at": "2026-11-23T09:30:00Z", "expires_in_days": 1}, ["expires_at"]),
        ({"name": " ", "expires_in_days": 9}, ["name", "expires_in_days"]),
        ({"name": "x" * 101}, ["name"]),
        ({"name": 7}, ["name"]),
        ({"of": "draft"}, ["of"]),
        ({"of": None}, ["of"]),
        ({"secret": UNKNOWN}, ["secret"]),
    ],
)
def test_terms_are_validated(alice: Member, draft: dict[str, Any], sent: Any, fields: list[str]) -> None:
    assert invalid_fields(alice.ask("POST", path_of(draft), json=sent)) == fields
    assert alice.ask("GET", path_of(draft)).json() == {"results": []}


def test_a_large_body_is_refused(alice: Member, draft: dict[str, Any]) -> None:
    problem(alice.ask("POST", path_of(draft), json={"name": "x" * 5000}), 413)


def test_links_of_others_are_not_found_or_forbidden_before_the_body_is_read(
    alice: Member, bob: Member, draft: dict[str, Any]
) -> None:
    issued = issue(alice, draft)

    def refused(status: int) -> list[str]:
        path = path_of(draft)
        asked = [("POST", path), ("GET", path), ("DELETE", f"{path}{issued['id']}/"), ("DELETE", f"{path}99/")]
        answers = [bob.ask(method, each, content=b"no JSON") for method, each in asked]
        return [problem(answer, status)["detail"] for answer in answers]

    assert set(refused(404)) == {f"There is no post {draft['id']}."}
    alice.ask("POST", f"/api/posts/{draft['id']}/publish/")
    assert set(refused(403)) == {f"Only its author may preview post {draft['id']}."}


def test_a_post_has_a_limited_number_of_open_links(alice: Member, draft: dict[str, Any]) -> None:
    links = [issue(alice, draft) for _ in range(MAX_PREVIEWS_PER_POST)]
    told = problem(alice.ask("POST", path_of(draft)), 409)
    assert told["detail"] == "There are 20 open preview links of this post: revoke one first."
    assert alice.ask("DELETE", f"{path_of(draft)}{links[0]['id']}/").status_code == 204
    issue(alice, draft)


def test_the_secret_is_not_replayed(alice: Member, draft: dict[str, Any]) -> None:
    key = {"Idempotency-Key": "one"}
    first = alice.ask("POST", path_of(draft), headers=key)
    again = alice.ask("POST", path_of(draft), headers=key)
    assert first.status_code == 201
    problem(again, 409)
    assert first.json()["secret"] not in again.text
    assert len(alice.ask("GET", path_of(draft)).json()["results"]) == 1


def test_a_url_has_the_prefix_under_which_the_blog_is_served(
    open_blog: OpenBlog, site: Site, alice: Member, draft: dict[str, Any]
) -> None:
    prefixed = Site(create_app(open_blog, root_path="/blog"), open_blog)
    answer = prefixed.ask("POST", f"/blog{path_of(draft)}", token=alice.token)
    url = answer.json()["url"]
    assert url == f"/blog/api/previews/{answer.json()['secret']}/"
    assert prefixed.ask("GET", url).json()["id"] == draft["id"]
    prefixed.close()


def test_the_response_cache_keeps_no_preview(hasher: PasswordHasher, clock: StoppedClock) -> None:
    store = MemoryStore()
    open_blog = create_blog(store, hasher=hasher, now=clock)
    site = Site(create_app(open_blog, data_version=lambda: 1), open_blog)  # what was cached would stay for ever
    alice = site.add_member("alice")
    post = write(alice, DRAFT)
    ending, revoked = issue(alice, post, expires_in_days=1), issue(alice, post)
    for link in (ending, revoked):
        assert site.ask("GET", link["url"]).status_code == 200
    alice.ask("PATCH", f"/api/posts/{post['id']}/", json={"title": "Another"})
    assert site.ask("GET", ending["url"]).json()["title"] == "Another"
    alice.ask("DELETE", f"{path_of(post)}{revoked['id']}/")
    problem(site.ask("GET", revoked["url"]), 404)
    clock.at += timedelta(days=1)
    problem(site.ask("GET", ending["url"]), 404)
    site.close()


def test_no_problem_repeats_a_secret(site: Site, alice: Member, draft: dict[str, Any]) -> None:
    secret = issue(alice, draft)["secret"]
    answers = [
        site.ask(method, f"/api/previews/{secret}{end}")
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE")
        for end in ("/", "/more/", "x", "%2F", "%00")
    ]
    answers += [site.ask("GET", path) for path in (f"/{secret}", f"/api/posts/{secret}/", f"/api/posts/?q={secret}")]
    for answer in answers:
        if answer.json() != draft:
            told = json.dumps([answer.text, dict(answer.headers)])
            assert secret not in told or answer.url.query, answer.url


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
def test_the_secret_is_nowhere_in_the_database(alice: Member, draft: dict[str, Any], database: Path) -> None:
    secret = issue(alice, draft)["secret"]
    stored = b"".join(file.read_bytes() for file in database.parent.glob(f"{database.name}*"))
    assert sha256(secret.encode()).digest() in stored
    assert secret[7:-4].encode() not in stored
