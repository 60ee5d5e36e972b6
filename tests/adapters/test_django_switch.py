"""The switch inside Django: sessions follow it, the commands run in the project, and every login route is named."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from asgiref.sync import async_to_sync
from django.contrib import auth
from django.core import mail
from django.http import HttpResponse
from django.test import AsyncRequestFactory, Client, RequestFactory, override_settings
from tests.adapters.django_mails import IN_MEMORY
from tests.adapters.test_django_sessions import Project

from linkmw.gate import in_force
from linkmw_django import LinkMiddleware
from linkmw_django.configuration import Configuration
from linkmw_django.product import Product

COOKIE = "__Host-linkmw-0123abcd=x"
PAGE = b"<html><body><form><input type=password></form></body></html>"
ROOT = Path(__file__).resolve().parents[2]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "linkmw_django.LinkMiddleware",
]


@pytest.fixture(autouse=True)
def _looks_each_time(_migrated, monkeypatch):
    monkeypatch.setattr(in_force, "LOOK_SECONDS", 0.0)


@pytest.fixture(params=[False, True], ids=["sync", "async"])
def is_async(request):
    return request.param


@pytest.fixture(params=["db", "signed_cookies"])
def engine(request, tmp_path):
    options = {"SESSION_ENGINE": f"django.contrib.sessions.backends.{request.param}"}
    with override_settings(**options, SESSION_FILE_PATH=str(tmp_path), SESSION_COOKIE_NAME="orders_session"):
        yield request.param


@pytest.fixture
def project(is_async, complete, orders_database, monkeypatch):
    project = Project(is_async, complete)
    monkeypatch.setattr("linkmw.gate.build.build", project.build)
    monkeypatch.setattr("linkmw.gate.build.guard", project.guard)
    urls = "tests.adapters.test_django_sessions"
    with override_settings(MIDDLEWARE=MIDDLEWARE, ROOT_URLCONF=urls, LINKMW={**complete, "LOGIN_PATHS": ["/login/"]}):
        yield project


@pytest.fixture
def ada(orders_database):
    return auth.get_user_model().objects.create_user("ada", "ada@orders.example", "correct horse battery")


def disable(*, end_sessions: bool = False) -> None:
    now = datetime.fromtimestamp(int(time.time()), UTC).isoformat()
    ended = f"sessions_since = {now}\n" if end_sessions else ""
    Path(os.environ["LINKMW_CONFIG"]).write_text(f"enabled = false\ndisabled_at = {now}\n{ended}")


def test_dis02_dis10_a_session_opened_through_a_link_goes_on_while_linkmw_is_off(engine, project, ada):
    person = project.person().signs_in(ada)
    disable()
    asked = project.asked
    assert person.who() == "ada"
    assert project.asked == asked
    assert person.get("/.linkmw/login")["Location"] == "/login/"  # it bears our cookie
    assert project.person().get("/.linkmw/login").status_code == 404


@pytest.mark.parametrize("known", [False, True], ids=["found by the session", "known to be off already"])
def test_dis10_sessions_end_with_it_where_that_was_asked_for(engine, project, ada, known):
    person = project.person().signs_in(ada)
    disable(end_sessions=True)
    if known:
        person.get("/.linkmw/login")
    assert person.who() == ""
    assert person.get("/basket/").content == b"empty"


def test_dis10_a_session_of_the_projects_own_stays(project, ada):
    person = project.person()
    person.get("/in/?name=ada")
    disable(end_sessions=True)
    assert person.who() == "ada"


def test_dis02_a_sign_out_while_off_is_the_projects_own(project, ada):
    person = project.person().signs_in(ada)
    disable()
    answer = person.get("/out/")
    assert (answer.status_code, answer.content, answer["X-Product"]) == (200, b"bye", "bye")


# --- off and on ---------------------------------------------------------------------------------


def view(request):
    return HttpResponse(PAGE)


async def async_view(request):
    return HttpResponse(PAGE)


@pytest.fixture
def answer(is_async):
    def asked(middleware, path, **headers):
        if is_async:
            return async_to_sync(middleware)(AsyncRequestFactory().get(path, headers=headers))
        return middleware(RequestFactory().get(path, headers=headers))

    return asked


def test_pr25_cf03_dis02_who_is_under_way_ends_at_the_native_login_and_the_rest_is_the_projects(
    is_async, answer, complete
):
    with override_settings(LINKMW={**complete, "LOGIN_PATHS": ["/login/"]}):
        middleware = LinkMiddleware(async_view if is_async else view)
    disable()
    sent = answer(middleware, "/.linkmw/callback", cookie=COOKIE)
    assert (sent.status_code, sent["Location"]) == (303, "/login/")
    for path_, headers in (
        ("/.linkmw/callback", {}),
        ("/login/", {"cookie": COOKIE}),
        ("/orders/", {"cookie": COOKIE}),
    ):
        assert answer(middleware, path_, **headers).content == PAGE


def test_rc08_the_file_is_looked_at_before_a_session_begins(complete):
    with override_settings(LINKMW={**complete, "LOGIN_PATHS": ["/login/"]}):
        middleware = LinkMiddleware(view)
        _, ports = middleware._open(None)
    assert not ports.is_over()
    disable()
    assert ports.is_over()


# --- the commands -------------------------------------------------------------------------------


def manage(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """`python manage.py linkmw …` of Orders, over this test's own database."""
    return subprocess.run(
        [sys.executable, "-m", "django", "linkmw", *arguments],
        env={**os.environ, **environment},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_dis01_dis05_manage_py_linkmw_is_the_same_tree_and_sees_the_projects_settings():
    found = json.loads(manage("info", "--json").stdout)
    assert (found["login_routes"], found["adapter"]) == (["/login/"], "linkmw_django.product.Product")
    assert found["framework"].startswith("Django ")
    done = manage("disable")
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, "Federated sign-in is disabled."), done.stderr
    assert "send-reset" in manage("--help").stdout


