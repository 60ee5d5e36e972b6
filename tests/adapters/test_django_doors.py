"""`replace` in Django projects: a session that no link opened is nobody's, by whatever door (P-3)."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.contrib import auth
from django.test import override_settings
from tests.adapters import test_django_sessions as sessions
from tests.adapters.test_django_sessions import ENGINES, MIDDLEWARE
from tests.gate.world import World

from linkmw.gate.permits import Permit, write

HOURS_8 = 28_800


class Project(sessions.Project):
    """In `replace`; `post` goes through the product's own doors."""

    def __init__(self, is_async, complete, permits):
        World.__init__(self, mode="replace", break_glass=str(permits))
        self.hub.mode = "replace"
        self.is_async, self.options, self.asked, self.silent = is_async, complete, 0, False

    def guard(self, settings, *, blocking):
        made = super().guard(settings, blocking=blocking)
        made._doors = self.ports.doors
        return made

    def doors(self, settings, *, blocking):
        return self.ports.doors


@pytest.fixture(params=[False, True], ids=["sync", "async"])
def is_async(request):
    return request.param


@pytest.fixture(params=["db", "signed_cookies"])
def engine(request):
    assert request.param in ENGINES
    with override_settings(
        SESSION_ENGINE=f"django.contrib.sessions.backends.{request.param}", SESSION_COOKIE_NAME="orders_session"
    ):
        yield request.param


@pytest.fixture
def project(is_async, complete, orders_database, monkeypatch, tmp_path):
    project = Project(is_async, complete, tmp_path / "permits.json")
    for name in ("build", "guard", "doors"):
        monkeypatch.setattr(f"linkmw.gate.build.{name}", getattr(project, name))
    options = {**complete, "LOGIN_PATHS": ["/login/"], "MODE": "replace"}
    with override_settings(MIDDLEWARE=MIDDLEWARE, ROOT_URLCONF=sessions.__name__, LINKMW=options):
        yield project


@pytest.fixture
def ada(orders_database):
    return auth.get_user_model().objects.create_user("ada", "ada@orders.example", "correct horse battery")


@pytest.fixture
def bob(orders_database):
    return auth.get_user_model().objects.create_user("bob", "bob@orders.example", "correct horse battery")


@pytest.fixture
def before(project, bob):
    """Somebody whose native session is from before the switch-on."""
    project.hub.mode = "beside"
    person = project.person()
    person.get("/in/?name=bob")
    project.hub.mode = "replace"
    assert person.who() == "bob"
    return person


def test_p03_the_login_route_leads_to_the_hub_and_takes_no_password(engine, project):
    person = project.person()
    answer = person.get("/login/?next=/who/")
    assert (answer.status_code, answer["Location"]) == (303, "/.linkmw/login?next=%2Fwho%2F")
    assert person.post("/login/", username="ada").status_code == 403
    assert person.get("/login/", accept="application/json").status_code == 401


def test_p03_who_comes_by_a_link_is_in(engine, project, ada):
    person = project.person().signs_in(ada)
    assert person.who() == "ada"
    project.clock.time += HOURS_8 - 10
    assert person.who() == "ada"


def test_pr03_a_door_that_nobody_listed_opens_nothing(engine, project, bob):
    person = project.person()
    answer = person.get("/in/?name=bob")
    assert answer.content == b"in"
    assert not person.cookies.get("orders_session") or not person.cookies["orders_session"].value
    assert person.who() == ""


def test_pr03_nor_for_whoever_had_a_session_or_came_by_a_link(engine, project, ada, bob):
    person = project.person()
    person.get("/cycle/")
    person.get("/in/?name=bob")
    assert person.who() == ""
    person.signs_in(ada)
    person.get("/in/?name=bob")
    assert person.who() == ""


def test_p03_a_session_from_before_the_switch_on_has_8_hours(engine, project, before):
    project.clock.time += HOURS_8 - 1
    assert before.who() == "bob"
    before.get("/cycle/")
    assert before.who() == "bob"
    project.clock.time += 1
    assert before.who() == ""
    assert before.get("/basket/").content == b"empty"


def test_pr03_a_middleware_in_front_that_looks_first_changes_nothing(project, before):
    looks_first = f"{sessions.__name__}.looks_first"
    with override_settings(MIDDLEWARE=[*MIDDLEWARE[:2], looks_first, MIDDLEWARE[2]]):
        fresh = sessions.fresh(before)
        assert fresh.who() == "bob"
        project.clock.time += HOURS_8
        assert fresh.who() == ""


def test_p05_while_away_the_native_login_opens_a_session_of_8_hours(engine, project, bob):
    project.person().get("/login/")
    project.hub.away = True
    person = project.person()
    assert person.get("/login/?name=bob").content == b"in"
    assert person.who() == "bob"
    project.hub.away = False
    project.clock.time += HOURS_8 - 1
    assert person.who() == "bob"
    project.clock.time += 1
    assert person.who() == ""


def test_p05_redis_silent_sessions_stand(project, before):
    project.redis_away = True
    project.clock.time += HOURS_8
    assert before.who() == "bob"
    project.redis_away = False
    assert before.who() == ""


def test_p03_break_glass_names_one_account(engine, project, ada, bob):
    write(Path(project.settings.break_glass), [Permit("p", "bob", project.clock() + 900)])
    project.clock.time += 1
    bobs, adas = project.person(), project.person()
    bobs.get("/login/?name=bob")
    adas.get("/in/?name=ada")
    assert (bobs.who(), adas.who()) == ("bob", "")
    project.clock.time += 900
    assert bobs.who() == ""


def test_p03_below_100_percent_nothing_is_closed(project, bob):
    project.hub.percent = 50
    person = project.person()
    person.get("/in/?name=bob")
    project.clock.time += HOURS_8
    assert person.who() == "bob"


def test_a_view_that_never_looks_is_not_asked_about(project, before):
    asked = project.hub.asked
    answer = before.get("/quiet/")
    assert answer.content == b"quiet"
    assert "Vary" not in answer
    assert project.hub.asked == asked
