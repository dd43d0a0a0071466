"""Migrate the tables of a database with Alembic."""

from collections.abc import Callable
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect

from blog.domain.errors import Conflict

from .tables import metadata, revision_of

_LOCATION: Final = "blog.adapters.sql.schema:migrations"


class ForeignTables(Conflict):
    """The tables in a database cannot be migrated to this version of the blog."""


def migrate(connection: Connection, revision: str, first_paragraph: Callable[[str], str] | None = None) -> None:
    """Upgrade or downgrade a database to a revision, in the transaction of the connection.

    Args:
        connection: to the database.
        revision: the revision.
        first_paragraph: returns that of a body, for the posts of an older version.

    Raises:
        ForeignTables: the tables are those of a newer version, or of something else.
    """
    current = revision_of(connection)
    _check(connection, current)
    if revision not in {"head", "base"}:
        check_known(revision)
    run = command.downgrade if _is_older(revision, current) else command.upgrade
    run(_config(connection, first_paragraph), revision)


def _check(connection: Connection, current: str | None) -> None:
    if current is None and not set(inspect(connection).get_table_names()).isdisjoint(metadata.tables):
        raise ForeignTables("The database has tables of the same names that are not this blog's.")
    if current is not None:
        check_known(current)


def check_known(revision: str) -> None:
    """Check that this version of the blog has the migration.

    Raises:
        ForeignTables: the migration is of a newer version.
    """
    if revision not in {step.revision for step in _steps().walk_revisions()}:
        raise ForeignTables(
            "The tables are those of a newer version of the blog than this one: upgrade the package hexablog."
        )


def _is_older(revision: str, current: str | None) -> bool:
    """Return whether a revision comes before the current one."""
    if current is None or revision == "head":
        return False
    return revision == "base" or revision in {
        step.revision for step in _steps().iterate_revisions(current, "base") if step.revision != current
    }


def _steps() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config())


def _config(connection: Connection | None = None, first_paragraph: Callable[[str], str] | None = None) -> Config:
    """Return Alembic's configuration: the folder of the migrations, and what `env.py` and the migrations need."""
    config = Config(attributes={"connection": connection, "first_paragraph": first_paragraph})
    config.set_main_option("script_location", _LOCATION)
    return config
