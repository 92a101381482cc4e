"""Where a request comes from, also behind a reverse proxy (`[web] trusted_proxies`)."""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

from aiohttp import web

from webmanager.parts import PARTS

Address = IPv4Address | IPv6Address

_HOPS_MAX: Final = 20
_FORWARDED: Final = ("X-Forwarded-For", "Forwarded", "X-Real-IP", "Via")


@dataclass(frozen=True, slots=True)
class Origin:
    """Who asks, as far as it can be known."""

    address: Address | None
    """None where the proxy's word cannot be read."""
    local: bool
    """Surely from this machine itself: a direct connection over loopback, without a trace of a proxy."""


def origin_of(request: web.Request) -> Origin:
    """Return where a request comes from; only a configured proxy is believed about whom it speaks for.

    A proxy on this machine that nobody configured must not make all the world local: any forwarding header does away
    with `local`, and so does an address that is configured as a proxy's.
    """
    peer = _parsed(request.remote or "")
    proxies = request.app[PARTS].config.web.trusted_proxies
    if peer is None or not any(peer in network for network in proxies):
        forwarded = any(name in request.headers for name in _FORWARDED)
        return Origin(peer, local=peer is not None and peer.is_loopback and not forwarded)
    hops = ",".join(request.headers.getall("X-Forwarded-For", [])).split(",")
    address: Address | None = peer
    for hop in reversed(hops[-_HOPS_MAX:]):
        if not hop.strip():
            break
        address = _parsed(hop.strip())
        if address is None or not any(address in network for network in proxies):
            break
    return Origin(address, local=False)


def _parsed(text: str) -> Address | None:
    """Read an address as written by the socket or a proxy: a zone and IPv4 inside of IPv6 are taken off."""
    try:
        address = ip_address(text.removeprefix("[").removesuffix("]").partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address
