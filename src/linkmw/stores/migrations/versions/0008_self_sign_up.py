"""May a product's accounts be joined by their address, and can anybody make one there (PR06)?"""

from __future__ import annotations

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE clients ADD COLUMN trusted_email BOOLEAN NOT NULL DEFAULT TRUE")
    op.execute("ALTER TABLE clients ADD COLUMN self_sign_up BOOLEAN NOT NULL DEFAULT FALSE")
