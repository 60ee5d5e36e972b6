"""The proof page: what is asked, what is never skipped, and what the hub is told."""

from __future__ import annotations

from threading import Barrier, Thread
from typing import Any

import pyotp
import pytest
from tests.gate.world import ADA, BOB, HUB, NOW, SECRET_160, Browser, World, header, heading, location

from linkmw.errors import RequestRefused, Unavailable
from linkmw.gate import limits
from linkmw.gate.browser import form_token, known
from linkmw.gate.ports import OwnCheck, Totp, UnknownFactor
from linkmw.http import Request

RIGHT = {"username": "ada", "password": "correct horse"}


def code_now(world: World, steps: int = 0) -> str:
    return pyotp.TOTP(SECRET_160).at(world.clock() + 30 * steps)


@pytest.fixture
def with_totp(world: World) -> World:
    world.product.factors[ADA.account_id] = Totp(SECRET_160)
    return world


# ---- arrival


def test_mim04_the_page_asks_for_username_and_password_and_says_whose_identity_it_is(person: Browser) -> None:
    assert person.arrives().status == 200
    assert heading(person.page) == "Link your account"
    assert '<label for="username">Username</label>' in person.page
    assert '<label for="password">Password</label>' in person.page
    assert "ada@acme.example" in person.page
    assert "Orders" in person.page
    assert f'href="{HUB}/switch-identity?handle=transaction+of+handle"' in person.page


def test_pr08_the_handle_is_fetched_once_and_gone_from_the_url(person: Browser, attacker: Browser) -> None:
    person.world.proof_arrives()
    arrived = person.get("/.linkmw/prove?handle=handle")
    assert (arrived.status, "handle=" in location(arrived)) == (303, False)
    assert attacker.get("/.linkmw/prove?handle=handle").status == 400


def test_pr08_a_record_is_worth_nothing_in_another_browser(person: Browser, attacker: Browser, world: World) -> None:
    world.proof_arrives()
    url = location(person.get("/.linkmw/prove?handle=handle"))
    attacker.starts()
    assert attacker.get(url).status == 400
    assert "ada@acme.example" not in attacker.page


def test_pr19_a_cross_site_arrival_goes_on_inside_the_site_first(person: Browser, world: World) -> None:
    world.proof_arrives()
    answer = person.get("/.linkmw/prove?handle=handle", site="cross-site")
    assert (answer.status, heading(person.page)) == (200, "Going on to Orders")
    assert "handle" in world.hub.requests  # nothing was fetched, nothing was looked at
    person.follow(person.follow(answer))
    assert heading(person.page) == "Link your account"


def test_pr22_the_record_has_its_own_half_hour(person: Browser, world: World) -> None:
    person.arrives()
    world.clock.time = NOW + 1799
    assert person.submit(**RIGHT).status == 200
    person = world.browser()
    person.arrives("later")
    world.clock.time += 1801
    assert (person.submit(**RIGHT).status, heading(person.page)) == (400, "This sign-in has expired")
    assert person.account == ""


def test_pr22_a_step_does_not_prolong_the_record(person: Browser, with_totp: World) -> None:
    person.arrives()
    with_totp.clock.time = NOW + 1700
    person.follow(person.submit(**RIGHT))
    with_totp.clock.time = NOW + 1801
    assert person.submit(code=code_now(with_totp)).status == 400
    assert person.account == ""


# ---- password


def test_mim06_pr18_right_password_signs_in_and_goes_on_by_a_page_of_this_origin(person: Browser, world: World) -> None:
    person.arrives()
    answer = person.submit(**RIGHT)
    assert (answer.status, heading(person.page)) == (200, "Going on to ACME ID")
    assert person.account == ADA.account_id
    [proof] = world.hub.pushed
    assert (proof.account, proof.amr, proof.transaction) == (ADA, ("pwd",), "transaction of handle")
    left = person.follow(answer)
    assert (left.status, location(left)) == (303, f"{HUB}/proved?code=proof-code-1")


