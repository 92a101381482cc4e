"""What our INVITEs say for a call that goes on: who calls, whom, and by whom it was sent on. I/O-free.

A caller who asked for privacy stays withheld (RFC 3323, RFC 3325). Diversion names who sent the call on, the most
recent first (RFC 5806); what a phone shows then is "Anna for Bert".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ivr.branch import Invitation
from ivr.departure import ANONYMOUS, Gateway
from ivr.endtoend import passed
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
    request: Request,
    contact: str,
    *,
    caller: Caller,
    called: str,
    domain: str,
    sent_on: Sequence[SentOn] = (),
    path: tuple[str, ...] = (),
) -> Invitation:
    """Return the INVITE for a registered phone.

    Args:
        request: the caller's INVITE.
        contact: the phone's URI as registered.
        caller: who calls.
        called: the number whose phone it is.
        domain: ours.
        sent_on: who of ours sent it on, oldest first.
        path: proxies on the way to the phone.

    Raises:
        TooManyHops: Max-Forwards is used up.
        ParseError: the contact is no URI.
    """
    sender, asserted = _sender(caller, domain)
    return Invitation(
        uri=Uri.parse(contact),
        sender=sender,
        to=f"<sip:{escaped(called)}@{domain}>",
        body=request.body,
        headers=(*asserted, *diversion(request, sent_on, domain), *passed(request)),
        max_forwards=forwards_left(request),
        routes=path,
    )


def to_outside(
    request: Request,
    way: Gateway,
    number: str,
    *,
    caller: Caller,
    payer: Mailbox,
    domain: str,
    sent_on: Sequence[SentOn],
) -> Invitation:
    """Return the INVITE for a number out of the house, which a mailbox pays for; raises TooManyHops."""
    uri = Uri.parse(f"sip:{escaped(number)}@{way.host}")
    pays = Uri.parse(f"sip:{escaped(payer.phone or payer.number)}@{domain}")
    sender, said = _sender(caller, domain)
    if not way.show_caller:
        sender = str(NameAddr(pays, payer.name))
    # A caller who is known is named in From: who pays is asserted. One who is not keeps both to themselves.
    private = [each for each in said if each[0] == "Privacy"]
    return Invitation(
        uri=uri,
        sender=sender,
        to=f"<{uri}>",
        body=request.body,
        headers=(
            ("P-Asserted-Identity", f"<{pays}>"),
            *private,
            *diversion(request, sent_on, domain),
            *passed(request),
        ),
        max_forwards=forwards_left(request),
    )


def _sender(caller: Caller, domain: str) -> tuple[str, list[tuple[str, str]]]:
    """Return From and the headers that assert who calls, or that it is not to be told."""
    if caller.withheld:
        return str(ANONYMOUS), [("Privacy", "id")]
    uri = Uri.parse(f"sip:{escaped(caller.number or UNKNOWN)}@{domain}")
    return str(NameAddr(uri, caller.name)), [("P-Asserted-Identity", f"<{uri}>")] if caller.number else []


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
