"""Signing out at a Flask or Starlette product signs out of the identity too (P-7), and the hub may sign out there."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import replace
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from flask import Response, session
from tests.adapters.session_houses import HOUSES, NAMED, NAVIGATION, SCRIPT, FlaskHouse, PlainFlask, StarletteHouse
from tests.gate.world import ADA, HUB
from tests.secrets_in_logs import used

from linkmw.demo.products.people import people_of
from linkmw.errors import Unavailable
from linkmw.gate.build import build
from linkmw.run import in_thread, run_now
from linkmw_starlette import LinkMiddleware


@pytest.fixture(params=HOUSES)
def make(request):
    return HOUSES[request.param]


@pytest.fixture
def house(make):
    return make()


@pytest.fixture
def ada(house):
    browser = house.browser()
    browser.signs_in()
    assert browser.who == "ada"
    return browser


def test_p7_a_sign_out_goes_on_to_the_hub_and_keeps_the_products_cookies(house, ada):
    old = ada.copied()
    answer = ada.post("/logout")
    assert answer.status == 303
    assert answer.one("location").startswith("/.linkmw/sign-out?record=")
    assert answer.one("cache-control") == "no-store"
    assert answer.cookies["theme"] == "dark"
    assert answer.cookies[house.cookie] == ""
    assert (ada.who, old.who, house.listed()) == ("nobody", "nobody", 0)


def test_p7_it_ends_at_the_hub_and_comes_back_to_you_are_signed_out(house, ada):
    way = ada.get(ada.post("/logout").one("location"))
    assert way.status == 200
    [url] = [
        part for part in way.text.replace("&amp;", "&").split('"') if part.startswith(f"{HUB}/o/orders/end_session")
    ]
    query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    assert query["logout_hint"] == "a hub session"
    back = urlsplit(query["post_logout_redirect_uri"]).path + "?" + urlencode({"state": query["state"]})
    page = ada.get(back)
    assert page.status == 200
    assert "You are signed out" in page.text
    assert ada.who == "nobody", "who signed out was sent straight back in"


def test_p7_a_product_may_keep_its_sign_out_to_itself(make):
    house = make(sign_out="product")
    ada = house.browser()
    ada.signs_in()
    answer = ada.post("/logout")
    assert answer.one("location") == "/"
    assert answer.cookies == {"theme": "dark", house.cookie: ""}
    assert (ada.who, house.listed()) == ("nobody", 0)


def test_p6_a_script_that_signs_out_gets_what_the_product_gives(house, ada):
    old = ada.copied()
    answer = ada.post("/logout", SCRIPT)
    assert answer.one("location") == "/"
    assert answer.cookies["theme"] == "dark"
    assert (ada.who, old.who) == ("nobody", "nobody")


def test_p7_who_signed_in_natively_signs_out_of_the_product_alone(house):
    bob = house.browser()
    bob.post("/login")
    assert bob.who == "bob"
    assert bob.post("/logout").one("location") == "/"
    assert bob.who == "nobody"


def test_p7_a_sign_out_works_while_redis_is_silent(house, ada, monkeypatch):
    async def silent(*_args, **_named):
        raise Unavailable("Redis: ConnectionError")

    for name in ("get", "end"):
        monkeypatch.setattr(house.world.ports.sessions, name, silent)
    answer = ada.post("/logout")
    assert answer.one("location") == "/"
    assert ada.who == "nobody"


def test_p7_a_defect_of_ours_leaves_the_products_own_sign_out(house, ada, monkeypatch, caplog):
    async def broken(*_args, **_named):
        raise RuntimeError("a defect of ours")

    monkeypatch.setattr(house.world.ports.sessions, "end", broken)
    answer = ada.post("/logout")
    assert answer.one("location") == "/"
    assert ada.who == "nobody"
    assert "linkmw failed at a sign-out" in caplog.text


def test_p7_a_login_page_that_signs_out_first_stays_the_products(house, ada):
    """Some sign-ins empty the session before they look at a password: that is no sign-out of anybody."""
    if isinstance(house, FlaskHouse):
        house.app.view_functions["/login"] = lambda: (session.clear(), "wrong password")[1]
    else:
        house.answer_login_with_a_wrong_password()
    assert ada.post("/login").text == "wrong password"
    assert (ada.who, house.listed()) == ("nobody", 0)


@pytest.mark.parametrize("make", [FlaskHouse], ids=["flask-login"])
def test_p7_flask_logins_session_protection_is_no_sign_out(house, ada):
    """Another browser with the same cookie is refused by Flask-Login; nobody's identity is signed out for it."""
    house.app.config["SESSION_PROTECTION"] = "strong"
    answer = ada.get("/who", {**NAVIGATION, "user-agent": "another one"})
    assert (answer.status, answer.text) == (200, "nobody")
    assert house.listed() == 0


@pytest.mark.parametrize("make", [FlaskHouse], ids=["flask-login"])
def test_p7_a_sign_out_that_empties_the_session_is_one_too(house, ada):
    house.leave = lambda: session.clear()
    assert ada.post("/logout").one("location").startswith("/.linkmw/sign-out?")


@pytest.mark.parametrize("make", [PlainFlask], ids=["plain"])
def test_p7_a_streamed_answer_that_is_replaced_is_closed(house, ada):
    closed = []

    def parts():
        try:
            yield "bye"
        finally:
            closed.append("the stream")

    def leave():
        session.clear()
        given = parts()
        next(given)
        answer = Response(given)
        answer.call_on_close(lambda: closed.append("the answer"))
        return answer

    house.app.view_functions["/logout"] = leave
    assert ada.post("/logout").status == 303
    assert sorted(closed) == ["the answer", "the stream"]


