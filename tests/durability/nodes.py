"""PostgreSQL servers for tests."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Final

import psycopg
from fault_tests.postgres import Node, query
from fault_tests.processes import freeze, public_folder, thaw

_numbers = count(1)

OURS: Final = "application_name = 'blog'"
"""Which backends in pg_stat_activity serve a blog."""


class Host(Node):
    """One server, all of whose processes a test holds in its hand."""

    def set_up(self, *settings: str) -> None:
        """A new cluster with these settings, which holds roles but no database of ours."""
        self.initialise()
        with (self.data / "postgresql.conf").open("a") as file:
            file.writelines(f"{setting}\n" for setting in settings)
        self.start()
        query(self.port, "CREATE ROLE blog LOGIN")

    def new_database(self) -> str:
        """The URL of an empty database that is the blog's own."""
        name = f"blog{next(_numbers)}"
        query(self.port, f"CREATE DATABASE {name} OWNER blog")
        return f"postgresql://blog@127.0.0.1:{self.port}/{name}"

    def end_backends(self) -> int:
        """Cut all connections of blogs, and give how many that were."""
        return len(query(self.port, f"SELECT pg_terminate_backend(pid, 2000) FROM pg_stat_activity WHERE {OURS}"))

    def connected(self, database: str, *, user: str = "blog") -> psycopg.Connection[tuple[object, ...]]:
        """A connection that is none of the blog's, in a transaction."""
        return psycopg.connect(host="127.0.0.1", port=self.port, user=user, dbname=database)


@contextmanager
def running(*settings: str) -> Iterator[Host]:
    """A server with these settings, until the block is left."""
    with public_folder("blog-postgresql-") as folder:
        host = Host("one", folder / "one")
        try:
            host.set_up("fsync = off", *settings)  # no test cuts the power, and what is written outlives a process
            yield host
        finally:
            host.kill()


@contextmanager
def frozen(node: Node) -> Iterator[None]:
    """Until the block is left no process of a server does anything, though it still seems to be there."""
    stopped = freeze([node.process])
    try:
        yield
    finally:
        thaw(stopped)
