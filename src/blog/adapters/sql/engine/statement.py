"""Statements of SQLAlchemy Core that are compiled once, and then run on the driver's own cursor.

What SQLAlchemy does at every execution was 39 % of reading a post. Its compiler and its types are used as they are, but
once for each statement: what is left for every run is to put values in their places, and rows into entities.
"""

from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any, Final, Generic, TypeVar

from sqlalchemy import Delete, Dialect, Insert, Select, Table, Text, Update
from sqlalchemy.sql.compiler import SQLCompiler

Row = TypeVar("Row")


class LongText(Text):
    """The type of a column whose texts are counted where a statement may read only so much."""


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
        self._prepared: dict[tuple[str, ...], CompiledStatement[Row]] = {}

    def prepared(self, dialect: Dialect, given: Mapping[str, object]) -> "CompiledStatement[Row]":
        """The statement for this kind of database, and for what is given by these names."""
        key = (dialect.name, *given)
        found = self._prepared.get(key)
        if found is None:
            found = self._prepared[key] = CompiledStatement(self._core, self.make, dialect, list(given))
        return found


class ReadStatement(Statement[Row]):
    """A statement that reads, outside any transaction unless the unit has begun one."""

    def __init__(self, core: Select[*tuple[Any, ...]], make: Callable[..., Row]) -> None:
        super().__init__(core, make, writes=False)
        self.core: Final = core

    def for_update(self, of: Table | None = None) -> Statement[Row]:
        """The same rows, which no other unit changes before this one ends."""
        return Statement(self.core.with_for_update(of=of), self.make)


class WriteStatement(Statement[dict[str, Any]]):
    """A statement that writes, and gives back an id at most."""

    def __init__(self, core: Insert | Update | Delete) -> None:
        super().__init__(core, dict)


class CompiledStatement(Generic[Row]):
    """A statement as one kind of database takes it, and SQLAlchemy's types for what goes in and what comes out."""

    def __init__(self, core: Core, make: Callable[..., Row], dialect: Dialect, names: list[str]) -> None:
        compiled: Any = core.compile(dialect=dialect, column_keys=names)
        self._sql = str(compiled)
        binds = compiled.binds
        self._constants = {
            name: bind.effective_value for name, bind in binds.items() if not bind.required and name not in names
        }
        self._binds = _binds(compiled, dialect)
        self._expanding: Any = compiled if any(bind.expanding for bind in binds.values()) else None
        """What makes the text for as many values as there are. Of all other statements the compiler is thrown away: it
        takes many times the memory of what is left of it.
        """
        self._values = _in_order(self._binds)
        columns = core.exported_columns
        self.long_texts: Final = tuple(
            place for place, column in enumerate(columns) if isinstance(column.type, LongText)
        )
        """Which columns hold texts that can be long."""
        processes = [column.type.dialect_impl(dialect).result_processor(dialect, None) for column in columns]
        self.row_factory: Final = _maker(make, [column.name for column in columns], processes)
        """What becomes of a row of the driver's."""

    def bind(self, given: Mapping[str, Any]) -> tuple[str, Sequence[Any]]:
        """The text of the statement and the values for its places."""
        if self._constants:
            given = self._constants | dict(given)
        if self._expanding is not None:  # `IN` has as many places as there are values
            state = self._expanding.construct_expanded_state(given)
            processes = dict(self._binds) | state.processors
            binds = [(name, processes.get(name)) for name in state.positiontup]
            return state.statement, _in_order(binds)(state.parameters)
        return self._sql, self._values(given)


_Process = Callable[[Any], Any] | None
_Bind = tuple[str, _Process]


def _binds(compiled: SQLCompiler, dialect: Dialect) -> list[_Bind]:
    """The name of what stands in each place, and how the driver wants it."""
    names = compiled.positiontup or []
    return [(name, compiled.binds[name].type.dialect_impl(dialect).bind_processor(dialect)) for name in names]


def _in_order(binds: Sequence[_Bind]) -> Callable[[Mapping[str, Any]], Sequence[Any]]:
    """A function that puts what is given in the places of these names."""
    names = [name for name, _ in binds]
    if len(names) < 2:  # noqa: PLR2004 - of one name, `itemgetter` gives what it has, and not a row of one
        return lambda given: [given[name] if process is None else process(given[name]) for name, process in binds]
    taken = itemgetter(*names)
    processes = [(place, process) for place, (_, process) in enumerate(binds) if process]

    def in_order(given: Mapping[str, Any]) -> Sequence[Any]:
        values = list(taken(given))
        for place, process in processes:
            values[place] = process(values[place])
        return values

    return in_order


def _maker(make: Callable[..., Row], names: Sequence[str], processes: Sequence[_Process]) -> Callable[[Any], Row]:
    """A function that makes something of a row. It is written out, as `dataclasses` writes its own: going through the
    columns of each row takes nearly twice as long.
    """
    known: dict[str, Any] = {f"process_{place}": process for place, process in enumerate(processes)} | {"make": make}
    values = [
        f"process_{place}(row[{place}])" if process else f"row[{place}]" for place, process in enumerate(processes)
    ]
    columns = ", ".join(f"{name}={value}" for name, value in zip(names, values, strict=True))
    made: Callable[[Any], Row] = eval(f"lambda row: make({columns})", known)  # noqa: S307 - it has names of ours only
    return made
