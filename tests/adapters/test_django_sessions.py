"""Sessions that linkmw opened in a Django project end when they should, and only then: every engine, sync and async."""

from __future__ import annotations

import itertools
import json
import re
from dataclasses import replace
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from asgiref.sync import async_to_sync, iscoroutinefunction
from django.contrib import auth
from django.http import HttpResponse, JsonResponse
from django.test import AsyncClient, Client, override_settings
from django.urls import path
from django.utils.decorators import sync_and_async_middleware
from tests.gate.world import World, heading

from linkmw.errors import Unavailable
from linkmw.gate.guard import Guard
from linkmw.run import in_place
from linkmw_django import native_session

MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "linkmw_django.LinkMiddleware",
]
ENGINES = ("db", "cached_db", "cache", "file", "signed_cookies")
PAGE = {"sec-fetch-dest": "document", "sec-fetch-site": "same-origin", "accept": "text/html"}


def who(request):
    return HttpResponse(request.user.get_username())


async def who_async(request):
    return HttpResponse((await request.auser()).get_username())


def basket(request):
    return HttpResponse(request.session.get("basket", "empty"))


async def basket_async(request):
    return HttpResponse("ada's" if "_auth_user_id" in request.session else "empty")


def quiet(request):
    return HttpResponse("quiet")


def sign_out(request):
    auth.logout(request)
    return HttpResponse("bye", headers={"X-Product": "bye"})


def sign_out_with_cookie(request):
    auth.logout(request)
    response = HttpResponse("bye")
    response.set_cookie("seen", "yes")
    return response


async def sign_out_async(request):
    await auth.alogout(request)
    return JsonResponse({"ok": True})


def flush(request):
    request.session.flush()
    return HttpResponse("flushed")


def cycle(request):
    request.session["basket"] = "seven apples"
    request.session.cycle_key()
    return HttpResponse("cycled")


def make_anew(request):
    """An application that clears its session and puts back what it knows of."""
    kept = {key: request.session[key] for key in (auth.SESSION_KEY, auth.BACKEND_SESSION_KEY, auth.HASH_SESSION_KEY)}
    request.session.clear()
    request.session.update(kept)
    return HttpResponse("made anew")


def sign_in_natively(request):
    user = auth.get_user_model().objects.get(username=request.GET["name"])
    auth.login(request, user, backend="django.contrib.auth.backends.ModelBackend")
    return HttpResponse("in")


def marked(request):
    return HttpResponse("marked" if "_linkmw" in request.session else "unmarked")


urlpatterns = [
    path("who/", who),
    path("who-async/", who_async),
    path("basket/", basket),
    path("basket-async/", basket_async),
    path("quiet/", quiet),
    path("out/", sign_out),
    path("out-cookie/", sign_out_with_cookie),
    path("out-async/", sign_out_async),
    path("flush/", flush),
    path("cycle/", cycle),
    path("anew/", make_anew),
    path("in/", sign_in_natively),
    path("marked/", marked),
    path("login/", sign_in_natively),
]


@sync_and_async_middleware
def looks_first(get_response):
    """A middleware in front of linkmw that wants to know who is there."""

    async def awaited(request):
        request.seen = (await request.auser()).is_authenticated
        return await get_response(request)

    def now(request):
        request.seen = request.user.is_authenticated
        return get_response(request)

    return awaited if iscoroutinefunction(get_response) else now


class Project(World):
    """A Django project with linkmw, over memory stores; ADA is its user `ada`."""

    def __init__(self, is_async, complete):
        super().__init__()
        self.is_async = is_async
        self.options = complete
        self.asked = 0
        self.silent = False

    def build(self, settings, product, *, blocking, call=None):
        return replace(self.ports, product=product, call=call or in_place)

    def guard(self, settings, *, blocking):
        return Guard(self, self.clock, monotonic=itertools.count().__next__)  # no silence lasts

    def recall(self, sid):
        """Nothing is certain here."""

    def forget(self, sid):
        """Nothing is remembered."""

    async def get(self, sid):
        """As the allow-list answers the guard."""
        self.asked += 1
        if self.silent:
            raise Unavailable("Redis: ConnectionError")
        return await self.store.sessions.get(sid)

    def person(self):
        return Person(self)

    def end(self, account_id, **more):
        token = f"token {len(self.hub.calls)}"
        self.hub.calls[token] = {"sub": account_id, "iat": self.clock(), "jti": token, **more}
        return Person(self).post("/.linkmw/logout", logout_token=token)

    def is_open(self, account_id):
        kept = self.store.sessions._sessions
        return any(kept.get(sid).account_id == account_id for sid in kept.keys_in_order())


