"""The second factor at later sign-ins: `second_factor_at_sign_in` (MIM-5, PR07)."""

from __future__ import annotations

import json
import logging
from threading import Barrier, Thread
from typing import Any

import pyotp
import pytest
from tests.gate.world import ADA, BOB, NOW, SECRET_160, Browser, World, header, heading, location

from linkmw.errors import Unavailable
from linkmw.gate import limits
from linkmw.gate.ports import OwnCheck, Totp, UnknownFactor
from linkmw.http import Response
from linkmw.model import Account

RIGHT = {"username": "ada", "password": "correct horse"}
TWO_FACTOR = "Two-factor authentication"


def guarded(**settings: Any) -> World:
    """A world in which Ada's account has an authenticator app."""
    world = World(**settings)
    world.product.factors[ADA.account_id] = Totp(SECRET_160)
    return world


def code_now(world: World) -> str:
    return pyotp.TOTP(SECRET_160).at(world.clock())


def signs_in(world: World, amr: list[str] | None = None, then: str = "/orders") -> Browser:
    """Somebody who comes back from the hub; what they see then."""
    world.hub.claims["amr"] = ["pwd"] if amr is None else amr
    person = world.browser()
    answer = person.returns(person.starts(then)["state"])
    if location(answer).startswith("/.linkmw/second-factor"):
        person.follow(answer)
    return person


@pytest.fixture
def world() -> World:
    return guarded()


# ---- when it is asked for


@pytest.mark.parametrize(
    ("setting", "amr", "asked"),
    [
        ("identity", [], True),
        ("identity", ["pwd"], True),
        ("identity", ["pwd", "otp"], False),
        ("identity", ["pwd", "hwk"], False),
        ("identity", ["mfa"], False),
        ("identity", ["user", "pin", "OTP", "2fa"], True),
        ("linked", ["pwd"], False),
        ("always", ["pwd", "otp", "mfa"], True),
    ],
)
def test_pr07_the_setting_says_when_the_products_own_second_factor_is_asked_for(
    setting: str, amr: list[str], asked: bool
) -> None:
    person = signs_in(guarded(second_factor_at_sign_in=setting), amr)
    assert (heading(person.page) == TWO_FACTOR) is asked
    assert (person.account == "") is asked


def test_pr07_identity_is_the_default(world: World) -> None:
    assert world.settings.second_factor_at_sign_in == "identity"
    assert heading(signs_in(world).page) == TWO_FACTOR


@pytest.mark.parametrize("setting", ["identity", "always"])
def test_mim14_an_account_without_a_second_factor_sees_no_page(setting: str) -> None:
    world = World(second_factor_at_sign_in=setting)
    assert signs_in(world).account == ADA.account_id


@pytest.mark.parametrize("amr", ["otp", {"otp": 1}, [["otp"]], None, 1])
def test_pr07_an_amr_of_another_shape_shows_nothing(world: World, amr: Any) -> None:
    world.hub.claims["amr"] = amr
    person = world.browser()
    assert location(person.returns(person.starts()["state"])).startswith("/.linkmw/second-factor?record=")
    assert person.account == ""


@pytest.mark.parametrize("setting", ["identity", "always"])
def test_mim06_who_has_just_proven_the_account_is_not_asked_twice(setting: str) -> None:
    world = guarded(second_factor_at_sign_in=setting)
    person = world.browser()
    state = person.starts()["state"]
    person.arrives()
    person.follow(person.submit(**RIGHT))
    assert person.submit(code=code_now(world)).status == 200
    answer = person.returns(state)
    assert (answer.status, location(answer)) == (303, "/orders")


def test_pr04_a_native_session_that_is_not_whole_spares_nobody_the_code(world: World) -> None:
    world.product.is_complete = lambda request: False  # type: ignore[method-assign]
    person = world.browser()
    person.signs_in_natively(ADA)
    assert location(person.returns(person.starts()["state"])).startswith("/.linkmw/second-factor?record=")


# ---- the page


