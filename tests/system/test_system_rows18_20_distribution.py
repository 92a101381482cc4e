"""Rows 18 to 20 by real phones: forwarded to a list with a comment, replied to, composed, recalled, and never lost."""

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.system.audio import RATE_HZ, Pcm, clearest, likeness, place_of, raw, speech, stored
from tests.system.caller import SAID_S, Caller, together
from tests.system.conftest import SECOND_PEER, MakeService
from tests.system.letterbox import Letterbox
from tests.system.phone import Phone
from tests.system.service import PIN, Service, directory_of, eventually, moment
from tests.system.subscriber import at_own_phone
from tests.system.test_system_api import get
from voicebox.codec import Codec
from voicebox.demo.hearing import SLIP

pytestmark = pytest.mark.system

RECORD_S = 8.0
"""From the key for recording to its end. The words and the tone take 2.6 s, what is recorded of those who talk all the
time 5.4 s: enough of it on a slow machine, too."""
ASKED_S = 11.5
"""To the middle of the time in which a recall can be confirmed: the question takes 8.5 s, and an answer is awaited 6 s
longer."""
NUMBERS = ("1001", "1002", "1003", "1004", "1005", "1006")
LISTS = """
[[distribution_list]]
owner = "1005"
number = 7
description = "Support-Team"
shared = true
members = ["1001", "1002", "1003", "+492115551006", "1006"]
"""


def company() -> str:
    """Return six mailboxes, of which 1003 is off and 1001 may send to everyone, and a shared list."""
    text = directory_of(NUMBERS)
    text = text.replace('name = "Teilnehmer 1003"', 'name = "Teilnehmer 1003"\nenabled = false')
    return text.replace('name = "Teilnehmer 1001"', 'name = "Teilnehmer 1001"\neveryone = true') + LISTS


@pytest.fixture(scope="module")
def house(
    tmp_path_factory: pytest.TempPathFactory, letters: Letterbox, rtp_ports: tuple[int, int], cache: Path
) -> Iterator[Service]:
    """A voicebox with this company, shared by the module."""
    folder = tmp_path_factory.mktemp("house")
    soundfile.write(folder / "support.wav", speech(1.5, seed=16), RATE_HZ)
    described = company() + 'recording = "support.wav"\n'
    made = Service(
        folder, smtp_port=letters.port, rtp_ports=rtp_ports, cache=cache, more=SECOND_PEER, directory=described
    )
    made.apply().start()
    yield made
    assert made.stop() == 0, made.log()[-3000:]


def said(folder: Path, seed: int) -> tuple[Path, Pcm]:
    """Return something to say, and what it decodes to."""
    return raw(speech(20, seed=seed), Codec.PCMU, folder / f"said-{seed}.raw")


def leave(service: Service, folder: Path, file: Path, number: str, *, from_number: str = "+4930123456") -> None:
    """Leave a message."""
    from_ = f"<sip:{from_number}@[local_ip]:[local_port]>"
    Caller(service.udp, folder, number=number, from_=from_).invite().speak(file).keys("#").pause(SAID_S).bye().run()
    service.message(number)


def results(service: Service, kind: str) -> dict[str, str]:
    """Return what became of the only sending of a kind, once it is there."""
    query = (
        "SELECT recipient, outcome FROM sending_result JOIN sending ON sending.id = sending_result.sending_id "
        "WHERE sending.kind = ?"
    )
    found = eventually(lambda: service.rows(query, kind), f"the results of a {kind}")
    return {row["recipient"]: row["outcome"] for row in found}


def pieces(service: Service, message_id: str) -> list[Pcm]:
    """Return a message's comments and itself, as they are stored."""
    query = (
        "SELECT audio_id FROM message_segment WHERE message_id = ? UNION ALL SELECT audio_id FROM message WHERE id = ?"
    )
    return [stored(service.flac(row["audio_id"])) for row in service.rows(query, message_id, message_id)]


