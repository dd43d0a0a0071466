"""The blog promises, of the answers that it keeps for requests that may be sent once more, that…"""

import hashlib
import sqlite3
from contextlib import closing
from pathlib import Path

import httpx
import msgspec
import pytest
from tests.entrypoints.blogs import Store, asked, shown
from tests.entrypoints.http.houses import until
from tests.entrypoints.http.keys import KEY, POST, TAKING, on_both, posts, sends
from tests.entrypoints.http.visits import PASSWORD, Member, Site, StoppedClock, faulty, problem

from blog.domain.blog import OpenBlog
from blog.domain.errors import Unavailable
from blog.entrypoints.http.parsing import idempotency_key as idempotency
from blog.entrypoints.server.maintenance import maintained


def kept(database: Path) -> list[tuple[bytes, bytes]]:
    """What is kept of each request, and its answer."""
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute("SELECT fingerprint, response FROM idempotency_records").fetchall()


@on_both
def test_an_answer_is_known_for_a_day(site: Site, clock: StoppedClock, alice: Member) -> None:
    first = sends(alice, "create")
    clock.advance(days=1, microseconds=-1)
    assert sends(alice, "create").json() == first.json()
    clock.advance(microseconds=1)
    anew = sends(alice, "create")
    assert (anew.status_code, anew.json()["id"]) == (201, first.json()["id"] + 1)
    assert "idempotency-replayed" not in anew.headers
    assert posts(site) == 2


@on_both
def test_of_an_answer_that_is_too_large_it_is_stored_that_it_was_given(
    site: Site, alice: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idempotency, "MAX_RECORD_BYTES", 300)
    first, again = sends(alice, "create"), sends(alice, "create")
    assert (first.status_code, first.json()["title"]) == (201, POST["title"])
    assert (again.status_code, again.headers["idempotency-replayed"]) == (201, "true")
    assert again.json()["detail"].startswith("This request was processed before.")
    for header in ("location", "etag"):
        assert again.headers[header] == first.headers[header]
    assert posts(site) == 1


@on_both
def test_what_fails_is_not_kept(site: Site, alice: Member) -> None:
    headers = {"Idempotency-Key": KEY}
    assert faulty(alice.ask("POST", "/api/posts/", json={"title": ""}, headers=headers)) == ["body", "title"]
    problem(alice.ask("POST", "/api/posts/", content=b"", headers=headers), 415)
    assert sends(alice, "create").status_code == 201
    assert posts(site) == 1


def test_the_answer_is_kept_with_what_was_done_or_neither_is() -> None:
    store = Store("the first")

    async def ask(client: httpx.AsyncClient) -> list[httpx.Response]:
        headers = {**shown(store.token), "Idempotency-Key": KEY}
        store.refusals.append(Unavailable("The disk is full."))
        return [await client.post("/api/posts/", json=POST, headers=headers) for _ in range(3)]

    answers = asked(store, ask)
    assert [answer.status_code for answer in answers] == [503, 201, 201]
    assert ["idempotency-replayed" in answer.headers for answer in answers] == [False, False, True]
    assert store.titles() == ["A title", "the first"]


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
def test_what_is_kept_of_a_request_lets_nobody_guess_the_password_in_it_quickly(site: Site, database: Path) -> None:
    root, said = site.member("root", is_admin=True), msgspec.json.encode(TAKING["add"][1])
    headers = {"Idempotency-Key": KEY, "Content-Type": "application/json"}
    assert root.ask("POST", "/api/users/", content=said, headers=headers).status_code == 201
    ((request, answer),) = kept(database)
    quick = msgspec.msgpack.encode(("POST", "/api/users", "application/json", said))
    assert request not in {hashlib.sha256(guess).digest() for guess in (quick, said)}
    assert PASSWORD.encode() not in answer


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
def test_whoever_serves_a_blog_forgets_what_is_a_day_old(
    open_blog: OpenBlog, clock: StoppedClock, alice: Member, database: Path
) -> None:
    sends(alice, "create")
    clock.advance(hours=1)
    sends(alice, "create", "another")
    (_, younger) = kept(database)
    clock.advance(hours=23)
    with maintained(open_blog, every=0.001):
        until(lambda: kept(database) == [younger])
