"""A patroni cluster whose leader dies and freezes by turns, reached directly or through pgbouncer."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .pair import stored_at
from .patroni import Cluster
from .pgbouncer import Pooler
from .rounds import Trial, wait_for_writes
from .server import add_users, serving
from .writers import WRITERS, Writer


def run(folder: Path, rounds: int, *, pooled: bool = False) -> Trial:
    """The leader's host is cut off or frozen under six writers, and comes back, as often as asked."""
    cluster = Cluster(folder)
    with cluster.running(), _way_to(cluster, folder, pooled=pooled) as url:
        add_users(url, WRITERS, folder)
        with serving(url, folder) as server:
            trial = Trial(
                "A cluster behind pgbouncer" if pooled else "A cluster",
                server,
                lambda: stored_at(cluster.leader().port),
                [Writer(name) for name in WRITERS],
            )
            for number in range(rounds):
                _one_round(trial, cluster, freeze=number % 2 == 1)
    return trial


def _one_round(trial: Trial, cluster: Cluster, *, freeze: bool) -> None:
    with trial.round("host frozen, later thawed" if freeze else "host killed, later restarted") as this:
        leader = cluster.leader()
        frozen = cluster.fail(leader, freeze=freeze)
        wait_for_writes(this)
        cluster.heal(leader, frozen)
        wait_for_writes(this)


@contextmanager
def _way_to(cluster: Cluster, folder: Path, *, pooled: bool) -> Iterator[str]:
    """The URL of the cluster, or of a pooler in front of it."""
    if not pooled:
        yield cluster.url
        return
    with Pooler(folder / "pgbouncer", cluster).running() as url:
        yield url
