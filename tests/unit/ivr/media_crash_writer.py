"""Records for the crash test, as a process of its own: one stream, until it is killed. Arguments: folder, take id.

Says on which port, and then without end what time it is, which tells when the process was held up.
"""

import asyncio
import sys
import time
from pathlib import Path

import uvloop

from ivr.media.plane import MediaPlane
from ivr.media.recording import Limits
from ivr.media.remote import RemoteMedia
from ivr.media.spool import Spool
from voicebox.codec import Codec


async def record(folder: Path, take_id: str) -> None:
    """Record what comes."""
    spool = Spool.open(folder, segment_bytes=1 << 20, floor_bytes=0)
    plane = MediaPlane(spool, address="127.0.0.1", ports=(24_000, 24_999))
    stream = await plane.open()
    stream.connect(RemoteMedia("127.0.0.1", 9, Codec.PCMU, 0))
    stream.record(take_id, b"the context", Limits(max_s=60))
    print(stream.port, flush=True)
    while True:
        print(time.monotonic(), flush=True)
        await asyncio.sleep(0.05)


if __name__ == "__main__":
    uvloop.run(record(Path(sys.argv[1]), sys.argv[2]))
