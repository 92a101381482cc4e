"""The figures that `/metrics` shows (Prometheus), behind typed functions named after what happened.

Nothing here runs per packet: media figures are added once a call ends, the rest once an event. Labels are closed sets,
so a stranger's input never makes a new time series.
"""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Final, Literal

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from voicebox.callrecord import RtpFigures

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

_FAST_S: Final = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.5)
_SLOW_S: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)


class CallResult(StrEnum):
    """How a call ended, as an operator counts it."""

    MESSAGE = "message"
    """A message was left."""
    NO_MESSAGE = "no-message"
    """Answered for a mailbox, nothing left."""
    PORTAL = "portal"
    """A subscriber's call."""
    CONNECTED = "connected"
    """Answered by a phone or transferred."""
    CANCELLED = "cancelled"
    """The caller gave up before the answer."""
    REFUSED = "refused"
    """Not ours to answer: unknown number, mailbox off, no permission."""
    OVERLOAD = "overload"
    """503: draining, or no files, ports or memory left."""
    FAILED = "failed"
    """Our fault."""


class MailResult(StrEnum):
    """How an attempt to deliver a mail ended."""

    SENT = "sent"
    TEMPORARY = "temporary"
    PERMANENT = "permanent"
    UNKNOWN = "unknown"
    """The server vanished after the text; sent again with the same Message-ID."""


class _Tally(Collector):
    """Counters kept elsewhere as plain integers, shown as they were when last handed over."""

    def __init__(self, name: str, text: str, label: str) -> None:
        self.values: Mapping[str, int] = {}
        self._family = (name, text, [label])

    def collect(self) -> Iterator[CounterMetricFamily]:
        name, text, labels = self._family
        family = CounterMetricFamily(name, text, labels=labels)
        for value, count in self.values.items():
            family.add_metric([value], count)
        yield family


