"""The numbers under which packets leave."""

import socket
from collections.abc import Iterator

import pytest

from ivr.media.sender import Sender
from voicebox.codec import Codec


@pytest.fixture
def sender() -> Iterator[Sender]:
    near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    made = Sender(near)
    made.use(Codec.PCMU, 0)
    yield made
    near.close()
    far.close()


@pytest.mark.parametrize(
    ("later_ms", "distance"), [(0, 160), (1, 160), (19, 160), (20, 160), (21, 168), (2000, 16_000)]
)
def test_what_is_passed_on_begins_after_our_own_last_frame(sender: Sender, later_ms: int, distance: int) -> None:
    sender.send_silence(5_000)
    _, timestamp = sender.anchor(5_000 + later_ms)
    assert (timestamp - sender.timestamp(5_000)) & 0xFFFF_FFFF == distance


def test_before_our_first_frame_it_begins_at_once(sender: Sender) -> None:
    assert sender.anchor(7)[1] == sender.timestamp(7)
