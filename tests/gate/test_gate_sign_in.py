"""The gate as relying party: starting, finishing, and what may not get through."""

from __future__ import annotations

import logging
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from tests.gate.world import ADA, BOB, HUB, Browser, World, header, heading, location
from tests.oidc.test_oidc_redirects import HOSTILE

from linkmw.errors import Unavailable
from linkmw.http import Request
from linkmw.oidc.authorize import code_challenge


def test_mim14_with_one_link_the_button_leads_into_the_product_and_no_page_lies_between(person: Browser) -> None:
    request = person.starts("/orders?open=1")
    answer = person.returns(request["state"])
    assert (answer.status, location(answer)) == (303, "/orders?open=1")
    assert person.account == ADA.account_id


def test_the_session_is_on_the_allow_list_and_marked(person: Browser, world: World) -> None:
    world.hub.claims |= {"identity": "pairwise", "sid": "hub-sid"}
    person.returns(person.starts()["state"])
    _, marker = world.product.sessions[person.cookies["session"]]
    assert marker is not None
    session = world.run(world.ports.sessions.get(marker.sid))
    assert (session.account_id, session.identity, session.hub_sid) == (ADA.account_id, "pairwise", "hub-sid")
    assert session.expires == marker.expires == world.clock() + world.settings.session_seconds


def test_fc16_the_challenge_is_s256_of_a_verifier_of_32_random_bytes(person: Browser, world: World) -> None:
    request = person.starts()
    person.returns(request["state"])
    [(_, verifier)] = world.hub.redeemed
    assert request["code_challenge_method"] == "S256"
    assert request["code_challenge"] == code_challenge(verifier)
    assert len(verifier) >= 43
    assert world.hub.nonces == [request["nonce"]]


def test_the_request_names_exactly_what_was_registered(person: Browser) -> None:
    answer = person.get("/.linkmw/login?next=/orders")
    assert location(answer).startswith(f"{HUB}/o/orders/authorize?")
    request = parse_qs(urlsplit(location(answer)).query)
    assert request["redirect_uri"] == ["https://orders.example/.linkmw/callback"]
    assert request["client_id"] == ["orders"]
    assert request["response_type"] == ["code"]


def test_fc18_nothing_added_to_the_start_reaches_the_hub(person: Browser) -> None:
    hostile = {"prompt": "none", "login_hint": "x", "kc_idp_hint": "x", "acr_values": "x", "claims": "{}"}
    query = urlencode({**hostile, "redirect_uri": "https://evil.example", "state": "mine", "next": "/orders"})
    request = parse_qs(urlsplit(location(person.get(f"/.linkmw/login?{query}"))).query)
    assert not request.keys() & hostile.keys()
    assert request["redirect_uri"] == ["https://orders.example/.linkmw/callback"]
    assert request["state"] != ["mine"]


@pytest.mark.parametrize(
    "headers",
    [
        {"sec_fetch_dest": "image"},
        {"sec_fetch_dest": "iframe"},
        {"sec_fetch_dest": "empty"},
        {"purpose": "prefetch"},
        {"sec_purpose": "prefetch;prerender"},
    ],
)
def test_fc17_what_is_no_navigation_starts_nothing_and_leaves_nothing_behind(
    person: Browser, world: World, headers: dict[str, str]
) -> None:
    answer = person.get("/.linkmw/login", **headers)
    assert (answer.status, answer.body) == (204, b"")
    assert person.cookies == {}
    assert world.token.made == []


def test_fc17_in_replace_a_link_of_another_site_to_the_login_goes_on_to_the_hub() -> None:
    world = World(mode="replace")
    world.hub.mode = "replace"
    world.having(doors=world.new_doors())
    person = world.browser()
    to = location(person.get("/login?next=/orders", site="cross-site"))
    assert location(person.get(to, site="cross-site")).startswith(f"{HUB}/o/orders/authorize?")  # as a redirect arrives
    world.hub.mode = "beside"
    assert person.get(to, site="cross-site").status == 200
    assert heading(person.page) == "Sign in to Orders?"


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_fc17_another_site_cannot_start_a_sign_in_without_a_press(person: Browser, world: World, site: str) -> None:
    answer = person.get("/.linkmw/login?next=/orders", site=site)
    assert (answer.status, heading(person.page)) == (200, "Sign in to Orders?")
    assert world.token.made == []
    assert 'href="/.linkmw/login?next=%2Forders"' in person.page
    assert person.get("/.linkmw/login?next=%2Forders").status == 303


