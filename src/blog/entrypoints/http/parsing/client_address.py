"""The client's address: the peer, or the address in `X-Forwarded-For` if the peer is a trusted proxy."""

import logging
import re
from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any, Final

from .headers import header_lines

UNIX: Final = "unix"
"""Stands for the peer on a Unix socket among trusted proxies."""

_FORWARDED: Final = b"x-forwarded-for"
PROXY_HEADERS: Final = frozenset(
    {_FORWARDED, b"forwarded", b"x-forwarded-host", b"x-forwarded-prefix", b"x-forwarded-proto", b"x-real-ip"}
)
"""Request headers that proxies add."""

_port = re.compile(r"^(?:\[([^\]]*)\]|([0-9.]+))(?::[0-9]{1,5})?$")

_log = logging.getLogger(__name__)

_MAX_ADDRESS: Final = 100
"""Characters of an entry of `X-Forwarded-For` that are read. Entries are cached, and an address is shorter."""


class TrustedProxies:
    """The trusted proxies.

    A peer without an address is one on a Unix socket, and so a proxy on the same machine which the permissions of that
    socket admit. It is trusted if any proxy is.

    Args:
        networks: addresses and networks, such as `10.0.0.0/8`, or `unix` for the peer on a Unix socket. Without any,
            no proxy is trusted.
    """

    def __init__(self, networks: Sequence[str] = ()) -> None:
        self._networks = [ip_network(network) for network in networks if network != UNIX]
        self._trusts_any = bool(networks)
        self._has_warned = False

    def client_ip(self, scope: Any) -> str:
        """Return the address of the client; empty if there is no network.

        Each proxy appends the address of its peer. So the last address that is not a trusted proxy is the client; those
        before it may be forged.
        """
        client = scope.get("client")
        peer: str = client[0] if client else ""
        if not self._trusts_any:
            return _shown(peer) if peer else ""
        address = _address(peer)
        said = ",".join(header_lines(scope, _FORWARDED)).split(",")
        trusted = self.trusts_peer_of(scope)
        while said and trusted:
            nearer = _address(said.pop().strip()[:_MAX_ADDRESS])
            if nearer is None:
                break
            address, trusted = nearer, self._trusts(nearer)
        return str(address or peer)

    def trusts_peer_of(self, scope: Any) -> bool:
        """Return whether the peer is a trusted proxy."""
        peer = _peer_of(scope)
        if not peer:
            return self._trusts_any
        address = _address(peer)
        return address is not None and self._trusts(address)

    def warn_of_untrusted(self, scope: Any) -> None:
        """Log once if a request, which has headers of a proxy, comes from a peer that is not trusted.

        Likely a proxy is in front whose address nobody has set. Then all clients share the limits of one.
        """
        if self._has_warned or self.trusts_peer_of(scope):
            return
        self._has_warned = True
        _log.warning(
            "A request from %s has headers of a proxy (X-Forwarded-For and the like), which are ignored, since"
            " BLOG_TRUSTED_PROXIES does not name it. If it is a proxy of yours, name it: otherwise all clients behind"
            " it count as one, and share the limits on failed log-ins. This is logged once.",
            _shown(_peer_of(scope)) or "a Unix socket",
        )

    def _trusts(self, address: IPv4Address | IPv6Address) -> bool:
        return any(address in network for network in self._networks)


def _peer_of(scope: Any) -> str:
    """Return the peer's address; empty on a Unix socket, which servers report in one of two ways."""
    client = scope.get("client")
    return client[0] if client else ""


@lru_cache
def _shown(text: str) -> str:
    """Return an address in its canonical form; any other text unchanged."""
    return str(_address(text) or text)


@lru_cache
def _address(text: str) -> IPv4Address | IPv6Address | None:
    """Parse an address, perhaps with a port. An IPv4-mapped IPv6 address becomes IPv4, and a zone is dropped."""
    if (bare := _port.match(text)) is not None:
        text = bare[1] or bare[2]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
