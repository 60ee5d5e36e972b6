"""The set-up lines of the README do what they say: each is run as it stands, and its login page gets the button."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask_login import LoginManager, UserMixin
from starlette.applications import Starlette
from starlette.middleware.sessions import SessionMiddleware

import linkmw.asgi
import linkmw.wsgi
import linkmw_flask
import linkmw_starlette

README = (Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")
COMPLETE = {
    "LINKMW_HUB_URL": "https://id.acme.example",
    "LINKMW_PUBLIC_URL": "https://orders.acme.example",
    "LINKMW_ORGANIZATION_ID": "acme",
    "LINKMW_CLIENT_ID": "orders-1",
    "LINKMW_CLIENT_SECRET": "s" * 43,
    "LINKMW_REDIS_URL": "redis://localhost:6379/0",
}


class User(UserMixin):
    id = "1"


def given() -> dict[str, Any]:
    """What a product has already, by the names that the README uses."""
    flask = Flask("product")
    flask.secret_key = "k" * 32
    LoginManager(flask).user_loader(lambda _id: User())
    return {
        "check_password": lambda _name, _password: None,
        "find_user": lambda _name: None,
        "load_user": lambda _id: None,
        "secret": "k" * 32,
        "SessionMiddleware": SessionMiddleware,
        "MyProduct": object,
        "app": flask,
        "application": flask.wsgi_app,
        "INSTALLED_APPS": [],
        "MIDDLEWARE": [],
    }


def lines_after(heading: str) -> str:
    found = re.search(re.escape(heading) + r".*?```python\n(.*?)```", README, re.DOTALL)
    assert found, heading
    return found.group(1)


@pytest.fixture
def complete(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in COMPLETE.items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("complete")
def test_readme_flask() -> None:
    names = given()
    exec(lines_after("**Flask**"), names)
    assert isinstance(names["app"].wsgi_app, linkmw.wsgi.LinkMiddleware)
    assert names["app"].extensions["linkmw"].on
    assert issubclass(linkmw_flask.Product, object)


@pytest.mark.usefixtures("complete")
def test_readme_starlette() -> None:
    names = {**given(), "app": Starlette()}
    exec(lines_after("**Starlette or FastAPI**"), names)
    outer, inner = (middleware.cls for middleware in names["app"].user_middleware)
    assert (outer, inner) == (SessionMiddleware, linkmw_starlette.LinkMiddleware)
    names["app"].build_middleware_stack()


@pytest.mark.usefixtures("complete")
@pytest.mark.parametrize(
    ("heading", "name", "kind"),
    [
        ("**Any WSGI application**", "application", linkmw.wsgi.LinkMiddleware),
        ("**Any ASGI application**", "app", linkmw.asgi.LinkMiddleware),
    ],
)
def test_readme_plain(heading: str, name: str, kind: type) -> None:
    names = given()
    exec(lines_after(heading), names)
    assert isinstance(names[name], kind)


def test_readme_django_lines_are_those_of_the_wagtail_site() -> None:
    names = given()
    exec(lines_after("**Django**"), names)
    assert names["MIDDLEWARE"] == ["linkmw_django.LinkMiddleware"]
    wagtail = given()
    exec(lines_after("<!-- wagtail:begin -->"), wagtail)
    assert wagtail["MIDDLEWARE"] == names["MIDDLEWARE"]
    assert wagtail["INSTALLED_APPS"] == names["INSTALLED_APPS"] == ["linkmw_django"]


def test_every_piece_of_code_is_run_here() -> None:
    headings = ("**Django**", "**Flask**", "**Starlette or FastAPI**", "**Any WSGI application**")
    headings += ("**Any ASGI application**", "<!-- wagtail:begin -->")
    assert [lines_after(heading) for heading in headings] == re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def test_every_file_the_readme_links_to_is_there() -> None:
    root = Path(__file__).resolve().parents[2]
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (root / target).exists(), target
