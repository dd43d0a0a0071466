"""The statements that a store executes, and what SQLite does for them."""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from blog.adapters.sql.engine.unit_of_work import SqlUnitOfWork

Executed: TypeAlias = tuple[str, Sequence[Any]]
"""A statement and its parameters."""


@contextmanager
def recorded_statements(patch: pytest.MonkeyPatch) -> Iterator[list[Executed]]:
    """Give the statements that units of work execute in the block."""
    found: list[Executed] = []
    run = SqlUnitOfWork._run

    def recorded(unit: SqlUnitOfWork, sql: str, values: Sequence[Any] = (), **options: Any) -> Any:
        found.append((sql, values))
        return run(unit, sql, values, **options)

    with patch.context() as patched:
        patched.setattr(SqlUnitOfWork, "_run", recorded)
        yield found


def execute_counted(file: Path, statements: Iterable[Executed]) -> tuple[int, list[Any]]:
    """Return how many instructions SQLite executes for statements, without those of FTS5 itself, and all rows."""
    instructions, rows = 0, []

    def count() -> int:
        nonlocal instructions
        instructions += 1
        return 0

    with closing(sqlite3.connect(file)) as connection:
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchall()
        connection.set_progress_handler(count, 1)
        for sql, values in statements:
            rows += connection.execute(sql, values).fetchall()
    return instructions, rows
