"""A subscriber at the portal, by SIPp: logs in, presses keys, speaks; and what came of it."""

import sqlite3
from pathlib import Path
from typing import Any, Final

import numpy as np
import soundfile
import soxr

from tests.system.audio import RATE_HZ, Pcm
from tests.system.caller import Caller
from tests.system.service import PIN, SETTLED_S, Service, device_password, eventually

LOGIN_S: Final = 5.0
"""After the PIN: what is typed before the answer is thrown away, and a busy machine takes seconds to check a PIN."""
OPENED_S: Final = 1.0
"""After the opening silence of a call that needs no PIN."""
PROCESSED_S: Final = 25.0
"""After a recording of one's own: a worker process judges it, the first of which has to start, and words say how."""
HOME: Final = "127.0.0.7"
"""Where subscribers' phones call from: no peer's address, so that a digest says whose each is."""


def subscriber(
    service: Service, folder: Path, number: str, *, said: Path | None = None, pin: str = PIN, from_number: str = ""
) -> Caller:
    """Return someone who has logged in to a mailbox, speaking all the time where there is something to say.

    `from_number` is where the call comes from, by which its record is found.
    """
    from_number = from_number or f"+491515557{number}"
    caller = Caller(service.udp, folder, number="8000", from_=f"<sip:{from_number}@[local_ip]:[local_port]>").invite()
    if said is not None:
        caller.speak(said)
    return caller.keys(f"{number}#{pin}#").pause(LOGIN_S)


def at_own_phone(service: Service, folder: Path, number: str, *, said: Path | None = None) -> Caller:
    """Return a subscriber in their mailbox at once: their phone calls, and nobody asks for a PIN.

    The call comes from `number`, by which its record is found.
    """
    caller = Caller(
        service.udp,
        folder,
        number="8000",
        local=HOME,
        from_=f"<sip:{number}@voicebox.example>",
        user=number,
        password=device_password(number),
    ).invite()
    return (caller if said is None else caller.speak(said)).pause(OPENED_S)


def recording(caller: Caller, length_s: float = 3.0) -> Caller:
    """Skip the words before the tone, be recorded, and end it; it is kept whatever the subscriber does then."""
    return caller.pause(0.5).keys("#").pause(0.5 + length_s).keys("#").pause(0.3)


def mailbox(service: Service, number: str) -> sqlite3.Row:
    """Return a mailbox's row."""
    (row,) = service.rows("SELECT * FROM mailbox WHERE number = ?", number)
    return row


def set_to(service: Service, number: str, field: str, *, other_than: str | None = None) -> str:
    """Wait until a field of a mailbox is set, to something else than it was."""

    def look() -> str | None:
        found: str | None = mailbox(service, number)[field]
        return found if found != other_than else None

    return eventually(look, f"{field} of {number}", within_s=SETTLED_S)


def forwarded(service: Service, folder: Path, number: str, *headers: str, from_number: str, keys: str = "") -> Caller:
    """Return a caller at a mailbox: its own number was called, or a line was busy that `busy` names in the headers."""
    from_ = f"<sip:{from_number}@[local_ip]:[local_port]>"
    caller = Caller(service.udp, folder, number="8000" if headers else number, from_=from_).invite(*headers)
    return caller.keys(keys) if keys else caller


def busy(number: str) -> str:
    """Return the header of a call that was forwarded since a line was busy."""
    return f"Diversion: <sip:{number}@pbx>;reason=user-busy"


def record_of(service: Service, from_number: str, *, count: int = 1) -> dict[str, Any]:
    """Wait for the record of the newest of `count` calls from a number."""

    def look() -> list[sqlite3.Row] | None:
        found = service.rows("SELECT id FROM call_record WHERE caller = ? ORDER BY started_at", from_number)
        return found if len(found) >= count else None

    found = eventually(look, f"call {count} from {from_number}")
    assert len(found) == count
    return service.call_of(str(found[-1]["id"]))


def prompts(record: dict[str, Any]) -> list[str]:
    """Return what was played on a call, in order."""
    return [entry["id"] for entry in record["trace"] if entry["event"] == "prompt"]


def kept(service: Service, audio_id: str) -> Pcm:
    """Return a kept greeting or name at the rate of a call."""
    samples, rate_hz = soundfile.read(service.flac(audio_id), dtype="int16")
    assert rate_hz == 16_000
    return np.asarray(soxr.resample(samples, rate_hz, RATE_HZ), dtype=np.int16)
