"""The call as a flow sees it: play, ask, record, hang up.

A flow is a plain coroutine over a `Call`. Silence is an ordinary answer, not an error. `Hangup` is raised by the
methods of a call only, and caught by the engine only; the flow's task is never cancelled, so no database write is
cut in half. `record` *returns* on hang-up, since that is how most messages end; the next method raises `Hangup`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, Protocol

from prompts.phrases import Phrase
from voicebox.arrival import Arrival
from voicebox.mailbox import Mailbox
from voicebox.message import Take
from voicebox.outbound import Dial

KEYS: Final = "0123456789*#"
FIRST_DIGIT_S: Final = 10.0
BETWEEN_DIGITS_S: Final = 3.0
MENU_SILENCE_S: Final = 6.0


class Hangup(Exception):  # noqa: N818 - the caller hanging up is the ordinary end of a call, not a fault
    """The call is over. Raised by the methods of a call, caught by the engine."""


@dataclass(frozen=True, slots=True)
class Clip:
    """Recorded audio to play: a message, a greeting, or the take being reviewed."""

    audio_id: str
    start_s: float = 0.0
    speed: float = 1.0
    """0.75 to 2.0; the pitch stays."""


@dataclass(frozen=True, slots=True)
class Pause:
    """Silence between two sounds."""

    length_s: float


Sound = Phrase | Clip | Pause
"""What `play` takes, in order. The record tone and the beeps are phrases too (`tone-record`)."""


@dataclass(frozen=True, slots=True)
class Played:
    """How playing ended."""

    key: str = ""
    """The key that stopped it, or empty when it was heard to its end."""
    clip_s: float = 0.0
    """Position in the last clip begun, in seconds of the recording (not of stretched time)."""


class RecordEnd(StrEnum):
    """Why a recording ended."""

    KEY = "key"
    SILENCE = "silence"
    MAXIMUM = "maximum"
    NO_SPEECH = "no-speech"
    HANGUP = "hangup"
    NO_RTP = "no-rtp"
    SHUTDOWN = "shutdown"


@dataclass(frozen=True, slots=True)
class Recorded:
    """A finished recording. The take is on disk (synced) when this value exists."""

    by: RecordEnd
    key: str = ""
    take: Take | None = None
    """None when nothing is left after trimming."""


@dataclass(frozen=True, slots=True)
class RecordLimits:
    """When a recording ends by itself (phone-menus.md, "The caller")."""

    max_s: float
    stop_keys: str = "#*0"
    silence_s: float = 10.0
    """This much silence after speech ends it."""
    no_speech_s: float = 10.0
    """No speech at all for this long ends it."""
    keep_tail_s: float = 0.5
    """Trailing silence is trimmed to this."""
    warn_s: float = 10.0
    """Two short beeps sound this long before the maximum."""


class TransferEnd(StrEnum):
    """What came of connecting the caller to somebody else."""

    CONNECTED = "connected"
    """They talked, and the other side has hung up."""
    REFERRED = "referred"
    """The peer has taken the call over (RFC 3515)."""
    BUSY = "busy"
    NO_ANSWER = "no-answer"
    FAILED = "failed"
    """Not reachable, not registered, refused by the network."""
    LIMIT = "limit"
    """They talked until the day's budget was spent."""

    @property
    def reached(self) -> bool:
        """Whether the caller got through."""
        return self in {TransferEnd.CONNECTED, TransferEnd.REFERRED, TransferEnd.LIMIT}


