"""What everything by phone needs: greetings, segments, sendings, teams, confirmed addresses, what was called out."""

from collections.abc import Iterable

import sqlalchemy as sa
from alembic import op

from voicebox.storage.types import UtcDateTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

HEX_ID = sa.String(length=32)


def _key() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _add(table: str, column: str, kind: str, rest: str = "") -> None:
    """Add a column with its constraint in one statement: SQLite would have to copy the table for one that comes later.

    Copying is no way here: dropping the old table would run the ON DELETE of all that point to it.
    """
    op.execute(f"ALTER TABLE {table} ADD COLUMN {column} {kind}{rest}")


def _flags(table: str, names: Iterable[str], *, default: bool = False) -> None:
    for name in names:
        _add(table, name, "BOOLEAN", f" DEFAULT {'true' if default else 'false'} NOT NULL")


def _pointer(table: str, column: str, target: str, *, key: str = "") -> None:
    kind = key or ("INTEGER" if op.get_bind().dialect.name == "sqlite" else "BIGINT")
    _add(table, column, kind, f" CONSTRAINT fk_{table}_{column} REFERENCES {target} (id)")


def upgrade() -> None:
    _flags("company", ("call_back", "caller_login"))
    op.add_column("mailbox", sa.Column("forward_to", sa.String(length=40), nullable=True))
    _flags("mailbox", ("away_recording",), default=True)
    _flags("mailbox", ("record_notice", "everyone", "team"))
    _pointer("mailbox", "away_greeting", "audio", key="VARCHAR(32)")
    op.create_table(
        "greeting",
        sa.Column("mailbox_id", _key(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("company_id", _key(), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("announcement_id", _key(), nullable=True),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('busy', 'no-answer', 'alternative-1', 'alternative-2', 'alternative-3', 'away')",
            name=op.f("ck_greeting_kind"),
        ),
        sa.ForeignKeyConstraint(["company_id"], ["company.id"], name=op.f("fk_greeting_company_id")),
        sa.ForeignKeyConstraint(
            ["mailbox_id"], ["mailbox.id"], name=op.f("fk_greeting_mailbox_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["announcement_id"], ["announcement.id"], name=op.f("fk_greeting_announcement_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("mailbox_id", "kind", name=op.f("pk_greeting")),
    )
    op.create_index("ix_greeting_announcement_id", "greeting", ["announcement_id"], unique=False)
    op.create_index(
        "uq_announcement_company",
        "announcement",
        ["company_id", "name"],
        unique=True,
        sqlite_where=sa.text("mailbox_id IS NULL"),
        postgresql_where=sa.text("mailbox_id IS NULL"),
    )
    op.create_table(
        "sending",
        sa.Column("id", HEX_ID, nullable=False),
        sa.Column("company_id", _key(), nullable=False),
        sa.Column("mailbox_id", _key(), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint("kind IN ('forward', 'reply', 'compose')", name=op.f("ck_sending_kind")),
        sa.ForeignKeyConstraint(["company_id"], ["company.id"], name=op.f("fk_sending_company_id")),
        sa.ForeignKeyConstraint(["mailbox_id"], ["mailbox.id"], name=op.f("fk_sending_mailbox_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sending")),
    )
    op.create_index("ix_sending_mailbox_id", "sending", ["mailbox_id", "created_at"], unique=False)
    _add(
        "message",
        "kind",
        "VARCHAR(8)",
        " DEFAULT 'deposit' NOT NULL CONSTRAINT ck_message_kind"
        " CHECK (kind IN ('deposit', 'forward', 'reply', 'compose'))",
    )
    _pointer("message", "sender_mailbox_id", "mailbox")
    _pointer("message", "sending_id", "sending", key="VARCHAR(32)")
    _pointer("message", "claimed_by", "mailbox")
    op.add_column("message", sa.Column("claimed_at", UtcDateTime(), nullable=True))
    _pointer("message", "handled_by", "mailbox")
    op.add_column("message", sa.Column("handled_at", UtcDateTime(), nullable=True))
    op.create_index("ix_message_sending_id", "message", ["sending_id"], unique=False)
    op.create_table(
        "message_segment",
        sa.Column("message_id", HEX_ID, nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("company_id", _key(), nullable=False),
        sa.Column("audio_id", HEX_ID, nullable=False),
        sa.ForeignKeyConstraint(["audio_id"], ["audio.id"], name=op.f("fk_message_segment_audio_id")),
        sa.ForeignKeyConstraint(["company_id"], ["company.id"], name=op.f("fk_message_segment_company_id")),
        sa.ForeignKeyConstraint(
            ["message_id"], ["message.id"], name=op.f("fk_message_segment_message_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("message_id", "position", name=op.f("pk_message_segment")),
    )
    op.create_index("ix_message_segment_audio_id", "message_segment", ["audio_id"], unique=False)
    op.create_table(
        "sending_result",
        sa.Column("sending_id", HEX_ID, nullable=False),
        sa.Column("recipient", sa.String(length=20), nullable=False),
        sa.Column("company_id", _key(), nullable=False),
        sa.Column("mailbox_id", _key(), nullable=True),
        sa.Column("message_id", HEX_ID, nullable=True),
        sa.Column("outcome", sa.String(length=10), nullable=False),
        sa.CheckConstraint(
            "outcome IN ('sent', 'full', 'off', 'unknown', 'recalled')", name=op.f("ck_sending_result_outcome")
        ),
        sa.ForeignKeyConstraint(["company_id"], ["company.id"], name=op.f("fk_sending_result_company_id")),
        sa.ForeignKeyConstraint(
            ["mailbox_id"], ["mailbox.id"], name=op.f("fk_sending_result_mailbox_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["message_id"], ["message.id"], name=op.f("fk_sending_result_message_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["sending_id"], ["sending.id"], name=op.f("fk_sending_result_sending_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("sending_id", "recipient", name=op.f("pk_sending_result")),
    )
    op.create_table(
        "team_member",
        sa.Column("mailbox_id", _key(), autoincrement=False, nullable=False),
        sa.Column("member_id", _key(), autoincrement=False, nullable=False),
        sa.Column("company_id", _key(), nullable=False),
        sa.ForeignKeyConstraint(["company_id"], ["company.id"], name=op.f("fk_team_member_company_id")),
        sa.ForeignKeyConstraint(
            ["mailbox_id"], ["mailbox.id"], name=op.f("fk_team_member_mailbox_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["member_id"], ["mailbox.id"], name=op.f("fk_team_member_member_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("mailbox_id", "member_id", name=op.f("pk_team_member")),
    )
    op.create_index("ix_team_member_member_id", "team_member", ["member_id"], unique=False)
    op.create_table(
        "confirmed_address",
        sa.Column("id", _key(), autoincrement=True, nullable=False),
        sa.Column("company_id", _key(), nullable=False),
        sa.Column("mailbox_id", _key(), nullable=False),
        sa.Column("address", sa.String(length=254), nullable=False),
        sa.Column("token_sha256", sa.String(length=64), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=True),
        sa.Column("confirmed_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["company_id"], ["company.id"], name=op.f("fk_confirmed_address_company_id")),
        sa.ForeignKeyConstraint(
            ["mailbox_id"], ["mailbox.id"], name=op.f("fk_confirmed_address_mailbox_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_confirmed_address")),
        sa.UniqueConstraint("mailbox_id", "address", name=op.f("uq_confirmed_address_mailbox_id_address")),
        sa.UniqueConstraint("token_sha256", name=op.f("uq_confirmed_address_token_sha256")),
    )
    op.create_table(
        "outbound_usage",
        sa.Column("company_id", _key(), autoincrement=False, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("seconds", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["company_id"], ["company.id"], name=op.f("fk_outbound_usage_company_id")),
        sa.PrimaryKeyConstraint("company_id", "day", name=op.f("pk_outbound_usage")),
    )
    # A row that goes is looked for where a foreign key points to it.
    for name in ("busy_greeting", "no_answer_greeting", "away_greeting", "name_recording"):
        op.create_index(f"ix_mailbox_{name}", "mailbox", [name], unique=False)
    op.create_index("ix_announcement_audio_id", "announcement", ["audio_id"], unique=False)
    op.create_index("ix_sending_result_message_id", "sending_result", ["message_id"], unique=False)
