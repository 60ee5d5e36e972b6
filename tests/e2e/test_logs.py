"""What the real processes write: no secret on a whole way through, and lines that lead from a page to its cause."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import expect
from tests.e2e.houses import one_of
from tests.e2e.person import Person, code_now, remove_link_url, wrong_code
from tests.secrets_in_logs import LEDGER, Ledger

_REFERENCE = re.compile(r"\b[2-9A-HJ-NP-Z]{4}-[2-9A-HJ-NP-Z]{4}\b")


def stage_folder(world) -> Path:
    return world.hub.process.log.parent.parent


def lines_with(log: Path, word: str) -> list[str]:
    return [line for line in log.read_text("utf-8", "replace").splitlines() if word in line]


@pytest.mark.parametrize("house", one_of("orders-asgi", "orders-wsgi", "helpdesk", "wiki"))
def test_cf08_pr11_a_whole_way_with_its_mistakes_leaves_no_secret_in_any_log(world, new_browser, house) -> None:
    product, identity, account = world.products[house], world.new_identity(), world.new_account(house, totp=True)
    person, visited = Person.sits_down(new_browser()), []
    person.page.on("request", lambda request: visited.append(request.url))
    person.opens(product.protected_url)
    person.presses_sign_in()
    person.signs_in_at_keycloak(identity.email, identity.password)
    person.proves(account.username, "wrong-" + account.password)
    person.proves(account.username, account.password)
    person.enters_code(wrong_code(account.totp_secret))
    code = code_now(account.totp_secret)
    person.enters_code(code)
    person.sees_linked()
    person.continues()
    expect(person.page).to_have_url(product.protected_url)
    address = remove_link_url(world.inbox.wait_for(to=account.email, subject="linked")["text"])
    person.opens(address)
    for old in [url for url in visited if "code=" in url or "handle=" in url]:  # bookmarks of every step
        person.opens(old)

    ledger = Ledger()
    ledger.used("the code", code)
    ledger.used("a password", "wrong-" + account.password)
    ledger.knows(LEDGER)
    ledger.used("a cookie", *(cookie["value"] for cookie in person.context.cookies()))
    for url in (*visited, address):
        ledger.used_in_request(url)
    ledger.logged_files(stage_folder(world))
    assert ledger.found() == []


@pytest.mark.parametrize("house", one_of("wiki", "orders-wsgi"))
def test_ake29_the_reference_on_a_products_page_is_in_the_products_log(world, new_browser, house) -> None:
    product, person = world.products[house], Person.sits_down(new_browser())
    person.opens(f"{product.url}/.linkmw/prove?record=none")
    reference = _REFERENCE.search(person.page.content())
    assert reference
    (line,) = lines_with(product.process.log, reference[0])
    assert re.search(rf"{reference[0]} [a-z_]+ at /\.linkmw/prove of {product.client_id}: ", line)


@pytest.mark.parametrize("house", one_of("wiki", "orders-wsgi"))
def test_one_persons_way_is_one_flow_in_both_logs_as_json_lines(world, new_browser, house) -> None:
    product, identity, account = world.products[house], world.new_identity(), world.new_account(house)
    person = Person.sits_down(new_browser())
    with world.hub_settings(LINKMW_HUB_LOG="json"):
        already = len(world.hub.process.log.read_text("utf-8").splitlines())
        world.until(lambda: person.opens(product.login_url) or person.sees_button())
        person.presses_sign_in()
        person.signs_in_at_keycloak(identity.email, identity.password)
        expect(person.page.get_by_role("heading", name="Link your account")).to_be_visible()
        written = world.hub.process.log.read_text("utf-8").splitlines()[already:]
        lines = [json.loads(line) for line in written]
        (flow,) = {line["flow"] for line in lines if line.get("route") == "/proof-requests"}
        assert {"/o/{client_id}/authorize", "/t/{organization_id}/callback"} <= {
            line.get("route") for line in lines if line.get("flow") == flow
        }
        with world.hub_away():
            person.proves(account.username, account.password)
            expect(person.page.get_by_role("heading", name="Your account is not linked yet")).to_be_visible()
            reference = _REFERENCE.search(person.page.content())
    assert reference
    (line,) = lines_with(product.process.log, reference[0])
    assert f"flow {flow}" in line
