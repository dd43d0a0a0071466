"""The dialect of PostgreSQL: one server or several, by psycopg 3."""

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

_PREPARE_THRESHOLD: Final = 5
"""Uses of a statement after which psycopg prepares it, in migrations and backups."""

_MIGRATION_LOCK: Final = 7_237_126
"""The key of the advisory lock of migrations: any number that no other program uses."""

_CONFLICTS: Final = frozenset({"40001", "40P01", "23503"})
"""SQLSTATEs of conflicts between transactions. The last is a foreign key to a row that another one has deleted."""
_UNAVAILABLE: Final = ("08", "25006", "53", "55P03", "57")


class PostgresqlDialect:
    """The dialect of PostgreSQL.

    Args:
        url: as libpq reads it, with several hosts and `target_session_attrs=read-write` where there are standbys.
        timeout: see `connect`.
    """

    data_version_query: Final = ""
    begin: Final = "BEGIN"
    advisory_lock: Final = "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))"  # the key is a hash of the name
    table_lock: Final = "LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE"
    has_pipeline: Final = True
    has_group_commit: Final = True
    interrupts_all: Final = True
    lock_poll_interval: Final = 0.0  # an interrupt also ends a wait for a lock

    def __init__(self, url: str, timeout: float = DEFAULT_TIMEOUT) -> None:
        self._url = url
        self._timeout = timeout
        self._place = ""

    def new_engine(self) -> Engine:
        """Return an engine. Only libpq reads the URL.

        Raises:
            ValueError: libpq cannot read the URL, or an option in it. The message repeats nothing of the URL.
        """
        params = parameters_of(self._url)
        check_options(params)
        self._place = place_of(params)
        return create_engine(
            "postgresql+psycopg://",
            creator=lambda: connect(self._url, self._timeout),
            poolclass=NullPool,
            paramstyle="numeric_dollar",  # as the server has it
            hide_parameters=True,
        )

    @property
    def is_read_only(self) -> bool:
        """Return False: a standby refuses the write itself."""
        return False

    def check_unchanged(self) -> None:
        """Do nothing: each statement and each snapshot is consistent."""

    def for_units(self, opened: Any) -> LibpqConnection:
        """Return a connection with a pipeline, over libpq."""
        return LibpqConnection(opened, timeout=opened.answer_timeout, prepares=opened.prepare_threshold is not None)

    def can_commit(self, connection: Any) -> bool:
        """Return whether no statement has failed: after a failure, COMMIT rolls back without an error."""
        return bool(connection.pgconn.transaction_status != TransactionStatus.INERROR)

    def is_dead(self, connection: Any) -> bool:
        """Return whether the server, the network or a timeout closed it."""
        return bool(connection.closed)

    def timed_out(self, connection: Any) -> bool:
        return bool(connection.timed_out)

    def is_locked(self, error: Exception) -> bool:  # noqa: ARG002 - the protocol names it
        return False

    @contextmanager
    def migration_transaction(self, engine: Engine) -> Iterator[Connection]:
        """Open the transaction under an advisory lock."""
        with _without_timeouts(engine, self.begin) as connection:
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})")
            yield connection
            connection.commit()

    @contextmanager
    def snapshot(self, engine: Engine) -> Iterator[Connection]:
        """Open a transaction that sees the database as of its begin."""
        with _without_timeouts(engine, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY") as connection:
            yield connection

    def last_id(self, connection: Connection, table: str) -> int:
        """Return the last value of the id's sequence."""
        sequence = f"SELECT pg_sequence_last_value(pg_get_serial_sequence('{table}', 'id')::regclass)"
        return int(connection.exec_driver_sql(sequence).scalar_one() or 0)

    def set_last_id(self, connection: Connection, table: str, last: int) -> None:
        """Set the id's sequence. It cannot be set to 0: then it is marked as not called."""
        sequence = f"pg_get_serial_sequence('{table}', 'id')"
        connection.exec_driver_sql(f"SELECT setval({sequence}, {max(last, 1)}, {last > 0})")

    def translate_error(self, error: BaseException) -> BlogError | None:
        """Translate by SQLSTATE (PostgreSQL manual, appendix A). An error without one is about the connection."""
        state = getattr(error, "sqlstate", None) or ""
        if state.startswith("22"):
            return ValidationFailed([FieldError("", "holds something that cannot be stored")])
        if state in _CONFLICTS:
            return ConcurrencyConflict("Another change conflicts with this one.")
        if state.startswith(_UNAVAILABLE):
            said = error.diag.message_primary if isinstance(error, psycopg.Error) else None
            return Unavailable("The database cannot answer just now.", cause=f"{self._place}: {said}.")
        if not state and isinstance(error, psycopg.OperationalError):
            lost = f"{self._place}: {str(error).strip().partition(chr(10))[0]}."
            cause = error.cause if isinstance(error, CannotConnect) else lost
            return Unavailable("The database cannot be reached.", cause=cause)
        return None


@contextmanager
def _without_timeouts(engine: Engine, begin: str) -> Iterator[Connection]:
    """Open a transaction without the timeouts of requests."""
    with engine.connect() as connection:
        driver: Any = connection.connection.driver_connection
        driver.answer_timeout = None  # nobody else uses the connection
        connection.exec_driver_sql(begin)
        connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
        connection.exec_driver_sql("SET LOCAL lock_timeout = 0")
        yield connection


def connect(url: str, timeout: float = DEFAULT_TIMEOUT) -> psycopg.Connection[Any]:
    """Open a connection in autocommit mode that waits `timeout` seconds, at least one, for a response, and a second
    less for a lock.

    The server enforces these timeouts. The connection of a server that does not respond at all is closed a second
    later. Options in the URL take precedence. An empty `options=` in the URL means a pooler that lends a session for
    one transaction: then no state of the session is set, and no statement is prepared.

    Raises:
        CannotConnect: no connection was made. The message has nothing of libpq's words that could be a password.
    """
    params = parameters_of(url)
    answer, lock = max(round(timeout * 1000), 1000), max(round(timeout * 1000) - 1000, 1)  # 0 would mean no timeout
    parameters: dict[str, Any] = {
        "application_name": "blog",
        "connect_timeout": _CONNECTING,
        "options": f"-c statement_timeout={answer} -c lock_timeout={lock} -c timezone=UTC",
        **params,
    }
    threshold = None if params.get("options") == "" else _PREPARE_THRESHOLD
    try:
        connection = _Connection.connect(
            autocommit=True,
            prepare_threshold=threshold,
            cursor_factory=psycopg.RawCursor,  # its parameters are $1, as the server has them
            **parameters,
        )
    except (psycopg.Error, OSError, UnicodeError) as error:
        raise CannotConnect(cause_of(error, params)) from None
    connection.answer_timeout = answer / 1000 + 1
    return connection


class _Connection(psycopg.Connection[Any]):
    """A connection that is closed when the server has not responded for `answer_timeout` seconds."""

    answer_timeout: float | None = None
    timed_out = False

    def wait(self, gen: PQGen[Any], interval: float = 0.1, timeout: float | None = None) -> Any:
        try:
            return super().wait(gen, interval, timeout or self.answer_timeout)
        except _WaitTimeout:
            self.timed_out = True
            self.pgconn.finish()
            raise psycopg.OperationalError("the server did not respond in time") from None
