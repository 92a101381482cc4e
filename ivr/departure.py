"""How a call goes on: whom we invite, where, and in whose name (voicemail.md, rows 9 and 17). I/O-free.

It goes to a phone of ours, or out of the house by a peer; the caller talks there by two legs of ours (`ivr.farleg`), or
end to end (`ivr.joined`). Out of the house the mailbox pays and says so: its number stands in P-Asserted-Identity
(RFC 3325). Where the peer takes it, From names the caller, so that whoever is rung sees who calls; one who asked for
privacy stays withheld (RFC 3323). Diversion names who sent the call on, the most recent first (RFC 5806).
"""

from dataclasses import dataclass, replace
from typing import Final

from ivr.branch import Invitation, Place
from ivr.endtoend import passed
from ivr.sip.dialog import MAX_FORWARDS
from ivr.sip.hops import Destination, bracketed
from ivr.sip.locating import destination_of_uri
from ivr.sip.message import Request
from ivr.sip.uri import NameAddr, Uri, escaped
from voicebox.arrival import DIVERSIONS_MAX
from voicebox.mailbox import Mailbox
from voicebox.message import Caller, Reason
from voicebox.settings.outbound import Outbound
from voicebox.settings.sip import Peer, Sip, Trunk

ANONYMOUS: Final = NameAddr(Uri("sip", "anonymous", host="anonymous.invalid"), "Anonymous")
"""RFC 3323 section 4.1.1.3."""
UNKNOWN: Final = "unknown"
"""The user part of a caller who has a name, but no number."""
TOKENS: Final = {
    Reason.BUSY: "user-busy",
    Reason.NO_ANSWER: "no-answer",
    Reason.UNCONDITIONAL: "unconditional",
}
"""Reasons as RFC 5806 section 4.2 writes them; all others are `unavailable`."""


class TooManyHops(Exception):  # noqa: N818 - named after the reply it stands for, 483
    """The call has been sent on so often that it is in a loop.

    Max-Forwards is used up (RFC 3261 section 8.1.1.6), or there are too many Diversions.
    """


@dataclass(frozen=True, slots=True)
class SentOn:
    """A number of ours that sent the call on."""

    number: str
    reason: Reason | None
    """Why it was forwarded; None is a deflection, by a phone's user, or by the caller out of the mailbox."""

    def __str__(self) -> str:
        """Return the parameters of its Diversion."""
        if self.reason is None:
            return "reason=deflection"
        return f"reason={TOKENS.get(self.reason, 'unavailable')};counter=1"


@dataclass(frozen=True, slots=True)
class Origin:
    """The call that goes on, and in whose name."""

    payer: Mailbox
    """Whose call it is, and who pays outside."""
    caller: Caller | None
    """Who called the mailbox; None where its subscriber calls."""
    invite: Request
    """The INVITE that came in: it counts the hops."""
    sent_on: tuple[SentOn, ...] = ()
    """Who of ours sent it on, oldest first."""


def known_as(mailbox: Mailbox) -> str:
    """Return the number by which the world knows a mailbox."""
    return mailbox.phone or mailbox.number


def out_of_mailbox(payer: Mailbox, caller: Caller | None, invite: Request) -> Origin:
    """Return a call that goes on from within a mailbox: its caller's, or (None) its subscriber's own."""
    return Origin(payer, caller, invite, () if caller is None else (SentOn(known_as(payer), None),))


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


def to_phone(contact: str, number: str, origin: Origin, domain: str, path: tuple[str, ...] = ()) -> Invitation:
    """Return what a registered phone is sent: most show P-Asserted-Identity, so it names the caller here.

    Args:
        contact: the phone's URI as registered.
        number: whose phone it is.
        origin: the call that goes on.
        domain: ours.
        path: the proxies on the way to the phone, the next one first (RFC 3327).

    Raises:
        TooManyHops: the call has been sent on too often.
        ParseError: the contact is no URI.
    """
    caller = origin.caller or Caller(origin.payer.number, origin.payer.name)
    sender = _sender(caller, domain)
    asserted = [("P-Asserted-Identity", f"<{sender.uri}>")] if _is_known(caller) else _privacy(caller)
    to = _address(number, "", domain)
    return replace(_invitation(Uri.parse(contact), to, sender, origin, domain, *asserted), routes=path)


