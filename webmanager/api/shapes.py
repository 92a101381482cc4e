"""The JSON of the API's answers. Others script against it: fields may be added, never renamed or taken away."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from voicebox.callrecord import CallRecord
from voicebox.i18n import Language
from voicebox.mailbox import Mailbox
from voicebox.message import Caller, Counts, Message, MessageKind, Reason, State

Moment = str
"""RFC 3339, UTC, whole seconds, such as 2026-11-22T09:30:00Z."""


def moment(at: datetime) -> Moment:
    """Write a moment as the API does."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Shape(BaseModel):
    """An answer, or a part of one."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class HealthOut(Shape):
    """The process is alive."""

    status: Literal["alive"] = "alive"


class ReadyOut(Shape):
    """Calls are taken and messages kept."""

    status: Literal["ready"] = "ready"
    checks: dict[str, Literal["ready"]] = Field(description="What was asked, by name.")


class CallerOut(Shape):
    """Who called; both null where the number is withheld."""

    number: str | None = Field(description="E.164 with plus, or an extension of the company.")
    name: str | None = Field(description="The name as signalled, if any.")

    @classmethod
    def of(cls, caller: Caller) -> "CallerOut":
        """Return what may be told of a caller."""
        if caller.withheld:
            return cls(number=None, name=None)
        return cls(number=caller.number, name=caller.name or None)


class MessageOut(Shape):
    """A message."""

    id: str
    caller: CallerOut
    received: Moment
    duration_s: float
    urgent: bool
    confidential: bool
    state: State
    interrupted: bool = Field(description="Recovered after a crash in mid-recording.")
    kind: MessageKind = Field(description="How it came: left by a caller, or sent by a colleague.")
    sender: str | None = Field(description="The extension of the colleague who forwarded or sent it.")
    claimed_by: str | None = Field(description="The extension of who takes care of it (team mailboxes).")
    handled_by: str | None = Field(description="The extension of who marked it as handled.")

    @classmethod
    def of(cls, message: Message, extensions: Mapping[int, str]) -> "MessageOut":
        """Return a message as lists show it; `extensions` are its colleagues', by mailbox key."""
        return cls(**_message_fields(message, extensions))


class MessageDetailOut(MessageOut):
    """A message, with whose it is and how it came."""

    mailbox: str
    reason: Reason = Field(description="Why the call reached the mailbox.")
    call: str | None = Field(description="The id of the call it was left on: see `/api/v1/calls/{id}`.")

    @classmethod
    def whole(cls, message: Message, extensions: Mapping[int, str], mailbox: str) -> "MessageDetailOut":
        """Return a message with everything there is to tell."""
        return cls(**_message_fields(message, extensions), mailbox=mailbox, reason=message.reason, call=message.call_id)


class MessagesOut(Shape):
    """A page of a folder, the newest message first."""

    messages: list[MessageOut]
    next: str | None = Field(description="Where the list goes on; null at its end.")


class CountsOut(Shape):
    """How many messages are in each folder."""

    new: int
    saved: int
    deleted: int
    new_urgent: int
    saved_urgent: int

    @classmethod
    def of(cls, counts: Counts) -> "CountsOut":
        """Return counts as the API shows them."""
        return cls(
            new=counts.new,
            saved=counts.saved,
            deleted=counts.deleted,
            new_urgent=counts.new_urgent,
            saved_urgent=counts.saved_urgent,
        )


class MailboxOut(Shape):
    """A mailbox, as lists show it."""

    number: str = Field(description="The extension.")
    phone: str | None = Field(description="The full number, E.164.")
    name: str
    language: Language
    enabled: bool
    away: bool

    @classmethod
    def of(cls, mailbox: Mailbox) -> "MailboxOut":
        """Return a mailbox as lists show it."""
        return cls(**_mailbox_fields(mailbox))


