"""The native proof behind both shells: what counts, what is answered, and every attack on it played (PR04, PR05)."""

from __future__ import annotations

import hashlib
import logging
from typing import Any

import pytest
from tests.gate.shop import ADA, BOB, House, Visitor
from tests.gate.world import HUB, SECRET_160, SITE, heading, location

from linkmw.gate.ports import Totp
from linkmw.gate.proof_kind import cookie_name
from linkmw.http import Request

ARMING = cookie_name("orders")


@pytest.fixture(params=["wsgi", "asgi"])
def shell(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch, shell: str) -> House:
    return House(monkeypatch, shell)


@pytest.fixture
def visitor(house: House) -> Visitor:
    return house.browser()


def cookies_set(answer: Any) -> list[str]:
    return [value.partition(";")[0] for name, value in answer.headers if name.lower() == "set-cookie"]


# ---- the way through


def test_pr05_the_page_names_product_and_identity_and_a_press_arms(house: House, visitor: Visitor) -> None:
    visitor.arrives()
    assert heading(visitor.page) == "Link your account"
    assert "Sign in to Orders" in visitor.page
    assert "ada@acme.example" in visitor.page
    assert 'type="password"' not in visitor.page
    assert ARMING not in visitor.cookies
    answer = visitor.submit()
    assert (answer.status, location(answer)) == (303, "/login")
    assert ARMING in visitor.cookies


def test_the_login_says_what_it_is_for_in_place_of_the_button(house: House, visitor: Visitor) -> None:
    visitor.arms()
    assert "Sign in once to link Orders with ada@acme.example." in visitor.page
    assert "Cancel</a>" in visitor.page
    assert "Sign in with ACME ID" not in visitor.page
    other = house.browser()
    other.get("/login")
    assert "Sign in with ACME ID" in other.page


def test_a_wrong_password_is_answered_by_the_login_which_still_says_what_it_is_for(
    house: House, visitor: Visitor
) -> None:
    visitor.arms()
    answer = visitor.post("/login", {"username": "ada", "password": "wrong"}, sec_fetch_dest="document")
    assert answer.status == 200
    assert "Sign in once to link Orders with ada@acme.example." in visitor.page
    other = house.browser()
    other.post("/login", {"username": "ada", "password": "wrong"}, sec_fetch_dest="document")
    assert "ACME ID" not in other.page
    visitor.logs_in()
    assert visitor.is_going_on


def test_pr05_pr07_a_whole_sign_in_is_the_proof_and_the_person_goes_on(house: House, visitor: Visitor) -> None:
    visitor.arms()
    answer = visitor.logs_in()
    assert (answer.status, visitor.is_going_on) == (200, True)
    assert {"theme=dark", f"session={visitor.cookies['session']}"} <= set(cookies_set(answer))
    assert visitor.account == ADA.account_id
    assert ARMING not in visitor.cookies
    assert location(visitor.follow(answer)) == f"{HUB}/proved?code=proof-code-1"
    (proof,) = house.hub.pushed
    assert (proof.account, proof.amr, proof.native) == (ADA, (), True)


def test_mim06_pr07_who_has_proven_the_account_so_is_not_asked_for_its_code_in_this_flow(
    house: House, visitor: Visitor
) -> None:
    """Its login asked for everything, though the session it began does not say so."""
    house.product.factors[ADA.account_id] = Totp(SECRET_160)
    state = visitor.starts()["state"]
    visitor.arms()
    visitor.follow(visitor.logs_in())
    house.product.half.add(visitor.cookies["session"])
    other = house.browser()
    other.cookies["session"] = visitor.cookies["session"]
    assert location(other.returns(other.starts()["state"])).startswith("/.linkmw/second-factor?record=")
    assert location(visitor.returns(state)) == "/orders"
    house.product.half.add(visitor.cookies["session"])
    assert location(visitor.returns(visitor.starts()["state"])).startswith("/.linkmw/second-factor?record=")


