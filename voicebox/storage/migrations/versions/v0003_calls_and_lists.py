"""Calls from the main menu, where the company wants them; lists with a recorded description."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE company ADD COLUMN make_calls BOOLEAN DEFAULT false NOT NULL")
    # In one statement with its constraint: SQLite would have to copy the table for one that comes later.
    op.execute(
        "ALTER TABLE distribution_list ADD COLUMN recording VARCHAR(32)"
        " CONSTRAINT fk_distribution_list_recording REFERENCES audio (id)"
    )
    op.create_index("ix_distribution_list_recording", "distribution_list", ["recording"], unique=False)
