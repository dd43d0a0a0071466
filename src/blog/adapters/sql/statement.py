"""Statements of SQLAlchemy Core that are compiled once, and then run on the driver's own cursor.

What SQLAlchemy does at every execution was 39 % of reading a post. Its compiler and its types are used as they are, but
once for each statement: what is left for every run is to put values in their places, and rows into entities.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Generic, TypeVar

from sqlalchemy import Delete, Dialect, Insert, Select, Table, Update
from sqlalchemy.sql.compiler import SQLCompiler

Row = TypeVar("Row")

Core = Select[*tuple[Any, ...]] | Insert | Update | Delete
"""A statement of SQLAlchemy Core, with bound parameters for what is given later."""


class Statement(Generic[Row]):
    """A statement, and what becomes of each row it gives. A constant of a module, for all threads and databases.

    It is compiled at its first run for each kind of database, and for each set of names that it is given: as in
    SQLAlchemy, those that are columns are what an INSERT or an UPDATE sets.

    Args:
        core: the statement.
        make: called with a row's columns, by their names.
        writes: whether it runs in a unit's transaction only.
    """

    def __init__(self, core: Core, make: Callable[..., Row], *, writes: bool = True) -> None:
        self.make: Final = make
        self.writes: Final = writes
        self._core = core
        self._prepared: dict[tuple[str, ...], Prepared[Row]] = {}

    def prepared(self, dialect: Dialect, given: Mapping[str, object]) -> "Prepared[Row]":
        """The statement for this kind of database, and for what is given by these names."""
        key = (dialect.name, *given)
        found = self._prepared.get(key)
        if found is None:
            found = self._prepared[key] = Prepared(self._core, self.make, dialect, list(given))
        return found


class Query(Statement[Row]):
    """A statement that reads, outside any transaction unless the unit has begun one."""

    def __init__(self, core: Select[*tuple[Any, ...]], make: Callable[..., Row]) -> None:
        super().__init__(core, make, writes=False)
        self.core: Final = core

    def for_change(self, of: Table | None = None) -> Statement[Row]:
        """The same rows, which no other unit changes before this one ends."""
        return Statement(self.core.with_for_update(of=of), self.make)


class Change(Statement[dict[str, Any]]):
    """A statement that writes, and gives back an id at most."""

    def __init__(self, core: Insert | Update | Delete) -> None:
        super().__init__(core, dict)


class Prepared(Generic[Row]):
    """A statement as one kind of database takes it, and SQLAlchemy's types for what goes in and what comes out."""

    def __init__(self, core: Core, make: Callable[..., Row], dialect: Dialect, names: list[str]) -> None:
        self._make = make
        self._compiled: Any = core.compile(dialect=dialect, column_keys=names)
        self._sql = str(self._compiled)
        binds = self._compiled.binds
        self._constants = {
            name: bind.effective_value for name, bind in binds.items() if not bind.required and name not in names
        }
        self._binds = _binds(self._compiled, dialect)
        self._expands = any(bind.expanding for bind in binds.values())
        columns = core.exported_columns
        self._names = [column.name for column in columns]
        processes = [column.type.dialect_impl(dialect).result_processor(dialect, None) for column in columns]
        self._processes = [(name, process) for name, process in zip(self._names, processes, strict=True) if process]

    def filled(self, given: Mapping[str, Any]) -> tuple[str, Sequence[Any]]:
        """The text of the statement and the values for its places."""
        if self._constants:
            given = self._constants | dict(given)
        if self._expands:  # `IN` has as many places as there are values
            state = self._compiled.construct_expanded_state(given)
            processes = dict(self._binds) | state.processors
            binds = [(name, processes.get(name)) for name in state.positiontup]
            return state.statement, _values(binds, state.parameters)
        return self._sql, _values(self._binds, given)

    def made(self, row: Sequence[Any]) -> Row:
        """What becomes of a row of the driver's."""
        columns = dict(zip(self._names, row, strict=True))
        for name, process in self._processes:
            columns[name] = process(columns[name])
        return self._make(**columns)


_Bind = tuple[str, Callable[[Any], Any] | None]


def _binds(compiled: SQLCompiler, dialect: Dialect) -> list[_Bind]:
    """The name of what stands in each place, and how the driver wants it."""
    names = compiled.positiontup or []
    return [(name, compiled.binds[name].type.dialect_impl(dialect).bind_processor(dialect)) for name in names]


def _values(binds: Sequence[_Bind], given: Mapping[str, Any]) -> Sequence[Any]:
    return [given[name] if process is None else process(given[name]) for name, process in binds]
