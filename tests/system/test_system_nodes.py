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
from tests.system.caller import SAID_S, Caller
from tests.system.cluster import ASKS_S, Cluster
from tests.system.service import SETTLED_S, Service, eventually
from tests.system.subscriber import at_own_phone
from tests.system.test_system_api import get
from voicebox.codec import Codec

pytestmark = pytest.mark.system

HEARD_S = 11.0
"""Longer than a heading takes, and the words that a message cannot be played, or what was said in SAID_S."""


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
        (row,) = eventually(lambda: self.database.rows(query, number), f"a message for {number}", every_s=ASKS_S)
        return row

    def trace(self, caller: str, *, count: int = 1) -> list[dict[str, Any]]:
        """Wait for the record of the newest of `count` calls of somebody, and return its trace."""
        query = "SELECT trace FROM call_record WHERE caller = $1 ORDER BY started_at OFFSET $2"
        (row,) = eventually(
            lambda: self.database.rows(query, caller, count - 1), f"call {count} from {caller}", every_s=ASKS_S
        )
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


def fetch(node: Service, folder: Path, number: str) -> None:
    """Call a node's portal, listen to the first message for a while, and hang up."""
    at_own_phone(node, folder, number).keys("11").pause(HEARD_S).bye().run()


def test_a_message_on_a_lost_node_is_not_to_be_had_now_and_comes_back_with_it(nodes: Nodes, tmp_path: Path) -> None:
    first, second = nodes.first.start(), nodes.second.start()
    file, sent = raw(speech(8), Codec.PCMU, tmp_path / "said.raw")
    (company,) = nodes.database.rows("SELECT id FROM company")
    in_the_way = nodes.store / str(company["id"])
    in_the_way.write_bytes(b"")  # no folder: nothing can be stored
    Caller(first.udp, tmp_path, number="1002").invite().speak(file).keys("#").pause(SAID_S).bye().run()
    before = nodes.row("1002")
    first.kill()
    in_the_way.unlink()
    assert (before["state"], before["audio"]) == ("new", "spool")

    token = second.voicebox("token", "--mailbox", "1002").stdout.strip()
    sound = f"/api/v1/messages/{before['id']}/audio"
    assert get(second, sound, token)[0] == 503
    fetch(second, tmp_path, "1002")
    trace = nodes.trace("1002")
    assert [each["message"] for each in trace if each["event"] == "away"] == [before["id"]]
    assert "message-not-playable" in [each["id"] for each in trace if each["event"] == "prompt"]
    assert nodes.row("1002") == before, "new as before, without an attempt or an error"
    assert "is broken" not in second.log()

    first.start()
    eventually(lambda: nodes.row("1002")["audio"] == "stored", "settlement", within_s=SETTLED_S, every_s=ASKS_S)
    status, wav = get(second, sound, token)
    assert status == 200
    found, _ = soundfile.read(io.BytesIO(wav), dtype="int16")
    at = place_of(found, sent)
    assert np.array_equal(found, sent[at : at + len(found)])
    fetch(second, tmp_path, "1002")
    heard = [each["id"] for each in nodes.trace("1002", count=2) if each["event"] == "prompt"]
    assert f"clip:{before['id']}" in heard
    eventually(lambda: nodes.row("1002")["state"] == "saved", "the message to be saved", every_s=ASKS_S)
