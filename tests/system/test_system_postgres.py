"""The same service on PostgreSQL: a message is left and fetched, also while the database is gone for a while."""

import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.system.audio import place_of, raw, speech, stored
from tests.system.caller import SAID_S, Caller
from tests.system.cluster import ASKS_S, Cluster
from tests.system.conftest import MakeService
from tests.system.letterbox import Letterbox
from tests.system.service import SETTLED_S, Service, eventually
from tests.system.subscriber import at_own_phone
from voicebox.codec import Codec

pytestmark = pytest.mark.system


def message(database: Cluster, number: str, *, state: str = "new") -> dict[str, Any]:
    """Wait for a mailbox's only message and the file of its audio, until it is in a state."""
    query = (
        "SELECT message.*, audio.blob_key FROM message JOIN audio ON audio.id = message.audio_id "
        "JOIN mailbox ON mailbox.id = message.mailbox_id "
        "WHERE mailbox.number = $1 AND message.state = $2 AND audio.state = 'stored'"
    )
    (row,) = eventually(
        lambda: database.rows(query, number, state),
        f"a {state} message for {number}",
        within_s=SETTLED_S,
        every_s=ASKS_S,
    )
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
    file, sent = raw(speech(15), Codec.PCMU, tmp_path / "said.raw")
    Caller(service.udp, tmp_path).invite().speak(file).keys("#").pause(SAID_S).bye().run()
    assert audio_is(service, message(database, "1001"), sent)
    own_letters.wait_for("anna@example.org")
    at_own_phone(service, tmp_path, "1001").keys("11").pause(1).keys("#").pause(3).bye().run()
    message(database, "1001", state="saved")
    eventually(lambda: len(database.rows("SELECT 1 FROM call_record")) == 2, "both call records", every_s=ASKS_S)
    assert not (service.folder / "var" / "voicebox.db").exists()

    # Gone in mid-recording, for so long that every wait runs out; the caller notices nothing.
    before_s = service.spooled_s()
    caller = Caller(service.udp, tmp_path, number="1002").invite().speak(file).keys("#").pause(9).bye().start()
    eventually(lambda: service.spooled_s() > before_s + 1, "a recording")
    stopped = database.processes()
    for process in stopped:
        os.kill(process, signal.SIGSTOP)
    try:
        caller.wait()
        eventually(lambda: "waits in the spool" in service.log(), "the deposit to be put off")
    finally:
        for process in stopped:
            os.kill(process, signal.SIGCONT)
    row = message(database, "1002")
    assert audio_is(service, row, sent)
    assert row["interrupted"] is False
