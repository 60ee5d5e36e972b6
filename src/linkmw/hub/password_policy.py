"""A realm's password policy in Keycloak's words, and what of it a product can judge (AKE-15). Pure.

The hub's service account may not read the realm, so the tenant's settings say it once more (docs/decisions.md).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from linkmw.model import PasswordRules

MAX_POLICY = 500  # characters
_RULE = re.compile(r"([A-Za-z]{1,64})(?:\((.*)\))?\Z")

# Keycloak's ids of what can be judged by the password and the account alone, and its own numbers where none is given.
_NUMBERS = {
    "length": ("length", 8),
    "maxLength": ("max_length", 64),
    "digits": ("digits", 1),
    "upperCase": ("upper_case", 1),
    "lowerCase": ("lower_case", 1),
    "specialChars": ("special_chars", 1),
}
_FLAGS = {"notUsername": "not_username", "notEmail": "not_email", "notContainsUsername": "not_contains_username"}
# What a first password cannot break: how it is hashed, and how it grows old.
_OF_LATER = frozenset(
    (
        "hashAlgorithm",
        "hashIterations",
        "passwordHistory",
        "passwordAge",
        "forceExpiredPasswordChange",
        "maxAuthAge",
        "recoveryCodesWarningThreshold",
    )
)


@dataclass(frozen=True, slots=True)
class Policy:
    """rules: what a product can judge. judged: is that all? Else a carried password is always to be replaced."""

    rules: PasswordRules
    judged: bool


def read(text: str) -> Policy:
    """The policy in Keycloak's own words, `length(12) and digits(1)`. Raises ValueError saying what is wrong.

    A rule that needs the realm itself (`passwordBlacklist`, `regexPattern`, one of an extension) is not judged.
    """
    if len(text) > MAX_POLICY or not text.isprintable():
        raise ValueError(f"must be one line of at most {MAX_POLICY} characters")
    found: dict[str, Any] = {}
    judged = True
    for part in text.split(" and ") if text else ():
        match = _RULE.match(part.strip())
        if match is None:
            raise ValueError("must be like length(12) and digits(1), as Keycloak writes it")
        name, given = match[1], match[2]
        if name in _NUMBERS:
            field, default = _NUMBERS[name]
            found[field] = _number(name, given, default)
        elif name in _FLAGS:
            found[_FLAGS[name]] = True
        elif name not in _OF_LATER:
            judged = False
    return Policy(PasswordRules(**found), judged)


def _number(name: str, given: str | None, default: int) -> int:
    if given in (None, "", "undefined"):  # Keycloak's console writes the last one
        return default
    if not re.fullmatch(r"[0-9]{1,4}", given or ""):
        raise ValueError(f"must give a number in {name}(…)")
    return int(given or "")


def told(text: str) -> Mapping[str, int | bool] | None:
    """What a product is told of the policy; None when there is nothing for it to judge."""
    policy = read(text)
    found = {name: value for name, value in asdict(policy.rules).items() if value}
    return found if found and policy.judged else None


def falls_short(text: str, said: bool | None) -> bool:
    """Is a carried password to be replaced at the next sign-in? said: the product's word, None when it said nothing.

    What nobody could judge is to be replaced: asking once too often costs a minute, and a weak password an account.
    """
    if not text:
        return False
    if told(text) is None:
        return not read(text).judged
    return said is not False