def test_pr17_the_code_is_in_the_location_of_that_one_redirect_and_nowhere_else(person: Browser) -> None:
    person.arrives()
    answer = person.submit(**RIGHT)
    assert "proof-code" not in person.page + str(answer.headers)
    left = person.follow(answer)
    assert "proof-code-1" in location(left)
    assert left.body == b""
    assert header(left, "Cache-Control") == "no-store"


def test_pr17_leaving_needs_the_browser_that_proved(person: Browser, attacker: Browser) -> None:
    person.arrives()
    person.submit(**RIGHT)
    attacker.starts()
    assert attacker.get(person_link(person, "Continue")).status == 400
    assert "proof-code" not in attacker.page


def test_xs08_after_a_password_there_is_a_303_or_a_page(person: Browser, with_totp: World) -> None:
    person.arrives()
    assert person.submit(**RIGHT).status == 303


def test_mim04_a_wrong_password_says_so_and_keeps_the_name(person: Browser, world: World) -> None:
    person.arrives()
    answer = person.submit(username="ada", password="guess")
    assert answer.status == 422
    assert "That username and password don’t match." in person.page
    assert 'value="ada"' in person.page
    assert "guess" not in person.page
    assert world.hub.pushed == []
    assert person.account == ""


def test_dis08_an_empty_password_is_not_even_asked_about(person: Browser, world: World) -> None:
    world.product.passwords["ada"] = ""
    person.arrives()
    assert person.submit(username="ada", password="").status == 422
    assert world.product.asked == []
    assert person.account == ""


@pytest.mark.parametrize("password", [" lead and trail ", "a&b%25=é", "\U0001f600" * 200, "tab\t", "nul\0"])
def test_bc17_a_password_reaches_the_product_exactly_as_typed(person: Browser, world: World, password: str) -> None:
    person.arrives()
    person.submit(username="ada", password=password)
    assert world.product.asked == [("ada", password)]


def test_a_password_or_name_that_fits_no_field_is_not_asked_about(person: Browser, world: World) -> None:
    person.arrives()
    assert person.submit(username="ada", password="x" * 1025).status == 422
    assert person.submit(username="a" * 321, password="x").status == 422
    assert world.product.asked == []


# ---- somebody signed in


def test_mim12_lt12_who_is_still_signed_in_is_told_so_and_may_sign_out(person: Browser, world: World) -> None:
    person.signs_in_natively(BOB)
    person.arrives()
    assert heading(person.page) == "You are still signed in to Orders"
    assert "bob" in person.page
    assert person.account == BOB.account_id
    person.follow(person.submit(sign_out="1"))
    assert heading(person.page) == "Link your account"
    assert person.account == ""


@pytest.mark.parametrize(("purpose", "leads_back"), [("add", True), ("link", False)])
def test_mim11_who_leaves_a_proof_that_the_manager_began_is_back_there(
    person: Browser, with_totp: World, purpose: str, leads_back: bool
) -> None:
    manager = 'href="https://id.example/t/acme/"'
    person.arrives("first", purpose=purpose)
    assert (manager in person.page) is leads_back
    person.follow(person.submit(**RIGHT))
    assert heading(person.page) == "Two-factor authentication"
    assert (manager in person.page) is leads_back
    person.signs_in_natively(BOB)
    person.arrives("second", purpose=purpose)
    assert heading(person.page) == "You are still signed in to Orders"
    assert (manager in person.page) is leads_back


def test_lt12_a_session_begun_meanwhile_is_not_replaced(person: Browser, world: World) -> None:
    person.arrives()
    asked = person.page
    person.signs_in_natively(BOB)
    person.page = asked
    person.follow(person.submit(**RIGHT))
    assert heading(person.page) == "You are still signed in to Orders"
    assert person.account == BOB.account_id
    assert world.product.asked == []


# ---- second factor


def test_mim05_an_account_with_a_second_factor_is_asked_for_it(person: Browser, with_totp: World) -> None:
    person.arrives()
    person.follow(person.submit(**RIGHT))
    assert heading(person.page) == "Two-factor authentication"
    assert '<label for="code">Verification code</label>' in person.page
    assert 'href="/help/2fa"' in person.page
    assert (with_totp.hub.pushed, person.account) == ([], "")
    assert person.submit(code=code_now(with_totp)).status == 200
    assert with_totp.hub.pushed[0].amr == ("pwd", "otp", "mfa")
    assert person.account == ADA.account_id


