"""Storage of responses for idempotency keys."""

import hashlib
import sqlite3
from contextlib import closing
from pathlib import Path

import httpx
import msgspec
import pytest
from tests.entrypoints.blocking_blogs import Store, authorization, run_requests
from tests.entrypoints.http.clients import PASSWORD, Member, Site, StoppedClock, invalid_fields, problem
from tests.entrypoints.http.configured_sites import wait_for
from tests.entrypoints.http.keyed_requests import KEY, POST, TAKING, on_both, posts, send_keyed

from blog.domain.blog import OpenBlog
from blog.domain.errors import Unavailable
from blog.entrypoints.http.parsing import idempotency_key as idempotency
from blog.entrypoints.server.maintenance import maintained


def kept(database: Path) -> list[tuple[bytes, bytes]]:
    """Return the stored digest and response of each request."""
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute("SELECT fingerprint, response FROM idempotency_records").fetchall()


@on_both
def test_a_response_is_stored_for_a_day(site: Site, clock: StoppedClock, alice: Member) -> None:
    first = send_keyed(alice, "create")
    clock.advance(days=1, microseconds=-1)
    assert send_keyed(alice, "create").json() == first.json()
    clock.advance(microseconds=1)
    anew = send_keyed(alice, "create")
    assert (anew.status_code, anew.json()["id"]) == (201, first.json()["id"] + 1)
    assert "idempotency-replayed" not in anew.headers
    assert posts(site) == 2


@on_both
def test_a_response_that_is_too_large_is_replaced_by_a_short_one(
    site: Site, alice: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idempotency, "MAX_RECORD_BYTES", 300)
    first, again = send_keyed(alice, "create"), send_keyed(alice, "create")
    assert (first.status_code, first.json()["title"]) == (201, POST["title"])
    assert (again.status_code, again.headers["idempotency-replayed"]) == (201, "true")
    assert again.json()["detail"].startswith("This request was processed before.")
    for header in ("location", "etag"):
        assert again.headers[header] == first.headers[header]
    assert posts(site) == 1


@on_both
def test_a_failed_response_is_not_stored(site: Site, alice: Member) -> None:
    headers = {"Idempotency-Key": KEY}
    assert invalid_fields(alice.ask("POST", "/api/posts/", json={"title": ""}, headers=headers)) == ["body", "title"]
    problem(alice.ask("POST", "/api/posts/", content=b"", headers=headers), 415)
    assert send_keyed(alice, "create").status_code == 201
    assert posts(site) == 1


def test_the_response_is_stored_in_the_same_transaction_as_the_change() -> None:
    store = Store("the first")

    async def ask(client: httpx.AsyncClient) -> list[httpx.Response]:
        headers = {**authorization(store.token), "Idempotency-Key": KEY}
        store.refusals.append(Unavailable("The disk is full."))
        return [await client.post("/api/posts/", json=POST, headers=headers) for _ in range(3)]

    answers = run_requests(store, ask)
    assert [answer.status_code for answer in answers] == [503, 201, 201]
    assert ["idempotency-replayed" in answer.headers for answer in answers] == [False, False, True]
    assert store.titles() == ["A title", "the first"]


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
def test_the_stored_digest_of_a_request_with_a_password_is_slow_to_guess(site: Site, database: Path) -> None:
    root, said = site.add_member("root", is_admin=True), msgspec.json.encode(TAKING["add"][1])
    headers = {"Idempotency-Key": KEY, "Content-Type": "application/json"}
    assert root.ask("POST", "/api/users/", content=said, headers=headers).status_code == 201
    ((request, answer),) = kept(database)
    quick = msgspec.msgpack.encode(("POST", "/api/users", "application/json", said))
    assert request not in {hashlib.sha256(guess).digest() for guess in (quick, said)}
    assert PASSWORD.encode() not in answer


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
def test_a_server_purges_responses_after_a_day(
    open_blog: OpenBlog, clock: StoppedClock, alice: Member, database: Path
) -> None:
    send_keyed(alice, "create")
    clock.advance(hours=1)
    send_keyed(alice, "create", "another")
    (_, younger) = kept(database)
    clock.advance(hours=23)
    with maintained(open_blog, every=0.001):
        wait_for(lambda: kept(database) == [younger])
