"""Phones register, subscribe, and their message light is lit and cleared in time; a PBX is told unasked."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.system.audio import raw, speech
from tests.system.caller import SAID_S, Caller, Running, Script
from tests.system.conftest import MakeService
from tests.system.service import Service, device_password, eventually
from tests.system.subscriber import at_own_phone
from voicebox.codec import Codec

pytestmark = pytest.mark.system

AT_MOST_S = 1.0


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What every caller of this module says."""
    return raw(speech(10), Codec.PCMU, tmp_path_factory.mktemp("said") / "said.raw")[0]


def phone(service: Service, folder: Path, number: str, *, transport: str = "udp") -> Caller:
    """Return the phone of a mailbox, at an address of its own: its requests are to and from itself."""
    server = service.udp if transport == "udp" else service.tcp
    return Caller(
        server,
        folder,
        number=number,
        transport=transport,
        local=home(number),
        from_=f"<sip:{number}@voicebox.example>",
        user=number,
        password=device_password(number),
    )


def home(number: str) -> str:
    """Return the address of a mailbox's phone."""
    return f"127.0.1.{int(number) - 1000}"


def leave(service: Service, folder: Path, said: Path, number: str) -> float:
    """Leave a message; return when its caller hung up, as Unix time."""
    heard = Caller(service.udp, folder, number=number).invite().speak(said).keys("#").pause(SAID_S).bye().run()
    (when,) = heard.when("sent", "BYE")
    return when


def hear_and_save(service: Service, folder: Path, number: str) -> float:
    """Save the first message by phone; return when the key was pressed, as Unix time."""
    heard = at_own_phone(service, folder, number).keys("11").pause(1.5).keys("#").pause(3).bye().run()
    return heard.when("sent", "INFO")[-1]


def shown(notify: str) -> tuple[str, str]:
    """Return what a NOTIFY shows: whether there are messages, and how many."""
    waiting = re.search(r"^Messages-Waiting: (\w+)", notify, re.MULTILINE)
    counts = re.search(r"^Voice-Message: (.*)$", notify, re.MULTILINE)
    assert waiting is not None
    return waiting[1], counts[1].strip() if counts else ""


def test_a_phone_registers_and_is_remembered(service: Service, tmp_path: Path) -> None:
    registrar = "sip:[remote_ip]:[remote_port]"
    caller = phone(service, tmp_path, "1001")
    caller.authorized("REGISTER", "Expires: 600", uri=registrar)
    # Refreshed, asked for, and taken back.
    caller.authorized("REGISTER", "Expires: 300", uri=registrar).authorized("REGISTER", uri=registrar, contact=False)
    heard = caller.run()
    granted = [re.findall(r"^Contact: .*expires=(\d+)", each, re.MULTILINE) for each in heard.received("SIP/2.0 200")]
    assert [round(int(each[0]), -1) for each in granted] == [600, 300, 300]
    (row,) = service.rows("SELECT contact, source FROM registration WHERE aor = 'sip:1001@voicebox.example'")
    assert home("1001") in row["contact"]
    phone(service, tmp_path, "1001").authorized("REGISTER", "Expires: 0", uri=registrar, contact="*").run()
    assert service.rows("SELECT 1 FROM registration WHERE aor = 'sip:1001@voicebox.example'") == []


def test_a_phone_registers_no_other_number(service: Service, tmp_path: Path) -> None:
    caller = phone(service, tmp_path, "1001").for_number("1002")
    caller.authorized("REGISTER", uri="sip:[remote_ip]:[remote_port]", status=403).run()
    assert service.rows("SELECT 1 FROM registration WHERE aor LIKE 'sip:1002@%'") == []


def in_time(measure: Callable[[str], Sequence[float]], *numbers: str) -> bool:
    """Tell whether each of what is measured was in time with one of the numbers: a busy machine may hold up others.

    As few numbers are tried as it takes.
    """
    measured: list[Sequence[float]] = []
    for number in numbers:
        measured.append(measure(number))
        if all(any(0 < s < AT_MOST_S for s in each) for each in zip(*measured, strict=True)):
            return True
    return False


@pytest.mark.parametrize(
    ("transport", "numbers"), [("udp", ("1002", "1012", "1013")), ("tcp", ("1003", "1014", "1015"))]
)
def test_row_14_the_light_is_lit_by_hanging_up_and_cleared_by_hearing(
    service: Service, said: Path, tmp_path: Path, transport: str, numbers: tuple[str, ...]
) -> None:
    assert in_time(lambda number: lit_and_cleared_s(service, said, tmp_path, transport, number), *numbers)


