"""The tables. Every one carries `company_id` (data-model.md); a company's own row carries it as `id`.

Ids of messages, audio and calls are 32 hex digits made before the row is written, so that writing twice is harmless;
companies, mailboxes and the rest are numbered by the database. All times are UTC. Closed sets are stored by the value
of their enum and held by a check constraint.
"""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from voicebox.storage.types import PortableJson, UtcDateTime

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

HEX_ID = String(32)
KEY = BigInteger().with_variant(Integer, "sqlite")
"""A key the database numbers; SQLite counts by itself only in a column of type INTEGER."""


def _key() -> Column[int]:
    return Column("id", KEY, primary_key=True, autoincrement=True)


def _company(*, nullable: bool = False) -> Column[int]:
    return Column("company_id", KEY, ForeignKey("company.id"), nullable=nullable)


def _company_key() -> Column[int]:
    return Column("company_id", KEY, ForeignKey("company.id"), primary_key=True, autoincrement=False)


def _mailbox(*, nullable: bool = False, ondelete: str | None = None, primary_key: bool = False) -> Column[int]:
    """Point to a mailbox; without `ondelete` a mailbox that is still referred to cannot be deleted."""
    reference = ForeignKey("mailbox.id", ondelete=ondelete)
    if primary_key:
        return Column("mailbox_id", KEY, reference, primary_key=True, autoincrement=False)
    return Column("mailbox_id", KEY, reference, nullable=nullable)


def _audio(name: str) -> Column[str]:
    return Column(name, HEX_ID, ForeignKey("audio.id"))


def _pointer(name: str, target: str, *, ondelete: str | None = None) -> Column[int]:
    return Column(name, KEY, ForeignKey(target, ondelete=ondelete))


def _flag(name: str, *, default: bool = False) -> Column[bool]:
    return Column(name, Boolean, nullable=False, default=default)


def _number(name: str, *, default: int) -> Column[int]:
    return Column(name, Integer, nullable=False, default=default)


def _one_of(column: str, values: Iterable[str]) -> CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=column)


company = Table(
    "company",
    metadata,
    _key(),
    Column("name", String(80), nullable=False, unique=True),
    Column("language", String(2), nullable=False),
    Column("time_zone", String(64), nullable=False),
    Column("country_code", String(3), nullable=False),
    Column("area_code", String(8), nullable=False),
    Column("standing", String(8), nullable=False, default="active"),
    Column("customer_id", KEY),  # who pays (data-model.md); its table comes with billing
    _flag("call_back"),  # whether subscribers may call back who left a message (phone-menus.md, key 8)
    _flag("make_calls"),  # whether subscribers may call any allowed number (main menu, key 6)
    _flag("caller_login"),  # whether `*` in a greeting leads callers from outside to the login
    Column("created_at", UtcDateTime, nullable=False),
    _one_of("standing", ("active", "limited", "closed")),
)

audio = Table(
    "audio",
    metadata,
    Column("id", HEX_ID, primary_key=True),
    _company(),
    Column("state", String(8), nullable=False),
    Column("samples", BigInteger, nullable=False),
    Column("rate_hz", Integer, nullable=False),
    Column("blob_key", String(200)),
    Column("size_bytes", BigInteger),
    Column("peaks", LargeBinary(200)),  # for the web's player: the loudest sample of each of up to 200 parts
    _number("attempts", default=0),
    Column("last_error", Text),
    Column("created_at", UtcDateTime, nullable=False),
    Column("stored_at", UtcDateTime),
    _one_of("state", ("spool", "stored", "broken")),
    # What settlement looks for: few rows of many.
    Index(
        "ix_audio_unsettled",
        "created_at",
        "id",
        sqlite_where=text("state <> 'stored'"),
        postgresql_where=text("state <> 'stored'"),
    ),
    Index("ix_audio_company", "company_id", "created_at"),
)

