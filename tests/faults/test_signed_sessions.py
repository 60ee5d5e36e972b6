"""What a clock that goes back does to Flask and Starlette without linkmw: a row of docs/faults.md signs people out."""

from __future__ import annotations

import time
from collections.abc import Callable

import flask
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

BACK = 150  # seconds


def in_flask() -> Callable[[str], str]:
    app = flask.Flask("alone")
    app.secret_key = "of-a-test"

    @app.get("/in")
    def signs_in() -> str:
        flask.session["user"] = "ann"
        return "in"

    @app.get("/who")
    def who() -> str:
        return flask.session.get("user", "nobody")

    client = app.test_client()
    return lambda path: client.get(path).text


def in_starlette() -> Callable[[str], str]:
    async def signs_in(request: Request) -> PlainTextResponse:
        request.session["user"] = "ann"
        return PlainTextResponse("in")

    async def who(request: Request) -> PlainTextResponse:
        return PlainTextResponse(request.session.get("user", "nobody"))

    session = Middleware(SessionMiddleware, secret_key="of-a-test")
    client = TestClient(Starlette(routes=[Route("/in", signs_in), Route("/who", who)], middleware=[session]))
    return lambda path: client.get(path).text


@pytest.mark.parametrize("product", [in_flask, in_starlette])
def test_a_signed_session_from_the_future_is_nobodys_without_linkmw(
    monkeypatch: pytest.MonkeyPatch, product: Callable[[], Callable[[str], str]]
) -> None:
    get, now = product(), time.time
    get("/in")
    assert get("/who") == "ann"
    monkeypatch.setattr("itsdangerous.timed.time.time", lambda: now() - BACK)
    assert get("/who") == "nobody"
