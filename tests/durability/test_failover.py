"""After a failover to a synchronous standby, the blog continues by itself, and loses nothing."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fault_tests.pair import Pair
from fault_tests.processes import public_folder
from fault_tests.writers import WRITERS
from tests.durability.ledgers import wait_for_writes, writing_down
from tests.durability.nodes import frozen
from tests.durability.stored import Stored


@pytest.fixture
def pair() -> Iterator[Pair]:
    """A primary, and a standby made by pg_basebackup that it waits for."""
    with public_folder("blog-postgresql-") as folder:
        pair = Pair(folder, careless=False)
        with pair.running():
            yield pair


def test_a_promoted_standby_has_every_acknowledged_write(pair: Pair, tmp_path: Path) -> None:
    database = Stored(pair.url, tmp_path).add_users(*WRITERS)
    with database.serving() as server, writing_down(server) as tally:
        wait_for_writes(tally)
        with frozen(pair.primary):  # harder than a death: connections to it stay open
            pair.standby.promote()
            wait_for_writes(tally)
            pair.primary.kill()  # before it wakes, and takes itself for what it was
        wait_for_writes(tally)
