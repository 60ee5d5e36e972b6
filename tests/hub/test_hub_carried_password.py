"""The hash that a gate makes at the proof, tried by a real Keycloak."""

from __future__ import annotations

import pytest
from tests.hub.realm_users import Real, went_on
from tests.secrets_in_logs import used

from linkmw.gate.password_hash import argon2id


@pytest.mark.parametrize(
    "password", ["correct horse battery", "  spaces at both ends  ", "pässwörd-пароль-密码", "🐎🔋📎 staple"]
)
def test_pr10_keycloak_lets_in_with_the_very_password_that_was_typed(realm_users: Real, password: str) -> None:
    email = f"carried.{sum(password.encode())}@acme.example"
    made = argon2id(password)
    used("a password", password)
    used("a password's hash", made)
    assert realm_users.create(email, made)
    assert not went_on(realm_users.signs_in(email, password + "x"))
    assert went_on(realm_users.signs_in(email, password))
    assert went_on(realm_users.signs_in(email, password))
