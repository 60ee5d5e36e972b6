"""Attacks on the hub's front channel, each played with the browsers it needs."""

from __future__ import annotations

import logging
import re
from dataclasses import replace
from typing import Any

import pytest
from tests.hub.world import ACME, ADA, EVE, HUB, REALM, Person, World, form_of, product, query_of

from linkmw.hub.app import ROUTES, Route
from linkmw.hub.browser import BROWSER, SESSION
from linkmw.model import Identity
from linkmw.oidc.client_auth import write_basic


def callback_of(world: World, to_keycloak: str, identity: Identity = ADA) -> str:
    return world.keycloak.signs_in(to_keycloak, identity, world.clock())


# Binding: this browser began, this browser proved


def test_design3_a_victims_proof_links_nothing_for_the_attacker(world: World) -> None:
    """Eve mails Ada the proof page of her own flow. Ada proves her account; her browser began nothing here."""
    eve, ada = world.person(), world.person()
    code = world.push(world.ask_proof(world.sign_in(eve, EVE))).json()["code"]
    assert ada.get(f"/proved?code={code}").status_code == 400
    assert world.links(EVE) == world.links(ADA) == []


def test_design3_not_even_when_the_victim_has_a_flow_of_her_own(world: World) -> None:
    eve, ada = world.person(), world.person()
    world.sign_in(ada, ADA)
    code = world.push(world.ask_proof(world.sign_in(eve, EVE))).json()["code"]
    assert ada.get(f"/proved?code={code}").status_code == 400
    assert world.links(EVE) == world.links(ADA) == []


def test_design3_the_browser_that_began_is_nothing_without_the_code(world: World) -> None:
    eve = world.person()
    transaction = world.ask_proof(world.sign_in(eve, EVE))
    world.push(transaction)
    for guess in ("", "A" * 43, transaction):
        assert eve.get(f"/proved?code={guess}").status_code == 400
    assert world.links(EVE) == []


def test_pr17_a_code_of_another_flow_is_worth_nothing(world: World) -> None:
    eve = world.person()
    mine = world.ask_proof(world.sign_in(eve, EVE, "stock"), "stock")
    world.push(mine, client_id="stock")
    victims = world.push(world.ask_proof(world.sign_in(world.person(), ADA))).json()["code"]
    assert eve.get(f"/proved?code={victims}").status_code == 400
    assert world.links(EVE) == []


def test_pr17_a_repeated_push_answers_a_fresh_code_and_kills_the_old_one(world: World) -> None:
    person = world.person()
    transaction = world.ask_proof(world.sign_in(person))
    old, new = (world.push(transaction).json()["code"] for _ in range(2))
    assert old != new
    assert person.get(f"/proved?code={old}").status_code == 400
    assert person.get(f"/proved?code={new}").status_code == 303
    assert world.links() == ["orders/7"]


def test_pr17_a_push_for_another_account_ends_the_flow(world: World) -> None:
    person = world.person()
    transaction = world.ask_proof(world.sign_in(person))
    code = world.push(transaction, "7").json()["code"]
    other = world.push(transaction, "8")
    assert (other.status_code, other.json()) == (409, {"error": "other_account"})
    assert person.get(f"/proved?code={code}").status_code == 400
    assert world.push(transaction, "7").status_code == 404
    assert world.links() == []


def test_pr17_a_code_is_good_once_and_for_a_minute(world: World) -> None:
    person = world.person()
    transaction = world.ask_proof(world.sign_in(person))
    code = world.push(transaction).json()["code"]
    world.clock.move(60)
    assert person.get(f"/proved?code={code}").status_code == 400
    code = world.push(transaction).json()["code"]
    linked = person.get(f"/proved?code={code}").headers["location"]
    assert (world.links(), len(world.mails())) == (["orders/7"], 2)
    assert person.get(f"/proved?code={code}").headers["location"] == linked  # the Back button: shown, not made again
    assert (world.links(), world.mails()) == (["orders/7"], [])
    assert world.person().get(f"/proved?code={code}").status_code == 400


