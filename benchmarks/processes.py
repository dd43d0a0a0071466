"""Servers as processes of one core, and the load as processes of the other."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import httpx

SERVER_CORE: Final = 0
LOAD_CORE: Final = 1
PATIENCE: Final = 60
"""Seconds that a server has to start, or to stop."""

_KEPT: Final = ("PATH", "HOME", "LANG", "PYTHONPATH")
_PAUSE: Final = 0.005


def leave_server_core() -> None:
    """Keep this process off the servers' core, and all that it starts: wrk, and PostgreSQL."""
    os.sched_setaffinity(0, {LOAD_CORE})


def end_by_exception(max_length: int) -> None:
    """Let a signal, and the end of as many seconds, leave all blocks: so every process started is stopped."""

    def leave(number: int, _frame: object) -> None:
        sys.exit(128 + number)

    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGALRM):
        signal.signal(number, leave)
    signal.alarm(max_length)


def run(command: Sequence[str | Path], cwd: Path, variables: Mapping[str, str]) -> None:
    """Run a command to its end.

    Raises:
        RuntimeError: it failed.
    """
    done = subprocess.run(
        command, cwd=cwd, env=_environment(variables), capture_output=True, text=True, timeout=120, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{command[0]}: {done.stderr.strip() or done.stdout.strip()}")


@contextmanager
def started(command: Sequence[str | Path], cwd: Path, variables: Mapping[str, str]) -> Iterator[int]:
    """A server on its core, by its process id; stopped when the block is left, whatever happens."""
    with (cwd / "log").open("ab") as log:
        process = subprocess.Popen(
            ["taskset", "--cpu-list", str(SERVER_CORE), *command],
            cwd=cwd,
            env=_environment(variables),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        yield process.pid
    finally:
        tree = _tree(process.pid)
        process.terminate()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            for each in tree:
                _kill(each)
            process.wait()


def wait_for_200(url: str, process: int) -> float:
    """Ask again and again until the answer is 200, and give the time of it (`time.monotonic`).

    Raises:
        RuntimeError: the server has ended.
        TimeoutError: it does not answer.
    """
    end = time.monotonic() + PATIENCE
    with httpx.Client(trust_env=False) as client:
        while time.monotonic() < end:
            if not _tree(process):
                raise RuntimeError(f"the server of {url} has ended: see its log")
            try:
                if client.get(url).status_code == httpx.codes.OK:
                    return time.monotonic()
            except httpx.TransportError:
                pass
            time.sleep(_PAUSE)
    raise TimeoutError(f"{url} does not answer")


def memory(process: int) -> float:
    """MiB that a process and all that came from it hold in memory (resident set; shared pages count in each)."""
    return sum(_resident(each) for each in _tree(process)) / 1024


def _tree(root: int) -> list[int]:
    """A process that runs, and all that came from it."""
    found, waiting = [], [root]
    while waiting:
        process = waiting.pop()
        try:
            state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
            children = [task.read_text().split() for task in Path(f"/proc/{process}/task").glob("*/children")]
        except OSError:
            continue
        if state != "Z":
            found.append(process)
            waiting += [int(child) for some in children for child in some]
    return found


def _resident(process: int) -> int:
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))


def _kill(process: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(process, signal.SIGKILL)


def _environment(variables: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a process, without variables of this one."""
    return {name: os.environ[name] for name in _KEPT if name in os.environ} | dict(variables)
