"""Keys by SIP INFO, as Cisco and others sent them before RFC 4733 was everywhere. No input or output."""

import re
from typing import Final

from ivr.sip.message import Request

KEYS: Final = "0123456789*#"
_RELAY: Final = re.compile(r"^\s*signal\s*=\s*(1[01](?!\d)|[0-9*#])", re.IGNORECASE | re.MULTILINE)
_NAMED: Final = {"10": "*", "11": "#"}
"""Events 10 and 11 of RFC 4733: some write numbers only."""


def key_of(request: Request) -> str | None:
    """Return the key that an INFO tells, None when it tells none that we know.

    `application/dtmf-relay` has lines such as `Signal=5`, `application/dtmf` the bare key.
    """
    text = request.body.decode("ascii", "replace")
    match request.content_type:
        case "application/dtmf-relay":
            found = _RELAY.search(text)
            key = found[1] if found else ""
        case "application/dtmf":
            key = text.strip()
        case _:
            return None
    key = _NAMED.get(key, key)
    return key if len(key) == 1 and key in KEYS else None
