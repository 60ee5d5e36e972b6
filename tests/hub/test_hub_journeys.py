"""What people go through at the hub, and what they are told."""

from __future__ import annotations

import re

import pytest
from tests.hub.world import ADA, EVE, HUB, REALM, World, product, query_of

from linkmw.oidc import id_token
from linkmw.oidc.jose import KeySet


def claims_of(world: World, person_token: str, client_id: str = "orders") -> dict[str, object]:
    keys = KeySet.read(world.person().get(f"/o/{client_id}/jwks").json())
    return id_token.verify(
        person_token,
        keys,
        issuer=f"{HUB}/o/{client_id}",
        audience=client_id,
        nonce="gate-nonce",
        now=world.clock(),
    )


def test_mim03_the_button_leads_to_keycloak_with_state_nonce_and_pkce(world: World) -> None:
    answer = world.person().get(world.authorize_url())
    assert answer.status_code == 303
    assert answer.headers["location"].startswith(f"{REALM}/protocol/openid-connect/auth?")
    asked = query_of(answer.headers["location"])
    assert asked["redirect_uri"] == f"{HUB}/t/acme/callback"
    assert asked["code_challenge_method"] == "S256"
    assert asked["state"]
    assert asked["nonce"]


def test_mim04_without_a_link_the_product_is_asked_for_a_proof(world: World) -> None:
    answer = world.sign_in(world.person())
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("https://orders.example/.linkmw/prove?handle=")


def test_mim04_the_gate_is_told_whose_identity_it_is(world: World) -> None:
    handle = query_of(world.sign_in(world.person()).headers["location"])["handle"]
    content = world.back_channel("/proof-requests", {"handle": handle}).json()
    assert content["identity_email"] == "ada@acme.example"
    assert content["purpose"] == "link"
    assert content["expires"] == world.clock() + 1800


def test_mim06_both_are_named_and_continue_leads_to_the_product(world: World) -> None:
    person = world.person()
    done = world.link(person)
    page = person.get(done.headers["location"])
    assert "Your accounts are linked" in page.text
    assert "u7" in page.text
    assert "ada@acme.example" in page.text
    assert "form-action 'self' https://orders.example;" in page.headers["content-security-policy"]
    answer = person.submit(page, "/continue")
    assert answer.status_code == 303
    given = query_of(answer.headers["location"])
    assert (given["state"], given["iss"]) == ("gate-state", f"{HUB}/o/orders")
    claims = claims_of(world, world.redeem(answer.headers["location"]).json()["id_token"])
    assert (claims["sub"], claims["preferred_username"], claims["email"]) == ("7", "u7", "ada@acme.example")


def test_mim07_pr14_the_account_gets_the_button_and_the_identity_does_not(world: World) -> None:
    world.link(world.person())
    mails = {mail.recipient: mail for mail in world.mails()}
    assert set(mails) == {"u7@shop.example", "ada@acme.example"}
    assert f"{HUB}/unlink/" in mails["u7@shop.example"].text
    assert "/unlink/" not in mails["ada@acme.example"].text + mails["ada@acme.example"].html
    assert "u7" not in mails["ada@acme.example"].text


def test_mim07_one_mail_when_both_addresses_are_one(world: World) -> None:
    person = world.person()
    transaction = world.ask_proof(world.sign_in(person))
    code = world.push(transaction, email="Ada@acme.example").json()["code"]
    person.get(f"/proved?code={code}")
    assert [mail.kind for mail in world.mails()] == ["linked"]


def test_mim08_the_account_of_another_identity_is_not_linked_and_continue_leads_on(world: World) -> None:
    world.link(world.person())
    eve = world.person()
    answer = world.link(eve, identity=EVE)
    assert answer.headers["location"].startswith(f"{HUB}/t/acme/?flow=")
    page = eve.get(answer.headers["location"])
    assert "That Orders account belongs to another ACME ID." in page.text
    assert not re.search(r"\bada\b", page.text, re.IGNORECASE)
    assert "form-action 'self' https://kc.example https://orders.example;" in page.headers["content-security-policy"]
    on = eve.submit(page, "/continue")
    told = query_of(on.headers["location"])
    assert on.headers["location"].startswith("https://orders.example/.linkmw/callback?")
    assert (told["error"], told["state"], told["iss"]) == ("access_denied", "gate-state", f"{HUB}/o/orders")
    assert world.links(ADA) == ["orders/7"]
    assert world.links(EVE) == []
    assert ("link_refused", "account_taken") in world.audit()


def test_mim14_with_one_link_there_is_no_page_in_between(world: World) -> None:
    world.link(world.person())
    answer = world.sign_in(world.person())
    assert answer.headers["location"].startswith("https://orders.example/.linkmw/callback?code=")
    assert world.redeem(answer.headers["location"]).status_code == 200


def test_mim09_the_manager_asks_keycloak_only_without_a_session(world: World) -> None:
    person = world.person()
    first = person.get("/t/acme/")
    assert first.headers["location"].startswith(REALM)
    back = person.get(world.keycloak.signs_in(first.headers["location"], ADA, world.clock()))
    assert back.headers["location"] == f"{HUB}/t/acme/"
    page = person.get("/t/acme/")
    assert page.status_code == 200
    assert "ACME ID manager" in page.text
    assert "ada@acme.example" in page.text


