"""The realm allows the hub what it needs and nothing else (security.md, CF01; design, "The three parties")."""

from __future__ import annotations

from linkmw.demo.parts.realm import Person, hub_client, realm
from linkmw.secret import Secret

ADA = Person("ada@acme.example", "Lovelace-1815", "Ada", "Lovelace")
HUB = hub_client("http://hub.localhost:9", "http://127.0.0.1:9", Secret("s" * 43))
REALM = realm(HUB, [ADA], 2525)
(CLIENT,) = REALM["clients"]


def test_the_hub_gets_the_code_flow_with_pkce_and_nothing_else() -> None:
    assert CLIENT["standardFlowEnabled"]
    assert CLIENT["attributes"]["pkce.code.challenge.method"] == "S256"
    for other in ("publicClient", "implicitFlowEnabled", "directAccessGrantsEnabled", "fullScopeAllowed"):
        assert CLIENT[other] is False


def test_redirect_uris_are_exact() -> None:
    assert CLIENT["redirectUris"] == ["http://hub.localhost:9/t/acme/callback"]
    assert CLIENT["attributes"]["post.logout.redirect.uris"] == "http://hub.localhost:9/t/acme/signed-out"


def test_ops08_keycloak_tells_the_hub_where_it_reaches_it() -> None:
    assert CLIENT["attributes"]["backchannel.logout.url"] == "http://127.0.0.1:9/t/acme/backchannel-logout"
    assert CLIENT["attributes"]["backchannel.logout.session.required"] == "true"


def test_mim02_people_can_register_and_verify_their_address() -> None:
    assert REALM["registrationAllowed"]
    assert REALM["verifyEmail"]
    assert REALM["smtpServer"]["port"] == "2525"


def test_passwords_stay_out_of_reprs() -> None:
    assert "Lovelace-1815" not in repr(ADA)
