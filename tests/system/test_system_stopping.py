"""What stops and breaks in the middle of a call: nothing that was said is lost, nothing is sent twice."""

import contextlib
import signal
import socket
import sqlite3
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import pytest

from ivr.media.rtp import Packet
from tests.system.audio import Pcm, place_of, raw, speech, stored
from tests.system.called import connection_of
from tests.system.caller import SAID_S, Caller, Running
from tests.system.conftest import MakeService
from tests.system.letterbox import Letterbox
from tests.system.service import Service, eventually
from tests.system.wire import Wire, pcmu
from voicebox.codec import Codec

pytestmark = pytest.mark.system
EARLY = ("draining",)

ANNA = "anna@example.org"
ARCHIVE = "archive@example.org"


@pytest.fixture
def said(tmp_path: Path) -> tuple[Path, Pcm]:
    """What callers say: more than any of them needs."""
    return raw(speech(60), Codec.PCMU, tmp_path / "said.raw")


def recording(service: Service, folder: Path, file: Path, *, length_s: float, number: str = "1001") -> Running:
    """Begin a call and return when so much of it is on disk; the caller talks on and waits for a BYE."""
    running = Caller(service.udp, folder, number=number).invite().speak(file).keys("#").hung_up_on().start()
    try:
        before = service.spooled_s()
        eventually(lambda: service.spooled_s() >= before + length_s, f"{length_s} s in the spool")
    except BaseException:
        running.stop()
        raise
    return running


class Speaker:
    """A caller who talks frame by frame as the test says: what was sent before a BYE is known to the sample.

    Nothing depends on when: what arrives waits in the service's socket, and its timestamps go on without a gap.
    """

    FRAME = 160
    INVITE, INFO, BYE = 1, 2, 3

    def __init__(self, service: Service, file: Path) -> None:
        self._wire = Wire(service.udp)
        self._data = file.read_bytes()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.frames = 0
        """Sent so far."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()
        self._wire.__exit__()

    def call(self) -> None:
        """Call mailbox 1001, and skip the greeting."""
        self._wire.send(self._wire.request("INVITE", body=pcmu(self._socket.getsockname()[1])))
        self._dialog = self._answered(self.INVITE)
        self._media = connection_of(self._dialog.replace("\r", ""))
        self._wire.send(self._wire.within(self._dialog, "ACK"))
        key = "Signal=#\nDuration=160\n"
        self._wire.send(
            self._wire.within(self._dialog, "INFO", cseq=self.INFO, body=key, kind="application/dtmf-relay")
        )
        self._answered(self.INFO)

    def speak(self, frames: int = 1) -> None:
        """Send the next frames at once."""
        for frame in range(self.frames, self.frames + frames):
            packet = Packet(0, frame, self.FRAME * frame, 7, self._said(frame))
            self._socket.sendto(bytes(packet), self._media)
        self.frames += frames

    def is_on_disk(self, service: Service) -> bool:
        """Tell whether the last frame sent is in the spool, and so all before it."""
        last = self._said(self.frames - 1)
        for file in (service.folder / "var" / "spool").glob("*.seg"):
            with file.open("rb") as segment:
                if last in segment.read(1 << 20):  # of what is allocated, far more than was said
                    return True
        return False

    def hang_up(self) -> None:
        """Send BYE, and wait until it is answered."""
        self._wire.send(self._wire.within(self._dialog, "BYE", cseq=self.BYE))
        self._answered(self.BYE)

    def _said(self, frame: int) -> bytes:
        return self._data[self.FRAME * frame : self.FRAME * (frame + 1)]

    def _answered(self, cseq: int) -> str:
        while f"CSeq: {cseq} " not in (answer := self._wire.final(200)):
            pass  # the 200 to the INVITE comes again where its ACK was waited for
        return answer


@dataclass(frozen=True, slots=True)
class Draining:
    """A service that was asked to end while somebody talked."""

    service: Service
    caller: Running
    sent: Pcm
    refused: tuple[str, str]
    """What it answered to OPTIONS and INVITE after that."""
    ended: Future[tuple[int, float]]
    """Its exit code, and how long it took."""


@pytest.fixture(scope="module")
def draining(
    tmp_path_factory: pytest.TempPathFactory, letters: Letterbox, rtp_ports: tuple[int, int], cache: Path
) -> Iterator[Draining]:
    """It ends half a minute after it was asked: `early` begins that, and the last test waits for it."""
    folder = tmp_path_factory.mktemp("draining")
    with contextlib.ExitStack() as leaving:
        service = Service(folder, smtp_port=letters.port, rtp_ports=rtp_ports, cache=cache)
        leaving.callback(service.kill)
        process = service.apply().start().process
        assert process is not None
        file, sent = raw(speech(60), Codec.PCMU, folder / "said.raw")
        gone = recording(service, folder, file, length_s=2.5, number="1002")
        gone.stop()  # whose BYE nobody will answer, and who must not hold up the others
        caller = recording(service, folder, file, length_s=3)
        leaving.callback(caller.stop)
        process.send_signal(signal.SIGTERM)
        began = time.monotonic()
        with Wire(service.udp) as wire:
            options = eventually(lambda: found if " 503 " in (found := wire.ask("OPTIONS")) else None, "draining")
            refused = (options, wire.ask("INVITE", body="v=0\r\n"))
        waiting = leaving.enter_context(ThreadPoolExecutor(1))
        ended = waiting.submit(lambda: (service.stop(), time.monotonic() - began))
        leaving.callback(process.kill)  # where the test did not come to wait for its end, nobody does
        yield Draining(service, caller, sent, refused, ended)


def mailed_once(service: Service, letters: Letterbox) -> None:
    """Wait for both mails of mailbox 1001's message, and for the end of all sending."""
    letters.wait_for(ANNA)
    letters.wait_for(ARCHIVE)
    eventually(lambda: not service.rows("SELECT 1 FROM outbox WHERE done_at IS NULL"), "an empty outbox")
    assert (len(letters.to(ANNA)), len(letters.to(ARCHIVE))) == (1, 1)


