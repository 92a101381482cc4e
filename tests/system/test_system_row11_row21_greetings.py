"""Rows 11 and 21 with real phones: which greeting callers hear, as its owner recorded or chose it, and what before."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import soundfile

from prompts import phrases
from tests.system.audio import RATE_HZ, clearest, raw, recorded, speech
from tests.system.caller import Caller, together
from tests.system.letterbox import Letterbox
from tests.system.phone import Phone
from tests.system.service import Service, directory_of, eventually
from tests.system.subscriber import (
    PROCESSED_S,
    at_own_phone,
    busy,
    forwarded,
    kept,
    mailbox,
    prompts,
    record_of,
    recording,
    set_to,
)
from voicebox.codec import Codec
from voicebox.i18n import Language

pytestmark = pytest.mark.system

ALTERNATIVES = {"Urlaub": speech(3, seed=31), "Messe": speech(3, seed=32), "Feierabend": speech(3, seed=33)}
FILES = [f'{{ name = "{name}", file = "{name}.wav" }}' for name in ALTERNATIVES]
SETTINGS = {
    "1009": f"alternative_greetings = [{', '.join(FILES)}]",
    "1010": "record_notice = true",
}


@pytest.fixture(scope="module")
def service(
    tmp_path_factory: pytest.TempPathFactory, letters: Letterbox, rtp_ports: tuple[int, int], cache: Path
) -> Iterator[Service]:
    """A company of those whose greetings are heard here; 1009 has three alternatives."""
    folder = tmp_path_factory.mktemp("greetings")
    for name, sound in ALTERNATIVES.items():
        soundfile.write(folder / f"{name}.wav", sound, RATE_HZ, subtype="PCM_16")
    directory = directory_of(("1009", "1010", "1011", "1013", "1014"), settings=SETTINGS)
    made = Service(folder, smtp_port=letters.port, rtp_ports=rtp_ports, cache=cache, directory=directory)
    made.apply().start()
    yield made
    assert made.stop() == 0, made.log()[-3000:]


def test_row_11_a_busy_greeting_recorded_by_phone_is_heard_by_callers_until_the_default_is_restored(
    service: Service, letters: Letterbox, tmp_path: Path
) -> None:
    said, _ = raw(speech(40, seed=11), Codec.PCMU, tmp_path / "said.raw")
    recording(at_own_phone(service, tmp_path, "1011", said=said).keys("121"), 4).bye().run()
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
        forwarded(service, tmp_path, "1011", from_number="+4915155571101").pause(4).bye(),
        at_own_phone(service, tmp_path, "1011").keys("123").pause(4).bye(),
    )
    eventually(lambda: mailbox(service, "1011")["busy_greeting"] is None, "the default")
    forwarded(service, tmp_path, "1011", busy("1011"), from_number="+4915155571103").pause(4).bye().run()
    assert prompts(record_of(service, "+4915155571101")) == ["greeting-unavailable"]
    assert prompts(record_of(service, "+4915155571103")) == ["greeting-busy"]


def test_row_11_the_alternative_chosen_by_key_is_what_callers_of_an_unanswered_phone_hear(
    service: Service, tmp_path: Path
) -> None:
    def owner() -> Caller:
        """Return the owner in the menu of the greeting."""
        return at_own_phone(service, tmp_path, "1009").keys("13")

    chosen: str | None = None
    with ExitStack() as stack:
        caller = stack.enter_context(Phone(tmp_path, speech(120, seed=5)))
        for key, sound in zip("456", ALTERNATIVES.values(), strict=True):
            stack.callback(owner().keys(key).pause(4).bye().start().wait)
            chosen = set_to(service, "1009", "no_answer_greeting", other_than=chosen)
            caller.dial(f"sip:8000@{service.udp};target=sip:1009%40pbx;cause=408")
            caller.hears(sound)
            caller.hang_up()
            caller.wait_for("CALL_CLOSED")


def test_row_11_an_alternative_that_does_not_exist_yet_is_recorded_by_phone_and_plays(
    service: Service, tmp_path: Path
) -> None:
    said, _ = raw(speech(40, seed=34), Codec.PCMU, tmp_path / "said.raw")
    caller = at_own_phone(service, tmp_path, "1014", said=said).keys("135").pause(0.5)
    recording(caller.keys("1"), 4).pause(PROCESSED_S).bye().run()
    own = kept(service, set_to(service, "1014", "no_answer_greeting"))
    said_of_it = ["own-greeting-no-alternative", "own-greeting-recorded", "own-greeting-alternative-2-set"]
    heard = prompts(record_of(service, "1014"))
    assert [each for each in heard if each in said_of_it] == said_of_it
    with Phone(tmp_path, speech(30, seed=5)) as phone:
        phone.dial(f"sip:8000@{service.udp};target=sip:1014%40pbx;cause=408")
        phone.hears(own[RATE_HZ : 3 * RATE_HZ])
        phone.hang_up()
        phone.wait_for("CALL_CLOSED")


def test_row_11_extended_away_with_and_without_recording(service: Service, tmp_path: Path) -> None:
    at_own_phone(service, tmp_path, "1013").keys("141").pause(4).bye().run()
    eventually(lambda: mailbox(service, "1013")["away"], "away")
    forwarded(service, tmp_path, "1013", busy("1013"), from_number="+4915155571301").pause(4).bye().run()
    assert prompts(record_of(service, "+4915155571301")) == ["greeting-away"]
    at_own_phone(service, tmp_path, "1013").keys("145").pause(4).bye().run()
    eventually(lambda: not mailbox(service, "1013")["away_recording"], "away without recording")
    # The caller is told, and hung up on; `*` and other keys do nothing here (security row 3).
    forwarded(service, tmp_path, "1013", from_number="+4915155571303", keys="*5").hung_up_on().run()
    closed = record_of(service, "+4915155571303")
    assert prompts(closed) == ["greeting-away-closed"]
    assert not any(entry["event"] == "record" for entry in closed["trace"])
    at_own_phone(service, tmp_path, "1013").keys("142").pause(4).bye().run()
    eventually(lambda: not mailbox(service, "1013")["away"], "back")
    forwarded(service, tmp_path, "1013", from_number="+4915155571305").pause(4).bye().run()
    assert prompts(record_of(service, "+4915155571305")) == ["greeting-unavailable"]


def test_row_21_callers_hear_the_recording_notice_before_the_tone(service: Service, tmp_path: Path) -> None:
    notice, tone = (
        recorded(phrase)
        for phrase in (phrases.say(Language.DE, "greeting-record-notice"), phrases.record_tone(Language.DE))
    )
    with Phone(tmp_path, speech(60, seed=5)) as caller:
        caller.dial(f"sip:1010@{service.udp}")
        caller.hears(notice)
        assert not caller.has_heard(tone)
        caller.press("#")
        caller.hears(tone)
        caller.hang_up()
        caller.wait_for("CALL_CLOSED")
    trace = service.call("1010")["trace"]
    assert next(entry["id"] for entry in trace if entry["event"] == "prompt") == "greeting-record-notice"
