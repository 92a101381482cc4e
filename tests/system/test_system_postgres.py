"""The same service on PostgreSQL: a message is left and fetched, also while the database is gone for a while."""

import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.system.audio import place_of, raw, speech, stored
from tests.system.caller import Caller
from tests.system.cluster import Cluster
from tests.system.conftest import MakeService
from tests.system.letterbox import Letterbox
from tests.system.service import PIN, Service, eventually
from tests.system.subscriber import LOGIN_S
from voicebox.codec import Codec

pytestmark = pytest.mark.system


def message(database: Cluster, number: str, *, within_s: float = 30) -> dict[str, Any]:
    """Wait for a mailbox's only message and the file of its audio."""
    query = (
        "SELECT message.*, audio.blob_key FROM message JOIN audio ON audio.id = message.audio_id "
        "JOIN mailbox ON mailbox.id = message.mailbox_id "
        "WHERE mailbox.number = $1 AND audio.state = 'stored'"
    )
    (row,) = eventually(lambda: database.rows(query, number), f"a message for {number}", within_s=within_s)
    return row


def audio_is(service: Service, row: dict[str, Any], sent: np.ndarray[Any, np.dtype[np.int16]]) -> bool:
    """Tell whether a message is what was said, to the sample."""
    found = stored(service.folder / "var" / "audio" / row["blob_key"])
    at = place_of(found, sent)
    return np.array_equal(found, sent[at : at + len(found)])


def test_a_message_is_left_and_fetched(
    make_service: MakeService, database: Cluster, own_letters: Letterbox, tmp_path: Path
) -> None:
    service = make_service(more=f'[database]\nurl = "{database.url}"').start()
    file, sent = raw(speech(10), Codec.PCMU, tmp_path / "said.raw")
    Caller(service.udp, tmp_path).invite().speak(file).keys("#").pause(4).bye().run()
    assert audio_is(service, message(database, "1001"), sent)
    own_letters.wait_for("anna@example.org")
    portal = Caller(service.udp, tmp_path, number="8000").invite().keys(f"1001#{PIN}#").pause(LOGIN_S)
    portal.keys("11").pause(1).keys("#").pause(3).bye().run()
    assert message(database, "1001")["state"] == "saved"
    eventually(lambda: len(database.rows("SELECT 1 FROM call_record")) == 2, "both call records")
    assert not (service.folder / "var" / "voicebox.db").exists()

    # Gone in mid-recording, for so long that every wait runs out; the caller notices nothing.
    before_s = service.spooled_s()
    caller = Caller(service.udp, tmp_path, number="1002").invite().speak(file).keys("#").pause(5).bye().start()
    eventually(lambda: service.spooled_s() > before_s + 1, "a recording")
    stopped = database.processes()
    for process in stopped:
        os.kill(process, signal.SIGSTOP)
    try:
        caller.wait()
        eventually(lambda: "waits in the spool" in service.log(), "the deposit to be put off", within_s=40)
    finally:
        for process in stopped:
            os.kill(process, signal.SIGCONT)
    row = message(database, "1002", within_s=60)
    assert audio_is(service, row, sent)
    assert row["interrupted"] is False
