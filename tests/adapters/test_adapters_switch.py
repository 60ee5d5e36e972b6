"""The switch inside Flask and Starlette: sessions follow it, and the commands run in the application."""

from __future__ import annotations

import inspect
import json
import os
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner
from flask import Flask, url_for
from starlette.applications import Starlette
from starlette.middleware import Middleware
from tests.adapters.session_houses import HOUSES, SCRIPT
from tests.gate.world import ADA, BOB

from linkmw.cli.main import main
from linkmw.gate import in_force
from linkmw.model import Account
from linkmw_flask import LinkMW
from linkmw_flask import Product as FlaskProduct
from linkmw_starlette import LinkMiddleware
from linkmw_starlette import Product as StarletteProduct

# Standard error by itself: click before 8.2 keeps it apart only when told to; any newer one always, and can't be told.
APART = {"mix_stderr": False} if "mix_stderr" in inspect.signature(CliRunner).parameters else {}


@pytest.fixture(autouse=True)
def _looks_each_time(monkeypatch):
    monkeypatch.setattr(in_force, "LOOK_SECONDS", 0.0)


@pytest.fixture(params=HOUSES)
def house(request):
    return HOUSES[request.param]()


@pytest.fixture
def ada(house):
    browser = house.browser()
    browser.signs_in()
    return browser


def disable(*, end_sessions: bool = False) -> None:
    now = datetime.fromtimestamp(int(time.time()), UTC).isoformat()
    ended = f"sessions_since = {now}\n" if end_sessions else ""
    Path(os.environ["LINKMW_CONFIG"]).write_text(f"enabled = false\ndisabled_at = {now}\n{ended}")


def test_dis02_dis10_a_session_opened_through_a_link_goes_on_while_linkmw_is_off(house, ada):
    disable()
    house.world.ports.sessions.get = None  # nobody is asked
    assert ada.who == "ada"
    assert ada.get("/").text == house.browser().get("/").text
    assert ada.get("/.linkmw/login").status == 303  # it bears our cookie
    assert house.browser().get("/.linkmw/login").status == 404


def test_dis10_sessions_end_with_it_where_that_was_asked_for(house, ada):
    copied = ada.copied()
    disable(end_sessions=True)
    assert ada.who == "nobody"
    assert house.cookie not in ada.jar
    assert copied.who == "nobody"


def test_dis10_a_session_of_the_products_own_stays(house, ada):
    native = house.browser()
    native.post("/login")
    disable(end_sessions=True)
    assert native.who == "bob"


def test_dis02_a_sign_out_while_off_is_the_products_own(house, ada):
    disable()
    answer = ada.post("/logout")
    assert (answer.status, answer.one("location")) == (303 if "starlette" in str(type(house)).lower() else 302, "/")
    assert ada.who == "nobody"


@pytest.mark.parametrize("name", ["flask, flask-login", "starlette, plain"])
def test_dis02_in_replace_the_native_doors_open_with_the_switch(name):
    house = HOUSES[name](mode="replace")
    house.world.hub.mode = "replace"
    native = house.browser()
    native.post("/modal", SCRIPT)
    assert native.who == "nobody"
    disable()
    native.post("/modal", SCRIPT)
    assert native.who == "bob"


# --- the commands in an application -------------------------------------------------------------


class User:
    def __init__(self, account: Account) -> None:
        self.id, self.username, self.email = account.account_id, account.username, account.email
        self.is_active = True


ACCOUNTS = {account.account_id: User(account) for account in (ADA, BOB)}
SENT: list[str] = []


def find(name: str) -> User | None:
    return next((user for user in ACCOUNTS.values() if name in (user.username, user.email)), None)


def flask_application(**settings: object) -> Flask:
    app = Flask("shop")
    app.secret_key = "not a secret of anybody"
    app.add_url_rule("/new/<name>", "new_password", lambda name: name)
    product = FlaskProduct(
        verify_password=lambda *_: None,
        load=ACCOUNTS.get,
        find=find,
        session_key="user",
        send_reset=lambda email: SENT.append(f"{email} {url_for('new_password', name='x', _external=True)}"),
        without_password=lambda: [ACCOUNTS[BOB.account_id]],
    )
    LinkMW(app, product, **settings)
    return app


def starlette_application(**settings: object) -> Starlette:
    async def load(account_id: str) -> User | None:
        return ACCOUNTS.get(account_id)

    async def find_it(name: str) -> User | None:
        return find(name)

    async def send(email: str) -> None:
        SENT.append(email)

    async def without() -> list[User]:
        return [ACCOUNTS[BOB.account_id]]

    product = StarletteProduct(
        verify_password=lambda *_: None,
        load=load,
        find=find_it,
        session_key="user",
        send_reset=send,
        without_password=without,
    )
    return Starlette(middleware=[Middleware(LinkMiddleware, product=product, settings=settings)])


