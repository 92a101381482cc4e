"""Rows 7 to 10: the phones of a called number ring, and what nobody answers is taken as the settings say."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.ports import free_port
from tests.system.called import Called, body_of, connection_of
from tests.system.caller import Caller, Heard, Running
from tests.system.letterbox import Letterbox
from tests.system.service import Service, directory_of, moment

pytestmark = pytest.mark.system
EARLY = ("ringing",)

SETTINGS = {
    "1003": "dnd = true",
    "1004": "rings = 2",
    "1011": "enabled = false",
    "1012": "enabled = false",
    "1013": "rings = 0",
    "1014": 'forward_busy = "1015"',
    "1016": "send_busy = false",
    "1017": 'forward_unreachable = "+49 30 1234567"',
    "1018": 'forward_always = "+43 1 234567"',
    "1024": 'rings = 2\nforward_no_answer = "1025"',
    "1026": 'forward_always = "1027"',
    "1028": "send_all = true",
}
GREETED_S = 4
"""Half a second of silence, and the greeting has begun on a slow machine, too."""
OUTSIDE = "127.0.0.9"
"""Where calls leave the house."""


@pytest.fixture(scope="module")
def outside_port() -> int:
    """The port of the peer by which calls leave the house."""
    return free_port(OUTSIDE)


@pytest.fixture(scope="module")
def service(
    tmp_path_factory: pytest.TempPathFactory,
    letters: Letterbox,
    rtp_ports: tuple[int, int],
    cache: Path,
    outside_port: int,
) -> Iterator[Service]:
    """A company whose mailboxes have the settings of this page."""
    directory = directory_of((f"10{number:02}" for number in range(1, 29)), settings=SETTINGS)
    # Nobody logs in here, and each PIN would take its time to be hashed.
    directory = re.sub(r"^pin.*\n", "", directory, flags=re.MULTILINE)
    made = Service(
        tmp_path_factory.mktemp("coverage"),
        smtp_port=letters.port,
        rtp_ports=rtp_ports,
        cache=cache,
        directory=directory,
        more=f"""
