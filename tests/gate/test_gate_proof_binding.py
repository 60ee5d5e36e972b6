"""A proof counts for the act, the browser and the identity it was asked for (PR05, LT08, OT07 to OT10)."""

from __future__ import annotations

import re

import pyotp
import pytest
from tests.gate.world import ADA, BOB, SECRET_160, SITE, Browser, World, header, heading, location

from linkmw.errors import Unavailable
from linkmw.gate.browser import cookie_name
from linkmw.gate.ports import OwnCheck, Totp, UnknownFactor
from linkmw.http import Request

RIGHT = {"username": "ada", "password": "correct horse"}


def code_now(world: World) -> str:
    return pyotp.TOTP(SECRET_160).at(world.clock())


@pytest.fixture
def guarded(world: World) -> World:
    world.product.factors[ADA.account_id] = Totp(SECRET_160)
    return world


def hidden(page: str) -> dict[str, str]:
    return dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page))


# ---- PR05, as far as a form proof goes


def test_pr05_a_native_sign_in_while_a_proof_waits_proves_nothing(person: Browser, world: World) -> None:
    """A forgotten proof in one tab, a login in another: whoever that is, nobody was linked by it."""
    person.arrives()
    waiting = f"/.linkmw/go?record={hidden(person.page)['record']}"
    for account in (BOB, ADA):
        person.signs_in_natively(account)
        person.follow(person.get(waiting))
        assert heading(person.page) == "You are still signed in to Orders"
        assert world.hub.pushed == []


def test_pr05_what_the_person_before_half_proved_is_not_the_next_ones(person: Browser, guarded: World) -> None:
    """Ada's password was right and her code is still missing; then somebody else's proof arrives in this browser."""
    person.arrives("of ada")
    person.follow(person.submit(**RIGHT))
    assert heading(person.page) == "Two-factor authentication"
    person.arrives("of eve")
    assert heading(person.page) == "Link your account"
    person.submit(code=code_now(guarded))
    assert (guarded.hub.pushed, person.account) == ([], "")


def test_pr05_each_proof_is_pushed_for_the_transaction_whose_page_was_shown(person: Browser, world: World) -> None:
    person.arrives("first")
    first = person.page
    person.arrives("second")
    person.page = first
    assert person.submit(**RIGHT).status == 200
    assert [proof.transaction for proof in world.hub.pushed] == ["transaction of first"]


def test_pr05_the_page_names_the_identity_before_anything_is_typed(person: Browser, world: World) -> None:
    world.proof_arrives("of mallory", email="mallory@acme.example")
    person.follow(person.get("/.linkmw/prove?handle=of mallory"))
    assert "mallory@acme.example" in person.page
    assert "Orders" in person.page


def test_pr05_a_tossed_cookie_that_comes_first_makes_no_attackers_record_ours(
    person: Browser, attacker: Browser, world: World
) -> None:
    """A sibling host can set a cookie of our name; browsers may send it before ours. Two of them are none."""
    attacker.arrives("of the attacker")
    tossed = hidden(attacker.page)
    person.arrives()
    name = cookie_name(world.settings.client_id)
    for cookies in (f"{name}={attacker.mark}; {name}={person.mark}", f"{name}={person.mark}; {name}={attacker.mark}"):
        url = f"/.linkmw/prove?record={tossed['record']}"
        answer = world.answer(Request("GET", *url.split("?"), {"cookie": cookies, "sec-fetch-dest": "document"}))
        assert answer.status == 400  # type: ignore[union-attr]


def test_pr05_a_product_that_keeps_its_session_id_does_not_make_an_old_session_a_proof(
    person: Browser, world: World
) -> None:
    """A session that named somebody before the page was shown is asked about; only a password typed here counts."""
    person.signs_in_natively(ADA)
    person.arrives()
    assert heading(person.page) == "You are still signed in to Orders"
    answer = person.post("/.linkmw/prove", {**hidden(person.page), **RIGHT})
    assert (answer.status, world.hub.pushed, world.product.asked) == (303, [], [])


def test_lt08_the_link_form_posted_by_an_attackers_page_is_refused(
    person: Browser, attacker: Browser, world: World
) -> None:
    """The attacker's own form, his own account's password, the victim's browser."""
    attacker.arrives("of the attacker")
    stolen = hidden(attacker.page)
    elsewhere = {"origin": "https://evil.example", "sec_fetch_site": "cross-site"}
    mine = {"username": "bob", "password": "b0b"}
    assert person.post("/.linkmw/prove", {**stolen, **mine}, **elsewhere).status == 400  # no such record here
    person.arrives()
    for fields in ({**stolen, **mine}, {**hidden(person.page), **mine}):
        for headers in (elsewhere, {"sec_fetch_site": "same-site", "origin": "https://shop.example"}):
            assert person.post("/.linkmw/prove", fields, **headers).status in (400, 403)
    assert (world.hub.pushed, world.product.asked, person.account) == ([], [], "")


