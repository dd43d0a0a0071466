"""Migrate, back up, restore and maintain the database."""

from pathlib import Path

from blog.bootstrap import open_database_from_settings
from blog.domain.errors import ValidationFailed
from blog.domain.maintenance import run_maintenance
from blog.entrypoints.cli.printing import print_error
from blog.entrypoints.cli.session import open_session, require_database
from blog.settings import Settings


def migrate(settings: Settings, *, check: bool) -> int:
    """Migrate the tables to this version, or only say whether they are migrated."""
    if check:
        require_database(settings)
    with open_database_from_settings(settings) as store:
        if not check:
            store.migrate()
        current = store.is_migrated()
    print("The tables are up to date." if current else "The tables are not those of this version.")
    return 0 if current else 1


def back_up(settings: Settings, *, file: Path) -> None:
    """Write everything to a new file."""
    require_database(settings)
    with open_database_from_settings(settings) as store:
        store.back_up(file)
    print(f"Everything is in {file}.")


def restore(settings: Settings, *, file: Path, replace: bool) -> int:
    """Restore a backup. If it has errors, print each of them on a line and change nothing."""
    with open_database_from_settings(settings) as store:
        try:
            store.restore(file, replace=replace)
        except ValidationFailed as error:
            for each in error.errors:
                print_error(f"{each.field}: {each.message}")
            return 1
    print(f"Everything is as it was in {file}.")
    return 0


def maintain(settings: Settings) -> None:
    """Run all maintenance that is due. Print nothing, so that cron sends no mail."""
    with open_session(settings) as session:
        run_maintenance(session.open_blog)
