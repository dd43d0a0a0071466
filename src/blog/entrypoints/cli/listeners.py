"""Open the listening sockets of the server: on IPv4 and IPv6 addresses, or a Unix socket."""

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
"""Bytes that the kernel buffers for one connection (TCP_NOTSENT_LOWAT). Its default is megabytes, so that a slow client
would be noticed late.
"""
_ATTEMPTS: Final = 20
"""Attempts to find a port that is free for both IPv4 and IPv6."""
_LOOPBACK: Final = ("127.0.0.1", "::1")
_MISSING: Final = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})
"""The error numbers of a system without IPv6, or without the address."""
_OWNER_AND_GROUP: Final = 0o660


@dataclass(frozen=True)
class Listeners:
    """The listening sockets.

    Attributes:
        sockets: one for each address.
        url: the URL of the server. For a Unix socket, the URL in `curl --unix-socket PATH URL`.
        uds: the Unix socket, if it is one.
    """

    sockets: Sequence[socket.socket]
    url: str
    uds: str = ""

    @property
    def greeting(self) -> str:
        """The line with the URL of the server, for the user."""
        if self.uds:
            return f"Serving on the Unix socket {self.uds}. Stop with Ctrl-C."
        return f"Serving {self.url}, documentation at {self.url}/docs. Stop with Ctrl-C."


@contextmanager
def listening(settings: Settings) -> Iterator[Listeners]:
    """Listen on the address that is set until the block is left.

    Raises:
        SettingError: the address is taken, or does not exist.
    """
    with ExitStack() as stack:
        if settings.uds:
            yield Listeners([stack.enter_context(_unix_socket(settings.uds))], "http://localhost", settings.uds)
        else:
            yield _on_addresses(stack, settings.host, settings.port)


def _on_addresses(stack: ExitStack, host: str, port: int) -> Listeners:
    try:
        sockets = _bind_all(_addresses_of(host), port)
    except (OSError, UnicodeError) as error:  # the latter of an invalid host name
        reason = (getattr(error, "strerror", None) or str(error)).partition(" (while ")[0]
        is_taken = getattr(error, "errno", None) == errno.EADDRINUSE
        other = ", choose another with --port or BLOG_PORT" if is_taken else ""
        raise SettingError(f"cannot listen on {_url(host, port)}: {reason}{other}") from None
    for each in sockets:
        stack.enter_context(each)
        if hasattr(socket, "TCP_NOTSENT_LOWAT"):
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, _UNSENT)  # accepted connections inherit it
    named, bound = sockets[0].getsockname()[:2]
    return Listeners(sockets, _url(host if len(sockets) > 1 else named, bound))


def _addresses_of(host: str) -> Sequence[str]:
    """Return the addresses of a host. `localhost` is both loopback addresses (RFC 6761), whatever /etc/hosts says."""
    if host.lower() == "localhost":
        return _LOOPBACK
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def _bind_all(addresses: Sequence[str], port: int) -> list[socket.socket]:
    """Return a socket for each of the addresses, all on the same port."""
    for last in (*[False] * (_ATTEMPTS - 1), True):
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
    raise AssertionError  # pragma: no cover - the last attempt returns or raises


def _bind(sockets: list[socket.socket], address: str, port: int) -> None:
    """Add a socket. An address that this machine lacks is left out if there are others."""
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
    """Return the URL of an address, with an IPv6 address in brackets and its zone escaped (RFC 6874)."""
    return f"http://[{host.replace('%', '%25')}]:{port}" if ":" in host else f"http://{host}:{port}"


@contextmanager
def _unix_socket(path: str) -> Iterator[socket.socket]:
    """Listen on a Unix socket for its owner and group. Remove its file in the end if nobody replaced it.

    Raises:
        SettingError: the address is taken, or does not exist.
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
    """Lock the folder: of two servers that find a stale socket, one would otherwise remove the socket of the other."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _remove_stale(path: str) -> None:
    """Remove the socket of a server that was killed. Nothing else is removed."""
    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise SettingError(f"cannot listen on {path}: there is a file that is not a socket")
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1)
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            Path(path).unlink()
            return
        except TimeoutError:
            pass  # a busy server listens
    raise SettingError(f"cannot listen on {path}: another process does")


def _bind_for_group(listener: socket.socket, path: str) -> None:
    """Bind a socket so that only its owner and group can ever connect."""
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
