"""Processes of this machine as if they were hosts: started as nobody in particular, cut off, frozen, thawed."""

import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

USER: Final = "nobody"
"""PostgreSQL, patroni and pgbouncer refuse to run as root."""

_KEPT: Final = {"PATH", "HOME", "LANG", "PYTHONPATH"}


_reserved: Final[list[socket.socket]] = []


def free_port() -> int:
    """Reserve a port on loopback for a server that this process starts.

    The port stays bound until this process ends, but nothing listens on it. So the system gives it to nobody else, and
    a server that sets SO_REUSEADDR, as servers do, can still listen on it: Linux lets several sockets bind a port while
    none of them listens.
    """
    holder = socket.socket()
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    holder.bind(("127.0.0.1", 0))
    _reserved.append(holder)
    port: int = holder.getsockname()[1]
    return port


def unreserved_port() -> int:
    """Return a port on loopback that nobody listens on, for servers that do not set SO_REUSEADDR."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


def wait_until(condition: Callable[[], bool], seconds: float, what: str, interval: float = 0.1) -> None:
    """Ask again and again.

    Raises:
        TimeoutError: it did not become true in time.
    """
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"waited {seconds:g} s in vain for {what}")
        time.sleep(interval)


def environment(**extra: str) -> dict[str, str]:
    """Return the environment of a process, without variables of this one."""
    return {name: value for name, value in os.environ.items() if name in _KEPT} | extra


def own(folder: Path) -> Path:
    """A folder that the unprivileged user may write to; made if it is not there."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if os.geteuid() == 0:
        subprocess.run(["chown", "-R", f"{USER}:", folder], check=True)
    return folder


def is_executable(program: Path) -> bool:
    """Return whether the unprivileged user may run a program: each folder above it has to let that user in."""
    return not subprocess.run(["test", "-x", program], check=False, **_unprivileged()).returncode


@contextmanager
def public_folder(prefix: str, *preferred: Path) -> Iterator[Path]:
    """A temporary folder that the unprivileged user can reach, also where `TMPDIR` is private.

    Args:
        prefix: how the folder's name begins.
        preferred: where it should rather be, in this order.

    Raises:
        RuntimeError: no folder for temporary files is open to that user.
    """
    usual = map(Path, [tempfile.gettempdir(), "/var/tmp", "/tmp", "/dev/shm"])  # noqa: S108 - mkdtemp makes it safe
    for parent in (*preferred, *usual):
        if is_executable(parent):
            with tempfile.TemporaryDirectory(prefix=prefix, dir=parent, ignore_cleanup_errors=True) as name:
                folder = Path(name)
                folder.chmod(0o755)
                yield folder
            return
    raise RuntimeError(f"{USER} can reach no folder for temporary files: set TMPDIR to one.")


def start(command: Sequence[str | Path], log: Path) -> subprocess.Popen[bytes]:
    """A process of the unprivileged user that writes to a log, in a session of its own."""
    with log.open("ab") as file:
        return subprocess.Popen(
            command,
            cwd=log.parent,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            start_new_session=True,
            **_unprivileged(),
        )


def run(command: Sequence[str | Path], cwd: Path) -> None:
    """Run a command of the unprivileged user to its end.

    Raises:
        RuntimeError: it failed.
    """
    done = subprocess.run(
        command, cwd=cwd, env=environment(), capture_output=True, text=True, timeout=120, check=False, **_unprivileged()
    )
    if done.returncode:
        raise RuntimeError(f"{command[0]}: {done.stderr.strip() or done.stdout.strip()}")


def freeze(roots: Sequence[int]) -> list[int]:
    """Stop these processes and all that came from them, parents first so that none is missed."""
    frozen: list[int] = []
    for root in roots:
        waiting = [root]
        while waiting:
            process = waiting.pop()
            if _send(process, signal.SIGSTOP):
                frozen.append(process)
                waiting += _children(process)
    return frozen


def thaw(frozen: Sequence[int]) -> None:
    """Let frozen processes go on."""
    for process in frozen:
        _send(process, signal.SIGCONT)


def cut_off(roots: Sequence[int]) -> None:
    """End these processes and all that came from them, as a power cut would."""
    for process in freeze(roots):
        _send(process, signal.SIGKILL)
    for root in roots:
        wait_until(lambda root=root: not _alive(root), 10, f"the end of process {root}")  # type: ignore[misc]


def is_running(process: int, argument: str) -> bool:
    """Whether a process of this number runs that was started with such an argument: numbers are given again."""
    try:
        return argument in Path(f"/proc/{process}/cmdline").read_text()
    except OSError:
        return False


def _alive(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def _children(process: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{process}/task/{process}/children").read_text().split()]
    except OSError:
        return []


def _send(process: int, number: signal.Signals) -> bool:
    try:
        os.kill(process, number)
    except ProcessLookupError:
        return False
    return True


def _unprivileged() -> dict[str, Any]:
    return {"user": USER, "group": "nogroup", "extra_groups": []} if os.geteuid() == 0 else {}
