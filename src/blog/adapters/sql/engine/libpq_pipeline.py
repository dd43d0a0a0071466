"""PostgreSQL's connections as units of work use them: libpq itself, in its pipeline mode.

psycopg opens them, and knows types and errors. Its cursors serve every use there is, which each statement pays for. A
unit has one use: statements go out in one write, each of them prepared at its first run, and then all answers are read.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import count
from select import POLLIN, POLLOUT, poll
from time import monotonic
from typing import Any, Final

import psycopg
from psycopg import adapt, capabilities
from psycopg.abc import Buffer, PyFormat, Transformer
from psycopg.errors import error_from_result
from psycopg.pq import ConnStatus, ExecStatus, Format, TransactionStatus
from psycopg.pq.abc import PGresult

from .dialect import Pending

_PREPARED_AT_MOST: Final = 200
"""How many statements the server remembers for a connection: an `IN` is one more for every number of values."""

_INTERRUPT_POLL_INTERVAL: Final = 0.2
"""Seconds after which a wait for the server looks whether it was interrupted."""

_CANCEL_WITHIN: Final = 1.0
"""Seconds that the server has to take a request to cancel a statement."""

_Awaited = tuple[str, bool]
"""A statement that will be answered, and whether that is to say that it has been prepared."""

_DONE: Final = frozenset({ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK})


class PipelineResult:
    """What came of a statement."""

    __slots__ = ("_result", "_types")

    def __init__(self, result: PGresult, types: Transformer) -> None:
        self._result = result
        self._types = types

    @property
    def rowcount(self) -> int:
        """How many rows it gave, inserted, updated or deleted; -1 where it does nothing of the kind."""
        counted = self._result.command_tuples
        return -1 if counted is None else counted

    def fetchall(self) -> list[tuple[Any, ...]]:
        """The rows it gave."""
        self._types.set_pgresult(self._result)
        return self._types.load_rows(0, self._result.ntuples, tuple)


class LibpqConnection:
    """A connection for one thread at a time. One that is left in the middle of an answer is closed.

    Args:
        opened: by psycopg, in autocommit, and nobody else's from now on.
        timeout: seconds to wait for all answers to what is sent at once.
        prepares: whether the server remembers statements, which it cannot behind a pooler.
    """

    def __init__(self, opened: psycopg.Connection[Any], *, timeout: float, prepares: bool) -> None:
        self.pgconn: Final = opened.pgconn
        self.timeout = timeout
        self.timed_out = False
        self._is_interruptible = self._is_interrupted = False
        self._opened: Final = opened  # which would close it if nobody kept it
        self._types: Final[Transformer] = adapt.Transformer(opened)
        self._prepares = prepares
        self._prepared: Final[dict[str, bytes]] = {}
        self._names = map(b"blog_%d".__mod__, count())
        self._answer_comes, self._something_goes = poll(), poll()
        self._answer_comes.register(self.pgconn.socket, POLLIN)
        self._something_goes.register(self.pgconn.socket, POLLIN | POLLOUT)
        self.pgconn.enter_pipeline_mode()

    @property
    def closed(self) -> bool:
        """Whether it is of no use any more."""
        return self.pgconn.status == ConnStatus.BAD

    def execute(self, statement: str, values: Sequence[Any] = (), told: Pending | None = None, /) -> PipelineResult:
        """Run it after what was told, which leaves the list when it is sent.

        Raises:
            psycopg.Error: of the first that failed. What came after it was not run.
        """
        wanted = [*told, (statement, values)] if told else [(statement, values)]
        ready = [(text, self._types.dump_sequence(given, [PyFormat.TEXT] * len(given))) for text, given in wanted]
        if told:
            told.clear()
        try:
            awaited = [each for text, given in ready for each in self._send(text, given)]
            self.pgconn.pipeline_sync()
            results = self._results(len(awaited))
        except BaseException:
            self.pgconn.finish()  # else what has not been read would be the answer to whatever is sent next
            raise
        if failures := [each for each in zip(awaited, results, strict=True) if each[1].status not in _DONE]:
            raise self._failure(failures)
        return PipelineResult(results[-1], self._types)

    def commit(self, told: Pending | None = None) -> None:
        """Keep what was done since a transaction was begun, and what was told.

        Raises:
            psycopg.Error: of the first that failed. Unless the connection is lost, nothing is kept.
        """
        self.execute("COMMIT", (), told)

    def rollback(self) -> None:
        """Keep nothing of it, if a transaction was begun."""
        if self.pgconn.transaction_status != TransactionStatus.IDLE:
            self.execute("ROLLBACK")

    def interrupt(self) -> None:
        """Make the statement fail that runs within `interruptible`. The thread that waits for it cancels it: asking the
        server takes a connection of its own, and whoever interrupts shall not wait.
        """
        self._is_interrupted = True

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """A block for statements of one unit, in which no `interrupt` is lost, and which none outlives."""
        self._is_interruptible, self._is_interrupted = True, False
        try:
            yield
        finally:
            self._is_interruptible = False

    def close(self) -> None:
        """Let go of the server."""
        self._opened.close()

    def _send(self, statement: str, values: Sequence[Buffer | None]) -> Iterator[_Awaited]:
        """Put it into what is written next. Tells which answers come of it."""
        if not self._prepares:
            self.pgconn.send_query_params(statement.encode(), values, result_format=Format.BINARY)
        else:
            if statement not in self._prepared:
                yield from self._prepare(statement, has_values=bool(values))
            self.pgconn.send_query_prepared(self._prepared[statement], values, result_format=Format.BINARY)
        yield statement, False

    def _prepare(self, statement: str, *, has_values: bool) -> Iterator[_Awaited]:
        if has_values and len(self._prepared) >= _PREPARED_AT_MOST:  # without any, it may be a ROLLBACK, and goes alone
            oldest = next(iter(self._prepared))
            forget = f"DEALLOCATE {self._prepared.pop(oldest).decode()}"
            self.pgconn.send_query_params(forget.encode(), None)
            yield forget, False
        name = self._prepared[statement] = next(self._names)
        self.pgconn.send_prepare(name, statement.encode())
        yield statement, True

    def _failure(self, failures: Sequence[tuple[_Awaited, PGresult]]) -> psycopg.Error:
        """The first, of which the others are consequences."""
        for (statement, prepares), _ in failures:
            if prepares:
                self._prepared.pop(statement, None)
        (statement, _), result = failures[0]
        error = error_from_result(result, self._types.encoding)
        error.add_note(statement)  # which may have been told long before
        return error

    def _results(self, number: int) -> list[PGresult]:
        """All of them, of which each is followed by nothing, and the last by the sign that there are no more."""
        deadline = monotonic() + self.timeout
        while self.pgconn.flush():
            self._wait(self._something_goes, deadline)
        results = []
        for _ in range(number):
            results.append(self._result(deadline))
            self.pgconn.get_result()
        self._result(deadline)
        return results

    def _result(self, deadline: float) -> PGresult:
        while self.pgconn.is_busy():
            self._wait(self._answer_comes, deadline)
        result = self.pgconn.get_result()
        if result is None:
            raise psycopg.OperationalError("the connection is lost")
        return result

    def _wait(self, event: poll, deadline: float) -> None:
        """Wait for something of the server's, and take it in.

        Raises:
            psycopg.OperationalError: the connection is lost, it was interrupted, or the server did not answer in time.
        """
        while not event.poll(self._poll_interval(deadline) * 1000):
            if self._is_interruptible and self._is_interrupted:
                self._cancel()
                raise psycopg.OperationalError("the statement was interrupted")
            if monotonic() >= deadline:
                self.timed_out = True
                raise psycopg.OperationalError("the server did not answer in time")
        self.pgconn.consume_input()

    def _poll_interval(self, deadline: float) -> float:
        left = max(deadline - monotonic(), 0)
        return min(left, _INTERRUPT_POLL_INTERVAL) if self._is_interruptible else left

    def _cancel(self) -> None:
        """Ask the server to end the statement. The request may be late and meet what comes next on this connection: so
        the connection is closed by whoever waited. Before libpq 17 such a request cannot be bounded in time, and the
        server ends the statement by its own timeout.
        """
        if capabilities.has_cancel_safe():
            with suppress(psycopg.Error):
                self._opened.cancel_safe(timeout=_CANCEL_WITHIN)
