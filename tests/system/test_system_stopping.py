"""What stops and breaks in the middle of a call: nothing that was said is lost, nothing is sent twice."""

import contextlib
import json
import signal
import socket
import sqlite3
import time
from pathlib import Path

import numpy as np
import pytest

from tests.system.audio import FRAME_S, Pcm, place_of, raw, speech, stored
from tests.system.caller import Caller, Running
from tests.system.conftest import MakeService
from tests.system.letterbox import Letterbox
from tests.system.service import Service, eventually
from tests.system.wire import Wire
from voicebox.codec import Codec

pytestmark = [pytest.mark.system]

ANNA = "anna@example.org"
ARCHIVE = "archive@example.org"
NUMBERS = ("1001", "1002")


@pytest.fixture
def said(tmp_path: Path) -> tuple[Path, Pcm]:
    """What callers say: more than any of them needs."""
    return raw(speech(60), Codec.PCMU, tmp_path / "said.raw")


def spooled_s(service: Service) -> float:
    """Return about how much audio was written to the spool, in seconds; its files are longer than what they hold."""
    written = 0
    for file in (service.folder / "var" / "spool").glob("*.seg"):
        with file.open("rb") as segment:
            while (block := segment.read(1024)).strip(b"\0"):
                written += len(block)
    return written / 8000


def recording(service: Service, folder: Path, file: Path, *, length_s: float, number: str = "1001") -> Running:
    """Begin a call and return when so much of it is on disk; the caller talks on and waits for a BYE."""
    running = Caller(service.udp, folder, number=number).invite().speak(file).keys("#").hung_up_on().start()
    before = spooled_s(service)
    eventually(lambda: spooled_s(service) >= before + length_s, f"{length_s} s in the spool", within_s=30)
    return running


def mailed_once(service: Service, letters: Letterbox) -> None:
    """Wait for both mails of mailbox 1001's message, and for the end of all sending."""
    letters.wait_for(ANNA, within_s=40)
    letters.wait_for(ARCHIVE, within_s=40)
    eventually(lambda: not service.rows("SELECT 1 FROM outbox WHERE done_at IS NULL"), "an empty outbox")
    assert (len(letters.to(ANNA)), len(letters.to(ARCHIVE))) == (1, 1)


def test_kill_in_mid_recording_loses_a_second_at_most_and_mails_once(
    make_service: MakeService, own_letters: Letterbox, said: tuple[Path, Pcm], tmp_path: Path
) -> None:
    file, sent = said
    service = make_service().start()
    caller = recording(service, tmp_path, file, length_s=4)
    service.kill()
    killed_at = time.time()
    caller.stop()
    (begun_at,) = caller.heard().when("sent", "ACK")

    service.start()
    message = service.message()
    assert message["interrupted"] == 1
    found = stored(service.flac(message["audio_id"]))
    at = place_of(found, sent)
    assert np.array_equal(found, sent[at : at + len(found)])
    lost_s = (killed_at - begun_at) - (at + len(found)) / 8000
    assert -0.1 < lost_s < 1.2  # a second, and what the test itself takes to kill
    mailed_once(service, own_letters)

    # Coming up once more finds nothing left to recover.
    assert service.stop() == 0
    service.start()
    assert [row["id"] for row in service.messages()] == [message["id"]]
    mailed_once(service, own_letters)


def test_kill_right_after_hanging_up_keeps_the_whole_message_and_mails_once(
    make_service: MakeService, own_letters: Letterbox, said: tuple[Path, Pcm], tmp_path: Path
) -> None:
    file, sent = said
    own_letters.close()  # a mail that was taken while we are killed may come twice: SMTP cannot do better
    service = make_service().start()
    Caller(service.udp, tmp_path).invite().speak(file).keys("#").pause(4).bye().run()
    service.kill()

    own_letters.open()
    service.start()
    message = service.message()
    found = stored(service.flac(message["audio_id"]))
    at = place_of(found, sent)
    assert np.array_equal(found, sent[at : at + len(found)])
    # Killed between BYE and "it is on disk", the last second may be missing; nobody was told that it was there.
    assert len(found) / 8000 > (2 if message["interrupted"] else 3)
    mailed_once(service, own_letters)


def test_sigterm_drains_saves_and_ends_with_0(
    make_service: MakeService, said: tuple[Path, Pcm], tmp_path: Path
) -> None:
    file, sent = said
    service = make_service().start()
    caller = recording(service, tmp_path, file, length_s=2)
    assert service.process is not None
    service.process.send_signal(signal.SIGTERM)
    with Wire(service.udp) as wire:
        answer = eventually(lambda: found if " 503 " in (found := wire.ask("OPTIONS")) else None, "draining")
        assert "Retry-After: " in answer
        assert " 503 " in wire.ask("INVITE", body="v=0\r\n")
    assert service.stop() == 0  # after half a minute: running calls may end by themselves
    (bye,) = caller.wait().received("BYE")
    assert 'text="voicebox: shutting down"' in bye
    message = service.message()
    assert message["interrupted"] == 0
    length_s = message["samples"] / message["rate_hz"]
    assert 25 < length_s < 40
    service.start()
    found = stored(service.flac(message["audio_id"]))
    at = place_of(found, sent)
    assert np.array_equal(found, sent[at : at + len(found)])
    assert len(service.messages()) == 1


