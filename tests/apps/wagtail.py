"""Wagtail: Django under gunicorn and under uvicorn, a site as `wagtail start` makes it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from playwright.sync_api import Page, expect
from tests.apps.application import Account, Application, gunicorn
from tests.apps.environment import ROOT, Environment, run

# As `django-admin startproject` writes it; `wagtail start` has a wsgi.py only.
_ASGI = """
import os
from django.core.asgi import get_asgi_application
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mysite.settings.dev")
application = get_asgi_application()
"""


class WagtailWsgi(Application):
    name, title, server, proof = "wagtail-wsgi", "Wagtail", "gunicorn", "form"
    package, framework, pins, python = "wagtail", "django", "wagtail", "3.12"
    login_path, inside = "/admin/login/", "/admin/pages/"
    account = Account("edith", "Ed1th-writes-pages", "edith@acme.example")
    settings = {"LINKMW_LOGIN_PATHS": "/admin/login/"}
    pages = ("/", "/admin/", "/admin/password_reset/", "/django-admin/login/", "/no-such-page/")

    def prepare(self, environment: Environment, folder: Path) -> None:
        people = f"""
from django.contrib.auth.models import Group, User
User.objects.create_superuser("admin", "admin@acme.example", "Adm1n-pass-phrase")
editor = User.objects.create_user({self.account.name!r}, {self.account.email!r}, {self.account.password!r})
editor.groups.add(Group.objects.get(name="Editors"))
"""
        run(environment.program("wagtail"), "start", "mysite", folder)
        (folder / "mysite" / "asgi.py").write_text(_ASGI, encoding="utf-8")
        run(environment.python, "manage.py", "migrate", "--verbosity=0", cwd=folder)
        run(environment.python, "manage.py", "shell", cwd=folder, given=people)

    def command(self, environment: Environment, site: Path, port: int) -> list[str]:
        return gunicorn(environment, port, "mysite.wsgi:application")

    def signs_in(self, page: Page, account: Account, code: str = "") -> None:
        page.locator("input[name=username]").fill(account.name)
        page.locator("input[name=password]").fill(account.password)
        page.get_by_role("button", name="Sign in").click()

    def permissions(self, page: Page, url: str) -> list[str]:
        page.goto(f"{url}/admin/")
        expect(page.get_by_role("navigation").first).to_be_visible()
        return sorted(set(page.locator("nav a, nav button").all_inner_texts()))

    def signs_out(self, page: Page, url: str) -> None:
        page.goto(f"{url}/admin/")
        page.get_by_role("button", name=self.account.name).click()
        page.get_by_role("button", name="Log out").click()
        expect(page.get_by_role("button", name="Log out")).to_have_count(0)


class WagtailAsgi(WagtailWsgi):
    name, server, proof = "wagtail-asgi", "uvicorn", "native"
    settings = {"LINKMW_LOGIN_PATHS": "/admin/login/", "LINKMW_PROOF": "native"}

    def command(self, environment: Environment, site: Path, port: int) -> list[str]:
        server = str(environment.program("uvicorn"))
        address = ["--host=127.0.0.1", f"--port={port}", "--lifespan=off", "--no-access-log"]
        return [server, *address, "mysite.asgi:application"]


class WagtailMiddleware(WagtailWsgi):
    """Not wrapped from outside: the lines that the README says to add stand at the end of its settings."""

    name, wrapped_by = "wagtail-middleware", "MIDDLEWARE"
    settings = {}
    masked = r"\?v=[0-9a-f]{8}"  # a hash over INSTALLED_APPS, at every static file

    def with_linkmw(
        self, linkmw: Path, site: Path, command: list[str], env: Mapping[str, str]
    ) -> tuple[list[str], dict[str, str]]:
        base = site / "mysite" / "settings" / "base.py"
        settings = base.read_text(encoding="utf-8")
        if readme_settings() not in settings:
            base.write_text(f"{settings}\n{readme_settings()}", encoding="utf-8")
        return command, {**env, "PYTHONPATH": str(linkmw)}

    def files(self, site: Path) -> dict[str, str]:
        """All but the settings."""
        return {path: hashed for path, hashed in super().files(site).items() if "settings" not in path}


def readme_settings() -> str:
    """The lines that the README says to add: the story is told on exactly those."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    found = re.search(r"<!-- wagtail:begin -->\n```python\n(.*?)```", text, re.DOTALL)
    assert found
    return found.group(1)
