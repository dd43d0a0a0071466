"""All in which databases differ, as one protocol. Each module named after a database keeps it."""

from contextlib import AbstractContextManager
from typing import Final, Protocol

from sqlalchemy import Connection, Engine

from blog.domain.errors import BlogError

PATIENCE: Final = 4
"""Seconds to wait for a connection, for a lock, or for an answer, before the caller is told to come back later."""


class Dialect(Protocol):
    """One database, as far as it differs from the others."""

    @property
    def begin(self) -> str:
        """The statement by which a transaction that will write begins."""

    def new_engine(self, connections: int) -> Engine:
        """An engine whose connections the driver keeps in autocommit: a unit of work begins its transaction itself."""

    def hold(self, connection: Connection, name: str) -> None:
        """Wait until no other transaction that writes holds this name, and hold it until this one ends."""

    def changing_tables(self, engine: Engine) -> AbstractContextManager[Connection]:
        """A connection in a transaction in which tables may be changed; no other process does so meanwhile, and it
        may take its time. Leaving the block keeps the changes, leaving it by an exception keeps nothing.
        """

    def snapshot(self, engine: Engine) -> AbstractContextManager[Connection]:
        """A connection that sees one moment of the whole database, for as long as it takes, and holds nobody up."""

    def last_number(self, connection: Connection, table: str) -> int:
        """The highest id that the table ever gave; 0 if none."""

    def number_after(self, connection: Connection, table: str, last: int) -> None:
        """Let the table give ids above `last` only."""

    def meaning(self, error: BaseException) -> BlogError | None:
        """What the domain calls an error of the driver; None where it is a fault of ours."""
