"""A tenant's settings say what its realm asks of passwords."""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # In one statement, for SQLite adds no constraint to a column that is there.
    check = 'CONSTRAINT ck_tenants_password_policy CHECK (length("password_policy") <= 500)'
    op.execute(f"ALTER TABLE tenants ADD COLUMN password_policy TEXT NOT NULL DEFAULT '' {check}")
