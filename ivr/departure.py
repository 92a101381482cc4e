"""How a call goes on from a mailbox by a second leg: what its INVITE says (voicemail.md, row 17). I/O-free.

The mailbox pays and says so in P-Asserted-Identity; From names the caller, so that whoever is rung sees who calls; and
Diversion (RFC 5806) names the mailbox that the call comes by, above those it came by before. Where a subscriber calls,
it is simply the mailbox's call.
"""

from dataclasses import dataclass, replace

from ivr.branch import Invitation
from ivr.outside import ANONYMOUS, Outside, plain
from ivr.sip.dialog import MAX_FORWARDS
from ivr.sip.message import Request
from ivr.sip.uri import NameAddr, Uri, escaped
from voicebox.arrival import DIVERSIONS_MAX
from voicebox.mailbox import Mailbox
from voicebox.message import Caller


@dataclass(frozen=True, slots=True)
class Origin:
    """The call that goes on, and in whose name."""

    payer: Mailbox
    caller: Caller | None
    """Who called the mailbox; None where its subscriber calls."""
    invite: Request
    """The INVITE that came in: it counts the hops."""


def to_outside(number: str, way: Outside, origin: Origin) -> Invitation | None:
    """Return what a peer is sent; None where the call has been sent on too often already (a loop).

    Args:
        number: an extension of the exchange, or E.164.
        way: the peer.
        origin: the call that goes on.
    """
    uri = way.uri(number)
    sender = way.sender(origin.caller, origin.payer)
    headers = way.asserted(origin.payer, origin.caller)
    return _invitation(Invitation(uri, sender, f"<{uri}>", headers=tuple(headers)), origin, way.host)


def to_phone(contact: str, number: str, origin: Origin, domain: str) -> Invitation | None:
    """Return what a colleague's phone is sent: most show P-Asserted-Identity, so it names the caller here.

    None as in `to_outside`.

    Raises:
        ParseError: the contact is no URI.
    """
    payer, caller = origin.payer, origin.caller
    headers = [("Privacy", "id")]
    sender = ANONYMOUS
    shown = Caller(payer.number, payer.name) if caller is None else caller
    if shown.number is not None and not shown.withheld:
        uri = Uri("sip", escaped(shown.number), host=domain)
        sender, headers = str(NameAddr(uri, plain(shown.name))), [("P-Asserted-Identity", f"<{uri}>")]
    to = f"<sip:{escaped(number)}@{domain}>"
    return _invitation(Invitation(Uri.parse(contact), sender, to, headers=tuple(headers)), origin, domain)


def referral(number: str, to: Uri, payer: Mailbox, domain: str) -> tuple[str, str]:
    """Return Refer-To and Referred-By (RFC 3515, RFC 3892) for the peer at `to`."""
    port = f":{to.port}" if to.port else ""
    by = Uri("sip", escaped(payer.phone or payer.number), host=domain)
    return f"<sip:{escaped(number)}@{to.host}{port}>", f"<{by}>"


def _invitation(said: Invitation, origin: Origin, domain: str) -> Invitation | None:
    """Add what counts the hops; None where there are too many."""
    came = origin.invite.max_forwards
    left = min(MAX_FORWARDS if came is None else came, MAX_FORWARDS) - 1
    diversions: list[str] = []
    if origin.caller is not None:
        own = escaped(origin.payer.phone or origin.payer.number)
        before = origin.invite.headers.all("Diversion")
        diversions = [f"<sip:{own}@{domain}>;reason=deflection;counter=1", *before]
    if left <= 0 or len(diversions) > DIVERSIONS_MAX:
        return None
    headers = (*said.headers, *(("Diversion", value) for value in diversions))
    return replace(said, headers=headers, max_forwards=left)
