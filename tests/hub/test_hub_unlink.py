"""Removing a link from its mail."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from tests.hub.first import EMAIL, moved, through
from tests.hub.world import ACME, ADA, EVE, HUB, REALM, Person, World

from linkmw.errors import AccountTaken
from linkmw.http import origin_of
from linkmw.hub.browser import UNLINK
from linkmw.model import Identity

OWNER = Identity(REALM, "user-0")  # of who came by a first sign-in


def linked(world: World) -> str:
    """The path in the mail about a new link."""
    world.link(world.person())
    return world.unlink_path()


def opened(world: World, path: str) -> tuple[Person, object]:
    reader = world.person()
    assert reader.get(path).headers["location"] == f"{HUB}/unlink"
    return reader, reader.get("/unlink")


def test_mim23_the_mails_link_names_the_account_and_one_button_removes_it(world: World) -> None:
    reader, page = opened(world, linked(world))
    assert "u7" in page.text
    assert "Remove link" in page.text
    answer = reader.submit(page, "/unlink")
    assert answer.status_code == 303
    end = reader.get(answer.headers["location"])
    assert "The link has been removed" in end.text
    assert "https://orders.example/login" in end.text
    assert world.links() == []


def test_um01_opening_it_any_number_of_times_changes_nothing(world: World) -> None:
    path = linked(world)
    for _ in range(50):
        scanner = world.person()
        scanner.http.head(path)
        scanner.get(path)
        scanner.get("/unlink")
    assert world.links() == ["orders/7"]
    reader, page = opened(world, path)
    assert reader.submit(page, "/unlink").status_code == 303


def test_um12_the_token_leaves_the_address_bar(world: World) -> None:
    path = linked(world)
    reader, page = opened(world, path)
    assert path.removeprefix("/unlink/") not in page.text
    assert page.headers["referrer-policy"] == "same-origin"
    assert reader.http.cookies[UNLINK]


def test_mim24_the_removal_is_confirmed_to_the_address_the_account_had(world: World) -> None:
    reader, page = opened(world, linked(world))
    reader.submit(page, "/unlink")
    (mail,) = world.mails()
    assert (mail.kind, mail.recipient) == ("unlinked", "u7@shop.example")
    assert ("unlinked", "") in world.audit()


def test_um03_used_twice_it_says_that_it_is_removed_already(world: World) -> None:
    path = linked(world)
    reader, page = opened(world, path)
    assert reader.submit(page, "/unlink").status_code == 303
    for again in (reader.submit(page, "/unlink"), reader.get("/unlink"), world.person().get(path)):
        assert again.status_code == 404
        assert "gone already" in again.text
    assert [mail.kind for mail in world.mails()] == ["unlinked"]


def test_um03_the_mail_of_an_older_link_does_not_remove_the_newer(world: World) -> None:
    old = linked(world)
    reader, page = opened(world, old)
    reader.submit(page, "/unlink")
    world.clock.move(1)
    world.link(world.person())
    for replaced in (world.person().get(old), reader.submit(page, "/unlink"), reader.get("/unlink")):
        assert replaced.status_code == 404
        assert "This link was replaced by a newer one" in replaced.text
    assert world.links() == ["orders/7"]
    newer, page = opened(world, world.unlink_path())
    newer.submit(page, "/unlink")
    for path in (old, *newer.http.cookies.values()):
        assert "gone already" in world.person().get(path if path.startswith("/") else f"/unlink/{path}").text


def test_um03_another_account_that_was_linked_since_replaces_nothing(world: World) -> None:
    old = linked(world)
    reader, page = opened(world, old)
    reader.submit(page, "/unlink")
    world.add_link("8")
    world.add_link("7", client_id="stock")
    assert "gone already" in world.person().get(old).text


def test_um04_a_mutilated_link_says_what_is_the_case(world: World) -> None:
    path = linked(world)
    for spoilt in (path[:-1], path + ".", path + "=0A", "/unlink/x", "/unlink/" + "%00" * 3, "/unlink/" + "aB3" * 900):
        page = world.person().get(spoilt)
        assert page.status_code == 404
        assert "help@acme.example" in page.text
    assert world.person().get(path + "?utm_source=mail").status_code == 303


def test_um05_who_has_the_mail_can_remove_and_nothing_else(world: World) -> None:
    reader, page = opened(world, linked(world))
    assert "ada@acme.example" not in page.text
    assert reader.get("/t/acme/").status_code == 303


def pressed_in_replace(world: World, percent: int = 100) -> Any:
    """The mail's link of a product that has moved over, its button pressed by somebody who is signed in nowhere."""
    world.register(moved("wiki", percent=percent))
    through(world, world.person())
    reader, page = opened(world, world.unlink_path())
    return reader, reader.submit(page, "/unlink")


