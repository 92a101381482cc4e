"""Subscribers fetch messages by phone: number and PIN, their own phone, and who tries to get in."""

import itertools
from pathlib import Path
from typing import Any

import pytest

from ivr.incoming import OPENING_SILENCE_S
from tests.system.audio import raw, speech
from tests.system.caller import SAID_S, Caller, together
from tests.system.conftest import MakeService
from tests.system.service import PIN, Service, answered_s, device_password, directory_of, eventually, moment
from tests.system.subscriber import LOGIN_S
from tests.system.wire import Wire, pcmu
from voicebox.codec import Codec

pytestmark = pytest.mark.system

HEADING_S = 7
"""More than the words before a message take."""


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What every caller of this module says."""
    return raw(speech(10), Codec.PCMU, tmp_path_factory.mktemp("said") / "said.raw")[0]


def leave(service: Service, folder: Path, said: Path, number: str, count: int = 1) -> list[str]:
    """Leave messages in a mailbox at once; return their ids."""
    together(
        *(
            Caller(service.udp, folder, number=number).invite().speak(said).keys("#").pause(SAID_S).bye()
            for _ in range(count)
        )
    )
    service.message(number, count=count)
    return [row["id"] for row in service.messages(number)]


def portal(service: Service, folder: Path, *, from_number: str = "+4915155500001", local: str = "127.0.0.1") -> Caller:
    """Return someone who calls the portal, from a number of their own by which the record is found."""
    from_ = f"<sip:{from_number}@[local_ip]:[local_port]>"
    return Caller(service.udp, folder, number="8000", from_=from_, local=local)


def record_of(service: Service, caller: str) -> dict[str, Any]:
    """Return the record of the only portal call from a number."""
    query = "SELECT id FROM call_record WHERE caller = ? AND called = '8000'"
    (row,) = eventually(lambda: service.rows(query, caller), f"the record of the call from {caller}")
    return service.call_of(str(row["id"]))


def states(service: Service, number: str) -> list[str]:
    """Return the states of a mailbox's messages, the oldest first."""
    return [row["state"] for row in service.messages(number)]


def test_messages_are_heard_saved_and_deleted_by_rfc_4733_keys(service: Service, said: Path, tmp_path: Path) -> None:
    leave(service, tmp_path, said, "1001", count=2)
    caller = portal(service, tmp_path, from_number="+4915155500010").invite(by_keys=True).pause(1)
    caller.press("1001#").press(f"{PIN}#").pause(LOGIN_S).press("1").press("1").pause(HEADING_S + SAID_S)
    # The first one is saved, the second deleted; then the subscriber hangs up.
    caller.press("#").pause(1).press("7").pause(3).bye().run()
    eventually(lambda: sorted(states(service, "1001")) == ["deleted", "saved"], "one saved, one deleted")
    call = record_of(service, "+4915155500010")
    assert moment(call, "login", mailbox="1001", ok=True, by="pin")
    assert moment(call, "secret", count=len(PIN))
    keys = [entry["key"] for entry in call["trace"] if entry["event"] == "key"]
    assert "".join(keys) == "1001#11#7"


def test_messages_are_heard_saved_and_deleted_by_info_keys(service: Service, said: Path, tmp_path: Path) -> None:
    leave(service, tmp_path, said, "1002", count=2)
    caller = portal(service, tmp_path, from_number="+4915155500011").invite()
    caller.keys(f"1002#{PIN}#").pause(LOGIN_S).keys("11").pause(HEADING_S + SAID_S)
    caller.keys("#").pause(1).keys("7").pause(3).bye().run()
    eventually(lambda: sorted(states(service, "1002")) == ["deleted", "saved"], "one saved, one deleted")
    # Restored, by the same key, from the folder of deleted ones.
    again = portal(service, tmp_path, from_number="+4915155500012").invite()
    again.keys(f"1002#{PIN}#").pause(LOGIN_S).keys("19").pause(1).keys("7").pause(3).bye().run()
    eventually(lambda: "deleted" not in states(service, "1002"), "nothing deleted")


