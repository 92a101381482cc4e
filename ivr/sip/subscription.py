"""The message light's SIP side: message-summary subscriptions (RFC 6665, RFC 3842). No input or output."""

from dataclasses import dataclass
from typing import Final

from ivr.sip.dialog import Dialog, new_tag
from ivr.sip.headers import Headers
from ivr.sip.message import Request, Response, response_to
from ivr.sip.uri import Uri
from voicebox.message import Counts

EVENT: Final = "message-summary"
CONTENT_TYPE: Final = "application/simple-message-summary"
DEFAULT_EXPIRES_S: Final = 3600
"""RFC 3842 section 3.4 leaves it to us; an hour costs little and survives a lost NOTIFY."""
MIN_EXPIRES_S: Final = 60
MAX_EXPIRES_S: Final = 86_400


def summary(counts: Counts, account: str) -> bytes:
    """Return the body of RFC 3842 section 5; `account` is the URI that phones dial for the messages."""
    waiting = "yes" if counts.new else "no"
    figures = f"{counts.new}/{counts.saved} ({counts.new_urgent}/{counts.saved_urgent})"
    return f"Messages-Waiting: {waiting}\r\nMessage-Account: {account}\r\nVoice-Message: {figures}\r\n".encode()


def unsolicited(target: str, sender: str, call_id: str, body: bytes) -> Request:
    """Build a NOTIFY outside of any subscription, as PBXes and many phones take it.

    Args:
        target: the URI to notify, such as `sip:1001@192.0.2.7:5060`.
        sender: our URI.
        call_id: fresh for every one.
        body: from `summary`.
    """
    headers = Headers()
    headers.add("Max-Forwards", "70")
    headers.add("From", f"<{sender}>;tag={new_tag()}")
    headers.add("To", f"<{target}>")
    headers.add("Call-ID", call_id)
    headers.add("CSeq", "1 NOTIFY")
    headers.add("Contact", f"<{sender}>")
    headers.add("Event", EVENT)
    headers.add("Subscription-State", "terminated")
    headers.add("Content-Type", CONTENT_TYPE)
    return Request("NOTIFY", Uri.parse(target), headers, body)


@dataclass(slots=True)
class Subscription:
    """One subscription: one dialog, whatever the phone sends."""

    dialog: Dialog
    expires_at: float
    """Any clock; the one handed to `accept`."""

    def notify(self, body: bytes, now: float, *, ended: str = "") -> Request:
        """Build the NOTIFY with the full state; `ended` is the reason it is the last one."""
        request = self.dialog.request("NOTIFY", body=body, content_type=CONTENT_TYPE)
        request.headers.add("Event", EVENT)
        left_s = max(0, round(self.expires_at - now))
        state = f"terminated;reason={ended}" if ended else f"active;expires={left_s}"
        request.headers.add("Subscription-State", state)
        return request


def refusal(request: Request) -> Response | None:
    """Return the answer to a SUBSCRIBE that cannot be taken, or None."""
    event = (request.headers.get("Event") or "").partition(";")[0].strip().lower()
    if event != EVENT:
        response = response_to(request, 489)
        response.headers.set("Allow-Events", EVENT)
        return response
    accepted = [value.partition(";")[0].strip().lower() for value in request.headers.all("Accept")]
    if accepted and not {CONTENT_TYPE, "application/*", "*/*"} & set(accepted):
        return response_to(request, 406)
    if not request.contact:
        return response_to(request, 400, "SUBSCRIBE needs a Contact")
    expires_s = request.expires
    if expires_s is not None and 0 < expires_s < MIN_EXPIRES_S:
        response = response_to(request, 423)
        response.headers.set("Min-Expires", str(MIN_EXPIRES_S))
        return response
    return None


def accept(request: Request, contact: str, now: float) -> tuple[Subscription, Response]:
    """Take a new SUBSCRIBE that `refusal` let pass; a NOTIFY must follow at once (RFC 6665 section 4.2.1.2)."""
    dialog = Dialog.of_server(request, new_tag(), contact)
    subscription = Subscription(dialog, now)
    return subscription, refresh(subscription, request, now)


def refresh(subscription: Subscription, request: Request, now: float) -> Response:
    """Take a SUBSCRIBE within the dialog: longer, or ended by `Expires: 0`; a NOTIFY must follow here too."""
    wish = DEFAULT_EXPIRES_S if request.expires is None else min(request.expires, MAX_EXPIRES_S)
    subscription.expires_at = now + wish
    response = response_to(request, 200, to_tag=subscription.dialog.local_tag)
    response.headers.set("Contact", subscription.dialog.contact)
    response.headers.set("Expires", str(wish))
    return response