class Person:
    """A browser before the project."""

    def __init__(self, project):
        self.project = project
        self.client = AsyncClient() if project.is_async else Client()

    def get(self, url, **headers):
        return self._ask(self.client.get, url, headers={**PAGE, **headers})

    def post(self, url, **fields):
        form = "application/x-www-form-urlencoded"
        return self._ask(
            self.client.post,
            url,
            urlencode(fields),
            content_type=form,
            headers={**PAGE, "origin": self.project.options["PUBLIC_URL"]},
        )

    def _ask(self, method, *args, **more):
        return (async_to_sync(method) if self.project.is_async else method)(*args, **more)

    def who(self):
        return self.get("/who-async/" if self.project.is_async else "/who/").content.decode()

    def signs_in(self, user):
        answer = self.returns_as(user)
        assert answer.status_code == 303, answer.content
        return self

    def returns_as(self, user):
        """The answer to the hub's answer."""
        url = urlsplit(self.get("/.linkmw/login?next=/who/")["Location"])
        (state,) = parse_qs(url.query)["state"]
        self.project.hub.claims = {"sub": str(user.pk), "sid": "hub-sid", "iat": self.project.clock()}
        self.project.hub.codes.add(state)
        issuer = f"{self.project.options['HUB_URL']}/o/orders"
        return self.get(f"/.linkmw/callback?state={state}&code={state}&iss={issuer}")

    @property
    def cookies(self):
        return self.client.cookies


@pytest.fixture(params=[False, True], ids=["sync", "async"])
def is_async(request):
    return request.param


@pytest.fixture(params=ENGINES)
def engine(request, tmp_path):
    options = {"SESSION_ENGINE": f"django.contrib.sessions.backends.{request.param}"}
    with override_settings(**options, SESSION_FILE_PATH=str(tmp_path), SESSION_COOKIE_NAME="orders_session"):
        yield request.param


@pytest.fixture
def project(is_async, complete, orders_database, monkeypatch):
    project = Project(is_async, complete)
    monkeypatch.setattr("linkmw.gate.build.build", project.build)
    monkeypatch.setattr("linkmw.gate.build.guard", project.guard)
    with override_settings(
        MIDDLEWARE=MIDDLEWARE, ROOT_URLCONF=__name__, LINKMW={**complete, "LOGIN_PATHS": ["/login/"]}
    ):
        yield project


@pytest.fixture
def ada(orders_database):
    return auth.get_user_model().objects.create_user("ada", "ada@orders.example", "correct horse battery")


@pytest.fixture
def bob(orders_database):
    return auth.get_user_model().objects.create_user("bob", "bob@orders.example", "correct horse battery")


def test_mim27_an_ended_session_is_nobodys_at_its_next_request(engine, project, ada):
    person = project.person().signs_in(ada)
    assert person.who() == "ada"
    assert project.end(str(ada.pk)).status_code == 200
    assert person.who() == ""
    assert person.get("/basket/").content == b"empty"


def test_um13_only_the_sessions_of_that_account_end(project, ada, bob):
    adas, bobs = project.person().signs_in(ada), project.person().signs_in(bob)
    project.end(str(ada.pk))
    assert (adas.who(), bobs.who()) == ("", "bob")


def test_sc12_the_cookie_of_an_ended_session_is_refused_on_another_device_too(engine, project, ada):
    person = project.person().signs_in(ada)
    thief = project.person()
    thief.cookies["orders_session"] = person.cookies["orders_session"].value
    assert thief.who() == "ada"
    project.end(str(ada.pk))
    assert [thief.who(), person.who(), thief.who()] == ["", "", ""]


def test_mim27_a_session_ends_under_another_key_too(engine, project, ada):
    person = project.person().signs_in(ada)
    before = person.cookies["orders_session"].value
    person.get("/cycle/")
    assert person.cookies["orders_session"].value != before
    assert (person.who(), person.get("/basket/").content) == ("ada", b"seven apples")
    project.end(str(ada.pk))
    assert (person.who(), person.get("/basket/").content) == ("", b"empty")


