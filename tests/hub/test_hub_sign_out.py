"""Signing out at the hub, from a product, and by Keycloak's word; what is told to products, and that they are."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from tests.hub.world import ADA, EVE, HUB, REALM, SETTINGS, Person, World, product, query_of
from tests.secrets_in_logs import used

from linkmw.errors import Unavailable
from linkmw.hub import place
from linkmw.hub.logouts import EVER_AFTER, RETRIES, Delivery, next_try
from linkmw.hub.ports import LOGOUT_SECONDS, EndedAtProvider, Logout, LogoutItem
from linkmw.oidc import logout_token
from linkmw.oidc.jose import KeySet
from linkmw.stores.hub_sessions import PARALLEL_SECONDS

BACK = "https://orders.example/.linkmw/signed-out"
KEYCLOAK_SID = "keycloak-session-1"


def signed_in(world: World, account: str = "7", sid: str = KEYCLOAK_SID, **more: Any) -> Person:
    """Somebody with an account of orders, signed in to it through the hub in a browser of their own."""
    person = world.person()
    if not world.links(more.get("identity", ADA)):
        world.add_link(account, more.get("identity", ADA))
    world.sign_in(person, session_state=sid, **more)
    return person


def id_token(world: World, person: Person, sid: str = KEYCLOAK_SID) -> str:
    """What the product was given at this person's sign-in."""
    answer = world.sign_in(person, session_state=sid)
    token = str(world.redeem(answer.headers["location"]).json()["id_token"])
    used("an ID token", token)
    return token


def is_signed_in(person: Person) -> bool:
    return bool(person.get("/t/acme/").status_code == 200)


def tell(world: World) -> list[tuple[str, str, str]]:
    """Products are told what waits for them; of which account, and which session."""
    delivery = Delivery(world.ports, SETTINGS)

    async def once() -> None:
        await asyncio.gather(*await delivery.begin())

    asyncio.run(once())
    told, world.accounts.told = world.accounts.told, []
    return [(client, claims["sub"], claims.get("sid", "")) for client, claims in told]


def ends(world: World, **ended: str) -> Any:
    """Keycloak's back channel tells of an ended session."""
    number = next(world.tokens)
    token = f"logout-token-{number}"
    world.keycloak.logout_tokens[token] = EndedAtProvider(**({"subject": "", "sid": "", "jti": str(number)} | ended))
    return backchannel(world, token)


def backchannel(world: World, token: str) -> Any:
    return world.person().http.post("/t/acme/backchannel-logout", data={"logout_token": token})


# At the hub


def test_mim09_sign_out_ends_session_products_and_keycloak_in_this_browser(world: World) -> None:
    person, elsewhere = signed_in(world), signed_in(world, sid="keycloak-session-2")
    out = person.submit(person.get("/t/acme/"), "/t/acme/sign-out")
    asked = query_of(out.headers["location"])
    assert out.headers["location"].startswith(f"{REALM}/logout?")
    assert asked["post_logout_redirect_uri"] == f"{HUB}/t/acme/signed-out"
    assert not is_signed_in(person)
    assert is_signed_in(elsewhere)
    ((client, account, sid),) = tell(world)
    assert (client, account) == ("orders", "7")
    assert sid
    back = person.get(world.keycloak.signs_out(out.headers["location"]))
    assert "You are signed out" in back.text


def test_fc22_signed_out_with_no_state_or_another_is_a_plain_page_and_the_session_is_gone(world: World) -> None:
    person = signed_in(world)
    out = person.submit(person.get("/t/acme/"), "/t/acme/sign-out")
    state = query_of(out.headers["location"])["state"]
    for other in ("", "?state=another", f"?state={state}&state={state}"):
        page = person.get(f"/t/acme/signed-out{other}")
        assert page.status_code in (200, 400)
        assert not is_signed_in(person)
    assert world.person().get(f"/t/acme/signed-out?state={state}").status_code == 200


def test_fc05_the_button_pressed_twice_leads_where_the_first_press_led(world: World) -> None:
    person = signed_in(world)
    page = person.get("/t/acme/")
    first, second = (person.submit(page, "/t/acme/sign-out") for _ in range(2))
    assert second.headers["location"] == first.headers["location"]