def test_dis01_call_command_runs_it_too(capsys):
    from django.core.management import call_command

    call_command("linkmw", "status")
    assert capsys.readouterr().out.startswith("Federated sign-in is off.")


@pytest.fixture
def users(orders_database):
    model = auth.get_user_model()
    with override_settings(**IN_MEMORY, ALLOWED_HOSTS=["*"]):
        mail.outbox = []
        yield {
            "ada": model.objects.create_user("ada", "ada@orders.example", "correct horse battery"),
            "bob": model.objects.create_user("bob", "bob@orders.example"),  # no usable password
            "gone": model.objects.create_user("gone", "gone@orders.example", is_active=False),
        }


def test_dis07_who_has_no_usable_password_is_known_and_gets_the_projects_own_mail(users):
    from linkmw.settings import Settings

    product = Product(Configuration(Settings(public_url="https://orders.example")))
    assert [account.username for account in product.without_password()] == ["bob"]
    (bob,) = product.without_password()
    assert product.send_reset_to(bob) is True
    (sent,) = mail.outbox
    assert sent.to == ["bob@orders.example"]
    link = re.search(r"https://orders\.example(/\S+)", sent.body)
    assert link
    page = Client().get(link[1], follow=True)
    assert page.status_code == 200
    changed = Client()
    shown = changed.get(link[1], follow=True)
    form = {"new_password1": "a fresh new password 17", "new_password2": "a fresh new password 17"}
    changed.post(shown.request["PATH_INFO"], form)
    assert auth.authenticate(username="bob", password=form["new_password1"]) == users["bob"]


def test_dis07_djangos_own_page_skips_them(users):
    from django.contrib.auth.forms import PasswordResetForm

    assert list(PasswordResetForm().get_users("bob@orders.example")) == []


# --- login routes (HT18) ------------------------------------------------------------------------


@pytest.fixture
def many_routes():
    with override_settings(
        ROOT_URLCONF="tests.adapters.many_routes", LANGUAGES=[("en", "English"), ("de", "Deutsch")], USE_I18N=True
    ):
        yield


def test_ht18_dis03_login_routes_that_are_not_listed_are_reported_the_admins_too(many_routes, complete, caplog):
    from linkmw_django import checks, routes

    with override_settings(LINKMW={**complete, "LOGIN_PATHS": ["/account/in/", "/de/enter/"]}):
        assert set(routes.unlisted()) >= {"/back/login/", "/en/enter/"}
        assert not set(routes.unlisted()) & {"/account/in/", "/de/enter/"}
        warned = [message.msg for message in checks.login_routes() if message.id == "linkmw.W004"]
        assert "The login route /back/login/ is left as it is." in warned
        LinkMiddleware(view)._open(None)
    assert "the login route /back/login/ is not in LOGIN_PATHS" in caplog.text


def test_ht18_nothing_is_reported_while_linkmw_is_off_or_all_are_listed(many_routes, complete):
    from linkmw_django import checks, routes

    assert checks.login_routes() == []
    listed = ["/account/in/", "/de/enter/", "/en/enter/", "/back/login/", "/login/"]
    with override_settings(LINKMW={**complete, "LOGIN_PATHS": listed}):
        assert [path for path in routes.unlisted() if path not in ("/log-in/", "/login/")] == []


@pytest.mark.parametrize("route", ["/de/enter/", "/log-in/", "/back/login/"])
def test_ht18_dis03_a_listed_route_is_ours_whatever_the_urlconf_looks_like_and_no_other(
    many_routes, complete, monkeypatch, route
):
    """Prefixes of languages, regular expressions, the admin; also where a middleware changes the request's URLconf."""
    claimed = []
    with override_settings(LINKMW={**complete, "LOGIN_PATHS": [route]}):
        middleware = LinkMiddleware(view)
    monkeypatch.setattr(middleware, "_ours", lambda request, watch: claimed.append(request.path_info) or view(request))
    for asked in ("/de/enter/", "/log-in/", "/back/login/", "/account/in/"):
        request = RequestFactory().get(asked)
        request.urlconf = "tests.adapters.test_django_sessions"
        middleware(request)
    assert claimed == [route]