def test_kill_in_mid_recording_loses_a_second_at_most_and_mails_once(
    make_service: MakeService, own_letters: Letterbox, said: tuple[Path, Pcm], tmp_path: Path
) -> None:
    file, sent = said
    service = make_service().start()
    caller = recording(service, tmp_path, file, length_s=4)
    killing_at = time.time()
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
    kept_s = (at + len(found)) / 8000
    assert killing_at - begun_at - kept_s < 1.2  # a second, and what the test itself takes to kill
    assert killed_at - begun_at - kept_s > -0.1
    mailed_once(service, own_letters)

    # Coming up once more finds nothing left to recover.
    assert service.stop() == 0
    service.start()
    assert [row["id"] for row in service.messages()] == [message["id"]]
    mailed_once(service, own_letters)


def test_kill_right_after_hanging_up_keeps_the_whole_message_and_mails_once(
    make_service: MakeService, own_letters: Letterbox, said: tuple[Path, Pcm]
) -> None:
    file, sent = said
    own_letters.close()  # a mail that was taken while we are killed may come twice: SMTP cannot do better
    service = make_service().start()
    with Speaker(service, file) as caller:
        caller.call()

        def goes_on() -> bool:
            caller.speak()
            return service.spooled_s() >= 3

        eventually(goes_on, "3 s in the spool", every_s=0.02)
        eventually(lambda: caller.is_on_disk(service), "all that was said on disk")
        on_disk = caller.frames * caller.FRAME
        caller.speak(25)
        caller.hang_up()
        service.kill()
    spoken = caller.frames * caller.FRAME

    # What was being sent belongs to the killed process for another minute, which need not pass here.
    with contextlib.closing(sqlite3.connect(service.folder / "var" / "voicebox.db")) as database, database:
        database.execute("UPDATE outbox SET next_attempt_at = created_at WHERE done_at IS NULL")
    own_letters.open()
    service.start()
    message = service.message()
    found = stored(service.flac(message["audio_id"]))
    at = place_of(found, sent)
    assert np.array_equal(found, sent[at : at + len(found)])
    # Killed between BYE and "it is on disk", what was not there yet may be missing; nobody was told that it was.
    assert (on_disk if message["interrupted"] else spoken) <= at + len(found) <= spoken
    mailed_once(service, own_letters)