def test_xs01_nobody_elses_form_signs_out(world: World) -> None:
    person = signed_in(world)
    for path in ("sign-out", "end-all", "end"):
        assert person.post(f"/t/acme/{path}", {"csrf": "guessed"}).status_code == 403
        assert person.post(f"/t/acme/{path}", {}, origin="https://evil.example").status_code == 403
    assert is_signed_in(person)
    assert tell(world) == []


def test_who_opens_signed_out_while_signed_in_is_led_to_the_manager(world: World) -> None:
    assert signed_in(world).get("/t/acme/signed-out").headers["location"] == f"{HUB}/t/acme/"


def test_sc11_sessions_are_listed_and_another_one_can_be_ended(world: World) -> None:
    here, there = signed_in(world), signed_in(world, sid="keycloak-session-2")
    mine = asyncio.run(world.ports.sessions.of_identity(ADA))
    assert len(mine) == 2
    page = here.get("/t/acme/")
    done = here.submit(page, "/t/acme/end")
    assert done.headers["location"].startswith(f"{HUB}/t/acme/")
    assert (is_signed_in(here), is_signed_in(there)) == (True, False)
    ((client, _, sid),) = tell(world)
    assert client == "orders"
    (left,) = asyncio.run(world.ports.sessions.of_identity(ADA))
    assert sid in {session.public_sid for session in mine} - {left.public_sid}
    assert world.keycloak.signed_out == ["keycloak-session-2"]
    assert "That session has ended,</strong>" in here.get(done.headers["location"]).text


def test_sc11_ops08_one_that_keycloak_could_not_be_told_of_has_ended_here_and_the_page_says_so(world: World) -> None:
    here, there = signed_in(world), signed_in(world, sid="keycloak-session-2")
    page = here.get("/t/acme/")
    world.keycloak.away = True
    done = here.submit(page, "/t/acme/end")
    assert "could not be told" in here.get(done.headers["location"]).text
    assert (is_signed_in(here), is_signed_in(there)) == (True, False)
    assert world.keycloak.signed_out == []


def test_sc11_one_of_the_same_session_at_keycloak_ends_here_alone(world: World) -> None:
    here, there = signed_in(world), signed_in(world)
    here.submit(here.get("/t/acme/"), "/t/acme/end")
    assert (is_signed_in(here), is_signed_in(there)) == (True, False)
    assert world.keycloak.signed_out == []


def test_lt14_nobody_ends_a_session_that_is_not_theirs(world: World) -> None:
    ada, eve = signed_in(world), signed_in(world, account="9", identity=EVE, sid="keycloak-session-3")
    signed_in(world, sid="keycloak-session-2")
    (theirs,) = asyncio.run(world.ports.sessions.of_identity(EVE))
    ada.submit(ada.get("/t/acme/"), "/t/acme/end", session=theirs.public_sid)
    assert is_signed_in(eve)
    assert tell(world) == []


def test_sc12_ops08_sign_out_everywhere_ends_every_session_here_at_products_and_at_keycloak(world: World) -> None:
    here, there = signed_in(world), signed_in(world, sid="keycloak-session-2")
    stolen = there.http.cookies.get("__Host-linkmw-hub-session")
    out = here.submit(here.get("/t/acme/"), "/t/acme/end-all")
    assert world.keycloak.signed_out == [ADA]
    assert tell(world) == [("orders", "7", "")]
    page = here.get(out.headers["location"]).text
    assert "You are signed out" in page
    assert "does not answer" not in page
    assert (is_signed_in(here), is_signed_in(there)) == (False, False)
    device = world.person()
    device.http.cookies.set("__Host-linkmw-hub-session", stolen)
    assert not is_signed_in(device)


def test_ops08_while_keycloak_is_away_all_the_rest_ends_and_the_page_says_so(world: World) -> None:
    for action in ("end-all", "sign-out"):
        person = signed_in(world)
        page = person.get("/t/acme/")
        world.keycloak.away = True
        out = person.submit(page, f"/t/acme/{action}")
        assert out.headers["location"].startswith(f"{HUB}/t/acme/signed-out?")
        assert "does not answer" in person.get(out.headers["location"]).text
        world.keycloak.away = False
        assert not is_signed_in(person)
        assert len(tell(world)) == 1


