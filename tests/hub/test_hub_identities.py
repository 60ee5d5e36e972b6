"""The realm's users: a real Keycloak makes them, finds them, and lets them in with the password that was carried."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import httpx2
import pytest
from tests.hub.realm_users import PASSWORD, Real, hashed, went_on

from linkmw.demo.parts.realm import CLIENT_ID
from linkmw.errors import Unavailable
from linkmw.gate.password_rules import falls_short
from linkmw.hub import password_policy
from linkmw.hub.identities import representation
from linkmw.hub.ports import KnownIdentity, NewIdentity
from linkmw.keycloak import SERVICE_ROLES
from linkmw.model import Account, Identity
from linkmw.secret import Secret


def test_ake05_ake15_a_new_identity_signs_in_with_the_password_of_the_product(realm_users: Real) -> None:
    identity = realm_users.create("Mia.Carries@acme.example", hashed(PASSWORD), language="de")
    assert identity
    known = realm_users.of_identity(identity)
    address = "mia.carries@acme.example"
    assert known == KnownIdentity(identity, address, address, email_verified=True, enabled=True)
    assert went_on(realm_users.signs_in(address, PASSWORD))
    assert not went_on(realm_users.signs_in(address, PASSWORD.lower()))
    assert not went_on(realm_users.signs_in(address, ""))
    assert realm_users.admin("GET", f"/users/{identity.subject}")["attributes"] == {"locale": ["de"]}


def test_ake15_a_password_that_falls_short_lets_in_once_and_is_to_be_replaced(realm_users: Real) -> None:
    realm_users.admin("PUT", "", json={"passwordPolicy": "length(12)"})
    assert realm_users.create("short@acme.example", hashed("Short-1"), falls_short=True)
    answer = realm_users.signs_in("short@acme.example", "Short-1")
    assert "UPDATE_PASSWORD" in answer.headers["location"]
    realm_users.admin("PUT", "", json={"passwordPolicy": ""})


EMAIL_OF_POLICY = "policy@acme.example"


@pytest.mark.parametrize(
    ("policy", "passwords"),
    [
        ("length(12)", ["eleven-11-x", "twelve-12-xx", "\U0001f511" * 5, "\U0001f511" * 6]),
        ("maxLength(12)", ["twelve-12-xx", "thirteen-13-x"]),
        ("digits(2) and upperCase(1)", ["A1", "A12", "a12", "A1٢", "Ä12", "½¼A"]),
        ("lowerCase(1) and specialChars(1)", ["passw0rd", "pass word", "PASS-", "päß€", "pass_word"]),
        ("notUsername(undefined) and notEmail(undefined)", [EMAIL_OF_POLICY, "policy", "x" + EMAIL_OF_POLICY[1:-1]]),
        ("notContainsUsername(undefined)", [f"1{EMAIL_OF_POLICY}1", "policy", PASSWORD]),
        ("length(8) and hashIterations(3) and passwordHistory(3) and passwordAge(30)", ["seven-7", "Never-used-3"]),
    ],
)
def test_ake15_the_gate_finds_short_whatever_keycloak_would_refuse(
    realm_users: Real, policy: str, passwords: list[str]
) -> None:
    """What Keycloak takes is found good too, but for what might be the address that is confirmed later."""
    identity = (
        realm_users.create(EMAIL_OF_POLICY, hashed(PASSWORD)) or realm_users.of_address(EMAIL_OF_POLICY)[0].identity
    )
    realm_users.admin("PUT", "", json={"passwordPolicy": policy})
    rules = password_policy.read(policy).rules
    for password in passwords:
        short = falls_short(rules, password, Account("7", "ann", EMAIL_OF_POLICY))
        assert short is refused(realm_users, identity, password) or (short and "@" in password), password
    realm_users.admin("PUT", "", json={"passwordPolicy": ""})


def refused(realm_users: Real, identity: Identity, password: str) -> bool:
    """Does Keycloak refuse it as a new password?"""
    new = {"type": "password", "value": password, "temporary": False}
    try:
        realm_users.admin("PUT", f"/users/{identity.subject}/reset-password", json=new)
    except httpx2.HTTPStatusError as error:
        if error.response.status_code != 400:
            raise
        return True
    return False


def test_ake15_the_hub_may_not_read_what_the_realm_asks_of_passwords(realm_users: Real) -> None:
    """Why the tenant's settings say it once more: more rights than these the hub is not given (MG06)."""
    realm_users.admin("PUT", "", json={"passwordPolicy": "length(12)"})
    realm = realm_users.as_hub("GET", "")
    assert realm["realm"] == "acme"
    assert "passwordPolicy" not in realm
    realm_users.admin("PUT", "", json={"passwordPolicy": ""})


