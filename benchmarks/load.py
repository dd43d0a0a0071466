"""Load, made by `wrk` on the core that is not the servers'."""

import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

CONNECTIONS: Final = 16
_SCRIPT: Final = Path(__file__).with_name("load.lua")
_GRACE: Final = 30
"""Seconds that wrk has to end, beyond those that it was told to load for."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A workload: each request uses a random one of `targets`, which are pairs of a path and an Authorization header.

    A body is `before`, a number never used before, and `after`.
    """

    method: str
    targets: Sequence[tuple[str, str]]
    before: str = ""
    after: str = ""

    def text(self) -> str:
        """The plan as `load.lua` reads it."""
        lines = [self.method, self.before, self.after, *("\t".join(target) for target in self.targets)]
        return "".join(f"{line}\n" for line in lines)


@dataclass(frozen=True, slots=True)
class Measured:
    """The result of a load: requests per second, and latencies in milliseconds."""

    rate: float
    p50: float
    p99: float


class Failed(Exception):
    """An answer was a refusal, or there was none: what was measured means nothing."""


def load(url: str, plan: Plan, seconds: float, connections: int = CONNECTIONS) -> Measured:
    """Ask as fast as there are answers, over as many connections.

    Raises:
        Failed: an answer was 400 or more, or there was none.
    """
    with loading(url, plan, seconds, connections) as process:
        said, _ = process.communicate(timeout=seconds + _GRACE)
    return _measured(said, url, plan)


@contextmanager
def loading(url: str, plan: Plan, seconds: float, connections: int = CONNECTIONS) -> Iterator[subprocess.Popen[str]]:
    """The same beside whatever the block does; it is ended with the block, if it is not over."""
    with tempfile.NamedTemporaryFile("w", suffix=".plan") as file:
        file.write(plan.text())
        file.flush()
        options = ["--threads", "1", "--connections", str(connections), "--duration", f"{seconds:.0f}s"]
        command = [_wrk(), *options, "--timeout", "30s", "--script", str(_SCRIPT), url, "--", file.name]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            try:
                yield process
            finally:
                if process.poll() is None:
                    process.terminate()


def finished(process: subprocess.Popen[str], url: str, plan: Plan) -> Measured:
    """Return the result of the background load.

    Raises:
        Failed: as of `load`.
    """
    said, _ = process.communicate(timeout=_GRACE)
    return _measured(said, url, plan)


def _measured(said: str, url: str, plan: Plan) -> Measured:
    line = next((line for line in said.splitlines() if line.startswith("{")), None)
    if line is None:
        raise Failed(f"{plan.method} {url}: wrk said {said.strip()!r}")
    found = json.loads(line)
    if found["refused"] or found["broken"] or not found["requests"]:
        raise Failed(f"{plan.method} {url}: {line}")
    return Measured(found["requests"] / found["microseconds"] * 1e6, found["p50"] / 1e3, found["p99"] / 1e3)


def _wrk() -> str:
    found = shutil.which("wrk")
    if found is None:
        raise Failed("wrk is not installed: apt-get install wrk")
    return found
