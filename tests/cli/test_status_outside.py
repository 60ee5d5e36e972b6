"""`linkmw status` and `linkmw doctor` look into an application that has no linkmw of its own."""

from __future__ import annotations

import json
import sys
from types import ModuleType

import pytest
from click.testing import CliRunner
from flask import Flask
from flask_login import LoginManager

from linkmw.cli.doctor import wiring
from linkmw.cli.main import main

COMPLETE = {
    "HUB_URL": "http://hub.localhost:9", "HUB_INTERNAL_URL": "http://127.0.0.1:9", "ORGANIZATION_ID": "acme",
    "PUBLIC_URL": "http://product.localhost", "CLIENT_ID": "orders", "CLIENT_SECRET": "s" * 43,
    "REDIS_URL": "redis://127.0.0.1:9/0",
}  # fmt: skip


@pytest.fixture
def theirs(monkeypatch, tmp_path):
    for name, value in {**COMPLETE, "CONFIG": str(tmp_path / "none.toml")}.items():
        monkeypatch.setenv(f"LINKMW_{name}", value)
    module = ModuleType("shop_of_theirs")
    module.plain = lambda environ, start_response: []
    module.app = Flask("shop")
    module.app.secret_key = "not a secret"
    LoginManager(module.app).user_loader(lambda account_id: None)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return module


def status(*more):
    return CliRunner().invoke(main, ["status", *more])


def test_status_says_what_is_recognised_from_outside(theirs, caplog):
    found = status("--app", "shop_of_theirs:app", "--json")
    assert found.exit_code == 0, found.output
    [line] = json.loads(found.output)["recognised"]
    assert line.startswith("Flask ")
    assert "accounts: Flask-Login" in line
    assert "recognised" not in caplog.text


def test_status_says_it_in_words_with_what_is_not_covered(theirs, monkeypatch):
    monkeypatch.setenv("LINKMW_REMOTE_USER", "X-Remote-User")
    said = status("--app", "shop_of_theirs:plain").output
    assert "From outside, as `linkmw run` sees it: WSGI by X-Remote-User; accounts" in said
    assert "not covered: proving an account here" in said


def test_status_says_why_an_application_cannot_be_covered(theirs):
    found = status("--app", "shop_of_theirs:plain")
    assert found.exit_code != 0
    assert "`linkmw run` does not cover it: nothing in this application says who is signed in" in found.output


def test_doctor_says_what_it_would_be_under_linkmw_run(theirs):
    [found] = wiring.findings(wiring.read("shop_of_theirs:app"))
    assert "started by `linkmw run` it is: Flask " in found.found
    [bare] = wiring.findings(wiring.read("shop_of_theirs:plain"))
    assert bare.found == "the application is not wrapped"
