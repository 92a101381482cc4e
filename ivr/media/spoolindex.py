"""Which recordings lie in which segments, and when a segment can go.

A segment goes when no recording in it is wanted any more. The mark that says so (SETTLED, DISCARD) must outlive the
audio it speaks of, or a restart would find the audio without the mark and bring the message back: a mark whose audio
still lies in another segment is written again before its own segment goes.
"""

from array import array
from dataclasses import dataclass, field

from ivr.media.spoolfile import FINAL, Begin, End, Kind, Record


@dataclass(slots=True)
class Entry:
    """One recording that is still wanted."""

    rate_hz: int
    context: bytes
    segments: set[int] = field(default_factory=set)
    places: "array[int]" = field(default_factory=lambda: array("Q"))
    """Its records: segment * 2**32 + offset. Eight bytes each, or a long call would not fit its budget."""
    samples: int | None = None
    """Of the END record."""
    accepted: bytes | None = None
    """Flags of the ACCEPT record."""

    def add(self, segment: int, offset: int) -> None:
        """Note where a record lies."""
        self.segments.add(segment)
        self.places.append(segment << 32 | offset)


@dataclass(slots=True)
class _Gone:
    """One that is not wanted any more, but whose records are still there."""

    mark: Kind
    mark_segment: int
    segments: set[int]


class SpoolIndex:
    """The bookkeeping of one spool; no I/O."""

    def __init__(self) -> None:
        self.live: dict[bytes, Entry] = {}
        self._wanted: dict[int, set[bytes]] = {}
        """By segment: the live recordings that have records there."""
        self._gone: dict[bytes, _Gone] = {}
        self._closed: set[int] = set()
        """Segments that get no further records."""

    def begin(self, recording: bytes, rate_hz: int, context: bytes) -> Entry:
        """Enter a new recording."""
        entry = self.live[recording] = Entry(rate_hz, context)
        return entry

    def place(self, recording: bytes, segment: int, offset: int) -> None:
        """Note a record of a live recording."""
        self.live[recording].add(segment, offset)
        self._wanted.setdefault(segment, set()).add(recording)

    def finish(self, recording: bytes, mark: Kind, segment: int) -> None:
        """Note the mark that says that a recording is not wanted any more."""
        entry = self.live.pop(recording, None)
        if entry is None:
            return
        for each in entry.segments:
            self._wanted.get(each, set()).discard(recording)
        self._gone[recording] = _Gone(mark, segment, entry.segments)

    def close(self, segment: int) -> None:
        """Note that a segment gets no further records."""
        self._closed.add(segment)

    def removable(self) -> list[int]:
        """Return the segments that nothing wanted lies in."""
        return sorted(segment for segment in self._closed if not self._wanted.get(segment))

    def marks_to_move(self, segment: int) -> list[tuple[bytes, Kind]]:
        """Return the marks in a segment that must be written again before it goes."""
        return [
            (recording, gone.mark)
            for recording, gone in self._gone.items()
            if gone.mark_segment == segment and gone.segments - {segment}
        ]

    def moved(self, recording: bytes, segment: int) -> None:
        """Note where a mark was written again."""
        self._gone[recording].mark_segment = segment

    def removed(self, segment: int) -> None:
        """Forget a segment."""
        self._closed.discard(segment)
        self._wanted.pop(segment, None)
        for recording in [each for each, gone in self._gone.items() if segment in gone.segments]:
            gone = self._gone[recording]
            gone.segments.discard(segment)
            if not gone.segments:
                del self._gone[recording]

    def learn(self, segment: int, record: Record) -> None:
        """Take in a record found at start."""
        recording = record.recording
        if isinstance(record.body, Begin):
            self.begin(recording, record.body.rate_hz, record.body.context)
        if recording not in self.live:
            return  # its BEGIN went with a segment that nothing wanted lay in
        if record.kind in FINAL:
            self.finish(recording, record.kind, segment)
            return
        self.place(recording, segment, record.offset)
        entry = self.live[recording]
        if isinstance(record.body, End):
            entry.samples = record.body.samples
        elif record.kind is Kind.ACCEPT:
            entry.accepted = getattr(record.body, "flags", b"")
