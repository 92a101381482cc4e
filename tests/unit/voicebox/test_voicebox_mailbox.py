"""Whose time zone holds."""

from dataclasses import replace
from datetime import UTC
from zoneinfo import ZoneInfo

from tests.fakes.voicemail import ANNA, BEISPIEL
from voicebox.mailbox import zone_of


def test_a_zone_that_is_not_known_falls_back_to_the_companys_then_to_utc() -> None:
    anna = replace(ANNA, time_zone="America/New_York")
    astray = replace(ANNA, time_zone="Mars/Olympus")
    assert zone_of(anna, BEISPIEL) == ZoneInfo("America/New_York")
    assert zone_of(astray, BEISPIEL) == zone_of(BEISPIEL) == ZoneInfo("Europe/Berlin")
    assert zone_of(astray, replace(BEISPIEL, time_zone="../etc/passwd")) is UTC
    assert zone_of(astray) is UTC