def test_pr11_mim23_while_the_own_login_is_closed_a_forwarded_mail_frees_no_account(world: World) -> None:
    reader, answer = pressed_in_replace(world)
    assert world.links(OWNER) == ["wiki/7"]
    assert world._rows("SELECT client_id, account_id FROM logouts WHERE due IS NOT NULL")[-1] == ("wiki", "7")
    assert world._rows("SELECT actor, account_id FROM audit WHERE event = 'signed_out'") == [("mail", "7")]
    assert "unlinked" not in {event for event, _ in world.audit()} | {mail.kind for mail in world.mails()}
    question = answer.headers["location"].removeprefix(HUB)
    to_keycloak = reader.get(question).headers["location"]
    assert to_keycloak.startswith("https://kc.example/")
    reader.get(world.keycloak.signs_in(to_keycloak, EVE, world.clock()))
    assert reader.get(question).status_code == 404  # of nobody but the link's owner
    with pytest.raises(AccountTaken):
        world.add_link("7", EVE, "wiki")
    assert (world.links(OWNER), world.links(EVE)) == (["wiki/7"], [])


def test_pr11_mim23_its_owner_signs_in_at_keycloak_and_decides(world: World) -> None:
    reader, answer = pressed_in_replace(world)
    question = answer.headers["location"].removeprefix(HUB)
    to_keycloak = reader.get(question).headers["location"]
    back = reader.get(world.keycloak.signs_in(to_keycloak, OWNER, world.clock(), email=EMAIL)).headers["location"]
    assert back == HUB + question
    dialog = reader.get(question)
    assert world.links(OWNER) == ["wiki/7"]
    reader.submit(dialog, question)
    assert world.links(OWNER) == []
    assert [mail.kind for mail in world.mails()][-1:] == ["unlinked"]


def test_pr11_pr18_the_mails_page_lets_its_form_lead_to_keycloak_and_names_the_administrator(world: World) -> None:
    world.register(moved("wiki"))
    through(world, world.person())
    _, page = opened(world, world.unlink_path())
    assert f"form-action 'self' {origin_of(ACME.issuer)};" in page.headers["content-security-policy"]
    assert "once you sign in with ACME ID and confirm it" in page.text
    assert "Tell your administrator" in page.text


def test_p03_below_100_percent_nothing_is_closed_and_the_mail_removes(world: World) -> None:
    _, answer = pressed_in_replace(world, percent=99)
    assert answer.headers["location"] == f"{HUB}/unlinked?client_id=wiki"
    assert world.links(OWNER) == []


def test_um07_an_account_without_a_password_is_warned_of(world: World) -> None:
    path = linked(world)
    assert "no password" not in opened(world, path)[1].text
    world.accounts.usable_password = False
    assert "no password" in opened(world, path)[1].text
    world.accounts.away = True
    assert opened(world, path)[1].status_code == 200


def test_rc05_of_eight_presses_at_once_one_removes(world: World) -> None:
    path = linked(world)
    readers = [opened(world, path) for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda pair: pair[0].submit(pair[1], "/unlink").status_code, readers))
    assert sorted(answers) == [303] + [404] * 7
    assert [mail.kind for mail in world.mails()] == ["unlinked"]


def test_mim27_what_was_removed_can_be_linked_again(world: World) -> None:
    reader, page = opened(world, linked(world))
    reader.submit(page, "/unlink")
    world.link(world.person())
    assert world.links() == ["orders/7"]


def test_rc07_a_code_from_before_the_removal_is_refused(world: World) -> None:
    person = world.person()
    done = person.get(world.link(person).headers["location"])
    code = person.submit(done, "/continue").headers["location"]
    reader, page = opened(world, world.unlink_path())
    reader.submit(page, "/unlink")
    assert world.redeem(code).json() == {"error": "invalid_grant"}


def test_lt04_a_pending_change_of_address_outlives_neither_link_nor_removal(world: World) -> None:
    person = world.person()
    world.realm.pending.add(ADA)
    world.link(person)
    assert world.realm.pending == set()
    world.realm.pending.add(ADA)
    person.get(world.unlink_path())
    person.submit(person.get("/unlink"), "/unlink")
    assert (world.links(), world.realm.pending) == ([], set())
    assert [event for event, _ in world.audit()].count("email_change_cancelled") == 2


def test_lt04_a_keycloak_that_is_away_keeps_nobody_from_linking_or_unlinking(world: World) -> None:
    person = world.person()
    world.realm.away = True
    world.link(person)
    assert world.links() == ["orders/7"]
    person.get(world.unlink_path())
    person.submit(person.get("/unlink"), "/unlink")
    assert world.links() == []
