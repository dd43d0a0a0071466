"""The audit log over HTTP: recorded events, privacy, filters and pages."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.entrypoints.http.clients import StoppedClock, invalid_fields, problem
from tests.entrypoints.http.configured_sites import AWAY, HOME, SECRET, WRONG, ConfiguredSite, SiteUser

from blog.domain.accounts.invitations import Registration
from blog.domain.accounts.passwords import PasswordHasher
from blog.domain.blog import BlogConfig, OpenStores

on_both = pytest.mark.parametrize("store", ["memory", "sqlite"], indirect=True)
AUDIT = "/api/audit/"
NEW = "another battery staple horse"
POST = {"title": "A title", "body": "A body"}


@pytest.fixture
def configured_site(store: OpenStores, hasher: PasswordHasher, clock: StoppedClock) -> Iterator[ConfiguredSite]:
    configured_site = ConfiguredSite(store, hasher, clock, config=BlogConfig(registration=Registration.INVITE))
    yield configured_site
    configured_site.close()


@pytest.fixture
def alice(configured_site: ConfiguredSite) -> SiteUser:
    return configured_site.add_user("alice")


def entries(root: SiteUser, query: str = "") -> list[dict[str, Any]]:
    """Return the audit entries that an administrator reads, newest first."""
    answer = root.ask("GET", AUDIT + query)
    assert answer.status_code == 200, answer.text
    results: list[dict[str, Any]] = answer.json()["results"]
    return results


def told(entry: dict[str, Any]) -> tuple[Any, ...]:
    """Return actor, event and subject of an entry."""
    return entry["event"], entry["actor"], entry["subject"], entry["subject_id"], entry["detail"]


@on_both
def test_an_entry_has_time_actor_event_address_and_token(
    configured_site: ConfiguredSite, clock: StoppedClock, root: SiteUser, alice: SiteUser
) -> None:
    clock.advance(seconds=1)
    post = alice.ask("POST", "/api/posts/", at=AWAY, json=POST).json()["id"]
    newest = entries(root)[0]
    assert newest == {
        "id": newest["id"],
        "at": "2026-11-22T09:30:01.000000Z",
        "event": "post.created",
        "actor_id": alice.id,
        "actor": "alice",
        "address": AWAY,
        "token_id": alice.token_id,
        "subject": "post",
        "subject_id": post,
        "detail": "",
    }


@on_both
def test_changes_of_posts_and_of_the_own_account_are_recorded(configured_site: ConfiguredSite, root: SiteUser) -> None:
    before = len(configured_site.audit())
    configured_site.log_in("root", WRONG)
    token = configured_site.log_in("root", name="laptop").json()["token"]
    post = configured_site.ask("POST", "/api/posts/", token=token, json=POST).json()["id"]
    for method in ("PATCH", "PATCH", "DELETE"):
        configured_site.ask(method, f"/api/posts/{post}/", token=token, json={"title": "Another"})
    configured_site.ask("PATCH", "/api/users/me/", token=token, json={"username": "toor"})
    other = configured_site.log_in("toor").json()["token"]
    ids = [entry.subject_id for entry in configured_site.audit() if entry.event == "token.issued"][-2:]
    configured_site.ask("DELETE", f"/api/tokens/{ids[1]}/", token=token)
    changed = configured_site.ask(
        "POST", "/api/users/me/password/", token=token, json={"old_password": SECRET, "new_password": NEW}
    )
    configured_site.ask("POST", "/api/logout/", token=changed.json()["token"])
    last = configured_site.log_in("toor", NEW).json()["token"]
    configured_site.ask("POST", "/api/logout/all/", token=last)
    me, scopes = root.id, "account admin posts:publish posts:read posts:write"
    ids = [entry.subject_id for entry in configured_site.audit() if entry.event == "token.issued"][-4:]
    assert other
    assert [
        (entry.event, entry.actor, entry.subject, entry.subject_id, entry.detail)
        for entry in configured_site.audit()[before:]
    ] == [
        ("login.failed", "root", "user", me, ""),
        ("token.issued", "root", "token", ids[0], scopes),
        ("login.succeeded", "root", "user", me, ""),
        ("post.created", "root", "post", post, ""),
        ("post.changed", "root", "post", post, ""),
        ("post.deleted", "root", "post", post, ""),
        ("user.changed", "root", "user", me, "root is now toor"),
        ("token.issued", "toor", "token", ids[1], scopes),
        ("login.succeeded", "toor", "user", me, ""),
        ("token.revoked", "toor", "token", ids[1], ""),
        ("password.changed", "toor", "user", me, ""),
        ("token.revoked", "toor", "user", me, "all tokens"),
        ("token.issued", "toor", "token", ids[2], scopes),
        ("token.revoked", "toor", "token", ids[2], ""),
        ("logout", "toor", "user", me, ""),
        ("token.issued", "toor", "token", ids[3], scopes),
        ("login.succeeded", "toor", "user", me, ""),
        ("token.revoked", "toor", "user", me, "all tokens"),
        ("logout", "toor", "user", me, "everywhere"),
    ]
    assert {entry.address for entry in configured_site.audit()[before:]} == {HOME}


@on_both
def test_changes_by_administrators_are_recorded(
    configured_site: ConfiguredSite, root: SiteUser, alice: SiteUser
) -> None:
    before = entries(root)[0]["id"]
    code = root.ask("POST", "/api/invitations/", json={}).json()
    root.ask("DELETE", f"/api/invitations/{code['id']}/")
    code = root.ask("POST", "/api/invitations/", json={}).json()
    invited = {"username": "carol", "password": SECRET, "invitation": code["code"]}
    carol = configured_site.ask("POST", "/api/register/", json=invited).json()["id"]
    dave = root.ask("POST", "/api/users/", json={"username": "dave", "password": SECRET, "is_admin": True}).json()["id"]
    root.ask("DELETE", f"/api/users/{alice.id}/tokens/{alice.token_id}/")
    for change in ({"is_admin": False}, {"username": "david"}, {"password": NEW}, {"is_active": False}):
        assert root.ask("PATCH", f"/api/users/{dave}/", json=change).status_code == 200
    recorded = [entry for entry in entries(root)[::-1] if entry["id"] > before]
    assert [told(entry) for entry in recorded] == [
        ("invitation.created", "root", "invitation", code["id"] - 1, ""),
        ("invitation.revoked", "root", "invitation", code["id"] - 1, ""),
        ("invitation.created", "root", "invitation", code["id"], ""),
        ("user.registered", "carol", "user", carol, "carol, invited by root"),
        ("user.created", "root", "user", dave, "dave, admin"),
        ("token.revoked", "root", "token", alice.token_id, ""),
        ("user.changed", "root", "user", dave, "no admin"),
        ("user.changed", "root", "user", dave, "dave is now david"),
        ("password.reset", "root", "user", dave, ""),
        ("user.changed", "root", "user", dave, "inactive"),
    ]
    assert {entry["token_id"] for entry in recorded if entry["actor"] == "root"} == {root.token_id}


@on_both
def test_refused_requests_are_not_recorded_as_done(
    configured_site: ConfiguredSite, root: SiteUser, alice: SiteUser
) -> None:
    post, before = alice.create_post(), len(configured_site.audit()) + 1
    root.ask("DELETE", f"/api/posts/{post}/")
    alice.ask("PATCH", f"/api/posts/{post}/", json={"title": ""})
    alice.ask("PATCH", f"/api/posts/{post}/", json={"title": "A title"})
    alice.ask("DELETE", "/api/tokens/999/")
    alice.ask("POST", "/api/users/", json={})
    root.ask("PATCH", f"/api/users/{root.id}/", json={"is_admin": False})
    root.ask("POST", "/api/users/", json={"username": "ALICE", "password": SECRET})
    assert len(configured_site.audit()) + 1 == before


def test_an_unknown_username_is_not_recorded_because_it_may_be_a_password(
    configured_site: ConfiguredSite, root: SiteUser
) -> None:
    configured_site.log_in("MyPassw0rd-typed-here", WRONG, at=AWAY)
    configured_site.log_in("ROOT", WRONG, at=AWAY)
    known, unknown = entries(root, "?limit=2")
    assert told(known) == ("login.failed", "root", "user", root.id, "")
    assert told(unknown) == ("login.failed", "", "user", None, "")
    assert (unknown["address"], unknown["actor_id"]) == (AWAY, None)
    assert "passw0rd" not in root.ask("GET", AUDIT).text.lower()


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
def test_an_unknown_username_is_nowhere_in_the_database(
    configured_site: ConfiguredSite, database: Path, root: SiteUser
) -> None:
    configured_site.log_in("MyPassw0rd-typed-here", WRONG, at=AWAY)
    kept = b"".join(path.read_bytes() for path in database.parent.iterdir())
    assert AWAY.encode() in kept
    assert b"passw0rd" not in kept.lower()


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
def test_a_rate_limited_attempt_adds_nothing_to_the_database(
    configured_site: ConfiguredSite, database: Path, root: SiteUser
) -> None:
    def rows() -> list[int]:
        tables = ("audit_entries", "login_attempts", "tokens", "known_addresses")
        with closing(sqlite3.connect(database)) as connection:
            names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            assert set(tables) <= names, names
            return [connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in tables]

    before = rows()
    assert configured_site.fail_log_ins("root", 8) == [401] * 8
    after = rows()
    assert [new - old for new, old in zip(after, before, strict=True)] == [9, 8, 0, 0]
    assert told(entries(root)[0]) == ("login.throttled", "root", "user", root.id, "")
    assert configured_site.fail_log_ins("root", 100) == [429] * 100
    assert rows() == after


def test_only_administrators_read_the_audit_log_and_nobody_writes_it(
    configured_site: ConfiguredSite, root: SiteUser, alice: SiteUser
) -> None:
    before = configured_site.audit()
    problem(configured_site.ask("GET", AUDIT), 401)
    problem(alice.ask("GET", AUDIT), 403)
    problem(configured_site.with_new_token("root", scopes=["account"]).ask("GET", AUDIT), 403)
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        answer = root.ask(method, AUDIT, json={})
        problem(answer, 405)
        assert answer.headers["allow"] == "GET, HEAD, OPTIONS"
        problem(root.ask(method, f"{AUDIT}1/", json={}), 404)
    assert configured_site.audit()[: len(before)] == before


@on_both
def test_the_audit_log_is_filtered_by_event_user_subject_address_and_time(
    configured_site: ConfiguredSite, clock: StoppedClock, root: SiteUser, alice: SiteUser
) -> None:
    posts = [alice.create_post() for _ in range(2)]
    clock.advance(hours=1)
    root.ask("POST", "/api/posts/", json=POST, at=AWAY)
    configured_site.fail_log_ins("alice", 2)

    def of(query: str) -> list[tuple[str, str]]:
        return [(entry["event"], entry["actor"]) for entry in entries(root, query)]

    written, failed = ("post.created", "alice"), ("login.failed", "alice")
    assert of("?event=post.created") == [("post.created", "root"), written, written]
    assert of(f"?event=post.created&user={alice.id}") == [written, written]
    assert of(f"?subject=post&subject_id={posts[1]}") == [written]
    assert of(f"?address={AWAY}") == [failed, failed, ("post.created", "root")]
    assert of("?since=2026-11-22T10:30:00Z&subject=user") == [failed, failed]
    assert of("?since=2026-11-22T11:30:00%2B01:00") == [failed, failed, ("post.created", "root")]
    assert of("?until=2026-11-22T10:30:00Z&event=post.created") == [written, written]
    assert of("?event=logout") == of("?user=999") == of("?address=%27%20OR%201=1") == of("?subject=x") == []
    for name in ("event", "user", "subject_id", "since", "until", "limit", "cursor", "order"):
        assert invalid_fields(root.ask("GET", AUDIT, params={name: "nonsense"})) == [name]
    assert invalid_fields(root.ask("GET", f"{AUDIT}?since=2026-11-22T10:30:00&limit=101&user=0")) == [
        "since",
        "limit",
        "user",
    ]


@on_both
def test_the_audit_log_is_read_in_pages_to_its_end(
    configured_site: ConfiguredSite, root: SiteUser, alice: SiteUser
) -> None:
    posts = [alice.create_post() for _ in range(7)]
    seen, url = [], f"{AUDIT}?event=post.created&limit=3&address={HOME}"
    while url:
        page = root.ask("GET", url).json()
        seen.append([entry["subject_id"] for entry in page["results"]])
        url = page["next"]
        configured_site.fail_log_ins("root", 1)
    assert seen == [posts[6:3:-1], posts[3:0:-1], posts[:1]]
