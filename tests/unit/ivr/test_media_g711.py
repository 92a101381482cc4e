"""G.711 by table agrees with the ITU reference, as `audioop` carries it."""

import audioop

import numpy as np
import pytest

from ivr.media.g711 import DECODED, decode, encode, transcode
from voicebox.codec import Codec

EVERY_CODE = bytes(range(256))
EVERY_SAMPLE = np.arange(-32768, 32768, dtype=np.int32).astype(np.int16)
LAWS = [Codec.PCMU, Codec.PCMA]


def to_linear(codec: Codec, data: bytes) -> bytes:
    return audioop.ulaw2lin(data, 2) if codec is Codec.PCMU else audioop.alaw2lin(data, 2)


def from_linear(codec: Codec, data: bytes) -> bytes:
    return audioop.lin2ulaw(data, 2) if codec is Codec.PCMU else audioop.lin2alaw(data, 2)


@pytest.mark.parametrize("codec", LAWS)
def test_decodes_all_codes_like_the_reference(codec: Codec) -> None:
    assert decode(EVERY_CODE, codec).tobytes() == to_linear(codec, EVERY_CODE)


@pytest.mark.parametrize("codec", LAWS)
def test_encodes_all_samples_like_the_reference(codec: Codec) -> None:
    assert encode(EVERY_SAMPLE, codec) == from_linear(codec, EVERY_SAMPLE.tobytes())


@pytest.mark.parametrize("codec", LAWS)
def test_every_code_survives_the_way_there_and_back(codec: Codec) -> None:
    again = encode(decode(EVERY_CODE, codec), codec)
    # Mu-law has two zeros, 0x7F and 0xFF: the negative one becomes the positive.
    expected = EVERY_CODE.replace(b"\x7f", b"\xff") if codec is Codec.PCMU else EVERY_CODE
    assert again == expected


@pytest.mark.parametrize("codec", LAWS)
def test_the_silence_byte_is_the_quietest(codec: Codec) -> None:
    assert abs(int(decode(codec.value.silence, codec)[0])) == np.abs(DECODED[codec].astype(int)).min()


@pytest.mark.parametrize(("source", "target"), [(Codec.PCMU, Codec.PCMA), (Codec.PCMA, Codec.PCMU)])
def test_one_law_becomes_the_other_through_the_samples(source: Codec, target: Codec) -> None:
    assert transcode(EVERY_CODE, source, target) == encode(decode(EVERY_CODE, source), target)


def test_the_same_law_stays_as_it_is() -> None:
    assert transcode(EVERY_CODE, Codec.PCMU, Codec.PCMU) == EVERY_CODE
