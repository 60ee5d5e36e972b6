"""The Flask adapter keeps every adapter's promises: with Flask-Login and without, whatever keeps the sessions."""

from __future__ import annotations

import secrets
from http.cookies import SimpleCookie
from itertools import count

import pyotp
import pytest
from flask import Flask, session
from flask.sessions import SecureCookieSession, SessionInterface
from flask_login import LoginManager, UserMixin, login_user
from werkzeug.test import create_environ

from linkmw.errors import SettingsError
from linkmw.gate.ports import OwnCheck
from linkmw.http import Request
from linkmw.model import Marker
from linkmw.testing.conformance import ADA, ALAN, AdapterConformance, signed_in, start, verify
from linkmw_flask import Product


class User(UserMixin):
    """What Flask-Login calls a user."""

    is_active = True  # a plain attribute here; Flask-Login's is a property

    def __init__(self, number, person):
        self.id, self.username, self.email = number, person.username, person.email
        self.password, self.totp_secret = person.password, person.totp_secret
        self.is_active = person.active


def row(number, person):
    """What an application without user objects has: a row."""
    return {**vars(User(number, person))}


class Accounts:
    """A product's accounts, and the hooks that tell of them."""

    def __init__(self, make):
        self._make, self._ids, self.users, self.used = make, count(1), {}, set()

    def add(self, person):
        number = next(self._ids)
        self.users[str(number)] = self._make(number, person)
        return str(number)

    def read(self, user, name):
        return user[name] if isinstance(user, dict) else getattr(user, name)

    def load(self, account_id):
        return self.users.get(account_id)

    def find(self, name):
        for field in ("username", "email"):
            found = [user for user in self.users.values() if self.read(user, field) == name]
            if found:
                return found[0] if len(found) == 1 else None
        return None

    def verify_password(self, username, password):
        found = [user for user in self.users.values() if self.read(user, "username") == username]
        return found[0] if found and self.read(found[0], "password") == password else None

    def totp_secret(self, user):
        return self.read(user, "totp_secret") or None

    def own_check(self, user):
        return OwnCheck() if self.read(user, "totp_secret") else None

    def verify_code(self, user, code):
        fresh = code not in self.used and pyotp.TOTP(self.read(user, "totp_secret")).verify(code)
        self.used.add(code)
        return fresh


class ServerSide(SessionInterface):
    """Sessions in a dictionary, and an id that stays the same whatever happens: the worst there is (SC01)."""

    class Session(SecureCookieSession):
        sid = ""

    def __init__(self):
        self.stored = {}

    def open_session(self, app, request):
        sid = request.cookies.get("session", "")
        opened = self.Session(self.stored.get(sid, {}))
        opened.sid = sid if sid in self.stored else secrets.token_hex(8)
        return opened

    def save_session(self, app, session, response):
        self.stored[session.sid] = dict(session)
        response.set_cookie("session", session.sid)


class FlaskStage:
    """A Flask application around the adapter."""

    def __init__(self, *, flask_login=True, interface=None, **hooks):
        self.accounts = Accounts(User if flask_login else row)
        self.app = Flask("stage")
        self.app.secret_key = "not a secret"
        if interface is not None:
            self.app.session_interface = interface
        if flask_login:
            LoginManager(self.app).user_loader(self.accounts.load)
        else:
            hooks = {"load": self.accounts.load, "session_key": "user_id", **hooks}
        told = {
            "verify_password": self.accounts.verify_password,
            "find": self.accounts.find,
            "totp_secret": self.accounts.totp_secret,
            "verify_code": self.accounts.verify_code,
        }
        self.product = Product(**{**told, **hooks}).bound_to(self.app)

    def add(self, person):
        return self.accounts.add(person)

    def _environ(self, jar):
        cookies = "; ".join(f"{name}={value}" for name, value in jar.items())
        return create_environ("/.linkmw/prove", environ_overrides={"HTTP_COOKIE": cookies})

    def visit(self, jar, do):
        answer = do(Request("GET", "/.linkmw/prove", raw=self._environ(jar)))
        _keep_cookies(jar, answer if isinstance(answer, tuple) else ())
        return answer

    def inside(self, jar, do):
        """What the product's own view would do."""
        with self.app.request_context(self._environ(jar)):
            value = do()
            response = self.app.process_response(self.app.response_class())
        _keep_cookies(jar, (("Set-Cookie", header) for header in response.headers.getlist("Set-Cookie")))
        return value

    def marker(self, jar):
        found = self.inside(jar, lambda: session.get("_linkmw"))
        return None if found is None else Marker(*found)

    def remember(self, jar, key, value):
        self.inside(jar, lambda: session.__setitem__(key, value))

    def recall(self, jar, key):
        return self.inside(jar, lambda: session.get(key))

    def code(self, secret):
        return pyotp.TOTP(secret).now()


