"""What is made of an application from outside keeps every adapter's promises: Flask-Login, -Security, Starlette."""

from __future__ import annotations

import asyncio

import pytest
from flask import Flask
from flask_login import LoginManager
from flask_security import Security, SQLAlchemyUserDatastore
from flask_security import current_user as security_user
from flask_security.models import fsqla_v3
from flask_sqlalchemy import SQLAlchemy
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from tests.adapters.test_flask_conformance import Accounts, FlaskStage, ServerSide, User
from tests.adapters.test_starlette_conformance import StarletteStage

from linkmw import asgi, wsgi
from linkmw.http import Request
from linkmw.model import Marker
from linkmw.outside import adapter_file
from linkmw.testing.conformance import ADA, SessionConformance, signed_in, start


@pytest.fixture
def configured(complete, monkeypatch):
    for name, value in complete.items():
        monkeypatch.setenv(f"LINKMW_{name}", value)


class WrappedFlask(FlaskStage):
    """An application that was wrapped, and the product that was made of it."""

    def __init__(self, app):
        self.app = app
        wsgi.wrap(app)
        self.product = app.wsgi_app._product


class TestFlaskLogin(SessionConformance):
    @pytest.fixture(params=["cookie", "server side"])
    def stage(self, request, configured):
        accounts = Accounts(User)
        app = Flask("stage")
        app.secret_key = "not a secret"
        if request.param == "server side":
            app.session_interface = ServerSide()
        LoginManager(app).user_loader(accounts.load)
        stage = WrappedFlask(app)
        stage.accounts = accounts
        return stage


class FlaskSecurityStage(WrappedFlask):
    def add(self, person):
        store = self.app.extensions["security"].datastore
        with self.app.app_context():
            user = store.create_user(email=person.email, username=person.username, active=person.active)
            store.commit()
            return str(user.id)

    def user(self, account_id):
        return self.app.extensions["security"].datastore.find_user(id=int(account_id))


@pytest.fixture
def security(configured, tmp_path):
    app = Flask("stage")
    app.config.update(
        SECRET_KEY="not a secret",
        SECURITY_PASSWORD_SALT="no salt",
        SECURITY_TRACKABLE=True,
        SECURITY_LOGIN_URL="/members/enter",
        SQLALCHEMY_DATABASE_URI=f"sqlite:///{tmp_path}/people.db",
    )
    db = SQLAlchemy(app)
    fsqla_v3.FsModels.set_db_info(db)

    class Role(db.Model, fsqla_v3.FsRoleMixin):
        pass

    class Person(db.Model, fsqla_v3.FsUserMixin):
        __tablename__ = "user"

    Security(app, SQLAlchemyUserDatastore(db, Person, Role))
    with app.app_context():
        db.create_all()
    yield FlaskSecurityStage(app)
    with app.app_context():
        db.session.remove()
        db.engine.dispose()


class TestFlaskSecurity(SessionConformance):
    @pytest.fixture
    def stage(self, security):
        return security

    def test_a_link_is_with_the_key_that_does_not_change(self, stage):
        account_id = stage.add(ADA)
        jar = {}
        start(stage, jar, account_id, None)
        assert stage.recall(jar, "_user_id") != account_id
        assert signed_in(stage, jar).account_id == account_id
        with stage.app.app_context():
            store = stage.app.extensions["security"].datastore
            store.set_uniquifier(stage.user(account_id))
            store.commit()
        assert signed_in(stage, jar) is None
        start(stage, jar, account_id, None)
        assert signed_in(stage, jar).account_id == account_id

    def test_a_session_is_one_that_its_own_login_could_have_begun(self, stage):
        account_id = stage.add(ADA)
        jar = {}
        start(stage, jar, account_id, Marker("sid", 2_000_000_000))
        assert stage.recall(jar, "fs_cc") == "set"
        assert stage.recall(jar, "fs_paa") > 0
        assert stage.recall(jar, "_fresh") is True
        assert stage.inside(jar, lambda: security_user.email) == ADA.email
        with stage.app.app_context():
            assert stage.user(account_id).login_count == 1

    def test_its_login_route_is_known(self, stage):
        assert stage.app.extensions["linkmw"].login_paths == ("/members/enter",)


ADAPTER = """
from tests.outside import test_outside_conformance as told

class Adapter:
    def load(self, account_id):
        return told.PEOPLE[0].load(account_id)

    def extra(self, request, user):
        return {"pinned": user.name}

    def complete(self, request):
        return "half" not in request.raw["session"]
"""
PEOPLE = []


class WrappedStarlette(StarletteStage):
    def __init__(self):
        super().__init__()
        PEOPLE[:] = [self.accounts]
        app = Starlette(middleware=[Middleware(SessionMiddleware, secret_key="not a secret")])
        assert asgi.wrap(app) is app
        [_, ours] = app.user_middleware
        self.product = ours.kwargs["product"]


class TestStarlette(SessionConformance):
    @pytest.fixture
    def stage(self, configured, monkeypatch, tmp_path):
        (tmp_path / "known.py").write_text(ADAPTER)
        monkeypatch.setenv("LINKMW_ADAPTER", f"{tmp_path}/known.py:Adapter")
        monkeypatch.setenv("LINKMW_SESSION_KEY", "member:int")
        adapter_file.read.cache_clear()
        return WrappedStarlette()

    def test_what_the_file_adds_is_in_the_session_and_judges_the_sign_in(self, stage):
        account_id = stage.add(ADA)
        jar = {}
        start(stage, jar, account_id, None)
        assert stage.recall(jar, "pinned") == ADA.username
        assert stage.visit(jar, stage.product.is_complete) is True
        stage.remember(jar, "half", "yes")
        assert stage.visit(jar, stage.product.is_complete) is False


def test_a_session_key_that_is_a_number_is_one_for_the_application(configured, monkeypatch):
    monkeypatch.setenv("LINKMW_SESSION_KEY", "member:int")
    app = Starlette(middleware=[Middleware(SessionMiddleware, secret_key="not a secret")])
    asgi.wrap(app)
    product = app.user_middleware[1].kwargs["product"]
    session = {}
    product.start_session(Request("GET", "/", raw={"type": "http", "session": session}), "7", None)
    assert session == {"member": 7}


def test_starlette_without_a_session_key_or_without_sessions_is_told_what_would_help(configured, monkeypatch, caplog):
    app = Starlette(middleware=[Middleware(SessionMiddleware, secret_key="not a secret")])
    assert asgi.wrap(app) is app
    assert "name the key of its session with LINKMW_SESSION_KEY" in caplog.text
    monkeypatch.setenv("LINKMW_SESSION_KEY", "member")
    asgi.wrap(Starlette())
    assert "has no SessionMiddleware" in caplog.text


def test_a_stack_of_middleware_that_was_made_already_is_made_anew(configured, monkeypatch):
    monkeypatch.setenv("LINKMW_SESSION_KEY", "member")
    app = Starlette(middleware=[Middleware(SessionMiddleware, secret_key="not a secret")])
    sent = []

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": "/.linkmw/callback", "query_string": b"state=x", "headers": []}
    asyncio.run(app({**scope, "app": app}, None, send))
    asgi.wrap(app)
    asyncio.run(app({**scope, "app": app}, None, send))
    assert [message["status"] for message in sent if message["type"] == "http.response.start"] == [404, 400]
