"""The hub's tables, as the newest migration leaves them. Times are seconds since the epoch (UTC).

Every text column has a CHECK on its length, so that no path around the code fills the database (DF05).
What is secret is a SHA-256 (client secrets, mail tokens, flow ids) or sealed (`linkmw.signed`).
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)

# Names of constraints are the same on both dialects: a later migration can name what it changes.
metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

ID = 64  # characters of an organization id, client id, key id, hash (hex)
NAME = 200
ACCOUNT_ID = 255
USERNAME = 64  # PR14
EMAIL = 320
SUBJECT = 255  # OpenID Connect Core 1.0, 2: `sub`
URL = 2048
WORD = 64  # a code, an algorithm, a mode
LINE = 500
SEALED = 400_000  # a mail of 64 KiB in both parts, or a private key
LOGO = 100_000

# SQLite numbers rows itself only in a column whose type is INTEGER to the letter.
_Id = BigInteger().with_variant(Integer, "sqlite")


def _at_most(name: str, limit: int) -> CheckConstraint:
    return CheckConstraint(f'length("{name}") <= {limit}', name=name)


def _text(name: str, limit: int, *, key: bool = False) -> Column[str]:
    return Column(name, Text, _at_most(name, limit), primary_key=key, nullable=False)


def _added_text(name: str, limit: int, default: str = "") -> Column[str]:
    """A column that a later migration added: rows from before have the default."""
    return Column(name, Text, _at_most(name, limit), nullable=False, server_default=text(f"'{default}'"))


def _belongs_to(column: str, limit: int) -> Column[str]:
    name = column.partition(".")[2]
    return Column(name, Text, ForeignKey(column), _at_most(name, limit), nullable=False)


def _number(name: str, *, nullable: bool = False) -> Column[int]:
    return Column(name, BigInteger, nullable=nullable)


tenants = Table(
    "tenants",
    metadata,
    _text("organization_id", ID, key=True),
    _text("brand", NAME),
    _text("issuer", URL),
    _text("internal_issuer", URL),
    _text("keycloak_client_id", NAME),
    _text("keycloak_client_secret", SEALED),
    _text("primary", WORD),
    _text("ground", WORD),
    _text("time_zone", WORD),
    _text("contact", LINE),
    _text("mail_from", EMAIL),
    Column("enabled", Boolean, nullable=False),
    _text("logo_svg", LOGO),
    _added_text("language", WORD, "en"),
    Column("fresh_sign_in", Boolean, nullable=False, server_default=text("FALSE")),
    _added_text("help_url", URL),
    _added_text("privacy_url", URL),
    _added_text("unknown_user", WORD, "say"),
    _added_text("credential_at_first", WORD, "carry"),
    _added_text("password_policy", LINE),
)

clients = Table(
    "clients",
    metadata,
    _text("client_id", ID, key=True),
    _belongs_to("tenants.organization_id", ID),
    _text("name", NAME),
    _text("public_url", URL),
    _text("redirect_uri", URL),
    _text("internal_url", URL),
    _text("proof", WORD),
    _text("primary", WORD),
    _text("login_url", URL),
    _text("mode", WORD),
    Column("pkce_required", Boolean, nullable=False),
    _text("signing_algorithm", WORD),
    Column("enabled", Boolean, nullable=False),
    _text("logo_svg", LOGO),
    _added_text("post_logout_redirect_uri", URL),
    _added_text("logout_uri", URL),
    Column("percent", Integer, nullable=False, server_default="100"),
    Column("trusted_email", Boolean, nullable=False, server_default=text("TRUE")),
    Column("self_sign_up", Boolean, nullable=False, server_default=text("FALSE")),
    Index(None, "organization_id"),
)

# At most two live at once per client, so that one can be replaced without a gap.
client_secrets = Table(
    "client_secrets",
    metadata,
    Column("secret_id", _Id, primary_key=True),
    _belongs_to("clients.client_id", ID),
    _text("secret_hash", ID),  # SHA-256 (hex): enough for 256 random bits, which nobody can try out
    _number("created"),
    _number("expires", nullable=True),
    Index(None, "client_id"),
    sqlite_autoincrement=True,
)

links = Table(
    "links",
    metadata,
    Column("link_id", _Id, primary_key=True),
    _belongs_to("clients.client_id", ID),
    _text("account_id", ACCOUNT_ID),
    _text("username", USERNAME),
    _text("email", EMAIL),
    _text("issuer", URL),
    _text("subject", SUBJECT),
    _text("identity_email", EMAIL),
    _text("flow_hash", ID),
    _text("unlink_token_hash", ID),
    _text("proof", WORD),
    _text("amr", LINE),  # values of RFC 8176, a space between them
    _number("created"),
    _number("last_used", nullable=True),
    Column("position", Integer, nullable=False),
    _added_text("language", WORD),
    UniqueConstraint("client_id", "account_id"),  # an account has at most one identity (MIM-16, I1)
    UniqueConstraint("flow_hash"),  # a flow makes at most one link (DF02, PR17)
    UniqueConstraint("unlink_token_hash"),
    Index(None, "issuer", "subject"),
    Index(None, "username"),  # by these three the support finds somebody
    Index(None, "email"),
    Index(None, "identity_email"),
    sqlite_autoincrement=True,  # an id is never given to a second link (UM03)
)

# What remains of a link that was removed: enough to refuse its flow, to know its mail's token again, and to see that
# its account was linked since.
removed_links = Table(
    "removed_links",
    metadata,
    Column("link_id", _Id, primary_key=True, autoincrement=False),
    _text("flow_hash", ID),
    _text("unlink_token_hash", ID),
    _number("removed"),
    _added_text("client_id", ID),
    _added_text("account_id", ACCOUNT_ID),
    UniqueConstraint("flow_hash"),
    UniqueConstraint("unlink_token_hash"),
)

audit = Table(
    "audit",
    metadata,
    Column("audit_id", _Id, primary_key=True),
    _number("time"),
    _text("event", WORD),
    _text("result", WORD),
    _text("code", WORD),
    _text("ref", WORD),
    _text("organization_id", ID),
    _text("client_id", ID),
    _text("account_id", ACCOUNT_ID),
    _text("issuer", URL),
    _text("subject", SUBJECT),
    _text("flow", WORD),
    _text("ip", WORD),
    _text("actor", NAME),
    _added_text("username", USERNAME),
    _added_text("user_agent", LINE),
    Index(None, "issuer", "subject", "time"),
    Index(None, "time"),
    Index(None, "organization_id", "event", "time"),  # the roll-out page counts by it
    Index("ix_audit_ref", "ref", sqlite_where=text("ref <> ''"), postgresql_where=text("ref <> ''")),
    sqlite_autoincrement=True,
)

outbox = Table(
    "outbox",
    metadata,
    Column("item_id", _Id, primary_key=True),
    _text("reference", ID),  # random: names the mail in its Message-ID and in its seal
    _text("kind", WORD),
    _text("body", SEALED),  # emptied once the mail is sent
    _number("created"),
    _number("due", nullable=True),  # NULL: sent, or given up
    Column("tries", Integer, nullable=False),
    _number("sent", nullable=True),
    _text("reason", LINE),
    # Whom it is about, so that the support finds it; never whom it goes to, which is in the sealed body alone.
    _added_text("client_id", ID),
    _added_text("account_id", ACCOUNT_ID),
    _added_text("issuer", URL),
    _added_text("subject", SUBJECT),
    UniqueConstraint("reference"),
    Index(None, "due"),
    Index(None, "issuer", "subject"),
    Index(None, "client_id", "account_id"),
    sqlite_autoincrement=True,
)

# Accounts that were proven by who owns an address that an identity has: linked when that identity signs in (AKE-14).
held = Table(
    "held",
    metadata,
    _belongs_to("clients.client_id", ID),
    _text("account_id", ACCOUNT_ID),
    _text("username", USERNAME),
    _text("account_email", EMAIL),
    _text("email", EMAIL),
    _text("flow", ID),
    _text("amr", LINE),
    _number("created"),
    _text("language", WORD),
    UniqueConstraint("client_id", "account_id"),
    Index(None, "email"),
)

# What `linkmw hub migrate` has made at Keycloak and here, so that it can go on, and take exactly that back (OPS-6).
migrated = Table(
    "migrated",
    metadata,
    _belongs_to("clients.client_id", ID),
    _text("account_id", ACCOUNT_ID),
    _text("email", EMAIL),
    _text("reference", ID),  # random: the new user's password carries it, so that it is known again
    _text("issuer", URL),
    _text("subject", SUBJECT),  # "" until Keycloak has said it
    _number("link_id", nullable=True),
    _number("begun"),
    UniqueConstraint("client_id", "account_id"),
)

# Products that have to be told that a sign-in is over. Nothing secret: an account id, a session's public name.
logouts = Table(
    "logouts",
    metadata,
    Column("item_id", _Id, primary_key=True),
    _belongs_to("clients.client_id", ID),
    _text("account_id", ACCOUNT_ID),
    _text("hub_sid", WORD),
    _number("created"),
    _number("due", nullable=True),  # NULL: told, or given up
    Column("tries", Integer, nullable=False),
    _text("reason", LINE),
    Index(None, "due"),
    sqlite_autoincrement=True,
)

signing_keys = Table(
    "signing_keys",
    metadata,
    _text("kid", ID, key=True),
    _text("algorithm", WORD),
    _text("private_key", SEALED),
    _text("public_jwk", LOGO),
    _number("signs_from"),
    _number("gone", nullable=True),  # from then on it is no longer published
)

# Keys that never leave the hub, by name: `pairwise`.
secrets = Table(
    "secrets",
    metadata,
    _text("name", WORD, key=True),
    _text("value", SEALED),
)