mailbox = Table(
    "mailbox",
    metadata,
    _key(),
    _company(),
    Column("number", String(20), nullable=False),
    Column("phone", String(20)),
    Column("name", String(80), nullable=False),
    Column("language", String(2), nullable=False),
    Column("time_zone", String(64), nullable=False),
    _flag("enabled", default=True),
    _flag("send_all"),
    _flag("send_busy", default=True),
    _flag("send_no_answer", default=True),
    _flag("dnd"),
    _number("rings", default=4),
    Column("forward_always", String(40)),
    Column("forward_busy", String(40)),
    Column("forward_no_answer", String(40)),
    Column("forward_unreachable", String(40)),
    Column("forward_to", String(40)),  # the destination that the phone menu switches on and off
    Column("email", String(254)),
    Column("notify_email", String(254)),
    Column("copy_email", String(254)),
    Column("redirect_email", String(254)),
    Column("zero_out", String(40)),
    _flag("mwi", default=True),
    _flag("auto_login"),
    _flag("away"),
    _flag("away_recording", default=True),
    _audio("busy_greeting"),
    _audio("no_answer_greeting"),
    _audio("away_greeting"),
    _audio("name_recording"),
    _flag("record_notice"),
    _flag("everyone"),
    _flag("team"),
    _number("message_max_s", default=300),
    _number("quota_s", default=6000),
    _number("retention_days", default=30),
    Column("postbox_id", KEY),  # the linked mail folder (data-model.md); its table comes with hosted mail
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    UniqueConstraint("company_id", "number"),
    # For the foreign keys: a row of audio that goes is looked for in each.
    *(
        Index(f"ix_mailbox_{name}", name)
        for name in ("busy_greeting", "no_answer_greeting", "away_greeting", "name_recording")
    ),
)

