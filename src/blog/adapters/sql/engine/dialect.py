"""All in which databases differ, as one protocol. Each module named after a database keeps it."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, Final, Protocol

from sqlalchemy import Connection, Engine

from blog.domain.errors import BlogError

DEFAULT_TIMEOUT: Final = 4
"""Seconds to wait for a connection, for a lock, or for an answer, before the caller is told to come back later."""

Pending = list[tuple[str, Sequence[Any]]]
"""Statements that are to be run before the next, with what stands in their places."""


class DriverConnection(Protocol):
    """A connection in autocommit, of `sqlite3` or over libpq, as far as they are alike.

    Of what is told, only a dialect with a pipeline hears.
    """

    def execute(self, statement: Any, values: Any = ..., told: Pending = ..., /) -> Any:
        """Run it after what was told, and give a cursor. What was told leaves the list when it is sent."""

    def commit(self, told: Pending = ..., /) -> None:
        """Keep what was done since a transaction was begun, if one was, and what was told."""

    def rollback(self) -> None:
        """Keep nothing of it."""

    def interrupt(self) -> None:
        """Make the statement fail that runs, or is about to run, within `interruptible`. Any thread may call this."""

    def interruptible(self) -> AbstractContextManager[object]:
        """A block for statements of one unit, in which no `interrupt` is lost, and which none outlives."""

    def close(self) -> None:
        """Let go of the database."""


class Dialect(Protocol):
    """One database, as far as it differs from the others."""

    @property
    def begin(self) -> str:
        """The statement by which a transaction that will write begins."""

    @property
    def advisory_lock(self) -> str:
        """The statement that waits until no other transaction that writes holds a name, and holds it until this one
        ends; empty where there is but one transaction that writes.
        """

    @property
    def data_version_query(self) -> str:
        """The statement that gives another number when another connection has kept something; empty if none does."""

    @property
    def has_pipeline(self) -> bool:
        """Whether statements can go out in one write, and their answers be waited for once."""

    @property
    def has_group_commit(self) -> bool:
        """Whether the database itself keeps several transactions, that end at one time, with one write to the disk."""

    @property
    def interrupts_writes(self) -> bool:
        """Whether a statement that writes can be interrupted without harm to other units in its transaction."""

    @property
    def lock_poll_interval(self) -> float:
        """Seconds after which the driver stops waiting for a lock, so that the unit can go on waiting; 0 if never."""

    def is_locked(self, error: Exception) -> bool:
        """Whether a statement failed, and did nothing, because somebody else holds a lock."""

    def new_engine(self) -> Engine:
        """An engine without a pool, whose connections the driver keeps in autocommit: a unit of work begins its
        transaction itself.
        """

    @property
    def is_read_only(self) -> bool:
        """Whether what is stored can be read only, whatever role the server gives this process."""

    def check_unchanged(self) -> None:
        """Tell whether all that was read belongs together.

        Raises:
            Unavailable: the database was read without a lock, and somebody has written to it meanwhile.
        """

    def for_units(self, opened: Any) -> DriverConnection:
        """What units of work are to have of a connection that the engine has opened."""

    def can_commit(self, connection: DriverConnection) -> bool:
        """Whether the transaction that was begun is still there, with all that was done in it."""

    def is_dead(self, connection: DriverConnection) -> bool:
        """Whether the connection, of which a statement has failed, is of no use any more."""

    def timed_out(self, connection: DriverConnection) -> bool:
        """Whether that is because the database did not answer in time."""

    def migration_transaction(self, engine: Engine) -> AbstractContextManager[Connection]:
        """A connection in a transaction in which tables may be changed; no other process does so meanwhile, and it
        may take its time. Leaving the block keeps the changes, leaving it by an exception keeps nothing.
        """

    def snapshot(self, engine: Engine) -> AbstractContextManager[Connection]:
        """A connection that sees one moment of the whole database, for as long as it takes, and holds nobody up."""

    def last_id(self, connection: Connection, table: str) -> int:
        """The highest id that the table ever gave; 0 if none."""

    def set_last_id(self, connection: Connection, table: str, last: int) -> None:
        """Let the table give ids above `last` only."""

    def translate_error(self, error: BaseException) -> BlogError | None:
        """What the domain calls an error of the driver; None where it is a fault of ours."""
