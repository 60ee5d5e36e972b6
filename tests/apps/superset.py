"""Superset: Flask-AppBuilder; a login page that only its scripts draw, and a session in a signed cookie."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from playwright.sync_api import Page, expect
from tests.apps.application import Account, Application
from tests.apps.environment import Environment, run
from tests.apps.page import settings

# What its documentation asks for: a secret of one's own, and where its data is.
_CONFIG = """
from pathlib import Path
SECRET_KEY = "superset-of-the-story-told-of-each-application"
SQLALCHEMY_DATABASE_URI = f"sqlite:///{Path(__file__).parent / 'superset.db'}"
"""


class Superset(Application):
    name, title, server = "superset", "Superset", "gunicorn"
    package, framework, pins, python = "apache-superset", "flask-login", "superset", "3.11"
    login_path, inside = "/login/", "/superset/welcome/"
    account = Account("alice", "Al1ce-pass!", "alice@acme.example")
    settings = settings("superset")
    pages = ("/", "/health", "/api/v1/me/", "/superset/welcome/", "/no-such-page")

    def prepare(self, environment: Environment, folder: Path) -> None:
        (folder / "superset_config.py").write_text(_CONFIG, encoding="utf-8")
        env, superset = self.settings_of_its_own(folder, ""), environment.program("superset")
        admin = ("--username=admin", "--firstname=Ada", "--lastname=Admin", "--email=admin@acme.example")
        alice = (f"--username={self.account.name}", "--firstname=Al", "--lastname=Ice", f"--email={self.account.email}")
        run(superset, "db", "upgrade", env=env)
        run(superset, "fab", "create-admin", *admin, "--password=Adm1n-pass-phrase", env=env)
        run(superset, "init", env=env)
        run(superset, "fab", "create-user", "--role=Gamma", *alice, f"--password={self.account.password}", env=env)

    def command(self, environment: Environment, site: Path, port: int) -> list[str]:
        server = str(environment.program("gunicorn"))
        return [server, "--threads=4", "--no-control-socket", f"--bind=127.0.0.1:{port}", "superset.app:create_app()"]

    def settings_of_its_own(self, site: Path, url: str) -> Mapping[str, str]:
        config = {"SUPERSET_CONFIG_PATH": str(site / "superset_config.py"), "SUPERSET_HOME": str(site)}
        # Its pages show sets, whose order is another in each process unless told otherwise.
        return {**config, "FLASK_APP": "superset", "PYTHONHASHSEED": "0"}

    def signs_in(self, page: Page, account: Account, code: str = "") -> None:
        page.get_by_test_id("username-input").or_(page.locator("#username")).fill(account.name)
        page.locator("#password").fill(account.password)
        page.get_by_role("button", name="Sign in", exact=True).click()

    def permissions(self, page: Page, url: str) -> list[str]:
        """Its menu, and what its own interface says this person may do."""
        page.goto(f"{url}/superset/welcome/")
        expect(page.get_by_role("link", name="Apache Superset").or_(page.locator("nav, header")).first).to_be_visible()
        roles = page.evaluate(
            "fetch('/api/v1/me/roles/').then(answer => answer.json()).then(told => told.result.roles)"
        )
        return [*sorted(set(page.locator("[role=menu] a").all_inner_texts())), json.dumps(roles)]

    def signs_out(self, page: Page, url: str) -> None:
        """Where its menu leads."""
        page.goto(f"{url}/logout/")
