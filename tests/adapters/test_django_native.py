"""The native proof in Django projects: every session engine, sync and async, django-otp's half sign-in (PR04, PR05)."""

from __future__ import annotations

import re

import pyotp
import pytest
from django.contrib import auth
from django.http import HttpResponse, HttpResponseRedirect, HttpResponseServerError, JsonResponse
from django.test import override_settings
from django.urls import path
from tests.adapters import test_django_sessions as sessions
from tests.adapters.test_django_sessions import MIDDLEWARE, Person
from tests.gate.world import World, heading

from linkmw.gate.proof_kind import cookie_name

ARMING = cookie_name("orders")


def log_in(request):
    """Django's own, by username and password."""
    if request.method != "POST":
        return HttpResponse("<form method=post><input type=password></form>")
    user = auth.authenticate(request, username=request.POST["username"], password=request.POST["password"])
    if user is None:
        return HttpResponse("wrong")
    auth.login(request, user)
    response = HttpResponseRedirect("/who/")
    response.set_cookie("theme", "dark")
    return response


async def log_in_async(request):
    user = await auth.aauthenticate(request, username=request.POST["username"], password=request.POST["password"])
    await auth.alogin(request, user)
    return JsonResponse({"ok": True})


def by_hand(request):
    """A project that writes into its session what Django's `login` would."""
    user = auth.get_user_model().objects.get(username=request.POST["username"])
    request.session[auth.SESSION_KEY] = str(user.pk)
    request.session[auth.BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    request.session[auth.HASH_SESSION_KEY] = user.get_session_auth_hash()
    return HttpResponse("in")


def code(request):
    from django_otp import login, match_token

    device = match_token(request.user, request.POST["code"])
    if device is not None:
        login(request, device)
    return HttpResponse("thanks" if device else "wrong")


def later(request):
    """Signs in on the GET that follows."""
    request.session["pending"] = request.POST["username"]
    return HttpResponseRedirect("/login/done/?step=2")


def done(request):
    user = auth.get_user_model().objects.get(username=request.session.pop("pending", ""))
    auth.login(request, user, backend="django.contrib.auth.backends.ModelBackend")
    return HttpResponseRedirect("/who/")


def breaks(request):
    user = auth.get_user_model().objects.get(username=request.POST["username"])
    auth.login(request, user, backend="django.contrib.auth.backends.ModelBackend")
    return HttpResponseServerError("after the sign-in")


def account(request):
    """For who is all in, and asks for a session to say so."""
    inside = request.user.is_authenticated and request.session.get("otp_device_id", "") is not None
    return HttpResponse("yours", status=200 if inside and request.user.username != "bob" else 403)


urlpatterns = [
    path("login/", log_in),
    path("login/async/", log_in_async),
    path("login/by-hand/", by_hand),
    path("login/code/", code),
    path("login/later/", later),
    path("login/done/", done),
    path("login/breaks/", breaks),
    path("account/", account),
    *[route for route in sessions.urlpatterns if str(route.pattern) != "login/"],
]


class Project(sessions.Project):
    def __init__(self, is_async, complete):
        World.__init__(self)
        self.is_async, self.options, self.asked, self.silent = is_async, complete, 0, False

    def person(self):
        return Visitor(self)


class Visitor(Person):
    page = ""

    def _ask(self, method, *args, **more):
        answer = super()._ask(method, *args, **more)
        self.page = answer.content.decode()
        return answer

    def submits(self, **more):
        fields = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', self.page))
        return self.post("/.linkmw/prove", **{**fields, **more})

    def arms(self):
        self.project.proof_arrives()
        self.get(self.get("/.linkmw/prove?handle=handle")["Location"])
        assert heading(self.page) == "Link your account"
        answer = self.submits()
        assert (answer.status_code, answer["Location"]) == (303, "/login/"), answer.content
        return self

    def logs_in(self, username="ada", url="/login/"):
        return self.post(url, username=username, password="correct horse battery")

    @property
    def is_going_on(self):
        return "/.linkmw/go?record=" in self.page

    def goes_on(self):
        return self.get("/.linkmw/go?record=" + self.page.partition("/.linkmw/go?record=")[2].partition('"')[0])


@pytest.fixture(params=[False, True], ids=["sync", "async"])
def is_async(request):
    return request.param


@pytest.fixture(params=["db", "signed_cookies"])
def engine(request):
    with override_settings(
        SESSION_ENGINE=f"django.contrib.sessions.backends.{request.param}", SESSION_COOKIE_NAME="orders_session"
    ):
        yield request.param


@pytest.fixture
def options(complete):
    return {**complete, "LOGIN_PATHS": ["/login/"], "PROOF": "native"}


@pytest.fixture
def project(is_async, complete, options, orders_database, monkeypatch):
    project = Project(is_async, complete)
    monkeypatch.setattr("linkmw.gate.build.build", project.build)
    monkeypatch.setattr("linkmw.gate.build.guard", project.guard)
    with override_settings(MIDDLEWARE=MIDDLEWARE, ROOT_URLCONF=__name__, LINKMW=options):
        yield project


def made(name):
    return auth.get_user_model().objects.create_user(name, f"{name}@orders.example", "correct horse battery")


@pytest.fixture
def ada(orders_database):
    return made("ada")


@pytest.fixture
def bob(orders_database):
    """Has an authenticator app."""
    from django_otp.plugins.otp_totp.models import TOTPDevice

    user = made("bob")
    TOTPDevice.objects.create(user=user, name="app", confirmed=True, key="31" * 20)
    return user


def proven(project):
    return [proof.account.account_id for proof in project.hub.pushed]


@pytest.mark.parametrize("url", ["/login/", "/login/by-hand/"])
def test_pr05_the_projects_own_sign_in_is_the_proof_and_its_session_stands(engine, project, ada, url):
    person = project.person().arms()
    person.logs_in(url=url)
    assert person.is_going_on
    assert person.goes_on()["Location"].endswith("/proved?code=proof-code-1")
    assert (person.who(), proven(project)) == ("ada", [str(ada.pk)])
    assert ARMING not in {name for name, cookie in person.cookies.items() if cookie.value}


def test_pr18_the_products_own_cookies_go_along(project, ada):
    person = project.person().arms()
    answer = person.logs_in()
    assert (answer.status_code, answer.cookies["theme"].value) == (200, "dark")
    assert "Location" not in answer


def test_pr18_a_scripts_sign_in_keeps_its_answer_and_the_next_page_goes_on(project, ada):
    person = project.person().arms()
    answer = person._ask(
        person.client.post,
        "/login/async/" if project.is_async else "/login/",
        "username=ada&password=correct horse battery",
        content_type="application/x-www-form-urlencoded",
        headers={"origin": project.options["PUBLIC_URL"], "sec-fetch-site": "same-origin", "sec-fetch-dest": "empty"},
    )
    assert answer.content == (b'{"ok": true}' if project.is_async else b"")
    assert not person.is_going_on
    person.get("/who/")
    assert person.is_going_on


def test_pr04_django_otp_half_a_sign_in_is_none_until_the_device_is_shown(engine, project, bob):
    person = project.person().arms()
    assert person.logs_in("bob").status_code == 302
    assert person.who() == "bob"  # is_authenticated, and not verified
    person.post("/login/code/", code="000000")
    assert (person.page, project.hub.pushed) == ("wrong", [])
    person.post("/login/code/", code=pyotp.TOTP(pyotp.random_base32()).now())
    assert not person.is_going_on
    from base64 import b32encode

    person.post("/login/code/", code=pyotp.TOTP(b32encode(bytes.fromhex("31" * 20)).decode()).now())
    assert person.is_going_on
    person.goes_on()
    assert proven(project) == [str(bob.pk)]


def test_pr05_half_a_sign_in_of_before_is_dropped_when_the_proof_is_armed(engine, project, bob):
    person = project.person()
    person.logs_in("bob")
    person.get("/cycle/")
    person.arms()
    assert person.who() == ""
    assert person.get("/basket/").content == b"empty"


def test_pr05_a_sign_in_on_the_get_that_follows_the_post(engine, project, ada):
    person = project.person().arms()
    answer = person.logs_in(url="/login/later/")
    assert (answer["Location"], person.is_going_on) == ("/login/done/?step=2", False)
    person.get("/login/done/?step=2")
    assert person.is_going_on


def test_pr04_that_get_alone_is_none(project, ada):
    person = project.person().arms()
    person.logs_in(url="/login/later/")
    person.get("/login/done/?step=3")
    assert (person.who(), person.is_going_on) == ("ada", False)
    assert proven(project) == []


def test_pr04_an_answer_of_500_has_kept_no_session(project, ada):
    person = project.person().arms()
    assert person.logs_in(url="/login/breaks/").status_code == 500
    assert (person.who(), person.is_going_on, proven(project)) == ("", False, [])


def test_mim12_who_is_signed_in_already_is_asked_and_proves_nothing_by_signing_in_again(project, ada):
    made("eve")
    person = project.person()
    person.get("/in/?name=eve")
    project.proof_arrives()
    person.get(person.get("/.linkmw/prove?handle=handle")["Location"])
    assert heading(person.page) == "You are still signed in to Orders"
    person.get(person.submits(sign_out="1")["Location"])
    person.submits()
    person.get("/in/?name=eve")
    person.logs_in()
    assert (person.is_going_on, proven(project)) == (False, [])


def test_pr04_a_page_tells_where_one_is_named_and_is_asked_with_the_new_session(project, options, ada, bob):
    with override_settings(LINKMW={**options, "SIGNED_IN_PATH": "/account/"}, INSTALLED_APPS=_without_otp()):
        person = project.person().arms()
        person.logs_in("bob")
        assert not person.is_going_on
        other = project.person().arms()
        other.logs_in("ada")
        assert other.is_going_on


def _without_otp():
    from django.conf import settings

    return [name for name in settings.INSTALLED_APPS if not name.startswith("django_otp")]


def test_p05_a_failure_of_ours_leaves_the_projects_answer(project, ada, caplog):
    class Away:
        async def get(self, *_):
            raise RuntimeError("ours")

    person = project.person().arms()
    project.having(armings=Away())
    person.client.handler._middleware_chain = None
    assert person.logs_in()["Location"] == "/who/"
    assert person.who() == "ada"
    assert "linkmw failed, the product answers instead" in caplog.text


def test_p01_without_the_arming_cookie_a_view_that_never_looks_stays_one(project, ada):
    person = project.person()
    answer = person.get("/quiet/")
    assert (answer.content, "Vary" in answer) == (b"quiet", False)