def test_pr17_push_after_the_commit_is_of_an_unknown_transaction(world: World) -> None:
    person = world.person()
    transaction = world.ask_proof(world.sign_in(person))
    person.get(f"/proved?code={world.push(transaction).json()['code']}")
    assert world.push(transaction).status_code == 404


def test_pr22_expired_at_the_commit_nothing_is_lost_but_the_link(world: World) -> None:
    person = world.person()
    transaction = world.ask_proof(world.sign_in(person))
    world.clock.move(1700)
    person.get("/t/acme/")  # the hub session lives on
    world.clock.move(90)
    code = world.push(transaction).json()["code"]
    world.clock.move(20)
    page = person.get(f"/proved?code={code}")
    assert page.status_code == 200
    assert "not linked yet" in page.text
    assert "https://orders.example/.linkmw/login" in page.text
    assert "https://orders.example/.linkmw/callback?error=access_denied" in page.text
    assert world.links() == []


def test_lt09_begun_as_ada_and_committed_as_eve_links_nothing(world: World) -> None:
    person = world.person()
    code = world.push(world.ask_proof(world.sign_in(person, ADA))).json()["code"]
    world.sign_in(person, EVE, "stock")  # another tab
    page = person.get(f"/proved?code={code}")
    assert page.status_code == 403
    assert "somebody else" in page.text
    assert world.links(ADA) == world.links(EVE) == []


def test_lt09_signed_out_meanwhile_links_nothing(world: World) -> None:
    person = world.person()
    code = world.push(world.ask_proof(world.sign_in(person))).json()["code"]
    person.submit(person.get("/t/acme/"), "/t/acme/sign-out")
    assert person.get(f"/proved?code={code}").status_code == 403
    assert world.links() == []


def test_lt09_continue_is_for_who_linked(world: World) -> None:
    person = world.person()
    page = person.get(world.link(person).headers["location"])
    world.sign_in(person, EVE, "stock")
    assert person.submit(page, "/continue").status_code == 403


def test_fc02_anothers_linked_page_and_continue_are_not_there(world: World) -> None:
    ada, eve = world.person(), world.person()
    done = world.link(ada)
    own = eve.get(world.link(eve, "9", EVE).headers["location"])
    assert eve.get(done.headers["location"]).status_code == 400
    flow = query_of(done.headers["location"])["flow"]
    assert eve.submit(own, "/continue", flow=flow).status_code == 400


# Keycloak's answer


def test_fc01_an_answer_without_state_reaches_nobody(world: World) -> None:
    person = world.person()
    answer = callback_of(world, person.get(world.authorize_url()).headers["location"])
    state = query_of(answer)["state"]
    assert person.get(answer.replace(f"state={state}", "x=1")).status_code == 400
    assert world.keycloak.redeemed == 0
    assert person.get(answer).status_code == 303


def test_fc02_anothers_state_is_refused_and_stays_good_for_its_owner(world: World) -> None:
    eve, ada = world.person(), world.person()
    ada.get(world.authorize_url())
    answer = callback_of(world, eve.get(world.authorize_url()).headers["location"], EVE)
    assert ada.get(answer).status_code == 400
    assert SESSION not in ada.http.cookies
    assert eve.get(answer).status_code == 303


def test_fc03_an_answer_in_a_browser_that_began_nothing_is_refused_and_explained(world: World) -> None:
    answer = callback_of(world, world.person().get(world.authorize_url()).headers["location"])
    page = world.person().get(answer)
    assert page.status_code == 400
    assert "another browser" in page.text
    assert 'href="https://orders.example/.linkmw/login"' in page.text
    assert 'href="https://orders.example/login"' in page.text
    assert world.keycloak.redeemed == 0


def test_fc04_who_follows_anothers_authorize_url_gets_a_code_bound_to_anothers_verifier(world: World) -> None:
    """The hub signs the victim in, as it must; the product's own state and verifier are what stops it."""
    world.link(world.person())
    answer = world.sign_in(world.person())
    assert world.redeem(answer.headers["location"], code_verifier="w" * 43).json() == {"error": "invalid_grant"}


