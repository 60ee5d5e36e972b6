"""What a migration ahead of first sign-in has made: it goes on where it stopped, and can take itself back (OPS-6)."""

from __future__ import annotations

from alembic import op
from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Text, UniqueConstraint

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def _text(name: str, limit: int) -> Column[str]:
    return Column(name, Text, CheckConstraint(f'length("{name}") <= {limit}', name=name), nullable=False)


def upgrade() -> None:
    check = CheckConstraint('length("client_id") <= 64', name="client_id")
    op.create_table(
        "migrated",
        Column("client_id", Text, ForeignKey("clients.client_id"), check, nullable=False),
        _text("account_id", 255),
        _text("email", 320),
        _text("reference", 64),
        _text("issuer", 2048),
        _text("subject", 255),
        Column("link_id", BigInteger, nullable=True),
        Column("begun", BigInteger, nullable=False),
        UniqueConstraint("client_id", "account_id"),
    )