def test_mim05_a_factor_the_product_checks_itself(person: Browser, world: World) -> None:
    world.product.factors[ADA.account_id] = OwnCheck()
    world.product.own_codes[ADA.account_id] = "424242"
    person.arrives()
    person.follow(person.submit(**RIGHT))
    assert person.submit(code="424241").status == 422
    assert person.submit(code="424242").status == 200


@pytest.mark.parametrize("factor", [UnknownFactor("webauthn"), Totp("not base32!"), Totp(""), Totp("GEZDGNBV")])
def test_ot08_a_factor_that_cannot_be_checked_stops_and_is_never_skipped(
    person: Browser, world: World, factor: Any
) -> None:
    world.product.factors[ADA.account_id] = factor
    person.arrives()
    assert (person.submit(**RIGHT).status, heading(person.page)) == (422, "This account needs another step")
    assert (world.hub.pushed, person.account) == ([], "")


def test_ot01_a_code_is_used_once_also_in_another_proof(person: Browser, attacker: Browser, with_totp: World) -> None:
    code = code_now(with_totp)
    person.arrives()
    person.follow(person.submit(**RIGHT))
    attacker.arrives("another")
    attacker.follow(attacker.submit(**RIGHT))
    assert person.submit(code=code).status == 200
    with_totp.clock.time += 30  # the window still reaches it
    assert attacker.submit(code=code).status == 422
    assert "That code is no longer valid." in attacker.page
    assert attacker.account == ""