def test_a_phone_that_is_gone_does_not_hold_up_the_end(
    make_service: MakeService, said: tuple[Path, Pcm], tmp_path: Path
) -> None:
    service = make_service().start()
    caller = recording(service, tmp_path, said[0], length_s=2)
    caller.stop()
    assert service.process is not None
    service.process.send_signal(signal.SIGTERM)
    began = time.monotonic()
    assert service.stop() == 0
    assert time.monotonic() - began < 40
    assert service.message()["samples"] >= 2 * 8000


def test_mails_wait_for_a_mail_server_that_is_away(
    make_service: MakeService, own_letters: Letterbox, said: tuple[Path, Pcm], tmp_path: Path
) -> None:
    own_letters.close()
    service = make_service().start()
    Caller(service.udp, tmp_path).invite().speak(said[0]).keys("#").pause(3.5).bye().run()
    service.message()
    eventually(lambda: len(service.rows("SELECT 1 FROM outbox WHERE attempts > 0 AND done_at IS NULL")) == 2, "attempts")
    own_letters.open()
    mailed_once(service, own_letters)


def test_a_refused_mail_is_tried_again(
    make_service: MakeService, own_letters: Letterbox, said: tuple[Path, Pcm], tmp_path: Path
) -> None:
    own_letters.refusal = "451 later"
    service = make_service().start()
    Caller(service.udp, tmp_path).invite().speak(said[0]).keys("#").pause(3.5).bye().run()
    service.message()
    eventually(lambda: len(service.rows("SELECT 1 FROM outbox WHERE attempts > 0 AND done_at IS NULL")) == 2, "attempts")
    own_letters.refusal = ""
    mailed_once(service, own_letters)


def test_a_database_that_is_locked_during_a_call_gets_the_message_later(
    make_service: MakeService, own_letters: Letterbox, said: tuple[Path, Pcm], tmp_path: Path
) -> None:
    file, sent = said
    service = make_service().start()
    caller = Caller(service.udp, tmp_path).invite().speak(file).keys("#").pause(4).bye().start()
    eventually(lambda: spooled_s(service) > 1, "a recording", within_s=30)
    with contextlib.closing(sqlite3.connect(service.folder / "var" / "voicebox.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        caller.wait()  # the caller is heard out and hung up on as always
        eventually(lambda: "waits in the spool" in service.log(), "the deposit to be put off", within_s=40)
        # Further callers still leave messages: who they reach is remembered.
        Caller(service.udp, tmp_path).invite().speak(file).keys("#").pause(3.5).bye().run()
        other.execute("ROLLBACK")
    service.message(count=2, within_s=40)
    for message in service.messages():
        found = stored(service.flac(message["audio_id"]))
        at = place_of(found, sent)
        assert np.array_equal(found, sent[at : at + len(found)])
        assert message["interrupted"] == 0
    letters = eventually(lambda: found if len(found := own_letters.to(ANNA)) == 2 else None, "two mails", within_s=40)
    assert len({letter["Message-ID"] for letter in letters}) == 2


def test_a_second_process_is_told_what_is_in_its_way(make_service: MakeService, tmp_path: Path) -> None:
    service = make_service().start()
    assert service.process is not None
    other = make_service(listen=f'"udp:{service.udp}"')
    refused = other.voicebox("serve", check=False)
    assert refused.returncode == 5
    assert service.udp in refused.stderr
    assert str(service.process.pid) in refused.stderr
    assert "Traceback" not in refused.stderr

    same_data = service.voicebox("serve", check=False)
    assert same_data.returncode == 5
    assert "var/spool" in same_data.stderr
    assert "Traceback" not in same_data.stderr
    with Wire(service.udp) as wire:
        assert wire.alive()


def test_a_taken_web_port_is_named(make_service: MakeService) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        place = f"127.0.0.1:{taken.getsockname()[1]}"
        service = make_service()
        file = service.folder / "voicebox.toml"
        file.write_text(file.read_text().replace('listen = "127.0.0.1:0"', f'listen = "{place}"'))
        refused = service.voicebox("serve", check=False)
    assert refused.returncode == 5
    assert place in refused.stderr
    assert refused.stdout == ""


def test_an_unknown_key_is_named_with_its_line(make_service: MakeService) -> None:
    service = make_service()
    file = service.folder / "voicebox.toml"
    lines = file.read_text().replace("data_dir", 'colour = "blue"\ndata_dir').splitlines()
    file.write_text("\n".join(lines).replace("portal =", "portla ="))
    refused = service.voicebox("serve", check=False)
    assert refused.returncode == 4
    for key in ("colour", "sip.portla"):
        number = next(index for index, line in enumerate(lines, 1) if line.replace("portal", "portla").startswith(key.removeprefix("sip.")))
        assert f"line {number}: {key}" in refused.stderr
    assert refused.stdout == ""


def test_the_ready_line_is_all_there_is_on_standard_output(make_service: MakeService) -> None:
    service = make_service().start()
    assert service.process is not None
    assert service.process.stdout is not None
    stdout = service.process.stdout
    service.process.send_signal(signal.SIGTERM)
    assert stdout.read() == ""
    assert service.stop() == 0
    for line in service.log().splitlines():
        assert json.loads(line)["level"] in {"debug", "info", "warning", "error"}