def test_mim05_the_page_asks_and_the_right_code_leads_where_one_was_going(world: World) -> None:
    person = signs_in(world, then="/orders?open=1")
    assert (heading(person.page), person.account) == (TWO_FACTOR, "")
    assert '<label for="code">Verification code</label>' in person.page
    assert ">Submit</button>" in person.page
    assert 'href="/help/2fa"' in person.page
    assert world.store.sessions._sessions.keys_in_order() == []  # nothing is on the allow-list before
    answer = person.submit(code=code_now(world))
    assert (answer.status, location(answer)) == (303, "/orders?open=1")
    assert person.account == ADA.account_id
    _, marker = world.product.sessions[person.cookies["session"]]
    assert marker is not None
    assert world.run(world.ports.sessions.get(marker.sid)).account_id == ADA.account_id


@pytest.mark.parametrize(("typed", "says"), [("000000", "That code doesn’t match."), ("", "Enter the 6 digits")])
def test_mim05_a_wrong_code_says_so_and_opens_nothing(world: World, typed: str, says: str) -> None:
    person = signs_in(world)
    assert person.submit(code=typed).status == 422
    assert says in person.page
    assert person.account == ""
    assert person.submit(code=code_now(world)).status == 303


def test_mim05_a_factor_the_product_checks_itself() -> None:
    world = World()
    world.product.factors[ADA.account_id] = OwnCheck()
    world.product.own_codes[ADA.account_id] = "424242"
    person = signs_in(world)
    assert person.submit(code="424241").status == 422
    assert person.submit(code="424242").status == 303


@pytest.mark.parametrize("setting", ["identity", "always"])
def test_ot08_a_factor_that_cannot_be_checked_stops_and_is_never_skipped(setting: str) -> None:
    world = World(second_factor_at_sign_in=setting)
    world.product.factors[ADA.account_id] = UnknownFactor("webauthn")
    world.hub.claims["amr"] = ["pwd"]
    person = world.browser()
    answer = person.returns(person.starts()["state"])
    assert (answer.status, heading(person.page)) == (422, "This account needs another step")
    assert "ACME ID can’t open it" in person.page
    assert 'href="/login"' in person.page
    assert person.account == ""


def test_ot08_an_identity_that_showed_one_opens_an_account_whose_own_kind_is_unknown(world: World) -> None:
    world.product.factors[ADA.account_id] = UnknownFactor("webauthn")
    assert signs_in(world, ["pwd", "otp"]).account == ADA.account_id


# ---- limits and replay, shared with the proof page


def test_ot01_a_code_used_in_a_proof_is_used_up_for_a_sign_in(world: World) -> None:
    code = code_now(world)
    prover = world.browser()
    prover.arrives()
    prover.follow(prover.submit(**RIGHT))
    assert prover.submit(code=code).status == 200
    person = signs_in(world)
    assert person.submit(code=code).status == 422
    assert "That code is no longer valid." in person.page
    assert person.account == ""


