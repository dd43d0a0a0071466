"""The cost of some work in calls and memory, which does not depend on the load of the machine."""

import gc
import sys
import tracemalloc
from collections.abc import Callable
from typing import NamedTuple


class Cost(NamedTuple):
    """The cost of some work in this process."""

    calls: int
    memory: int


def cost_of(work: Callable[[], object]) -> Cost:
    """Count the function calls of some work, and its peak memory in bytes. A database server's work is not counted."""
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
