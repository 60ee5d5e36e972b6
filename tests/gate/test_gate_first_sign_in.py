"""Proofs in a tenant that moves over: no session by a proof, an account named at the hub, a hash that is carried on."""

from __future__ import annotations

import base64
import re
from typing import Any

import pyotp
import pytest
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from tests.gate.world import ADA, BOB, NOW, SECRET_160, Browser, World, heading, location
from tests.secrets_in_logs import used

from linkmw.errors import RequestRefused, Unavailable
from linkmw.gate import password_hash
from linkmw.gate.ports import ProofRecord, Totp
from linkmw.model import PasswordRules, ProofRequest
from linkmw.run import run_now
from linkmw.secret import Secret

TRANSACTION = "transaction of handle"
NO_HASH = "no password is carried on, for `cryptography` makes no Argon2id hash here: it is older than 44"


@pytest.fixture
def world() -> World:
    world = World(mode="replace")
    world.hub.mode = "replace"
    return world


@pytest.fixture
def browser(world: World) -> Browser:
    return world.browser()


def first(browser: Browser, hint: str = "ada", **changes: Any) -> Any:
    """Arrives as the hub sends somebody who has no identity yet."""
    return browser.arrives(purpose="first_sign_in", hint=hint, email="", **changes)


def carried(world: World, transaction: str = TRANSACTION) -> str | None:
    return run_now(world.ports.password_hashes.take(transaction))


def is_hash_of(phc: str, password: str) -> bool:
    salt, made = (base64.b64decode(f"{part}==") for part in phc.split("$")[-2:])
    tried = Argon2id(salt=salt, length=32, iterations=5, lanes=1, memory_cost=7168)
    return tried.derive(password.encode()) == made


def test_ake10_the_page_names_product_and_account_and_asks_for_the_password_alone(browser: Browser) -> None:
    answer = first(browser)
    assert (answer.status, heading(browser.page)) == (200, "Sign in")
    assert "Orders" in browser.page
    assert 'name="password"' in browser.page
    assert 'name="username"' not in browser.page
    assert re.search(r"<button[^>]*>Login</button>", browser.page)
    assert "ada" in browser.page


def test_ake10_the_password_of_that_account_goes_to_the_hub(world: World, browser: Browser) -> None:
    first(browser)
    answer = browser.submit(password="correct horse")
    assert answer.status == 200
    assert [(proof.account, proof.amr) for proof in world.hub.pushed] == [(ADA, ("pwd",))]
    assert location(browser.follow(answer)).startswith("https://id.example/proved?code=proof-code-1")


def test_lt10_the_account_is_the_one_named_at_the_hub_whatever_the_form_says(world: World, browser: Browser) -> None:
    first(browser)
    answer = browser.submit(username="bob", password="b0b")
    assert answer.status == 422
    assert world.product.asked == [("ada", "b0b")]
    assert world.hub.pushed == []


def test_ake09_an_address_is_as_good_as_the_username(world: World, browser: Browser) -> None:
    first(browser, hint=ADA.email)
    browser.submit(password="correct horse")
    assert world.product.asked == [("ada", "correct horse")]
    assert [proof.account for proof in world.hub.pushed] == [ADA]


def test_ake09_an_address_of_several_accounts_is_nobodys(world: World, browser: Browser) -> None:
    world.product.accounts["ada2"] = type(ADA)("99", "ada2", ADA.email)
    first(browser, hint=ADA.email)
    assert browser.submit(password="correct horse").status == 422
    assert world.hub.pushed == []


def test_bf07_known_and_unknown_names_take_the_same_calls_and_get_the_same_page(world: World) -> None:
    pages, calls = [], []
    for hint in ("ada", "ado"):
        world.product.asked.clear()
        world.product.looked_up.clear()
        browser = world.browser()
        browser.arrives(handle=hint, purpose="first_sign_in", hint=hint, email="")
        answer = browser.submit(password="wrong")
        pages.append((answer.status, re.sub(r"(record|csrf)\W.*?>|ad[ao]|record=[^\"]+", "", browser.page)))
        calls.append((len(world.product.asked), len(world.product.looked_up)))
    assert pages[0] == pages[1]
    assert calls[0] == calls[1] == (1, 1)


def test_ake29_a_wrong_password_says_so_and_offers_the_reset(browser: Browser) -> None:
    first(browser)
    assert browser.submit(password="wrong").status == 422
    assert "/.linkmw/forgot?record=" in browser.page
    assert "wrong" not in browser.page.split("<form", 1)[1]


def test_ake10_not_you_begins_anew(browser: Browser) -> None:
    first(browser)
    assert 'href="/.linkmw/login"' in browser.page


@pytest.mark.parametrize("purpose", ["first_sign_in", "link", "add"])
def test_pr03_a_proof_starts_no_session(world: World, browser: Browser, purpose: str) -> None:
    browser.arrives(purpose=purpose, hint="ada")
    answer = browser.submit(username="ada", password="correct horse")
    assert answer.status == 200
    assert len(world.hub.pushed) == 1
    assert (browser.account, world.product.sessions) == ("", {})