def test_ot01_of_sixteen_at_once_one_is_let_in(with_totp: World) -> None:
    person = with_totp.browser()
    person.arrives()
    person.follow(person.submit(**RIGHT))
    code, page, gate = code_now(with_totp), person.page, Barrier(16)
    answers: list[int] = []

    def attempt() -> None:
        one = with_totp.browser()
        one.cookies, one.page = dict(person.cookies), page
        gate.wait()
        answers.append(one.submit(code=code).status)

    threads = [Thread(target=attempt) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(with_totp.hub.pushed) == 1


@pytest.mark.parametrize(("steps", "status"), [(-2, 422), (-1, 200), (0, 200), (1, 200), (2, 422)])
def test_ot02_one_step_either_side_is_accepted(person: Browser, with_totp: World, steps: int, status: int) -> None:
    person.arrives()
    person.follow(person.submit(**RIGHT))
    assert person.submit(code=code_now(with_totp, steps)).status == status


def test_ot06_the_sixth_code_ends_the_proof_and_the_password_is_asked_for_again(
    person: Browser, with_totp: World
) -> None:
    person.arrives()
    person.follow(person.submit(**RIGHT))
    for _ in range(5):
        assert person.submit(code="000000").status == 422
    form = person.page
    # OT07: also a right one is refused now
    answer = person.submit(code=code_now(with_totp))
    assert (answer.status, heading(person.page)) == (429, "Too many tries")
    with_totp.clock.time += limits.CODE_SECONDS
    person.page = form
    assert person.submit(code=code_now(with_totp)).status == 400  # it is over, however long one waits
    assert (with_totp.hub.pushed, person.account) == ([], "")
    person.arrives("again")
    assert heading(person.page) == "Link your account"


def test_ot06_tries_survive_a_new_proof(person: Browser, with_totp: World) -> None:
    for proof in range(2):
        person.arrives(f"proof{proof}")
        person.follow(person.submit(**RIGHT))
        for _ in range(5):
            person.submit(code="000000")
    person.arrives("third")
    person.follow(person.submit(**RIGHT))
    assert person.submit(code=code_now(with_totp)).status == 429
    assert person.account == ""
    with_totp.clock.time += limits.CODE_SECONDS
    assert person.submit(code=code_now(with_totp)).status == 200


def test_ot06_what_is_no_code_at_all_is_no_try(person: Browser, with_totp: World) -> None:
    person.arrives()
    person.follow(person.submit(**RIGHT))
    for typed in ("", "12345", "abcdef", "1" * 5000, "\uff11" * 6, "1234567"):
        assert person.submit(code=typed).status == 422
    assert person.submit(code=code_now(with_totp)).status == 200


def test_ot09_a_factor_taken_away_meanwhile_is_not_asked_for(person: Browser, with_totp: World) -> None:
    person.arrives()
    person.follow(person.submit(**RIGHT))
    with_totp.product.factors.clear()
    assert person.submit(code="").status == 200
    assert with_totp.hub.pushed[0].amr == ("pwd",)


def test_ot09_a_factor_that_became_another_kind_is_not_passed_by_its_old_code(
    person: Browser, with_totp: World
) -> None:
    person.arrives()
    person.follow(person.submit(**RIGHT))
    with_totp.product.factors[ADA.account_id] = UnknownFactor("webauthn")
    assert person.submit(code=code_now(with_totp)).status == 422
    assert heading(person.page) == "This account needs another step"
    assert (with_totp.hub.pushed, person.account) == ([], "")


def test_lt10_nothing_in_the_form_skips_the_second_factor(person: Browser, with_totp: World) -> None:
    person.arrives()
    person.follow(person.submit(**RIGHT))
    for trick in (
        {"proven_at": "1", "amr": "otp"},
        {"account_id": BOB.account_id, "code": ""},
        {**RIGHT, "step": "done"},
        {"username": "bob", "password": "b0b"},
    ):
        assert person.submit(**trick).status == 422
    asked = person.page
    assert person.get(person_go(person)).status == 303
    assert (with_totp.hub.pushed, person.account) == ([], "")
    person.page = asked
    person.submit(code=code_now(with_totp), account_id=BOB.account_id, username="bob")
    assert with_totp.hub.pushed[0].account == ADA


def test_lt10_leaving_without_a_proof_leads_back_to_it(person: Browser) -> None:
    person.arrives()
    assert location(person.get(person_go(person))).startswith("/.linkmw/prove?record=")


def person_go(person: Browser) -> str:
    record = person.page.split('name="record" value="')[1].split('"')[0]
    return f"/.linkmw/go?record={record}"


# ---- forms


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "https://orders.example.evil.example"},
        {"origin": "http://orders.example"},
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
        {"origin": "", "sec_fetch_site": ""},
    ],
)
def test_xs01_a_form_from_elsewhere_is_refused(person: Browser, world: World, headers: dict[str, str]) -> None:
    person.arrives()
    record, csrf = (person.page.split(f'name="{name}" value="')[1].split('"')[0] for name in ("record", "csrf"))
    answer = person.post("/.linkmw/prove", {"record": record, "csrf": csrf, **RIGHT}, **headers)
    assert (answer.status, heading(person.page)) == (403, "This page is out of date")
    assert world.product.asked == []


def test_xs01_a_missing_or_foreign_token_is_refused(person: Browser, attacker: Browser, world: World) -> None:
    person.arrives()
    record = person.page.split('name="record" value="')[1].split('"')[0]
    attacker.starts()
    cookies = "; ".join(f"{name}={value}" for name, value in attacker.cookies.items())
    theirs = known(world.settings, Request("GET", "/", "", {"cookie": cookies}))
    assert theirs is not None
    for csrf in ("", "x", form_token(world.settings, theirs, record)):
        assert person.post("/.linkmw/prove", {"record": record, "csrf": csrf, **RIGHT}).status == 403
    assert world.product.asked == []


def test_xs01_the_default_port_in_a_setting_is_the_browsers_origin() -> None:
    world = World(public_url="https://Orders.example:443")
    person = world.browser()
    person.arrives()
    assert person.submit(**RIGHT).status == 200


def test_xs02_only_a_form_is_read(person: Browser, world: World) -> None:
    person.arrives()
    assert person.post("/.linkmw/prove", RIGHT, content_type="text/plain").status == 415
    assert person.post("/.linkmw/prove", RIGHT, content_type="application/json").status == 415


