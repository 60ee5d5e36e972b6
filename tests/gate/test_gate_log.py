"""What the gate writes down: the reference on the page, the flow, and nothing twice that anybody could repeat."""

from __future__ import annotations

import json
import logging
import re
from dataclasses import replace
from typing import Any

import pytest
from tests.gate.world import ADA, SECRET_160, Browser, World

from linkmw.errors import ProviderRefused, RequestRefused, Unavailable
from linkmw.gate.ports import Totp, UnknownFactor
from linkmw.log import AUDIT_FIELDS
from linkmw.model import ProofRequest
from linkmw.reference import flow_name

_REFERENCE = re.compile(r"\b[2-9A-HJ-NP-Z]{4}-[2-9A-HJ-NP-Z]{4}\b")


def lines(caplog: pytest.LogCaptureFixture, logger: str = "linkmw.gate") -> list[dict[str, Any]]:
    return [record.__dict__ for record in caplog.records if record.name == logger]


def trail(caplog: pytest.LogCaptureFixture) -> list[dict[str, str]]:
    return [json.loads(record.getMessage()) for record in caplog.records if record.name == "linkmw.audit"]


def reference(page: str) -> str:
    found = _REFERENCE.search(page)
    assert found, page
    return found[0]


def state_mismatch(world: World, person: Browser) -> None:
    person.starts()
    person.returns("x" * 43)


def no_such_proof(world: World, person: Browser) -> None:
    person.starts()
    person.get("/.linkmw/prove?record=none")


def no_cookie(world: World, person: Browser) -> None:
    person.get("/.linkmw/prove?record=none")


def not_our_form(world: World, person: Browser) -> None:
    person.arrives()
    person.post("/.linkmw/prove", {"record": world.token.made[-1], "csrf": "none"})


def hub_away(world: World, person: Browser) -> None:
    world.hub.away = True
    person.get("/.linkmw/login")


def provider_refused(world: World, person: Browser) -> None:
    state = person.starts()["state"]
    person.get(f"/.linkmw/callback?state={state}&error=access_denied&iss={world.settings.issuer}")


def switched_off(world: World, person: Browser) -> None:
    world.product.inactive.add(ADA.account_id)
    person.returns(person.starts()["state"])


def adapter_broken(world: World, person: Browser) -> None:
    world.product.broken = True
    person.returns(person.starts()["state"])


def second_factor_unknown(world: World, person: Browser) -> None:
    world.product.factors[ADA.account_id] = UnknownFactor("passkey")
    person.arrives()
    person.submit(username="ada", password="correct horse")


def not_linked_yet(world: World, person: Browser) -> None:
    world.hub.push_error = Unavailable("the hub is away")
    person.arrives()
    person.submit(username="ada", password="correct horse")


def not_linked_any_more(world: World, person: Browser) -> None:
    world.hub.push_error = RequestRefused("no", code="unknown_transaction")
    person.arrives()
    person.submit(username="ada", password="correct horse")


def too_many_passwords(world: World, person: Browser) -> None:
    person.arrives()
    for _ in range(world.settings.password_tries + 1):
        person.submit(username="ada", password="wrong")


def too_many_codes(world: World, person: Browser) -> None:
    world.product.factors[ADA.account_id] = Totp(SECRET_160)
    for handle in range(20):
        person.arrives(f"handle {handle}")
        person.follow(person.submit(username="ada", password="correct horse"))
        if person.submit(code="000000").status == 429:
            return
    raise AssertionError("no limit was reached")


PAGES = {
    "state_mismatch": state_mismatch,
    "expired": no_such_proof,
    "no_cookie": no_cookie,
    "csrf": not_our_form,
    "unavailable": hub_away,
    "provider_refused": provider_refused,
    "account_inactive": switched_off,
    "second_factor_unknown": second_factor_unknown,
    "unknown_transaction": not_linked_any_more,
}