# From a product


def end_session(**asked: str) -> str:
    return "/o/orders/end_session?" + "&".join(f"{name}={value}" for name, value in asked.items())


def test_p7_a_gate_that_names_the_session_signs_its_person_out_and_gets_them_back(world: World) -> None:
    person = signed_in(world)
    (session,) = asyncio.run(world.ports.sessions.of_identity(ADA))
    asked = end_session(
        client_id="orders", logout_hint=session.public_sid, post_logout_redirect_uri=BACK, state="gate-state"
    )
    out = person.get(asked, **{"sec-fetch-site": "cross-site"})
    assert out.headers["location"].startswith(f"{REALM}/logout?")
    assert not is_signed_in(person)
    back = person.get(world.keycloak.signs_out(out.headers["location"]))
    assert back.headers["location"] == f"{BACK}?state=gate-state"
    again = person.get(world.keycloak.signs_out(out.headers["location"]))
    assert again.status_code == 200


def test_pr09_an_id_token_however_old_is_a_hint_at_its_own_session(world: World) -> None:
    person = signed_in(world)
    hint = id_token(world, person)
    world.clock.move(1700)
    person.get("/t/acme/")
    world.clock.move(1700)
    out = person.get(end_session(id_token_hint=hint, post_logout_redirect_uri=BACK))
    assert out.headers["location"].startswith(f"{REALM}/logout?")
    assert not is_signed_in(person)
    assert person.get(world.keycloak.signs_out(out.headers["location"])).headers["location"] == BACK


@pytest.mark.parametrize("hint", ["none", "garbage", "another browser's", "another client's", "wrong sid"])
def test_fc22_without_a_hint_of_this_browsers_session_a_page_asks(world: World, hint: str) -> None:
    person = signed_in(world)
    other = signed_in(world, sid="keycloak-session-2")
    hints = {
        "none": {},
        "garbage": {"id_token_hint": "a.b.c"},
        "another browser's": {"id_token_hint": id_token(world, other, "keycloak-session-2")},
        "another client's": {"id_token_hint": _of_stock(world)},
        "wrong sid": {"logout_hint": "x" * 43},
    }
    page = person.get(end_session(**hints[hint], post_logout_redirect_uri=BACK, state="s"))
    assert page.status_code == 200
    assert is_signed_in(person)
    assert tell(world) == []
    out = person.submit(page, "/o/orders/end_session/confirm")
    assert out.headers["location"].startswith(f"{REALM}/logout?")
    assert not is_signed_in(person)
    assert is_signed_in(other)
    assert person.get(world.keycloak.signs_out(out.headers["location"])).headers["location"] == f"{BACK}?state=s"


def _of_stock(world: World) -> str:
    world.add_link("3", client_id="stock")
    answer = world.sign_in(world.person(), client_id="stock")
    token = str(world.redeem(answer.headers["location"], "stock").json()["id_token"])
    used("an ID token", token)
    return token


@pytest.mark.parametrize(
    "uri",
    [
        "https://evil.example/",
        f"{BACK}/",
        f"{BACK}?x=1",
        "https://orders.example/.linkmw/signed-out%0a",
        "//orders.example/.linkmw/signed-out",
        "https://orders.example/.linkmw/callback",
        "javascript:alert(1)",
    ],
)
def test_fc22_only_the_registered_address_is_led_to(world: World, uri: str) -> None:
    person = signed_in(world)
    for ask in (
        person.get(end_session(post_logout_redirect_uri=uri)),
        person.post("/o/orders/end_session", {"post_logout_redirect_uri": uri}),
    ):
        assert ask.status_code == 400
        assert "evil.example" not in ask.headers.get("location", "")
    assert is_signed_in(person)


def test_fc22_another_clients_id_or_a_state_that_cannot_be_echoed_is_refused(world: World) -> None:
    person = signed_in(world)
    for wrong in ({"client_id": "stock"}, {"state": "a%0ab"}):
        assert person.get(end_session(**wrong)).status_code == 400
    assert person.get("/o/nobody/end_session").status_code == 400