@pytest.mark.parametrize(
    "target", ["https://evil.example", "//evil.example", "/\\evil.example", "/\t/evil", "javascript:1", "evil", ""]
)
def test_xs06_a_sign_in_ends_inside_the_site_wherever_it_was_told_to_go(person: Browser, target: str) -> None:
    assert location(person.returns(person.starts(target)["state"])) == "/"


def test_xs06_no_target_of_the_hostile_list_is_followed(world: World) -> None:
    for target in HOSTILE:
        person = world.browser()
        query = urlencode({"next": target}, errors="surrogatepass")
        answer = person.get(f"/.linkmw/login?{query}")
        if answer.status == 303:  # else the query itself was refused
            state = parse_qs(urlsplit(location(answer)).query)["state"][0]
            assert location(person.returns(state)) == "/", target


def test_a_sign_in_that_was_going_nowhere_ends_where_the_product_says() -> None:
    person = World(after_sign_in="/admin/", public_url="https://orders.example/shop").browser()
    answer = person.get("/.linkmw/login")
    state = parse_qs(urlsplit(location(answer)).query)["state"][0]
    assert location(person.returns(state)) == "/shop/admin/"


def test_fc01_an_answer_without_state_is_refused_and_redeems_nothing(person: Browser, world: World) -> None:
    state = person.starts()["state"]
    answer = person.get(f"/.linkmw/callback?code=x&iss={world.settings.issuer}")
    assert answer.status == 400
    assert world.hub.redeemed == []
    assert person.returns(state).status == 303  # the sign-in under way was not touched


def test_fc02_the_state_of_another_browser_is_refused_and_not_burnt(
    person: Browser, attacker: Browser, world: World
) -> None:
    begun_by_attacker = attacker.starts()["state"]
    person.starts()
    answer = person.returns(begun_by_attacker)
    assert (answer.status, heading(person.page)) == (400, "This sign-in can’t go on")
    assert world.hub.redeemed == []
    assert person.account == ""
    assert attacker.returns(begun_by_attacker).status == 303


def test_fc03_fc04_a_browser_that_began_nothing_is_refused_and_offered_a_fresh_start(
    person: Browser, attacker: Browser, world: World
) -> None:
    answer = person.returns(attacker.starts()["state"])
    assert answer.status == 400
    assert world.hub.redeemed == []
    assert 'href="/.linkmw/login"' in person.page
    assert 'href="/login"' in person.page
    assert person.account == ""


def test_fc05_a_second_use_goes_on_for_who_is_signed_in(person: Browser, world: World) -> None:
    state = person.starts()["state"]
    person.returns(state)
    answer = person.returns(state)
    assert (answer.status, location(answer)) == (303, "/")
    assert len(world.hub.redeemed) == 1


def test_fc05_a_second_use_restarts_for_who_is_not(person: Browser, world: World) -> None:
    state = person.starts()["state"]
    person.returns(state)
    del person.cookies["session"]
    assert person.returns(state).status == 400
    assert "Start again" in person.page
    assert len(world.hub.redeemed) == 1


@pytest.mark.parametrize("name", ["state", "code", "iss"])
def test_fc08_a_parameter_given_twice_is_refused_and_takes_nothing(person: Browser, world: World, name: str) -> None:
    state = person.starts()["state"]
    query = urlencode([("state", state), ("code", "good"), ("iss", world.settings.issuer), (name, "other")])
    assert person.get(f"/.linkmw/callback?{query}").status == 400
    assert person.returns(state).status == 303


