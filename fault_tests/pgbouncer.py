"""Debian's pgbouncer in transaction mode, in front of whichever node leads."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import Popen
from threading import Event, Thread
from typing import Final

from .patroni import Cluster
from .postgres import DATABASE, query
from .processes import cut_off, free_port, own, start, wait_until

_LOOKING: Final = 0.5
"""Seconds between two looks at who leads."""

_SETTINGS: Final = """\
[databases]
{database} = host=127.0.0.1 port={leader} user=blog

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 20
server_connect_timeout = 2
server_login_retry = 1
query_wait_timeout = 4
"""

_ROLE: Final = ("statement_timeout = '4s'", "lock_timeout = '3s'", "timezone = 'UTC'")
"""The parameters that the blog sets by `options`, which a pooler cannot forward."""


class Pooler:
    """A pgbouncer that is told, as by confd, when another node leads, and is restarted, as by systemd, when it ends.

    Debian 12 has pgbouncer 1.18.0. It sometimes ends with `disconnect_client(): bad client state: 0` when a client that
    waits to cancel a statement disconnects (pgbouncer/pgbouncer#801).
    """

    def __init__(self, folder: Path, cluster: Cluster) -> None:
        self._folder = own(folder)
        self._cluster = cluster
        self._port = free_port()
        self._leader = 0
        self._process: Popen[bytes] | None = None

    @contextmanager
    def running(self) -> Iterator[str]:
        """Give the URL to reach the database by, until the block is left."""
        until = Event()
        watching = Thread(target=self._watch, args=(until,))
        try:
            self._begin()
            watching.start()
            yield f"postgresql://blog@127.0.0.1:{self._port}/{DATABASE}?options="
        finally:
            until.set()
            if watching.ident is not None:
                watching.join()
            if self._process is not None:
                cut_off([self._process.pid])

    def _begin(self) -> None:
        leader = self._cluster.leader().port
        for setting in _ROLE:
            query(leader, f"ALTER ROLE blog SET {setting}")
        self._point_to(leader)
        self._start()
        wait_until(self._answers, 10, "pgbouncer to start")

    def _start(self) -> None:
        self._process = start(["/usr/sbin/pgbouncer", self._folder / "pgbouncer.ini"], self._folder / "log")

    def _answers(self) -> bool:
        return "up" in (self._folder / "log").read_text()

    def _watch(self, until: Event) -> None:
        while not until.wait(_LOOKING):
            found = self._cluster.find_leader()
            if found is not None and found.port != self._leader:
                self._point_to(found.port)
                if self._process is not None:
                    self._process.send_signal(signal.SIGHUP)
            if self._process is not None and self._process.poll() is not None:
                self._start()

    def _point_to(self, leader: int) -> None:
        """Write its settings; it reads them on SIGHUP, and leaves the connections to the former leader."""
        self._leader = leader
        (self._folder / "pgbouncer.ini").write_text(_SETTINGS.format(database=DATABASE, leader=leader, port=self._port))
        own(self._folder)