def test_a_message_not_heard_to_its_end_stays_new(service: Service, said: Path, tmp_path: Path) -> None:
    leave(service, tmp_path, said, "1003")
    caller = portal(service, tmp_path, from_number="+4915155500013").invite()
    caller.keys(f"1003#{PIN}#").pause(LOGIN_S).keys("11").pause(3.5).bye().run()
    call = record_of(service, "+4915155500013")
    assert moment(call, "login", mailbox="1003", ok=True)
    assert states(service, "1003") == ["new"]


def test_row_3_a_digest_makes_it_the_own_phone_wherever_it_calls_from(
    service: Service, tmp_path: Path, free_udp_port: int
) -> None:
    # 1007 logs in automatically from its phone: at an address that is no peer's, and at the PBX's own, where only an
    # INVITE from a registered contact's address and port is challenged.
    def own_phone(local: str, number: str, port: int = 0) -> Caller:
        from_, password = "<sip:1007@voicebox.example>", device_password("1007")
        return Caller(
            service.udp, tmp_path, number=number, local=local, port=port, from_=from_, user="1007", password=password
        )

    own_phone("127.0.0.2", "8000").invite().pause(4).bye().run()
    registering = own_phone("127.0.0.1", "1007", free_udp_port)
    registering.authorized("REGISTER", "Expires: 600", uri="sip:[remote_ip]:[remote_port]").run()
    own_phone("127.0.0.1", "8000", free_udp_port).invite().pause(4).bye().run()
    rows = eventually(
        lambda: (
            found
            if len(found := service.rows("SELECT id FROM call_record WHERE caller = '1007' AND called = '8000'")) == 2
            else None
        ),
        "two call records",
    )
    calls = [service.call_of(row["id"]) for row in rows]
    logins = [moment(call, "login", mailbox="1007", ok=True, by="device") - answered_s(call) for call in calls]
    assert min(logins) < OPENING_SILENCE_S + 1  # a busy machine may hold up one of them
    # Without a digest, the same number is anybody's: no more than the number is spared.
    portal(service, tmp_path, from_number="+492115551007").invite().pause(8).bye().run()
    claimed = record_of(service, "+492115551007")
    assert moment(claimed, "prompt", id="login-pin-known")
    assert not any(entry["event"] == "login" for entry in claimed["trace"])


def test_security_row_7_a_wrong_digest_is_refused_like_an_unknown_name(service: Service, tmp_path: Path) -> None:
    def refused(user: str) -> Caller:
        caller = Caller(service.udp, tmp_path, number="1007", local="127.0.0.4", from_="<sip:1007@voicebox.example>")
        uri = "sip:[remote_ip]:[remote_port]"
        caller.request("REGISTER", uri=uri).expect(401, more='auth="true"')
        return caller.request("REGISTER", f"[authentication username={user} password=wrong]", uri=uri).expect(403)

    known, unknown = together(refused("1007"), refused("4711"))
    first, second = (each.received("SIP/2.0 403")[0].splitlines() for each in (known, unknown))
    assert [line.partition(":")[0] for line in first] == [line.partition(":")[0] for line in second]


def test_row_3_a_trunk_that_vouches_for_numbers_spares_the_own_phone_its_pin(service: Service, tmp_path: Path) -> None:
    portal(service, tmp_path, local="127.0.0.3", from_number="+491701234507").invite().pause(4).bye().run()
    call = record_of(service, "+491701234507")
    assert moment(call, "login", mailbox="1007", ok=True, by="trunk")


# -- those who try to get in

LONG_PIN = "902746135802"
WRONG_PIN = "806493175204"