def test_rows_18_to_20_a_message_is_forwarded_with_a_comment_to_a_list_and_heard_comment_first(
    house: Service, letters: Letterbox, tmp_path: Path
) -> None:
    (original, original_pcm), (comment, comment_pcm) = said(tmp_path, 11), said(tmp_path, 12)
    leave(house, tmp_path, original, "1001")
    (left,) = house.messages("1001")
    house.flac(left["audio_id"])
    call = at_own_phone(house, tmp_path, "1001").keys("11").pause(0.5).keys("921")
    call.speak(comment).pause(RECORD_S).keys("#").pause(0.5).keys("57#").pause(9).keys("#").pause(18)
    call.bye().run()

    # A result for each member; the sender gets no copy, who is on the list by two numbers gets one.
    assert results(house, "forward") == {"1002": "sent", "1003": "off", "1006": "sent"}
    record = house.call("8000")
    assert moment(record, "sending", kind="forward", sent=2, missed=1)
    # The description that was recorded is heard before it is confirmed (row 19), and who missed it after (row 20).
    (described,) = house.rows("SELECT recording FROM distribution_list")
    told = [entry["id"] for entry in record["trace"] if entry["event"] == "prompt"]
    at = told.index("send-list")
    assert told[at : at + 3] == ["send-list", f"clip:{described['recording']}", "recipients"]
    assert told[told.index("send-partly") :][:4] == ["send-partly", "send-reached", "send-missed", "send-recipient"]
    got = house.message("1002")
    assert (got["kind"], got["caller_number"], got["state"]) == ("forward", "+4930123456", "new")
    assert [row["id"] for row in house.messages("1001")] == [left["id"]]
    copies = house.rows("SELECT DISTINCT audio_id FROM message WHERE kind = 'forward'")
    assert [row["audio_id"] for row in copies] == [left["audio_id"]]  # one audio for all (security.md, row 16)
    spoken, message = pieces(house, got["id"])
    assert likeness(spoken, comment_pcm) > 0.99
    assert likeness(message, original_pcm) > 0.99

    # The recipient hears the comment, then the message, as one recording.
    with Phone(tmp_path, speech(60, seed=4)) as phone:
        phone.dial(f"sip:8000@{house.udp}")
        phone.types(f"1002#{PIN}#")
        phone.listen(2.5)
        phone.types("11")
        phone.listen(2.5 + (len(spoken) + len(message)) / RATE_HZ + 1)
        phone.hang_up()
        phone.wait_for("CALL_CLOSED")
    heard = phone.heard()
    assert clearest(spoken[: 2 * RATE_HZ], heard) > 0.9
    assert clearest(message[: 2 * RATE_HZ], heard) > 0.9
    apart = place_of(message, heard) - place_of(spoken, heard)
    assert abs(apart - len(spoken)) < SLIP
    eventually(lambda: house.messages("1002")[0]["state"] == "saved", "the message to be saved")

    # So do API and mail.
    token = house.voicebox("token", "--scope", "admin").stdout.strip()
    status, wav = get(house, f"/api/v1/messages/{got['id']}/audio", token)
    assert status == 200
    assert np.array_equal(soundfile.read(io.BytesIO(wav), dtype="int16")[0], np.concatenate([spoken, message]))
    mail = letters.wait_for("team@example.org")
    (attachment,) = mail.iter_attachments()
    whole_s = (len(spoken) + len(message)) / RATE_HZ
    assert abs(soundfile.info(io.BytesIO(attachment.get_content())).duration - whole_s) < 0.2