def test_a_client_without_a_gate_has_its_own_registered_address(world: World) -> None:
    world.register(product("reports", proof="none", post_logout_redirect_uri="https://reports.example/bye"))
    world.forget_registry()
    person = world.person()
    out = person.get("/o/reports/end_session?post_logout_redirect_uri=https://reports.example/bye")
    assert (
        person.get(world.keycloak.signs_out(out.headers["location"])).headers["location"]
        == "https://reports.example/bye"
    )
    other = "/o/reports/end_session?post_logout_redirect_uri=https://reports.example/.linkmw/signed-out"
    assert person.get(other).status_code == 400


def test_without_a_session_here_keycloak_is_left_to_ask(world: World) -> None:
    person = world.person()
    out = person.get(end_session(post_logout_redirect_uri=BACK))
    assert out.headers["location"].startswith(f"{REALM}/logout?")
    assert query_of(out.headers["location"])["id_token_hint"] == ""


def test_a_form_of_another_site_comes_without_cookies_and_acts_no_sooner(world: World) -> None:
    person = signed_in(world)
    (session,) = asyncio.run(world.ports.sessions.of_identity(ADA))
    form = {"logout_hint": session.public_sid, "post_logout_redirect_uri": BACK, "state": "s", "other": "x"}
    cross = {"origin": "https://orders.example", "sec-fetch-site": "cross-site", "cookie": ""}
    led = person.post("/o/orders/end_session", form, **cross)
    assert led.status_code == 303
    assert is_signed_in(person)
    assert query_of(led.headers["location"]) == {name: form[name] for name in form if name != "other"}
    assert person.get(led.headers["location"]).headers["location"].startswith(f"{REALM}/logout?")
    assert not is_signed_in(person)


@pytest.mark.parametrize("headers", [{"sec-fetch-dest": "image"}, {"sec-purpose": "prefetch"}])
def test_fc17_an_image_or_a_prefetch_signs_nobody_out(world: World, headers: dict[str, str]) -> None:
    person = signed_in(world)
    (session,) = asyncio.run(world.ports.sessions.of_identity(ADA))
    assert person.get(end_session(logout_hint=session.public_sid), **headers).status_code == 204
    assert is_signed_in(person)


def test_the_question_is_this_browsers_and_asked_once(world: World) -> None:
    person, other = signed_in(world), signed_in(world, sid="keycloak-session-2")
    page = person.get(end_session())
    record = page.text.partition('name="record" value="')[2].partition('"')[0]
    theirs = other.get(end_session())
    assert other.submit(theirs, "/o/orders/end_session/confirm", record=record).status_code == 400
    assert is_signed_in(other)
    assert person.submit(page, "/o/orders/end_session/confirm").status_code == 303
    assert person.submit(page, "/o/orders/end_session/confirm").headers["location"] == f"{HUB}/t/acme/signed-out"


# By Keycloak's word


def test_sc09_ops08_a_session_that_keycloak_ended_is_gone_here_and_products_are_told(world: World) -> None:
    person, elsewhere = signed_in(world), signed_in(world, sid="keycloak-session-2")
    answer = ends(world, subject="ada-sub", sid=KEYCLOAK_SID)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert (is_signed_in(person), is_signed_in(elsewhere)) == (False, True)
    ((client, account, sid),) = tell(world)
    assert (client, account) == ("orders", "7")
    assert sid
    assert ("signed_out", "") in world.audit()


def test_sc09_what_an_idle_hub_session_opened_ends_with_keycloaks_too(world: World) -> None:
    person = signed_in(world)
    world.clock.move(SETTINGS.session_idle_seconds + 1)
    assert not is_signed_in(person)
    assert ends(world, sid=KEYCLOAK_SID).status_code == 200
    assert [client for client, _, _ in tell(world)] == ["orders"]


def test_tv26_sub_alone_ends_all_of_a_person_and_an_unknown_sid_nothing(world: World) -> None:
    here, there = signed_in(world), signed_in(world, sid="keycloak-session-2")
    eve = signed_in(world, account="9", identity=EVE, sid="keycloak-session-3")
    assert ends(world, sid="unknown").status_code == 200
    assert is_signed_in(here)
    assert tell(world) == []
    assert ends(world, subject="ada-sub").status_code == 200
    assert (is_signed_in(here), is_signed_in(there), is_signed_in(eve)) == (False, False, True)
    assert tell(world) == [("orders", "7", "")]


