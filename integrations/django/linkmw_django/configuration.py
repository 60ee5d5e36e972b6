"""What `settings.LINKMW` says: the gate's settings, and the few that only this adapter knows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings as django_settings
from django.utils.module_loading import import_string

from linkmw.gate.in_force import InForce, following
from linkmw.settings import Settings, load

TotpSecret = Callable[[Any], str | None]
EmailIsVerified = Callable[[Any], bool]


@dataclass(frozen=True, slots=True)
class Configuration:
    """settings: the gate's. totp_secret: dotted path of `callable(user) → Base32 secret | None`, or "".

    email_is_verified: dotted path of `callable(user) → bool`, or "": Django itself knows no verified address.
    """

    settings: Settings
    totp_secret: str = ""
    email_is_verified: str = ""

    def read_totp_secret(self, user: Any) -> str | None:
        reader: TotpSecret | None = import_string(self.totp_secret) if self.totp_secret else None
        return reader(user) if reader else None

    def is_email_verified(self, user: Any) -> bool:
        """Has this user shown that the address on file is its own? False where the project does not say (PR06)."""
        asked: EmailIsVerified | None = import_string(self.email_is_verified) if self.email_is_verified else None
        return asked(user) is True if asked else False


# What was found out about a project that is wrapped from outside: counts where nothing else says otherwise.
discovered: dict[str, object] = {}

OWN = ("totp_secret", "email_is_verified")  # of this adapter alone


def in_force() -> InForce:
    """The settings, as the configuration file may still change them."""
    return following(configured(), discovered=discovered)


def configured() -> dict[str, Any]:
    """What `LINKMW` in the project's settings says to the gate."""
    return {key: value for key, value in _said().items() if key not in OWN}


def configuration(settings: Settings | None = None) -> Configuration:
    """The configuration in force, read anew. Never raises: what is wrong is in `settings.problems` (DIS-12).

    settings: the gate's, where they are known already.
    """
    said = _said()
    return Configuration(
        settings or load(configured(), discovered=discovered), *(str(said.get(name, "")) for name in OWN)
    )


def _said() -> Mapping[str, Any]:
    return {key.lower(): value for key, value in getattr(django_settings, "LINKMW", {}).items()}
