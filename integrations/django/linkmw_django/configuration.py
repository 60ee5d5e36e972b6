"""What `settings.LINKMW` says: the gate's settings, and the few that only this adapter knows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.conf import settings as django_settings
from django.utils.module_loading import import_string

from linkmw.settings import Settings, load

TotpSecret = Callable[[Any], str | None]


@dataclass(frozen=True, slots=True)
class Configuration:
    """settings: the gate's. totp_secret: dotted path of `callable(user) → Base32 secret | None`, or ""."""

    settings: Settings
    totp_secret: str = ""

    def read_totp_secret(self, user: Any) -> str | None:
        reader: TotpSecret | None = import_string(self.totp_secret) if self.totp_secret else None
        return reader(user) if reader else None


def configuration() -> Configuration:
    """The configuration in force, read anew. Never raises: what is wrong is in `settings.problems` (DIS-12)."""
    configured = {key.lower(): value for key, value in getattr(django_settings, "LINKMW", {}).items()}
    totp_secret = configured.pop("totp_secret", "")
    return Configuration(load(configured), str(totp_secret))
