"""The first tables."""

from __future__ import annotations

from alembic import op
from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, ForeignKey, Index, Integer, Text, UniqueConstraint

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_Id = BigInteger().with_variant(Integer, "sqlite")


def _text(name: str, limit: int, *, key: bool = False) -> Column[str]:
    check = CheckConstraint(f'length("{name}") <= {limit}', name=name)
    return Column(name, Text, check, primary_key=key, nullable=False)


def _belongs_to(column: str, limit: int) -> Column[str]:
    name = column.partition(".")[2]
    check = CheckConstraint(f'length("{name}") <= {limit}', name=name)
    return Column(name, Text, ForeignKey(column), check, nullable=False)


def _number(name: str, *, nullable: bool = False) -> Column[int]:
    return Column(name, BigInteger, nullable=nullable)


def upgrade() -> None:
    _create_tenants()
    _create_clients()
    _create_client_secrets()
    _create_links()
    _create_removed_links()
    _create_audit()
    _create_outbox()
    _create_signing_keys()
    _create_secrets()


def _create_tenants() -> None:
    op.create_table(
        "tenants",
        _text("organization_id", 64, key=True),
        _text("brand", 200),
        _text("issuer", 2048),
        _text("internal_issuer", 2048),
        _text("keycloak_client_id", 200),
        _text("keycloak_client_secret", 400_000),
        _text("primary", 64),
        _text("ground", 64),
        _text("time_zone", 64),
        _text("contact", 500),
        _text("mail_from", 320),
        Column("enabled", Boolean, nullable=False),
        _text("logo_svg", 100_000),
    )


def _create_clients() -> None:
    op.create_table(
        "clients",
        _text("client_id", 64, key=True),
        _belongs_to("tenants.organization_id", 64),
        _text("name", 200),
        _text("public_url", 2048),
        _text("redirect_uri", 2048),
        _text("internal_url", 2048),
        _text("proof", 64),
        _text("primary", 64),
        _text("login_url", 2048),
        _text("mode", 64),
        Column("pkce_required", Boolean, nullable=False),
        _text("signing_algorithm", 64),
        Column("enabled", Boolean, nullable=False),
        _text("logo_svg", 100_000),
        Index(None, "organization_id"),
    )


def _create_client_secrets() -> None:
    op.create_table(
        "client_secrets",
        Column("secret_id", _Id, primary_key=True),
        _belongs_to("clients.client_id", 64),
        _text("secret_hash", 64),
        _number("created"),
        _number("expires", nullable=True),
        Index(None, "client_id"),
        sqlite_autoincrement=True,
    )


def _create_links() -> None:
    op.create_table(
        "links",
        Column("link_id", _Id, primary_key=True),
        _belongs_to("clients.client_id", 64),
        _text("account_id", 255),
        _text("username", 64),
        _text("email", 320),
        _text("issuer", 2048),
        _text("subject", 255),
        _text("identity_email", 320),
        _text("flow_hash", 64),
        _text("unlink_token_hash", 64),
        _text("proof", 64),
        _text("amr", 500),
        _number("created"),
        _number("last_used", nullable=True),
        Column("position", Integer, nullable=False),
        UniqueConstraint("client_id", "account_id"),
        UniqueConstraint("flow_hash"),
        UniqueConstraint("unlink_token_hash"),
        Index(None, "issuer", "subject"),
        sqlite_autoincrement=True,
    )


def _create_removed_links() -> None:
    op.create_table(
        "removed_links",
        Column("link_id", _Id, primary_key=True, autoincrement=False),
        _text("flow_hash", 64),
        _text("unlink_token_hash", 64),
        _number("removed"),
        UniqueConstraint("flow_hash"),
        UniqueConstraint("unlink_token_hash"),
    )


def _create_audit() -> None:
    op.create_table(
        "audit",
        Column("audit_id", _Id, primary_key=True),
        _number("time"),
        _text("event", 64),
        _text("result", 64),
        _text("code", 64),
        _text("ref", 64),
        _text("organization_id", 64),
        _text("client_id", 64),
        _text("account_id", 255),
        _text("issuer", 2048),
        _text("subject", 255),
        _text("flow", 64),
        _text("ip", 64),
        _text("actor", 200),
        Index(None, "issuer", "subject", "time"),
        Index(None, "time"),
        sqlite_autoincrement=True,
    )


def _create_outbox() -> None:
    op.create_table(
        "outbox",
        Column("item_id", _Id, primary_key=True),
        _text("reference", 64),
        _text("kind", 64),
        _text("body", 400_000),
        _number("created"),
        _number("due", nullable=True),
        Column("tries", Integer, nullable=False),
        _number("sent", nullable=True),
        _text("reason", 500),
        UniqueConstraint("reference"),
        Index(None, "due"),
        sqlite_autoincrement=True,
    )


def _create_signing_keys() -> None:
    op.create_table(
        "signing_keys",
        _text("kid", 64, key=True),
        _text("algorithm", 64),
        _text("private_key", 400_000),
        _text("public_jwk", 100_000),
        _number("signs_from"),
        _number("gone", nullable=True),
    )


def _create_secrets() -> None:
    op.create_table(
        "secrets",
        _text("name", 64, key=True),
        _text("value", 400_000),
    )