def test_fc05_the_same_answer_twice_is_no_second_exchange(world: World) -> None:
    person = world.person()
    answer = callback_of(world, person.get(world.authorize_url()).headers["location"])
    assert person.get(answer).status_code == 303
    again = person.get(answer)  # the Back button to Keycloak, which answers at once: the proof is asked for once more
    assert again.headers["location"].startswith("https://orders.example/.linkmw/prove?handle=")
    assert world.keycloak.redeemed == 1
    person.submit(person.get("/t/acme/"), "/t/acme/sign-out")
    page = person.get(answer)
    assert (page.status_code, "used before" in page.text) == (400, True)
    assert 'href="https://orders.example/login"' in page.text
    assert world.keycloak.redeemed == 1


def test_fc05_the_same_answer_twice_leads_where_the_first_one_led(world: World) -> None:
    world.link(world.person())
    person = world.person()
    answer = callback_of(world, person.get(world.authorize_url()).headers["location"])
    first, second = person.get(answer), person.get(answer)
    assert second.headers["location"].startswith("https://orders.example/.linkmw/callback?code=")
    assert first.headers["location"] != second.headers["location"]
    assert world.redeem(second.headers["location"]).status_code == 200
    assert world.keycloak.redeemed == 2  # once for each sign-in
    manager = callback_of(world, person.get("/t/acme/sign-in").headers["location"])
    assert [person.get(manager).headers["location"] for _ in range(2)] == [f"{HUB}/t/acme/"] * 2


def test_fc05_another_identity_does_not_go_on_where_the_first_one_was(world: World) -> None:
    world.link(world.person())
    person = world.person()
    answer = callback_of(world, person.get(world.authorize_url()).headers["location"])
    person.get(answer)
    world.sign_in(person, identity=EVE)
    assert person.get(answer).status_code == 400


def test_fc06_the_oldest_of_eleven_tabs_begins_anew_and_the_others_finish(world: World) -> None:
    person = world.person()
    answers = [callback_of(world, person.get(world.authorize_url()).headers["location"]) for _ in range(11)]
    assert [person.get(answer).status_code for answer in answers[1:]] == [303] * 10
    world.sign_in(person, identity=EVE)
    oldest = person.get(answers[0])
    assert oldest.status_code == 400
    assert 'href="https://orders.example/.linkmw/login"' in oldest.text


@pytest.mark.parametrize("name", ["state", "code", "iss", "error"])
def test_fc08_a_parameter_given_twice_is_refused(world: World, name: str) -> None:
    person = world.person()
    answer = callback_of(world, person.get(world.authorize_url()).headers["location"])
    assert person.get(f"{answer}&{name}=a&{name}=b").status_code == 400
    assert world.keycloak.redeemed == 0


def test_fc09_an_answer_from_another_issuer_is_refused(world: World) -> None:
    person = world.person()
    to_keycloak = person.get(world.authorize_url()).headers["location"]
    code = query_of(callback_of(world, to_keycloak))["code"]
    state = query_of(to_keycloak)["state"]
    answer = person.get(f"/t/acme/callback?code={code}&state={state}&iss=https://evil.example/realms/acme")
    assert answer.status_code == 400
    assert world.keycloak.redeemed == 0


def test_fc10_an_answer_at_another_tenants_callback_is_refused(world: World) -> None:
    world.sql.admin.add_tenant(replace(ACME, organization_id="other", issuer="https://evil.example/realms/x"))
    person = world.person()
    answer = callback_of(world, person.get(world.authorize_url()).headers["location"])
    assert person.get(answer.replace("/t/acme/", "/t/other/")).status_code == 400
    assert world.keycloak.redeemed == 0


