"""Where a request comes from: the peer, unless it is a proxy that is trusted to say for whom it asks."""

import re
from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any, Final

from litestar import Request

from .requests import headers_of

_FORWARDED: Final = b"x-forwarded-for"
_port = re.compile(r"^(?:\[([^\]]*)\]|([0-9.]+))(?::[0-9]{1,5})?$")


class Proxies:
    """The proxies that are trusted.

    Args:
        networks: addresses and networks, such as `10.0.0.0/8`. Without any, nobody's word is taken.
    """

    def __init__(self, networks: Sequence[str] = ()) -> None:
        self._networks = [ip_network(network) for network in networks]

    def client_of(self, request: Request[Any, Any, Any]) -> str:
        """The address that a request comes from; empty if it comes by no network.

        Each proxy adds on the right whom it was asked by. So the first one from the right that is not trusted is as far
        as anybody's word is worth something; what stands further left is what a client would like to be.
        """
        client = request.scope.get("client")
        if client is None:
            return ""
        if not self._networks:
            return _shown(client[0])
        address = _address(client[0])
        said = ",".join(headers_of(request, _FORWARDED)).split(",")
        while said and address is not None and self._trusts(address):
            nearer = _address(said.pop().strip())
            if nearer is None:
                break
            address = nearer
        return str(address or client[0])

    def _trusts(self, address: IPv4Address | IPv6Address) -> bool:
        return any(address in network for network in self._networks)


@lru_cache
def _shown(text: str) -> str:
    """The address that a text names, in its one spelling, or else the text."""
    return str(_address(text) or text)


@lru_cache
def _address(text: str) -> IPv4Address | IPv6Address | None:
    """The address that a text names, perhaps with a port. One of IPv4 that is dressed as IPv6 is itself,
    and of a zone nothing is kept.
    """
    if (bare := _port.match(text)) is not None:
        text = bare[1] or bare[2]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