class Metrics:
    """All figures of one process."""

    def __init__(self, *, process: bool = True) -> None:
        """Set up an empty registry; `process` adds memory, CPU, files and garbage collection."""
        self.registry = CollectorRegistry()
        if process:
            ProcessCollector(registry=self.registry)
            PlatformCollector(registry=self.registry)
            GCCollector(registry=self.registry)
        self._calls = self._gauge("calls", "Calls in progress.")
        self._calls_ended = self._counter("calls_ended", "Calls by how they ended.", "result")
        self._setup = self._histogram("call_setup_seconds", "From INVITE to 200.", _FAST_S)
        self._messages = self._counter("messages", "Messages taken.", "how")
        self._logins = self._counter("logins", "Logins at the voice portal.", "result")
        self._transfers = self._counter("transfers", "Calls connected to somebody else, or not.", "result")
        self._calls_out = self._gauge("calls_out", "Calls to the outside in progress, which cost and count.")
        self._sip = self._tally("sip_events", "What the SIP side counts, by its name there.", "event")
        self._transactions = self._gauge("sip_transactions", "SIP transactions in progress or kept for repeats.")
        self._connections = self._gauge("sip_connections", "SIP connections over TCP that are open.")
        self._rtp_received = self._counter("rtp_packets_received", "RTP packets received, by ended calls.")
        self._rtp_lost = self._counter("rtp_packets_lost", "RTP packets that never came, by ended calls.")
        self._rtp_sent = self._counter("rtp_packets_sent", "RTP packets sent, by ended calls.")
        self._spool_bytes = self._gauge("spool_bytes", "Bytes of the spool on disk, reserved space included.")
        self._spool_free = self._gauge("spool_free_seconds", "Seconds of recording that still fit on the disk.")
        self._spool_failing = self._gauge("spool_failing", "1 while the spool cannot be written, otherwise 0.")
        self._spool_syncs = self._tally("spool_syncs", "Writes of the spool that were synced to disk.", "result")
        self._spool_unwritten = self._gauge("spool_unwritten_messages", "Messages waiting for the database.")
        self._audio_unsettled = self._gauge("audio_unsettled", "Recordings not in the audio store.", "state")
        self._outbox_depth = self._gauge("outbox_due", "Outbox rows that are not done.", "kind")
        self._outbox_age = self._gauge("outbox_oldest_seconds", "Age of the oldest outbox row not done.", "kind")
        self._outbox_given_up = self._counter("outbox_given_up", "Outbox rows given up for good.", "kind")
        self._settlements = self._tally("settlements", "Recordings moved from spool to audio store.", "result")
        self._light = self._histogram("light_seconds", "From a mailbox's change to its NOTIFY.", _FAST_S)
        self._mails = self._counter("mail_deliveries", "Attempts to deliver a mail.", "result")
        self._mail_seconds = self._histogram("mail_delivery_seconds", "One attempt to deliver a mail.", _SLOW_S)
        # A series that appears only with its first fault cannot be alarmed on: rate() misses the step from nothing.
        for result in CallResult:
            self._calls_ended.labels(result)
        for outcome in MailResult:
            self._mails.labels(outcome)
        for how in ("deposited", "recovered", "forwarded"):
            self._messages.labels(how)
        for login in ("ok", "wrong", "locked"):
            self._logins.labels(login)
        for end in ("connected", "referred", "busy", "no-answer", "failed", "limit", "given-up", "refused"):
            self._transfers.labels(end)

    # --- calls

    def call_began(self) -> None:
        """Count a call in progress: its INVITE came."""
        self._calls.inc()

    def call_answered(self, setup_s: float) -> None:
        """Count an answer: our 200 went out `setup_s` seconds after the INVITE came."""
        self._setup.observe(setup_s)

    def call_ended(self, result: CallResult, rtp: RtpFigures) -> None:
        """Count a call that began as over, and add its media figures up."""
        self._calls.dec()
        self._calls_ended.labels(result).inc()
        self._rtp_received.inc(rtp.received)
        self._rtp_lost.inc(max(0, rtp.lost))  # RFC 3550 lets duplicates make it negative
        self._rtp_sent.inc(rtp.sent)

    def message_taken(self, how: Literal["deposited", "recovered", "forwarded"], copies: int = 1) -> None:
        """Count a message that is durable, or the copies that a subscriber sent."""
        self._messages.labels(how).inc(copies)

    def login(self, result: Literal["ok", "wrong", "locked"]) -> None:
        """Count a subscriber's attempt to log in by phone."""
        self._logins.labels(result).inc()

    def transfer(self, result: str) -> None:
        """Count what came of connecting a caller to somebody else, as the trace says it."""
        self._transfers.labels(result).inc()

    def calls_out(self, now: int) -> None:
        """Show how many calls to the outside are in progress."""
        self._calls_out.set(now)

    # --- SIP

    def sip_counted(self, counters: Mapping[str, int]) -> None:
        """Show the SIP side's counters (`ivr.sip.counters`) as they are now, by name."""
        self._sip.values = dict(counters)

    def sip_held(self, *, transactions: int, connections: int) -> None:
        """Show what the SIP side holds now."""
        self._transactions.set(transactions)
        self._connections.set(connections)

    # --- spool, audio, outbox, light

    def spool(self, *, size_bytes: int, free_s: float, failing: bool, syncs: int) -> None:
        """Show how the spool is doing now; `syncs` is how often it was synced since the start."""
        self._spool_bytes.set(size_bytes)
        self._spool_free.set(free_s)
        self._spool_failing.set(failing)
        self._spool_syncs.values = {"ok": syncs}

    def spool_unwritten(self, messages: int) -> None:
        """Show how many accepted messages wait for the database now."""
        self._spool_unwritten.set(messages)

    def audio_backlog(self, *, waiting: int, broken: int) -> None:
        """Show how many recordings of messages are not in the audio store: still to be settled, or broken."""
        self._audio_unsettled.labels("waiting").set(waiting)
        self._audio_unsettled.labels("broken").set(broken)

    def settlement(self, *, stored: int, broken: int, failures: int) -> None:
        """Show what settlement did since the start; `failures` are the times database or store were away."""
        self._settlements.values = {"stored": stored, "broken": broken, "away": failures}

    def outbox(self, kind: str, *, depth: int, oldest_s: float) -> None:
        """Show what the outbox holds of a kind now; `oldest_s` is 0 where there is nothing."""
        self._outbox_depth.labels(kind).set(depth)
        self._outbox_age.labels(kind).set(oldest_s)

    def outbox_given_up(self, kind: str) -> None:
        """Count a row that was given up; its last error stands in the queue."""
        self._outbox_given_up.labels(kind).inc()

    def light_sent(self, after_s: float) -> None:
        """Count a NOTIFY that went out `after_s` seconds after the change it tells."""
        self._light.observe(after_s)

    # --- mail

    def mail(self, result: MailResult, took_s: float) -> None:
        """Count an attempt to deliver a mail."""
        self._mails.labels(result).inc()
        self._mail_seconds.observe(took_s)

    # --- reading

    def render(self) -> bytes:
        """Return all figures in Prometheus's text format; serve them as `CONTENT_TYPE`."""
        return generate_latest(self.registry)

    def value(self, name: str, **labels: str) -> float:
        """Return one sample by its full name, such as `voicebox_calls`; 0 where it does not exist."""
        return self.registry.get_sample_value(name, labels) or 0.0

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"voicebox_{name}", text, labels, registry=self.registry)

    def _tally(self, name: str, text: str, label: str) -> _Tally:
        made = _Tally(f"voicebox_{name}", text, label)
        self.registry.register(made)
        return made

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(f"voicebox_{name}", text, labels, registry=self.registry)

    def _histogram(self, name: str, text: str, buckets: tuple[float, ...]) -> Histogram:
        return Histogram(f"voicebox_{name}", text, buckets=buckets, registry=self.registry)
