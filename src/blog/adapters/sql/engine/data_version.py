"""The data version of a database: it changes with every commit, of any process."""

from collections.abc import Hashable

from .dialect import DriverConnection
from .pool import ConnectionPool, close


class DataVersionProbe:
    """Queries the data version on a connection of its own: SQLite does not count the commits of the same connection.

    Args:
        pool: opens the connection.
        query: its result changes when another connection commits.
    """

    def __init__(self, pool: ConnectionPool, query: str) -> None:
        self._pool = pool
        self._query = query
        self._connection: DriverConnection | None = None

    def __call__(self) -> Hashable:
        """Return the data version, as `DataVersion` promises. It is compared together with its connection."""
        if self._connection is None:
            self._connection = self._pool.open()
        try:
            return self._connection, self._connection.execute(self._query).fetchone()[0]
        except Exception as error:
            self.close()
            raise self._pool.failure(error, self._query) from error

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            close(self._connection)
            self._connection = None
