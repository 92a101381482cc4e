"""ACK to a refusal and CANCEL: requests that a client transaction builds from its INVITE."""

from ivr.sip.headers import Headers
from ivr.sip.message import Request, Response


def ack_to_refusal(invite: Request, response: Response) -> Request:
    """Build the ACK to a 300-699 response (RFC 3261 section 17.1.1.3): same hop, same branch, To of the response."""
    return _companion("ACK", invite, response.headers.get("To") or "")


def cancel_of(invite: Request, cause: str = "") -> Request:
    """Build the CANCEL of an INVITE (RFC 3261 section 9.1): same hop, same branch, To without our tag.

    `cause` is the value of a Reason header (RFC 3326): a phone then knows whether it missed the call.
    """
    cancel = _companion("CANCEL", invite, invite.headers.get("To") or "")
    if cause:
        cancel.headers.add("Reason", cause)
    return cancel


def _companion(method: str, invite: Request, to: str) -> Request:
    headers = Headers()
    headers.add("Via", str(invite.via))
    for route in invite.headers.lines("Route"):
        headers.add("Route", route)
    headers.add("Max-Forwards", invite.headers.get("Max-Forwards") or "70")
    headers.add("From", invite.headers.get("From") or "")
    headers.add("To", to)
    headers.add("Call-ID", invite.call_id)
    headers.add("CSeq", f"{invite.cseq.number} {method}")
    return Request(method, invite.uri, headers)
