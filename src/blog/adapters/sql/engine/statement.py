"""Statements of SQLAlchemy Core that are compiled once, and then run on the driver's own cursor.

SQLAlchemy's work for each execution was 39 % of the time to read a post. Its compiler and its types are used here, but
once for each statement. Each run only binds parameters, and makes entities of rows.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Generic, TypeVar

from sqlalchemy import Delete, Dialect, Insert, Select, Table, Text, Update, bindparam, select

Row = TypeVar("Row")


STATEMENTS: Final = 128
"""Statements that a function keeps, of those that filters of clients ask for. One takes up to 90 KB when compiled."""


class LongText(Text):
    """The type of a column whose characters count towards the text limit of a store."""


Core = Select[*tuple[Any, ...]] | Insert | Update | Delete
"""A statement of SQLAlchemy Core, with bound parameters."""

Process = Callable[[Any], Any] | None
"""Converts a value between Python and the driver; None if nothing is to be done."""


class Statement(Generic[Row]):
    """A statement and the factory of its rows. It is a constant of a module, for all threads and databases.

    It is compiled once for each dialect and each set of parameter names: as in SQLAlchemy, an INSERT or an UPDATE sets
    those columns whose names are given.

    Args:
        core: the statement.
        row_factory: called with the columns of a row as keyword arguments.
        writes: False for a statement that needs no transaction.

    Attributes:
        compiled: the compiled statements, by the name of the dialect and the names of the parameters.
    """

    def __init__(self, core: Core, row_factory: Callable[..., Row], *, writes: bool = True) -> None:
        self.writes: Final = writes
        self._core = core
        self._row_factory = row_factory
        self.compiled: Final[dict[tuple[str, ...], CompiledStatement[Row]]] = {}

    def compile(self, dialect: Dialect, *names: str) -> "CompiledStatement[Row]":
        """Compile the statement for this dialect and these parameter names, and store the result in `compiled`."""
        made = self.compiled[dialect.name, *names] = CompiledStatement(self._core, self._row_factory, dialect, [*names])
        return made


class ReadStatement(Statement[Row]):
    """A statement that reads, outside any transaction unless the unit has begun one."""

    def __init__(self, core: Select[*tuple[Any, ...]], row_factory: Callable[..., Row]) -> None:
        super().__init__(core, row_factory, writes=False)
        self.core: Final = core

    def for_update(self, of: Table | None = None) -> Statement[Row]:
        """Return the statement that also locks the rows until the unit ends."""
        return Statement(self.core.with_for_update(of=of), self._row_factory)


class WriteStatement(Statement[dict[str, Any]]):
    """A statement that writes, and returns an id at most."""

    def __init__(self, core: Insert | Update | Delete) -> None:
        super().__init__(core, dict)


def some_unlocked(ids: Select[tuple[int]]) -> Select[tuple[int]]:
    """Return a selection of up to `limit` of these ids, whose rows it locks. Rows that others have locked are left out.

    It is materialized, because PostgreSQL may run a subquery several times, and would skip other rows each time.
    """
    some = ids.limit(bindparam("limit")).with_for_update(skip_locked=True).cte("some").prefix_with("MATERIALIZED")
    return select(some.c[0])


class CompiledStatement(Generic[Row]):
    """A statement as compiled for one dialect.

    Attributes:
        bind: returns the SQL and its positional parameters for a mapping of named parameters.
        row_factory: makes an entity of a row of the driver.
        long_texts: the positions of columns that can hold long texts.
    """

    def __init__(self, core: Core, row_factory: Callable[..., Row], dialect: Dialect, names: list[str]) -> None:
        compiled: Any = core.compile(dialect=dialect, column_keys=names)
        binds = compiled.binds
        self._constants = {
            name: bind.effective_value for name, bind in binds.items() if not bind.required and name not in names
        }
        self._processes: dict[str, Process] = {
            name: binds[name].type.dialect_impl(dialect).bind_processor(dialect) for name in compiled.positiontup or []
        }
        self.bind: Callable[[Mapping[str, Any]], tuple[str, Sequence[Any]]]
        self._expanding: Any = None
        if any(bind.expanding for bind in binds.values()):
            self._expanding = compiled  # for no other statement: it takes many times the memory of the rest
            self.bind = self._bind_expanding
        else:
            self.bind = _binder(str(compiled), compiled.positiontup or [], self._processes, self._constants)
        columns = core.exported_columns
        self.long_texts: Final = tuple(
            position for position, column in enumerate(columns) if isinstance(column.type, LongText)
        )
        processes = [column.type.dialect_impl(dialect).result_processor(dialect, None) for column in columns]
        self.row_factory: Final = _row_factory(row_factory, [column.name for column in columns], processes)

    def _bind_expanding(self, params: Mapping[str, Any]) -> tuple[str, Sequence[Any]]:
        """Write an `IN` with as many parameters as there are values."""
        state = self._expanding.construct_expanded_state({**self._constants, **params})
        processes = self._processes | state.processors
        values = [(state.parameters[name], processes.get(name)) for name in state.positiontup]
        return state.statement, [process(value) if process else value for value, process in values]


def _binder(
    sql: str, names: Sequence[str], processes: Mapping[str, Process], constants: Mapping[str, Any]
) -> Callable[[Mapping[str, Any]], tuple[str, Sequence[Any]]]:
    """Return a function that puts parameters in the positions of these names.

    Its source is written out, as that of `dataclasses` is: a loop over the names takes nearly twice as long.
    """
    namespace: dict[str, Any] = {"sql": sql}
    values = []
    for position, name in enumerate(names):
        value, process = f"params[{name!r}]", processes.get(name)
        if name in constants:
            value = f"constant_{position}"
            namespace[value] = constants[name]
        if process:
            namespace[f"process_{position}"] = process
            value = f"process_{position}({value})"
        values.append(value)
    binder: Callable[[Mapping[str, Any]], tuple[str, Sequence[Any]]]
    binder = eval(f"lambda params: (sql, [{', '.join(values)}])", namespace)  # noqa: S307 - names of our own statements
    return binder


def _row_factory(
    factory: Callable[..., Row], names: Sequence[str], processes: Sequence[Process]
) -> Callable[[Sequence[Any]], Row]:
    """Return a function that makes an entity of a row. Its source is written out, as in `_binder`."""
    namespace: dict[str, Any] = {f"process_{position}": process for position, process in enumerate(processes)}
    values = [
        f"process_{position}(row[{position}])" if process else f"row[{position}]"
        for position, process in enumerate(processes)
    ]
    columns = ", ".join(f"{name}={value}" for name, value in zip(names, values, strict=True))
    made: Callable[[Sequence[Any]], Row]
    made = eval(f"lambda row: factory({columns})", namespace | {"factory": factory})  # noqa: S307 - as above
    return made