def test_security_row_1_guessing_across_calls_locks_and_a_restart_does_not_unlock(
    make_service: MakeService, tmp_path: Path
) -> None:
    service = make_service(directory=directory_of(("1001", "1002"), pin=LONG_PIN)).start()

    def guess(number: str, *pins: str, caller: int) -> Caller:
        script = portal(service, tmp_path, from_number=f"+49151555000{caller}").invite()
        for pin in pins:
            script.keys(f"{number}#{pin}#").pause(LOGIN_S)
        return script

    # Three tries a call, then goodbye; the fifth in all locks. Each call comes from somebody else.
    guess("1001", *[WRONG_PIN] * 3, caller=20).hung_up_on().run()
    guess("1001", WRONG_PIN, WRONG_PIN, caller=21).bye().run()
    (row,) = service.rows(
        "SELECT failures, lock_count, locked_until FROM credential WHERE failures > 0 OR lock_count > 0"
    )
    assert row["locked_until"] is not None
    # The right one does not help now, nor after a restart; a mailbox that does not exist sounds the same.
    guess("1001", LONG_PIN, caller=22).hung_up_on().run()
    assert moment(record_of(service, "+4915155500022"), "locked")
    assert service.stop() == 0
    service.start()
    guess("1001", LONG_PIN, caller=23).hung_up_on().run()
    assert moment(record_of(service, "+4915155500023"), "locked")
    # Others are not locked out.
    guess("1002", LONG_PIN, caller=24).bye().run()
    assert moment(record_of(service, "+4915155500024"), "login", mailbox="1002", ok=True)

    # Secrets are nowhere to be read.
    assert service.stop() == 0
    for secret in (LONG_PIN, WRONG_PIN, device_password("1001")):
        for file in (service.folder / "var").rglob("*"):
            if file.is_file() and "cache" not in file.parts:
                assert secret.encode() not in file.read_bytes(), file
        assert secret not in service.log()


def type_fast(wire: Wire, answer: str, typed: str) -> int:
    """Press keys by INFO as fast as they are taken, until there are no more or the call is over; return how many."""
    for cseq, key in enumerate(typed, 2):
        wire.send(wire.within(answer, "INFO", cseq=cseq, body=f"Signal={key}\r\n", kind="application/dtmf-relay"))
        while (response := wire.receive()) is not None and f"CSeq: {cseq} INFO" not in response:
            pass
        if response is None or not response.startswith("SIP/2.0 200"):
            return cseq - 2
    return len(typed)


def test_security_row_1_a_thousand_digits_are_one_try(make_service: MakeService, tmp_path: Path) -> None:
    service = make_service(directory=directory_of(("1001",), pin=LONG_PIN)).start()
    with Wire(service.udp) as wire:
        wire.send(wire.request("INVITE", "8000", body=pcmu()))
        answer = wire.final(200)
        wire.send(wire.within(answer, "ACK"))
        digits = ("0918273645" * 100)[:1000]
        assert type_fast(wire, answer, f"1001#{digits}#") == 1006
        (row,) = eventually(lambda: service.rows("SELECT failures FROM credential WHERE failures > 0"), "a try")
        wire.send(wire.within(answer, "BYE", cseq=2000))
        wire.final(200)
    call = service.call("8000")
    assert row["failures"] == 1
    (tried,) = [entry["count"] for entry in call["trace"] if entry["event"] == "secret"]
    assert 30 < tried <= 1000, "a burst is cut off at what a call keeps of keys typed ahead"


def test_security_row_1_a_hundred_passcodes_in_one_call_are_three_tries(
    make_service: MakeService, tmp_path: Path
) -> None:
    service = make_service(directory=directory_of(("1001",), pin=LONG_PIN)).start()
    with Wire(service.udp) as wire:
        wire.send(wire.request("INVITE", "8000", body=pcmu()))
        answer = wire.final(200)
        wire.send(wire.within(answer, "ACK"))
        typed = "".join(f"{number:06}#" for number in range(135790, 135790 + 100))
        type_fast(wire, answer, f"1001#{typed}")
        # Whatever was typed before an answer is thrown away, and no answer comes sooner than 0.4 s after its `#`.
        eventually(lambda: service.rows("SELECT 1 FROM credential WHERE failures > 0"), "a try that counts")
        wire.send(wire.within(answer, "BYE", cseq=2000))
        wire.receive()
    call = service.call("8000")
    tries = [entry["t"] for entry in call["trace"] if entry["event"] == "secret" and entry["count"] == 6]
    assert 1 <= len(tries) <= 3
    assert all(later - earlier >= 0.4 for earlier, later in itertools.pairwise(tries))
    (row,) = service.rows("SELECT failures FROM credential")
    assert row["failures"] == 1  # after a wrong one the next is taken for a number, and what follows for its passcode