def test_mim09_sign_out_ends_the_hub_session(world: World) -> None:
    person = world.person()
    world.link(person)
    out = person.submit(person.get("/t/acme/"), "/t/acme/sign-out")
    assert out.status_code == 303
    assert out.headers["location"].startswith(f"{REALM}/logout?")
    assert "You are signed out" in person.get(world.keycloak.signs_out(out.headers["location"])).text
    assert person.get("/t/acme/").headers["location"].startswith(REALM)


def test_mim10_the_manager_lists_the_own_links_only(world: World) -> None:
    eve, ada = world.person(), world.person()
    world.link(eve, "9", identity=EVE)
    world.link(ada, "7")
    page = ada.get("/t/acme/").text
    assert "u7" in page
    assert "u9" not in page
    assert "Orders" in page
    assert "Stock" in page


def test_one_tenant_needs_no_choice_of_manager(world: World) -> None:
    assert world.person().get("/").headers["location"] == f"{HUB}/t/acme/"
    assert world.person().get("/t/acme").headers["location"] == f"{HUB}/t/acme/"


def test_not_you_asks_before_it_acts_and_then_keycloak_asks_anew(world: World) -> None:
    person = world.person()
    transaction = world.ask_proof(world.sign_in(person))
    page = person.get(f"/switch-identity?handle={transaction}")
    assert "ada@acme.example" in page.text
    assert "https://kc.example" in page.headers["content-security-policy"]
    answer = person.submit(page, "/switch-identity")
    assert query_of(answer.headers["location"])["prompt"] == "login"
    other = person.get(world.keycloak.signs_in(answer.headers["location"], EVE, world.clock()))
    assert world.ask_proof(other) != transaction


def test_lt09_what_was_proven_before_the_switch_links_nothing_after_it(world: World) -> None:
    person = world.person()
    transaction = world.ask_proof(world.sign_in(person))
    code = world.push(transaction).json()["code"]
    answer = person.submit(person.get(f"/switch-identity?handle={transaction}"), "/switch-identity")
    person.get(world.keycloak.signs_in(answer.headers["location"], EVE, world.clock()))
    assert person.get(f"/proved?code={code}").status_code == 400
    assert world.push(transaction).status_code == 404
    assert world.links(ADA) == world.links(EVE) == []


def test_a_product_without_a_gate_is_told_that_nothing_is_linked(world: World) -> None:
    world.register(product("legacy", proof="none"))
    answer = world.sign_in(world.person(), client_id="legacy")
    assert query_of(answer.headers["location"])["error"] == "access_denied"


def test_fc11_cancelled_at_keycloak_the_product_is_told(world: World) -> None:
    person = world.person()
    asked = query_of(person.get(world.authorize_url()).headers["location"])
    answer = person.get(f"/t/acme/callback?error=access_denied&state={asked['state']}&iss={REALM}")
    told = query_of(answer.headers["location"])
    assert (told["error"], told["state"]) == ("access_denied", "gate-state")
    assert world.keycloak.redeemed == 0


@pytest.mark.parametrize("word", ["invalid_client", "<script>", "x" * 5000])
def test_fc11_keycloaks_own_trouble_is_not_passed_on(world: World, word: str) -> None:
    person = world.person()
    asked = query_of(person.get(world.authorize_url()).headers["location"])
    answer = person.http.get("/t/acme/callback", params={"error": word, "state": asked["state"], "iss": REALM})
    assert query_of(answer.headers["location"])["error"] == "server_error"


def test_p5_with_keycloak_away_the_page_says_so_and_offers_the_native_login(world: World) -> None:
    world.keycloak.away = True
    answer = world.person().get(world.authorize_url())
    assert answer.status_code == 503
    assert "https://orders.example/login" in answer.text
    assert "help@acme.example" in answer.text
    assert int(answer.headers["retry-after"]) > 0


def test_mim26_pages_wear_the_tenants_brand_and_their_files_are_there(world: World) -> None:
    page = world.person().get("/t/acme/signed-out").text
    names = [part.split('"')[0] for part in page.split("/assets/")[1:]]
    assert len(names) >= 3
    for name in names:
        answer = world.person().get(f"/assets/{name}")
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]
    assert world.person().get("/assets/brand.000000000000.css").status_code == 404


def test_ops02_what_happened_is_in_the_audit_trail(world: World) -> None:
    person = world.person()
    done = world.link(person)
    person.submit(person.get(done.headers["location"]), "/continue")
    assert ("linked", "") in world.audit()
    assert ("signed_in", "") in world.audit()


def test_an_expired_flow_says_so_and_offers_to_start_again(world: World) -> None:
    person = world.person()
    done = world.link(person)
    page = person.get(done.headers["location"])
    world.clock.move(1799)
    assert person.get(done.headers["location"]).status_code == 200
    world.clock.move(1)
    for late in (person.get(done.headers["location"]), person.submit(page, "/continue")):
        assert late.status_code == 400
        assert "This sign-in has expired" in late.text
