"""The Starlette adapter keeps every adapter's promises: with `def` and with `async def` hooks."""

from __future__ import annotations

import asyncio
from http.cookies import SimpleCookie
from itertools import count

import pyotp
import pytest
from starlette.middleware.sessions import SessionMiddleware
from starlette.responses import Response

from linkmw.errors import SettingsError, Unavailable
from linkmw.gate.ports import OwnCheck, UnknownFactor
from linkmw.http import Request
from linkmw.model import Marker
from linkmw.run import in_thread
from linkmw.testing.conformance import ADA, GRACE, AdapterConformance, factor, start, verify
from linkmw_starlette import Product, bridge
from linkmw_starlette.bridge import LOOP


class User:
    def __init__(self, number, person):
        self.id, self.name, self.email = number, person.username, person.email
        self.password, self.totp_secret, self.is_active = person.password, person.totp_secret, person.active


class Accounts:
    def __init__(self):
        self.ids, self.users, self.used = count(1), {}, set()

    def add(self, person):
        number = next(self.ids)
        self.users[str(number)] = User(number, person)
        return str(number)

    def load(self, account_id):
        return self.users.get(account_id)

    def find(self, name):
        for field in ("name", "email"):
            found = [user for user in self.users.values() if getattr(user, field) == name]
            if found:
                return found[0] if len(found) == 1 else None
        return None

    def verify_password(self, username, password):
        user = self.find(username)
        return user if user and user.name == username and user.password == password else None

    def totp_secret(self, user):
        return user.totp_secret or None

    def own_check(self, user):
        return OwnCheck() if user.totp_secret else None

    def verify_code(self, user, code):
        fresh = code not in self.used and pyotp.TOTP(user.totp_secret).verify(code)
        self.used.add(code)
        return fresh


def awaited(hook):
    """The same hook, `async def`, insisting on an event loop of its own request."""

    async def hooked(*args):
        await asyncio.sleep(0)
        return hook(*args)

    return hooked


class StarletteStage:
    """SessionMiddleware around the adapter, which runs in a worker thread as under linkmw.asgi."""

    def __init__(self, *, as_hook=lambda hook: hook, **more):
        self.accounts = accounts = Accounts()
        told = {
            "verify_password": accounts.verify_password,
            "load": accounts.load,
            "find": accounts.find,
            "totp_secret": accounts.totp_secret,
            "verify_code": accounts.verify_code,
        }
        told.update(more or {"session_key": "member"})
        self.product = Product(**{name: as_hook(hook) if callable(hook) else hook for name, hook in told.items()})

    def add(self, person):
        return self.accounts.add(person)

    def visit(self, jar, do):
        async def in_worker(scope):
            LOOP.set(asyncio.get_running_loop())
            return await in_thread(do, Request("GET", "/.linkmw/prove", raw=scope))

        return asyncio.run(self._through_session(jar, in_worker))

    async def _through_session(self, jar, do):
        answers = []

        async def inner(scope, receive, send):
            answers.append(await do(scope))
            await Response()(scope, receive, send)

        async def send(message):
            for name, value in message.get("headers", ()):
                if name == b"set-cookie":
                    _keep_cookie(jar, value.decode())

        cookies = "; ".join(f"{name}={value}" for name, value in jar.items()).encode()
        scope = {"type": "http", "method": "GET", "path": "/", "headers": [(b"cookie", cookies)]}
        await SessionMiddleware(inner, secret_key="not a secret")(scope, None, send)
        return answers[0]

    def _session(self, jar, do):
        async def in_loop(scope):
            return do(scope["session"])

        return asyncio.run(self._through_session(jar, in_loop))

    def marker(self, jar):
        found = self._session(jar, lambda session: session.get("_linkmw"))
        return None if found is None else Marker(*found)

    def remember(self, jar, key, value):
        self._session(jar, lambda session: session.__setitem__(key, value))

    def recall(self, jar, key):
        return self._session(jar, lambda session: session.get(key))

    def code(self, secret):
        return pyotp.TOTP(secret).now()


def _keep_cookie(jar, header):
    for name, cookie in SimpleCookie(header).items():
        if cookie.value == "null":
            jar.pop(name, None)
        else:
            jar[name] = cookie.value


class TestPlainHooks(AdapterConformance):
    @pytest.fixture
    def stage(self):
        return StarletteStage()


class TestAsyncHooks(AdapterConformance):
    @pytest.fixture
    def stage(self):
        return StarletteStage(as_hook=awaited)


class TestCallablesOfItsOwn(AdapterConformance):
    """An application whose session says who it is in words of its own, and that checks codes itself."""

    @pytest.fixture
    def stage(self):
        async def user_of(connection):
            return stage.accounts.load(str(connection.session.get("who", {}).get("number")))

        def sign_in(connection, user):
            connection.session["who"] = {"number": user.id}

        def sign_out(connection):
            connection.session.pop("who")

        stage = StarletteStage(user_of=user_of, sign_in=sign_in, sign_out=sign_out)
        stage.product.hooks["totp_secret"] = stage.accounts.own_check
        return stage


def test_dis8_an_async_callable_in_disguise_is_still_awaited():
    """A coroutine is true: one that nobody awaits would make every password right."""

    class Checker:
        async def __call__(self, username, password):
            return None

    for hook in (Checker(), lambda username, password: Checker()(username, password)):
        assert verify(StarletteStage(session_key="member", verify_password=hook), "ada.l", "any") is None


def test_ot08_a_factor_no_code_can_satisfy_is_told_as_it_is():
    stage = StarletteStage(session_key="member", totp_secret=lambda user: UnknownFactor("WebAuthn"))
    assert factor(stage, stage.add(GRACE)) == UnknownFactor("WebAuthn")


def test_a_hook_that_never_answers_is_the_products_absence_not_a_hanging_thread(monkeypatch):
    monkeypatch.setattr(bridge, "HOOK_SECONDS", 0.05)

    async def load(account_id):
        await asyncio.Event().wait()

    stage = StarletteStage(session_key="member", load=load)
    with pytest.raises(Unavailable, match="did not answer"):
        factor(stage, "1")


def test_pr04_a_half_finished_sign_in_is_not_complete():
    stage = StarletteStage(session_key="member", is_complete=lambda connection: "shown" in connection.session)
    jar = {}
    start(stage, jar, stage.add(ADA), None)
    assert stage.visit(jar, stage.product.is_complete) is False
    stage.remember(jar, "shown", "yes")
    assert stage.visit(jar, stage.product.is_complete) is True


@pytest.mark.parametrize(("told", "missing"), [({"session_key": "id"}, "load"), ({"load": str}, "session_key")])
def test_a_product_that_cannot_work_says_what_is_missing(told, missing):
    with pytest.raises(SettingsError, match=missing):
        Product(verify_password=str, **told)
