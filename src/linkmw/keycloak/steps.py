"""What the steps of a realm's sign-in say of themselves, so that `amr` tells a second factor (MIM-5). Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

# What an ID token says of each step of a sign-in (RFC 8176). A stock realm says nothing: without a reference on the
# steps and the mapper on the client `amr` is missing or empty, and `acr` is "1" with and without a one-time code.
REFERENCES = {
    "auth-username-password-form": "pwd",
    "auth-otp-form": "otp",
    "auth-recovery-authn-code-form": "otp",
    "webauthn-authenticator": "hwk",
}
_REFERENCE, _MAX_AGE = "default.reference.value", "default.reference.maxAge"  # Keycloak's names for the two


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a realm's sign-in. provider: its kind. settings: AuthenticatorConfigRepresentation, {} for none."""

    step_id: str
    provider: str
    settings: Mapping[str, Any]


def without_reference(steps: Sequence[Mapping[str, Any]], configured: Mapping[str, Mapping[str, Any]]) -> list[Step]:
    """The steps of a flow that say nothing of themselves and should. configured: by the id that a step names.

    A reference that is there already is left as it is, whatever it says: Keycloak shows it as stars.
    """
    known = [step for step in steps if step.get("providerId") in REFERENCES]
    settings = {str(step["id"]): configured.get(str(step.get("authenticationConfig")), {}) for step in known}
    return [
        Step(str(step["id"]), str(step["providerId"]), settings[str(step["id"])])
        for step in known
        if not settings[str(step["id"])].get("config", {}).get(_REFERENCE)
    ]


def referring(step: Step, seconds: int) -> dict[str, Any]:
    """The step's settings (AuthenticatorConfigRepresentation) with its reference, good for `seconds`."""
    found = step.settings
    said = {_REFERENCE: REFERENCES[step.provider], _MAX_AGE: str(seconds)}
    return {
        **found,
        "alias": found.get("alias", f"linkmw {step.provider}"),
        "config": {**found.get("config", {}), **said},
    }


def session_seconds(realm: Mapping[str, Any]) -> int:
    """How long a session of the realm can last: as long a silent sign-in still says how it began."""
    return max(int(realm.get(name) or 0) for name in ("ssoSessionMaxLifespan", "ssoSessionMaxLifespanRememberMe"))