def test_pr05_what_may_be_a_whole_sign_in_is_somebodys_before_the_proof(house: House, visitor: Visitor) -> None:
    house.product.is_half = lambda request: False  # type: ignore[attr-defined]
    visitor.arms()
    visitor.logs_in("bob")
    visitor.post("/login/code", {"code": "000000"}, sec_fetch_dest="document")
    assert (visitor.account, visitor.is_going_on, house.proven) == (BOB.account_id, False, [])
    visitor.arrives("again")
    assert heading(visitor.page) == "You are still signed in to Orders"


def test_pr04_half_a_sign_in_is_no_proof_and_the_code_that_completes_it_is(house: House, visitor: Visitor) -> None:
    visitor.arms()
    answer = visitor.logs_in("bob")
    assert (answer.status, location(answer)) == (303, "/home")
    visitor.get("/home")
    assert house.proven == []
    visitor.post("/login/code", {"code": "111111"}, sec_fetch_dest="document")
    assert not visitor.is_going_on
    visitor.follow(visitor.post("/login/code", {"code": "000000"}, sec_fetch_dest="document"))
    assert house.proven == [BOB.account_id]


def test_pr05_a_wrong_password_is_the_products_to_answer_and_the_next_one_counts(
    house: House, visitor: Visitor
) -> None:
    visitor.arms()
    answer = visitor.post("/login", {"username": "ada", "password": "x"}, sec_fetch_dest="document")
    assert (answer.status, "<form" in visitor.page) == (200, True)
    visitor.logs_in()
    assert visitor.is_going_on


def test_pr18_a_scripts_sign_in_gets_its_own_answer_and_the_next_page_goes_on(house: House, visitor: Visitor) -> None:
    visitor.arms()
    answer = visitor.asks_api()
    assert (answer.status, visitor.page) == (200, '{"ok": true}')
    assert all("linkmw" not in cookie for cookie in cookies_set(answer))
    visitor.get("/style.css", dest="style")
    visitor.get("/api/me", dest="empty")
    assert not visitor.is_going_on
    visitor.follow(visitor.get("/home"))
    assert house.proven == [ADA.account_id]
    visitor.get("/home")
    assert not visitor.is_going_on


def test_a_scripts_wrong_password_proves_nothing(house: House, visitor: Visitor) -> None:
    visitor.arms()
    assert visitor.asks_api(password="x").status == 401
    visitor.get("/home")
    assert not visitor.is_going_on


def test_pr05_a_login_that_posts_elsewhere_counts_by_the_page_it_is_on(house: House, visitor: Visitor) -> None:
    visitor.arms()
    visitor.logs_in(path="/authenticate")
    assert visitor.is_going_on


def test_pr05_an_application_that_signs_in_on_the_get_that_follows(house: House, visitor: Visitor) -> None:
    visitor.arms()
    visitor.logs_in(path="/login/later")
    assert house.product.sessions == {}
    visitor.get("/login/done?of=ada")
    assert visitor.is_going_on


def test_pr05_that_get_counts_once_within_a_minute_and_after_five_hops_at_most(house: House, visitor: Visitor) -> None:
    visitor.arms()
    visitor.logs_in(path="/login/later")
    house.world.clock.time += 60
    visitor.get("/login/done?of=ada")
    assert (visitor.account, visitor.is_going_on) == (ADA.account_id, False)
    house.product.sessions.clear()
    visitor.cookies.pop("session")
    visitor.logs_in(path="/login/hop")
    for number in range(1, 10):
        visitor.get(f"/login/hop?{number}")
    visitor.get("/login/done?of=ada")
    assert (visitor.account, visitor.is_going_on) == (ADA.account_id, False)


# ---- PR05: the attacks


def test_pr05_a_tossed_session_cookie_that_comes_first_makes_nobody_the_attackers_account(
    house: House, visitor: Visitor
) -> None:
    """A sibling host has put the attacker's session before ours: whom the session names does not change by the POST."""
    house.product.sessions["of-mallory"] = (BOB.account_id, None)
    visitor.arms()
    visitor.tossed = "session=of-mallory"
    visitor.post("/login", {"username": "x", "password": "y"}, sec_fetch_dest="document")
    visitor.logs_in()
    assert not visitor.is_going_on
    visitor.get("/home")
    assert (visitor.is_going_on, house.proven) == (False, [])


