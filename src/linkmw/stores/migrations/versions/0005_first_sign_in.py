"""What a tenant's move to one identity needs: its settings, and accounts that wait for their identity."""

from __future__ import annotations

from alembic import op
from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index, Text, UniqueConstraint

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _add_word("tenants", "unknown_user", "say")
    _add_word("tenants", "credential_at_first", "carry")
    op.execute("ALTER TABLE clients ADD COLUMN percent INTEGER NOT NULL DEFAULT 100")
    _create_held()


def _add_word(table: str, name: str, default: str) -> None:
    # In one statement, for SQLite adds no constraint to a column that is there.
    check = f'CONSTRAINT ck_{table}_{name} CHECK (length("{name}") <= 64)'
    op.execute(f"ALTER TABLE {table} ADD COLUMN {name} TEXT NOT NULL DEFAULT '{default}' {check}")


def _text(name: str, limit: int) -> Column[str]:
    return Column(name, Text, CheckConstraint(f'length("{name}") <= {limit}', name=name), nullable=False)


def _create_held() -> None:
    check = CheckConstraint('length("client_id") <= 64', name="client_id")
    op.create_table(
        "held",
        Column("client_id", Text, ForeignKey("clients.client_id"), check, nullable=False),
        _text("account_id", 255),
        _text("username", 64),
        _text("account_email", 320),
        _text("email", 320),
        _text("flow", 64),
        _text("amr", 500),
        Column("created", BigInteger, nullable=False),
        _text("language", 64),
        UniqueConstraint("client_id", "account_id"),
        Index(None, "email"),
    )
