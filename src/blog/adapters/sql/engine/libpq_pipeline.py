"""Connections to PostgreSQL for units of work: libpq in pipeline mode.

psycopg opens the connections, and converts types and errors. Its cursors do more than a unit needs, at a cost for each
statement. Here statements are sent at once, each prepared at its first run, and then all results are read.
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

_MAX_PREPARED: Final = 200
"""The largest number of prepared statements of a connection: an `IN` needs one for each number of values."""

_INTERRUPT_POLL_INTERVAL: Final = 0.2
"""Seconds after which a wait for the server looks for an interrupt."""

_CANCEL_TIMEOUT: Final = 1.0
"""Seconds to wait until the server has taken a request to cancel a statement."""

_Expected = tuple[str, bool]
"""A statement with a result to come, and whether it is the result of preparing it."""

_DONE: Final = frozenset({ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK})


class PipelineResult:
    """The result of a statement."""

    __slots__ = ("_result", "_types")

    def __init__(self, result: PGresult, types: Transformer) -> None:
        self._result = result
        self._types = types

    @property
    def rowcount(self) -> int:
        """The number of rows that it returned, inserted, updated or deleted; -1 for other statements."""
        counted = self._result.command_tuples
        return -1 if counted is None else counted

    def fetchall(self) -> list[tuple[Any, ...]]:
        """Return the rows."""
        self._types.set_pgresult(self._result)
        return self._types.load_rows(0, self._result.ntuples, tuple)


class LibpqConnection:
    """A connection for one thread at a time. It is closed if an error leaves results unread.

    Args:
        opened: a connection of psycopg in autocommit mode, which nobody else uses.
        timeout: seconds to wait for all results of the statements that are sent at once.
        prepares: False behind a pooler, which has no prepared statements.
    """

    def __init__(self, opened: psycopg.Connection[Any], *, timeout: float, prepares: bool) -> None:
        self.pgconn: Final = opened.pgconn
        self.timeout = timeout
        self.timed_out = False
        self._is_interruptible = self._is_interrupted = False
        self._opened: Final = opened  # psycopg closes a connection without references
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
        """Whether the connection is lost or closed."""
        return self.pgconn.status == ConnStatus.BAD

    def execute(self, statement: str, values: Sequence[Any] = (), pending: Pending | None = None, /) -> PipelineResult:
        """Run the pending statements and this one. Sent statements are removed from `pending`.

        Raises:
            psycopg.Error: the first error. Later statements were not run.
        """
        statements = [*pending, (statement, values)] if pending else [(statement, values)]
        encoded = [
            (text, self._types.dump_sequence(params, [PyFormat.TEXT] * len(params))) for text, params in statements
        ]
        if pending:
            pending.clear()
        try:
            expected = [each for text, params in encoded for each in self._send(text, params)]
            self.pgconn.pipeline_sync()
            results = self._results(len(expected))
        except BaseException:
            self.pgconn.finish()  # else the next statement would read the results that are left
            raise
        if failures := [each for each in zip(expected, results, strict=True) if each[1].status not in _DONE]:
            raise self._failure(failures)
        return PipelineResult(results[-1], self._types)

    def commit(self, pending: Pending | None = None) -> None:
        """Run the pending statements, and commit the transaction.

        Raises:
            psycopg.Error: the first error. Unless the connection is lost, nothing is committed.
        """
        self.execute("COMMIT", (), pending)

    def rollback(self) -> None:
        """Roll back the transaction, if one was begun."""
        if self.pgconn.transaction_status != TransactionStatus.IDLE:
            self.execute("ROLLBACK")

    def interrupt(self) -> None:
        """Make the running or the next statement within `interruptible` fail.

        The thread that waits for the statement cancels it: that needs another connection, and this call does not wait.
        """
        self._is_interrupted = True

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """Open a block for the statements of one unit. No `interrupt` is lost in it, and none outlives it."""
        self._is_interruptible, self._is_interrupted = True, False
        try:
            yield
        finally:
            self._is_interruptible = False

    def close(self) -> None:
        """Close the connection."""
        self._opened.close()

    def _send(self, statement: str, values: Sequence[Buffer | None]) -> Iterator[_Expected]:
        """Add the statement to the next write. Yield the results to expect."""
        if not self._prepares:
            self.pgconn.send_query_params(statement.encode(), values, result_format=Format.BINARY)
        else:
            if statement not in self._prepared:
                yield from self._prepare(statement, has_values=bool(values))
            self.pgconn.send_query_prepared(self._prepared[statement], values, result_format=Format.BINARY)
        yield statement, False

    def _prepare(self, statement: str, *, has_values: bool) -> Iterator[_Expected]:
        if has_values and len(self._prepared) >= _MAX_PREPARED:  # a ROLLBACK goes alone
            oldest = next(iter(self._prepared))
            forget = f"DEALLOCATE {self._prepared.pop(oldest).decode()}"
            self.pgconn.send_query_params(forget.encode(), None)
            yield forget, False
        name = self._prepared[statement] = next(self._names)
        self.pgconn.send_prepare(name, statement.encode())
        yield statement, True

    def _failure(self, failures: Sequence[tuple[_Expected, PGresult]]) -> psycopg.Error:
        """Return the first error: the others follow from it."""
        for (statement, prepares), _ in failures:
            if prepares:
                self._prepared.pop(statement, None)
        (statement, _), result = failures[0]
        error = error_from_result(result, self._types.encoding)
        error.add_note(statement)  # the statement may have been deferred long before
        return error

    def _results(self, number: int) -> list[PGresult]:
        """Return all results. Each is followed by None, and the last one by the end of the pipeline."""
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
        """Wait for the server, and read what it sent.

        Raises:
            psycopg.OperationalError: the connection is lost, it was interrupted, or the timeout is over.
        """
        while not event.poll(self._poll_interval(deadline) * 1000):
            if self._is_interruptible and self._is_interrupted:
                self._cancel()
                raise psycopg.OperationalError("the statement was interrupted")
            if monotonic() >= deadline:
                self.timed_out = True
                raise psycopg.OperationalError("the server did not respond in time")
        self.pgconn.consume_input()

    def _poll_interval(self, deadline: float) -> float:
        left = max(deadline - monotonic(), 0)
        return min(left, _INTERRUPT_POLL_INTERVAL) if self._is_interruptible else left

    def _cancel(self) -> None:
        """Ask the server to cancel the statement. A late request would cancel the next statement of this connection, so
        the caller closes the connection. Before libpq 17 such a request has no timeout: then the server ends the
        statement by its own timeout.
        """
        if capabilities.has_cancel_safe():
            with suppress(psycopg.Error):
                self._opened.cancel_safe(timeout=_CANCEL_TIMEOUT)