def test_fc10_an_identity_of_another_issuer_is_refused(world: World) -> None:
    person = world.person()
    to_keycloak = person.get(world.authorize_url()).headers["location"]
    answer = callback_of(world, to_keycloak, Identity("https://evil.example/realms/x", "ada-sub"))
    query = query_of(answer)
    assert person.get(f"/t/acme/callback?code={query['code']}&state={query['state']}").status_code == 400
    assert SESSION not in person.http.cookies


def test_fc17_images_frames_and_prefetches_start_nothing(world: World) -> None:
    for headers in ({"sec-fetch-dest": "image"}, {"sec-fetch-dest": "iframe"}, {"sec-purpose": "prefetch;prerender"}):
        for path in (world.authorize_url(), "/t/acme/sign-in"):
            person = world.person()
            answer = person.get(path, **headers)
            assert answer.status_code == 204
            assert not person.http.cookies


def test_tv24_an_older_sign_in_than_asked_for_is_refused(world: World) -> None:
    person = world.person()
    to_keycloak = person.get(world.authorize_url(max_age="60")).headers["location"]
    assert query_of(to_keycloak)["max_age"] == "60"
    old = world.keycloak.signs_in(to_keycloak, ADA, world.clock(), auth_time=world.clock() - 900)
    assert person.get(old).status_code == 400


# The session


def test_i8_sc01_each_sign_in_has_a_new_session_secret_and_ends_the_old(world: World) -> None:
    person = world.person()
    world.sign_in(person)
    old = person.http.cookies[SESSION]
    world.sign_in(person, EVE)
    assert person.http.cookies[SESSION] != old
    thief = world.person()
    thief.http.cookies.set(SESSION, old, domain="hub.example")
    assert thief.get("/t/acme/").status_code == 303


def test_i8_sc01_a_planted_session_cookie_is_not_kept(world: World) -> None:
    person = world.person()
    person.http.cookies.set(SESSION, "A" * 43, domain="hub.example")
    world.sign_in(person)
    planter = world.person()
    planter.http.cookies.set(SESSION, "A" * 43, domain="hub.example")
    assert planter.get("/t/acme/").status_code == 303


def test_sc02_two_different_cookies_of_one_name_count_as_none(world: World) -> None:
    person = world.person()
    answer = callback_of(world, person.get(world.authorize_url()).headers["location"])
    mine = person.http.cookies[BROWSER]
    person.http.cookies.clear()
    for both in ((mine, "B" * 43), ("B" * 43, mine)):  # whichever another reader would take
        sent = "; ".join(f"{BROWSER}={value}" for value in both)
        assert person.get(answer, cookie=sent).status_code == 400


def test_sc02_cookies_have_all_that_host_cookies_need(world: World) -> None:
    answer = world.sign_in(world.person())
    for line in answer.headers.get_list("set-cookie"):
        assert line.startswith("__Host-")
        for flag in ("; Path=/", "; Secure", "; HttpOnly", "; SameSite=Lax"):
            assert flag in line
        assert "domain" not in line.lower()


# Another tenant, another product


def test_pr08_another_tenants_manager_does_not_know_this_session(world: World) -> None:
    world.sql.admin.add_tenant(replace(ACME, organization_id="other", issuer=REALM))
    person = world.person()
    world.sign_in(person)
    assert person.get("/t/acme/").status_code == 200
    assert person.get("/t/other/").status_code == 303


def test_pr08_lt17_unknown_disabled_and_foreign_clients_answer_alike(world: World) -> None:
    world.register(replace(product("gone"), enabled=False))
    pages = [world.person().get(world.authorize_url(name)) for name in ("gone", "never-was", "%00")]
    assert {page.status_code for page in pages} == {400}
    texts = {page.text.split("reference")[0] for page in pages}
    assert len(texts) == 1


def test_pr08_a_handle_is_for_its_own_client(world: World) -> None:
    handle = query_of(world.sign_in(world.person()).headers["location"])["handle"]
    foreign = world.back_channel("/proof-requests", {"handle": handle}, "stock")
    assert (foreign.status_code, foreign.json()) == (404, {"error": "unknown_handle"})
    assert world.back_channel("/proof-requests", {"handle": handle}).status_code == 200
    assert world.back_channel("/proof-requests", {"handle": handle}).status_code == 404