@pytest.mark.parametrize("make", [FlaskHouse], ids=["flask-login"])
def test_p7_flask_logins_own_sign_out_takes_its_cookie_along(house):
    bob = house.browser()
    bob.signs_in()
    bob.post("/login/again?remember=1")
    assert "remember_token" in bob.jar
    answer = bob.post("/logout")
    assert answer.one("location").startswith("/.linkmw/sign-out?")
    assert answer.cookies["remember_token"] == ""
    assert bob.who == "nobody"


def test_p7_an_answer_that_never_ends_is_dropped():
    """What Starlette sends after an answer of ours goes nowhere."""
    house = StarletteHouse()
    ada = house.browser()
    ada.signs_in()
    sent = []

    async def leave(request):
        from starlette.responses import StreamingResponse

        async def parts():
            for number in range(100):
                sent.append(number)
                yield f"{number}, "

        request.session.clear()
        return StreamingResponse(parts())

    house.page("/leave", leave)
    answer = ada.post("/leave")
    assert (answer.status, answer.text) == (303, "")
    assert len(sent) == 100


@pytest.fixture
def real(make, redis_server):
    """The same, with the gate's real stores."""
    house = make(redis_url=redis_server, redis_prefix=f"test-{uuid.uuid4().hex}:")
    blocking = isinstance(house, FlaskHouse)
    shell = house.shell if blocking else house.link
    built = build(house.world.settings, house.world.ports.product, blocking=blocking)
    shell._opened = house.world.ports = replace(built, hub=house.world.hub, call=house.world.ports.call)
    commands = built.ping.__self__
    if blocking:
        yield house
        run_now(commands.close())
    else:
        with asyncio.Runner() as runner:
            house.in_loop = runner.run
            yield house
            runner.run(commands.close())


def test_sc12_a_logout_of_the_hubs_ends_it_within_a_second_on_a_real_redis(real):
    ada, other = real.browser(), real.browser()
    ada.signs_in()
    other.signs_in()
    assert (ada.who, other.who) == ("ada", "ada")
    token = "a logout token of ada's"
    used("a logout token", token)
    now = real.world.ports.now()
    real.world.hub.calls[token] = {"sub": ADA.account_id, "jti": f"once {id(real)}", "iat": now}
    form = urlencode({"logout_token": token}).encode()
    sent = {"content-type": "application/x-www-form-urlencoded", "content-length": str(len(form))}
    assert real.call("POST", "/.linkmw/logout", form, sent).status == 200
    assert (ada.who, other.who) == ("nobody", "nobody")


def test_p7_a_sign_out_on_a_real_redis(real):
    ada = real.browser()
    ada.signs_in()
    old = ada.copied()
    assert ada.post("/logout").one("location").startswith("/.linkmw/sign-out?record=")
    assert (ada.who, old.who) == ("nobody", "nobody")


class Helpdesk(FlaskHouse):
    """The demo's product over WSGI."""

    cookie = "helpdesk_session"

    def build(self):
        from linkmw.demo.products import helpdesk

        helpdesk.prepare()
        self.app = helpdesk.wrap(helpdesk.create_app())
        self.shell = self.app.wsgi_app
        self.world.having(product=self.shell._product)
        self.shell._opened = self.world.ports
        return self.ask


class Wiki(StarletteHouse):
    """The demo's product over ASGI."""

    cookie = "wiki_session"

    def build(self):
        from linkmw.demo.products import wiki

        wiki.prepare()
        self.app = wiki.create_app(wiki.linkmw())
        self.app.middleware_stack = self.app.build_middleware_stack()
        self.link = self.app.middleware_stack
        while not isinstance(self.link, LinkMiddleware):
            self.link = self.link.app
        self.world.having(product=self.link._product, call=in_thread)
        self.link._opened = self.world.ports
        return self.ask


@pytest.fixture(params=[(Helpdesk, "/tickets"), (Wiki, "/pages")], ids=["helpdesk", "wiki"])
def demo(request, monkeypatch, tmp_path):
    """Somebody in one of the demo's products, signed in through linkmw, and the page that shows it."""
    make, page = request.param
    monkeypatch.setenv("DEMO_DATABASE", str(tmp_path / "demo.db"))
    monkeypatch.setenv("DEMO_SECRET", "signs nothing of value")
    for name, value in NAMED.items():
        monkeypatch.setenv(f"LINKMW_{name.upper()}", value)
    house = make()
    person = next(person for person in people_of(make.__name__.lower()) if not person.totp_secret)
    account = house.world.ports.product.find_by_name(person.username).account
    house.world.hub.claims = {
        **house.world.hub.claims,
        "sub": account.account_id,
        "preferred_username": account.username,
    }
    browser = house.browser()
    browser.signs_in(page)
    assert browser.get(page).status == 200
    return browser, page, account


def test_p7_the_demos_products_sign_out_everywhere(demo):
    browser, page, _account = demo
    before = browser.copied()
    answer = browser.post("/logout")
    assert answer.one("location").startswith("/.linkmw/sign-out?record=")
    assert answer.cookies[browser.house.cookie] == ""
    for one in (browser, before):
        assert one.get(page).one("location").startswith("/login")
    assert "You are signed out" in browser.get("/.linkmw/signed-out").text


def test_mim27_the_demos_products_end_what_a_link_opened(demo):
    browser, page, account = demo
    browser.house.log_out(account_id=account.account_id)
    assert browser.get(page).one("location").startswith("/login")