def test_a_colleague_is_replied_to_and_what_nobody_has_heard_is_recalled(house: Service, tmp_path: Path) -> None:
    (question, _), (answer, answer_pcm) = said(tmp_path, 13), said(tmp_path, 14)
    leave(house, tmp_path, question, "1004", from_number="+492115551005")
    house.flac(house.messages("1004")[0]["audio_id"])
    reply = at_own_phone(house, tmp_path, "1004").keys("11").pause(0.5).keys("911")
    reply.speak(answer).pause(RECORD_S).keys("#").pause(0.5).keys("63").pause(4).bye()
    everyone = at_own_phone(house, tmp_path, "1001").keys("15").pause(0.3).keys("1")
    everyone.speak(question).pause(RECORD_S).keys("#").pause(0.5).keys("4#").pause(4).bye()
    hung_up = at_own_phone(house, tmp_path, "1006").keys("15").pause(0.3).keys("1")
    hung_up.speak(question).pause(RECORD_S).keys("#").pause(0.5).keys("31001#").pause(0.5).bye()
    together(reply, everyone, hung_up)

    assert results(house, "reply") == {"1005": "sent"}
    (got,) = house.rows("SELECT * FROM message WHERE kind = 'reply'")
    assert (got["caller_number"], got["urgent"], got["confidential"]) == ("1004", 1, 0)
    (spoken,) = pieces(house, got["id"])
    assert likeness(spoken, answer_pcm) > 0.99

    assert results(house, "compose") == {"1002": "sent", "1003": "off", "1004": "sent", "1005": "sent", "1006": "sent"}
    # 1002 hears it; the sender takes the others' copies back by phone.
    at_own_phone(house, tmp_path, "1002").keys("11").pause(16).bye().run()
    eventually(lambda: house.rows("SELECT 1 FROM message WHERE kind = 'compose' AND state = 'saved'"), "a heard copy")
    by_phone = at_own_phone(house, tmp_path, "1001").keys("10").pause(1).keys("7").pause(ASKED_S)
    by_phone.keys("1").pause(4).bye().run()
    assert results(house, "compose") == {
        "1002": "sent",
        "1003": "off",
        **dict.fromkeys(("1004", "1005", "1006"), "recalled"),
    }
    (moved,) = eventually(
        lambda: house.rows("SELECT * FROM call_record WHERE trace LIKE '%\"recall\"%'"), "the record of the recall"
    )
    assert moment(house.call_of(moved["id"]), "recall", copies=3)

    # What was replied is taken back by command line.
    (sending,) = house.rows("SELECT id FROM sending WHERE kind = 'reply'")
    assert "1 copy recalled" in house.voicebox("messages", "recall", "1004", sending["id"]).stdout
    assert results(house, "reply") == {"1005": "recalled"}
    assert house.rows("SELECT 1 FROM message WHERE sending_id = ?", sending["id"]) == []
    assert [
        row["number"]
        for row in house.rows(
            "SELECT number FROM message JOIN mailbox ON mailbox.id = mailbox_id WHERE kind = 'compose'"
        )
    ] == ["1002"]

    # Who hung up before sending has sent nothing, and nothing of it is left.
    assert not house.rows("SELECT 1 FROM sending JOIN mailbox ON mailbox.id = mailbox_id WHERE mailbox.number = '1006'")


def test_what_was_told_sent_survives_a_kill_and_what_was_not_is_gone(make_service: MakeService, tmp_path: Path) -> None:
    service = make_service(directory=company()).start()
    (file, pcm) = said(tmp_path, 15)
    going = at_own_phone(service, tmp_path, "1004").keys("15").pause(0.3).keys("1")
    running = going.speak(file).pause(60).bye().start()  # in the middle of a recording when the server dies
    done = at_own_phone(service, tmp_path, "1001").keys("15").pause(0.3).keys("1")
    ending = done.speak(file).pause(RECORD_S).keys("#").pause(0.5).keys("31002##").pause(60).bye().start()
    service.message("1002")
    service.kill()
    for each in (running, ending):
        each.stop()
    service.start()
    (got,) = service.messages("1002")
    (spoken,) = pieces(service, got["id"])
    assert likeness(spoken, pcm) > 0.99
    assert service.rows("SELECT count(*) AS n FROM message")[0]["n"] == 1
    assert service.rows("SELECT count(*) AS n FROM audio")[0]["n"] == 1
    assert service.stop() == 0