def test_fc08_pr19_going_on_inside_the_site_hides_no_second_value(person: Browser, world: World) -> None:
    state = person.starts()["state"]
    query = urlencode([("state", state), ("state", "other"), ("code", "x"), ("iss", world.settings.issuer)])
    answer = person.get(f"/.linkmw/callback?{query}", site="cross-site")
    assert person.follow(answer).status == 400
    assert world.hub.redeemed == []


@pytest.mark.parametrize("issuer", ["https://id.example/o/wiki", "", "https://evil.example"])
def test_fc09_the_answer_of_another_issuer_is_refused(person: Browser, world: World, issuer: str) -> None:
    assert person.returns(person.starts()["state"], iss=issuer).status == 400
    assert world.hub.redeemed == []


def test_fc11_access_denied_offers_the_native_login(person: Browser, world: World) -> None:
    state = person.starts()["state"]
    query = urlencode({"error": "access_denied", "state": state, "iss": world.settings.issuer})
    answer = person.get(f"/.linkmw/callback?{query}")
    assert (answer.status, heading(person.page)) == (400, "You are not signed in")
    assert 'href="/login"' in person.page


def test_mim08_access_denied_goes_on_for_who_proved_an_account_meanwhile(person: Browser, world: World) -> None:
    state = person.starts("/orders")["state"]
    person.signs_in_natively(ADA)
    query = urlencode({"error": "access_denied", "state": state, "iss": world.settings.issuer})
    assert location(person.get(f"/.linkmw/callback?{query}")) == "/orders"


def test_fc11_a_description_of_markup_is_text(person: Browser, world: World) -> None:
    state = person.starts()["state"]
    query = {"error": "access_denied", "error_description": "<script>" * 900, "state": state}
    person.get("/.linkmw/callback?" + urlencode({**query, "iss": world.settings.issuer}))
    assert "<script" not in person.page


def test_fc12_a_posted_answer_is_the_products_own(person: Browser) -> None:
    state = person.starts()["state"]
    assert not hasattr(person.post("/.linkmw/callback", {"state": state, "code": "x"}), "status")


def test_mim14_lt12_somebody_else_signed_in_is_asked_and_never_replaced_silently(person: Browser, world: World) -> None:
    person.signs_in_natively(BOB)
    answer = person.returns(person.starts()["state"])
    assert (answer.status, heading(person.page)) == (200, "You are signed in as somebody else")
    assert "bob" in person.page
    assert "Switch to <bdi>ada</bdi>" in person.page
    assert person.account == BOB.account_id
    answer = person.submit(choice="switch")
    assert (answer.status, location(answer)) == (303, "/orders")
    assert person.account == ADA.account_id


def test_mim14_staying_changes_nothing(person: Browser) -> None:
    person.signs_in_natively(BOB)
    person.returns(person.starts()["state"])
    assert location(person.submit(choice="stay")) == "/orders"
    assert person.account == BOB.account_id


def test_mim14_the_question_is_answered_once_and_in_its_own_browser(
    person: Browser, attacker: Browser, world: World
) -> None:
    person.signs_in_natively(BOB)
    person.returns(person.starts()["state"])
    asked = person.page
    attacker.starts()
    attacker.page = asked
    assert attacker.submit(choice="switch").status == 403
    assert attacker.account == ""
    assert person.submit(choice="stay").status == 303
    person.page = asked
    assert person.submit(choice="switch").status == 400
    assert person.account == BOB.account_id


def test_mim14_the_waiting_choice_is_no_sign_in_and_a_sign_in_no_choice(person: Browser, world: World) -> None:
    person.signs_in_natively(BOB)
    person.returns(person.starts()["state"])
    state = person.starts()["state"]
    from linkmw.gate.browser import form_token, known

    browser = known(
        world.settings, Request("GET", "/", "", {"cookie": "; ".join(f"{k}={v}" for k, v in person.cookies.items())})
    )
    assert browser is not None
    fields = {"record": state, "csrf": form_token(world.settings, browser, state), "choice": "switch"}
    assert person.post("/.linkmw/switch", fields).status == 400
    assert person.account == BOB.account_id