def test_pr18_our_forms_may_end_at_the_hub(person: Browser) -> None:
    policy = header(person.arrives(), "Content-Security-Policy")
    assert f"form-action 'self' {HUB};" in policy
    assert "default-src 'none'" in policy


# ---- the hub is away


def test_a_failing_hub_costs_the_link_and_nothing_else(person: Browser, world: World) -> None:
    person.arrives()
    world.hub.push_error = Unavailable("the hub does not answer")
    answer = person.submit(**RIGHT)
    assert (answer.status, heading(person.page)) == (200, "Your account is not linked yet")
    assert "ACME ID did not answer." in person.page
    assert person.account == ADA.account_id
    retry = person_link(person, "Try again")
    assert person.get(retry).status == 200  # still away
    assert heading(person.page) == "Your account is not linked yet"
    world.hub.push_error = None
    assert location(person.get(retry)) == f"{HUB}/proved?code=proof-code-1"


def test_pr22_a_transaction_the_hub_has_forgotten_is_begun_anew(person: Browser, world: World) -> None:
    person.arrives()
    world.hub.push_error = RequestRefused("gone", code="unknown_transaction")
    person.submit(**RIGHT)
    assert heading(person.page) == "Your account is not linked yet"
    assert person_link(person, "Try again") == "/.linkmw/login"
    assert person.account == ADA.account_id


def test_a_defect_after_the_session_began_does_not_lose_its_cookie(person: Browser, world: World) -> None:
    person.arrives()
    world.hub.push_error = ZeroDivisionError()
    assert person.submit(**RIGHT).status == 200
    assert person.account == ADA.account_id


def test_bc12_an_account_that_may_not_sign_in_is_not_proven_to_the_hub(person: Browser, world: World) -> None:
    world.product.inactive.add(ADA.account_id)
    person.arrives()
    assert (person.submit(**RIGHT).status, heading(person.page)) == (403, "This account can’t sign in")
    assert world.hub.pushed == []
    assert person.get(person_go_of(person, world)).status == 303
    assert world.hub.pushed == []


def person_go_of(person: Browser, world: World) -> str:
    [key] = world.store.proofs._records.keys_in_order()
    return f"/.linkmw/go?record={key[1]}"


def person_link(person: Browser, text: str) -> str:
    return person.page.split(f'">{text}</a>')[0].split('href="')[-1]


def test_i8_sc01_the_proof_changes_the_session_id(person: Browser, attacker: Browser, world: World) -> None:
    world.product.sessions["planted"] = ("nobody", None)
    person.cookies["session"] = attacker.cookies["session"] = "planted"
    person.arrives()
    person.submit(**RIGHT)
    assert person.account == ADA.account_id
    assert attacker.account == ""


def test_ot01_the_second_of_two_presses_goes_where_the_first_one_led(person: Browser, with_totp: World) -> None:
    person.arrives()
    person.follow(person.submit(**RIGHT))
    page, code = person.page, code_now(with_totp)
    with_totp.hub.away = True  # so the first press has not told the hub yet
    person.submit(code=code)
    assert heading(person.page) == "Your account is not linked yet"
    with_totp.hub.away = False
    del person.cookies["session"]  # the answer to the first press never reached the browser
    person.page = page
    again = person.submit(code=code)
    assert again.status == 303
    assert location(person.follow(person.get(location(again)))).startswith("https://id.example/proved?code=")
    assert len(with_totp.hub.pushed) == 1
    assert person.account == ""


def test_ot01_while_the_first_press_is_on_its_way_the_second_looks_again_and_not_for_ever(
    person: Browser, with_totp: World
) -> None:
    person.arrives()
    person.follow(person.submit(**RIGHT))
    page, code = person.page, code_now(with_totp)
    with_totp.product.inactive.add(ADA.account_id)  # the first press stops half-way
    assert person.submit(code=code).status == 403
    person.page = page
    again = person.submit(code=code)
    for _ in range(20):
        assert heading(person.get(location(again)).body.decode()) == "Going on to Orders"
    person.get(location(again))
    assert heading(person.page) == "Two-factor authentication"
    assert with_totp.hub.pushed == []
