"""What a peer tells of a call that it was asked to take over: NOTIFYs with a status line (RFC 3515 section 2.4).

Dialog and media stay until a final status, or until the peer hangs up. I/O-free.
"""

import re
from collections.abc import Callable
from typing import Final

from ivr.sip.message import Request

_STATUS: Final = re.compile(rb"SIP/2\.0 ([1-6][0-9]{2})(?: |\r?\n|$)", re.IGNORECASE)


class Referral:
    """One REFER of ours; `settled` is called once with the final status."""

    def __init__(self, settled: Callable[[int], None]) -> None:
        self._settled: Callable[[int], None] | None = settled

    def notified(self, request: Request) -> bool:
        """Take a NOTIFY; False where it is not about a REFER. Late and repeated ones are fine, and change nothing."""
        event = (request.headers.get("Event") or "").partition(";")[0].strip().lower()
        if event != "refer":
            return False
        status = status_in(request)
        state = (request.headers.get("Subscription-State") or "").partition(";")[0].strip().lower()
        if status is not None and status >= 200:
            self.settle(status)
        elif state == "terminated":
            # The peer will say no more, and had not said that anybody answered.
            self.settle(503)
        return True

    def settle(self, status: int) -> None:
        """Take the final status; whatever comes after it is ignored."""
        settled, self._settled = self._settled, None
        if settled is not None:
            settled(status)


def status_in(request: Request) -> int | None:
    """Return the status of a sipfrag (RFC 3420); None where there is none to read."""
    found = _STATUS.match(request.body.lstrip())
    return int(found[1]) if found is not None else None
