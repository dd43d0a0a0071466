"""`python -m benchmarks.relaxed serve ...`: the blog at a peer's durability, only to be compared with that peer.

The blog has no setting for it on purpose: with `synchronous=NORMAL`, SQLite acknowledges what a power cut may take
back. So whatever asks this process's driver for FULL is given NORMAL, and nothing else is changed.
"""

import sqlite3
import sqlite3.dbapi2
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from blog.adapters.sql import SqlStore
from blog.entrypoints.cli import main

_NORMAL: Final = 1
"""As SQLite numbers it (sqlite.org/pragma.html)."""


class _Cursor(sqlite3.Cursor):
    def execute(self, statement: str, *arguments: Any) -> "_Cursor":
        return super().execute(_relaxed(statement), *arguments)


class _Connection(sqlite3.Connection):
    def cursor(self, factory: Any = _Cursor) -> Any:
        return super().cursor(factory)

    def execute(self, statement: str, *arguments: Any) -> sqlite3.Cursor:
        return super().execute(_relaxed(statement), *arguments)


def _relaxed(statement: str) -> str:
    return "PRAGMA synchronous=NORMAL" if statement == "PRAGMA synchronous=FULL" else statement


def relax() -> None:
    """Hand out such connections from now on.

    Raises:
        RuntimeError: the blog has found another way to FULL.
    """
    connect = sqlite3.connect

    def connected(*arguments: Any, **options: Any) -> sqlite3.Connection:
        made: sqlite3.Connection = connect(*arguments, **({"factory": _Connection} | options))
        return made

    sqlite3.connect = sqlite3.dbapi2.connect = connected  # type: ignore[assignment]
    with tempfile.TemporaryDirectory() as folder:
        store = SqlStore(f"sqlite:///{Path(folder) / 'probe.db'}")
        with closing(store.engine.raw_connection()) as connection:
            cursor = connection.cursor()
            cursor.execute("PRAGMA synchronous")
            if cursor.fetchone() != (_NORMAL,):
                raise RuntimeError("it still writes to the disk before it acknowledges")
        store.close()


if __name__ == "__main__":
    relax()
    sys.exit(main())
