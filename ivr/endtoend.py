"""What the two ends of a joined call have to say to each other, and we pass on; I/O-free.

Everything else in a message is of one dialog only. Session timers are agreed between the ends (RFC 4028 section 8).
"""

from collections.abc import Iterator
from typing import Final

from ivr.sip.message import Request, Response

PASSED: Final = ("Session-Expires", "Min-SE", "Supported", "Require", "Info-Package", "Content-Disposition")
OPTIONS_PASSED: Final = frozenset({"timer"})
"""Option tags that we pass on: what else an end supports, we might not."""


def passed(message: Request | Response) -> Iterator[tuple[str, str]]:
    """Return the headers that concern the other end."""
    for name in PASSED:
        value = message.headers.get(name)
        if name in {"Supported", "Require"}:
            tags = [tag.strip().lower() for tag in message.headers.all(name)]
            value = ", ".join(tag for tag in tags if tag in OPTIONS_PASSED)
        if value:
            yield name, value


def interval_s(response: Response) -> float:
    """Return the session interval of a 2xx in seconds; 0 where no timer runs."""
    text = (response.headers.get("Session-Expires") or "").partition(";")[0].strip()
    return float(text) if text.isascii() and text.isdigit() and len(text) < 9 else 0.0
