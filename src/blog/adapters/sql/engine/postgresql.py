"""PostgreSQL: one server or several, by psycopg 3."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import psycopg
from psycopg.abc import PQGen
from psycopg.errors import _WaitTimeout
from psycopg.pq import TransactionStatus
from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.pool import NullPool

from blog.domain.blog import ConcurrencyConflict
from blog.domain.errors import BlogError, FieldError, Unavailable, ValidationFailed

from .connection_errors import CannotConnect, cause_of, check_options, parameters_of, place_of
from .dialect import DEFAULT_TIMEOUT
from .libpq_pipeline import LibpqConnection

_CONNECTING: Final = 2
"""Seconds to wait for each host that a URL names."""

_PREPARED_AFTER: Final = 5
"""Uses of a statement after which psycopg asks the server to remember it, where many rows are moved at once."""

_CHANGING_TABLES: Final = 7_237_126
"""The number of the advisory lock: any will do that nobody else takes."""

_CONTENTION: Final = frozenset({"40001", "40P01", "23503"})
"""Two transactions in each other's way; the last is a foreign key to a row that another one has removed meanwhile."""
_UNAVAILABLE: Final = ("08", "25006", "53", "55P03", "57")


class PostgresqlDialect:
    """What is special about PostgreSQL.

    Args:
        url: as libpq reads it, with several hosts and `target_session_attrs=read-write` where there are standbys.
        timeout: see `connect`.
    """

    data_version_query: Final = ""
    begin: Final = "BEGIN"
    advisory_lock: Final = "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))"  # whose number is made of the name
    has_pipeline: Final = True
    has_group_commit: Final = True
    interrupts_writes: Final = True
    lock_poll_interval: Final = 0.0  # a wait for a lock is interrupted as any other statement is

    def __init__(self, url: str, timeout: float = DEFAULT_TIMEOUT) -> None:
        self._url = url
        self._timeout = timeout
        self._place = ""

    def new_engine(self) -> Engine:
        """An engine that knows nothing of the URL, which is libpq's to read.

        Raises:
            ValueError: libpq cannot read it, or refuses an option in it. The message repeats nothing of it.
        """
        given = parameters_of(self._url)
        check_options(given)
        self._place = place_of(given)
        return create_engine(
            "postgresql+psycopg://",
            creator=lambda: connect(self._url, self._timeout),
            poolclass=NullPool,
            paramstyle="numeric_dollar",  # as the server has it
            hide_parameters=True,
        )

    @property
    def is_read_only(self) -> bool:
        """A server says so by itself when something is to be written."""
        return False

    def check_unchanged(self) -> None:
        """Each statement, and each snapshot, is of one moment."""

    def for_units(self, opened: Any) -> LibpqConnection:
        """A connection without what a unit does not need."""
        return LibpqConnection(opened, timeout=opened.answer_timeout, prepares=opened.prepare_threshold is not None)

    def can_commit(self, connection: Any) -> bool:
        """Where a statement failed, a COMMIT would keep nothing, and say so to nobody."""
        return bool(connection.pgconn.transaction_status != TransactionStatus.INERROR)

    def is_dead(self, connection: Any) -> bool:
        """The server closed it, or the network did, or it was given up."""
        return bool(connection.closed)

    def timed_out(self, connection: Any) -> bool:
        return bool(connection.timed_out)

    def is_locked(self, error: Exception) -> bool:  # noqa: ARG002 - the protocol names it
        return False

    @contextmanager
    def migration_transaction(self, engine: Engine) -> Iterator[Connection]:
        """One process at a time."""
        with _unhurried(engine, self.begin) as connection:
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_CHANGING_TABLES})")
            yield connection
            connection.commit()

    @contextmanager
    def snapshot(self, engine: Engine) -> Iterator[Connection]:
        """A reading transaction that sees what was there when it began."""
        with _unhurried(engine, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY") as connection:
            yield connection

    def last_id(self, connection: Connection, table: str) -> int:
        """The last value of the sequence behind the id."""
        sequence = f"SELECT pg_sequence_last_value(pg_get_serial_sequence('{table}', 'id')::regclass)"
        return int(connection.exec_driver_sql(sequence).scalar_one() or 0)

    def set_last_id(self, connection: Connection, table: str, last: int) -> None:
        """The sequence behind the id, which cannot be set to 0: then it has not been called."""
        sequence = f"pg_get_serial_sequence('{table}', 'id')"
        connection.exec_driver_sql(f"SELECT setval({sequence}, {max(last, 1)}, {last > 0})")

    def translate_error(self, error: BaseException) -> BlogError | None:
        """By SQLSTATE (PostgreSQL manual, appendix A). A failure without one is the connection's."""
        state = getattr(error, "sqlstate", None) or ""
        if state.startswith("22"):
            return ValidationFailed([FieldError("", "holds something that cannot be stored")])
        if state in _CONTENTION:
            return ConcurrencyConflict("Another change came between.")
        if state.startswith(_UNAVAILABLE):
            said = error.diag.message_primary if isinstance(error, psycopg.Error) else None
            return Unavailable("The database cannot answer just now.", cause=f"{self._place}: {said}.")
        if not state and isinstance(error, psycopg.OperationalError):
            lost = f"{self._place}: {str(error).strip().partition(chr(10))[0]}."
            cause = error.cause if isinstance(error, CannotConnect) else lost
            return Unavailable("The database cannot be reached.", cause=cause)
        return None


@contextmanager
def _unhurried(engine: Engine, begin: str) -> Iterator[Connection]:
    """A connection in a transaction for which the limits on requests do not hold."""
    with engine.connect() as connection:
        driver: Any = connection.connection.driver_connection
        driver.answer_timeout = None  # it is nobody else's, now or later
        connection.exec_driver_sql(begin)
        connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
        connection.exec_driver_sql("SET LOCAL lock_timeout = 0")
        yield connection


def connect(url: str, timeout: float = DEFAULT_TIMEOUT) -> psycopg.Connection[Any]:
    """A connection in autocommit that waits for an answer no longer than `timeout` seconds, which are one at least,
    and for a lock a second less.

    The server is asked to keep the limits; one that does not even answer is given up a second later. What the URL says
    of these goes before. If it says `options=`, with nothing, then a pooler stands between, and lends a session for one
    transaction: so nothing is asked that a session would have to remember, prepared statements included.

    Raises:
        CannotConnect: no connection was made. Nothing of libpq's own words is kept that could be a password.
    """
    given = parameters_of(url)
    answer, lock = max(round(timeout * 1000), 1000), max(round(timeout * 1000) - 1000, 1)  # 0 would be for ever
    parameters: dict[str, Any] = {
        "application_name": "blog",
        "connect_timeout": _CONNECTING,
        "options": f"-c statement_timeout={answer} -c lock_timeout={lock} -c timezone=UTC",
        **given,
    }
    prepared_after = None if given.get("options") == "" else _PREPARED_AFTER
    try:
        connection = _Connection.connect(
            autocommit=True,
            prepare_threshold=prepared_after,
            cursor_factory=psycopg.RawCursor,  # whose places are the server's
            **parameters,
        )
    except (psycopg.Error, OSError, UnicodeError) as error:
        raise CannotConnect(cause_of(error, given)) from None
    connection.answer_timeout = answer / 1000 + 1
    return connection


class _Connection(psycopg.Connection[Any]):
    """A connection that is given up when the server has not answered for `answer_timeout` seconds."""

    answer_timeout: float | None = None
    timed_out = False

    def wait(self, gen: PQGen[Any], interval: float = 0.1, timeout: float | None = None) -> Any:
        try:
            return super().wait(gen, interval, timeout or self.answer_timeout)
        except _WaitTimeout:
            self.timed_out = True
            self.pgconn.finish()
            raise psycopg.OperationalError("the server did not answer in time") from None
