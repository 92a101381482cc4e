"""Rows 7 and 9, and a team's mailbox, with real phones: what subscribers switch by phone, and take over."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from prompts import phrases
from tests.system.audio import RATE_HZ, Pcm, likeness, raw, recorded, speech, stored
from tests.system.caller import SAID_S, Caller
from tests.system.letterbox import Letterbox
from tests.system.phone import REGISTERED, Phone
from tests.system.service import Service, device_password, directory_of, eventually, moment
from tests.system.subscriber import at_own_phone, mailbox, prompts, record_of
from voicebox.codec import Codec
from voicebox.i18n import Language

pytestmark = pytest.mark.system

SETTINGS = {
    "1020": 'team = true\nmembers = ["1018", "1019"]',
}

ANONYMOUS = '"Anonymous" <sip:anonymous@anonymous.invalid>'


@pytest.fixture(scope="module")
def service(
    tmp_path_factory: pytest.TempPathFactory, letters: Letterbox, rtp_ports: tuple[int, int], cache: Path
) -> Iterator[Service]:
    """A company of those who use their phones here, and a team."""
    directory = directory_of(("1012", "1016", "1017", "1018", "1019", "1020"), settings=SETTINGS)
    made = Service(
        tmp_path_factory.mktemp("by-phone"), smtp_port=letters.port, rtp_ports=rtp_ports, cache=cache,
        directory=directory,
    )  # fmt: skip
    made.apply().start()
    yield made
    assert made.stop() == 0, made.log()[-3000:]


def own_phone(service: Service, folder: Path, number: str) -> Phone:
    """Return the registered phone of a mailbox, at which nobody is asked for a PIN."""
    account = REGISTERED.format(number=number, registrar=service.udp, password=device_password(number))
    return Phone(folder / number, speech(120), account=account)


def at_portal(service: Service, phone: Phone) -> None:
    """Call the portal from a phone, once it is registered."""
    phone.registered()
    phone.dial(f"sip:8000@{service.udp}")


def prompt(*ids: str) -> Pcm:
    return recorded(phrases.say(Language.DE, *ids))


def forwarding(service: Service, number: str) -> tuple[str | None, str | None]:
    """Return where calls go at once, and where they would go."""
    (row,) = service.rows("SELECT forward_always, forward_to FROM mailbox WHERE number = ?", number)
    return row["forward_always"], row["forward_to"]


def test_row_9_forwarding_is_set_and_switched_by_phone(service: Service, tmp_path: Path) -> None:
    def visit(keys: str, number: int, *, then: str = "") -> list[str]:
        caller = at_own_phone(service, tmp_path, "1016").keys(keys).pause(0.5)
        (caller.keys(then).pause(0.5) if then else caller).pause(4).bye().run()
        return prompts(record_of(service, "1016", count=number))

    assert "forwarding-none" in visit("41", 1)
    assert forwarding(service, "1016") == (None, None)
    # The number of a colleague in any spelling; then on, and off.
    assert "forwarding-on" in visit("4302115551017#", 2, then="1")
    assert forwarding(service, "1016") == ("1017", "1017")
    assert "forwarding-off" in visit("42", 3)
    assert forwarding(service, "1016") == (None, "1017")
    # Security row 3: what the outbound policy does not allow is no destination.
    assert "forwarding-not-allowed" in visit("4309001234567#", 4)
    assert forwarding(service, "1016") == (None, "1017")


def test_row_7_a_recording_ends_normally_though_the_mailbox_is_switched_off_during_it(
    service: Service, tmp_path: Path
) -> None:
    said, tone = speech(60, seed=7), recorded(phrases.record_tone(Language.DE))
    with own_phone(service, tmp_path, "1012") as owner, Phone(tmp_path / "caller", said) as caller:
        at_portal(service, owner)
        # Unanswered elsewhere, the call is for the mailbox at once.
        caller.dial(f"sip:8000@{service.udp};target=sip:1012%40pbx;cause=408")
        caller.press("#")
        caller.hears(tone)
        caller.speak(1.5)
        owner.types("16")
        eventually(lambda: not mailbox(service, "1012")["enabled"], "the switching off")
        switched_at_s = caller.spoken_s()
        # It is off for whoever calls now, while the one before speaks on.
        uri = "sip:8000@[remote_ip]:[remote_port];target=sip:1012%40pbx;cause=408"
        Caller(service.udp, tmp_path, number="8000").refused(480, uri=uri).run()
        assert service.messages("1012") == []
        caller.speak(1)
        caller.hang_up()
        caller.wait_for("CALL_CLOSED")
        message = service.message("1012")
    found = stored(service.flac(message["audio_id"]))
    assert likeness(found, said) > 0.99
    assert moment(service.call_of(message), "record", state="end", by="hangup")
    assert len(found) / RATE_HZ > 2.4
    # Its last second was said after the switch.
    assert likeness(said[round((switched_at_s + 0.3) * RATE_HZ) :][: RATE_HZ // 2], found) > 0.99


def test_a_teams_members_claim_and_handle_a_message_and_hear_of_each_other(service: Service, tmp_path: Path) -> None:
    file, _ = raw(speech(20, seed=8), Codec.PCMU, tmp_path / "said.raw")
    leaving = Caller(service.udp, tmp_path, number="1020", from_=ANONYMOUS).invite("Privacy: id")
    running = leaving.speak(file).keys("#").pause(SAID_S).bye().start()
    with ExitStack() as stack:
        anna, bert = (stack.enter_context(own_phone(service, tmp_path, number)) for number in ("1018", "1019"))
        running.wait()
        message_id = service.message("1020")["id"]

        def marked(kind: str) -> str | None:
            query = f"SELECT number FROM mailbox JOIN message ON mailbox.id = {kind}_by WHERE message.id = ?"  # noqa: S608
            found = service.rows(query, message_id)
            return str(found[0]["number"]) if found else None

        # Both open the team's mailbox; one claims the message, and the other does what is to be done.
        for member, keys in ((anna, "596"), (bert, "5")):
            at_portal(service, member)
            member.types(keys)
        eventually(lambda: marked("claimed") == "1018", "the claim")
        bert.types("95")
        eventually(lambda: marked("handled") == "1019", "the handling")
        # Who would mark it, too, is told that it is done; then each hears from the envelope who did what.
        anna.types("95")
        bert.types("5")
        anna.hears(prompt("message-already-handled"))
        anna.types("5")
        for member, did, number in ((bert, "claimed", "digits-18"), (anna, "handled", "digits-19")):
            member.hears(prompt(f"envelope-{did}-extension"))
            member.hears(prompt(number))
            member.hang_up()
            member.wait_for("CALL_CLOSED")
        assert (marked("claimed"), marked("handled")) == ("1018", "1019")
