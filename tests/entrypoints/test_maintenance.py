"""Maintenance beside a server runs tasks in small steps, in turns, until all are done."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest
from tests.entrypoints.blocking_blogs import Store

from blog.domain import maintenance
from blog.domain.accounts.actors import Operator
from blog.domain.blog import Blog, OpenBlog
from blog.domain.cancellation import Cancellation
from blog.domain.errors import Unavailable
from blog.domain.maintenance import Task
from blog.entrypoints.server import maintenance as server_maintenance
from blog.entrypoints.server.maintenance import maintained

LONG = 60


class Tasks:
    """Tasks with this number of steps each, and the order in which they ran."""

    def __init__(self, **sizes: int) -> None:
        self.done: list[str] = []
        self._left = dict(sizes)
        self._ended = threading.Semaphore(0)

    def steps(self) -> Sequence[Task]:
        return [self._step(name) for name in self._left]

    def wait(self) -> None:
        for _ in self._left:
            assert self._ended.acquire(timeout=LONG)

    def _step(self, name: str) -> Task:
        def step(_: Blog) -> bool:
            self.done.append(name)
            self._left[name] -= 1
            if self._left[name] == 0:
                self._ended.release()
            return self._left[name] > 0

        return step


def test_tasks_run_in_turns_until_all_are_done(monkeypatch: pytest.MonkeyPatch) -> None:
    tasks = Tasks(tokens=1, answers=5, seals=3)
    monkeypatch.setattr(server_maintenance, "TASKS", tasks.steps())
    monkeypatch.setattr(server_maintenance, "EVERY", LONG)
    with maintained(Store("blog"), every=0.02):
        tasks.wait()
    done = tasks.done[: 1 + 5 + 3]
    assert done == ["tokens", "answers", "seals", "answers", "seals", "answers", "seals", "answers", "answers"]


def test_a_failed_task_does_not_stop_the_others(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_: Blog) -> bool:
        raise OSError("the disk is gone")

    tasks = Tasks(seals=3)
    monkeypatch.setattr(server_maintenance, "TASKS", [fail, *tasks.steps()])
    with maintained(Store("blog"), every=0.02):
        tasks.wait()
    assert tasks.done[:3] == ["seals"] * 3
    assert "Maintenance was not finished." in caplog.text


def test_all_audit_entries_are_sealed_in_one_round(monkeypatch: pytest.MonkeyPatch) -> None:
    store, sealed = Store("blog"), threading.Event()
    monkeypatch.setattr(maintenance, "SEAL_BATCH_SIZE", 2)
    with store() as blog:
        for number in range(25):
            blog.posts.create(store.ann, title=str(number), body="-")

    rounds = 0

    def begin(_: Blog) -> bool:
        nonlocal rounds
        rounds += 1
        return False

    def look(blog: Blog) -> bool:
        if blog.audit.verify(Operator()).unsealed == 0:
            sealed.set()
        return not sealed.is_set()

    monkeypatch.setattr(server_maintenance, "TASKS", [begin, *maintenance.TASKS, look])
    with maintained(store, every=0.02):
        assert sealed.wait(LONG)
    assert rounds == 1


def test_a_task_that_runs_when_the_server_stops_is_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, cancelled = threading.Event(), threading.Event()

    class Slow(Store):
        """A blog of which a unit of work goes on until it is cancelled."""

        def cancellable(self, cancellation: Cancellation) -> OpenBlog:
            @contextmanager
            def opened() -> Iterator[Blog]:
                begun.set()
                while not cancellation.is_cancelled:
                    threading.Event().wait(0.01)
                cancelled.set()
                cancellation.check()
                with self.inner() as blog:
                    yield blog

            return opened

    with maintained(Slow("blog"), every=0.02):
        assert begun.wait(LONG)
    assert cancelled.is_set()


def test_an_unavailable_database_is_logged_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    tasks = Tasks(tokens=5, answers=5)

    def failing(step: Task) -> Task:
        def fail(blog: Blog) -> bool:
            step(blog)
            raise Unavailable("The disk is full.", cause="blog.db: the disk is full.")

        return fail

    monkeypatch.setattr(server_maintenance, "TASKS", [failing(step) for step in tasks.steps()])
    with maintained(Store("blog"), every=0.02):
        tasks.wait()
    told = [(record.getMessage(), record.exc_info) for record in caplog.records]
    assert told == [("Maintenance was not finished: The disk is full. blog.db: the disk is full.", None)]
