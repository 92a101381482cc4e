"""The way out of the house: the peer or trunk of `[outbound] peer`, and what our INVITE says there.

Row 17's rule holds for every call out: the mailbox that pays is named in P-Asserted-Identity, the caller in From, and
Diversion says whose mailbox sent the call on.
"""

from dataclasses import dataclass
from typing import Final

import structlog

from ivr.branch import Place
from ivr.sip.hops import Destination, bracketed
from ivr.sip.locating import LocatingError, destination_of_uri
from ivr.sip.uri import NameAddr, Uri, escaped
from voicebox.mailbox import Mailbox
from voicebox.message import Caller
from voicebox.settings.sip import CallSource, Peer, Sip, Trunk

log = structlog.get_logger("voicebox.ivr.outside")

ANONYMOUS: Final = '"Anonymous" <sip:anonymous@anonymous.invalid>'
"""RFC 3323 section 4.1.1.3."""


@dataclass(frozen=True, slots=True)
class Outside:
    """Where calls out of the house are sent."""

    name: str
    place: Place
    host: str
    """What stands behind the `@` of the numbers there."""
    shows_caller: bool = True
    """Whether From may name the caller; else it names the mailbox that pays."""

    def uri(self, number: str) -> Uri:
        """Return the Request-URI of a number."""
        return Uri.parse(f"sip:{escaped(number)}@{self.host}")

    def sender(self, caller: Caller | None, payer: Mailbox) -> str:
        """Return the From value: the caller, unless withheld or unknown; None is the mailbox's subscriber."""
        if caller is None or not self.shows_caller:
            return str(NameAddr(self.uri(payer.phone or payer.number), plain(payer.name)))
        if caller.withheld or not caller.number:
            return ANONYMOUS
        return str(NameAddr(self.uri(caller.number), plain(caller.name)))

    def asserted(self, payer: Mailbox, caller: Caller | None) -> list[tuple[str, str]]:
        """Return who pays, and whether the caller is to stay withheld (RFC 3325)."""
        number = payer.phone or payer.number
        said = [("P-Asserted-Identity", f"<{self.uri(number)}>")]
        return [*said, ("Privacy", "id")] if caller is not None and caller.withheld else said


def outside(sip: Sip, peer: str | None, *, show_caller: bool | None = None) -> Outside | None:
    """Return the way out by the name of its peer or trunk; None where there is none.

    A peer that is a whole network has no address to call. Trunks mostly refuse calls in the name of others, so that
    without a word on `show_caller` a peer is shown the caller and a trunk is not.
    """
    named: CallSource | None = next((each for each in (*sip.peer, *sip.trunk) if each.name == peer), None)
    match named:
        case Trunk():
            registrar = Uri.parse(named.registrar)
            try:
                destination = destination_of_uri(Uri.parse(named.proxy or named.registrar))
            except LocatingError as error:
                log.warning("no_way_outside", trunk=named.name, why=str(error))
                return None
            place = Place(destination, (named.username, named.password.get_secret_value()))
            return Outside(named.name, place, _host(registrar.host, registrar.port), shows_caller=show_caller is True)
        case Peer() if named.address.host is not None:
            host, port = str(named.address.host), named.address.port
            return Outside(
                named.name,
                Place(Destination(host, port)),
                _host(bracketed(host), port),
                shows_caller=show_caller is not False,
            )
        case _:
            return None


def plain(name: str) -> str:
    """Return a name without what no header may hold: line breaks and other controls."""
    return "".join(filter(str.isprintable, name))


def _host(host: str, port: int | None) -> str:
    return host if port is None else f"{host}:{port}"
