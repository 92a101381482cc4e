"""Subscribers may call from the main menu, where the company wants it."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE company ADD COLUMN make_calls BOOLEAN DEFAULT false NOT NULL")
