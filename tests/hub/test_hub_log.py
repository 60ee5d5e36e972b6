"""What the hub writes down: the reference on the page, and one name for one person's way through both halves."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from typing import Any

import pytest
from tests.hub.world import EVE, Person, World, query_of

from linkmw.reference import flow_name

STATE = "the-state-of-the-gate-" + "7" * 21
ROUTES = (
    "/o/{client_id}/authorize",
    "/t/{organization_id}/callback",
    "/proof-requests",
    "/proofs",
    "/proved",
    "/linked",
    "/continue",
)
_REFERENCE = re.compile(r"\b[2-9A-HJ-NP-Z]{4}-[2-9A-HJ-NP-Z]{4}\b")


def lines(caplog: pytest.LogCaptureFixture, logger: str) -> list[dict[str, Any]]:
    return [record.__dict__ for record in caplog.records if record.name == logger]


def sign_in(world: World, person: Person, identity: Any = None) -> Any:
    """As `World.sign_in`, with a state as long as a gate's."""
    to_keycloak = person.get(world.authorize_url(state=STATE))
    return person.get(world.keycloak.signs_in(to_keycloak.headers["location"], identity or EVE, world.clock()))


def test_ops02_one_persons_way_is_one_flow_in_log_and_audit_trail_and_the_gate_is_told(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "linkmw")
    person = world.person()
    handle = query_of(sign_in(world, person).headers["location"])["handle"]
    told = world.back_channel("/proof-requests", {"handle": handle}).json()
    code = world.push(told["transaction"]).json()["code"]
    page = person.get(person.get(f"/proved?code={code}").headers["location"])
    person.submit(page, "/continue")
    requests = {line["route"]: line["flow"] for line in lines(caplog, "linkmw.hub.access")}
    assert requests == dict.fromkeys(ROUTES, flow_name(STATE))
    assert told["flow"] == flow_name(STATE)
    flows = {line["message"] for line in lines(caplog, "linkmw.audit")}
    assert all(f'"flow":"{flow_name(STATE)}"' in line for line in flows)
    assert len(flows) == 4  # proof_asked, proved, linked, signed_in


def test_two_flows_whose_product_says_no_state_of_its_own_have_two_names(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "linkmw.hub.access")
    for _ in range(2):
        world.person().get(world.authorize_url(state="fixed"))
    first, second = (line["flow"] for line in lines(caplog, "linkmw.hub.access"))
    assert len({first, second, flow_name("fixed"), ""}) == 4


def unknown_client(world: World, person: Person) -> Any:
    return person.get("/o/nobody/authorize")


def other_redirect_uri(world: World, person: Person) -> Any:
    return person.get(world.authorize_url(redirect_uri="https://evil.example/"))


def no_sign_in_here(world: World, person: Person) -> Any:
    return person.get(f"/t/acme/callback?code=c&state={STATE}")


def no_page(world: World, person: Person) -> Any:
    return person.get("/no/such/page")


def old_mail(world: World, person: Person) -> Any:
    return person.get("/unlink/" + "u" * 43)


def keycloak_away(world: World, person: Person) -> Any:
    world.keycloak.away = True
    return person.get(world.authorize_url())


def too_late(world: World, person: Person) -> Any:
    transaction = world.ask_proof(sign_in(world, person))
    world.clock.move(1790)
    code = world.push(transaction).json()["code"]
    world.clock.move(20)
    return person.get(f"/proved?code={code}")


def foreign_form(world: World, person: Person) -> Any:
    page = person.get(world.link(person).headers["location"])
    assert page.status_code == 200
    return person.submit(page, "/continue", csrf="none")


WAYS: dict[str, Callable[[World, Person], Any]] = {
    "tenant_not_enabled": unknown_client,
    "redirect_uri_mismatch": other_redirect_uri,
    "state_mismatch": no_sign_in_here,
    "not_found": no_page,
    "unlink_gone": old_mail,
    "unavailable": keycloak_away,
    "csrf": foreign_form,
}


@pytest.mark.parametrize("code", WAYS)
def test_ake29_every_page_that_refuses_has_a_reference_that_is_in_the_log(
    world: World, caplog: pytest.LogCaptureFixture, code: str
) -> None:
    page = WAYS[code](world, world.person())
    (line,) = lines(caplog, "linkmw.hub")
    assert line["code"] == code
    assert line["ref"] in _REFERENCE.findall(page.text)
    assert "?" not in line["route"]
    assert "\n" not in line["message"]


def test_ake29_pr22_what_came_too_late_has_a_reference_under_its_flow(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    page = too_late(world, world.person())
    (line,) = lines(caplog, "linkmw.hub")
    assert line["ref"] in _REFERENCE.findall(page.text)
    assert line["flow"] == flow_name(STATE)
    assert line["client_id"] == "orders"