def test_pr03_the_callback_after_it_does_and_the_session_has_its_marker(world: World, browser: Browser) -> None:
    state = browser.starts()["state"]
    browser.arrives()
    browser.submit(username="ada", password="correct horse")
    assert browser.account == ""
    assert location(browser.returns(state)) == "/orders"
    assert browser.account == ADA.account_id
    assert world.product.sessions[browser.cookies["session"]][1] is not None


def test_pr03_a_hub_that_is_away_starts_none_either(world: World, browser: Browser) -> None:
    browser.arrives()
    world.hub.away = True
    answer = browser.submit(username="ada", password="correct horse")
    assert answer.status == 503
    assert (browser.account, world.product.sessions) == ("", {})
    assert "You are signed in" not in browser.page
    world.hub.away = False
    again = re.search(r'href="(/\.linkmw/go\?record=[^"]+)"', browser.page)
    assert again
    assert location(browser.get(again[1])).startswith("https://id.example/proved?code=")


def test_pr03_a_proof_that_the_hub_no_longer_wants_begins_anew(world: World, browser: Browser) -> None:
    browser.arrives()
    world.hub.push_error = RequestRefused("too late", code="unknown_transaction", status=404)
    assert browser.submit(username="ada", password="correct horse").status == 404
    assert world.product.sessions == {}


def test_pr03_in_beside_a_proof_signs_in_as_ever(browser: Browser) -> None:
    browser.world.hub.mode = "beside"
    browser.arrives()
    assert heading(browser.page) != "Link your account."
    browser.submit(username="ada", password="correct horse")
    assert browser.account == ADA.account_id


def test_pr03_a_first_sign_in_starts_none_in_beside_either(world: World) -> None:
    world.settings = World().settings
    browser = world.browser()
    first(browser)
    assert browser.submit(password="correct horse").status == 200
    assert world.product.sessions == {}


def test_ake16_the_page_asks_to_link_the_old_account(world: World, browser: Browser) -> None:
    answer = browser.arrives()
    assert (answer.status, heading(browser.page)) == (200, "Link your account.")
    assert re.search(r"<label[^>]*>Email</label>", browser.page)
    assert re.search(r"<button[^>]*>CONTINUE</button>", browser.page)
    assert 'value="ada@acme.example"' in browser.page
    browser.submit(username="ada", password="correct horse")
    assert [proof.account for proof in world.hub.pushed] == [ADA]


@pytest.mark.parametrize("typed", [BOB.username, BOB.email])
def test_ake17_username_or_address_of_the_old_account(world: World, browser: Browser, typed: str) -> None:
    browser.arrives()
    browser.submit(username=typed, password="b0b")
    assert [proof.account for proof in world.hub.pushed] == [BOB]


def test_ake16_the_hub_goes_on_to_the_product_by_itself(browser: Browser) -> None:
    browser.arrives()
    answer = browser.submit(username="ada", password="correct horse")
    assert "/.linkmw/go?record=" in browser.page
    assert location(browser.follow(answer)).startswith("https://id.example/proved?code=")


def code(world: World) -> str:
    found = pyotp.TOTP(SECRET_160).at(world.clock())
    used("a code", found)
    return found


def proves_with_code(world: World, browser: Browser) -> Any:
    world.product.factors["17"] = Totp(SECRET_160)
    browser.follow(browser.submit(username="ada", password="correct horse"))
    assert heading(browser.page) == "Two-factor authentication"
    return browser.submit(code=code(world))


def test_ake10_the_second_factor_is_asked_for_as_ever(world: World, browser: Browser) -> None:
    first(browser)
    assert proves_with_code(world, browser).status == 200
    assert world.hub.pushed[0].amr == ("pwd", "otp", "mfa")
    assert world.product.sessions == {}


def test_mim05_the_callback_after_it_does_not_ask_a_second_time(world: World, browser: Browser) -> None:
    state = browser.starts()["state"]
    browser.arrives()
    proves_with_code(world, browser)
    assert location(browser.returns(state)) == "/orders"
    assert browser.account == ADA.account_id


def test_mim05_the_sign_in_after_that_one_asks_again(world: World, browser: Browser) -> None:
    state = browser.starts()["state"]
    browser.arrives()
    proves_with_code(world, browser)
    browser.returns(state)
    world.product.sessions.pop(browser.cookies.pop("session"))
    assert location(browser.returns(browser.starts()["state"])).startswith("/.linkmw/second-factor")


def test_mim05_another_browser_has_shown_nothing(world: World, browser: Browser) -> None:
    browser.arrives()
    proves_with_code(world, browser)
    other = world.browser()
    assert location(other.returns(other.starts()["state"])).startswith("/.linkmw/second-factor")


