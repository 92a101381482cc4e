"""What our INVITEs say for a call that goes on: who calls, whom, and by whom it was sent on. I/O-free.

A caller who asked for privacy stays withheld (RFC 3323, RFC 3325). Diversion names who sent the call on, the most
recent first (RFC 5806); what a phone shows then is "Anna for Bert".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ivr.branch import Invitation
from ivr.endtoend import passed
from ivr.outside import ANONYMOUS, Outside
from ivr.sip.dialog import MAX_FORWARDS
from ivr.sip.message import Request
from ivr.sip.uri import NameAddr, Uri, escaped
from voicebox.mailbox import Mailbox
from voicebox.message import Caller, Reason

UNKNOWN: Final = "unknown"
"""The user part where no number came."""
TOKENS: Final = {
    Reason.BUSY: "user-busy",
    Reason.NO_ANSWER: "no-answer",
    Reason.UNCONDITIONAL: "unconditional",
}
"""Reasons as RFC 5806 section 4.2 writes them; all others are `unavailable`."""


@dataclass(frozen=True, slots=True)
class SentOn:
    """A number of ours that sent the call on."""

    number: str
    reason: Reason


class TooManyHops(Exception):  # noqa: N818 - named after the reply it stands for, 483
    """The call has come over so many hops that it is in a loop: Max-Forwards is used up (RFC 3261 section 8.1.1.6)."""


def to_phone(
    request: Request, contact: str, *, caller: Caller, called: str, domain: str, sent_on: Sequence[SentOn] = ()
) -> Invitation:
    """Return the INVITE for a registered phone.

    Args:
        request: the caller's INVITE.
        contact: the phone's URI as registered.
        caller: who calls.
        called: the number whose phone it is.
        domain: ours.
        sent_on: who of ours sent it on, oldest first.

    Raises:
        TooManyHops: Max-Forwards is used up.
        ParseError: the contact is no URI.
    """
    asserted = []
    if caller.withheld:
        sender = ANONYMOUS
        asserted.append(("Privacy", "id"))
    else:
        uri = Uri.parse(f"sip:{escaped(caller.number or UNKNOWN)}@{domain}")
        sender = str(NameAddr(uri, caller.name))
        if caller.number:
            asserted.append(("P-Asserted-Identity", f"<{uri}>"))
    return Invitation(
        uri=Uri.parse(contact),
        sender=sender,
        to=f"<sip:{escaped(called)}@{domain}>",
        body=request.body,
        headers=(*asserted, *diversion(request, sent_on, domain), *passed(request)),
        max_forwards=forwards_left(request),
    )


def to_outside(
    request: Request, way: Outside, number: str, *, caller: Caller, payer: Mailbox, sent_on: Sequence[SentOn]
) -> Invitation:
    """Return the INVITE for a number out of the house, which a mailbox pays for; raises TooManyHops."""
    uri = way.uri(number)
    return Invitation(
        uri=uri,
        sender=way.sender(caller, payer),
        to=f"<{uri}>",
        body=request.body,
        headers=(*way.asserted(payer, caller), *diversion(request, sent_on, way.host), *passed(request)),
        max_forwards=forwards_left(request),
    )


def forwards_left(request: Request) -> int:
    """Return Max-Forwards for our INVITE; raises TooManyHops."""
    given = request.max_forwards
    if given == 0:
        raise TooManyHops
    return (MAX_FORWARDS if given is None else min(given, MAX_FORWARDS)) - 1


def diversion(request: Request, sent_on: Sequence[SentOn], domain: str) -> list[tuple[str, str]]:
    """Return the Diversion headers: ours on top, then what came."""
    ours = [
        f"<sip:{escaped(each.number)}@{domain}>;reason={TOKENS.get(each.reason, 'unavailable')};counter=1"
        for each in reversed(sent_on)
    ]
    return [("Diversion", value) for value in (*ours, *request.headers.all("Diversion"))]
