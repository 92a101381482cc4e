"""Keys by SIP INFO."""

import pytest

from ivr.sip.headers import Headers
from ivr.sip.infokey import key_of
from ivr.sip.message import Request
from ivr.sip.uri import Uri


@pytest.mark.parametrize(
    ("kind", "body", "key"),
    [
        ("application/dtmf-relay", "Signal=5\r\nDuration=160\r\n", "5"),
        ("application/dtmf-relay", "Duration=160\nsignal = #\n", "#"),
        ("Application/DTMF-Relay;charset=x", "Signal=*", "*"),
        ("application/dtmf-relay", "Signal=10\r\nDuration=160", "*"),
        ("application/dtmf-relay", "Signal=11\r\n", "#"),
        ("application/dtmf-relay", "Signal=A", None),
        ("application/dtmf-relay", "", None),
        ("application/dtmf", "7", "7"),
        ("application/dtmf", " 10\r\n", "*"),
        ("application/dtmf", "16", None),
        ("application/dtmf", "\xff", None),
        ("application/media_control+xml", "5", None),
    ],
)
def test_a_key_is_read_however_it_is_written(kind: str, body: str, key: str | None) -> None:
    headers = Headers()
    headers.add("Content-Type", kind)
    assert key_of(Request("INFO", Uri.parse("sip:a@b"), headers, body.encode("latin-1"))) == key
