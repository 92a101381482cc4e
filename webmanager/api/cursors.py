"""Where a list goes on: opaque to callers, and checked to the last character before it reaches a query.

A cursor is a place in an order, no permission: whose list it is used on is decided by the token alone, so it needs no
signature. It names its list, so that one of another list is refused rather than misread.
"""

import base64
import binascii
import re
from datetime import UTC, datetime, timedelta
from typing import Final

from pydantic_core import PydanticCustomError

from voicebox.callrecord import CallRecord
from voicebox.inbox import Cursor
from voicebox.message import Message
from voicebox.storage.callrecords import CallCursor

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MAX_US: Final = 253_402_300_799_999_999
"""The end of the year 9999, where datetime ends."""
_PLACE: Final = re.compile(r"([0-9]{1,18})-([0-9a-f]{32})")
_NUMBER: Final = re.compile(r"[0-9*#+]{1,20}")


def after_message(last: Message) -> str:
    """Return the cursor behind a message."""
    return _pack("m", _place(last.received_at, last.id))


def after_call(last: CallRecord) -> str:
    """Return the cursor behind a call."""
    return _pack("c", _place(last.ended, last.id))


def after_mailbox(number: str) -> str:
    """Return the cursor behind a mailbox."""
    return _pack("b", number)


def message_cursor(text: object) -> Cursor:
    """Read what `after_message` made; raises PydanticCustomError."""
    return Cursor(*_parsed_place(_unpack("m", text)))


def call_cursor(text: object) -> CallCursor:
    """Read what `after_call` made; raises PydanticCustomError."""
    return CallCursor(*_parsed_place(_unpack("c", text)))


def mailbox_cursor(text: object) -> str:
    """Read what `after_mailbox` made; raises PydanticCustomError."""
    number = _unpack("b", text)
    if not _NUMBER.fullmatch(number):
        raise _refused()
    return number


def _place(moment: datetime, key: str) -> str:
    return f"{(moment - _EPOCH) // timedelta(microseconds=1)}-{key}"


def _parsed_place(text: str) -> tuple[datetime, str]:
    found = _PLACE.fullmatch(text)
    if found is None or int(found[1]) > _MAX_US:
        raise _refused()
    return _EPOCH + timedelta(microseconds=int(found[1])), found[2]


def _pack(kind: str, text: str) -> str:
    return base64.urlsafe_b64encode(f"{kind}:{text}".encode()).decode().rstrip("=")


def _unpack(kind: str, text: object) -> str:
    if not isinstance(text, str) or len(text) > 200 or not re.fullmatch(r"[A-Za-z0-9_-]+", text):
        raise _refused()
    try:
        plain = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode("ascii")
    except (binascii.Error, ValueError):
        raise _refused() from None
    if not plain.startswith(f"{kind}:"):
        raise _refused()
    return plain[2:]


def _refused() -> PydanticCustomError:
    return PydanticCustomError("cursor", "not a cursor of this list")
