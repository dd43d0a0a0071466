"""A database as a whole."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import make_url

from blog.domain.blog import Stores
from blog.domain.errors import Unavailable

from .accounts import SqlUserRepository
from .engine import PATIENCE, new_engine
from .posts import SqlPostRepository
from .tables import metadata
from .tokens import SqlTokenStore
from .unit import Unit


class SqlStore:
    """Everything a blog keeps, in a database. Calling it opens the stores for one unit of work; many threads may.

    Args:
        url: for example `sqlite:///blog.db`.
        connections: how many units of work there are at once; further ones wait.
    """

    def __init__(self, url: str, *, connections: int = 8) -> None:
        self._engine = new_engine(make_url(url), connections)

    @contextmanager
    def __call__(self) -> Iterator[Stores]:
        """Open the stores for one unit of work."""
        with Unit(self._engine) as unit:
            yield Stores(users=SqlUserRepository(unit), tokens=SqlTokenStore(unit), posts=SqlPostRepository(unit))

    def create_tables(self) -> None:
        """Make what is missing of the tables; several processes may do so at once.

        Raises:
            Unavailable: the database cannot be opened, or stays locked.
        """
        self._use_wal()
        with Unit(self._engine) as unit:
            metadata.create_all(unit.writing)

    def close(self) -> None:
        """Close all connections that no unit of work is using."""
        self._engine.dispose()

    def _use_wal(self) -> None:
        """Let readers and a writer work side by side. SQLite does not wait for another process here, so we do."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                with Unit(self._engine) as unit:
                    unit.reading.exec_driver_sql("PRAGMA journal_mode=WAL")
            except Unavailable:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
            else:
                return