def test_mim27_a_middleware_in_front_that_looks_first_changes_nothing(project, ada, monkeypatch):
    with override_settings(MIDDLEWARE=[*MIDDLEWARE[:2], f"{__name__}.looks_first", MIDDLEWARE[2]]):
        person = project.person().signs_in(ada)
        assert person.who() == "ada"
        monkeypatch.setattr(native_session, "end", lambda _key: None)  # as if the product's database were away
        project.end(str(ada.pk))
        assert person.who() == ""


def test_a_view_that_never_looks_costs_nothing_and_does_not_vary(engine, project, ada):
    person = project.person().signs_in(ada)
    asked = project.asked
    answer = person.get("/quiet/")
    assert answer.content == b"quiet"
    assert "Vary" not in answer
    assert project.asked == asked
    assert person.get("/who/")["Vary"] == "Cookie"


def test_one_look_at_a_session_is_one_question(engine, project, ada):
    person = project.person().signs_in(ada)
    asked = project.asked
    assert person.who() == "ada"
    assert project.asked == asked + 1


def test_a_session_of_the_products_own_is_never_asked_about(engine, project, ada):
    person = project.person()
    person.get("/in/?name=ada")
    assert person.who() == "ada"
    assert project.asked == 0


def test_while_redis_is_silent_a_session_stands_until_its_marker_expires(engine, project, ada):
    person = project.person().signs_in(ada)
    project.silent = True
    assert person.who() == "ada"
    project.clock.time += 28_800 - 1
    assert person.who() == "ada"
    project.clock.time += 1
    assert person.who() == ""


def test_a_fault_of_ours_ends_no_session(project, ada, monkeypatch, caplog):
    person = project.person().signs_in(ada)

    def broken(settings, *, blocking):
        raise RuntimeError("no Redis library")

    monkeypatch.setattr("linkmw.gate.build.guard", broken)
    person = fresh(person)
    assert person.who() == "ada"
    assert "linkmw failed, the session stands as it was" in caplog.messages


def fresh(person):
    """The same browser before a project that has just been started."""
    again = person.project.person()
    again.client.cookies = person.client.cookies
    return again


def test_pr13_a_session_that_loses_its_marker_has_ended(engine, project, ada):
    person = project.person().signs_in(ada)
    assert person.get("/anew/").content == b"made anew"
    assert person.who() == ""
    assert not project.is_open(str(ada.pk))


@pytest.mark.parametrize("name", ["ada", "bob"])
def test_pr13_a_sign_in_of_the_products_own_makes_the_session_its_own(engine, project, ada, bob, name):
    person = project.person().signs_in(ada)
    thief = project.person()
    thief.cookies["orders_session"] = person.cookies["orders_session"].value
    person.get(f"/in/?name={name}")
    assert (person.who(), person.get("/marked/").content) == (name, b"unmarked")
    assert not project.is_open(str(ada.pk))
    assert thief.who() == ""
    project.end(str(ada.pk))
    assert person.who() == name


def test_pr13_the_login_route_is_watched_as_any_other(project, ada, bob):
    person = project.person().signs_in(ada)
    person.post("/login/?name=bob")
    assert person.who() == "bob"
    assert not project.is_open(str(ada.pk))


def test_signing_in_through_linkmw_again_is_no_sign_in_of_the_products_own(engine, project, ada):
    person = project.person().signs_in(ada).signs_in(ada)
    assert (person.who(), person.get("/marked/").content) == ("ada", b"marked")
    project.end(str(ada.pk))
    assert person.who() == ""


def test_sc12_whom_linkmw_replaced_is_signed_out_wherever_the_cookie_went(engine, project, ada, bob):
    person = project.person().signs_in(ada)
    thief = project.person()
    thief.cookies["orders_session"] = person.cookies["orders_session"].value
    asked = person.returns_as(bob).content.decode()
    fields = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', asked))
    assert person.post("/.linkmw/switch", **fields, choice="switch").status_code == 303
    assert (person.who(), thief.who()) == ("bob", "")
    assert not project.is_open(str(ada.pk))