def test_tv26_one_keycloak_session_may_have_opened_several_here(world: World) -> None:
    one, two = signed_in(world), signed_in(world)  # the second browser lost the hub's cookie, not Keycloak's
    assert ends(world, sid=KEYCLOAK_SID).status_code == 200
    assert (is_signed_in(one), is_signed_in(two)) == (False, False)
    assert len(tell(world)) == 2


def test_tv25_a_token_counts_once_and_a_wrong_one_ends_nothing(world: World) -> None:
    person = signed_in(world)
    for wrong in ("", "forged"):
        answer = backchannel(world, wrong)
        assert answer.status_code == 400
        assert answer.headers["cache-control"] == "no-store"
    assert world.person().http.post("/t/acme/backchannel-logout", content=b"{}").status_code == 415
    assert is_signed_in(person)
    world.keycloak.logout_tokens["token"] = EndedAtProvider("ada-sub", "unknown", "one-jti")
    assert backchannel(world, "token").status_code == 200
    world.keycloak.logout_tokens["token"] = EndedAtProvider("ada-sub", KEYCLOAK_SID, "one-jti")
    replayed = backchannel(world, "token")
    assert (replayed.status_code, replayed.json()) == (400, {"error": "token_replayed"})
    assert is_signed_in(person)
    assert tell(world) == []


def test_rc11_a_logout_that_comes_before_the_session_is_written_keeps_it_from_being(world: World) -> None:
    person = world.person()
    to_keycloak = person.get("/t/acme/sign-in").headers["location"]
    back = world.keycloak.signs_in(to_keycloak, ADA, world.clock(), session_state=KEYCLOAK_SID)
    assert ends(world, sid=KEYCLOAK_SID).status_code == 200
    assert person.get(back).status_code == 400
    assert not is_signed_in(person)
    assert asyncio.run(world.ports.sessions.of_identity(ADA)) == []


def test_rc12_a_sign_in_beside_six_loading_pages_signs_none_of_them_out(world: World) -> None:
    person = signed_in(world)
    cookie = person.http.cookies.get("__Host-linkmw-hub-session")
    world.clock.move(600)
    (before,) = asyncio.run(world.ports.sessions.of_identity(ADA))
    world.sign_in(person, session_state=KEYCLOAK_SID)
    assert person.http.cookies.get("__Host-linkmw-hub-session") != cookie

    def with_cookie(value: str) -> Person:
        page = world.person()
        page.http.cookies.set("__Host-linkmw-hub-session", value, domain="hub.example", path="/")
        return page

    late = [with_cookie(cookie) for _ in range(6)]  # sent before the answer with the new cookie was there
    assert all(is_signed_in(page) for page in late)
    for page in late:  # some of them are sign-ins of their own: any of these cookies may be the browser's last
        world.sign_in(page, session_state=KEYCLOAK_SID)
    assert all(is_signed_in(page) for page in (person, *late))
    (after,) = asyncio.run(world.ports.sessions.of_identity(ADA))
    assert after.public_sid == before.public_sid
    world.clock.move(PARALLEL_SECONDS + 1)
    assert not is_signed_in(with_cookie(cookie))
    assert all(is_signed_in(page) for page in (person, *late))
    assert ends(world, sid=KEYCLOAK_SID).status_code == 200
    assert not any(is_signed_in(page) for page in (person, *late))


# Products are told


def test_ops08_the_token_is_what_back_channel_logout_asks_for(world: World) -> None:
    person = signed_in(world)
    person.submit(person.get("/t/acme/"), "/t/acme/sign-out")
    made = world.clock()
    world.clock.move(40)
    asyncio.run(_begin(Delivery(world.ports, SETTINGS)))
    ((_, claims),) = world.accounts.told
    assert claims["iss"] == f"{HUB}/o/orders"
    assert claims["toe"] == made
    keys = KeySet.read(asyncio.run(world.ports.keys.public()))
    token = world.accounts.tokens[0]
    found = logout_token.verify(
        token, keys, issuer=f"{HUB}/o/orders", audience="orders", now=world.clock(), algorithms=frozenset({"RS256"})
    )
    assert found == claims