def test_pr05_a_tossed_arming_cookie_arms_nothing(house: House, visitor: Visitor) -> None:
    """The attacker has armed a proof for his identity, and tosses its cookie at somebody who has none under way."""
    attacker = house.browser()
    attacker.arms()
    visitor.starts()
    visitor.tossed = f"{ARMING}={attacker.cookies[ARMING]}"
    answer = visitor.logs_in()
    assert (answer.status, location(answer)) == (303, "/home")
    assert not visitor.is_going_on
    visitor.get("/home")
    assert (visitor.is_going_on, house.proven) == (False, [])


def test_pr05_two_arming_cookies_are_none(house: House, visitor: Visitor) -> None:
    visitor.arms()
    visitor.tossed = f"{ARMING}=of-somebody-else"
    visitor.logs_in()
    assert (visitor.is_going_on, house.proven) == (False, [])


@pytest.mark.parametrize(
    "sent",
    [
        {"origin": "https://evil.example", "sec_fetch_site": "cross-site"},
        {"origin": "https://blog.orders.example", "sec_fetch_site": "same-site"},
        {"origin": "null", "sec_fetch_site": "cross-site"},
        {"origin": "", "sec_fetch_site": ""},
    ],
)
def test_pr05_login_csrf_a_strangers_account_is_not_proven_for_this_identity(
    house: House, visitor: Visitor, sent: dict[str, str]
) -> None:
    visitor.arms()
    visitor.logs_in("ada", **sent)
    assert visitor.account == ADA.account_id  # the product let it happen
    assert not visitor.is_going_on
    visitor.get("/home")
    assert (visitor.is_going_on, house.proven) == (False, [])


def test_pr05_a_forgotten_proof_is_over_after_ten_minutes(house: House, visitor: Visitor) -> None:
    visitor.arms()
    house.world.clock.time += 600
    visitor.get("/login")
    assert "Sign in once to link" not in visitor.page
    assert visitor.logs_in().status == 303
    assert house.proven == []


def test_pr05_a_login_in_another_tab_within_them_counts_and_is_what_the_hub_asks_about(
    house: House, visitor: Visitor
) -> None:
    """Nothing tells the two apart in here; that the hub asks before it links is the cure, and the proof says so."""
    visitor.arms()
    visitor.follow(visitor.logs_in("ada", referer=f"{SITE}/login?from=another-tab"))
    assert [proof.native for proof in house.hub.pushed] == [True]


def test_pr05_there_is_one_for_each_browser_the_last(house: House, visitor: Visitor) -> None:
    visitor.arms("first")
    visitor.arms("second", email="second@acme.example")
    assert "second@acme.example" in visitor.page
    visitor.follow(visitor.logs_in())
    assert [proof.transaction for proof in house.hub.pushed] == ["transaction of second"]


def test_pr05_a_product_that_keeps_its_session_id_is_read_before_and_after(house: House, visitor: Visitor) -> None:
    """Whose session it was in the request before says nothing: it is asked in this one, and under the same id."""
    house.shop.keeps_id = True
    visitor.arms()
    visitor.cookies["session"] = "kept"
    answer = visitor.logs_in()
    assert "session=" not in "".join(cookies_set(answer))
    assert visitor.is_going_on
    visitor.follow(answer)
    assert house.proven == [ADA.account_id]


def test_pr05_an_old_session_under_a_kept_id_is_no_proof(house: House, visitor: Visitor) -> None:
    house.shop.keeps_id = True
    visitor.arms()
    visitor.cookies["session"] = "kept"
    house.product.sessions["kept"] = (ADA.account_id, None)
    visitor.logs_in()
    assert (visitor.is_going_on, house.proven) == (False, [])


def test_pr05_what_the_person_before_half_typed_is_dropped_at_arming(house: House, visitor: Visitor) -> None:
    """Bob's password was right and his code is missing; then Ada arms a proof in this browser."""
    visitor.logs_in("bob")
    assert visitor.account == BOB.account_id
    visitor.arms()
    assert (visitor.account, visitor.cookies.get("session", "")) == ("", "")
    visitor.post("/login/code", {"code": "000000"}, sec_fetch_dest="document")
    assert not visitor.is_going_on
    visitor.get("/home")
    assert (visitor.is_going_on, house.proven) == (False, [])


