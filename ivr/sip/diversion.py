"""Why and by whom a call was sent on: RFC 4458 in the Request-URI, History-Info (RFC 7044, 7544), Diversion (RFC 5806).

The rules, and which of the three wins, are those of "Where a call goes" in voicemail.md; resolving numbers is the
decision's business. Nothing here raises: a header that does not parse is no reason to refuse a call.
"""

from dataclasses import dataclass
from typing import Final, Self
from urllib.parse import unquote_plus

from ivr.sip.errors import ParseError
from ivr.sip.grammar import Params, number, split_list
from ivr.sip.identity import Identity, caller_of
from ivr.sip.message import Request
from ivr.sip.uri import NameAddr, Uri, decoded
from voicebox.arrival import Arrival, Diversion
from voicebox.message import Reason

# RFC 4458 section 3.1 and voicemail.md row 11.
CAUSES: Final = {
    302: Reason.UNCONDITIONAL,
    404: Reason.UNREACHABLE,
    408: Reason.NO_ANSWER,
    480: Reason.UNAVAILABLE,
    486: Reason.BUSY,
    487: Reason.UNAVAILABLE,
    503: Reason.UNREACHABLE,
}
# Translation of a service number (RFC 8119): nobody was called there, so nobody diverted.
CAUSE_SERVICE_NUMBER: Final = 380
# RFC 5806 section 4.2's tokens and those of the field; others count as `unknown` does.
TOKENS: Final = {
    "user-busy": Reason.BUSY,
    "do-not-disturb": Reason.BUSY,
    "no-answer": Reason.NO_ANSWER,
    "unconditional": Reason.UNCONDITIONAL,
}
# Q.850 causes in a Reason header, where a gateway gives no SIP cause: busy, no user responding, no answer, and the
# ones for a terminal that cannot be reached.
_Q850: Final = {
    17: Reason.BUSY,
    18: Reason.NO_ANSWER,
    19: Reason.NO_ANSWER,
    20: Reason.UNREACHABLE,
    27: Reason.UNREACHABLE,
}
# Far above the limit of diversions that ends a loop; the most recent are kept.
HISTORY_MAX: Final = 64


def arrival_of(request: Request, *, identity: Identity, trusted: bool) -> Arrival:
    """Read an INVITE into what the decision needs.

    Args:
        request: the INVITE.
        identity: the header by which its peer names callers.
        trusted: whether that peer may assert identities (RFC 3325).
    """
    uri = request.uri
    return Arrival(
        called=uri.user or "",
        caller=caller_of(request, identity=identity, trusted=trusted),
        target=_target(uri),
        target_reason=reason_of_cause(uri.params.get("cause")),
        diversions=_from_history(request) or _from_diversion(request),
    )


def reason_of_cause(cause: str | None) -> Reason | None:
    """Return what a `cause` of RFC 4458 says; unknown numbers are unavailable, and no cause is None."""
    if cause is None:
        return None
    return CAUSES.get(number(cause.strip(), most=999) or 0, Reason.UNAVAILABLE)


def _target(uri: Uri) -> str | None:
    """Return the user part of RFC 4458's `target`: a URI, escaped or not, or (in the field) a bare number."""
    value = uri.params.get("target")
    if not value:
        return None
    text = decoded(value).strip(" <>")
    try:
        named = Uri.parse(text)
    except ParseError:
        return text.partition("@")[0] or None
    # `1001:...@host` would parse as an unknown scheme: then the text is no URI but a number.
    if named.opaque:
        return text.partition("@")[0]
    # `sip:1001` has its number where the host should be.
    return named.user or named.host or None


def _from_diversion(request: Request) -> tuple[Diversion, ...]:
    """Read Diversion: the topmost, or first of a line, is the most recent (RFC 5806 section 4.1)."""
    found: list[Diversion] = []
    for value in request.headers.all("Diversion")[:HISTORY_MAX]:
        try:
            address = NameAddr.parse(value)
        except ParseError:
            continue
        if address.uri.user:
            token = (address.params.get("reason") or "unknown").strip().lower()
            found.append(Diversion(address.uri.user, TOKENS.get(token, Reason.UNAVAILABLE)))
    return tuple(reversed(found))


