"""Two nodes on one PostgreSQL and one audio store, each with a spool of its own: one is lost, the other goes on."""

import io
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from tests.system.audio import place_of, raw, speech
from tests.system.caller import Caller
from tests.system.cluster import Cluster
from tests.system.service import PIN, Service, eventually
from tests.system.subscriber import LOGIN_S
from tests.system.test_system_api import get
from voicebox.codec import Codec

pytestmark = pytest.mark.system

HEARD_S = 9.0
"""Longer than a heading takes, and the words that a message cannot be played."""


@dataclass(frozen=True)
class Nodes:
    """Two services, not started yet, and what they share."""

    first: Service
    second: Service
    store: Path
    database: Cluster

    def row(self, number: str) -> dict[str, Any]:
        """Wait for a mailbox's only message, and return it with what is known of its audio."""
        query = (
            "SELECT message.id, message.state, audio.state AS audio, audio.attempts, audio.last_error, audio.blob_key "
            "FROM message JOIN audio ON audio.id = message.audio_id JOIN mailbox ON mailbox.id = message.mailbox_id "
            "WHERE mailbox.number = $1"
        )
        (row,) = eventually(lambda: self.database.rows(query, number), f"a message for {number}")
        return row

    def trace(self, caller: str) -> list[dict[str, Any]]:
        """Wait for the record of the only call of somebody, and return its trace."""
        query = "SELECT trace FROM call_record WHERE caller = $1"
        (row,) = eventually(lambda: self.database.rows(query, caller), f"the record of the call from {caller}")
        found: list[dict[str, Any]] = json.loads(row["trace"])
        return found


@pytest.fixture
def nodes(tmp_path: Path, database: Cluster, rtp_ports: tuple[int, int], cache: Path) -> Iterator[Nodes]:
    """Two nodes that share database, audio store and the key of the PINs."""
    store = tmp_path / "audio"
    more = f'[database]\nurl = "{database.url}"\n[audio]\nurl = "{store.as_uri()}"'
    half = (rtp_ports[1] + 1 - rtp_ports[0]) // 2
    made = []
    for at, name in enumerate(("first", "second")):
        folder = tmp_path / name
        folder.mkdir()
        ports = (rtp_ports[0] + at * half, rtp_ports[0] + (at + 1) * half - 1)
        made.append(Service(folder, rtp_ports=ports, cache=cache, more=more))
    first, second = made
    first.apply()
    shutil.copy(first.folder / "var" / "pin.key", second.folder / "var" / "pin.key")
    yield Nodes(first, second, store, database)
    for each in made:
        each.kill()


def fetch(node: Service, folder: Path, number: str, from_number: str) -> None:
    """Call a node's portal, listen to the first message for a while, and hang up."""
    from_ = f"<sip:{from_number}@[local_ip]:[local_port]>"
    caller = Caller(node.udp, folder, number="8000", from_=from_).invite().keys(f"{number}#{PIN}#").pause(LOGIN_S)
    caller.keys("11").pause(HEARD_S).bye().run()


def test_a_message_on_a_lost_node_is_not_to_be_had_now_and_comes_back_with_it(nodes: Nodes, tmp_path: Path) -> None:
    first, second = nodes.first.start(), nodes.second.start()
    file, sent = raw(speech(5), Codec.PCMU, tmp_path / "said.raw")
    (company,) = nodes.database.rows("SELECT id FROM company")
    in_the_way = nodes.store / str(company["id"])
    in_the_way.write_bytes(b"")  # no folder: nothing can be stored
    Caller(first.udp, tmp_path, number="1002").invite().speak(file).keys("#").pause(4).bye().run()
    before = nodes.row("1002")
    first.kill()
    in_the_way.unlink()
    assert (before["state"], before["audio"]) == ("new", "spool")

    token = second.voicebox("token", "--mailbox", "1002").stdout.strip()
    sound = f"/api/v1/messages/{before['id']}/audio"
    assert get(second, sound, token)[0] == 503
    fetch(second, tmp_path, "1002", "+4915155500031")
    trace = nodes.trace("+4915155500031")
    assert [each["message"] for each in trace if each["event"] == "away"] == [before["id"]]
    assert "message-not-playable" in [each["id"] for each in trace if each["event"] == "prompt"]
    assert nodes.row("1002") == before, "new as before, without an attempt or an error"
    assert "is broken" not in second.log()

    first.start()
    eventually(lambda: nodes.row("1002")["audio"] == "stored", "settlement")
    status, wav = get(second, sound, token)
    assert status == 200
    found, _ = soundfile.read(io.BytesIO(wav), dtype="int16")
    at = place_of(found, sent)
    assert np.array_equal(found, sent[at : at + len(found)])
    fetch(second, tmp_path, "1002", "+4915155500032")
    heard = [each["id"] for each in nodes.trace("+4915155500032") if each["event"] == "prompt"]
    assert f"clip:{before['id']}" in heard
    assert nodes.row("1002")["state"] == "saved"