def test_pr05_the_press_must_be_one_on_our_page(house: House, visitor: Visitor) -> None:
    visitor.arrives()
    record = visitor.page.partition('name="record" value="')[2].partition('"')[0]
    assert visitor.post("/.linkmw/prove", {"record": record}).status == 403
    assert ARMING not in visitor.cookies
    visitor.logs_in()
    assert (visitor.is_going_on, house.proven) == (False, [])


def test_pr05_another_browser_gains_nothing_by_the_proof(house: House, visitor: Visitor) -> None:
    """A victim was mailed the page; the attacker's browser began it, and the victim's signs in."""
    attacker = house.browser()
    attacker.arms()
    visitor.logs_in()
    assert (visitor.is_going_on, house.proven) == (False, [])
    attacker.get("/home")
    assert not attacker.is_going_on


# ---- PR04: what is no proof


def test_pr04_mim12_a_session_that_was_somebodys_is_asked_about_and_never_proves(
    house: House, visitor: Visitor
) -> None:
    visitor.signs_in_natively(BOB)
    visitor.arrives()
    assert heading(visitor.page) == "You are still signed in to Orders"
    visitor.follow(visitor.submit(sign_out="1"))
    assert heading(visitor.page) == "Link your account"
    visitor.follow(visitor.submit())
    visitor.signs_in_natively(BOB)
    visitor.logs_in("ada")
    assert (visitor.is_going_on, house.proven) == (False, [])


def test_pr04_nobody_becomes_somebody_by_a_page_a_sign_up_or_a_reset(house: House, visitor: Visitor) -> None:
    visitor.arms()
    visitor.get("/login/done?of=ada")  # a link in a mail, or a remember-me cookie
    assert (visitor.account, visitor.is_going_on) == (ADA.account_id, False)
    for path, page in (("/signup", "/signup"), ("/login/forgot/new", "/login/forgot")):
        house.product.sessions.clear()
        visitor.logs_in(path="/signup" if path == "/signup" else "/forgot/new", referer=f"{SITE}{page}")
        assert (visitor.account, visitor.is_going_on) == (ADA.account_id, False)
    assert house.proven == []


def test_pr04_an_answer_that_failed_has_kept_no_session(house: House, visitor: Visitor) -> None:
    visitor.arms()
    assert visitor.logs_in(path="/error").status == 500
    visitor.cookies.pop("session")
    assert not visitor.is_going_on
    visitor.get("/home")
    assert (visitor.is_going_on, house.proven) == (False, [])


@pytest.mark.parametrize(("status", "counts"), [(200, True), (302, False), (403, False), (500, False)])
def test_pr04_where_the_adapter_cannot_tell_a_page_does(
    monkeypatch: pytest.MonkeyPatch, shell: str, status: int, counts: bool
) -> None:
    house = House(monkeypatch, shell, signed_in_path="/account")
    house.product.tells_complete = False
    house.take_on()
    house.shop.home_status = status
    visitor = house.browser()
    visitor.arms()
    visitor.logs_in()
    assert visitor.is_going_on is counts
    assert "GET /account" in house.shop.seen


@pytest.fixture
def page_tells(monkeypatch: pytest.MonkeyPatch, shell: str) -> House:
    """Its sessions name Bob from his password on, and all that tells is the page."""
    house = House(monkeypatch, shell, signed_in_path="/account")
    house.product.tells_complete = False
    house.product.is_complete = lambda request: True  # type: ignore[method-assign]
    house.take_on()
    return house


def test_pr04_where_a_page_tells_the_code_completes_what_the_password_began(page_tells: House) -> None:
    visitor = page_tells.browser()
    visitor.arms()
    visitor.logs_in("bob")
    visitor.get("/home")
    assert (visitor.account, visitor.is_going_on, page_tells.proven) == (BOB.account_id, False, [])
    visitor.post("/login/code", {"code": "111111"}, sec_fetch_dest="document")
    assert not visitor.is_going_on
    visitor.follow(visitor.post("/login/code", {"code": "000000"}, sec_fetch_dest="document"))
    assert page_tells.proven == [BOB.account_id]