def test_ot01_of_sixteen_at_once_one_gets_in(world: World) -> None:
    person = signs_in(world)
    code, page, gate = code_now(world), person.page, Barrier(16)

    def attempt() -> None:
        one = world.browser()
        one.cookies, one.page = dict(person.cookies), page
        gate.wait()
        one.submit(code=code)

    threads = [Thread(target=attempt) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(world.product.sessions) == 1


def test_ot06_ot07_after_five_wrong_codes_the_sign_in_is_over_also_for_a_right_one(world: World) -> None:
    seen = []
    for last in ("000000", code_now(world)):
        person = signs_in(world)
        for _ in range(5):
            assert person.submit(code="000000").status == 422
        form = person.page
        answer = person.submit(code=last)
        seen.append((answer.status, header(answer, "Retry-After"), heading(person.page), person.account))
        assert "Wait 15 minutes" in person.page
        person.page = form
        assert person.submit(code=code_now(world)).status == 400  # and stays over
        assert person.account == ""
    assert seen == [(429, "900", "Too many tries", "")] * 2


class Silent:
    """A store that cannot say: neither how many codes there were, nor whether this one was used before."""

    def __getattr__(self, _: str) -> Any:
        async def asked(*_: object) -> None:
            raise Unavailable("Redis: TimeoutError")

        return asked


@pytest.mark.parametrize("store", ["tries", "marks"])
@pytest.mark.parametrize("where", ["proof", "sign-in"])
def test_i4_ot01_bf10_a_store_that_cannot_say_lets_no_code_in(world: World, where: str, store: str) -> None:
    if where == "proof":
        person = world.browser()
        person.arrives()
        person.follow(person.submit(**RIGHT))
    else:
        person = signs_in(world)
    world.having(**{store: Silent()})
    answer = person.submit(code=code_now(world))
    assert (answer.status, heading(person.page)) == (503, "Sign-in is not available right now")
    assert (world.hub.pushed, person.account) == ([], "")
    assert world.store.sessions._sessions.keys_in_order() == []


def test_ot06_tries_in_proofs_and_sign_ins_are_one_count(world: World) -> None:
    prover = world.browser()
    prover.arrives()
    prover.follow(prover.submit(**RIGHT))
    person = signs_in(world)
    for browser in (prover, person):
        for _ in range(5):
            browser.submit(code="000000")
    third = signs_in(world)
    answer = third.submit(code=code_now(world))
    assert (answer.status, header(answer, "Retry-After")) == (429, "900")
    assert "Wait 15 minutes, then enter the code" in third.page
    world.clock.time += limits.CODE_SECONDS
    assert third.submit(code=code_now(world)).status == 303


def test_ot06_a_hundred_wrong_codes_without_a_right_one_are_the_end_of_it_here() -> None:
    world = guarded()
    for _ in range(20):
        person = signs_in(world)
        for _ in range(5):
            person.submit(code="000000")
        world.clock.time += limits.CODE_SECONDS
    person = signs_in(world)
    assert person.submit(code=code_now(world)).status == 429
    assert "Wait 30 days" in person.page


def test_ot06_a_right_code_begins_the_count_anew(world: World) -> None:
    for _ in range(4):
        person = signs_in(world)
        for _ in range(4):
            person.submit(code="000000")
        assert person.submit(code=code_now(world)).status == 303
        world.clock.time += 120


# ---- whose it is


def test_pr17_the_waiting_sign_in_is_this_browsers_own(world: World, attacker: Browser) -> None:
    person = world.browser()
    world.hub.claims["amr"] = ["pwd"]
    url = location(person.returns(person.starts()["state"]))
    attacker.starts()
    assert attacker.get(url).status == 400
    person.get(url)
    attacker.page = person.page
    assert attacker.submit(code=code_now(world)).status == 400
    assert attacker.account == ""


@pytest.mark.parametrize("headers", [{"origin": "https://evil.example"}, {"sec_fetch_site": "cross-site"}])
def test_xs01_a_code_posted_from_elsewhere_is_refused(world: World, headers: dict[str, str]) -> None:
    person = signs_in(world)
    record, csrf = (person.page.split(f'name="{name}" value="')[1].split('"')[0] for name in ("record", "csrf"))
    fields = {"record": record, "csrf": csrf, "code": code_now(world)}
    assert person.post("/.linkmw/second-factor", fields, **headers).status == 403
    assert person.post("/.linkmw/second-factor", {**fields, "csrf": "x"}).status == 403
    assert person.account == ""


def test_the_waiting_sign_in_expires(world: World) -> None:
    person = signs_in(world)
    world.clock.time = NOW + world.settings.sign_in_seconds
    assert person.submit(code=code_now(world)).status == 400
    assert heading(person.page) == "This sign-in has expired"
    assert person.account == ""


def test_it_is_answered_once(world: World) -> None:
    person = signs_in(world)
    page = person.page
    person.submit(code=code_now(world))
    person.cookies.pop("session")
    person.page = page
    world.clock.time += 60
    assert person.submit(code=code_now(world)).status == 400
    assert person.account == ""


def test_lt12_mim14_who_is_replaced_was_asked_before_the_code(world: World) -> None:
    person = world.browser()
    world.hub.claims["amr"] = ["pwd"]
    person.signs_in_natively(BOB)
    person.returns(person.starts()["state"])
    assert "bob" in person.page
    person.follow(person.submit(choice="switch"))
    assert (heading(person.page), person.account) == (TWO_FACTOR, BOB.account_id)
    assert person.submit(code=code_now(world)).status == 303
    assert person.account == ADA.account_id


def test_lt12_who_signed_in_while_the_code_was_asked_for_is_not_replaced(world: World) -> None:
    person = signs_in(world)
    page = person.page
    person.signs_in_natively(BOB)
    person.page = page
    assert person.submit(code=code_now(world)).status == 400
    assert person.account == BOB.account_id


# ---- asked anew at each step


def test_ot09_a_factor_set_up_since_the_last_sign_in_is_asked_for() -> None:
    world = World()
    assert signs_in(world).account == ADA.account_id
    world.product.factors[ADA.account_id] = Totp(SECRET_160)
    assert heading(signs_in(world).page) == TWO_FACTOR


def test_ot09_a_factor_taken_away_meanwhile_is_not_asked_for(world: World) -> None:
    person = signs_in(world)
    world.product.factors.clear()
    assert person.submit(code="").status == 303
    assert person.account == ADA.account_id


def test_ot09_a_factor_that_became_another_kind_is_not_passed_by_its_old_code(world: World) -> None:
    person = signs_in(world)
    world.product.factors[ADA.account_id] = UnknownFactor("webauthn")
    assert person.submit(code=code_now(world)).status == 422
    assert heading(person.page) == "This account needs another step"
    assert person.account == ""


def test_ot10_a_hub_that_asks_for_completion_gets_none_without_the_factor(world: World) -> None:
    """The code is good, the ID token is good: the product refuses all the same until its own factor is shown."""
    person = signs_in(world)
    record = person.page.split('name="record" value="')[1].split('"')[0]
    for trick in ("callback?state=x&code=y", f"second-factor?record={record}", f"go?record={record}"):
        person.get(f"/.linkmw/{trick}")
        assert person.account == ""
    assert world.product.sessions == {}


def test_bc12_an_account_shut_while_the_code_was_asked_for_stays_shut(world: World) -> None:
    person = signs_in(world)
    world.product.inactive.add(ADA.account_id)
    assert (person.submit(code=code_now(world)).status, heading(person.page)) == (403, "This account can’t sign in")
    assert person.account == ""
    assert world.store.sessions._sessions.keys_in_order() == []


# ---- the account behind a link


def test_bc10_an_id_this_product_never_issued_opens_nothing(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.hub.claims = {"sub": "of another tenant", "preferred_username": "ada"}
    person = world.browser()
    answer = person.returns(person.starts()["state"])
    assert (answer.status, heading(person.page)) == (403, "This account can’t sign in")
    assert 'href="/login"' in person.page
    assert person.account == ""
    assert world.store.sessions._sessions.keys_in_order() == []


def test_bc11_a_renamed_account_is_the_same_and_its_old_name_is_nobodys() -> None:
    world = World()
    world.product.accounts = {"ada.k": Account(ADA.account_id, "ada.k"), "ada": Account("99", "ada")}
    person = world.browser()
    person.returns(person.starts()["state"])  # the hub still says "ada"
    assert person.account == ADA.account_id


def test_pr07_a_refused_code_is_a_line_of_the_audit_trail(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "linkmw.audit")
    person = signs_in(world)
    person.submit(code="000000")
    [line] = [json.loads(one.message) for one in caplog.records if one.name == "linkmw.audit"]
    assert (line["event"], line["result"], line["code"], line["account_id"]) == (
        "sign_in",
        "refused",
        "wrong_code",
        ADA.account_id,
    )
    assert "000000" not in caplog.text


def test_the_code_page_is_not_kept_by_anyone(world: World) -> None:
    person = world.browser()
    world.hub.claims["amr"] = ["pwd"]
    answer = person.follow(person.returns(person.starts()["state"]))
    assert isinstance(answer, Response)
    assert header(answer, "Cache-Control") == "no-store"
