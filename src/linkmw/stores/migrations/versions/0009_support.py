"""What the support page asks for: whom a mail is about, and people, references and a tenant's events by an index."""

from __future__ import annotations

from alembic import op
from sqlalchemy import text

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_ABOUT = (("client_id", 64), ("account_id", 255), ("issuer", 2048), ("subject", 255))
_INDEXES = (
    ("outbox", ("issuer", "subject")),
    ("outbox", ("client_id", "account_id")),
    ("links", ("username",)),
    ("links", ("email",)),
    ("links", ("identity_email",)),
    ("audit", ("organization_id", "event", "time")),
)


def upgrade() -> None:
    for name, limit in _ABOUT:
        # In one statement, for SQLite adds no constraint to a column that is there.
        check = f'CONSTRAINT ck_outbox_{name} CHECK (length("{name}") <= {limit})'
        op.execute(f"ALTER TABLE outbox ADD COLUMN {name} TEXT NOT NULL DEFAULT '' {check}")
    for table, columns in _INDEXES:
        op.create_index(f"ix_{table}_{'_'.join(columns)}", table, list(columns))
    filled = text("ref <> ''")
    op.create_index("ix_audit_ref", "audit", ["ref"], sqlite_where=filled, postgresql_where=filled)