def lit_and_cleared_s(service: Service, said: Path, tmp_path: Path, transport: str, number: str) -> tuple[float, float]:
    """Return how long a subscribed phone waits to be told of a new message, and of one that was heard."""
    caller = phone(service, tmp_path, number, transport=transport)
    headers = ("Event: message-summary", "Accept: application/simple-message-summary", "Expires: 600")
    caller.authorized("SUBSCRIBE", *headers, opens=True)
    for _ in range(3):
        caller.expect_request("NOTIFY", timeout_s=60).answer()
    subscribed = caller.start()
    eventually(lambda: subscribed.heard().received("NOTIFY"), "the first NOTIFY")
    hung_up_at = leave(service, tmp_path, said, number)
    eventually(lambda: len(subscribed.heard().received("NOTIFY")) == 2, "the NOTIFY of a new message")
    saved_at = hear_and_save(service, tmp_path, number)
    heard = subscribed.wait()
    dark, lit, cleared = heard.received("NOTIFY")
    assert [shown(each) for each in (dark, lit, cleared)] == [
        ("no", "0/0 (0/0)"),
        ("yes", "1/0 (0/0)"),
        ("no", "0/1 (0/0)"),
    ]
    assert "Message-Account: sip:8000@voicebox.example" in lit
    assert "Subscription-State: active;expires=" in lit
    _, lit_at, cleared_at = heard.when("received", "NOTIFY")
    return lit_at - hung_up_at, cleared_at - saved_at


def test_nobody_subscribes_to_a_foreign_mailbox_or_unknown(service: Service, tmp_path: Path) -> None:
    foreign = phone(service, tmp_path, "1004").for_number("1005")
    foreign.authorized(
        "SUBSCRIBE", "Event: message-summary", uri="sip:1005@[remote_ip]:[remote_port]", status=403
    ).run()
    stranger = phone(service, tmp_path, "1004").with_password("wrong")
    stranger.authorized("SUBSCRIBE", "Event: message-summary", status=403).run()


def test_a_registered_phone_that_does_not_subscribe_is_told_unasked(
    service: Service, said: Path, tmp_path: Path
) -> None:
    def lit_s(number: str) -> tuple[float]:
        caller = phone(service, tmp_path, number)
        caller.authorized("REGISTER", "Expires: 600", uri="sip:[remote_ip]:[remote_port]")
        registered = caller.stays().start()
        eventually(lambda: registered.heard().received("NOTIFY"), "the NOTIFY that follows the REGISTER")
        hung_up_at = leave(service, tmp_path, said, number)
        lit_at = eventually(lambda: _lit_at(registered), "the NOTIFY of a new message")
        registered.stop()
        return (lit_at - hung_up_at,)

    assert in_time(lit_s, "1006", "1016", "1017")


def _lit_at(running: Running) -> float | None:
    heard = running.heard()
    for when, notify in zip(heard.when("received", "NOTIFY"), heard.received("NOTIFY"), strict=False):
        if shown(notify)[0] == "yes":
            return when
    return None


def test_a_pbx_is_told_unasked(make_service: MakeService, said: Path, tmp_path: Path, free_udp_port: int) -> None:
    port = free_udp_port
    # A PBX by SIPp: it takes any number of NOTIFYs, each a dialog of its own.
    pbx = Script(tmp_path).expect_request("NOTIFY").answer().await_calls("127.0.0.1", port, calls=1000)
    try:
        service = make_service(peer=f'mwi = "unsolicited"\nmwi_uri = "sip:{{number}}@127.0.0.1:{port}"').start()

        def told(number: str) -> list[tuple[float, tuple[str, str]]]:
            heard, called = pbx.heard(), f"NOTIFY sip:{number}@127.0.0.1:{port}"
            pairs = zip(heard.when("received", "NOTIFY"), heard.received("NOTIFY"), strict=False)
            return [(when, shown(notify)) for when, notify in pairs if called in notify]

        def lit_and_cleared(number: str) -> tuple[float, float]:
            hung_up_at = leave(service, tmp_path, said, number)
            lit = eventually(
                lambda: [when for when, state in told(number) if state[0] == "yes"], "the NOTIFY of a new message"
            )
            saved_at = hear_and_save(service, tmp_path, number)
            cleared = eventually(
                lambda: [when for when, state in told(number) if state == ("no", "0/1 (0/0)")],
                "the NOTIFY of a heard message",
            )
            return lit[0] - hung_up_at, cleared[0] - saved_at

        assert in_time(lit_and_cleared, "1002", "1003", "1004")
    finally:
        pbx.stop()
