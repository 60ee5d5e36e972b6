"""pgAdmin 4: Flask-Security and sessions of its own in files; it locks an account after three wrong passwords."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from playwright.sync_api import Page, expect
from tests.apps.application import Account, Application
from tests.apps.environment import Environment, run
from tests.apps.page import block, settings

_CONFIG = """
import os
SERVER_MODE = True
DATA_DIR = os.path.join(os.path.dirname(os.path.abspath(__file__)), "data")
LOG_FILE = os.path.join(DATA_DIR, "pgadmin4.log")
SQLITE_PATH = os.path.join(DATA_DIR, "pgadmin4.db")
SESSION_DB_PATH = os.path.join(DATA_DIR, "sessions")
STORAGE_DIR = os.path.join(DATA_DIR, "storage")
# It would ask a server in the internet for a picture of each person, and for its own newest version.
SHOW_GRAVATAR_IMAGE = False
UPGRADE_CHECK_ENABLED = False
"""


class PgAdmin(Application):
    name, title, server = "pgadmin", "pgAdmin 4", "gunicorn"
    package, framework, pins, python = "pgadmin4", "flask-security-too", "pgadmin", "3.11"
    login_path, inside = "/login", "/browser/"
    account = Account("alice@example.com", "Al1ce-pass!", "alice@example.com")
    settings = settings("pgadmin")
    masked = r"pga4_session=[^;]+"  # Base64, of which some characters separate words
    pages = ("/", "/browser/", "/browser/reset_password", "/misc/ping", "/no-such-page")

    def prepare(self, environment: Environment, folder: Path) -> None:
        (folder / "config.py").write_text(_CONFIG + block("pgadmin-own", "python"), encoding="utf-8")
        setup = _program(environment) / "setup.py"
        admin = {"PGADMIN_SETUP_EMAIL": "admin@example.com", "PGADMIN_SETUP_PASSWORD": "Adm1n-pass-phrase"}
        own = self.settings_of_its_own(folder, "")
        run(environment.python, setup, "setup-db", env={**own, **admin})
        run(environment.python, setup, "add-user", self.account.name, self.account.password, "--role", "User", env=own)

    def command(self, environment: Environment, site: Path, port: int) -> list[str]:
        server, program = str(environment.program("gunicorn")), str(_program(environment))
        options = ["--threads=8", "--no-control-socket", f"--bind=127.0.0.1:{port}", f"--chdir={program}"]
        return [server, *options, "pgAdmin4:app"]

    def settings_of_its_own(self, site: Path, url: str) -> Mapping[str, str]:
        return {"CONFIG_DISTRO_FILE_PATH": str(site / "config.py")}

    def signs_in(self, page: Page, account: Account, code: str = "") -> None:
        page.locator("input[name=email]").fill(account.name)
        page.locator("input[name=password]").fill(account.password)
        page.get_by_role("button", name="Login", exact=True).click()

    def permissions(self, page: Page, url: str) -> list[str]:
        """The menus of its desk, and what its own scripts are told that this person may do."""
        page.goto(f"{url}/browser/")
        # Megabytes of scripts draw its desk.
        expect(page.get_by_text("Object Explorer")).to_be_visible(timeout=60_000)
        told = page.evaluate("fetch('/user_management/current_user.js').then(answer => answer.text())")
        [staff, may] = re.findall(r"'(?:is_admin|permissions)': (.*?),?$", told, re.MULTILINE)
        menus = [page.get_by_role("button", name=name).first.inner_text() for name in ("File", "Object", "Tools")]
        return [*menus, staff, *sorted(re.findall(r"\w+", may))]

    def signs_out(self, page: Page, url: str) -> None:
        page.goto(f"{url}/logout")

    def wrong_passwords(self, site: Path) -> int:
        with closing(sqlite3.connect(site / "data" / "pgadmin4.db")) as database:
            asked = "SELECT login_attempts, locked FROM user WHERE username = ?"
            attempts, locked = database.execute(asked, (self.account.name,)).fetchone()
        assert not locked
        return int(attempts)


def _program(environment: Environment) -> Path:
    return environment.packages / "pgadmin4"