@pytest.mark.parametrize("code", PAGES)
def test_ake29_every_page_that_refuses_has_a_reference_that_is_in_the_log(
    world: World, person: Browser, caplog: pytest.LogCaptureFixture, code: str
) -> None:
    PAGES[code](world, person)
    (line,) = lines(caplog)
    assert line["ref"] == reference(person.page)
    assert line["code"] == code
    assert (line["tenant"], line["client_id"]) == ("acme", "orders")
    assert line["route"].startswith("/.linkmw/")
    assert "?" not in line["message"]


@pytest.mark.parametrize("way", [too_many_passwords, too_many_codes])
def test_ake29_a_limit_that_was_reached_has_a_reference_that_is_in_the_log(
    world: World, person: Browser, caplog: pytest.LogCaptureFixture, way: Any
) -> None:
    way(world, person)
    (line,) = lines(caplog)
    assert (line["code"], line["ref"]) == ("too_many", reference(person.page))


@pytest.mark.parametrize("way", [adapter_broken, not_linked_yet])
def test_ake29_a_part_that_is_away_is_a_line_with_the_pages_reference(
    world: World, person: Browser, caplog: pytest.LogCaptureFixture, way: Any
) -> None:
    way(world, person)
    assert reference(person.page) in [line["ref"] for line in lines(caplog)]


def test_a_sign_in_is_one_flow_from_the_button_to_the_session(
    world: World, person: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "linkmw.audit")
    state = person.starts()["state"]
    person.returns(state)
    person.returns(state="y" * 43)
    assert [line["flow"] for line in trail(caplog)] == [flow_name(state)]


def test_ops2_a_line_of_the_gates_trail_has_every_field_and_no_other(
    world: World, person: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "linkmw.audit")
    person.returns(person.starts()["state"])
    world.proof_arrives()
    assert [tuple(line) for line in trail(caplog)] == [AUDIT_FIELDS]


def test_a_sign_in_that_the_hub_refuses_is_written_under_its_flow(
    world: World, person: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    state = person.starts()["state"]
    world.hub.redeem = refusing  # type: ignore[method-assign]
    person.returns(state)
    (line,) = lines(caplog)
    assert line["flow"] == flow_name(state)
    assert f"flow {flow_name(state)}" in line["message"]


async def refusing(*_: object) -> Any:
    raise ProviderRefused("invalid_grant")


def test_a_proof_is_of_the_flow_that_the_hub_told(
    world: World, person: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "linkmw.audit")
    world.proof_arrives()
    told: ProofRequest = world.hub.requests["handle"]
    world.hub.requests["handle"] = replace(told, flow="0123456789ab")
    person.follow(person.get("/.linkmw/prove?handle=handle"))
    person.submit(username="ada", password="wrong")
    person.submit(username="ada", password="correct horse")
    assert [(line["event"], line["flow"]) for line in trail(caplog)] == [("proof", "0123456789ab")] * 2


def test_ds06_the_missing_button_is_said_once_and_that_it_is_back_once(
    world: World, person: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    for away in (False, True, True, True, False, False):
        world.hub.away = away
        for _ in range(20):
            person.get("/login")
    messages = [line["message"] for line in lines(caplog)]
    assert messages == [
        "no button on the login page: unavailable: the hub does not answer",
        "the button on the login page is back",
    ]


def test_ds06_calls_to_the_account_api_that_anybody_can_send_are_one_line(
    world: World, person: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(50):
        person.post("/.linkmw/accounts", {})
    (line,) = lines(caplog)
    assert line["code"] == "call_unsigned"


def test_ds06_a_fault_on_the_login_page_is_one_line_with_its_traceback(
    world: World, person: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken() -> Any:
        raise RuntimeError("a fault of ours")

    world.hub.state = broken  # type: ignore[method-assign]
    for _ in range(50):
        person.get("/login")
    (line,) = lines(caplog)
    assert line["code"] == "unexpected"
    assert line["exc_info"] is not None
