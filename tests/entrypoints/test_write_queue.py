"""Changes that come at once are kept at once, and each is answered for itself."""

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
from tests.entrypoints.blogs import Gate, Store, asked, written

from blog.adapters.argon2 import Argon2PasswordHasher
from blog.adapters.sql import SqlStore
from blog.bootstrap import create_blog
from blog.domain.posts.post import PostNotFound
from blog.domain.shared import PostId
from blog.entrypoints.http.concurrency import executors as lanes
from blog.entrypoints.http.concurrency import write_queue
from blog.entrypoints.http.concurrency.executors import BoundedExecutor, Executors

Work = Callable[[], Any]


class NotKeptError(Exception):
    """The disk is gone when all is to be kept."""


class Kept:
    """A blog in a database file, and how often something is kept together in it."""

    def __init__(self, file: Path, stores: SqlStore) -> None:
        self.blog = Store("first", inner=create_blog(stores, hasher=Argon2PasswordHasher(memory=8, iterations=1)))
        self.database = Database(file)
        self.blocks = 0
        self.lost: int | None = None  # which of the blocks cannot be kept
        self._stores = stores

    @contextmanager
    def together(self) -> Iterator[None]:
        assert self._stores.group_commit is not None
        self.blocks += 1
        with self._stores.group_commit():
            yield
            if self.blocks == self.lost:
                raise NotKeptError

    def writes(self, title: str) -> Work:
        """To write a post of this title; its title is the answer."""

        def write() -> str:
            with self.blog() as blog:
                return blog.posts.create(self.blog.ann, title=title, body="In a row.").title

        return write

    def deletes_nothing(self) -> None:
        """To write a post, and fail at what comes next."""
        with self.blog() as blog:
            blog.posts.create(self.blog.ann, title="Never", body="It is not kept.")
            blog.posts.delete(self.blog.ann, PostId(99))

    def done(self, *works: Work, before: Callable[[], object] = lambda: None) -> Sequence[Any]:
        """What comes of all these, which gather while something else is being done."""

        async def do() -> Sequence[Any]:
            lane, gate = Executors(1, self.together).writes, Gate()
            held = asyncio.create_task(lane.run(gate))
            await gate.arrivals(1)
            waiting = await waiting_on(lane, works)
            before()
            gate.open()
            await held
            return await asyncio.gather(*waiting, return_exceptions=True)

        return asyncio.run(do())


async def waiting_on(lane: BoundedExecutor, works: Sequence[Work]) -> list[asyncio.Task[Any]]:
    """Those who have asked for this to be done, and wait."""
    tasks = [asyncio.create_task(lane.run(work)) for work in works]
    await asyncio.sleep(0)
    return tasks


def told(outcomes: Sequence[Any]) -> list[str]:
    """Each answer, or the kind of the error that came instead."""
    return [outcome if isinstance(outcome, str) else type(outcome).__name__ for outcome in outcomes]


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Kept]:
    file = tmp_path / "blog.db"
    with closing(SqlStore(f"sqlite:///{file}", timeout=0.1)) as stores:
        stores.migrate()
        yield Kept(file, stores)


def test_what_has_gathered_is_kept_at_once_in_the_order_in_which_it_came(kept: Kept) -> None:
    titles = [f"Post {number}" for number in range(6)]
    assert kept.done(*map(kept.writes, titles)) == titles
    assert kept.blocks == 2  # the one that was waited for, and all others
    assert kept.blog.titles() == [*reversed(titles), "first"]


