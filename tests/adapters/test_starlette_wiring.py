"""How linkmw stands in a Starlette application."""

from __future__ import annotations

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from linkmw_starlette import LinkMiddleware, Product

SESSION = Middleware(SessionMiddleware, secret_key="not a secret")


async def load(account_id):
    return None


def link(**settings):
    product = Product(verify_password=lambda username, password: None, load=load, session_key="member")
    return Middleware(LinkMiddleware, product=product, settings=settings)


def client_of(*middleware):
    async def login(request):
        return PlainTextResponse("the product's login")

    return TestClient(Starlette(routes=[Route("/login", login)], middleware=list(middleware)))


def test_the_gate_stands_behind_the_session(complete):
    client = client_of(SESSION, link(**complete))
    answer = client.get("/.linkmw/callback?state=none&code=x")
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert client.get("/login").text == "the product's login"


@pytest.mark.parametrize("order", ["no session", "session behind"])
def test_dis12_without_a_session_in_the_scope_it_is_off_and_says_so_once(complete, caplog, order):
    client = client_of(link(**complete), *([SESSION] if order == "session behind" else []))
    for _ in range(2):
        assert client.get("/login").text == "the product's login"
        assert client.get("/.linkmw/login").status_code == 404
    said = [record.message for record in caplog.records if "SessionMiddleware" in record.message]
    assert len(said) == 1


def test_dis12_an_unknown_setting_breaks_no_boot_and_is_said_in_the_log(complete, caplog):
    client = client_of(SESSION, link(**complete, login_path="/login"))
    assert client.get("/login").text == "the product's login"
    assert "did you mean login_paths?" in caplog.text


def test_dis12_the_environment_wins(complete, monkeypatch):
    monkeypatch.setenv("LINKMW_ENABLED", "no")
    client = client_of(SESSION, link(**complete))
    assert client.get("/.linkmw/callback?state=none&code=x").status_code == 404