star = starlette_application(login_paths="/sign-in", public_url="https://shop.example")


def run_in_flask(app: Flask, *arguments: str, **options: object):
    return app.test_cli_runner(**APART).invoke(args=["linkmw", *arguments], **options)


@pytest.fixture(autouse=True)
def _nothing_sent():
    SENT.clear()


def test_dis01_flask_linkmw_is_the_same_tree_and_sees_the_applications_configuration():
    app = flask_application(login_paths="/sign-in", public_url="https://shop.example")
    assert app.cli.commands["linkmw"].list_commands(None) == main.list_commands(None)
    found = json.loads(run_in_flask(app, "info", "--json").stdout)
    assert (found["login_routes"], found["adapter"]) == (["/sign-in"], "linkmw_flask.product.Product")
    assert found["framework"].startswith("Flask ")
    shown = json.loads(run_in_flask(app, "config", "show", "--json").stdout)
    assert shown["LINKMW_LOGIN_PATHS"] == {"value": "/sign-in", "source": "`app.config`"}


def test_dis05_flask_linkmw_disable_names_what_the_code_overrules(complete):
    app = flask_application(**{key.lower(): value for key, value in complete.items()}, enabled=True)
    result = run_in_flask(app, "disable")
    assert result.exit_code == 3
    assert "`enabled` in `app.config` overrules the file" in result.stderr
    assert "`client_secret` in `app.config` still holds what was deleted" in result.stderr
    assert complete["CLIENT_SECRET"] not in result.output


def test_dis07_flask_linkmw_send_reset_sends_the_products_own_mail_to_its_public_url():
    app = flask_application(public_url="https://shop.example")
    result = run_in_flask(app, "send-reset", "bob")
    assert (result.exit_code, result.stdout) == (0, "bob: sent\n1 mail sent.\n"), result.output
    assert SENT == ["bob@orders.example https://shop.example/new/x"]


def test_dis07_disable_says_how_many_have_no_password_and_one_command_mails_them():
    app = flask_application(public_url="https://shop.example")
    assert "Accounts without a password of their own: 1." in run_in_flask(app, "disable").stdout
    asked = run_in_flask(app, "send-reset", "--without-password", input="n\n")
    assert (asked.exit_code, SENT) == (1, [])
    sent = run_in_flask(app, "send-reset", "--without-password", "--yes")
    assert (sent.exit_code, sent.stdout) == (0, "bob: sent\n1 mail sent.\n")


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["nobody"], 1, "knows no account nobody"),
        ([], 2, "name the USER"),
        (["bob", "--without-password"], 2, "name the USER"),
    ],
)
def test_dis07_send_reset_says_why_not(arguments, code, says):
    result = run_in_flask(flask_application(), "send-reset", *arguments)
    assert (result.exit_code, says in result.stderr) == (code, True), result.output


def test_dis07_dis01_elsewhere_the_application_is_named(monkeypatch):
    name = f"{__name__}:star"
    monkeypatch.setitem(__import__("sys").modules, __name__, __import__("sys").modules[__name__])
    found = json.loads(CliRunner().invoke(main, ["info", "--json", "--app", name]).stdout)
    assert (found["login_routes"], found["framework"].split()[0]) == (["/sign-in"], "Starlette")
    result = CliRunner().invoke(main, ["send-reset", "--app", name, "bob"])
    assert (result.exit_code, SENT) == (0, ["bob@orders.example"]), result.output
    result = CliRunner().invoke(main, ["send-reset", "--app", name, "--without-password", "--yes"])
    assert (result.exit_code, len(SENT)) == (0, 2)


@pytest.mark.parametrize(
    ("app", "code", "says"),
    [
        ("nothing", 2, "is not like shop.main:app"),
        ("json:nothing", 2, "cannot be loaded"),
        ("json:JSONDecoder", 3, "no linkmw in it"),
    ],
)
def test_an_application_that_cannot_be_used_is_said(app, code, says):
    result = CliRunner(**APART).invoke(main, ["status", "--app", app])
    assert (result.exit_code, says in result.stderr) == (code, True), result.output


def test_dis07_without_the_application_send_reset_says_how():
    result = CliRunner(**APART).invoke(main, ["send-reset", "bob"])
    assert (result.exit_code, "manage.py, flask, or --app" in result.stderr) == (3, True)
