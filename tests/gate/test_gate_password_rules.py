"""Which passwords fall short of a realm's policy, told from the password and its account alone."""

from __future__ import annotations

import pytest

from linkmw.gate.password_rules import falls_short
from linkmw.model import Account, PasswordRules

ANN = Account("7", "Ann.Lee", "ann@acme.example")


@pytest.mark.parametrize(
    ("rules", "password", "short"),
    [
        (PasswordRules(), "x", False),
        (PasswordRules(length=8), "seven-7", True),
        (PasswordRules(length=8), "eight--8", False),
        (PasswordRules(length=4), "\U0001f511\U0001f511", False),  # two signs each to Keycloak
        (PasswordRules(max_length=8), "eight--8", False),
        (PasswordRules(max_length=8), "short", False),
        (PasswordRules(max_length=1), "ab", True),
        (PasswordRules(max_length=1), "a", False),
        (PasswordRules(max_length=8), "nine----9", True),
        (PasswordRules(digits=2), "one1", True),
        (PasswordRules(digits=2), "one1two٢", False),  # an Arabic two is a digit to Java as well
        (PasswordRules(digits=1), "half½", True),
        (PasswordRules(digits=1), "\U0001d7d8", True),
        (PasswordRules(upper_case=1), "straße", True),
        (PasswordRules(upper_case=1), "Ärger", False),
        (PasswordRules(lower_case=1), "PASSWORD", True),
        (PasswordRules(lower_case=1), "PASSWORd", False),
        (PasswordRules(special_chars=1), "Passw0rd", True),
        (PasswordRules(special_chars=1), "Pass word", False),
        (PasswordRules(special_chars=1), "Passw0rd\u0301", False),  # an accent of its own is neither letter nor digit
        (PasswordRules(special_chars=2), "Pass-w0rd", True),
        (PasswordRules(length=8, digits=1, upper_case=1), "Enough-1", False),
        (PasswordRules(length=8, digits=1, upper_case=1), "enough-1", True),
        (PasswordRules(not_username=True), "Ann.Lee", True),
        (PasswordRules(not_username=True), "ann.lee", True),
        (PasswordRules(not_username=True), "Ann.Lee1", False),
        (PasswordRules(not_email=True), "ANN@acme.example", True),
        (PasswordRules(not_email=True), "another@mail.example", True),  # it may be confirmed as the address later
        (PasswordRules(not_email=True), "Difference-Engine-2", False),
        (PasswordRules(not_contains_username=True), "xann.leex", True),
        (PasswordRules(not_contains_username=True), "me@acme.example!", True),
        (PasswordRules(not_contains_username=True), "Difference-Engine-2", False),
    ],
)
def test_ake15_what_falls_short(rules: PasswordRules, password: str, short: bool) -> None:
    assert falls_short(rules, password, ANN) is short


def test_ake15_without_rules_nothing_is_said() -> None:
    assert falls_short(None, "x", ANN) is None


def test_ake15_an_account_without_an_address_is_no_part_of_every_password() -> None:
    assert falls_short(PasswordRules(not_contains_username=True, not_email=True), "a", Account("7", "ann")) is False