def test_pr08_a_push_counts_for_its_own_client_only(world: World) -> None:
    transaction = world.ask_proof(world.sign_in(world.person()))
    assert world.push(transaction, client_id="stock").status_code == 404
    assert world.push(transaction).status_code == 200


def test_lt17_switched_off_while_under_way(world: World) -> None:
    person = world.person()
    transaction = world.ask_proof(world.sign_in(person))
    code = world.push(transaction).json()["code"]
    with world.sql.database.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE clients SET enabled = 0 WHERE client_id = 'orders'")
    world.forget_registry()
    assert person.get(f"/proved?code={code}").status_code == 404
    assert world.links() == []


def test_pr08_a_product_that_changed_its_tenant_under_way_links_nothing(world: World) -> None:
    world.sql.admin.add_tenant(replace(ACME, organization_id="other"))
    person = world.person()
    code = world.push(world.ask_proof(world.sign_in(person))).json()["code"]
    with world.sql.database.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE clients SET organization_id = 'other' WHERE client_id = 'orders'")
    world.forget_registry()
    assert person.get(f"/proved?code={code}").status_code == 404
    assert world.links() == []


def test_mim08_the_notice_is_for_who_was_refused(world: World) -> None:
    world.add_link("7")
    person = world.person()
    refused = world.link(person, "7", EVE).headers["location"]
    assert "belongs to another" in person.get(refused).text
    world.sign_in(person, ADA)
    assert "belongs to another" not in person.get(refused).text
    linked = world.link(person, "8", EVE, "stock").headers["location"]
    flow = query_of(linked)["flow"]
    assert "belongs to another" not in person.get(f"/t/acme/?flow={flow}").text


def test_rc07_continue_after_the_link_is_gone_enters_nothing(world: World) -> None:
    person = world.person()
    page = person.get(world.link(person).headers["location"])
    reader = world.person()
    reader.get(world.unlink_path())
    reader.submit(reader.get("/unlink"), "/unlink")
    assert "This sign-in has expired" in person.submit(page, "/continue").text
    world.add_link("7", EVE)
    late = person.submit(page, "/continue")
    assert late.status_code == 400
    assert "This sign-in has expired" in late.text


# Forms and redirects


def forms(world: World) -> tuple[Person, dict[str, dict[str, str]]]:
    """Somebody who has every form of the hub open: where each goes, and what it holds."""
    person = world.person()
    linked = person.get(world.link(person).headers["location"])
    other = person.get(f"/switch-identity?handle={world.ask_proof(world.sign_in(person, client_id='stock'), 'stock')}")
    manager = person.get("/t/acme/")
    person.get(world.unlink_path())
    unlink = person.get("/unlink")
    pages = {"/continue": linked, "/switch-identity": other, "/t/acme/sign-out": manager, "/unlink": unlink}
    return person, {action: form_of(page.text, action) for action, page in pages.items()}


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": ""},
        {"origin": f"{HUB}.evil.example"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_xs01_forms_from_elsewhere_are_refused(world: World, headers: dict[str, str]) -> None:
    person, shown = forms(world)
    for action, fields in shown.items():
        assert person.post(action, fields, **headers).status_code == 403
    assert world.links() == ["orders/7"]


def test_xs01_a_token_of_another_session_or_none_is_refused(world: World) -> None:
    person, shown = forms(world)
    for action, fields in shown.items():
        for csrf in ("", "0" * 64, fields["csrf"][:-1], "é"):
            assert person.post(action, fields | {"csrf": csrf}).status_code == 403
    assert world.links() == ["orders/7"]


def test_xs02_a_form_in_another_type_is_refused(world: World) -> None:
    person, shown = forms(world)
    for action, fields in shown.items():
        answer = person.http.post(action, json=fields, headers={"origin": HUB, "sec-fetch-site": "same-origin"})
        assert answer.status_code == 415
    assert world.links() == ["orders/7"]


def test_xs08_every_redirect_is_a_303(world: World) -> None:
    person = world.person()
    answers = [person.get(world.authorize_url()), person.get("/"), person.get("/t/acme/"), world.link(person)]
    answers.append(person.submit(person.get(answers[-1].headers["location"]), "/continue"))
    assert {answer.status_code for answer in answers} == {303}


def test_xs03_xs10_xs11_every_answer_is_guarded_errors_too(world: World) -> None:
    person = world.person()
    paths = ["/", "/nowhere", "/t/nobody/", "/t/acme/callback", "/proved", "/unlink", "/unlink/x", "/gate", "/healthz"]
    for path in [*paths, world.authorize_url(), "/linked", "/o/orders/jwks", "/t/acme/signed-out"]:
        answer = person.get(path)
        assert answer.headers["cache-control"] == "no-store", path
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert answer.headers["cross-origin-opener-policy"] == "same-origin"
        if "text/html" in answer.headers.get("content-type", ""):
            assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]


