"""Streams cut into messages by Content-Length, with keep-alives between them."""

import time
import timeit

import pytest

from ivr.sip.errors import FramingError
from ivr.sip.framing import Frame, Framer, KeepAlive
from ivr.sip.message import MESSAGE_MAX_BYTES, parse


def message(body: bytes = b"", *, length: str | None = "", kind: str | None = None) -> bytes:
    lines = [
        "MESSAGE sip:h SIP/2.0",
        "Via: SIP/2.0/TCP a;branch=z9hG4bK1",
        "From: <sip:a@b>;tag=1",
        "To: <sip:c@d>",
        "Call-ID: x",
        "CSeq: 1 MESSAGE",
    ]
    if kind is not None:
        lines.append(f"Content-Type: {kind}")
    if length is not None:
        lines.append(f"Content-Length: {length or len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


def frames(*chunks: bytes) -> list[bytes]:
    framer = Framer()
    return [item.data for chunk in chunks for item in framer.feed(chunk) if isinstance(item, Frame)]


def failure(data: bytes) -> FramingError:
    framer = Framer()
    *_, last = framer.feed(data)
    assert isinstance(last, FramingError)
    assert framer.feed(message()) == []
    return last


@pytest.mark.parametrize("step", [1, 2, 3, 7, 50, 10_000])
def test_messages_are_cut_wherever_the_segments_end(step: int) -> None:
    sent = [message(b"hello\r\n\r\nworld"), message(), message(b"\0" * 300)]
    stream = b"".join(sent)
    assert frames(*(stream[at : at + step] for at in range(0, len(stream), step))) == sent


def test_what_is_cut_can_be_parsed() -> None:
    (data,) = frames(message(b"hi"))
    assert parse(data).body == b"hi"


@pytest.mark.parametrize(
    "head",
    [b"l: 2\r\n", b"CONTENT-LENGTH : 2\r\n", b"Content-Length:\r\n  2\r\n", b"l: 2\r\nContent-Length: 2\r\n"],
)
def test_every_spelling_of_the_length_counts(head: bytes) -> None:
    data = message(length=None).replace(b"\r\n\r\n", b"\r\n" + head + b"\r\nhi")
    assert frames(data + message()) == [data, message()]


def test_lf_alone_ends_lines_too() -> None:
    data = message().replace(b"\r\n", b"\n")
    assert frames(data + message(b"x")) == [data, message(b"x")]


def test_a_ping_is_told_from_a_pong() -> None:
    framer = Framer()
    assert framer.feed(b"\r\n\r\n")[-1] is KeepAlive.PING
    framer = Framer()
    assert framer.feed(b"\r\n") == [KeepAlive.PONG]
    # The other half of a ping that was cut in two.
    assert framer.feed(b"\r\n") == [KeepAlive.PING]


def test_a_pong_is_not_held_back() -> None:
    framer = Framer()
    assert framer.feed(b"\r") == []
    assert framer.feed(b"\n") == [KeepAlive.PONG]


def test_keep_alives_between_messages() -> None:
    framer = Framer()
    items = framer.feed(message() + b"\r\n\r\n" + message() + b"\r\n")
    assert [type(item) if isinstance(item, Frame) else item for item in items] == [
        Frame, KeepAlive.PONG, KeepAlive.PING, Frame, KeepAlive.PONG,
    ]  # fmt: skip
    assert framer.feed(b"\r\n") == [KeepAlive.PING]


def test_idle_tells_a_half_message_from_none() -> None:
    framer = Framer()
    idle = [framer.idle]
    for part in (message()[:-3], message()[-3:]):
        framer.feed(part)
        idle.append(framer.idle)
    assert idle == [True, False, True]


def test_no_length_and_no_type_is_no_body() -> None:
    assert frames(message(length=None) + message(b"x")) == [message(length=None), message(b"x")]


@pytest.mark.parametrize("length", ["-1", "x", "1 2", "1, 1", "+5", "99999999999999999999", "3\r\nContent-Length: 4"])
def test_a_length_that_cannot_be_trusted_ends_the_stream(length: str) -> None:
    error = failure(message(b"abcd", length=length))
    assert error.status == 400
    assert error.answerable is not None
    assert error.answerable.call_id == "x"


def test_a_body_without_a_length_ends_the_stream() -> None:
    assert failure(message(b"abcd", length=None, kind="text/plain")).detail == "Missing Content-Length"


def test_a_message_too_large_ends_the_stream() -> None:
    error = failure(message(b"", length=str(MESSAGE_MAX_BYTES)))
    assert error.status == 513
    assert error.answerable is not None
    endless = failure(b"MESSAGE sip:h SIP/2.0\r\nX: " + b"x" * MESSAGE_MAX_BYTES)
    assert endless.status == 513
    assert endless.answerable is None


def test_messages_before_the_fault_still_come_out() -> None:
    framer = Framer()
    first, fault = framer.feed(message(b"ok") + message(length="-1"))
    assert first == Frame(message(b"ok"))
    assert isinstance(fault, FramingError)


def test_a_slow_drip_of_bytes_costs_no_more_than_a_flood() -> None:

    def cost(length: int) -> float:
        data = b"MESSAGE sip:h SIP/2.0\r\nX: " + b"x" * length

        def drip() -> None:
            framer = Framer()
            for at in range(0, len(data), 10):
                framer.feed(data[at : at + 10])

        return min(timeit.repeat(drip, number=1, repeat=5, timer=time.process_time))

    # Four times as long is four times the work, sixteen where each byte is looked at anew with each that comes.
    assert cost(60_000) < 9 * cost(15_000)