def test_pr05_half_a_sign_in_that_the_proof_was_not_armed_for_is_completed_by_nobody(page_tells: House) -> None:
    victim = page_tells.browser()
    victim.logs_in("bob")
    visitor = page_tells.browser()
    visitor.arms()
    visitor.cookies["session"] = victim.cookies["session"]  # tossed, or left by somebody
    visitor.post("/login/code", {"code": "000000"}, sec_fetch_dest="document")
    assert (visitor.account, visitor.is_going_on, page_tells.proven) == (BOB.account_id, False, [])


def test_pr05_half_a_sign_in_that_becomes_somebody_elses_is_no_proof(page_tells: House) -> None:
    visitor = page_tells.browser()
    visitor.arms()
    visitor.logs_in("bob")
    visitor.logs_in("ada")
    assert (visitor.account, visitor.is_going_on, page_tells.proven) == (ADA.account_id, False, [])


def test_pr05_a_whole_sign_in_elsewhere_after_half_a_one_is_somebodys(page_tells: House) -> None:
    visitor = page_tells.browser()
    visitor.arms()
    visitor.logs_in("bob")
    page_tells.product.half.clear()  # by a link in a mail, say
    visitor.logs_in("bob")
    assert (visitor.is_going_on, page_tells.proven) == (False, [])


def test_pr04_with_neither_our_page_asks_for_the_password_and_the_log_says_why(
    monkeypatch: pytest.MonkeyPatch, shell: str, caplog: pytest.LogCaptureFixture
) -> None:
    house = House(monkeypatch, shell)
    house.product.tells_complete = False
    house.take_on()
    assert "the native proof is OFF" in caplog.text
    visitor = house.browser()
    visitor.arrives()
    assert 'type="password"' in visitor.page
    visitor.submit(username="ada", password="correct horse")
    assert [proof.native for proof in house.hub.pushed] == [False]


# ---- what it stands beside


def test_pr03_ake10_in_replace_and_at_a_first_sign_in_our_page_asks_and_starts_no_session(
    monkeypatch: pytest.MonkeyPatch, shell: str
) -> None:
    house = House(monkeypatch, shell, mode="replace")
    house.hub.mode = "replace"
    visitor = house.browser()
    for handle, asked in (("link", {}), ("first", {"purpose": "first_sign_in", "hint": "ada"})):
        visitor.arrives(handle, **asked)
        assert 'type="password"' in visitor.page
        visitor.submit(username="ada", password="correct horse")
        assert visitor.account == ""
    assert [proof.native for proof in house.hub.pushed] == [False, False]


def test_pr03_where_no_password_can_be_checked_that_is_refused_in_words(
    monkeypatch: pytest.MonkeyPatch, shell: str, caplog: pytest.LogCaptureFixture
) -> None:
    house = House(monkeypatch, shell, mode="replace", proof="")
    house.hub.mode, house.product.checks_passwords = "replace", False
    house.take_on()
    assert "no account can be linked" in caplog.text
    visitor = house.browser()
    visitor.arrives()
    assert heading(visitor.page) == "No account can be linked here yet"
    assert "no_proof" in caplog.text


def test_pr05_a_hub_that_does_not_ask_is_never_told(house: House, visitor: Visitor) -> None:
    visitor.arms()
    visitor.asks_api()
    house.hub.proofs = ("form",)  # rolled back meanwhile
    visitor.follow(visitor.get("/home"))
    assert house.hub.pushed == []
    other = house.browser()
    other.arrives("another")
    assert 'type="password"' in other.page


def test_p05_a_hub_that_is_away_costs_nothing_but_the_link(house: House, visitor: Visitor) -> None:
    visitor.arms()
    house.hub.away = True
    visitor.follow(visitor.logs_in())
    assert heading(visitor.page) == "Your account is not linked yet"
    assert visitor.account == ADA.account_id
    house.hub.away = False
    again = visitor.page.partition('href="/.linkmw/go?record=')[2].partition('"')[0]
    assert location(visitor.get(f"/.linkmw/go?record={again}")).startswith(f"{HUB}/proved?code=")