def test_mim14_the_same_account_signed_in_already_is_kept_under_a_new_session_id(person: Browser) -> None:
    person.signs_in_natively(ADA)
    before = person.cookies["session"]
    assert person.returns(person.starts()["state"]).status == 303
    assert person.account == ADA.account_id
    assert person.cookies["session"] != before


def test_i8_sc01_the_session_id_that_was_there_before_is_worth_nothing_afterwards(
    person: Browser, attacker: Browser, world: World
) -> None:
    world.product.sessions["planted"] = ("nobody", None)
    person.cookies["session"] = attacker.cookies["session"] = "planted"
    person.returns(person.starts()["state"])
    assert person.account == ADA.account_id
    assert attacker.account == ""


def test_pr19_an_arrival_from_the_hub_goes_on_inside_the_site_before_the_session_is_looked_at(
    person: Browser, world: World
) -> None:
    state = person.starts()["state"]
    world.hub.codes.add("good")
    world.product.broken = True
    query = urlencode({"state": state, "code": "good", "iss": world.settings.issuer})
    answer = person.get(f"/.linkmw/callback?{query}", site="cross-site")
    assert (answer.status, heading(person.page)) == (200, "Going on to Orders")
    world.product.broken = False
    assert location(person.follow(answer)) == "/orders"
    assert person.account == ADA.account_id


def test_a_refused_id_token_starts_no_session(person: Browser, world: World) -> None:
    world.hub.claims = {"error": "token_nonce"}
    assert person.returns(person.starts()["state"]).status == 400
    assert world.product.sessions == {}


def test_an_account_that_may_not_sign_in_does_not_and_no_session_is_left(person: Browser, world: World) -> None:
    world.product.inactive.add(ADA.account_id)
    answer = person.returns(person.starts()["state"])
    assert (answer.status, heading(person.page)) == (403, "This account can’t sign in")
    assert person.account == ""
    assert world.store.sessions._sessions.keys_in_order() == []


@pytest.mark.parametrize("push", ["taken", "refused"])
def test_lt19_an_account_that_is_gone_is_told_to_the_hub(person: Browser, world: World, push: str) -> None:
    del world.product.accounts["ada"]
    if push == "refused":

        async def away(_: str) -> None:
            raise Unavailable("the hub does not answer")

        world.hub.account_gone = away  # type: ignore[method-assign]
    answer = person.returns(person.starts()["state"])
    assert (answer.status, heading(person.page)) == (403, "This account can’t sign in")
    assert world.hub.gone == ([ADA.account_id] if push == "taken" else [])


def test_lt19_an_account_that_is_only_closed_keeps_its_link(person: Browser, world: World) -> None:
    world.product.inactive.add(ADA.account_id)
    person.returns(person.starts()["state"])
    assert world.hub.gone == []


def test_a_silent_redis_is_no_unknown_state(person: Browser, world: World) -> None:
    class Silent:
        async def take(self, browser: str, state: str) -> None:
            raise Unavailable("Redis: TimeoutError")

    state = person.starts()["state"]
    world.having(sign_ins=Silent())
    answer = person.returns(state)
    assert (answer.status, heading(person.page)) == (503, "Sign-in is not available right now")
    assert 'href="/login"' in person.page


def test_a_hub_that_is_away_or_off_ends_at_the_native_login(person: Browser, world: World) -> None:
    world.hub.mode = "off"
    assert location(person.get("/.linkmw/login")) == "/login"
    world.hub.mode, world.hub.healthy = "beside", False
    assert person.get("/.linkmw/login").status == 503
    world.hub.away = True
    answer = person.get("/.linkmw/login")
    assert answer.status == 503
    assert 'href="/login"' in person.page
    assert header(answer, "Retry-After") == "1"


