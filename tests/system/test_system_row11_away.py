"""Row 11 with real phones: extended away, switched by phone, with and without recording."""

from pathlib import Path

import pytest

from tests.system.service import Service, eventually
from tests.system.subscriber import busy, forwarded, mailbox, prompts, record_of, subscriber

pytestmark = pytest.mark.system


def test_row_11_extended_away_with_and_without_recording(service: Service, tmp_path: Path) -> None:
    subscriber(service, tmp_path, "1013").keys("141").pause(1).bye().run()
    eventually(lambda: mailbox(service, "1013")["away"], "away")
    forwarded(service, tmp_path, "1013", busy("1013"), from_number="+4915155571301").pause(2.5).bye().run()
    assert prompts(record_of(service, "+4915155571301")) == ["greeting-away"]
    subscriber(service, tmp_path, "1013", from_number="+4915155571302").keys("145").pause(1).bye().run()
    eventually(lambda: not mailbox(service, "1013")["away_recording"], "away without recording")
    # The caller is told, and hung up on; `*` and other keys do nothing here (security row 3).
    forwarded(service, tmp_path, "1013", from_number="+4915155571303", keys="*5").hung_up_on().run()
    closed = record_of(service, "+4915155571303")
    assert prompts(closed) == ["greeting-away-closed"]
    assert not any(entry["event"] == "record" for entry in closed["trace"])
    subscriber(service, tmp_path, "1013", from_number="+4915155571304").keys("142").pause(1).bye().run()
    eventually(lambda: not mailbox(service, "1013")["away"], "back")
    forwarded(service, tmp_path, "1013", from_number="+4915155571305").pause(2.5).bye().run()
    assert prompts(record_of(service, "+4915155571305")) == ["greeting-unavailable"]
