"""Callers leave messages by SIPp: the audio is what was said, and it reaches the right mailbox."""

import numpy as np
import pytest

from tests.system.audio import place_of, raw, speech, stored
from tests.system.conftest import Letters
from tests.system.service import Service, eventually
from tests.system.sipp import sipp
from voicebox.codec import Codec

pytestmark = pytest.mark.system

FROM = "<sip:+4915155500001@127.0.0.1>"


def deposit(service: Service, *, codec: Codec = Codec.PCMU, headers: str = "", **keys: str) -> np.ndarray:
    """Leave a message; returns what the caller sent, decoded."""
    file, sent = raw(speech(20), codec, service.folder / "said.raw")
    number = keys.pop("number", "1001")
    facts = {
        "uri": f"sip:{number}@[remote_ip]:[remote_port]",
        "from": FROM,
        "headers": headers or "Subject: none",
        "pt": str(codec.value.payload_type),
        "codec": codec.value.encoding,
        "audio": str(file),
        "talk_ms": "14000",
        **keys,
    }
    sipp(service.udp, "deposit", folder=service.folder, service=number, **facts)
    return sent


@pytest.mark.parametrize("codec", list(Codec))
def test_stored_audio_is_what_was_sent_sample_for_sample(service: Service, codec: Codec) -> None:
    sent = deposit(service, codec=codec, headers="Diversion: <sip:1001@pbx>;reason=user-busy")
    message = service.message()
    found = stored(service.flac(message["audio_id"]))
    at = place_of(found, sent)
    assert at % 160 == 0
    assert np.array_equal(found, sent[at : at + len(found)])
    (call,) = service.calls()
    begun = next(each["t"] for each in call["trace"] if each["event"] == "record" and each["state"] == "begin")
    ended = next(each["t"] for each in call["trace"] if each["event"] == "record" and each["state"] == "end")
    # No trailing silence to trim: the length is the time recorded, within a frame at either end.
    assert len(found) / 8000 == pytest.approx(ended - begun, abs=0.041)
    assert call["rtp"]["lost"] == 0
    assert (call["mailbox"], call["reason"]) == ("1001", "busy")


def test_the_mails_arrive_once_each_with_and_without_audio(service: Service, letters: Letters) -> None:
    deposit(service)
    message = service.message()
    eventually(lambda: len(letters.mails) >= 2 or None, "two mails", within_s=20)
    assert sorted(mail.rcpt_tos[0] for mail in letters.mails) == ["anna@example.org", "archive@example.org"]
    by_recipient = {mail.rcpt_tos[0]: bytes(mail.original_content or b"") for mail in letters.mails}
    assert b"audio/mpeg" in by_recipient["archive@example.org"]
    assert b"audio/mpeg" not in by_recipient["anna@example.org"]
    eventually(
        lambda: not service.rows("SELECT 1 FROM outbox WHERE done_at IS NULL AND kind LIKE 'mail%'") or None,
        "an empty outbox",
    )
    assert message["state"] == "new"
    assert len(letters.mails) == 2