def test_ake15_without_a_password_keycloak_asks_for_a_new_one(realm_users: Real) -> None:
    identity = realm_users.create("without@acme.example")
    assert identity
    assert realm_users.admin("GET", f"/users/{identity.subject}")["requiredActions"] == ["UPDATE_PASSWORD"]
    assert realm_users.admin("GET", f"/users/{identity.subject}/credentials") == []
    assert not went_on(realm_users.signs_in("without@acme.example", ""))


def test_rc09_of_eight_first_sign_ins_at_once_one_makes_the_user(realm_users: Real) -> None:
    password_hash = hashed(PASSWORD)
    with ThreadPoolExecutor(8) as at_once:
        made = list(at_once.map(lambda _: realm_users.create("race@acme.example", password_hash), range(8)))
    (identity,) = [one for one in made if one]
    assert [known.identity for known in realm_users.of_address("race@acme.example")] == [identity]


def test_pr01_an_address_is_found_as_email_or_as_a_username_and_only_whole(realm_users: Real) -> None:
    realm_users.admin("PUT", "", json={"registrationEmailAsUsername": False})  # else Keycloak overwrites the usernames
    realm_users.admin("POST", "/users", json={"username": "named@acme.example", "email": "other@acme.example"})
    realm_users.admin("POST", "/users", json={"username": "mailed", "email": "Mailed@acme.example", "enabled": True})
    realm_users.admin("PUT", "", json={"registrationEmailAsUsername": True})  # and shows others than it keeps
    (by_name,) = realm_users.of_address("NAMED@acme.example")
    assert (by_name.email, by_name.email_verified, by_name.enabled) == ("other@acme.example", False, False)
    (by_email,) = realm_users.of_address("mailed@Acme.Example")
    assert (by_email.email, by_email.email_verified, by_email.enabled) == ("mailed@acme.example", False, True)
    for other in ("amed@acme.example", "named", "%", "*", "name_@acme.example", ""):
        assert realm_users.of_address(other) == []


def test_pr21_a_user_who_is_gone_or_of_another_realm_is_none(realm_users: Real) -> None:
    identity = realm_users.create("leaver@acme.example", hashed(PASSWORD))
    assert identity
    realm_users.admin("PUT", f"/users/{identity.subject}", json={"enabled": False})
    known = realm_users.of_identity(identity)
    assert known
    assert not known.enabled
    assert realm_users.of_identity(replace(identity, issuer="https://other.example/realms/acme")) is None
    realm_users.admin("DELETE", f"/users/{identity.subject}")
    assert realm_users.of_identity(identity) is None


def test_i4_what_keycloak_cannot_say_is_unavailable_and_never_nobody(realm_users: Real) -> None:
    silent = replace(realm_users.tenant, internal_issuer="http://127.0.0.1:1/realms/acme")
    wrong = replace(realm_users.tenant, keycloak_client_secret=Secret("w" * 43))
    for tenant in (silent, wrong):
        for question in (
            realm_users.identities.of_address(tenant, "x@acme.example"),
            realm_users.identities.of_identity(tenant, Identity(tenant.issuer, "x")),
            realm_users.identities.create(tenant, NewIdentity("x@acme.example")),
        ):
            with pytest.raises(Unavailable):
                asyncio.run(question)


def test_mg06_the_hubs_service_account_may_see_and_change_users_and_nothing_else(realm_users: Real) -> None:
    (user,) = realm_users.admin("GET", f"/users?username=service-account-{CLIENT_ID}&exact=true")
    held = realm_users.admin("GET", f"/users/{user['id']}/role-mappings")["clientMappings"]
    assert {role["name"] for role in held["realm-management"]["mappings"]} == set(SERVICE_ROLES)
    assert set(SERVICE_ROLES) == {"manage-users", "view-users", "query-users"}
    assert set(held) == {"realm-management"}


def test_cf08_no_hash_is_in_a_repr(realm_users: Real) -> None:
    phc = hashed(PASSWORD)
    assert phc not in repr(NewIdentity("x@acme.example", phc))
    assert phc.rpartition("$")[2] in representation(NewIdentity("x@acme.example", phc))["credentials"][0]["secretData"]