def to_outside(number: str, way: Gateway, origin: Origin, domain: str) -> Invitation:
    """Return what a peer is sent.

    Args:
        number: an extension of the exchange, or E.164.
        way: the peer.
        origin: the call that goes on.
        domain: ours.

    Raises:
        TooManyHops: the call has been sent on too often.
    """
    uri = Uri.parse(f"sip:{escaped(number)}@{way.host}")
    payer = _address(known_as(origin.payer), origin.payer.name, domain)
    sender = _sender(origin.caller, domain) if origin.caller is not None and way.show_caller else payer
    # Where somebody else calls, only the number of who pays: phones that show what is asserted shall not show the
    # mailbox's name for the caller.
    pays = ("P-Asserted-Identity", str(payer) if origin.caller is None else f"<{payer.uri}>")
    # From and Privacy keep a withheld caller's secret; who pays is asserted all the same.
    private = [] if origin.caller is None else _privacy(origin.caller)
    return _invitation(uri, NameAddr(uri), sender, origin, domain, pays, *private)


def end_to_end(said: Invitation, invite: Request) -> Invitation:
    """Return an invitation with the caller's own offer, and what else its two ends say to each other."""
    return replace(said, body=invite.body, headers=(*said.headers, *passed(invite)))


def referral(number: str, to: Uri, payer: Mailbox, domain: str) -> tuple[str, str]:
    """Return Refer-To and Referred-By (RFC 3515, RFC 3892) for the peer at `to`."""
    port = f":{to.port}" if to.port else ""
    return f"<sip:{escaped(number)}@{to.host}{port}>", str(_address(known_as(payer), "", domain))


def forwards_left(request: Request) -> int:
    """Return Max-Forwards for our INVITE; raises TooManyHops."""
    given = request.max_forwards
    if given == 0:
        raise TooManyHops
    return (MAX_FORWARDS if given is None else min(given, MAX_FORWARDS)) - 1


def _invitation(
    uri: Uri, to: NameAddr, sender: NameAddr, origin: Origin, domain: str, *headers: tuple[str, str]
) -> Invitation:
    # RFC 5806 section 4.1: the latest is on top, those before it follow as they came.
    ours = [f"{_address(each.number, '', domain)};{each}" for each in reversed(origin.sent_on)]
    diversions: list[str] = []
    if origin.caller is not None:
        diversions = [*ours, *origin.invite.headers.all("Diversion")]
    if ours and len(diversions) > DIVERSIONS_MAX:
        raise TooManyHops
    return Invitation(
        uri=uri,
        sender=str(sender),
        to=str(to),
        headers=(*headers, *(("Diversion", value) for value in diversions)),
        max_forwards=forwards_left(origin.invite),
    )


def _sender(caller: Caller, domain: str) -> NameAddr:
    """Return who calls as may be shown (RFC 3323); of whom nothing is known, that much."""
    if caller.withheld or not (caller.number or caller.name):
        return ANONYMOUS
    return _address(caller.number or UNKNOWN, caller.name, domain)


def _is_known(caller: Caller) -> bool:
    return bool(caller.number) and not caller.withheld


def _privacy(caller: Caller) -> list[tuple[str, str]]:
    return [("Privacy", "id")] if caller.withheld else []


def _address(number: str, name: str, domain: str) -> NameAddr:
    """Return an address of ours; a name is data, whatever it holds."""
    return NameAddr(Uri("sip", escaped(number), host=domain), "".join(filter(str.isprintable, name)))
