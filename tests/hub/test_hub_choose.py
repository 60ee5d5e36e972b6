"""The chooser: several accounts of one product, one of them wanted (MIM-17, MIM-18)."""

from __future__ import annotations

import re
from typing import Any

import pytest
from tests.hub.world import ACME, ADA, EVE, Person, World, form_of, product, query_of

PROVE = "https://orders.example/.linkmw/prove?handle="
CALLBACK = "https://orders.example/.linkmw/callback?"


def options(html: str) -> list[tuple[str, str]]:
    """Value and words of each option, in order."""
    found = re.findall(r'<option value="([^"]*)"[^>]*>(.*?)</option>', html, re.DOTALL)
    return [(value, " ".join(words.split())) for value, words in found]


def ids(world: World, client_id: str = "orders") -> dict[str, int]:
    rows = world._rows("SELECT account_id, client_id, link_id FROM links")
    return {account: link_id for account, client, link_id in rows if client == client_id}


@pytest.fixture
def person(world: World) -> Person:
    """Ada, with the accounts 7 and 8."""
    world.add_link("7")
    world.add_link("8")
    return world.person()


def chooser(world: World, person: Person, client_id: str = "orders") -> tuple[str, Any]:
    """Signed in as far as the chooser: its address and its page."""
    where = world.sign_in(person, client_id=client_id).headers["location"]
    assert where.startswith("https://hub.example/choose?flow=")
    return where, person.get(where)


def test_mim17_with_two_links_a_page_asks_which_in_the_owners_order(world: World, person: Person) -> None:
    _, page = chooser(world, person)
    assert page.status_code == 200
    assert "Select an option" in page.text
    assert [name for _, name in options(page.text)] == ["u7", "u8", "Add another account"]
    assert "ada@acme.example" in page.text
    policy = page.headers["content-security-policy"]
    assert "form-action 'self' https://orders.example https://kc.example;" in policy


def test_mim17_the_chosen_account_is_entered(world: World, person: Person) -> None:
    _, page = chooser(world, person)
    answer = person.submit(page, "/choose", choice=str(ids(world)["8"]))
    assert answer.headers["location"].startswith(CALLBACK)
    assert query_of(answer.headers["location"])["state"] == "gate-state"
    assert world.enters(answer) == "8"


def test_mim17_the_last_used_account_is_marked_and_the_order_stays(world: World, person: Person) -> None:
    _, page = chooser(world, person)
    person.submit(page, "/choose", choice=str(ids(world)["8"]))
    _, page = chooser(world, person)
    assert [name for _, name in options(page.text)] == ["u7", "u8 – last used", "Add another account"]


def test_mim17_each_product_has_its_own_list(world: World, person: Person) -> None:
    world.add_link("9", client_id="stock")
    answer = world.sign_in(person, client_id="stock")
    assert world.enters(answer, "stock") == "9"


def test_mim17_nothing_chosen_is_the_page_again_and_says_so(world: World, person: Person) -> None:
    _, page = chooser(world, person)
    again = person.submit(page, "/choose")
    assert again.status_code == 422
    assert "Choose one of these" in again.text
    assert person.submit(again, "/choose", choice=str(ids(world)["7"])).status_code == 303


def test_mim18_another_account_is_proven_and_entered(world: World, person: Person) -> None:
    _, page = chooser(world, person)
    answer = person.submit(page, "/choose", choice="add")
    assert answer.headers["location"].startswith(PROVE)
    transaction = world.ask_proof(answer)
    code = world.push(transaction, "9").json()["code"]
    linked = person.get(person.get(f"/proved?code={code}").headers["location"])
    assert "Your accounts are linked" in linked.text
    assert world.enters(person.submit(linked, "/continue")) == "9"
    assert world.links() == ["orders/7", "orders/8", "orders/9"]
    _, page = chooser(world, person)
    assert [name for _, name in options(page.text)][:3] == ["u7", "u8", "u9 – last used"]


def test_mim18_the_proof_is_asked_for_as_in_any_sign_in(world: World, person: Person) -> None:
    _, page = chooser(world, person)
    answer = person.submit(page, "/choose", choice="add")
    content = world.back_channel("/proof-requests", {"handle": query_of(answer.headers["location"])["handle"]}).json()
    assert (content["purpose"], content["identity_email"]) == ("link", "ada@acme.example")


def test_mim18_the_account_of_another_identity_is_refused_as_ever(world: World, person: Person) -> None:
    world.add_link("9", EVE)
    _, page = chooser(world, person)
    transaction = world.ask_proof(person.submit(page, "/choose", choice="add"))
    refused = person.get(f"/proved?code={world.push(transaction, '9').json()['code']}").headers["location"]
    manager = person.get(refused)
    assert "belongs to another ACME ID" in manager.text
    assert person.submit(manager, "/continue").headers["location"].startswith(CALLBACK)
    assert world.links(EVE) == ["orders/9"]


