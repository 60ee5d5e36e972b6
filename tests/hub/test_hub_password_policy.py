"""A realm's password policy in Keycloak's words: what of it a product judges, and what comes of its answer."""

from __future__ import annotations

import pytest

from linkmw.hub import password_policy
from linkmw.model import PasswordRules

ALL = "length(12) and maxLength(64) and digits(2) and upperCase(1) and lowerCase(1) and specialChars(1)"
NAMES = "notUsername(undefined) and notEmail(undefined) and notContainsUsername(undefined)"


@pytest.mark.parametrize(
    ("text", "rules", "judged"),
    [
        ("", PasswordRules(), True),
        ("length(12)", PasswordRules(length=12), True),
        (ALL, PasswordRules(12, 64, 2, 1, 1, 1), True),
        (NAMES, PasswordRules(not_username=True, not_email=True, not_contains_username=True), True),
        ("length and digits(undefined)", PasswordRules(length=8, digits=1), True),
        ("hashAlgorithm(argon2) and passwordHistory(3) and passwordAge(30)", PasswordRules(), True),
        ("forceExpiredPasswordChange(365) and maxAuthAge(300) and hashIterations(5)", PasswordRules(), True),
        ("length(8) and passwordBlacklist(worst.txt)", PasswordRules(length=8), False),
        (r"regexPattern(^(?=.*\d\).*$) and length(8)", PasswordRules(length=8), False),
        ("ofAnExtension(x)", PasswordRules(), False),
    ],
)
def test_ake15_a_policy_is_read_as_keycloak_writes_it(text: str, rules: PasswordRules, judged: bool) -> None:
    assert password_policy.read(text) == password_policy.Policy(rules, judged)


@pytest.mark.parametrize(
    "text", ["length(", "length(x)", "length(12345)", "12", "length(8)\n", "l" * 501, "length(8) and "]
)
def test_cf06_what_keycloak_never_writes_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must"):
        password_policy.read(text)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", None),
        ("hashIterations(5)", None),
        ("length(12) and notEmail", {"length": 12, "not_email": True}),
        ("length(12) and passwordBlacklist(worst.txt)", None),  # its answer would decide nothing
    ],
)
def test_ake15_a_product_is_told_what_it_can_judge(text: str, told: dict[str, object] | None) -> None:
    assert password_policy.told(text) == told


@pytest.mark.parametrize(
    ("text", "said", "short"),
    [
        ("", None, False),
        ("", True, False),
        ("length(12)", False, False),
        ("length(12)", True, True),
        ("length(12)", None, True),  # an older gate, or one that cannot say
        ("hashIterations(5)", None, False),
        ("passwordBlacklist(worst.txt)", None, True),
        ("passwordBlacklist(worst.txt)", False, True),
    ],
)
def test_ake15_in_doubt_a_new_password_is_asked_for(text: str, said: bool | None, short: bool) -> None:
    assert password_policy.falls_short(text, said) is short
