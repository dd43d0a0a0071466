"""A cluster of PostgreSQL nodes under Debian's patroni, with Debian's etcd, in strict synchronous mode."""

import json
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import psycopg

from .postgres import RETRY, binaries, make_database, query, url_of
from .processes import cut_off, free_port, freeze, is_running, own, start, thaw, wait_until

TTL: Final = 20
"""Seconds after which a leader that has not been heard of is no leader any more. The others then vote."""

_NODES: Final = ("one", "two", "three")


@dataclass
class Host:
    """One machine: patroni, and the PostgreSQL that it starts."""

    name: str
    folder: Path
    etcd: int
    port: int = field(default_factory=free_port)
    api: int = field(default_factory=free_port)
    process: int = 0

    def start(self) -> None:
        """Start patroni, which does the rest."""
        own(self.folder)
        file = self.folder / "patroni.json"  # which is YAML too
        file.write_text(json.dumps(self._settings(), indent=1))
        own(self.folder)
        self.process = start(["/usr/bin/patroni", file], self.folder / "log").pid

    def cut_off(self) -> None:
        """End everything on it as a power cut would."""
        cut_off(self._roots())
        self.process = 0

    def freeze(self) -> list[int]:
        """Stop everything on it, and give what was stopped."""
        return freeze(self._roots())

    def ask(self, path: str) -> Any:
        """Return the response of its patroni; None if there is none, or an error."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.api}/{path}", timeout=1) as answer:
                return json.load(answer)
        except (OSError, ValueError):
            return None

    def _roots(self) -> list[int]:
        """Its patroni and its PostgreSQL, which is nobody's child."""
        roots = [self.process] if self.process else []
        file = self.folder / "data" / "postmaster.pid"
        if file.exists() and is_running(found := int(file.read_text().split()[0]), str(self.folder)):
            roots.append(found)
        return roots

    def _settings(self) -> dict[str, Any]:
        return {
            "scope": "blog",
            "name": self.name,
            "restapi": {"listen": f"127.0.0.1:{self.api}", "connect_address": f"127.0.0.1:{self.api}"},
            "etcd": {"host": f"127.0.0.1:{self.etcd}"},  # not etcd3: see `_start_etcd`
            "bootstrap": {"dcs": _SHARED, "initdb": [{"encoding": "UTF8"}, "data-checksums", {"auth": "trust"}]},
            "postgresql": {
                "listen": f"127.0.0.1:{self.port}",
                "connect_address": f"127.0.0.1:{self.port}",
                "data_dir": str(self.folder / "data"),
                "bin_dir": str(binaries()),
                "pgpass": str(self.folder / "pgpass"),
                "authentication": {"superuser": {"username": "postgres"}, "replication": {"username": "postgres"}},
                "parameters": {"unix_socket_directories": str(self.folder), "wal_retrieve_retry_interval": RETRY},
                "pg_hba": [
                    "local all all trust",
                    "host all all 127.0.0.1/32 trust",
                    "host replication all 127.0.0.1/32 trust",
                ],
            },
        }


_SHARED: Final = {
    "ttl": TTL,
    "loop_wait": 2,
    "retry_timeout": 5,
    "synchronous_mode": True,
    "synchronous_mode_strict": True,
    "postgresql": {"use_pg_rewind": True, "use_slots": True},
}


class Cluster:
    """Three hosts, and the etcd by which they agree."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._etcd = free_port()
        self._stopping: list[int] = []
        self.hosts = [Host(name, folder / name, self._etcd) for name in _NODES]

    @property
    def url(self) -> str:
        """How the blog reaches whichever is the leader."""
        return url_of([host.port for host in self.hosts])

    @contextmanager
    def running(self) -> Iterator[None]:
        """All of it, until the block is left."""
        try:
            self._start_etcd()
            for host in self.hosts:
                host.start()
            wait_until(self.is_whole, 120, "the cluster to come up", interval=0.5)
            make_database(self.leader().port)
            yield
        finally:
            for host in self.hosts:
                host.cut_off()
            cut_off(self._stopping)

    def find_leader(self) -> Host | None:
        """The host that says that it leads; asking takes a second at most for each."""
        return next((host for host in self.hosts if host.ask("primary") is not None), None)

    def leader(self) -> Host:
        """The same, when there must be one."""
        found = self.find_leader()
        if found is None:
            raise RuntimeError("no host leads the cluster")
        return found

    def fail(self, host: Host, *, freeze: bool) -> list[int]:
        """Let the worst happen to a host, and wait until another leads. Thaw the frozen processes."""
        frozen = host.freeze() if freeze else []
        if not freeze:
            host.cut_off()
        others = [other for other in self.hosts if other is not host]
        wait_until(lambda: any(other.ask("primary") for other in others), 90, "another leader")
        return frozen

    def heal(self, host: Host, frozen: list[int]) -> None:
        """Bring a host back, and wait until it follows the leader like all others."""
        thaw(frozen)
        if not frozen:
            host.start()
        wait_until(self.is_whole, 180, f"{host.name} to follow again", interval=0.5)

    def is_whole(self) -> bool:
        """Whether exactly one host leads, the others follow it, and it waits for one of them."""
        leading = [host for host in self.hosts if host.ask("primary")]
        following = [host for host in self.hosts if host.ask("replica?lag=0")]
        if len(leading) != 1 or len(following) != len(self.hosts) - 1:
            return False
        streams = "SELECT sync_state FROM pg_stat_replication WHERE state = 'streaming' ORDER BY sync_state"
        try:
            return query(leading[0].port, streams) == [("async",), ("sync",)]
        except psycopg.OperationalError:
            return False

    def _start_etcd(self) -> None:
        """With its older protocol: by the newer one, a leader that patroni 3.0.2 thaws takes the lock from the new one,
        and what that one acknowledged is lost (mended in 3.0.3: patroni/patroni#2689).
        """
        folder = own(self._folder / "etcd")
        client, peer = f"http://127.0.0.1:{self._etcd}", f"http://127.0.0.1:{free_port()}"
        options = {
            "data-dir": str(folder / "data"),
            "listen-client-urls": client,
            "advertise-client-urls": client,
            "listen-peer-urls": peer,
            "initial-advertise-peer-urls": peer,
            "initial-cluster": f"default={peer}",
            "enable-v2": "true",
        }
        command = ["/usr/bin/etcd", *(f"--{name}={value}" for name, value in options.items())]
        self._stopping.append(start(command, folder / "log").pid)
        wait_until(lambda: _answers(f"{client}/health"), 30, "etcd to start")


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=1) as answer:
            return bool(answer.status == HTTPStatus.OK)
    except OSError:
        return False