def test_pr13_a_session_emptied_unread_has_ended(engine, project, ada):
    person = project.person().signs_in(ada)
    thief = project.person()
    thief.cookies["orders_session"] = person.cookies["orders_session"].value
    assert person.get("/flush/").content == b"flushed"
    assert (person.who(), thief.who()) == ("", "")


def test_p7_who_signs_out_is_led_on_to_the_hub_and_told(engine, project, ada):
    person = project.person().signs_in(ada)
    answer = person.post("/out-cookie/")
    assert answer.status_code == 303
    assert answer.cookies["seen"].value == "yes"
    assert person.who() == ""
    going_on = person.get(answer["Location"])
    assert "/o/orders/end_session?client_id=orders&amp;logout_hint=hub-sid" in going_on.content.decode()
    state = urlsplit(answer["Location"]).query.removeprefix("record=")
    page = person.get(f"/.linkmw/signed-out?state={state}").content.decode()
    assert heading(page) == "You are signed out"
    assert "on this browser" in page


def test_p7_scripts_that_sign_out_get_what_the_product_gives(project, ada):
    person = project.person().signs_in(ada)
    answer = person.get("/out-async/", **{"sec-fetch-dest": "empty", "accept": "application/json"})
    assert json.loads(answer.content) == {"ok": True}
    assert not project.is_open(str(ada.pk))


def test_p7_sign_out_of_the_product_alone_is_the_products_own_answer(project, ada, complete):
    with override_settings(LINKMW={**complete, "SIGN_OUT": "product"}):
        person = project.person().signs_in(ada)
        answer = person.get("/out/")
    assert (answer.status_code, answer["X-Product"]) == (200, "bye")
    assert not project.is_open(str(ada.pk))


def test_p7_a_native_session_signs_out_as_it_always_did(project, ada):
    person = project.person()
    person.get("/in/?name=ada")
    assert person.get("/out/").content == b"bye"


def test_p7_a_session_that_django_empties_itself_signs_nobody_out_of_the_identity(project, ada):
    person = project.person().signs_in(ada)
    ada.set_password("another one altogether")
    ada.save()
    answer = person.get("/who/")
    assert (answer.status_code, answer.content) == (200, b"")
    assert not project.is_open(str(ada.pk))


def test_p7_while_redis_is_silent_a_sign_out_is_the_products_own(project, ada):
    person = project.person().signs_in(ada)

    async def silent(*_):
        raise Unavailable("Redis: ConnectionError")

    project.store.sessions.end = silent
    assert person.get("/out/").content == b"bye"
    assert person.who() == ""


def test_rc12_session_rotation_with_six_pages_loading_signs_nobody_out(engine, project, ada):
    """Six pages were asked for with the old cookie, and their answers come after the new one."""
    person = project.person().signs_in(ada)
    old = person.cookies["orders_session"].value
    person.signs_in(ada)
    new = person.cookies["orders_session"].value
    for _ in range(6):
        loading = project.person()
        loading.cookies["orders_session"] = old
        answer = loading.get("/who/")
        if "orders_session" in answer.cookies:  # whatever it sets replaces the new one
            person.cookies["orders_session"] = answer.cookies["orders_session"].value
    assert person.cookies["orders_session"].value == new
    assert person.who() == "ada"


def test_p7_two_rounds_without_a_session_stop_on_a_page(project, ada):
    person = project.person()
    for _ in range(2):
        person.signs_in(ada)
        del person.cookies["orders_session"]
    answer = person.get("/.linkmw/login")
    page = answer.content.decode()
    assert (answer.status_code, heading(page)) == (400, "You don’t stay signed in")
    assert "help@acme.example" in page
    assert "/login/" in page
    project.clock.time += 30
    assert person.get("/.linkmw/login").status_code == 303


def test_mim27_a_session_in_its_cookie_is_read_in_the_event_loop_itself(project, ada):
    """An engine that asks nobody needs no thread, and an async view may use it as if it were blocking."""
    with override_settings(SESSION_ENGINE="django.contrib.sessions.backends.signed_cookies"):
        person = project.person().signs_in(ada)
        assert person.get("/basket-async/").content == b"ada's"
        project.end(str(ada.pk))
        assert person.get("/basket-async/").content == b"empty"