class MailboxDetailOut(MailboxOut):
    """A mailbox with its settings (named as in `directory.toml`) and what is in it."""

    time_zone: str
    email: str | None
    notify_email: str | None
    copy_email: str | None
    redirect_email: str | None
    unconfirmed: list[str] = Field(description="Addresses that have not confirmed yet: no message goes there.")
    zero_out: str | None
    aliases: list[str]
    auto_login: bool
    rings: int
    busy_greeting: Literal["own", "default"]
    no_answer_greeting: Literal["own", "default"]
    send_all: bool
    send_busy: bool
    send_no_answer: bool
    mwi: bool
    dnd: bool
    forward_always: str | None
    forward_busy: str | None
    forward_no_answer: str | None
    forward_unreachable: str | None
    message_max_s: int
    quota_s: int = Field(description="What new and saved messages may take together.")
    used_s: float = Field(description="What they take.")
    retention_days: int
    counts: CountsOut

    @classmethod
    def whole(
        cls, mailbox: Mailbox, *, aliases: list[str], unconfirmed: list[str], used_s: float, counts: Counts
    ) -> "MailboxDetailOut":
        """Return a mailbox with everything there is to tell."""
        return cls(
            **_mailbox_fields(mailbox),
            time_zone=mailbox.time_zone,
            email=mailbox.email,
            notify_email=mailbox.notify_email,
            copy_email=mailbox.copy_email,
            redirect_email=mailbox.redirect_email,
            unconfirmed=unconfirmed,
            zero_out=mailbox.zero_out,
            aliases=aliases,
            auto_login=mailbox.auto_login,
            rings=mailbox.rings,
            busy_greeting="default" if mailbox.busy_greeting is None else "own",
            no_answer_greeting="default" if mailbox.no_answer_greeting is None else "own",
            send_all=mailbox.send_all,
            send_busy=mailbox.send_busy,
            send_no_answer=mailbox.send_no_answer,
            mwi=mailbox.mwi,
            dnd=mailbox.dnd,
            forward_always=mailbox.forward_always,
            forward_busy=mailbox.forward_busy,
            forward_no_answer=mailbox.forward_no_answer,
            forward_unreachable=mailbox.forward_unreachable,
            message_max_s=mailbox.message_max_s,
            quota_s=mailbox.quota_s,
            used_s=round(used_s, 2),
            retention_days=mailbox.retention_days,
            counts=CountsOut.of(counts),
        )


class MailboxesOut(Shape):
    """A page of mailboxes, by number."""

    mailboxes: list[MailboxOut]
    next: str | None = Field(description="Where the list goes on; null at its end.")


class RtpOut(Shape):
    """The call's media as they reached us."""

    received: int = Field(description="RTP packets.")
    lost: int = Field(description="Packets that never came.")
    jitter_ms: float


class CallOut(Shape):
    """A call, as lists show it."""

    id: str
    company: str | None = Field(description="The company's name.")
    mailbox: str | None = Field(description="The number of the mailbox it was for.")
    from_: str = Field(alias="from", description="The caller's number, “anonymous”, or “unknown”.")
    to: str = Field(description="The number that was called.")
    reason: Reason | None = Field(description="Why it reached us; null for a call that was refused.")
    deflected_by: str | None = Field(description="Whose phone sent it on.")
    started: Moment
    answered: Moment | None
    ended: Moment
    rtp: RtpOut

    @classmethod
    def of(cls, record: CallRecord, company: str | None) -> "CallOut":
        """Return a call as lists show it."""
        return cls(**_call_fields(record, company))


class TraceEntry(Shape):
    """Something that happened on a call; its further fields depend on the event."""

    model_config = ConfigDict(extra="allow")

    t: float = Field(description="Seconds since the INVITE.")
    event: str


class CallDetailOut(CallOut):
    """A call with its trace."""

    trace: list[TraceEntry]

    @classmethod
    def whole(cls, record: CallRecord, company: str | None) -> "CallDetailOut":
        """Return a call with everything there is to tell."""
        return cls(**_call_fields(record, company), trace=[TraceEntry.model_validate(entry) for entry in record.trace])


class CallsOut(Shape):
    """A page of calls, the last to end first."""

    calls: list[CallOut]
    next: str | None = Field(description="Where the list goes on; null at its end.")


def _message_fields(message: Message, extensions: Mapping[int, str]) -> dict[str, Any]:
    def extension(mailbox_id: int | None) -> str | None:
        return None if mailbox_id is None else extensions.get(mailbox_id)

    return {
        "id": message.id,
        "caller": CallerOut.of(message.caller),
        "received": moment(message.received_at),
        "duration_s": round(message.duration_s, 2),
        "urgent": message.urgent,
        "confidential": message.confidential,
        "state": message.state,
        "interrupted": message.interrupted,
        "kind": message.kind,
        "sender": extension(message.sender_id),
        "claimed_by": extension(message.claimed_by),
        "handled_by": extension(message.handled_by),
    }


def _mailbox_fields(mailbox: Mailbox) -> dict[str, Any]:
    return {
        "number": mailbox.number,
        "phone": mailbox.phone,
        "name": mailbox.name,
        "language": mailbox.language,
        "enabled": mailbox.enabled,
        "away": mailbox.away,
    }


def _call_fields(record: CallRecord, company: str | None) -> dict[str, Any]:
    return {
        "id": record.id,
        "company": company,
        "mailbox": record.mailbox,
        "from_": record.caller,
        "to": record.called,
        "reason": record.reason,
        "deflected_by": record.deflected_by,
        "started": moment(record.started),
        "answered": None if record.answered is None else moment(record.answered),
        "ended": moment(record.ended),
        "rtp": RtpOut(received=record.rtp.received, lost=record.rtp.lost, jitter_ms=record.rtp.jitter_ms),
    }
