"""What some work costs, told without a watch: machines are busy, and a slow one is not a wrong one."""

import gc
import sys
import tracemalloc
from collections.abc import Callable
from typing import NamedTuple


class Cost(NamedTuple):
    """What some work cost this process, whatever else the machine was busy with."""

    calls: int
    memory: int


def cost_of(work: Callable[[], object]) -> Cost:
    """Count calls of functions, and the bytes of memory used at most. What a server does elsewhere is not counted."""
    calls = 0

    def count(_frame: object, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event in {"call", "c_call"}

    gc.collect()
    before = sys.getprofile()
    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(before)
    tracemalloc.start()
    try:
        work()
        return Cost(calls, tracemalloc.get_traced_memory()[1])
    finally:
        tracemalloc.stop()
