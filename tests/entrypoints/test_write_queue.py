"""Concurrent writes are committed together, and each gets its own result."""

import asyncio
import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import pytest
from tests.database import Database
from tests.entrypoints.blocking_blogs import Gate, Store, create_post, run_requests

from blog.adapters.argon2 import Argon2PasswordHasher
from blog.adapters.sql import SqlStore
from blog.bootstrap import create_blog
from blog.domain.posts.post import PostNotFound
from blog.domain.shared import PostId
from blog.entrypoints.http.concurrency import executors, write_queue
from blog.entrypoints.http.concurrency.executors import BoundedExecutor, Executors

Work = Callable[[], Any]


class CommitFailedError(Exception):
    """The commit fails."""


class GroupCommits:
    """A blog in a database file that counts its group commits."""

    def __init__(self, file: Path, stores: SqlStore) -> None:
        self.blog = Store("first", inner=create_blog(stores, hasher=Argon2PasswordHasher(memory=8, iterations=1)))
        self.database = Database(file)
        self.commits = 0
        self.failing_commit: int | None = None  # the number of the commit that fails
        self._stores = stores

    @contextmanager
    def group_commit(self) -> Iterator[None]:
        assert self._stores.group_commit is not None
        self.commits += 1
        with self._stores.group_commit():
            yield
            if self.commits == self.failing_commit:
                raise CommitFailedError

    def create(self, title: str) -> Work:
        """Return a job that creates a post, and returns its title."""

        def write() -> str:
            with self.blog() as blog:
                return blog.posts.create(self.blog.ann, title=title, body="In a row.").title

        return write

    def fail_after_create(self) -> None:
        """Create a post, then fail."""
        with self.blog() as blog:
            blog.posts.create(self.blog.ann, title="Never", body="It is not kept.")
            blog.posts.delete(self.blog.ann, PostId(99))

    def run_all(self, *works: Work, before: Callable[[], object] = lambda: None) -> Sequence[Any]:
        """Queue the jobs behind another one. Return their results."""

        async def do() -> Sequence[Any]:
            executor, gate = Executors(1, self.group_commit).writes, Gate()
            held = asyncio.create_task(executor.run(gate))
            await gate.arrivals(1)
            waiting = await submit(executor, works)
            before()
            gate.open()
            await held
            return await asyncio.gather(*waiting, return_exceptions=True)

        return asyncio.run(do())


async def submit(executor: BoundedExecutor, works: Sequence[Work]) -> list[asyncio.Task[Any]]:
    """Submit the jobs."""
    tasks = [asyncio.create_task(executor.run(work)) for work in works]
    await asyncio.sleep(0)
    return tasks


def results_of(outcomes: Sequence[Any]) -> list[str]:
    """Return each result, or the type of its error."""
    return [outcome if isinstance(outcome, str) else type(outcome).__name__ for outcome in outcomes]


@pytest.fixture
def group_commits(tmp_path: Path) -> Iterator[GroupCommits]:
    file = tmp_path / "blog.db"
    with closing(SqlStore(f"sqlite:///{file}", timeout=0.1)) as stores:
        stores.migrate()
        yield GroupCommits(file, stores)


def test_queued_units_are_committed_together_in_order(group_commits: GroupCommits) -> None:
    titles = [f"Post {number}" for number in range(6)]
    assert group_commits.run_all(*map(group_commits.create, titles)) == titles
    assert group_commits.commits == 2  # the one that was waited for, and all others
    assert group_commits.blog.titles() == [*reversed(titles), "first"]


