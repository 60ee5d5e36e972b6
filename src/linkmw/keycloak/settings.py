"""What a realm has to be for the hub, and what would have to change. Pure.

Left alone, whatever it says: the password policy, SMTP, themes, identity providers, everybody's attributes but for two.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from linkmw.keycloak.client import Change

# By Keycloak's own names (Admin REST API, RealmRepresentation).
WANTED: dict[str, Any] = {
    "enabled": True,
    "loginWithEmailAllowed": True,  # the hub fills in an address (AKE-9)
    "duplicateEmailsAllowed": False,  # or an address would name nobody
    "bruteForceProtected": True,  # passwords are guessed here, too (BF)
    "otpPolicyCodeReusable": False,  # a code is good once (OT01)
}
# Identities that the hub makes have no names, and a stock realm asks for both before it lets anybody in.
OPTIONAL_NAMES = ("firstName", "lastName")


@dataclass(frozen=True, slots=True)
class RealmSettings:
    """What the operator decides. registration: may people sign up by themselves? None: as it is.

    brand: the name of a realm that is made. languages: of a realm that is made; the first is its default.
    """

    registration: bool | None = None
    brand: str = ""
    languages: tuple[str, ...] = ()


def new_realm(name: str, settings: RealmSettings) -> dict[str, Any]:
    """The representation of a realm that is made: the least the hub needs, and what only its maker would set."""
    registration = settings.registration is True
    found: dict[str, Any] = {
        "realm": name,
        "displayName": settings.brand or name,
        "sslRequired": "external",  # plain http from loopback and private networks only
        "registrationAllowed": registration,
        "registrationEmailAsUsername": True,
        "verifyEmail": registration,  # an address that somebody typed is worth nothing
        "resetPasswordAllowed": True,
        **WANTED,
    }
    if settings.languages:  # the hub hands its language on (`ui_locales`)
        first, *_ = settings.languages
        found |= {"internationalizationEnabled": True, "supportedLocales": list(settings.languages)}
        found["defaultLocale"] = first
    return found


def wanted(found: Mapping[str, Any], settings: RealmSettings) -> dict[str, Any]:
    """What of the realm `found` has to be how."""
    asked: dict[str, Any] = dict(WANTED)
    if settings.registration is not None:
        asked["registrationAllowed"] = settings.registration
    if str(found.get("sslRequired", "")).lower() == "none":
        asked["sslRequired"] = "external"
    return asked


def repair(found: Mapping[str, Any], settings: RealmSettings) -> dict[str, Any]:
    """What is sent to have the realm as it is wanted. Keycloak takes the OTP policy whole or not at all."""
    otp = {name: value for name, value in found.items() if name.startswith("otpPolicy")}
    return otp | wanted(found, settings)


def realm_changes(found: Mapping[str, Any], settings: RealmSettings) -> list[Change]:
    """What has to change for the realm `found` to be as the hub needs it."""
    return [
        Change(f"realm {name}", str(found.get(name)), str(value))
        for name, value in wanted(found, settings).items()
        if found.get(name) != value
    ]


def required_names(profile: Mapping[str, Any]) -> list[str]:
    """The names that the realm's user profile (UPConfig) asks everybody for."""
    return [one["name"] for one in _attributes(profile) if one.get("name") in OPTIONAL_NAMES and "required" in one]


def nameless(profile: Mapping[str, Any]) -> dict[str, Any]:
    """The user profile with both names there, and asked of nobody."""
    return {**profile, "attributes": [_not_required(one) for one in _attributes(profile)]}


def _attributes(profile: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    found: Iterable[Mapping[str, Any]] = profile.get("attributes") or ()
    return found


def _not_required(attribute: Mapping[str, Any]) -> dict[str, Any]:
    if attribute.get("name") not in OPTIONAL_NAMES:
        return dict(attribute)
    return {name: value for name, value in attribute.items() if name != "required"}