class Line(StrEnum):
    """How sure we are of who is on the line (voicemail.md, rows 3 and 4)."""

    DEVICE = "device"
    """A phone whose digest was verified on this call."""
    TRUNK = "trunk"
    """A peer with `verified_caller_id`."""
    CLAIMED = "claimed"
    """A number that anybody could have claimed."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the call comes from, as the engine established it."""

    company_id: int
    peer: str
    """Name of the peer or trunk, or the device's number."""
    line: Line
    address: str
    """The source's IP address: failures of strangers are counted by it."""
    device: str | None = None
    """The mailbox number of the verified device."""
    trusted: bool = False
    """A configured peer: failures are counted by the caller's number, not by its address."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a call before its flow begins."""

    id: str
    """32 hex digits."""
    arrival: Arrival
    origin: Origin
    caller_login: bool = False
    """Whether the company lets callers from outside log in by `*` in a greeting."""
    extra: Mapping[str, str] = field(default_factory=dict)

    @property
    def may_log_in(self) -> bool:
        """Whether `*` in a greeting leads to the login: for a phone of the house, and where the company allows it."""
        return self.caller_login or self.origin.device is not None


class Call(Protocol):
    """One call in progress."""

    @property
    def facts(self) -> Facts:
        """Who called whom, from where."""
        ...

    def note(self, event: str, **facts: Any) -> None:
        """Write an event of the flow (`login`, `message`, `locked`, ...) into the call's trace."""
        ...

    async def answer(self) -> None:
        """Pick up: 200, then wait for ACK and the opening silence of 500 ms. A second call does nothing."""
        ...

    async def play(self, *sounds: Sound, keys: str = KEYS) -> Played:
        """Play sounds one after the other; a key among `keys` stops them at once and is returned.

        Other keys are ignored. A key typed ahead (since the last method returned) counts. Empty `keys` plays
        to the end and leaves keys typed meanwhile for the next method.

        Raises:
            Hangup: the call is over.
        """
        ...

    async def key(self, *sounds: Sound, keys: str = KEYS, wait_s: float = MENU_SILENCE_S) -> str:
        """Play, then wait for one key for `wait_s`; return the key, or "" for silence.

        Unlike `play`, any key stops the sounds and is returned, also one not in `keys`, so that a menu can count
        wrong keys. `keys` is what the trace shows as offered.
        """
        ...

    async def digits(
        self,
        *sounds: Sound,
        most: int,
        first_s: float = FIRST_DIGIT_S,
        between_s: float = BETWEEN_DIGITS_S,
        secret: bool = False,
    ) -> str:
        """Collect up to `most` digits ended by `#` (not returned) or by `between_s` of silence.

        `*` ends at once and is returned as the last character ("12*", "*"). With `secret`, the trace gets
        `{"event": "secret", "count": n}` instead of keys, and everything typed after the first `#` is discarded.
        """
        ...

    def forget_keys(self) -> None:
        """Discard keys typed ahead: what follows must be confirmed by a fresh key."""
        ...

    async def pause(self, length_s: float) -> None:
        """Let time pass in silence; keys are kept."""
        ...

    async def record(self, context: bytes, limits: RecordLimits) -> Recorded:
        """Record from now on into the spool. `context` is stored with the recording for recovery after a crash.

        Returns when a stop key, silence, the maximum, or a hang-up ends it; never raises `Hangup`.
        """
        ...

    async def discard(self, take: Take) -> None:
        """Forget a take durably: a restart will not bring it back."""
        ...

    async def transfer(
        self,
        dial: Dial,
        payer: Mailbox,
        *,
        diverted: bool,
        answered: Callable[[], None],
        lease_s: Callable[[], float | None],
    ) -> TransferEnd:
        """Ring somebody else while the caller hears the ringing tone, and let them talk until either hangs up.

        Keys are theirs meanwhile.

        Args:
            dial: whom, as the outbound policy allowed it.
            payer: the mailbox in whose name this is.
            diverted: the caller's call goes on from the mailbox to there (and a peer may be asked to take it over);
                otherwise the mailbox's subscriber is the one who calls.
            answered: called when the other side picks up; never where the peer takes the call over.
            lease_s: says while they talk for how long they may before it is asked again; 0 ends it, None costs nothing.

        Raises:
            Hangup: the call is over; the other side has been hung up too.
        """
        ...

    async def hang_up(self, cause: str = "") -> None:
        """End the call by BYE (with `Reason` text where given) and return; later methods raise `Hangup`."""
        ...
