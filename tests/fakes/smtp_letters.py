"""A letter with everything ordinary about it, to be varied by tests."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from mail.letter import Letter, Purpose, Sender
from voicebox.i18n import Language
from voicebox.mailbox import Company, Mailbox
from voicebox.message import Caller, Message, Reason

SENDER = Sender("voicebox@example.org", "8000")
COMPANY = Company(1, "Beispiel GmbH", Language.DE, "Europe/Berlin", "49", "211")
MAILBOX = Mailbox(1, 1, "1001", "+492115551001", "Anna Beispiel", Language.DE, "Europe/Berlin")
CALLER = Caller("+492115551111", "Max Muster")
MESSAGE = Message(
    id="a" * 32,
    company_id=1,
    mailbox_id=1,
    audio_id="a" * 32,
    caller=CALLER,
    reason=Reason.BUSY,
    received_at=datetime(2026, 11, 22, 9, 30, tzinfo=UTC),
    samples=42 * 8000 + 7999,
    rate_hz=8000,
)
LETTER = Letter(
    purpose=Purpose.NOTIFY,
    key=f"mail-notify:{'a' * 32}",
    to="anna@example.org",
    message=MESSAGE,
    mailbox=MAILBOX,
    company=COMPANY,
    written_at=datetime(2026, 11, 22, 9, 31, 7, tzinfo=UTC),
)


def a_letter(
    purpose: Purpose = Purpose.NOTIFY,
    language: Language = Language.DE,
    *,
    mp3: bytes | None = None,
    mailbox: Mailbox = MAILBOX,
    **message: Any,
) -> Letter:
    """Return the ordinary letter with changes to its message."""
    return replace(
        LETTER,
        purpose=purpose,
        key=f"{purpose}:{'a' * 32}",
        mailbox=replace(mailbox, language=language),
        message=replace(MESSAGE, **message),
        mp3=mp3,
    )