@pytest.mark.parametrize("choice", ["anothers", "of another product", "unlinked", "999", "0", "abc", "1 OR 1=1"])
def test_lt13_what_is_not_this_persons_here_and_now_is_refused_and_written_down(
    world: World, person: Person, choice: str
) -> None:
    world.add_link("9", EVE)
    world.add_link("5", client_id="stock")
    known = {"anothers": ids(world)["9"], "of another product": ids(world, "stock")["5"], "unlinked": ids(world)["8"]}
    _, page = chooser(world, person)
    unlink(world, person, ids(world)["8"])
    refused = person.submit(page, "/choose", choice=str(known.get(choice, choice)))
    assert refused.status_code == 403
    assert "This page is out of date" in refused.text
    assert ("choice_refused", "not_yours") in world.audit()
    assert ("signed_in", "") not in world.audit()


def unlink(world: World, person: Person, link_id: int) -> None:
    """In another tab of the same browser."""
    dialog = person.get(f"/t/acme/remove/{link_id}")
    assert person.submit(dialog, f"/t/acme/remove/{link_id}").status_code == 303


def test_rc17_the_last_link_is_removed_while_another_is_added(world: World, person: Person) -> None:
    _, page = chooser(world, person)
    answer = person.submit(page, "/choose", choice="add")
    code = world.push(world.ask_proof(answer), "9").json()["code"]
    for link_id in ids(world).values():
        unlink(world, person, link_id)
    linked = person.get(person.get(f"/proved?code={code}").headers["location"])
    assert world.links() == ["orders/9"]
    assert world.enters(person.submit(linked, "/continue")) == "9"


def test_rc17_at_the_chooser_nothing_is_left_but_adding(world: World, person: Person) -> None:
    where, _ = chooser(world, person)
    for link_id in ids(world).values():
        unlink(world, person, link_id)
    page = person.get(where)
    assert options(page.text) == [("add", "Add another account")]
    assert person.submit(page, "/choose", choice="add").headers["location"].startswith(PROVE)


def test_fc05_reload_and_back_show_the_chooser_again(world: World, person: Person) -> None:
    to_keycloak = person.get(world.authorize_url()).headers["location"]
    answer = world.keycloak.signs_in(to_keycloak, ADA, world.clock())
    where = person.get(answer).headers["location"]
    assert person.get(answer).headers["location"] == where  # Back as far as Keycloak, which answers at once
    assert [person.get(where).status_code for _ in range(3)] == [200] * 3
    assert world.keycloak.redeemed == 1


def test_fc05_a_double_press_enters_the_same_account_twice(world: World, person: Person) -> None:
    _, page = chooser(world, person)
    answers = [person.submit(page, "/choose", choice=str(ids(world)["8"])) for _ in range(2)]
    assert [world.enters(answer) for answer in answers] == ["8", "8"]


def test_fc05_back_from_the_product_another_choice_begins_a_new_sign_in(world: World, person: Person) -> None:
    """The product took the answer to its request. With the same one again it would go on as the account of before."""
    where, page = chooser(world, person)
    person.submit(page, "/choose", choice=str(ids(world)["8"]))
    page = person.get(where)
    for choice in (str(ids(world)["7"]), "add"):
        answer = person.submit(page, "/choose", choice=choice)
        assert answer.headers["location"] == "https://orders.example/.linkmw/login"


def test_fc05_back_from_a_proof_that_was_only_begun_any_account_can_be_chosen(world: World, person: Person) -> None:
    where, page = chooser(world, person)
    transaction = world.ask_proof(person.submit(page, "/choose", choice="add"))
    page = person.get(where)
    assert world.enters(person.submit(page, "/choose", choice=str(ids(world)["7"]))) == "7"
    assert world.push(transaction, "9").status_code == 404  # the proof that was begun leads nowhere any more


def test_fc05_once_an_account_was_proven_the_chooser_leads_on_to_it(world: World, person: Person) -> None:
    where, page = chooser(world, person)
    code = world.push(world.ask_proof(person.submit(page, "/choose", choice="add")), "9").json()["code"]
    linked = person.get(f"/proved?code={code}").headers["location"]
    assert person.get(where).headers["location"] == linked
    assert person.submit(page, "/choose", choice=str(ids(world)["7"])).headers["location"] == linked


def test_fc02_anothers_chooser_is_not_there(world: World, person: Person) -> None:
    where, page = chooser(world, person)
    stranger = world.person()
    assert stranger.get(where).status_code == 400
    world.sign_in(stranger)
    assert stranger.get(where).status_code == 400
    mine = form_of(page.text, "/choose") | {"choice": str(ids(world)["7"])}
    assert stranger.post("/choose", mine).status_code == 400


def test_lt09_the_chooser_is_for_who_began(world: World, person: Person) -> None:
    where, page = chooser(world, person)
    world.sign_in(person, EVE, "stock")
    assert person.get(where).status_code == 403
    for choice in (str(ids(world)["7"]), "add"):
        assert person.submit(page, "/choose", choice=choice).status_code == 403


