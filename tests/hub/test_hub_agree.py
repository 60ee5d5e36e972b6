"""After a proof by the product's own login: "Link … to …?", by a POST, before anything is committed (PR05)."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from tests.hub.world import ADA, EVE, Person, World, query_of

from linkmw.oidc.client_auth import write_basic

NATIVE = {"kind": "native", "amr": []}


def asked(world: World, person: Person) -> Any:
    """The person is back from the product's own login: the page that asks."""
    transaction = world.ask_proof(world.sign_in(person))
    code = world.push(transaction, said=NATIVE).json()["code"]
    answer = person.get(f"/proved?code={code}")
    assert answer.headers["location"].partition("?")[0].endswith("/agree")
    return person.get(answer.headers["location"])


def events(world: World) -> list[tuple[str, str]]:
    rows = asyncio.run(world.sql.audit.recent(ADA, 20))
    return [(row.event, row.code) for row in reversed(rows)]


def test_pr05_nothing_is_linked_before_the_person_says_yes(world: World) -> None:
    person = world.person()
    page = asked(world, person)
    assert "u7" in page.text
    assert "ada@acme.example" in page.text
    assert world.links() == []
    assert world.mails() == []
    done = person.submit(page, "/agree", choice="link")
    assert "Your accounts are linked" in person.get(done.headers["location"]).text
    assert world.links() == ["orders/7"]
    assert events(world)[-1] == ("linked", "")


def test_pr05_pr07_the_row_says_that_it_was_the_products_own_login_and_no_method(world: World) -> None:
    person = world.person()
    person.submit(asked(world, person), "/agree", choice="link")
    assert world._rows("SELECT proof, amr FROM links") == [("native", "")]


@pytest.mark.parametrize("choice", ["cancel", "", "Link"])
def test_pr05_anything_else_is_no_and_leads_back_to_the_product(world: World, choice: str) -> None:
    person = world.person()
    page = asked(world, person)
    answer = person.submit(page, "/agree", choice=choice)
    assert query_of(answer.headers["location"])["error"] == "access_denied"
    assert answer.headers["location"].startswith("https://orders.example/.linkmw/callback?")
    assert world.links() == []
    assert events(world)[-1] == ("link_refused", "declined")
    again = person.submit(page, "/agree", choice="link")  # Back, and the other button
    assert query_of(again.headers["location"])["error"] == "access_denied"
    assert world.links() == []


def test_pr05_no_in_the_manager_leads_back_there(world: World) -> None:
    person = world.person()
    to_product = person.submit(_add_page(world, person), "/t/acme/add/orders")
    code = world.push(world.ask_proof(to_product), said=NATIVE).json()["code"]
    page = person.get(person.get(f"/proved?code={code}").headers["location"])
    answer = person.submit(page, "/agree", choice="cancel")
    assert answer.headers["location"].endswith("/t/acme/")
    assert world.links() == []


def _add_page(world: World, person: Person) -> Any:
    world.in_manager(person)
    return person.get("/t/acme/add/orders")


def test_fc05_pressed_twice_reloaded_and_back_find_the_one_link(world: World) -> None:
    person = world.person()
    page = asked(world, person)
    assert person.get(str(page.request.url)).status_code == 200
    first, second = (person.submit(page, "/agree", choice="link") for _ in range(2))
    assert first.headers["location"] == second.headers["location"]
    assert person.get(str(page.request.url)).headers["location"] == first.headers["location"]
    assert world.links() == ["orders/7"]


def test_pr05_a_get_another_site_and_another_browser_say_yes_for_nobody(world: World) -> None:
    person = world.person()
    page = asked(world, person)
    flow = query_of(str(page.request.url))["flow"]
    assert person.get(f"/agree?flow={flow}&choice=link").status_code == 200
    elsewhere = {"origin": "https://evil.example", "sec-fetch-site": "cross-site"}
    fields = {"flow": flow, "choice": "link"}
    assert person.post("/agree", fields).status_code == 403  # without the page's own token
    other = world.person()
    assert other.post("/agree", fields).status_code == 400
    assert person.post("/agree", fields, **elsewhere).status_code == 403


def test_pr05_lt09_who_signed_in_meanwhile_is_not_asked_for_somebody_else(world: World) -> None:
    person = world.person()
    page = asked(world, person)
    world.sign_in(person, EVE, "stock")
    assert person.submit(page, "/agree", choice="link").status_code == 403
    assert (world.links(ADA), world.links(EVE)) == ([], [])


def test_pr22_a_yes_that_comes_too_late_links_nothing_and_says_so(world: World) -> None:
    person = world.person()
    page = asked(world, person)
    world.clock.time += 1801
    answer = person.submit(page, "/agree", choice="link")
    assert answer.status_code == 400
    assert world.links() == []


def test_mim08_an_account_that_is_another_identitys_is_refused_after_the_question_too(world: World) -> None:
    person = world.person()
    page = asked(world, person)
    world.link(world.person(), "7", EVE)
    answer = person.submit(page, "/agree", choice="link")
    assert answer.headers["location"].partition("?")[0].endswith("/t/acme/")
    assert (world.links(ADA), world.links(EVE)) == ([], ["orders/7"])


def test_pr05_ake10_a_native_push_for_a_first_sign_in_is_refused(world: World) -> None:
    transaction = world.ask_proof(world.sign_in(world.person()))
    flow = asyncio.run(world.memory.flows.get(transaction))
    assert flow is not None
    asyncio.run(world.memory.flows.put(replace(flow, purpose="first_sign_in"), 600))
    answer = world.push(transaction, said=NATIVE)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_proof")


def test_pr05_a_hub_says_that_it_asks_so_that_no_older_one_is_told_of_a_native_proof(world: World) -> None:
    authorization = write_basic("orders", world.secrets["orders"])
    state = world.person().get("/gate?v=1", authorization=authorization).json()
    assert state["proofs"] == ["form", "native"]