def test_p05_whatever_of_ours_fails_the_products_own_answer_goes_out(
    house: House, visitor: Visitor, caplog: pytest.LogCaptureFixture
) -> None:
    class Away:
        async def get(self, *_: object) -> None:
            raise RuntimeError("ours")

    visitor.arms()
    house.world.having(armings=Away())
    house.take_on()
    answer = visitor.logs_in()
    assert (answer.status, location(answer)) == (303, "/home")
    assert visitor.account == ADA.account_id
    assert "linkmw failed, the product answers instead" in caplog.text


def test_p05_an_adapter_that_fails_after_the_sign_in_leaves_the_products_answer(
    house: House, visitor: Visitor, caplog: pytest.LogCaptureFixture
) -> None:
    visitor.arms()
    asked = house.product.is_complete

    def fails(request: Request) -> bool:
        if request.method == "GET":
            raise RuntimeError("the table is gone")
        return asked(request)

    house.product.is_complete = fails  # type: ignore[method-assign]
    answer = visitor.logs_in()
    assert (answer.status, location(answer)) == (303, "/home")
    assert "the product's own answer stands" in caplog.text
    assert house.proven == []


def test_rc08_once_linkmw_is_off_no_sign_in_counts(
    house: House, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    visitor.arms()
    monkeypatch.setattr(house.app, "_is_over", lambda _settings: True)  # by the time it is answered
    assert location(visitor.logs_in()) == "/home"
    assert house.proven == []


def test_cancel_disarms_and_leads_back(house: House, visitor: Visitor) -> None:
    visitor.arms()
    link = visitor.page.partition('lm-leave" href="')[2].partition('"')[0]
    answer = visitor.get(link)
    assert (location(answer), ARMING in visitor.cookies) == ("/login", False)
    visitor.get("/login")
    assert "Sign in with ACME ID" in visitor.page
    assert visitor.logs_in().status == 303
    assert house.proven == []


def test_cancel_of_a_proof_from_the_manager_leads_there(house: House, visitor: Visitor) -> None:
    visitor.arms(purpose="add")
    link = visitor.page.partition('lm-leave" href="')[2].partition('"')[0]
    assert location(visitor.get(link)) == f"{HUB}/t/acme/"


def test_cancel_of_a_proof_that_is_not_this_browsers_changes_nothing(house: House, visitor: Visitor) -> None:
    visitor.arms()
    attacker = house.browser()
    link = visitor.page.partition('lm-leave" href="')[2].partition('"')[0]
    for path in (link, "/.linkmw/cancel?record=unknown", "/.linkmw/cancel"):
        assert location(attacker.get(path)) == "/"
    visitor.logs_in()
    assert visitor.is_going_on


def test_sc02_the_arming_cookie_is_one_that_no_sibling_host_can_set(house: House, visitor: Visitor) -> None:
    visitor.arrives()
    (cookie,) = [value for name, value in visitor.submit().headers if name.lower() == "set-cookie" and ARMING in value]
    assert cookie.startswith("__Host-linkmw-")
    assert {"Path=/", "Secure", "HttpOnly", "SameSite=Lax", "Max-Age=600"} <= set(cookie.split("; "))


def test_p01_without_the_arming_cookie_nobody_is_asked_anything(house: House, visitor: Visitor) -> None:
    visitor.starts()
    asked = house.hub.asked
    house.product.broken = True  # whoever asked it would fail
    visitor.logs_in()
    visitor.get("/home")
    assert (visitor.page, house.hub.asked) == ("<html><body>home</body></html>", asked)


def test_the_gates_own_routes_are_never_watched(house: House, visitor: Visitor) -> None:
    visitor.arms()
    visitor.get("/.linkmw/prove")
    assert heading(visitor.page) == "This sign-in has expired"


def test_an_arming_without_its_proof_is_none(house: House, visitor: Visitor) -> None:
    visitor.arms()
    record = visitor.page.partition("cancel?record=")[2].partition('"')[0]
    house.world.run(house.world.store.proofs.drop(hashlib.sha256(visitor.mark.encode()).hexdigest(), record))
    assert visitor.logs_in().status == 303


def test_secrets_of_a_proof_stay_out_of_the_log(
    house: House, visitor: Visitor, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        visitor.arms()
        secret = visitor.cookies[ARMING]
        visitor.follow(visitor.logs_in())
    assert secret not in caplog.text
    assert "correct horse" not in caplog.text
