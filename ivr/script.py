"""What a scripted caller does, step by step; `ivr.scripted.ScriptedCall` follows it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from ivr.call import TransferEnd


@dataclass(frozen=True, slots=True)
class Press:
    """Type keys in one burst, `at_s` seconds after the sounds began (0 = at once)."""

    keys: str
    at_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Silence:
    """Say and type nothing until the flow gives up waiting once."""


@dataclass(frozen=True, slots=True)
class Speak:
    """Talk for so long while being recorded."""

    length_s: float


@dataclass(frozen=True, slots=True)
class Quiet:
    """Be silent for so long while being recorded."""

    length_s: float


@dataclass(frozen=True, slots=True)
class ListenTo:
    """Type nothing before this utterance or clip has been heard to its end."""

    id: str


@dataclass(frozen=True, slots=True)
class HangUp:
    """Put the receiver down."""


@dataclass(frozen=True, slots=True)
class LoseRtp:
    """Stop sending audio while being recorded: the network broke."""


@dataclass(frozen=True, slots=True)
class ShutDown:
    """The server is stopped while it records."""


@dataclass(frozen=True, slots=True)
class Ring:
    """Be connected to somebody else; that is what comes of it."""

    end: TransferEnd
    talk_s: float
    """For how long they talk, where they do."""
    hang_up: bool
    """The caller hangs up first: while it rings, or at the end of the talk."""


@dataclass(frozen=True, slots=True)
class Meanwhile:
    """Somebody else does something while the flow listens next, such as emptying the mailbox on the web."""

    do: Callable[[], Awaitable[object]]


Step = Press | Silence | Speak | Quiet | ListenTo | HangUp | LoseRtp | ShutDown | Ring | Meanwhile


def press(keys: str, at_s: float = 0.0) -> Press:
    """Type keys when the flow next listens, `at_s` seconds into what it plays."""
    return Press(keys, at_s)


def silence() -> Silence:
    """Let one wait for keys, or one recording, run out."""
    return Silence()


def speak(length_s: float) -> Speak:
    """Talk while being recorded."""
    return Speak(length_s)


def quiet(length_s: float) -> Quiet:
    """Be silent while being recorded."""
    return Quiet(length_s)


def listen_to(sound_id: str) -> ListenTo:
    """Hear everything up to the end of this utterance or clip."""
    return ListenTo(sound_id)


def hang_up() -> HangUp:
    """Put the receiver down."""
    return HangUp()


def lose_rtp() -> LoseRtp:
    """Lose the caller's audio while recording."""
    return LoseRtp()


def shut_down() -> ShutDown:
    """Stop the server while recording."""
    return ShutDown()


def ring(end: TransferEnd, *, talk_s: float = 60.0, hang_up: bool = False) -> Ring:
    """Be connected to somebody else."""
    return Ring(end, talk_s, hang_up)


def meanwhile(do: Callable[[], Awaitable[object]]) -> Meanwhile:
    """Let something happen elsewhere before the flow listens again."""
    return Meanwhile(do)