def test_mails_wait_for_a_mail_server_that_is_away(
    make_service: MakeService, own_letters: Letterbox, said: tuple[Path, Pcm], tmp_path: Path
) -> None:
    own_letters.close()
    service = make_service().start()
    Caller(service.udp, tmp_path).invite().speak(said[0]).keys("#").pause(SAID_S).bye().run()
    service.message()
    eventually(
        lambda: len(service.rows("SELECT 1 FROM outbox WHERE attempts > 0 AND done_at IS NULL")) == 2, "attempts"
    )
    own_letters.open()
    mailed_once(service, own_letters)


def test_a_refused_mail_is_tried_again(
    make_service: MakeService, own_letters: Letterbox, said: tuple[Path, Pcm], tmp_path: Path
) -> None:
    own_letters.refusal = "451 later"
    service = make_service().start()
    Caller(service.udp, tmp_path).invite().speak(said[0]).keys("#").pause(SAID_S).bye().run()
    service.message()
    eventually(
        lambda: len(service.rows("SELECT 1 FROM outbox WHERE attempts > 0 AND done_at IS NULL")) == 2, "attempts"
    )
    own_letters.refusal = ""
    mailed_once(service, own_letters)


def test_a_database_that_is_locked_during_a_call_gets_the_message_later(
    make_service: MakeService, own_letters: Letterbox, said: tuple[Path, Pcm], tmp_path: Path
) -> None:
    file, sent = said
    service = make_service().start()
    caller = Caller(service.udp, tmp_path).invite().speak(file).keys("#").pause(9).bye().start()
    eventually(lambda: service.spooled_s() > 1, "a recording")
    with contextlib.closing(sqlite3.connect(service.folder / "var" / "voicebox.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        caller.wait()  # the caller is heard out and hung up on as always
        eventually(lambda: "waits in the spool" in service.log(), "the deposit to be put off")
        # Further callers still leave messages: who they reach is remembered.
        Caller(service.udp, tmp_path).invite().speak(file).keys("#").pause(SAID_S).bye().run()
        other.execute("ROLLBACK")
    service.message(count=2)
    for message in service.messages():
        found = stored(service.flac(message["audio_id"]))
        at = place_of(found, sent)
        assert np.array_equal(found, sent[at : at + len(found)])
        assert message["interrupted"] == 0
    letters = eventually(lambda: found if len(found := own_letters.to(ANNA)) == 2 else None, "two mails")
    assert len({letter["Message-ID"] for letter in letters}) == 2


def test_sigterm_drains_saves_and_ends_with_0(draining: Draining) -> None:
    options, invite = draining.refused
    assert "Retry-After: " in options
    assert " 503 " in invite
    code, took_s = draining.ended.result()
    assert code == 0  # after half a minute: running calls may end by themselves
    assert took_s < 75  # 30 s for the calls, and what a busy machine takes to end
    (bye,) = draining.caller.wait().received("BYE")
    assert 'text="voicebox: shutting down"' in bye
    service = draining.service
    message = service.message()
    assert message["interrupted"] == 0
    length_s = message["samples"] / message["rate_hz"]
    assert 25 < length_s < 40
    service.start()
    found = stored(service.flac(message["audio_id"]))
    at = place_of(found, draining.sent)
    assert np.array_equal(found, draining.sent[at : at + len(found)])
    assert len(service.messages()) == 1
    assert service.message("1002")["samples"] >= 2 * 8000