number = Table(  # extensions, full numbers and aliases in one, since none of them may equal another (row 6)
    "number",
    metadata,
    _key(),
    _company(),
    _mailbox(ondelete="CASCADE"),
    Column("number", String(20), nullable=False),
    Column("kind", String(9), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    UniqueConstraint("company_id", "number"),
    Index("ix_number_mailbox_id", "mailbox_id"),
    _one_of("kind", ("extension", "phone", "alias")),
)

device = Table(
    "device",
    metadata,
    _key(),
    _company(),
    _mailbox(ondelete="CASCADE"),
    Column("username", String(64), nullable=False),
    Column("realm", String(253), nullable=False),
    Column("ha1_md5", String(32), nullable=False),
    Column("ha1_sha256", String(64), nullable=False),
    _flag("md5_only"),
    Column("created_at", UtcDateTime, nullable=False),
    UniqueConstraint("realm", "username"),
    Index("ix_device_mailbox_id", "mailbox_id"),
)

credential = Table(
    "credential",
    metadata,
    _mailbox(primary_key=True, ondelete="CASCADE"),
    _company(),
    Column("pin_hash", String(200)),
    _flag("one_time"),
    Column("history", PortableJson, nullable=False),
    _number("failures", default=0),
    _number("lock_count", default=0),
    Column("locked_until", UtcDateTime),
    Column("last_failure_at", UtcDateTime),
    Column("changed_at", UtcDateTime),
    Column("web_password_hash", String(200)),
    _number("web_failures", default=0),
    _number("web_lock_count", default=0),
    Column("web_locked_until", UtcDateTime),
)

source_failure = Table(
    "source_failure",
    metadata,
    _key(),
    _company(),
    Column("source_key", String(200), nullable=False),
    _number("failures", default=0),
    _number("lock_count", default=0),
    Column("locked_until", UtcDateTime),
    Column("last_failure_at", UtcDateTime, nullable=False),
    UniqueConstraint("company_id", "source_key"),
    Index("ix_source_failure_last_failure_at", "last_failure_at"),
)

message = Table(
    "message",
    metadata,
    Column("id", HEX_ID, primary_key=True),
    _company(),
    _mailbox(),
    Column("audio_id", HEX_ID, ForeignKey("audio.id"), nullable=False),
    Column("call_id", HEX_ID),
    Column("caller_number", String(40)),
    Column("caller_name", String(80), nullable=False),
    _flag("caller_withheld"),
    Column("reason", String(16), nullable=False),
    Column("received_at", UtcDateTime, nullable=False),
    Column("samples", BigInteger, nullable=False),
    Column("rate_hz", Integer, nullable=False),
    _flag("urgent"),
    _flag("confidential"),
    _flag("interrupted"),
    Column("state", String(8), nullable=False),
    Column("previous_state", String(8)),
    Column("state_changed_at", UtcDateTime, nullable=False),
    Column("heard_at", UtcDateTime),
    Column("warning", String(40)),
    Column("kind", String(8), nullable=False, default="deposit"),
    _pointer("sender_mailbox_id", "mailbox.id"),  # a colleague who forwarded, replied or composed
    Column("sending_id", HEX_ID, ForeignKey("sending.id")),
    _pointer("claimed_by", "mailbox.id"),  # team mailboxes: who takes care of it
    Column("claimed_at", UtcDateTime),
    _pointer("handled_by", "mailbox.id"),
    Column("handled_at", UtcDateTime),
    Index("ix_message_sending_id", "sending_id"),
    Index("ix_message_inbox", "mailbox_id", "state", "received_at", "id"),
    Index("ix_message_audio_id", "audio_id"),
    Index("ix_message_company", "company_id", "received_at"),
    # 'pending': e-mail only (row 13), invisible until the mail server took it or refused it for good.
    _one_of("state", ("new", "saved", "deleted", "pending")),
    _one_of("kind", ("deposit", "forward", "reply", "compose")),
)

message_segment = Table(  # what is played before the message's own audio: the comment of who forwarded it
    "message_segment",
    metadata,
    Column("message_id", HEX_ID, ForeignKey("message.id", ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    _company(),
    Column("audio_id", HEX_ID, ForeignKey("audio.id"), nullable=False),
    Index("ix_message_segment_audio_id", "audio_id"),
)

sending = Table(  # one message sent by a subscriber to others; its copies share the audio
    "sending",
    metadata,
    Column("id", HEX_ID, primary_key=True),
    _company(),
    _mailbox(ondelete="CASCADE"),
    Column("kind", String(8), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Index("ix_sending_mailbox_id", "mailbox_id", "created_at"),
    _one_of("kind", ("forward", "reply", "compose")),
)

sending_result = Table(  # what became of it, recipient by recipient
    "sending_result",
    metadata,
    Column("sending_id", HEX_ID, ForeignKey("sending.id", ondelete="CASCADE"), primary_key=True),
    Column("recipient", String(20), primary_key=True),
    _company(),
    _mailbox(nullable=True, ondelete="SET NULL"),
    Column("message_id", HEX_ID, ForeignKey("message.id", ondelete="SET NULL")),
    Index("ix_sending_result_message_id", "message_id"),
    Column("outcome", String(10), nullable=False),
    _one_of("outcome", ("sent", "full", "off", "unknown", "recalled")),
)

outbox = Table(
    "outbox",
    metadata,
    _key(),
    _company(),
    Column("kind", String(16), nullable=False),
    Column("key", String(200), nullable=False, unique=True),
    _mailbox(nullable=True, ondelete="CASCADE"),
    Column("message_id", HEX_ID, ForeignKey("message.id", ondelete="SET NULL")),
    Column("payload", PortableJson, nullable=False),
    _number("version", default=1),
    _number("attempts", default=0),
    Column("next_attempt_at", UtcDateTime, nullable=False),
    Column("last_error", Text),
    Column("created_at", UtcDateTime, nullable=False),
    Column("done_at", UtcDateTime),
    Column("given_up_at", UtcDateTime),
    # What is due: few rows of many, so that a claim never walks through what is done.
    Index(
        "ix_outbox_due",
        "kind",
        "next_attempt_at",
        "id",
        sqlite_where=text("done_at IS NULL AND given_up_at IS NULL"),
        postgresql_where=text("done_at IS NULL AND given_up_at IS NULL"),
    ),
    Index("ix_outbox_company", "company_id", "id"),
    Index("ix_outbox_message_id", "message_id"),
)

call_record = Table(
    "call_record",
    metadata,
    Column("id", HEX_ID, primary_key=True),
    _company(nullable=True),  # a call refused before it was known whose it is
    Column("mailbox", String(20)),
    Column("caller", String(80), nullable=False),
    Column("called", String(80), nullable=False),
    Column("reason", String(16)),
    Column("deflected_by", String(80)),
    Column("started_at", UtcDateTime, nullable=False),
    Column("answered_at", UtcDateTime),
    Column("ended_at", UtcDateTime, nullable=False),
    Column("rtp", PortableJson, nullable=False),
    Column("trace", PortableJson, nullable=False),
    Index("ix_call_record_company", "company_id", "ended_at", "id"),
    Index("ix_call_record_ended", "ended_at", "id"),
)

registration = Table(
    "registration",
    metadata,
    _key(),
    _company(),
    _mailbox(ondelete="CASCADE"),
    Column("aor", String(320), nullable=False),
    Column("contact", String(500), nullable=False),
    Column("instance", String(200)),
    Column("call_id", String(256), nullable=False),
    Column("cseq", BigInteger, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("source", String(80), nullable=False),
    Column("path", Text),
    Column("user_agent", String(200)),
    UniqueConstraint("aor", "contact"),
    Index("ix_registration_mailbox_id", "mailbox_id"),
)

api_token = Table(
    "api_token",
    metadata,
    _key(),
    _company(nullable=True),  # an operator's token is for all of them
    _mailbox(nullable=True, ondelete="CASCADE"),
    Column("token_sha256", String(64), nullable=False, unique=True),
    Column("scope", String(16), nullable=False),
    Column("name", String(80), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime),
    Column("revoked_at", UtcDateTime),
    _one_of("scope", ("admin", "operator", "mailbox")),
)

distribution_list = Table(
    "distribution_list",
    metadata,
    _key(),
    _company(),
    _mailbox(ondelete="CASCADE"),
    Column("number", Integer, nullable=False),
    Column("description", String(80), nullable=False),
    _audio("recording"),
    _flag("shared"),
    UniqueConstraint("mailbox_id", "number"),
    CheckConstraint("number BETWEEN 1 AND 15", name="number"),
    # Row 19: the number of a shared list is unique among the company's shared ones.
    Index(
        "uq_distribution_list_shared",
        "company_id",
        "number",
        unique=True,
        sqlite_where=text("shared"),
        postgresql_where=text("shared"),
    ),
    Index("ix_distribution_list_recording", "recording"),
)

list_member = Table(
    "list_member",
    metadata,
    Column("list_id", KEY, ForeignKey("distribution_list.id", ondelete="CASCADE"), primary_key=True),
    _mailbox(primary_key=True, ondelete="CASCADE"),
    _company(),
)

announcement = Table(
    "announcement",
    metadata,
    _key(),
    _company(),
    _mailbox(nullable=True, ondelete="CASCADE"),  # none: the company's own
    Column("name", String(80), nullable=False),
    Column("audio_id", HEX_ID, ForeignKey("audio.id"), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    UniqueConstraint("company_id", "mailbox_id", "name"),
    Index("ix_announcement_audio_id", "audio_id"),
    Index(  # to which the constraint does not extend: no NULL equals another
        "uq_announcement_company",
        "company_id",
        "name",
        unique=True,
        sqlite_where=text("mailbox_id IS NULL"),
        postgresql_where=text("mailbox_id IS NULL"),
    ),
)

greeting = Table(  # what a mailbox has to choose from (row 11); what plays stands in the mailbox's own row
    "greeting",
    metadata,
    _mailbox(primary_key=True, ondelete="CASCADE"),
    Column("kind", String(16), primary_key=True),
    _company(),
    Column("name", String(80), nullable=False),
    _pointer("announcement_id", "announcement.id", ondelete="CASCADE"),
    Column("changed_at", UtcDateTime, nullable=False),
    Index("ix_greeting_announcement_id", "announcement_id"),
    _one_of("kind", ("busy", "no-answer", "alternative-1", "alternative-2", "alternative-3", "away")),
)

team_member = Table(
    "team_member",
    metadata,
    _mailbox(primary_key=True, ondelete="CASCADE"),
    Column("member_id", KEY, ForeignKey("mailbox.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    _company(),
    Index("ix_team_member_member_id", "member_id"),
)

confirmed_address = Table(  # addresses outside that a subscriber named, and that must say yes first (rows 13, 15, 16)
    "confirmed_address",
    metadata,
    _key(),
    _company(),
    _mailbox(ondelete="CASCADE"),
    Column("address", String(254), nullable=False),
    Column("token_sha256", String(64), unique=True),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime),
    Column("confirmed_at", UtcDateTime),
    UniqueConstraint("mailbox_id", "address"),
)

outbound_usage = Table(  # how long each company has called out on a day of its own (outbound policy)
    "outbound_usage",
    metadata,
    _company_key(),
    Column("day", Date, primary_key=True),
    _number("seconds", default=0),
)

Row = dict[str, Any]
"""The values of a row by column name."""
