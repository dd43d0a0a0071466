"""Whether anything has been kept in a database since one last asked, by whichever process."""

from collections.abc import Hashable

from .dialect import DriverConnection
from .pool import ConnectionPool, close


class DataVersionProbe:
    """Asks the database on a connection of its own: one that writes is not told of what it wrote itself.

    Args:
        connections: where that is had.
        statement: gives a number that is another one as soon as another connection has kept something.
    """

    def __init__(self, connections: ConnectionPool, statement: str) -> None:
        self._connections = connections
        self._statement = statement
        self._connection: DriverConnection | None = None

    def __call__(self) -> Hashable:
        """As `Edition` has it. A number means something on its connection only."""
        if self._connection is None:
            self._connection = self._connections.open()
        try:
            return self._connection, self._connection.execute(self._statement).fetchone()[0]
        except Exception as error:
            self.close()
            raise self._connections.failure(error, self._statement) from error

    def close(self) -> None:
        """Let go of the connection."""
        if self._connection is not None:
            close(self._connection)
            self._connection = None
