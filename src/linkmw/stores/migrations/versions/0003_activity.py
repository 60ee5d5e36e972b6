"""What "Recent activity" says of an event after its link is gone: the account's name, and which browser it was."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name, limit in (("username", 64), ("user_agent", 500)):
        # In one statement, for SQLite adds no constraint to a column that is there.
        check = f'CONSTRAINT ck_audit_{name} CHECK (length("{name}") <= {limit})'
        op.execute(f"ALTER TABLE audit ADD COLUMN {name} TEXT NOT NULL DEFAULT '' {check}")