def test_pr10_the_hash_is_made_at_the_proof_and_handed_out_once(world: World, browser: Browser) -> None:
    first(browser)
    browser.submit(password="correct horse")
    made = carried(world)
    assert made is not None
    assert made.startswith("$argon2id$v=19$m=7168,t=5,p=1$")
    assert is_hash_of(made, "correct horse")
    assert not is_hash_of(made, "correct horsf")
    assert carried(world) is None


def test_pr10_a_hash_is_nobodys_before_the_second_factor_was_shown(world: World, browser: Browser) -> None:
    world.product.factors["17"] = Totp(SECRET_160)
    first(browser)
    browser.follow(browser.submit(password="correct horse"))
    assert carried(world) is None
    browser.submit(code=code(world))
    assert is_hash_of(carried(world) or "", "correct horse")


@pytest.mark.parametrize("purpose", ["link", "add"])
def test_pr10_no_other_proof_makes_one(world: World, browser: Browser, purpose: str) -> None:
    browser.arrives(purpose=purpose)
    browser.submit(username="ada", password="correct horse")
    assert len(world.hub.pushed) == 1
    assert carried(world) is None


@pytest.mark.parametrize(("length", "short"), [(8, False), (20, True)])
def test_ake15_the_hub_is_told_whether_the_password_falls_short(
    world: World, browser: Browser, length: int, short: bool
) -> None:
    world.product.factors["17"] = Totp(SECRET_160)
    first(browser, password_rules=PasswordRules(length=length))
    browser.follow(browser.submit(password="correct horse"))
    browser.submit(code=code(world))
    assert [proof.falls_short for proof in world.hub.pushed] == [short]


def test_ake15_of_a_password_that_is_not_carried_nothing_is_said(world: World, browser: Browser) -> None:
    world.product.of_directory.add(ADA.account_id)
    first(browser, password_rules=PasswordRules(length=20))
    browser.submit(password="correct horse")
    assert [proof.falls_short for proof in world.hub.pushed] == [None]


def test_pr10_none_of_a_directorys_password(world: World, browser: Browser) -> None:
    world.product.of_directory.add(ADA.account_id)
    first(browser)
    browser.submit(password="correct horse")
    assert carried(world) is None


def test_pr10_none_where_the_product_does_not_want_it(world: World) -> None:
    world.settings = World(mode="replace", carry_password=False).settings
    browser = world.browser()
    first(browser)
    browser.submit(password="correct horse")
    assert len(world.hub.pushed) == 1
    assert carried(world) is None


def test_pr10_none_of_a_wrong_password(world: World, browser: Browser) -> None:
    first(browser)
    browser.submit(password="wrong")
    assert carried(world) is None


def test_pr10_it_is_gone_after_thirty_minutes(world: World, browser: Browser) -> None:
    first(browser)
    browser.submit(password="correct horse")
    world.clock.time = NOW + 1800
    assert carried(world) is None


def test_pr10_of_a_proof_that_may_last_longer_it_is_gone_as_soon(world: World) -> None:
    world.settings = World(mode="replace", proof_seconds=7200).settings
    browser = world.browser()
    first(browser)
    browser.submit(password="correct horse")
    world.clock.time = NOW + 1800
    assert carried(world) is None


def test_pr10_it_is_in_no_repr_and_no_log(world: World, browser: Browser, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(0)
    first(browser)
    browser.submit(password="correct horse")
    assert "argon2id" not in caplog.text
    request = ProofRequest(Secret("t" * 43), "first_sign_in", "", "ada", NOW)
    assert "argon2id" not in repr(ProofRecord("r" * 43, request, NOW, password_hash="$argon2id$x", typed="a@x.example"))
    assert "password_hash" not in browser.page
    assert "argon2id" not in browser.page


def test_pr10_the_hub_gets_it_in_the_state_of_having_been_told(world: World, browser: Browser) -> None:
    """A store that is away keeps the proof from being finished, not the other way round."""

    class Away:
        async def put(self, *_: Any) -> None:
            raise Unavailable("Redis: ConnectionError")

    world.having(password_hashes=Away())
    first(browser)
    assert browser.submit(password="correct horse").status == 503
    assert world.hub.pushed == []


def test_pr10_where_no_hash_can_be_made_the_sign_in_goes_on(
    world: World, browser: Browser, monkeypatch: Any, caplog: pytest.LogCaptureFixture
) -> None:
    import cryptography.hazmat.primitives.kdf as kdf

    monkeypatch.setitem(__import__("sys").modules, f"{kdf.__name__}.argon2", None)
    assert password_hash.argon2id("correct horse") == ""
    assert [record.getMessage() for record in caplog.records if record.levelname == "WARNING"] == [NO_HASH]
    first(browser)
    assert browser.submit(password="correct horse").status == 200
    assert len(world.hub.pushed) == 1
    assert carried(world) is None
