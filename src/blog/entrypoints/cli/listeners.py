"""Where the server listens: on addresses of IPv4 and IPv6, or on a Unix socket."""

import errno
import os
import socket
import stat
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from blog.settings import SettingError, Settings

if sys.platform != "win32":
    import fcntl

_BACKLOG: Final = 2048
_UNSENT: Final = 128 * 1024
"""Bytes not sent yet that the kernel takes for one connection. By itself it takes megabytes, and tells late of what is
read.
"""
_TRIES: Final = 20
"""How often a free port is looked for that is free in both families."""
_LOOPBACK: Final = ("127.0.0.1", "::1")
_MISSING: Final = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})
"""What the system says where it has no IPv6, or no such address."""
_OWNER_AND_GROUP: Final = 0o660


@dataclass(frozen=True)
class Listeners:
    """Sockets that listen.

    Attributes:
        sockets: one for each address.
        url: where the server is reached. Over a Unix socket, what stands in a request: `curl --unix-socket PATH URL`.
        uds: the Unix socket, if it is one.
    """

    sockets: Sequence[socket.socket]
    url: str
    uds: str = ""

    @property
    def greeting(self) -> str:
        """One line that says where the server is."""
        if self.uds:
            return f"Serving on the Unix socket {self.uds}. Stop with Ctrl-C."
        return f"Serving {self.url}, documentation at {self.url}/docs. Stop with Ctrl-C."


@contextmanager
def listening(settings: Settings) -> Iterator[Listeners]:
    """Sockets on the address that is set. They are closed when the block is left.

    Raises:
        SettingError: it cannot be listened on.
    """
    with ExitStack() as stack:
        if settings.uds:
            yield Listeners([stack.enter_context(_unix_socket(settings.uds))], "http://localhost", settings.uds)
        else:
            yield _on_addresses(stack, settings.host, settings.port)


def _on_addresses(stack: ExitStack, host: str, port: int) -> Listeners:
    try:
        sockets = _bind_all(_addresses_of(host), port)
    except (OSError, UnicodeError) as error:  # the latter of a name that is none in the DNS
        reason = (getattr(error, "strerror", None) or str(error)).partition(" (while ")[0]
        is_taken = getattr(error, "errno", None) == errno.EADDRINUSE
        other = ", choose another with --port or BLOG_PORT" if is_taken else ""
        raise SettingError(f"cannot listen on {_url(host, port)}: {reason}{other}") from None
    for each in sockets:
        stack.enter_context(each)
        if hasattr(socket, "TCP_NOTSENT_LOWAT"):
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, _UNSENT)  # the connections inherit it
    named, bound = sockets[0].getsockname()[:2]
    return Listeners(sockets, _url(host if len(sockets) > 1 else named, bound))


def _addresses_of(host: str) -> Sequence[str]:
    """The addresses that a host has. `localhost` is both loopback addresses (RFC 6761), whatever /etc/hosts says."""
    if host.lower() == "localhost":
        return _LOOPBACK
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def _bind_all(addresses: Sequence[str], port: int) -> list[socket.socket]:
    """A socket on each of the addresses, all on one port."""
    for last in (*[False] * (_TRIES - 1), True):
        sockets: list[socket.socket] = []
        try:
            for address in addresses:
                _bind(sockets, address, sockets[0].getsockname()[1] if sockets else port)
        except OSError as error:
            for each in sockets:
                each.close()
            if port or last or error.errno != errno.EADDRINUSE:
                raise
        else:
            return sockets
    raise AssertionError  # pragma: no cover - the last try returns or raises


def _bind(sockets: list[socket.socket], address: str, port: int) -> None:
    """Add a socket. An address that this machine does not have may be missing beside others."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    both = address == "::" and socket.has_dualstack_ipv6()
    try:
        added = socket.create_server((address, port), family=family, backlog=_BACKLOG, dualstack_ipv6=both)
    except OSError as error:
        if not sockets or error.errno not in _MISSING:
            raise
    else:
        sockets.append(added)


def _url(host: str, port: int) -> str:
    """The address as a URL, an IPv6 address in brackets and its zone escaped (RFC 6874)."""
    return f"http://[{host.replace('%', '%25')}]:{port}" if ":" in host else f"http://{host}:{port}"


@contextmanager
def _unix_socket(path: str) -> Iterator[socket.socket]:
    """A Unix socket for the owner and the group. Its file is removed in the end, if it is still the same.

    Raises:
        SettingError: it cannot be listened on.
    """
    if sys.platform == "win32":
        raise SettingError("BLOG_UDS: this system has no Unix sockets")
    with socket.socket(socket.AF_UNIX) as listener:
        try:
            with _locked(Path(path).parent):
                _remove_stale(path)
                _bind_for_group(listener, path)
                made = os.lstat(path)
        except OSError as error:
            raise SettingError(f"cannot listen on {path}: {error.strerror or error}") from None
        try:
            yield listener
        finally:
            _remove_own(path, made)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Let no other server begin in this folder: of two that find a stale socket, one would remove the other's."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _remove_stale(path: str) -> None:
    """Remove a socket that nobody listens on, as a server leaves it that was killed. Nothing else is removed."""
    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise SettingError(f"cannot listen on {path}: there is a file that is no socket")
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1)
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            Path(path).unlink()
            return
        except TimeoutError:
            pass  # somebody listens, and is busy
    raise SettingError(f"cannot listen on {path}: another process does")


def _bind_for_group(listener: socket.socket, path: str) -> None:
    """Bind a socket so that at no moment others than its owner and its group can connect."""
    before = os.umask(0o777 & ~_OWNER_AND_GROUP)
    try:
        listener.bind(path)
    finally:
        os.umask(before)
    listener.listen(_BACKLOG)


def _remove_own(path: str, made: os.stat_result) -> None:
    try:
        if os.path.samestat(os.lstat(path), made):
            Path(path).unlink()
    except FileNotFoundError:
        return