def test_the_number_of_units_in_one_commit_is_bounded(
    group_commits: GroupCommits, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(write_queue, "MAX_UNITS", 2)
    titles = [f"Post {number}" for number in range(5)]
    assert group_commits.run_all(*map(group_commits.create, titles)) == titles
    assert group_commits.commits == 1 + 3


def test_a_client_that_writes_again_at_once_joins_the_next_group(group_commits: GroupCommits) -> None:
    async def do() -> list[str]:
        loop, executor = asyncio.get_running_loop(), Executors(1, group_commits.group_commit).writes
        came, in_between = threading.Event(), list[asyncio.Task[Any]]()

        def let_one_come() -> None:
            in_between.append(asyncio.create_task(executor.run(group_commits.create("between"))))
            loop.call_soon(came.set)

        def write_while_one_comes() -> str:
            loop.call_soon_threadsafe(let_one_come)
            assert came.wait(5)
            return str(group_commits.create("first")())

        async def write_and_again(first: Work, second: Work) -> list[str]:
            return [await executor.run(first), await executor.run(second)]

        one = write_and_again(write_while_one_comes, group_commits.create("again"))
        answers = await asyncio.gather(
            one, write_and_again(group_commits.create("other"), group_commits.create("other again"))
        )
        return [*answers[0], *answers[1], await in_between[0]]

    assert asyncio.run(do()) == ["first", "again", "other", "other again", "between"]
    assert group_commits.commits == 2


def test_the_writer_thread_has_a_lower_priority() -> None:
    def niceness() -> int:
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    async def do() -> list[int]:
        of_all = Executors(1, nullcontext)
        return [await executor.run(niceness) for executor in (of_all.reads, of_all.writes, of_all.hashing)]

    here = niceness()
    assert asyncio.run(do()) == [here, min(here + 10, 19) if sys.platform == "linux" else here, here]


def test_a_failed_unit_stores_nothing_and_fails_alone(group_commits: GroupCommits) -> None:
    outcomes = group_commits.run_all(
        group_commits.create("One"), group_commits.fail_after_create, group_commits.create("Two")
    )
    assert results_of(outcomes) == ["One", "PostNotFound", "Two"]
    assert isinstance(outcomes[1], PostNotFound)
    assert group_commits.blog.titles() == ["Two", "One", "first"]


def test_a_failed_commit_fails_every_unit_of_its_group(group_commits: GroupCommits) -> None:
    group_commits.failing_commit = 2
    works = group_commits.create("One"), group_commits.fail_after_create, group_commits.create("Two")
    assert results_of(group_commits.run_all(*works)) == ["CommitFailedError"] * 3
    assert group_commits.blog.titles() == ["first"]


def test_after_a_lock_timeout_the_rest_of_the_group_fails_without_waiting(group_commits: GroupCommits) -> None:
    with group_commits.database.connected() as foreign:
        works = [group_commits.create(f"Post {number}") for number in range(5)]
        outcomes = group_commits.run_all(*works, before=lambda: foreign.execute("BEGIN IMMEDIATE"))
    assert results_of(outcomes) == ["Unavailable"] * 5
    assert group_commits.blog.units == 1
    assert group_commits.blog.titles() == ["first"]


def test_a_timed_out_unit_is_not_started(group_commits: GroupCommits, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executors, "RESPONSE_TIMEOUT", 0.05)

    async def do() -> list[str]:
        executor, gate = Executors(1, group_commits.group_commit).writes, Gate()
        waiting = await submit(executor, [gate, group_commits.create("Too late"), group_commits.create("Later still")])
        outcomes = await asyncio.gather(*waiting, return_exceptions=True)
        gate.open()
        monkeypatch.setattr(executors, "RESPONSE_TIMEOUT", 60)
        return [*results_of(outcomes), await executor.run(group_commits.create("In time"))]

    assert asyncio.run(do()) == ["Unavailable"] * 3 + ["In time"]
    assert group_commits.blog.titles() == ["In time", "first"]


def test_the_number_of_waiting_writes_is_bounded(group_commits: GroupCommits, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executors, "MAX_WAITING_REQUESTS", 3)
    works = [group_commits.create(f"Post {number}") for number in range(5)]
    assert results_of(group_commits.run_all(*works)) == ["Post 0", "Post 1", "Post 2", "Unavailable", "Unavailable"]
    assert group_commits.blog.titles() == ["Post 2", "Post 1", "Post 0", "first"]


def test_another_event_loop_is_served_after_one_has_closed(group_commits: GroupCommits) -> None:
    works, gate = write_queue.WriteQueue(group_commits.group_commit), Gate()

    async def leave() -> None:
        works.run(gate)
        await gate.arrivals(1)
        works.run(group_commits.create("Nobody waits for it")).add_done_callback(print)

    async def ask() -> str:
        waiting = works.run(group_commits.create("In time"))
        gate.open()
        return await asyncio.wait_for(waiting, 10)

    loop = asyncio.new_event_loop()
    loop.run_until_complete(leave())
    loop.close()
    assert asyncio.run(ask()) == "In time"
    assert group_commits.blog.titles() == ["In time", "first"]


def test_a_write_request_is_answered_after_its_commit(group_commits: GroupCommits) -> None:
    answer = run_requests(
        group_commits.blog,
        lambda client: create_post(client, group_commits.blog.token),
        group_commit=group_commits.group_commit,
    )
    assert (answer.status_code, group_commits.commits) == (201, 1)
    assert group_commits.blog.titles() == ["Hello", "first"]


def test_a_write_request_whose_commit_fails_gets_503(group_commits: GroupCommits) -> None:
    with group_commits.database.connected() as foreign:
        foreign.execute("BEGIN IMMEDIATE")
        answer = run_requests(
            group_commits.blog,
            lambda client: create_post(client, group_commits.blog.token),
            group_commit=group_commits.group_commit,
        )
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert group_commits.blog.titles() == ["first"]
