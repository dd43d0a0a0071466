"""`python -m benchmarks.sync_normal serve ...`: the blog at a peer's durability, only to be compared with that peer.

The blog has no setting for it on purpose: with `synchronous=NORMAL`, SQLite acknowledges what a power cut may take
back. So whatever asks this process's driver for FULL is given NORMAL, and nothing else is changed.
"""

import sys
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from blog.adapters.sql import SqlStore
from blog.adapters.sql.engine import sqlite
from blog.entrypoints.cli import main

_NORMAL: Final = 1
"""As SQLite numbers it (sqlite.org/pragma.html)."""


def relax() -> None:
    """Hand out such connections from now on.

    Raises:
        RuntimeError: the blog has found another way to FULL.
    """
    set_up = sqlite._set_up  # noqa: SLF001 - the blog has no setting for it

    def relaxed(connection: Any, entry: Any) -> None:
        set_up(connection, entry)
        cursor = connection.cursor()
        cursor.execute("PRAGMA synchronous=NORMAL")
        cursor.close()

    sqlite._set_up = relaxed  # type: ignore[assignment]  # noqa: SLF001
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
