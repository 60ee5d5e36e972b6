"""Whose link was removed, so that its mail can say that the account was linked again since (UM03)."""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name, limit in (("client_id", 64), ("account_id", 255)):
        # In one statement, for SQLite adds no constraint to a column that is there.
        check = f'CONSTRAINT ck_removed_links_{name} CHECK (length("{name}") <= {limit})'
        op.execute(f"ALTER TABLE removed_links ADD COLUMN {name} TEXT NOT NULL DEFAULT '' {check}")
