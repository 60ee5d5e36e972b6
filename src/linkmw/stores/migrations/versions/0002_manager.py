"""What the whole identity manager needs: languages, fresh sign-ins, sign-out, logouts that products are told of."""

from __future__ import annotations

from alembic import op
from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index, Integer, Text

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_Id = BigInteger().with_variant(Integer, "sqlite")
_URL = 2048


def upgrade() -> None:
    _add_text("tenants", "language", 64, default="en")
    op.execute("ALTER TABLE tenants ADD COLUMN fresh_sign_in BOOLEAN NOT NULL DEFAULT FALSE")
    _add_text("tenants", "help_url", _URL)
    _add_text("tenants", "privacy_url", _URL)
    _add_text("clients", "post_logout_redirect_uri", _URL)
    _add_text("clients", "logout_uri", _URL)
    _add_text("links", "language", 64)
    _create_logouts()


def _add_text(table: str, name: str, limit: int, default: str = "") -> None:
    # In one statement, for SQLite adds no constraint to a column that is there.
    check = f'CONSTRAINT ck_{table}_{name} CHECK (length("{name}") <= {limit})'
    op.execute(f"ALTER TABLE {table} ADD COLUMN {name} TEXT NOT NULL DEFAULT '{default}' {check}")


def _text(name: str, limit: int) -> Column[str]:
    return Column(name, Text, CheckConstraint(f'length("{name}") <= {limit}', name=name), nullable=False)


def _create_logouts() -> None:
    check = CheckConstraint('length("client_id") <= 64', name="client_id")
    op.create_table(
        "logouts",
        Column("item_id", _Id, primary_key=True),
        Column("client_id", Text, ForeignKey("clients.client_id"), check, nullable=False),
        _text("account_id", 255),
        _text("hub_sid", 64),
        Column("created", BigInteger, nullable=False),
        Column("due", BigInteger, nullable=True),
        Column("tries", Integer, nullable=False),
        _text("reason", 500),
        Index(None, "due"),
        sqlite_autoincrement=True,
    )