def test_sc02_a_cookie_of_ours_given_twice_is_nobodys(person: Browser, attacker: Browser, world: World) -> None:
    state = attacker.starts()["state"]
    person.starts()
    name = next(iter(person.cookies))
    query = urlencode({"state": state, "code": "x", "iss": world.settings.issuer})
    for first, second in ((person.mark, attacker.mark), (attacker.mark, person.mark)):
        both = f"{name}={first}; {name}={second}"
        answer = world.answer(Request("GET", "/.linkmw/callback", query, {"cookie": both}))
        assert getattr(answer, "status", None) == 400
    assert world.hub.redeemed == []


@pytest.mark.parametrize("space", ["\u2000", "\u00a0", "\u0085", "\x00", "\v", "\u00e2\u0080\u0080"])
def test_sc03_no_odd_whitespace_makes_another_cookie_ours(attacker: Browser, world: World, space: str) -> None:
    state = attacker.starts()["state"]
    name = next(iter(attacker.cookies))
    query = urlencode({"state": state, "code": "x", "iss": world.settings.issuer})
    request = Request("GET", "/.linkmw/callback", query, {"cookie": f"a=b; {space}{name}={attacker.mark}"})
    assert getattr(world.answer(request), "status", None) == 400
    assert world.hub.redeemed == []


@pytest.mark.parametrize("value", ["", "short", "x" * 44, "x" * 42 + ",", '"' + "x" * 41 + '"', "x" * 8000])
def test_sc04_sc05_a_value_that_we_never_made_begins_anew(world: World, value: str) -> None:
    person = world.browser()
    from linkmw.gate.browser import cookie_name

    person.cookies[cookie_name("orders")] = value
    person.starts()
    assert person.mark != value
    assert len(person.mark) == 43


def test_sc05_our_cookie_is_small_and_host_bound(person: Browser) -> None:
    cookie = header(person.get("/.linkmw/login"), "Set-Cookie")
    assert cookie.startswith("__Host-linkmw-")
    assert "Path=/; Secure; HttpOnly; SameSite=Lax" in cookie
    assert "Domain" not in cookie
    assert len(cookie) < 300


def test_a_sign_in_is_a_line_of_the_audit_trail_without_secrets(
    person: Browser, world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "linkmw.audit")
    person.returns(person.starts()["state"], code="the-code")
    [line] = [record.getMessage() for record in caplog.records if record.name == "linkmw.audit"]
    assert '"event":"sign_in","result":"ok"' in line
    assert f'"account_id":"{ADA.account_id}"' in line
    assert "the-code" not in line
    assert person.mark not in line


def test_an_error_page_and_the_log_share_their_reference(person: Browser, caplog: pytest.LogCaptureFixture) -> None:
    person.get("/.linkmw/callback")
    [line] = [record.getMessage() for record in caplog.records if record.name == "linkmw.gate"]
    reference, code = line.split()[:2]
    assert reference in person.page
    assert code == "state_missing"
    assert len(reference) == 9


def test_fc05_the_answer_to_the_question_counts_once_and_a_second_press_goes_on(person: Browser, world: World) -> None:
    person.signs_in_natively(BOB)
    person.returns(person.starts("/orders")["state"])
    page = person.page
    assert (person.submit(choice="switch").status, person.account) == (303, ADA.account_id)
    person.page = page
    again = person.submit(choice="switch")
    assert (again.status, location(again)) == (303, "/")
    assert person.account == ADA.account_id


@pytest.mark.parametrize(
    ("where", "leads"), [("/forgot", "/shop/forgot"), ("https://help.example", "https://help.example")]
)
def test_ht08_under_a_path_the_products_own_pages_are_below_it(where: str, leads: str) -> None:
    person = World(public_url="https://orders.example/shop", forgot_password=where).browser()
    person.world.proof_arrives()
    answer = person.get("/.linkmw/prove?handle=handle")
    assert location(answer).startswith("/shop/.linkmw/prove?record=")
    person.get(location(answer).removeprefix("/shop"))
    assert f'href="{leads}"' in person.page
    assert 'href="/shop/login"' in person.page