def test_xs01_a_choice_from_elsewhere_is_refused(world: World, person: Person) -> None:
    _, page = chooser(world, person)
    form = form_of(page.text, "/choose") | {"choice": str(ids(world)["7"])}
    elsewhere = {"origin": "https://evil.example", "sec-fetch-site": "cross-site"}
    assert person.post("/choose", form, **elsewhere).status_code == 403
    assert person.post("/choose", form | {"csrf": "0" * 64}).status_code == 403


def test_not_you_at_the_chooser_begins_anew(world: World, person: Person) -> None:
    where, page = chooser(world, person)
    link = re.search(r'href="(/switch-identity\?handle=[^"]+)"', page.text)
    assert link
    answer = person.submit(person.get(link[1]), "/switch-identity")
    assert query_of(answer.headers["location"])["prompt"] == "login"
    other = person.get(world.keycloak.signs_in(answer.headers["location"], EVE, world.clock()))
    assert other.headers["location"].startswith(PROVE)
    assert person.get(where).status_code == 400  # that one is over


def test_an_expired_chooser_says_so(world: World, person: Person) -> None:
    where, page = chooser(world, person)
    world.clock.move(1800)
    for late in (person.get(where), person.submit(page, "/choose", choice=str(ids(world)["7"]))):
        assert "This sign-in has expired" in late.text


@pytest.mark.parametrize(
    ("accounts", "error"), [([], "interaction_required"), (["7", "8"], "account_selection_required")]
)
def test_pr09_a_product_that_wants_no_page_is_told_that_there_would_be_one(
    world: World, accounts: list[str], error: str
) -> None:
    for account in accounts:
        world.add_link(account)
    person = world.person()
    to_keycloak = person.get(world.authorize_url(prompt="none")).headers["location"]
    answer = person.get(world.keycloak.signs_in(to_keycloak, ADA, world.clock()))
    assert query_of(answer.headers["location"])["error"] == error


def test_a_product_without_a_gate_has_a_chooser_too(world: World) -> None:
    world.register(product("legacy", proof="none"))
    world.add_link("1", client_id="legacy")
    world.add_link("2", client_id="legacy")
    person = world.person()
    where, page = chooser(world, person, "legacy")
    assert world.enters(person.submit(page, "/choose", choice=str(ids(world, "legacy")["2"])), "legacy") == "2"
    answer = person.submit(person.get(where), "/choose", choice=str(ids(world, "legacy")["1"]))
    assert answer.headers["location"] == "https://legacy.example/login"


# A tenant that wants a fresh sign-in for linking (MIM-28)


@pytest.fixture
def strict(world: World) -> World:
    with world.sql.database.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE tenants SET fresh_sign_in = 1")
    world.forget_registry()
    return world


def sign_in_long_ago(world: World, person: Person) -> Any:
    return world.sign_in(person, auth_time=world.clock() - 3600)


def test_mim28_linking_asks_keycloak_afresh_and_then_goes_on(strict: World) -> None:
    person = strict.person()
    to_keycloak = sign_in_long_ago(strict, person).headers["location"]
    assert to_keycloak.startswith(ACME.issuer)
    assert query_of(to_keycloak)["max_age"] == "900"
    answer = person.get(strict.keycloak.signs_in(to_keycloak, ADA, strict.clock()))
    assert answer.headers["location"].startswith(PROVE)
    assert strict.link(strict.person(), "8", EVE).headers["location"].startswith("https://hub.example/linked")


def test_mim28_adding_at_the_chooser_does_too_and_a_sign_in_does_not(strict: World, person: Person) -> None:
    page = person.get(sign_in_long_ago(strict, person).headers["location"])
    to_keycloak = person.submit(page, "/choose", choice="add").headers["location"]
    assert query_of(to_keycloak)["max_age"] == "900"
    answer = person.get(strict.keycloak.signs_in(to_keycloak, ADA, strict.clock()))
    assert answer.headers["location"].startswith(PROVE)
    assert strict.enters(person.submit(page, "/choose", choice=str(ids(strict)["7"]))) == "7"


def test_mim28_a_sign_in_that_is_not_fresh_after_all_links_nothing(strict: World) -> None:
    person = strict.person()
    to_keycloak = sign_in_long_ago(strict, person).headers["location"]
    stale = strict.keycloak.signs_in(to_keycloak, ADA, strict.clock(), auth_time=strict.clock() - 1000)
    assert person.get(stale).status_code == 400


def test_fc19_who_comes_back_instead_signs_in_for_themselves(strict: World, person: Person) -> None:
    page = person.get(sign_in_long_ago(strict, person).headers["location"])
    to_keycloak = person.submit(page, "/choose", choice="add").headers["location"]
    strict.add_link("9", EVE)
    answer = person.get(strict.keycloak.signs_in(to_keycloak, EVE, strict.clock()))
    assert strict.enters(answer) == "9"  # not Ada's "add", which was dropped
