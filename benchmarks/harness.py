"""All competitors: started in turn, filled alike, checked. While one is loaded the others have nothing to do."""

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx
from fault_tests.postgres import Node, query
from fault_tests.processes import public_folder

from .checks import check, fill
from .competitors import HERE, STORES, Bare, Blog, BlogWithoutCache, Competitor, Django, FastApi
from .pocketbase import PocketBase, UnloggedPocketBase
from .processes import PATIENCE, memory, started, wait_for_200

ALL: Final[tuple[type[Competitor], ...]] = (
    Blog,
    BlogWithoutCache,
    Django,
    FastApi,
    PocketBase,
    UnloggedPocketBase,
    Bare,
)
_STARTS: Final = 3


@dataclass(frozen=True, slots=True)
class Footprint:
    """The cost of an idle server: seconds until its first 200, and MiB."""

    start: float
    idle: float


@contextmanager
def work_folder() -> Iterator[Path]:
    """Make a folder for all data: on the disk of this file, if PostgreSQL can reach it there without being root.

    Writing to a disk is measured, and `/tmp` may be memory.
    """
    with public_folder("run-", HERE / ".venvs", Path("/var/tmp")) as folder:  # noqa: S108 - mkdtemp makes it safe
        yield folder


@contextmanager
def postgresql(folder: Path) -> Iterator[Node]:
    """A PostgreSQL server with its defaults, which write to the disk before they acknowledge."""
    node = Node("postgresql", folder / "postgresql" / "node")
    node.folder.parent.mkdir()
    node.folder.parent.chmod(0o755)
    node.initialise()
    node.start()
    try:
        query(node.port, "CREATE ROLE blog LOGIN")
        yield node
    finally:
        node.kill()


def database(node: Node, name: str) -> str:
    """A new database of this name: where it is."""
    query(node.port, f"CREATE DATABASE {name} OWNER blog")
    return f"127.0.0.1:{node.port}/{name}"


@contextmanager
def competitors(names: Sequence[str], stores: Sequence[str], folder: Path) -> Iterator[list[Competitor]]:
    """Return the chosen competitors on each of the chosen databases that they support."""
    chosen = [(each, store) for store in STORES for each in ALL if store in each.stores and each.name in names]
    chosen = [(each, store) for each, store in chosen if store in {*stores, "none"}]
    with ExitStack() as until_end:
        node = until_end.enter_context(postgresql(folder)) if "postgresql" in {store for _, store in chosen} else None
        made = []
        for each, store in chosen:
            own = folder / f"{each.name}-{store}"
            own.mkdir()
            where = database(node, each.name) if node is not None and store == "postgresql" else ""
            made.append(each(store, own, where))
        yield made


@contextmanager
def running(competitor: Competitor) -> Iterator[Footprint]:
    """A competitor's server, ready, filled and checked; stopped when the block is left."""
    competitor.prepare()
    times = [_start_once(competitor) for _ in range(_STARTS - 1)]
    began = time.monotonic()
    with started(competitor.command(), competitor.folder, competitor.variables()) as competitor.process:
        times.append(wait_for_200(f"{competitor.url}{competitor.first}", competitor.process) - began)
        time.sleep(0.5)
        footprint = Footprint(sorted(times)[len(times) // 2], memory(competitor.process))
        with httpx.Client(base_url=competitor.url, trust_env=False, timeout=PATIENCE) as client:
            competitor.set_up(client)
            if not isinstance(competitor, Bare):
                fill(competitor, client)
            check(competitor, client)
        yield footprint


def _start_once(competitor: Competitor) -> float:
    began = time.monotonic()
    with started(competitor.command(), competitor.folder, competitor.variables()) as process:
        return wait_for_200(f"{competitor.url}{competitor.first}", process) - began
