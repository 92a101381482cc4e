"""Row 11 with real phones: a greeting recorded by phone is heard by callers until the default is back."""

from pathlib import Path

import pytest

from tests.system.audio import RATE_HZ, clearest, raw, speech
from tests.system.caller import together
from tests.system.letterbox import Letterbox
from tests.system.phone import Phone
from tests.system.service import Service, eventually
from tests.system.subscriber import busy, forwarded, kept, mailbox, prompts, record_of, recording, set_to, subscriber
from voicebox.codec import Codec

pytestmark = pytest.mark.system


def test_row_11_a_busy_greeting_recorded_by_phone_is_heard_by_callers_until_the_default_is_restored(
    service: Service, letters: Letterbox, tmp_path: Path
) -> None:
    said, _ = raw(speech(40, seed=11), Codec.PCMU, tmp_path / "said.raw")
    recording(subscriber(service, tmp_path, "1011", said=said).keys("121"), 4).bye().run()
    audio_id = set_to(service, "1011", "busy_greeting")
    own = kept(service, audio_id)
    assert len(own) / RATE_HZ > 3
    assert service.messages("1011") == []
    # Security row 4: the owner is told.
    assert "besetzt" in str(letters.wait_for("elf@example.org")["Subject"])
    # A caller at a softphone hears what was recorded, where the line was busy.
    with Phone(tmp_path, speech(30, seed=5)) as phone:
        phone.dial(f"sip:8000@{service.udp};target=sip:1011%40pbx;cause=486")
        phone.listen(len(own) / RATE_HZ, in_all=True)
        phone.hang_up()
        phone.wait_for("CALL_CLOSED")
    middle = own[RATE_HZ : 3 * RATE_HZ]
    assert clearest(middle, phone.heard()) > 0.95
    # Unanswered calls are greeted as before; and busy ones once the default is back.
    together(
        forwarded(service, tmp_path, "1011", from_number="+4915155571101").pause(2.5).bye(),
        subscriber(service, tmp_path, "1011", from_number="+4915155571102").keys("123").pause(1).bye(),
    )
    eventually(lambda: mailbox(service, "1011")["busy_greeting"] is None, "the default")
    forwarded(service, tmp_path, "1011", busy("1011"), from_number="+4915155571103").pause(2.5).bye().run()
    assert prompts(record_of(service, "+4915155571101")) == ["greeting-unavailable"]
    assert prompts(record_of(service, "+4915155571103")) == ["greeting-busy"]
