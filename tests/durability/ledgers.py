"""Six writers of the long fault tests, for a short one."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from fault_tests import server as blog
from fault_tests.ledger import Findings, compare
from fault_tests.processes import wait_until
from fault_tests.writers import WRITERS, Tally, Writer, writing
from tests.servers import Server


@contextmanager
def writing_down(server: Server) -> Iterator[Tally]:
    """All write during the block. They may be told yes, or to come back later, both soon; and no yes is broken."""
    writers = [Writer(name) for name in WRITERS]
    served = blog.Server(server.url, server.log)
    with writing(writers, served) as tally:
        yield tally
    served.wait_ready()
    findings = compare([writer.ledger for writer in writers], served.posts())
    assert (findings, tally.wrong) == (Findings(), [])
    assert tally.statuses[200] > 0
    assert tally.statuses[204] > 0


def wait_for_writes(tally: Tally, number: int = 100) -> None:
    """Wait until so many more writes are acknowledged."""
    now = time.monotonic()
    wait_until(lambda: tally.since(now) >= number, 60, "writes to be acknowledged")
