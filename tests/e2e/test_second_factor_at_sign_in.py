"""Whose second factor counts at later sign-ins, with a real Keycloak that knows one too (MIM-5, PR07)."""

from __future__ import annotations

import json
import re
import secrets
from dataclasses import replace

import httpx2
import pyotp
import pytest
from playwright.sync_api import expect
from tests.e2e.houses import one_of
from tests.e2e.person import Person, code_now

from linkmw.demo.parts.realm import REALM, user
from linkmw.demo.parts.realm import Person as Identity
from linkmw.keycloak import Administrator, HubClient, Realm, changes, representation
from linkmw.secret import Secret

HOUSES = one_of("orders-wsgi", "wiki")


@pytest.fixture
def identity_with_otp(world) -> tuple[Identity, str]:
    """A person whose ACME ID has an authenticator app; its Base32 secret."""
    secret = pyotp.random_base32()
    person = Identity(f"otp-{secrets.token_hex(4)}@acme.example", secrets.token_urlsafe(12), "Kim", "Example")
    app = {
        "type": "otp",
        "secretData": json.dumps({"value": secret}),
        "credentialData": json.dumps(
            {
                "subType": "totp",
                "digits": 6,
                "counter": 0,
                "period": 30,
                "algorithm": "HmacSHA1",
                "secretEncoding": "BASE32",
            }
        ),
    }
    made = user(person)
    with world._admin() as admin:
        made = {**made, "credentials": [*made["credentials"], app]}
        admin.post(f"/admin/realms/{REALM}/users", json=made).raise_for_status()
    return person, secret


def shows_otp_at_keycloak(person: Person, secret: str) -> None:
    person.page.locator("#otp").fill(code_now(secret))
    person.page.locator("#kc-login").click()


@pytest.mark.parametrize("house", HOUSES)
def test_pr07_an_identity_that_showed_a_second_factor_spares_the_products(
    world, new_browser, identity_with_otp, house
) -> None:
    product, account = world.products[house], world.new_account(house, totp=True)
    identity, secret = identity_with_otp
    person = Person.sits_down(new_browser())
    person.opens(product.login_url)
    person.presses_sign_in()
    person.signs_in_at_keycloak(identity.email, identity.password)
    shows_otp_at_keycloak(person, secret)
    person.proves(account.username, account.password)
    person.enters_code(code_now(account.totp_secret))  # linking asks for it all the same
    person.sees_linked()
    person.continues()
    expect(person.page).to_have_url(re.compile(re.escape(product.url) + r"/(?!\.linkmw/)"))

    person.comes_back_later(product)
    person.opens(product.protected_url)
    stops: list[str] = []
    person.page.on("framenavigated", lambda frame: stops.append(frame.url))
    person.presses_sign_in()  # Keycloak is silent, and still says how its session began
    expect(person.page).to_have_url(product.protected_url)
    person.is_signed_in_as(account.username, product.url)
    assert not [url for url in stops if "/second-factor" in url], stops


def test_pr07_always_asks_and_linked_never(world, new_browser, identity_with_otp) -> None:
    product, account = world.products["wiki"], world.new_account("wiki", totp=True)
    identity = world.new_identity()
    person = Person.sits_down(new_browser())
    person.links(product, identity, account)
    with world.settings("wiki", LINKMW_SECOND_FACTOR_AT_SIGN_IN="linked"):
        person.comes_back_later(product)
        person.opens(product.protected_url)
        person.presses_sign_in()
        expect(person.page).to_have_url(product.protected_url)
        person.is_signed_in_as(account.username, product.url)
    strong, secret = identity_with_otp
    other = world.new_account("wiki", totp=True)
    with world.settings("wiki", LINKMW_SECOND_FACTOR_AT_SIGN_IN="always"):
        person = Person.sits_down(new_browser())
        person.opens(product.login_url)
        person.presses_sign_in()
        person.signs_in_at_keycloak(strong.email, strong.password)
        shows_otp_at_keycloak(person, secret)
        person.proves(other.username, other.password)
        person.enters_code(code_now(other.totp_secret))
        person.sees_linked()
        person.continues()
        expect(person.page).to_have_url(re.compile(re.escape(product.url) + r"/(?!\.linkmw/)"))
        person.comes_back_later(product)
        person.opens(product.protected_url)
        person.presses_sign_in()
        person.enters_fresh_code(other.totp_secret)
        expect(person.page).to_have_url(product.protected_url)
        person.is_signed_in_as(other.username, product.url)


def test_pr07_a_realm_and_its_client_are_made_to_say_how_somebody_signed_in(world) -> None:
    """On a realm and a client that say nothing: planned, done once, and nothing is left to do."""
    name = f"stock-{secrets.token_hex(4)}"
    administrator = Administrator(world.keycloak.internal_url, "admin", Secret(world.keycloak.admin_password))
    client = HubClient("hub", Secret(secrets.token_urlsafe(32)), ("https://hub.example/t/a/callback",))
    with world._admin() as admin:
        admin.post("/admin/realms", json={"realm": name, "enabled": True}).raise_for_status()
        try:
            bare = {**representation(client), "protocolMappers": []}
            admin.post(f"/admin/realms/{name}/clients", json=bare).raise_for_status()
            realm = Realm(administrator, name)
            planned = [str(change) for change in realm.set_up(client)]
            assert "mapper: missing → amr" in planned
            assert "reference of auth-username-password-form: missing → pwd" in planned
            assert "reference of auth-otp-form: missing → otp" in planned
            assert "reference of webauthn-authenticator: missing → hwk" in planned
            assert realm.plan(client) == []
            fresh = replace(client, client_id="another")
            assert str(realm.set_up(fresh)[0]) == "client: missing → another"
            assert realm.plan(fresh) == []
            assert changes(_client(admin, name, "another"), representation(fresh)) == []
        finally:
            admin.delete(f"/admin/realms/{name}").raise_for_status()


def _client(admin: httpx2.Client, realm: str, client_id: str) -> dict[str, object]:
    found = admin.get(f"/admin/realms/{realm}/clients", params={"clientId": client_id}).raise_for_status().json()
    secret = admin.get(f"/admin/realms/{realm}/clients/{found[0]['id']}/client-secret").raise_for_status().json()
    return {**found[0], "secret": secret["value"]}
