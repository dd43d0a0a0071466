"""The differences between databases, as one protocol. `sqlite` and `postgresql` implement it."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, Final, Protocol

from sqlalchemy import Connection, Engine

from blog.domain.errors import BlogError

DEFAULT_TIMEOUT: Final = 4
"""Seconds to wait for a connection, a lock or a response. Then the unit of work fails with `Unavailable`."""

Pending = list[tuple[str, Sequence[Any]]]
"""Deferred statements with their positional parameters. They run before the next statement."""


class DriverConnection(Protocol):
    """The common interface of connections of `sqlite3` and of libpq, in autocommit mode.

    Only a dialect with a pipeline gets pending statements.
    """

    def execute(self, sql: Any, values: Any = ..., pending: Pending = ..., /) -> Any:
        """Run the pending statements and this one, and return a cursor. Sent statements are removed from `pending`."""

    def commit(self, pending: Pending = ..., /) -> None:
        """Run the pending statements, and commit the transaction, if one was begun."""

    def rollback(self) -> None:
        """Roll back the transaction, if one was begun."""

    def interrupt(self) -> None:
        """Make the running or the next statement within `interruptible` fail. Any thread may call this."""

    def interruptible(self) -> AbstractContextManager[object]:
        """Return a block for the statements of one unit. No `interrupt` is lost in it, and none outlives it."""

    def close(self) -> None:
        """Close the connection."""


class Dialect(Protocol):
    """One kind of database."""

    @property
    def begin(self) -> str:
        """The statement that begins a transaction that will write."""

    @property
    def advisory_lock(self) -> str:
        """The statement that locks a name until the transaction ends. Empty where only one transaction writes at a
        time.
        """

    @property
    def table_lock(self) -> str:
        """The statement that lets nobody else write into a table until the transaction ends, with `{}` for its name.
        Empty where only one transaction writes at a time.
        """

    @property
    def data_version_query(self) -> str:
        """The query whose result changes when another connection commits. Empty if there is none."""

    @property
    def has_pipeline(self) -> bool:
        """Whether several statements can be sent at once, and their results be read at once."""

    @property
    def has_group_commit(self) -> bool:
        """Whether the database itself commits concurrent transactions by one write to the disk."""

    @property
    def interrupts_all(self) -> bool:
        """Whether a cancellation interrupts every statement, and not only reads that may take long: any may have to
        wait, and no other unit shares its transaction.
        """

    @property
    def lock_poll_interval(self) -> float:
        """Seconds after which the driver stops waiting for a lock, so that the unit can poll; 0 if it never stops."""

    def is_locked(self, error: Exception) -> bool:
        """Return whether a statement failed because of a lock, without any effect."""

    def new_engine(self) -> Engine:
        """Return an engine without a pool. Its connections are in autocommit mode: a unit of work begins its
        transaction itself.
        """

    @property
    def is_read_only(self) -> bool:
        """Whether this process can only read the database file."""

    def check_unchanged(self) -> None:
        """Check that everything that was read belongs together.

        Raises:
            Unavailable: the database was read without a lock, and was changed meanwhile.
        """

    def for_units(self, opened: Any) -> DriverConnection:
        """Return the connection for units of work over one that the engine has opened."""

    def can_commit(self, connection: DriverConnection) -> bool:
        """Return whether the transaction is still there, with all its changes."""

    def is_dead(self, connection: DriverConnection) -> bool:
        """Return whether a connection whose statement has failed is closed."""

    def timed_out(self, connection: DriverConnection) -> bool:
        """Return whether it is closed because the database did not respond in time."""

    def migration_transaction(self, engine: Engine) -> AbstractContextManager[Connection]:
        """Open a transaction that may change tables, without timeouts and without another process that does the same.
        The block ends with a commit; an exception rolls back.
        """

    def snapshot(self, engine: Engine) -> AbstractContextManager[Connection]:
        """Open a connection that reads a consistent snapshot, without timeouts, and blocks nobody."""

    def last_id(self, connection: Connection, table: str) -> int:
        """Return the highest id that the table ever gave, or 0."""

    def set_last_id(self, connection: Connection, table: str, last: int) -> None:
        """Let the table continue after the id `last`."""

    def translate_error(self, error: BaseException) -> BlogError | None:
        """Translate an error of the driver to one of the domain. Return None for a bug of this program."""