def test_no_more_is_kept_at_once_than_there_are_places(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(write_queue, "MAX_UNITS", 2)
    titles = [f"Post {number}" for number in range(5)]
    assert kept.done(*map(kept.writes, titles)) == titles
    assert kept.blocks == 1 + 3


def test_whoever_is_answered_and_asks_again_at_once_is_kept_with_who_came_in_between(kept: Kept) -> None:
    async def do() -> list[str]:
        loop, lane = asyncio.get_running_loop(), Executors(1, kept.together).writes
        came, in_between = threading.Event(), list[asyncio.Task[Any]]()

        def let_one_come() -> None:
            in_between.append(asyncio.create_task(lane.run(kept.writes("between"))))
            loop.call_soon(came.set)

        def write_while_one_comes() -> str:
            loop.call_soon_threadsafe(let_one_come)
            assert came.wait(5)
            return str(kept.writes("first")())

        async def write_and_again(first: Work, second: Work) -> list[str]:
            return [await lane.run(first), await lane.run(second)]

        one = write_and_again(write_while_one_comes, kept.writes("again"))
        answers = await asyncio.gather(one, write_and_again(kept.writes("other"), kept.writes("other again")))
        return [*answers[0], *answers[1], await in_between[0]]

    assert asyncio.run(do()) == ["first", "again", "other", "other again", "between"]
    assert kept.blocks == 2


def test_whoever_writes_stands_back_behind_whoever_reads() -> None:
    def niceness() -> int:
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    async def do() -> list[int]:
        of_all = Executors(1, nullcontext)
        return [await lane.run(niceness) for lane in (of_all.reads, of_all.writes, of_all.hashing)]

    here = niceness()
    assert asyncio.run(do()) == [here, min(here + 10, 19) if sys.platform == "linux" else here, here]


def test_of_several_the_one_that_fails_keeps_nothing_and_fails_alone(kept: Kept) -> None:
    outcomes = kept.done(kept.writes("One"), kept.deletes_nothing, kept.writes("Two"))
    assert told(outcomes) == ["One", "PostNotFound", "Two"]
    assert isinstance(outcomes[1], PostNotFound)
    assert kept.blog.titles() == ["Two", "One", "first"]


def test_where_they_cannot_be_kept_none_is_and_each_is_told(kept: Kept) -> None:
    kept.lost = 2
    works = kept.writes("One"), kept.deletes_nothing, kept.writes("Two")
    assert told(kept.done(*works)) == ["NotKeptError"] * 3
    assert kept.blog.titles() == ["first"]


def test_where_one_has_waited_in_vain_for_a_lock_the_others_do_not_wait_as_long_again(kept: Kept) -> None:
    with kept.database.connected() as foreign:
        works = [kept.writes(f"Post {number}") for number in range(5)]
        outcomes = kept.done(*works, before=lambda: foreign.execute("BEGIN IMMEDIATE"))
    assert told(outcomes) == ["Unavailable"] * 5
    assert kept.blog.units == 1
    assert kept.blog.titles() == ["first"]


def test_what_nobody_waits_for_any_longer_is_not_begun(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes, "RESPONSE_TIMEOUT", 0.05)

    async def do() -> list[str]:
        lane, gate = Executors(1, kept.together).writes, Gate()
        waiting = await waiting_on(lane, [gate, kept.writes("Too late"), kept.writes("Later still")])
        outcomes = await asyncio.gather(*waiting, return_exceptions=True)
        gate.open()
        monkeypatch.setattr(lanes, "RESPONSE_TIMEOUT", 60)
        return [*told(outcomes), await lane.run(kept.writes("In time"))]

    assert asyncio.run(do()) == ["Unavailable"] * 3 + ["In time"]
    assert kept.blog.titles() == ["In time", "first"]


def test_no_more_wait_to_be_written_than_there_are_places(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes, "MAX_WAITING_REQUESTS", 3)
    works = [kept.writes(f"Post {number}") for number in range(5)]
    assert told(kept.done(*works)) == ["Post 0", "Post 1", "Post 2", "Unavailable", "Unavailable"]
    assert kept.blog.titles() == ["Post 2", "Post 1", "Post 0", "first"]


def test_another_event_loop_is_served_though_one_has_gone_in_the_middle(kept: Kept) -> None:
    works, gate = write_queue.WriteQueue(kept.together), Gate()

    async def leave() -> None:
        works.run(gate)
        await gate.arrivals(1)
        works.run(kept.writes("Nobody waits for it")).add_done_callback(print)

    async def ask() -> str:
        waiting = works.run(kept.writes("In time"))
        gate.open()
        return await asyncio.wait_for(waiting, 10)

    loop = asyncio.new_event_loop()
    loop.run_until_complete(leave())
    loop.close()
    assert asyncio.run(ask()) == "In time"
    assert kept.blog.titles() == ["In time", "first"]


def test_a_request_to_write_is_answered_when_it_is_kept(kept: Kept) -> None:
    answer = asked(kept.blog, lambda client: written(client, kept.blog.token), together=kept.together)
    assert (answer.status_code, kept.blocks) == (201, 1)
    assert kept.blog.titles() == ["Hello", "first"]


def test_a_request_to_write_that_cannot_be_kept_is_told_to_come_back(kept: Kept) -> None:
    with kept.database.connected() as foreign:
        foreign.execute("BEGIN IMMEDIATE")
        answer = asked(kept.blog, lambda client: written(client, kept.blog.token), together=kept.together)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert kept.blog.titles() == ["first"]