def test_lt08_a_form_without_a_word_on_its_origin_is_refused(person: Browser, world: World) -> None:
    person.arrives()
    answer = person.post("/.linkmw/prove", {**hidden(person.page), **RIGHT}, origin="", sec_fetch_site="")
    assert (answer.status, world.product.asked) == (403, [])


# ---- second factors


def test_ot07_after_the_lock_a_right_code_and_a_wrong_one_are_answered_alike(guarded: World) -> None:
    seen = []
    for number in range(2):
        person = guarded.browser()
        person.arrives(f"proof {number}")
        person.follow(person.submit(**RIGHT))
        for _ in range(5):
            assert person.submit(code="000000").status == 422
        answer = person.submit(code=code_now(guarded) if number else "000000")
        page = re.sub(r"[0-9A-Z]{4}-[0-9A-Z]{4}|record=\w+", "REFERENCE", person.page)
        seen.append((answer.status, answer.headers, page))
    assert seen[0] == seen[1]
    assert header(answer, "Retry-After") == "900"
    assert "Wait 15 minutes" in person.page
    assert guarded.hub.pushed == []


def test_ot07_an_account_that_had_its_codes_is_answered_alike_too(guarded: World) -> None:
    for number in range(2):
        person = guarded.browser()
        person.arrives(f"proof {number}")
        person.follow(person.submit(**RIGHT))
        for _ in range(5):
            person.submit(code="000000")
    person = guarded.browser()
    person.arrives("last")
    person.follow(person.submit(**RIGHT))
    answers = [person.submit(code=code) for code in ("000000", code_now(guarded))]
    seen = [
        (answer.status, answer.headers, re.sub(r"[0-9A-Z]{4}-[0-9A-Z]{4}", "REFERENCE", answer.body.decode()))
        for answer in answers
    ]
    assert seen[0] == seen[1]
    assert seen[0][0] == 429
    assert (guarded.hub.pushed, person.account) == ([], "")


@pytest.mark.parametrize("kind", ["webauthn", "sms", "recovery codes", "push"])
def test_ot08_sms_webauthn_and_their_like_stop_the_proof(person: Browser, world: World, kind: str) -> None:
    world.product.factors[ADA.account_id] = UnknownFactor(kind)
    person.arrives()
    answer = person.submit(**RIGHT)
    assert (answer.status, heading(person.page)) == (422, "This account needs another step")
    assert 'href="/login"' in person.page
    assert (world.hub.pushed, person.account) == ([], "")
    assert person.get(f"/.linkmw/prove?record={next(iter(_records(world)))}").status == 200
    assert heading(person.page) == "Link your account"  # the right password is not remembered


def _records(world: World) -> list[str]:
    return [key[1] for key in world.store.proofs._records.keys_in_order()]


@pytest.mark.parametrize("typed", ["abcd-efgh", "12345678", "x8f2-99ab-c0de", "ABCDEF"])
def test_ot08_a_recovery_code_is_no_code_of_an_app(person: Browser, world: World, typed: str) -> None:
    world.product.factors[ADA.account_id] = OwnCheck()
    world.product.own_codes[ADA.account_id] = typed
    person.arrives()
    person.follow(person.submit(**RIGHT))
    assert person.submit(code=typed).status == 422
    assert "Enter the 6 digits" in person.page
    assert (world.hub.pushed, person.account) == ([], "")


def test_ot09_a_factor_set_up_while_the_hub_was_away_is_asked_for_before_it_is_told(
    person: Browser, world: World
) -> None:
    person.arrives()
    record = hidden(person.page)["record"]
    world.hub.push_error = Unavailable("the hub does not answer")
    person.submit(**RIGHT)
    assert heading(person.page) == "Your account is not linked yet"
    world.hub.push_error = None
    world.product.factors[ADA.account_id] = Totp(SECRET_160)
    person.follow(person.get(f"/.linkmw/go?record={record}"))
    assert (heading(person.page), world.hub.pushed) == ("Two-factor authentication", [])
    assert person.submit(code=code_now(world)).status == 200
    assert [proof.amr for proof in world.hub.pushed] == [("pwd", "otp", "mfa")]


def test_ot09_an_app_enrolled_anew_between_the_steps_is_the_one_that_counts(person: Browser, guarded: World) -> None:
    person.arrives()
    person.follow(person.submit(**RIGHT))
    other = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
    guarded.product.factors[ADA.account_id] = Totp(other)
    assert person.submit(code=code_now(guarded)).status == 422
    assert person.submit(code=pyotp.TOTP(other).at(guarded.clock())).status == 200


def test_ot10_no_step_of_the_hub_completes_a_proof_whose_code_is_missing(person: Browser, guarded: World) -> None:
    person.arrives()
    person.follow(person.submit(**RIGHT))
    record = hidden(person.page)["record"]
    for url in (f"go?record={record}", f"prove?record={record}"):
        answer = person.get(f"/.linkmw/{url}")
        assert f"{SITE}/proved" not in location(answer)
        assert (guarded.hub.pushed, person.account) == ([], "")
