"""The native proof in Django projects: every session engine, sync and async, django-otp's half sign-in (PR04, PR05)."""

from __future__ import annotations

import re
from base64 import b32encode

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
OTP_MIDDLEWARE = "django_otp.middleware.OTPMiddleware"


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


def password_first(request):
    """Names nobody in its session until the code was right, and leaves no word of the device in there."""
    request.session["waits"] = auth.authenticate(request, **{k: request.POST[k] for k in ("username", "password")}).pk
    return HttpResponseRedirect("/login/then-code/")


def then_code(request):
    from django_otp import match_token

    user = auth.get_user_model().objects.get(pk=request.session["waits"])
    if match_token(user, request.POST["code"]) is None:
        return HttpResponse("wrong")
    auth.login(request, user, backend="django.contrib.auth.backends.ModelBackend")
    return HttpResponseRedirect("/who/")


def inside(request):
    return HttpResponse("yours", status=200 if request.user.is_authenticated else 403)


def verified(request):
    return HttpResponse("yours") if "otp_device_id" in request.session else HttpResponseRedirect("/login/code/")


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
    path("login/password-first/", password_first),
    path("login/then-code/", then_code),
    path("inside/", inside),
    path("verified/", verified),
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
    person.post("/login/code/", code=code_of_bob())
    assert person.is_going_on
    person.goes_on()
    assert proven(project) == [str(bob.pk)]


@pytest.mark.parametrize(
    ("shown", "devices", "own_secret", "tells", "said"),
    [
        (False, False, False, True, "whole"),  # no second factor
        (False, False, False, False, "whole"),
        (True, True, False, True, "whole"),
        (True, True, False, False, "whole"),
        (True, True, True, True, "whole"),
        (True, True, True, False, "whole"),
        (False, True, False, True, "half"),
        (False, True, True, True, "half"),
        (False, True, False, False, "nothing"),  # the project's own login may ask for it before there is a session
        (False, True, True, False, "nothing"),
        (False, False, True, True, "nothing"),
        (False, False, True, False, "nothing"),
    ],
)
def test_pr04_what_a_session_says_of_the_second_factor(shown, devices, own_secret, tells, said):
    from linkmw_django.second_factor import judged

    assert judged(shown=shown, devices=devices, own_secret=own_secret, tells=tells) == said


def code_of_bob():
    return pyotp.TOTP(b32encode(bytes.fromhex("31" * 20)).decode()).now()


def test_pr04_a_login_that_asks_for_the_code_before_it_names_somebody(engine, project, options, bob):
    """As pretix does: devices of django-otp, and no middleware of its."""
    with override_settings(LINKMW={**options, "SIGNED_IN_PATH": "/inside/"}):
        person = project.person().arms()
        person.logs_in("bob", "/login/password-first/")
        assert (person.who(), person.is_going_on) == ("", False)
        person.post("/login/then-code/", code="000000")
        assert (person.page, person.is_going_on) == ("wrong", False)
        person.post("/login/then-code/", code=code_of_bob())
        assert person.is_going_on
        person.goes_on()
        assert (person.who(), proven(project)) == ("bob", [str(bob.pk)])


def test_pr04_a_login_that_names_somebody_first_and_a_page_that_asks_for_the_device(engine, project, options, bob):
    with override_settings(LINKMW={**options, "SIGNED_IN_PATH": "/verified/"}):
        person = project.person().arms()
        person.logs_in("bob")
        assert (person.who(), person.is_going_on) == ("bob", False)
        person.post("/login/code/", code="000000")
        assert (person.page, person.is_going_on) == ("wrong", False)
        person.post("/login/code/", code=code_of_bob())
        assert person.is_going_on
        person.goes_on()
        assert proven(project) == [str(bob.pk)]


def test_pr04_without_a_page_that_tells_such_a_session_is_half_a_sign_in(engine, project, bob):
    person = project.person().arms()
    person.logs_in("bob", "/login/password-first/")
    person.post("/login/then-code/", code=code_of_bob())
    assert (person.who(), person.is_going_on, proven(project)) == ("bob", False, [])


@pytest.mark.parametrize("name", [OTP_MIDDLEWARE, "tests.adapters.otp_middleware.OwnMiddleware"])
def test_pr04_under_django_otps_own_middleware_no_page_makes_half_a_sign_in_whole(project, options, bob, name):
    with override_settings(LINKMW={**options, "SIGNED_IN_PATH": "/inside/"}, MIDDLEWARE=[*MIDDLEWARE, name]):
        person = project.person().arms()
        person.logs_in("bob")
        assert (person.who(), person.is_going_on) == ("bob", False)
        person.post("/login/code/", code=code_of_bob())
        assert person.is_going_on


def test_pr05_mim12_a_session_that_may_be_whole_is_somebodys_before_the_proof(project, options, bob):
    with override_settings(LINKMW={**options, "SIGNED_IN_PATH": "/inside/"}):
        person = project.person()
        person.logs_in("bob")
        project.proof_arrives()
        person.get(person.get("/.linkmw/prove?handle=handle")["Location"])
        assert heading(person.page) == "You are still signed in to Orders"
        armed = project.person().arms()
        armed.get("/in/?name=bob")
        armed.post("/login/code/", code=code_of_bob())
        assert (armed.who(), armed.is_going_on, proven(project)) == ("bob", False, [])


@pytest.mark.parametrize(("page", "counts"), [("", False), ("/inside/", True), ("/account/", False)])
def test_pr04_a_second_factor_of_the_projects_own_is_told_of_by_a_page_alone(project, options, ada, page, counts):
    made("eve")
    with override_settings(LINKMW={**options, "SIGNED_IN_PATH": page, "TOTP_SECRET": f"{__name__}.secret_of"}):
        person = project.person().arms()
        person.logs_in("bob" if page == "/account/" and made("bob") else "ada")
        assert person.is_going_on is counts
        other = project.person().arms()
        other.logs_in("eve")
        assert other.is_going_on  # has none


def secret_of(user):
    return None if user.username == "eve" else "JBSWY3DPEHPK3PXP"


@pytest.mark.parametrize(
    ("changes", "chain", "says"),
    [
        ({}, [], True),
        ({"SIGNED_IN_PATH": "/inside/"}, [], False),
        ({"PROOF": "form"}, [], False),
        ({}, [OTP_MIDDLEWARE], False),
        ({"TOTP_SECRET": f"{__name__}.secret_of"}, [OTP_MIDDLEWARE], True),
    ],
)
def test_pr04_whom_the_native_proof_leaves_out_is_said(options, complete, changes, chain, says):
    from linkmw_django import checks

    with override_settings(MIDDLEWARE=[*MIDDLEWARE, *chain], LINKMW={**options, **changes}):
        assert [message.id for message in checks.second_factors()] == ["linkmw.W005"] * says
    assert checks.second_factors() == []  # off


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