def _keep_cookies(jar, headers):
    for _, header in headers:
        for name, cookie in SimpleCookie(header).items():
            if cookie.value:
                jar[name] = cookie.value
            else:
                jar.pop(name, None)


class TestFlaskLogin(AdapterConformance):
    @pytest.fixture(params=["cookie", "server side"])
    def stage(self, request):
        return FlaskStage(interface=ServerSide() if request.param == "server side" else None)

    def test_lt12_somebody_elses_remember_me_cookie_goes_too(self, stage):
        ada, alan = stage.add(ADA), stage.add(ALAN)
        jar = {}
        stage.inside(jar, lambda: login_user(stage.accounts.load(ada), remember=True))
        assert "remember_token" in jar
        start(stage, jar, alan, None)
        assert "remember_token" not in jar
        assert signed_in(stage, jar).account_id == alan

    def test_an_account_remembered_by_cookie_alone_is_current(self, stage):
        ada = stage.add(ADA)
        jar = {}
        stage.inside(jar, lambda: login_user(stage.accounts.load(ada), remember=True))
        del jar["session"]
        assert signed_in(stage, jar).account_id == ada

    def test_one_set_cookie_for_each_name(self, stage):
        ada, alan = stage.add(ADA), stage.add(ALAN)
        jar = {}
        start(stage, jar, ada, None)
        names = [header.partition("=")[0] for _, header in start(stage, jar, alan, None)]
        assert sorted(set(names)) == sorted(names)


class TestServerSideSessions:
    def test_sc01_the_session_that_was_planted_is_empty_afterwards(self):
        stage = FlaskStage(interface=ServerSide())
        ada = stage.add(ADA)
        jar = {}
        stage.remember(jar, "basket", "planted")
        planted = dict(jar)
        start(stage, jar, ada, None)
        assert jar["session"] != planted["session"]
        assert stage.recall(planted, "basket") is None


class TestPlainSession(AdapterConformance):
    @pytest.fixture(params=["cookie", "server side"])
    def stage(self, request):
        return FlaskStage(flask_login=False, interface=ServerSide() if request.param == "server side" else None)


class TestCallablesOfItsOwn(AdapterConformance):
    """An application whose session says who it is in words of its own, and that checks codes itself."""

    @pytest.fixture
    def stage(self):
        def user_of():
            return stage.accounts.load(str(session.get("who", {}).get("number")))

        def sign_in(user):
            session["who"] = {"number": user["id"]}

        def sign_out():
            session.clear()

        stage = FlaskStage(flask_login=False, session_key="", user_of=user_of, sign_in=sign_in, sign_out=sign_out)
        stage.product.hooks["totp_secret"] = stage.accounts.own_check
        return stage


def test_dis8_an_async_hook_is_no_right_password():
    """Flask's hooks are blocking. A coroutine is true: taken for a user it would make every password right."""

    class Checker:
        def __await__(self):
            yield

    stage = FlaskStage(verify_password=lambda username, password: Checker())
    with pytest.raises(SettingsError, match="has no id"):
        verify(stage, "ada.l", "any")


def test_pr04_a_half_finished_sign_in_is_not_complete():
    stage = FlaskStage(is_complete=lambda: bool(session.get("code_was_shown")))
    ada = stage.add(ADA)
    jar = {}
    start(stage, jar, ada, None)
    assert stage.visit(jar, stage.product.is_complete) is False
    stage.remember(jar, "code_was_shown", "yes")
    assert stage.visit(jar, stage.product.is_complete) is True