async def _begin(delivery: Delivery) -> None:
    await asyncio.gather(*await delivery.begin())


def test_ops08_a_product_that_is_away_is_told_again_until_it_takes_it(world: World) -> None:
    signed_in(world)
    world.accounts.silent.add("orders")
    ends(world, subject="ada-sub")
    assert tell(world) == []
    assert tell(world) == []  # not due yet
    world.accounts.silent.clear()
    world.clock.move(RETRIES[0])
    assert tell(world) == [("orders", "7", "")]
    world.clock.move(3600)
    assert tell(world) == []


def test_ops08_tries_grow_rare_and_end_after_a_day() -> None:
    logout = Logout("orders", "7")
    tries = [LogoutItem(1, logout, 1000, number) for number in range(1, 9)]
    assert [next_try(item, 1000) for item in tries] == [1000 + wait for wait in (*RETRIES, EVER_AFTER, EVER_AFTER)]
    assert next_try(tries[-1], 1000 + LOGOUT_SECONDS - EVER_AFTER) == 1000 + LOGOUT_SECONDS
    assert next_try(tries[-1], 1001 + LOGOUT_SECONDS - EVER_AFTER) is None


def test_ops08_one_silent_product_delays_no_other(world: World) -> None:
    """While calls to one hang, those to others are made; and of many for it few hang at a time."""
    asked: list[str] = []

    class Products:
        def __init__(self) -> None:
            self.silence = asyncio.Event()

        async def log_out(self, client: Any, token: str) -> None:
            asked.append(client.client_id)
            if client.client_id == "orders":
                await self.silence.wait()
                raise Unavailable("silent")

    async def story() -> None:
        products = Products()
        ports = replace(world.ports, products=products)  # type: ignore[arg-type]
        silent = [Logout("orders", str(account)) for account in range(20)]
        await ports.logouts.put([*silent, Logout("stock", "1")], world.clock())
        tasks = await Delivery(ports, SETTINGS).begin()
        while "stock" not in asked or asked.count("orders") < 4:
            await asyncio.wait(tasks, timeout=0.05, return_when=asyncio.FIRST_COMPLETED)
        assert asked.count("orders") == 4
        products.silence.set()
        await asyncio.gather(*tasks)
        assert asked.count("orders") == 4  # the rest was put off without asking

    asyncio.run(story())


def test_ops08_the_loop_wakes_at_once_when_this_process_has_something_to_tell(world: World) -> None:
    async def story() -> None:
        settings = replace(SETTINGS, outbox_seconds=3600.0)
        async with Delivery(world.ports, settings).running():
            await world.ports.logouts.put([Logout("orders", "7")], world.clock())
            async with asyncio.timeout(5):
                while not world.accounts.told:
                    await asyncio.sleep(0)

    asyncio.run(story())


def test_mim27_a_removed_link_ends_what_it_opened(world: World) -> None:
    person = world.person()
    world.link(person)
    tell(world)
    person.get(world.unlink_path())
    person.submit(person.get("/unlink"), "/unlink")
    assert tell(world) == [("orders", "7", "")]


def test_a_client_that_takes_no_logout_tokens_is_passed_over(world: World) -> None:
    world.register(product("reports", proof="none"))
    world.register(product("charts", proof="none", logout_uri="https://charts.example/oidc/logout"))
    world.forget_registry()
    asyncio.run(world.ports.logouts.put([Logout("reports", "1"), Logout("charts", "2")], world.clock()))
    assert tell(world) == [("charts", "2", "")]
    world.clock.move(3600)
    assert tell(world) == []


def test_where_a_logout_goes() -> None:
    gate = product("orders", internal_url="http://10.0.0.7:8000")
    assert place.logout_uri(gate) == "http://10.0.0.7:8000/.linkmw/logout"
    assert (
        place.logout_uri(product("reports", proof="none", logout_uri="https://r.example/out"))
        == "https://r.example/out"
    )