def test_i3_head_acts_on_nothing(world: World) -> None:
    person = world.person()
    answer = callback_of(world, person.get(world.authorize_url()).headers["location"])
    assert person.http.head(answer).status_code == 200
    assert world.keycloak.redeemed == 0
    transaction = world.ask_proof(person.get(answer))
    code = world.push(transaction).json()["code"]
    assert person.http.head(f"/proved?code={code}").status_code == 200
    assert world.links() == []
    assert person.get(f"/proved?code={code}").status_code == 303


def test_ht09_no_address_is_made_from_the_host_header(world: World) -> None:
    answer = world.person().get("/t/acme", host="evil.example")
    assert answer.headers["location"] == f"{HUB}/t/acme/"
    assert "evil" not in world.person().get("/t/acme/signed-out", host="evil.example").text


def test_ds02_a_body_over_64_kib_is_refused(world: World) -> None:
    answer = world.person().post("/continue", {"flow": "x" * 70_000, "csrf": "y"})
    assert answer.status_code == 413


# What is said and written down


def test_i9_no_secret_is_in_the_log_or_in_the_database(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    person = world.person()
    page = person.get(world.link(person).headers["location"])
    on = person.submit(page, "/continue")
    token = world.redeem(on.headers["location"]).json()["id_token"]
    path = world.unlink_path()
    person.get(path)
    person.get("/proved?code=" + "Q" * 43)
    person.get("/unlink/" + "Q" * 43)
    said = "\n".join(str(record.__dict__) for record in caplog.records if record.name.startswith("linkmw"))
    stored = world.stored()
    cookies = [person.http.cookies[BROWSER], person.http.cookies[SESSION]]
    code = query_of(on.headers["location"])["code"]
    for secret in (*cookies, code, token, path.removeprefix("/unlink/"), world.secrets["orders"], "Q" * 43):
        assert secret not in said
        assert secret not in stored


def test_ake29_the_page_and_the_log_share_a_reference(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "linkmw.hub")
    page = world.person().get("/t/acme/callback?state=x")
    (record,) = [record for record in caplog.records if record.name == "linkmw.hub"]
    reference = record.__dict__["ref"]
    assert reference in page.text
    assert "help@acme.example" in page.text
    assert record.__dict__["code"] == "state_mismatch"
    assert len(reference) == 9
    assert not set(reference) & set("0O1I")


def test_a_defect_is_our_page_with_a_reference_and_no_words_of_its_own(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(*_: object, **__: object) -> str:
        raise RuntimeError("a secret detail")

    world.keycloak.authorization_url = broken  # type: ignore[method-assign]
    page = world.person().get(world.authorize_url())
    assert page.status_code == 500
    assert "secret detail" not in page.text
    assert "reference" in page.text
    assert any(record.levelno == logging.ERROR and record.exc_info for record in caplog.records)


def test_fc11_an_error_beats_a_code_ends_the_attempt_and_its_words_are_not_shown(world: World) -> None:
    person = world.person()
    asked = query_of(person.get(world.authorize_url()).headers["location"])
    markup = "<img src=x onerror=alert(1)>" * 360  # 10 KB
    answer = {"error": "access_denied", "error_description": markup, "code": "x", "state": asked["state"], "iss": REALM}
    told = query_of(person.http.get("/t/acme/callback", params=answer).headers["location"])
    assert (told["error"], told["state"], "<img" in told["error_description"]) == ("access_denied", "gate-state", False)
    again = person.http.get("/t/acme/callback", params=answer)
    assert again.status_code == 400
    assert "onerror" not in again.text
    assert 'href="https://orders.example/login"' in again.text
    assert world.keycloak.redeemed == 0


def test_fc11_an_error_without_a_state_ends_on_a_page_with_a_way_on(world: World) -> None:
    person = world.person()
    page = person.get(f"/t/acme/callback?error=access_denied&error_description={'%3Cb%3E' * 1000}")
    assert page.status_code == 400
    assert "<b>" not in page.text
    assert f'href="{HUB}/t/acme/"' in page.text


@pytest.mark.parametrize("path", ["/linked?flow={}", "/switch-identity?handle={}"])
def test_pr22_what_came_too_late_or_to_another_browser_knows_the_way_back(world: World, path: str) -> None:
    person = world.person()
    transaction = world.ask_proof(world.sign_in(person))
    for heading, browser, later in (("A cookie is missing", world.person(), 0), ("has expired", person, 1800)):
        world.clock.move(later)
        page = browser.get(path.format(transaction))
        assert page.status_code == 400
        assert heading in page.text
        assert 'href="https://orders.example/login"' in page.text
    world.clock.move(600)
    gone = person.get(path.format(transaction))
    assert "can’t go on" in gone.text
    assert f'href="{HUB}/t/acme/"' in gone.text


def test_pr24_who_comes_back_from_continue_is_offered_the_products_own_login(world: World) -> None:
    person = world.person()
    linked = world.link(person).headers["location"]
    page = person.get(linked)
    assert "Sign in with your Orders password" not in page.text
    person.submit(page, "/continue")
    assert 'href="https://orders.example/login">Sign in with your Orders password' in person.get(linked).text


def test_pr27_no_address_of_the_hub_makes_a_link_without_the_code_of_a_proof(world: World) -> None:
    """Somebody is signed in, and the product says that an account was proven: only the code at /proved links it."""
    for route in ROUTES:
        proved = _sends_everything(world, route)
        assert world.links() == [], route
        assert ("code" in proved) is (route.path == "/proofs"), route  # it counts, and is still no link


def _sends_everything(world: World, route: Route) -> Any:
    """By somebody who is signed in and by the product at once: as a query, a form and JSON; what JSON was answered."""
    ada = world.person()
    transaction = world.ask_proof(world.sign_in(ada))
    csrf = re.findall(r'name="csrf" value="([^"]+)"', ada.get("/t/acme/").text)[0]
    names = {"client_id": "orders", "organization_id": "acme", "link_id": "7", "token": "t" * 43, "name": "x.css"}
    names["subject"] = "ada-sub"
    account = {"account_id": "7", "username": "u7", "email": "u7@shop.example", "email_verified": True}
    proof = {
        "v": 1,
        "transaction": transaction,
        "jti": "jti",
        "proven_at": world.clock(),
        "account": account,
        "amr": [],
    }
    fields = {**account, "csrf": csrf, "flow": transaction, "code": "c" * 43, "choice": "7", "proof": "none"}
    basic = {"authorization": write_basic("orders", world.secrets["orders"])}
    own = {"origin": HUB, "sec-fetch-site": "same-origin", "sec-fetch-dest": "document", **basic}
    path = route.path.format(**names)
    ada.http.request(route.method, path, params=fields, headers=own)
    ada.http.request(route.method, path, data=fields, headers=own)
    answer = ada.http.request(route.method, path, json=proof, headers=own)
    return answer.json() if answer.headers.get("content-type") == "application/json" else {}