@dataclass(frozen=True, slots=True)
class _Entry:
    """One hi-entry of History-Info."""

    index: tuple[int, ...]
    user: str
    params: Params
    cause: int | None
    """The `cause` URI parameter (RFC 7544 section 2)."""
    given: Reason | None
    """From the Reason header escaped in the URI."""

    @classmethod
    def parse(cls, value: str) -> Self:
        address = NameAddr.parse(value)
        digits = [number(part, most=9999) for part in (address.params.get("index") or "").split(".")]
        cause = address.uri.params.get("cause")
        return cls(
            index=tuple(digit or 0 for digit in digits),
            user=address.uri.user or "",
            params=address.params,
            cause=None if cause is None else number(cause.strip(), most=999),
            given=_escaped_reason(address.uri.headers),
        )

    @property
    def is_diversion(self) -> bool:
        """Whether the call came to this entry by diversion (RFC 7044 section 5, RFC 8119)."""
        if self.cause == CAUSE_SERVICE_NUMBER:
            return False
        return self.cause is not None or "mp" in self.params

    @property
    def is_same_user(self) -> bool:
        """Whether this entry is only another address of the one before: a contact, or a mere routing step."""
        return "rc" in self.params or "np" in self.params


def _from_history(request: Request) -> tuple[Diversion, ...]:
    """Read History-Info, oldest first; an empty tuple when nothing in it is a diversion."""
    entries: list[_Entry] = []
    for value in request.headers.all("History-Info"):
        try:
            entries.append(_Entry.parse(value))
        except ParseError:
            continue
    entries = sorted(entries, key=lambda entry: entry.index)[-HISTORY_MAX:]
    found: list[Diversion] = []
    for at, entry in enumerate(entries):
        if at == 0:
            continue
        if not entry.is_diversion and not _retargeted(entries, at):
            continue
        source = _source(entries, at)
        reason = reason_of_cause(None if entry.cause is None else str(entry.cause))
        reason = reason or _given_between(entries, source, at) or Reason.UNAVAILABLE
        if entries[source].user:
            found.append(Diversion(entries[source].user, reason))
    if entries and (last := entries[-1]).given and last.user and last.user != (request.uri.user or ""):
        # Lenient: some exchanges leave out the entry for us, though RFC 7044 section 9 wants it.
        found.append(Diversion(last.user, last.given))
    return tuple(found)


def _retargeted(entries: list[_Entry], at: int) -> bool:
    """Whether, in the old style of RFC 4244 without `mp`, the entry before names the cause of its own retargeting."""
    entry = entries[at]
    return not entry.is_same_user and entry.cause is None and entries[at - 1].given is not None


def _source(entries: list[_Entry], at: int) -> int:
    """Return the position of the entry that diverted the call to the one at `at`."""
    source = _position(entries, entries[at].params.get("mp"), at)
    if source is None:
        source = at - 1
    # A contact that was tried stands for the user whose contact it is.
    while source > 0 and entries[source].is_same_user:
        named = entries[source].params.get("rc") or entries[source].params.get("np")
        back = _position(entries, named, source)
        source = source - 1 if back is None else back
    return source


def _position(entries: list[_Entry], index: str | None, before: int) -> int | None:
    if not index:
        return None
    wanted = tuple(number(part, most=9999) or 0 for part in index.split("."))
    return next((at for at in range(before) if entries[at].index == wanted), None)


def _given_between(entries: list[_Entry], source: int, at: int) -> Reason | None:
    """Return the reason escaped in the source's own entry, else in the last of its contacts that were tried."""
    if entries[source].given is not None:
        return entries[source].given
    tried = [entry.given for entry in entries[source + 1 : at] if entry.is_same_user and entry.given is not None]
    return tried[-1] if tried else None


def _escaped_reason(headers: str) -> Reason | None:
    """Read `Reason=SIP%3Bcause%3D486` among a URI's headers (RFC 7044 section 5.3, RFC 3326)."""
    for pair in headers.split("&"):
        name, _, value = pair.partition("=")
        if name.lower() != "reason":
            continue
        for reason in split_list(unquote_plus(value, errors="surrogateescape")):
            protocol, _, rest = reason.partition(";")
            try:
                cause = Params.parse(rest).get("cause")
            except ParseError:
                continue
            code = number((cause or "").strip(), most=999)
            if code is None or code == CAUSE_SERVICE_NUMBER:
                continue
            if protocol.strip().upper() == "SIP":
                return CAUSES.get(code, Reason.UNAVAILABLE)
            if protocol.strip().upper() == "Q.850":
                return _Q850.get(code, Reason.UNAVAILABLE)
    return None
