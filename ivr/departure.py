"""How a call leaves the house: whom to invite, where, and in whose name (voicemail.md, row 17). I/O-free.

The mailbox pays and says so: its number stands in P-Asserted-Identity (RFC 3325). Where the peer takes it, From names
the caller, so that whoever is rung sees who calls; Diversion (RFC 5806) names the mailbox that the call comes by.
"""

from dataclasses import dataclass
from typing import Final

from ivr.branch import Invitation, Place
from ivr.sip.dialog import MAX_FORWARDS
from ivr.sip.hops import Destination, bracketed
from ivr.sip.locating import LocatingError, destination_of_uri
from ivr.sip.message import Request
from ivr.sip.uri import NameAddr, Uri, escaped
from voicebox.arrival import DIVERSIONS_MAX
from voicebox.mailbox import Mailbox
from voicebox.message import Caller
from voicebox.settings.outbound import Outbound
from voicebox.settings.sip import Peer, Sip, Trunk

ANONYMOUS: Final = NameAddr(Uri("sip", "anonymous", host="anonymous.invalid"), "Anonymous")
"""RFC 3323 section 4.1.1.3."""


@dataclass(frozen=True, slots=True)
class Origin:
    """The call that goes on, and in whose name."""

    payer: Mailbox
    caller: Caller | None
    """Who called the mailbox; None where its subscriber calls."""
    invite: Request
    """The INVITE that came in: it counts the hops."""


@dataclass(frozen=True, slots=True)
class Gateway:
    """The peer or trunk that calls leave by."""

    host: str
    """Of its URIs, an IPv6 address in brackets, with the port where one is needed."""
    place: Place
    show_caller: bool


def gateway(sip: Sip, outbound: Outbound) -> Gateway | None:
    """Return where calls to the outside go; None where nothing is configured.

    Raises:
        LocatingError: the trunk's address asks for a transport that we do not have.
    """
    source = next((each for each in (*sip.peer, *sip.trunk) if each.name == outbound.peer), None)
    match source:
        case Peer(address=address) if address.host is not None:
            host = bracketed(str(address.host))
            place = Place(Destination(str(address.host), address.port, None))
            port = f":{address.port}" if address.port else ""
            return Gateway(f"{host}{port}", place, show_caller=outbound.show_caller is not False)
        case Trunk():
            registrar = Uri.parse(source.registrar)
            way = destination_of_uri(Uri.parse(source.proxy or source.registrar))
            login = (source.username, source.password.get_secret_value())
            port = f":{registrar.port}" if registrar.port else ""
            return Gateway(f"{registrar.host}{port}", Place(way, login), show_caller=outbound.show_caller is True)
        case _:
            return None


def to_outside(number: str, way: Gateway, origin: Origin, domain: str) -> Invitation | None:
    """Return what a peer is sent; None where the call has been sent on too often already (a loop).

    Args:
        number: an extension of the exchange, or E.164.
        way: the peer.
        origin: the call that goes on.
        domain: ours.
    """
    uri = Uri.parse(f"sip:{escaped(number)}@{way.host}")
    payer = _address(_number_of(origin.payer), origin.payer.name, domain)
    sender = _caller(origin.caller, domain) if origin.caller is not None and way.show_caller else payer
    # From and Privacy keep a withheld caller's secret; who pays is asserted all the same.
    private = [("Privacy", "id")] if origin.caller is not None and origin.caller.withheld else []
    return _invitation(uri, sender, origin, domain, ("P-Asserted-Identity", str(payer)), *private)


def to_phone(contact: str, number: str, origin: Origin, domain: str) -> Invitation | None:
    """Return what a colleague's phone is sent: most show P-Asserted-Identity, so it names the caller here.

    None as in `to_outside`.

    Raises:
        ParseError: the contact is no URI.
    """
    payer = Caller(origin.payer.number, origin.payer.name)
    sender = _caller(payer if origin.caller is None else origin.caller, domain)
    asserted = ("Privacy", "id") if sender is ANONYMOUS else ("P-Asserted-Identity", f"<{sender.uri}>")
    return _invitation(Uri.parse(contact), sender, origin, domain, asserted, to=_address(number, "", domain))


def referral(number: str, to: Uri, payer: Mailbox, domain: str) -> tuple[str, str]:
    """Return Refer-To and Referred-By (RFC 3515, RFC 3892) for the peer at `to`."""
    port = f":{to.port}" if to.port else ""
    return f"<sip:{escaped(number)}@{to.host}{port}>", str(_address(_number_of(payer), "", domain))


def _invitation(
    uri: Uri,
    sender: NameAddr,
    origin: Origin,
    domain: str,
    *headers: tuple[str, str],
    to: NameAddr | None = None,
) -> Invitation | None:
    came = origin.invite.max_forwards
    left = min(MAX_FORWARDS if came is None else came, MAX_FORWARDS) - 1
    diversions: list[str] = []
    if origin.caller is not None:
        own = _address(_number_of(origin.payer), "", domain)
        # RFC 5806 section 4.1: the latest is on top, those before it follow as they came.
        diversions = [f"{own};reason=deflection", *origin.invite.headers.all("Diversion")]
    if left <= 0 or len(diversions) > DIVERSIONS_MAX:
        return None
    return Invitation(
        uri=uri,
        sender=str(sender),
        to=str(to or NameAddr(uri)),
        headers=(*headers, *(("Diversion", value) for value in diversions)),
        max_forwards=left,
    )


def _number_of(mailbox: Mailbox) -> str:
    """Return the number by which the world knows a mailbox."""
    return mailbox.phone or mailbox.number


def _caller(caller: Caller, domain: str) -> NameAddr:
    """Return who calls as may be shown (RFC 3323)."""
    if caller.withheld or caller.number is None:
        return ANONYMOUS
    return _address(caller.number, caller.name, domain)


def _address(number: str, name: str, domain: str) -> NameAddr:
    """Return an address of ours; a name is data, whatever it holds."""
    return NameAddr(Uri("sip", escaped(number), host=domain), "".join(filter(str.isprintable, name)))


__all__ = ["Gateway", "LocatingError", "Origin", "gateway", "referral", "to_outside", "to_phone"]
