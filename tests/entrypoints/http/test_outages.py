"""An outage of the store is logged once, and its cause is not shown to clients."""

import json
import logging
import re
import resource
from pathlib import Path

import httpx
import pytest
from tests.database import Database
from tests.durability.stored import ask
from tests.entrypoints.blocking_blogs import Store, create_post, run_requests
from tests.servers import serving

from blog.domain.blog import ConcurrencyConflict
from blog.domain.cancellation import Cancelled
from blog.domain.errors import Unavailable
from blog.entrypoints.http.outages import QUIET, Outages

UNREACHABLE = Unavailable("The database cannot be reached.", cause="At db:5432: no server listens there.")
FULL = Unavailable("The disk is full.", cause="/srv/blog.db: the disk is full.")


class Clock:
    """A monotonic clock that tests set."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def outages(clock: Clock) -> Outages:
    return Outages(clock)


def test_an_outage_is_logged_when_it_begins_and_when_it_ends(
    outages: Outages, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    for _ in range(100):
        outages.failed(UNREACHABLE, writes=False)
        clock.seconds += 1
    outages.record_success(writes=False)
    clock.seconds += QUIET
    outages.record_success(writes=False)
    outages.record_success(writes=True)
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("ERROR", f"Requests are answered with 503: {UNREACHABLE.explained}"),
        ("WARNING", f"Requests are answered again, after 100 answers with 503 in 99 s: {UNREACHABLE.explained}"),
    ]
    outages.failed(UNREACHABLE, writes=False)
    assert len(caplog.records) == 3


def test_an_intermittent_outage_is_logged_as_one(
    outages: Outages, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(50):
        outages.failed(UNREACHABLE, writes=False)
        clock.seconds += QUIET / 2
        outages.record_success(writes=True)
    assert len(caplog.records) == 1


def test_successful_reads_do_not_end_an_outage_of_writes(
    outages: Outages, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    outages.failed(FULL, writes=True)
    clock.seconds += 10 * QUIET
    outages.record_success(writes=False)
    assert len(caplog.records) == 1
    outages.record_success(writes=True)
    assert len(caplog.records) == 2


def test_two_concurrent_outages_are_logged_separately(
    outages: Outages, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(5):
        outages.failed(FULL, writes=True)
        outages.failed(UNREACHABLE, writes=False)
        outages.failed(ConcurrencyConflict("Another change conflicts with this one."), writes=True)
    assert len(caplog.records) == 3
    clock.seconds += QUIET
    outages.record_success(writes=True)
    assert len(caplog.records) == 6


def test_cancelled_work_is_not_an_outage(outages: Outages, caplog: pytest.LogCaptureFixture) -> None:
    outages.failed(Cancelled(), writes=False)
    assert caplog.records == []


def test_failed_requests_are_logged_once_and_clients_get_no_cause(caplog: pytest.LogCaptureFixture) -> None:
    store = Store("the first")

    async def ask_often(client: httpx.AsyncClient) -> list[httpx.Response]:
        answers = []
        for _ in range(20):
            store.refusals.append(FULL)
            answers.append(await create_post(client, store.token))
        return answers

    answers = run_requests(store, ask_often)
    assert {answer.status_code for answer in answers} == {503}
    assert {answer.json()["detail"] for answer in answers} == {"The disk is full."}
    assert [record.getMessage() for record in caplog.records] == [f"Requests are answered with 503: {FULL.explained}"]


def test_a_full_disk_is_logged_once_with_the_file(tmp_path: Path) -> None:
    database = Database(tmp_path / "blog.db")
    database.add_users("alice")
    token = database.log_in("alice")
    with serving(database.file) as server:
        assert ask(server, "POST", "/api/posts/", token, {"title": "a", "body": "b"}).status_code == 201
        size = max(part.stat().st_size for part in tmp_path.glob("blog.db*"))
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
        large = {"title": "a", "body": "x" * 90_000}
        answers = [ask(server, "POST", "/api/posts/", token, large).status_code for _ in range(20)]
        assert answers[-5:] == [503] * 5
        server.stop()
    lines = [json.loads(line) for line in server.errors().splitlines()]
    about_requests = [line["event"] for line in lines if "503" in line["event"]]
    assert len(about_requests) == 1
    assert re.search(re.escape(str(database.file)), about_requests[0])
    assert not [line for line in lines if "exception" in line]
