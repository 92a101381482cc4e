"""A greeting that is cut off, by its subscriber or by a crash, leaves the old one and no message."""

from pathlib import Path

import pytest

from tests.system.audio import RATE_HZ, raw, speech
from tests.system.conftest import MakeService
from tests.system.service import directory_of, eventually
from tests.system.subscriber import at_own_phone, kept, mailbox, recording, set_to
from voicebox.codec import Codec

pytestmark = pytest.mark.system


def test_a_greeting_cut_off_by_a_hang_up_or_a_crash_leaves_the_old_one(
    make_service: MakeService, tmp_path: Path
) -> None:
    said, _ = raw(speech(40, seed=11), Codec.PCMU, tmp_path / "said.raw")
    service = make_service(directory=directory_of(("1001",))).start()
    recording(at_own_phone(service, tmp_path, "1001", said=said).keys("121")).bye().run()
    old = set_to(service, "1001", "busy_greeting")
    # A hang-up in the middle.
    at_own_phone(service, tmp_path, "1001", said=said).keys("121").pause(0.5).keys("#").pause(3).bye().run()
    assert mailbox(service, "1001")["busy_greeting"] == old
    # The server dies in the middle.
    before_s = service.spooled_s()
    cut = at_own_phone(service, tmp_path, "1001", said=said).keys("121").pause(0.5).keys("#").pause(60).bye().start()
    eventually(lambda: service.spooled_s() > before_s + 2 or None, "two seconds in the spool")
    service.kill()
    cut.stop()
    service.start()
    assert mailbox(service, "1001")["busy_greeting"] == old
    assert service.messages("1001") == []
    assert len(kept(service, old)) > 2 * RATE_HZ
