"""A primary and a synchronous standby: the primary dies, the standby is promoted, and the roles change."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .ledger import Row
from .postgres import DATABASE, Node, make_database, query, url_of
from .rounds import Trial, wait_for_writes
from .server import add_users, serving
from .writers import WRITERS, Writer


def stored_at(port: int) -> dict[int, Row]:
    """Every post that is not in the trash, as a node holds it."""
    rows = query(port, "SELECT id, title, body, version FROM posts WHERE deleted_at IS NULL", DATABASE)
    return {number: Row(*rest) for number, *rest in rows}


class Pair:
    """Two nodes, one of which follows the other.

    Args:
        folder: where they keep everything.
        careless: the primary waits for no standby, which is down when the primary dies.
    """

    def __init__(self, folder: Path, *, careless: bool) -> None:
        self._careless = careless
        self.primary, self.standby = Node("one", folder / "one"), Node("two", folder / "two")

    @property
    def url(self) -> str:
        """How the blog reaches whichever is the primary; the order of the hosts never changes."""
        return url_of(sorted([self.primary.port, self.standby.port]))

    @contextmanager
    def running(self) -> Iterator[None]:
        """Both, until the block is left."""
        try:
            self.primary.initialise()
            self.primary.start()
            make_database(self.primary.port)
            self.follow()
            yield
        finally:
            self.primary.kill()
            self.standby.kill()

    def follow(self) -> None:
        """Make the standby anew from the primary, which from then on waits for it."""
        self.standby.copy_from(self.primary)
        self.standby.start()
        if not self._careless:
            self.primary.wait_for(self.standby)

    def fail_over(self) -> None:
        """Cut the primary off, and promote the standby."""
        if self._careless:
            self.standby.kill()
            time.sleep(1)
        self.primary.kill()
        if self._careless:
            self.standby.start()
        self.primary, self.standby = self.standby, self.primary
        self.primary.promote()


def run(folder: Path, rounds: int, *, careless: bool = False) -> Trial:
    """The primary dies under six writers, as often as asked."""
    pair = Pair(folder, careless=careless)
    with pair.running():
        add_users(pair.url, WRITERS, folder)
        with serving(pair.url, folder) as server:
            trial = Trial(
                "A careless pair" if careless else "A pair",
                server,
                lambda: stored_at(pair.primary.port),
                [Writer(name) for name in WRITERS],
            )
            for _ in range(rounds):
                with trial.round("kill -9 of the primary, standby promoted") as this:
                    pair.fail_over()
                    wait_for_writes(this)
                    pair.follow()
    return trial
