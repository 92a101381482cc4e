"""Playing, frame by frame."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from ivr.media.playback import Playback


def playback(chunks: list[bytes], frame_bytes: int = 160) -> Playback:
    loop = asyncio.new_event_loop()
    try:
        done: asyncio.Future[bool] = loop.create_future()
    finally:
        loop.close()
    return Playback(chunks, frame_bytes, b"\xff", done, lambda _: None)


@given(st.lists(st.binary(max_size=50), max_size=6), st.integers(1, 20))
def test_each_chunk_leaves_whole_padded_to_frames(chunks: list[bytes], frame_bytes: int) -> None:
    played = playback(chunks, frame_bytes)
    frames = []
    while played.left:
        frames.append(played.frame())
    assert all(len(each) == frame_bytes for each in frames)
    padded = b"".join(chunk + b"\xff" * (-len(chunk) % frame_bytes) for chunk in chunks)
    assert b"".join(frames) == padded
    assert played.position_bytes == sum(map(len, chunks))


def test_the_position_counts_what_has_left() -> None:
    played = playback([b"a" * 400, b"", b"b" * 320])
    assert played.position_bytes == 0
    positions = []
    while played.left:
        played.frame()
        positions.append((played.position, played.position_bytes))
    assert positions == [((0, 160), 160), ((0, 320), 320), ((0, 400), 400), ((1, 160), 560), ((1, 320), 720)]


def test_what_is_left_can_change_its_codec() -> None:
    played = playback([b"a" * 320])
    assert played.frame() == b"a" * 160
    played.recode(lambda chunk: chunk.upper())
    assert played.frame() == b"A" * 160
