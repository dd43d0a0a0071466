"""Optimistic locking with `ETag`, `If-Match` and `If-None-Match`."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.entrypoints.http.clients import PASSWORD, Member, Site, invalid_fields, problem
from tests.servers import CHEAP

from blog.adapters.memory import MemoryStore
from blog.bootstrap import create_blog
from blog.domain.accounts.actors import Scope
from blog.domain.accounts.login import log_in
from blog.domain.accounts.passwords import PasswordHasher
from blog.domain.blog import OpenBlog, OpenStores, Stores
from blog.entrypoints.http import create_app
from blog.entrypoints.http.asgi import app_of
from blog.settings import Settings

on_both = pytest.mark.parametrize("store", ["memory", "sqlite"], indirect=True)
CHANGES = ("PUT", "PATCH", "DELETE")
SAID = {"title": "Theirs", "body": "A body"}
MALFORMED = ["", " ", ",", "3", '"3', '3"', "'3'", 'w/"3"', 'W/ "3"', '"3" "4"', '"3";"4"', '*, "3"', '"3", *', "**"]
MALFORMED += ['"3\x7f"', '"3 4"', '"3\t"', '"' * 3, '"3"' + " " * 30_000 + "x", ", " * 60 + "x"]


@pytest.fixture
def strict(open_blog: OpenBlog) -> Iterator[Site]:
    """A site that requires `If-Match`."""
    site = Site(create_app(open_blog, require_if_match=True), open_blog)
    yield site
    site.close()


def change(member: Member, method: str, path: str, **headers: str) -> Any:
    """Change the post with this precondition."""
    said = {} if method == "DELETE" else {"json": SAID}
    return member.ask(
        method, path, headers=[(name.replace("_", "-"), value) for name, value in headers.items()], **said
    )


@on_both
def test_if_none_match_with_the_current_etag_gets_304(site: Site, alice: Member) -> None:
    path = f"/api/posts/{alice.create_post()['id']}/"
    whole = site.ask("GET", path)
    tag = whole.headers["etag"]
    for known in (tag, f"W/{tag}", f'"x", W/{tag} ,, "y"', "*", f'"a,b",{tag}'):
        for method in ("GET", "HEAD"):
            answer = site.ask(method, path, headers={"If-None-Match": known})
            assert (answer.status_code, answer.content) == (304, b"")
            assert answer.headers["etag"] == tag
            assert not {"content-type", "content-length"} & set(answer.headers)
    bare, other = tag.strip('"'), tag.replace('"1-', '"2-')
    for unknown in (other, '"1"', tag.replace(".", ".0"), f"w/{tag}", bare, "", f'{tag} "x"', f"{tag}, x"):
        answer = site.ask("GET", path, headers={"If-None-Match": unknown})
        assert (answer.status_code, answer.json()) == (200, whole.json())
    problem(site.ask("GET", "/api/posts/77/", headers={"If-None-Match": "*"}), 404)


@on_both
def test_every_visible_change_changes_the_etag(site: Site, alice: Member) -> None:
    path = f"/api/posts/{alice.create_post()['id']}/"
    queries = ("", "?fields=title", "?fields=title,body", "?include=permissions", "?include=permissions&fields=title")

    def recording(token: str | None) -> list[tuple[str, bytes]]:
        answers = [site.ask("GET", f"{path}{query}", token=token) for query in queries]
        for query, answer in zip(queries, answers, strict=True):
            known = {"If-None-Match": answer.headers["etag"]}
            assert site.ask("GET", f"{path}{query}", token=token, headers=known).status_code == 304
        return [(answer.headers["etag"], answer.content) for answer in answers]

    shown = {*recording(None), *recording(alice.token)}
    alice.ask("PATCH", "/api/users/me/", json={"username": "alicia"})
    shown |= {*recording(None), *recording(alice.token)}
    alice.ask("PATCH", path, json={"title": "Another"})
    shown |= {*recording(None), *recording(alice.token)}
    assert len({content for _, content in shown}) == len({tag for tag, _ in shown}) == len(shown)


@on_both
@pytest.mark.parametrize("method", CHANGES)
def test_if_match_with_another_version_changes_nothing(site: Site, alice: Member, method: str) -> None:
    path = f"/api/posts/{alice.create_post()['id']}/"
    first = site.ask("GET", path).headers["etag"]
    alice.ask("PATCH", path, json={"title": "Hers"})
    before = site.ask("GET", path)
    tag = before.headers["etag"]
    for stale in (
        '"1"',
        first,
        f"W/{tag}",
        'W/"2"',
        '"22"',
        '"2x"',
        '"02"',
        '"1", "3"',
        '"x"',
        '""',
        '"*"',
        '"2-alice"',
    ):
        answer = change(alice, method, path, If_Match=stale)
        told = problem(answer, 412)
        assert told["version"] == 2
        assert told["conflicting_fields"] == ([] if method == "DELETE" else ["title"])
        assert answer.headers["etag"] == tag
    after = site.ask("GET", path)
    assert (after.json(), after.headers["etag"]) == (before.json(), tag)


@on_both
@pytest.mark.parametrize("method", CHANGES)
def test_if_match_with_the_current_version_allows_the_change(site: Site, alice: Member, method: str) -> None:
    for recording in (
        '"1"',
        "TAG",
        "*",
        '"7", "1"',
        " , TAG\t,",
        'W/"1", TAG',
        '"7-x", "*", TAG',
        "TAG-gzip",
        "TAG;br",
    ):
        path = f"/api/posts/{alice.create_post()['id']}/"
        tag, behind = site.ask("GET", path).headers["etag"], recording.partition("TAG")[2].strip("\t,")
        said = recording.replace(f"TAG{behind}", f'{tag[:-1]}{behind}"')
        assert change(alice, method, path, If_Match=said).status_code == (204 if method == "DELETE" else 200), recording
        left = site.ask("GET", path)
        assert left.status_code == (404 if method == "DELETE" else 200)
        assert method == "DELETE" or left.headers["etag"].startswith('"2-')


@on_both
@pytest.mark.parametrize("method", CHANGES)
def test_renaming_the_author_does_not_invalidate_if_match(alice: Member, method: str) -> None:
    path = f"/api/posts/{alice.create_post()['id']}/"
    tag = alice.ask("GET", path).headers["etag"]
    alice.ask("PATCH", "/api/users/me/", json={"username": "alicia"})
    assert alice.ask("GET", path).headers["etag"] != tag
    assert alice.ask("GET", path, headers={"If-None-Match": tag}).status_code == 200
    assert change(alice, method, path, If_Match=tag).status_code < 300


@pytest.mark.parametrize("method", CHANGES)
def test_the_etag_of_another_post_or_history_does_not_match(site: Site, alice: Member, method: str) -> None:
    posts = [alice.create_post(), alice.create_post(), alice.create_post("Another")]
    assert len({post["created_at"] for post in posts}) == 1
    tags = [site.ask("GET", f"/api/posts/{post['id']}/").headers["etag"] for post in posts]
    assert len(set(tags)) == 3
    path = f"/api/posts/{posts[0]['id']}/"
    for tag in tags[1:]:
        assert site.ask("GET", path, headers={"If-None-Match": tag}).status_code == 200
        told = problem(change(alice, method, path, If_Match=tag), 412)
        assert told["detail"] == "Post 1 has changed: version 1 has other content now."
    assert site.ask("GET", path).json() == posts[0]


@pytest.mark.parametrize("method", CHANGES)
def test_an_if_match_with_weak_etags_only_is_explained(site: Site, alice: Member, method: str) -> None:
    path = f"/api/posts/{alice.create_post()['id']}/"
    tag = site.ask("GET", path).headers["etag"]
    weak = (
        "If-Match has only weak tags of this version, and a weak tag never matches. A proxy that compresses "
        'responses makes them weak: send the tag without W/, or the version alone: "1".'
    )
    for recording, detail in {
        f"W/{tag}": weak,
        'W/"1"': weak,
        f'"7", W/{tag}': weak,
        'W/"7"': "Post 1 has changed: its version is 1 now.",
        '"7"': "Post 1 has changed: its version is 1 now.",
        'W/"x"': 'If-Match names no version of a post: send the tag from ETag, or the version alone: "1".',
        '"1-alice", "x"': 'If-Match names no version of a post: send the tag from ETag, or the version alone: "1".',
    }.items():
        answer = change(alice, method, path, If_Match=recording)
        assert (problem(answer, 412)["detail"], answer.headers["etag"]) == (detail, tag)
    told = problem(change(alice, method, path, If_Match=f"W/{tag}"), 412)["detail"]
    for named in (tag, told.rpartition(": ")[2].rstrip(".")):
        fresh = f"/api/posts/{alice.create_post()['id']}/"
        recording = named if named != tag else site.ask("GET", fresh).headers["etag"]
        assert change(alice, method, fresh, If_Match=recording).status_code < 300


@pytest.mark.parametrize("header", ["If-Match", "If-None-Match"])
def test_a_header_has_at_most_64_etags(alice: Member, header: str) -> None:
    path = f"/api/posts/{alice.create_post()['id']}/"
    tag = alice.ask("GET", path).headers["etag"]
    method, done = ("PATCH", 200) if header == "If-Match" else ("GET", 304)
    for many in ('"x", ' * 64 + tag, "," * 64 + tag, '"x"' + ",  " * 64, '"x",' * 15_000):
        answer = alice.ask(method, path, json={"title": "Anew"}, headers={header: many})
        assert problem(answer, 400)["errors"] == [{"field": header, "message": "must have at most 64 tags"}]
    for some in ('"x", ' * 63 + tag, "," * 63 + tag, f'"{"x" * 60_000}", {tag}'):
        assert alice.ask(method, path, json={"title": "A title"}, headers={header: some}).status_code == done


def test_the_etag_of_any_representation_is_valid_for_if_match(alice: Member) -> None:
    path = f"/api/posts/{alice.create_post()['id']}/"
    for query in ("", "?fields=title", "?include=permissions"):
        tag = alice.ask("GET", f"{path}{query}").headers["etag"]
        assert alice.ask("PATCH", path, json={"title": query or "x"}, headers={"If-Match": tag}).status_code == 200
        problem(alice.ask("PATCH", path, json={"title": "y"}, headers={"If-Match": tag}), 412)


def test_repeated_header_lines_are_joined(alice: Member) -> None:
    path = f"/api/posts/{alice.create_post()['id']}/"
    lines = [("If-Match", '"7"'), ("If-Match", '"1"')]
    assert alice.ask("PATCH", path, json={"title": "Anew"}, headers=lines).status_code == 200
    known = [("If-None-Match", '"7"'), ("If-None-Match", alice.ask("GET", path).headers["etag"])]
    assert alice.ask("GET", path, headers=known).status_code == 304


@pytest.mark.parametrize("method", CHANGES)
def test_a_malformed_precondition_is_refused(alice: Member, method: str) -> None:
    post = alice.create_post()
    path = f"/api/posts/{post['id']}/"
    for malformed in MALFORMED:
        assert invalid_fields(change(alice, method, path, If_Match=malformed)) == ["If-Match"], malformed
    assert alice.ask("GET", path).json() == post


@pytest.mark.parametrize("method", CHANGES)
def test_if_none_match_star_forbids_a_change(alice: Member, method: str) -> None:
    post = alice.create_post()
    path = f"/api/posts/{post['id']}/"
    problem(change(alice, method, path, If_None_Match="*"), 412)
    assert alice.ask("GET", path).json() == post
    problem(change(alice, method, "/api/posts/77/", If_None_Match="*"), 404)


@on_both
@pytest.mark.parametrize("method", CHANGES)
@pytest.mark.parametrize("if_match", ['"7"', "?", None])
def test_a_missing_permission_is_reported_before_preconditions(strict: Site, method: str, if_match: str | None) -> None:
    ann, bob = strict.add_member("ann"), strict.add_member("bob")
    path = f"/api/posts/{ann.create_post()['id']}/"
    reader = log_in(strict.open_blog, "ann", PASSWORD, scopes={Scope.POSTS_READ})[1].secret
    asked: dict[str, Any] = {"headers": {"If-Match": if_match} if if_match else {}, "content": b"{"}
    problem(strict.ask(method, path, **asked), 401)
    problem(strict.ask(method, path, token=reader, **asked), 403)
    problem(bob.ask(method, path, **asked), 403)
    problem(ann.ask(method, "/api/posts/77/", **asked), 404)
    problem(ann.ask(method, path, **asked), {'"7"': 412, "?": 400, None: 428}[if_match])
    assert ann.ask("GET", path).headers["etag"].startswith('"1-')


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_a_version_conflict_is_reported_before_errors_of_the_body(alice: Member, method: str) -> None:
    path = f"/api/posts/{alice.create_post()['id']}/"
    for said in ({"json": {"title": ""}}, {"json": {"x": 1}}, {"content": b"{"}, {"content": b"x" * 9}):
        answer = alice.ask(method, path, headers={"If-Match": '"7"'}, **said)
        assert (problem(answer, 412)["version"], answer.json()["conflicting_fields"]) == (1, [])
    assert "title" in invalid_fields(alice.ask(method, path, headers={"If-Match": '"1"'}, json={"title": ""}))


@pytest.mark.parametrize("method", CHANGES)
def test_a_change_without_a_required_if_match_gets_428(strict: Site, method: str) -> None:
    ann = strict.add_member("ann")
    post = ann.create_post()
    path = f"/api/posts/{post['id']}/"
    problem(change(ann, method, path), 428)
    problem(ann.ask(method, path, content=b"{"), 428)
    assert ann.ask("GET", path).json() == post
    assert change(ann, method, path, If_Match='"1"').status_code < 300


def test_requiring_if_match_is_a_setting() -> None:
    account = {"username": "ann", "password": PASSWORD}
    for word, status in (("yes", 428), ("no", 200)):
        variables = {**CHEAP, "BLOG_REGISTRATION": "open", "BLOG_REQUIRE_IF_MATCH": word}
        with app_of(Settings.read(variables, database_url="memory:")) as app:
            site = Site(app, create_blog(MemoryStore()))
            user = site.ask("POST", "/api/register/", json=account).json()
            ann = Member(site, user["id"], "ann", site.ask("POST", "/api/login/", json=account).json()["token"])
            assert change(ann, "PATCH", f"/api/posts/{ann.create_post()['id']}/").status_code == status
            site.close()


def test_conflicting_fields_are_those_that_were_sent_and_differ(alice: Member) -> None:
    path = f"/api/posts/{alice.create_post('A title', 'A body')['id']}/"
    for said, conflicting_fields in (
        ({"title": "A title", "body": "Other"}, ["body"]),
        ({"title": "Other", "body": "Other"}, ["title", "body"]),
        ({"title": "A title"}, []),
        ({}, []),
        ({"title": "A title", "user": alice.id}, []),
    ):
        answer = alice.ask("PATCH", path, json=said, headers={"If-Match": '"9"'})
        assert problem(answer, 412)["conflicting_fields"] == conflicting_fields


def test_an_edit_reads_the_post_once(store: OpenStores, hasher: PasswordHasher) -> None:
    read: list[str] = []

    @contextmanager
    def open_stores() -> Iterator[Stores]:
        with store() as stores:
            yield replace(stores, posts=RecordingPosts(stores.posts, read))

    open_blog = create_blog(open_stores, hasher=hasher)
    site = Site(create_app(open_blog), open_blog)
    alice = site.add_member("alice")
    path = f"/api/posts/{alice.create_post()['id']}/"
    read.clear()
    assert alice.ask("PATCH", path, json={"title": "Anew"}, headers={"If-Match": '"1"'}).status_code == 200
    assert read == ["get_for_update", "save"]
    site.close()


@dataclass
class RecordingPosts:
    """A repository that records its calls."""

    posts: Any
    asked: list[str]

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.posts, name)
        if callable(found):
            self.asked.append(name)
        return found


@settings(max_examples=150, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(header=st.text(st.sampled_from('"123W/*, \t-x\\\xe9'), max_size=12), method=st.sampled_from(["GET", *CHANGES]))
def test_any_precondition_causes_no_server_error(alice: Member, header: str, method: str) -> None:
    path = f"/api/posts/{alice.create_post()['id']}/"
    sent = [(b"If-Match", header.encode("latin-1")), (b"If-None-Match", header.encode("latin-1"))]
    answer = alice.site.ask(method, path, token=alice.token, headers=sent)
    assert answer.status_code in {200, 204, 304, 400, 412, 415}
