"""Every setting of the hub, as `linkmw.settings` reads a product's. The hub refuses to start with wrong ones."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from linkmw.errors import SettingsError
from linkmw.secret import Secret
from linkmw.setting_sources import names_of, read_file, read_values, setting
from linkmw.setting_values import (
    one_of,
    read_any_text,
    read_fraction,
    read_networks,
    read_number,
    read_public_url,
    read_secret,
    read_text,
)

HUB_REQUIRED = ("public_url", "redis_url", "key")


@dataclass(frozen=True, slots=True)
class HubSettings:
    """The hub's settings. Names in the environment: `LINKMW_HUB_` and the field in capitals."""

    ENVIRONMENT: ClassVar = "LINKMW_HUB_"

    public_url: str = setting(read_public_url, "", "the hub, as browsers see it")
    database_url: str = setting(
        read_text, "sqlite:///linkmw-hub.db", "SQLAlchemy URL: SQLite or PostgreSQL", secret=True
    )
    redis_url: str = setting(read_text, "", "the hub's own Redis, as above", secret=True)
    redis_prefix: str = setting(read_text, "linkmw-hub:", "what every key of the hub begins with")
    key: Secret = setting(
        read_secret, Secret(""), "32 random bytes, base64url: seals keys and mail bodies", secret=True
    )
    smtp_url: str = setting(
        read_any_text, "smtp://localhost:25", "smtp:// or smtps://user:password@host:port", secret=True
    )
    mail_from: str = setting(read_text, "", "sender of mails, when the tenant names none")
    sign_in_seconds: int = setting(read_number, 1800, "how long a flow may take", unit="seconds")
    code_seconds: int = setting(read_number, 60, "life of an authorization code and of a proof code", unit="seconds")
    session_idle_seconds: int = setting(
        read_number, 1800, "a hub session ends when unused for this long", unit="seconds"
    )
    session_seconds: int = setting(read_number, 28800, "a hub session ends after this long", unit="seconds")
    http_timeout: float = setting(read_fraction, 5.0, "how long Keycloak or a product may take", unit="seconds")
    redis_timeout: float = setting(read_fraction, 0.5, "how long Redis may take for one command", unit="seconds")
    outbox_seconds: float = setting(read_fraction, 1.0, "how often the outbox is looked through", unit="seconds")
    audit_days: int = setting(read_number, 400, "how long audit rows are kept", unit="days")
    trusted_proxies: tuple[str, ...] = setting(read_networks, (), "networks whose X-Forwarded-For is believed")
    fresh_seconds: int = setting(
        read_number, 900, "how old a sign-in may be when a link is removed in the manager", unit="seconds"
    )
    monitor_token: Secret = setting(
        read_secret, Secret(""), "bearer token for `/metrics`; without it there is none", secret=True
    )
    support_role: str = setting(
        read_text,
        "linkmw-support",
        "the realm role of who may look people up on the support page, unlink, end sessions, send mails again; "
        "`{tenant}` in it stands for the organization id",
    )
    support_read_role: str = setting(
        read_text, "linkmw-support-read", "the realm role of who may look people up there and no more; as above"
    )
    log: Literal["text", "json"] = setting(
        one_of("text", "json"), "text", "how `linkmw hub serve` writes its log: text or json"
    )


def load_hub(environ: Mapping[str, str] | None = None) -> HubSettings:
    """The hub's settings. Raises SettingsError naming everything that is wrong: the hub refuses to start."""
    environ = os.environ if environ is None else environ
    file = read_file(Path(environ.get("LINKMW_HUB_CONFIG", "linkmw-hub.toml")))
    values, problems = read_values(HubSettings, environ, {}, file)
    names = names_of(HubSettings)
    problems += [f"{names[name]} is not set" for name in HUB_REQUIRED if not values.get(name)]
    if problems:
        raise SettingsError("; ".join(problems))
    return HubSettings(**values)