[[sip.peer]]
name = "out"
address = "{OUTSIDE}:{outside_port}"
[outbound]
peer = "out"
allow = ["+49"]
""",
    )
    made.apply().start()
    yield made
    assert made.stop() == 0, made.log()[-3000:]


def phone(service: Service, folder: Path, number: str, *, more: int = 0) -> Called:
    return Called(service, folder, number, host=f"127.0.{1 + more}.{int(number) - 1000}")


def caller(service: Service, folder: Path, number: str) -> Caller:
    return Caller(service.udp, folder, number=number)


def answered_by_mailbox(service: Service, folder: Path, number: str, *, listens_s: float = 0.2) -> Heard:
    """Call, be answered, listen, and hang up."""
    return caller(service, folder, number).invite().pause(listens_s).bye().run()


def without_ringing(service: Service, folder: Path, number: str, *, listens_s: float = 0.2) -> Heard:
    """Call a number whose phone is registered, be answered elsewhere, and hang up: the phone was never called."""
    quiet = phone(service, folder, number).called().waits()
    heard = caller(service, folder, number).invite().pause(listens_s).bye().run()
    assert quiet.heard().received("INVITE") == []
    quiet.stop()
    return heard


@pytest.fixture(scope="module")
def ringing(service: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Running]]:
    """Calls that their phones do not answer: `early` begins them, since each takes its time.

    1004's rings, 1007's is gone, 1024's rings until the call is forwarded to 1025.
    """
    folder = tmp_path_factory.mktemp("unanswered")
    running: dict[str, Running] = {}
    try:
        for number in ("1004", "1024"):
            rings = phone(service, folder, number).called().says("180 Ringing").cancelled()
            running[f"phone {number}"] = rings.waits()
        running["phone 1025"] = phone(service, folder, "1025").called().picks_up(40_700).hung_up_on().waits()
        phone(service, folder, "1007").registers()
        for number in ("1004", "1007", "1024"):
            running[f"caller of {number}"] = caller(service, folder, number).invite().pause(GREETED_S).bye().start()
        yield running
    finally:
        for each in running.values():
            each.stop()


@pytest.fixture(scope="module")
def unanswered(ringing: dict[str, Running]) -> dict[str, Heard]:
    """Return what callers and phones of the calls that nobody answered heard to their end."""
    return {name: running.wait() for name, running in ringing.items()}


def answered_after_s(heard: Heard) -> float:
    (sent,), (answered, *_) = heard.when("sent", "INVITE"), heard.when("received", "SIP/2.0 200")
    return answered - sent


def tag_of(heard: Heard, status: str) -> str:
    """Return the To tag of the first response of a status."""
    message = heard.received(f"SIP/2.0 {status}")[0]
    return next(line.partition(";tag=")[2] for line in message.splitlines() if line.startswith("To:"))


def coverage(call: dict[str, Any]) -> list[str]:
    return [entry["to"] for entry in call["trace"] if entry["event"] == "coverage"]


def why(call: dict[str, Any]) -> str:
    return str([entry for entry in call["trace"] if entry["event"] == "coverage"][-1]["why"])


def test_row_9_a_phone_answers_and_media_goes_between_caller_and_phone(service: Service, tmp_path: Path) -> None:
    desk = phone(service, tmp_path, "1001").called().says("180 Ringing").cancelled().waits()
    cell = phone(service, tmp_path, "1001", more=1).called().says("180 Ringing").pause(0.3).picks_up(40_000)
    running = cell.hung_up_on().waits()
    heard = caller(service, tmp_path, "1001").invite().pause(0.5).bye().run()
    got = running.wait()
    (cancel,) = desk.wait().received("CANCEL")
    assert 'Reason: SIP ;cause=200 ;text="Call completed elsewhere"' in cancel
    (ok, *_) = heard.received("SIP/2.0 200")
    assert connection_of(body_of(ok)) == ("127.0.2.1", 40_000)
    (invite,) = got.received("INVITE")
    assert connection_of(body_of(invite))[0] == "127.0.0.1"
    assert body_of(heard.received("SIP/2.0 180")[0]) == ""
    call = service.call("1001")
    assert (coverage(call), call["reason"]) == (["phones", "answered"], None)
    assert "127.0.2.1" in str(call["trace"])
    assert call["rtp"]["received"] == 0
    assert service.messages("1001") == []


@pytest.mark.parametrize(
    ("number", "status", "because"),
    [
        ("1002", "486 Busy Here", "a phone is busy"),
        ("1005", "603 Decline", "a phone declined the call"),
        ("1006", "480 Temporarily Unavailable", "the phones turned the call away"),
    ],
)
def test_row_9_a_refusal_brings_the_greeting_that_fits(
    service: Service, tmp_path: Path, number: str, status: str, because: str
) -> None:
    refusing = phone(service, tmp_path, number).called().says("180 Ringing").refuses(status).waits()
    answered_by_mailbox(service, tmp_path, number, listens_s=GREETED_S)
    refusing.wait()
    call = service.call(number)
    assert why(call).startswith(because)
    busy = status[0:3] != "480"
    assert call["reason"] == ("busy" if busy else "unavailable")
    assert moment(call, "prompt", id="greeting-busy" if busy else "greeting-unavailable") > 0


def test_row_8_do_not_disturb_is_busy_and_no_phone_rings(service: Service, tmp_path: Path) -> None:
    without_ringing(service, tmp_path, "1003")
    call = service.call("1003")
    assert (call["reason"], coverage(call)) == ("busy", ["mailbox"])


def test_row_8_all_calls_go_to_the_mailbox_and_no_phone_rings(service: Service, tmp_path: Path) -> None:
    heard = without_ringing(service, tmp_path, "1028", listens_s=GREETED_S)
    assert heard.received("SIP/2.0 180") == []
    call = service.call("1028")
    assert (coverage(call), why(call)) == (["mailbox"], "all calls go to the mailbox")
    assert moment(call, "prompt", id="greeting-unavailable") > 0


def test_row_10_nobody_answers_for_two_rings_and_a_phone_that_is_gone_for_four_seconds(
    service: Service, unanswered: dict[str, Heard]
) -> None:
    rung, gone = unanswered["caller of 1004"], unanswered["caller of 1007"]
    # A third ring would end after fifteen seconds, and who were not found gone would ring for twenty.
    assert 9.9 < answered_after_s(rung) < 14.5
    assert 3.9 < answered_after_s(gone) < 9.9
    assert tag_of(rung, "180") != tag_of(rung, "200")
    call = service.call("1004")
    assert (call["reason"], coverage(call)) == ("no-answer", ["phones", "mailbox"])
    assert moment(call, "prompt", id="greeting-unavailable") > 10
    call = service.call("1007")
    assert (call["reason"], coverage(call)) == ("unreachable", ["phones", "mailbox"])


def test_row_9_forwarding_of_unanswered_calls_beats_the_mailbox_once_the_phone_has_rung_out(
    service: Service, unanswered: dict[str, Heard]
) -> None:
    heard = unanswered["caller of 1024"]
    assert len(unanswered["phone 1024"].received("CANCEL")) == 1
    assert answered_after_s(heard) > 9.9
    assert connection_of(body_of(heard.received("SIP/2.0 200")[0])) == ("127.0.1.25", 40_700)
    (invite,) = unanswered["phone 1025"].received("INVITE")
    assert "Diversion: <sip:+492115551024@voicebox.example>;reason=no-answer;counter=1" in invite
    call = service.call("1024")
    assert coverage(call) == ["phones", "number", "phones", "answered"]
    assert not any(entry["event"] == "prompt" for entry in call["trace"]), "the mailbox takes unanswered calls, too"


def test_row_9_a_call_that_is_always_forwarded_rings_at_the_colleagues_only(service: Service, tmp_path: Path) -> None:
    colleague = phone(service, tmp_path, "1027").called().says("180 Ringing").picks_up(40_800).hung_up_on().waits()
    heard = without_ringing(service, tmp_path, "1026")
    (invite,) = colleague.wait().received("INVITE")
    assert "Diversion: <sip:+492115551026@voicebox.example>;reason=unconditional;counter=1" in invite
    assert connection_of(body_of(heard.received("SIP/2.0 200")[0])) == ("127.0.1.27", 40_800)
    assert coverage(service.call("1026")) == ["number", "phones", "answered"]


def test_row_10_no_ring_at_all(service: Service, tmp_path: Path) -> None:
    without_ringing(service, tmp_path, "1013")
    assert service.call("1013")["reason"] == "no-answer"


def test_row_9_without_a_registration_the_mailbox_answers_at_once(service: Service, tmp_path: Path) -> None:
    answered_by_mailbox(service, tmp_path, "1010")
    call = service.call("1010")
    assert (call["reason"], why(call)) == (
        "unavailable",
        "no phone is registered, and the mailbox takes unanswered calls",
    )


def test_row_9_the_callers_cancel_stops_every_phone(service: Service, tmp_path: Path) -> None:
    phones = [
        phone(service, tmp_path, "1008", more=more).called().says("180 Ringing").cancelled().waits() for more in (0, 1)
    ]
    giving_up = caller(service, tmp_path, "1008")
    giving_up.request("INVITE", uri="sip:1008@[remote_ip]:[remote_port]", body=giving_up.sdp())
    giving_up.expect(100, optional=True).expect(180).pause(0.3)
    giving_up.cancel().expect(200).expect(487).acknowledge_refusal().run()
    for each in phones:
        each.wait()
    call = service.call("1008")
    assert (call["answered_at"], call["trace"][-1]["by"]) == (None, "cancel")


def test_row_9_early_media_of_the_only_phone_comes_in_a_dialog_of_its_own(service: Service, tmp_path: Path) -> None:
    early = phone(service, tmp_path, "1009")
    early.called().says("183 Session Progress", body=early.audio(40_100)).refuses("486 Busy Here")
    running = early.waits()
    calling = caller(service, tmp_path, "1009")
    calling.request("INVITE", uri="sip:1009@[remote_ip]:[remote_port]", body=calling.sdp())
    heard = calling.expect(100, optional=True).expect(183).answered().pause(1).bye().run()
    running.wait()
    progress, ok = heard.received("SIP/2.0 183")[0], heard.received("SIP/2.0 200")[0]
    assert connection_of(body_of(progress)) == ("127.0.1.9", 40_100)
    assert connection_of(body_of(ok))[0] == "127.0.0.1"
    assert tag_of(heard, "183") != tag_of(heard, "200")


def test_row_7_calls_to_a_mailbox_that_is_off_are_refused_unless_a_phone_answers(
    service: Service, tmp_path: Path
) -> None:
    caller(service, tmp_path, "1011").refused(480).run()
    assert why(service.call("1011")).endswith("the mailbox is switched off")
    answering = phone(service, tmp_path, "1012").called().picks_up(40_200).hung_up_on().waits()
    caller(service, tmp_path, "1012").invite().bye().run()
    answering.wait()
    assert coverage(service.call("1012")) == ["phones", "answered"]


def test_row_8_busy_calls_that_the_mailbox_does_not_take_are_486(service: Service, tmp_path: Path) -> None:
    busy = phone(service, tmp_path, "1016").called().refuses("486 Busy Here").waits()
    caller(service, tmp_path, "1016").refused(486).run()
    busy.wait()


def test_row_9_forwarding_beats_the_mailbox(service: Service, tmp_path: Path) -> None:
    busy = phone(service, tmp_path, "1014").called().refuses("486 Busy Here").waits()
    colleague = phone(service, tmp_path, "1015").called().picks_up(40_300).hung_up_on().waits()
    caller(service, tmp_path, "1014").invite().bye().run()
    busy.wait()
    (invite,) = colleague.wait().received("INVITE")
    assert "Diversion: <sip:+492115551014@voicebox.example>;reason=user-busy;counter=1" in invite
    assert coverage(service.call("1014")) == ["phones", "number", "phones", "answered"]


def test_row_9_calls_to_unreachable_phones_go_out_as_the_policy_allows(
    service: Service, tmp_path: Path, outside_port: int
) -> None:
    trunk = Called(service, tmp_path, "1017", host=OUTSIDE, port=outside_port)
    running = trunk.called().says("180 Ringing").picks_up(40_400).hung_up_on().listens()
    heard = caller(service, tmp_path, "1017").invite().bye().run()
    (invite,) = running.wait().received("INVITE")
    assert invite.startswith(f"INVITE sip:+49301234567@{OUTSIDE}:{outside_port} SIP/2.0")
    assert "P-Asserted-Identity: <sip:+492115551017@voicebox.example>" in invite
    assert "From: <sip:+4915155500001@voicebox.example>" in invite
    assert "reason=unavailable" in invite
    assert connection_of(body_of(heard.received("SIP/2.0 200")[0])) == (OUTSIDE, 40_400)
    assert coverage(service.call("1017")) == ["number", "answered"]


def test_row_9_a_number_that_may_not_be_dialled_is_passed_over(service: Service, tmp_path: Path) -> None:
    answered_by_mailbox(service, tmp_path, "1018")
    call = service.call("1018")
    assert [entry.get("refused") for entry in call["trace"] if entry["event"] == "coverage"][:2] == [
        None,
        "not-allowed",
    ]
    assert call["reason"] == "unavailable"


def test_row_9_a_phone_that_diverts_a_call_to_a_colleague_is_followed(service: Service, tmp_path: Path) -> None:
    diverting = phone(service, tmp_path, "1019").called().deflects(f"sip:1020@{service.udp}").waits()
    other = phone(service, tmp_path, "1019", more=1).called().says("180 Ringing").cancelled().waits()
    colleague = phone(service, tmp_path, "1020").called().picks_up(40_500).hung_up_on().waits()
    heard = caller(service, tmp_path, "1019").invite().bye().run()
    diverting.wait()
    other.wait()
    (invite,) = colleague.wait().received("INVITE")
    assert "Diversion: <sip:+492115551019@voicebox.example>;reason=deflection" in invite
    assert connection_of(body_of(heard.received("SIP/2.0 200")[0])) == ("127.0.1.20", 40_500)
    call = service.call("1019")
    assert coverage(call) == ["phones", "number", "phones", "answered"]
    assert [entry.get("phones") for entry in call["trace"] if entry["event"] == "coverage"][:2] == [
        "not-yet",
        "deflected",
    ]


def test_row_9_a_phone_that_diverts_a_call_to_a_number_outside_does_so_as_the_policy_allows(
    service: Service, tmp_path: Path, outside_port: int
) -> None:
    diverting = phone(service, tmp_path, "1021").called().deflects("tel:+49-30-1234567").waits()
    trunk = Called(service, tmp_path, "1021", host=OUTSIDE, port=outside_port)
    running = trunk.called().says("180 Ringing").picks_up(40_600).hung_up_on().listens()
    caller(service, tmp_path, "1021").invite().bye().run()
    diverting.wait()
    (invite,) = running.wait().received("INVITE")
    assert invite.startswith(f"INVITE sip:+49301234567@{OUTSIDE}:{outside_port} SIP/2.0")
    assert "Diversion: <sip:+492115551021@voicebox.example>;reason=deflection" in invite
    assert "P-Asserted-Identity: <sip:+492115551021@voicebox.example>" in invite


@pytest.mark.parametrize(
    ("number", "to", "said"),
    [
        ("1022", "sip:8000@voicebox.example", (None, "a phone deflected the call to the mailbox")),
        (
            "1023",
            "sip:+431234567@voicebox.example",
            ("not-allowed", "a phone deflected the call, and the mailbox takes unanswered calls"),
        ),
    ],
)
def test_row_9_a_call_that_a_phone_diverts_to_the_mailbox_or_where_it_may_not_go_is_recorded(
    service: Service, tmp_path: Path, number: str, to: str, said: tuple[str | None, str]
) -> None:
    diverting = phone(service, tmp_path, number).called().deflects(to).waits()
    answered_by_mailbox(service, tmp_path, number, listens_s=GREETED_S)
    diverting.wait()
    call = service.call(number)
    refused = [entry["refused"] for entry in call["trace"] if "refused" in entry]
    assert (next(iter(refused), None), why(call)) == said
    assert call["reason"] == "unavailable"
    assert moment(call, "prompt", id="greeting-unavailable") > 0
