"""Who called: P-Asserted-Identity, Remote-Party-ID or From, and what of it may be told (RFC 3323, RFC 3325).

A wish for privacy holds whoever sent it; an asserted identity counts only from a peer that we trust.
"""

import unicodedata
from typing import Final, Literal

from ivr.sip.errors import ParseError
from ivr.sip.grammar import split_list
from ivr.sip.message import Request
from ivr.sip.uri import NameAddr
from voicebox.message import Caller

Identity = Literal["pai", "rpid", "from"]
"""A peer's `identity` setting: the header that it keeps honest."""

NAME_MAX: Final = 80
# RFC 3323 section 4.2 and RFC 3325 section 9.3; `header` too hides who calls (3GPP TS 24.607).
_WITHHOLDING: Final = frozenset({"id", "user", "header"})
# RFC 3323 section 4.1.1.3 asks for `anonymous@anonymous.invalid`; gateways write `restricted` (RFC 3398 networks).
_ANONYMOUS_USERS: Final = frozenset({"anonymous", "restricted"})
_ANONYMOUS_HOST: Final = "anonymous.invalid"
# The number is not known to the network, which is no wish of the caller's.
_UNKNOWN_USERS: Final = frozenset({"unavailable", "unknown"})
# Remote-Party-ID's own privacy (draft-ietf-sip-privacy-04 section 5.1).
_RPID_WITHHOLDING: Final = frozenset({"full", "uri"})


def caller_of(request: Request, *, identity: Identity, trusted: bool) -> Caller:
    """Return who called, number as the raw user part; number and name are gone when the caller is withheld.

    Args:
        request: the INVITE.
        identity: the header this peer keeps honest; without it in the INVITE, From is read.
        trusted: whether the peer may assert identities at all.
    """
    sender = request.from_
    if wants_privacy(request) or is_anonymous(sender):
        return Caller(number=None, withheld=True)
    asserted = _asserted(request, identity) if trusted else []
    if any(_hides(value) for value in asserted):
        return Caller(number=None, withheld=True)
    chosen = _best(asserted) or sender
    number = chosen.uri.user
    if number is not None and number.lower() in _UNKNOWN_USERS:
        number = None
    display = chosen.display
    if not display and sender.uri.user == chosen.uri.user:
        # Many exchanges assert the number alone and leave the name in From.
        display = sender.display
    if (chosen.params.get("privacy") or "").lower() == "name":
        display = ""
    return Caller(number=number, name=clean_name(display))


def wants_privacy(request: Request) -> bool:
    """Return whether a Privacy header asks that the caller's identity be withheld."""
    wishes = {word.lower() for line in request.headers.lines("Privacy") for word in line.replace(",", ";").split(";")}
    return any(wish.strip() in _WITHHOLDING for wish in wishes)


def is_anonymous(address: NameAddr) -> bool:
    """Return whether an address is the anonymous one (RFC 3323 section 4.1.1.3)."""
    user = (address.uri.user or "").lower()
    return user in _ANONYMOUS_USERS or address.uri.host.lower() == _ANONYMOUS_HOST


def clean_name(display: str) -> str:
    """Return a display name fit to be shown and spoken, at most `NAME_MAX` characters.

    Bytes that were no UTF-8 are read as Windows-1252, what old German exchanges send. Controls, line ends and
    invisible formatting (which can turn text around on a screen) become single spaces.
    """
    try:
        display.encode()
    except UnicodeEncodeError:
        display = display.encode("utf-8", "surrogateescape").decode("cp1252", "replace").replace("\ufffd", " ")
    visible = "".join(" " if unicodedata.category(char)[0] in "CZ" else char for char in display)
    return " ".join(visible.split())[:NAME_MAX].rstrip()


def _asserted(request: Request, identity: Identity) -> list[NameAddr]:
    match identity:
        case "pai":
            name = "P-Asserted-Identity"
        case "rpid":
            name = "Remote-Party-ID"
        case "from":
            return []
    values: list[NameAddr] = []
    for value in request.headers.all(name):
        try:
            address = NameAddr.parse(value)
        except ParseError:
            # Lenient: one broken value does not hide the other, nor refuse the call.
            continue
        # A Remote-Party-ID may describe the called party instead.
        if (address.params.get("party") or "calling").lower() == "calling":
            values.append(address)
    return values


def _hides(address: NameAddr) -> bool:
    words = {word.strip().lower() for word in split_list(address.params.get("privacy") or "", ";")}
    return bool(words & _RPID_WITHHOLDING) or is_anonymous(address)


def _best(values: list[NameAddr]) -> NameAddr | None:
    """Choose among a SIP and a tel identity (RFC 3325 section 9.1 allows one of each) the one that is a number."""
    named = [value for value in values if value.uri.user]
    for value in named:
        if value.uri.is_phone or (value.uri.user or "").lstrip("+").isdigit():
            return value
    return named[0] if named else None
