"""Spirit: a forum on Django that counts the tries at its login itself."""

from __future__ import annotations

import os
from pathlib import Path

from playwright.sync_api import Page, expect
from tests.apps.application import Account, Application, gunicorn
from tests.apps.environment import Environment, run


class Spirit(Application):
    name, title, server = "spirit", "Spirit", "gunicorn"
    package, framework, pins, python = "django-spirit", "django", "spirit", "3.11"
    login_path, inside = "/user/login/", "/topic/private/"
    account = Account("alice", "Al1ce-writes-much", "alice@acme.example")
    settings = {"LINKMW_LOGIN_PATHS": "/user/login/", "LINKMW_PROOF": "native"}
    pages = ("/", "/user/register/", "/user/password-reset/", "/topic/private/", "/no-such-page/")

    def prepare(self, environment: Environment, folder: Path) -> None:
        people = """
from django.contrib.auth.models import User
User.objects.create_superuser("admin", "admin@acme.example", "Adm1n-pass-phrase")
alice = User.objects.create_user("alice", "alice@acme.example", "Al1ce-writes-much")
alice.st.is_verified = True
alice.st.is_moderator = True
alice.st.save()
"""
        # As `settings/dev.py` says to do: it takes visitors of 127.0.0.1 only.
        local = 'from .dev import *\nALLOWED_HOSTS = ["127.0.0.1", ".localhost"]\n'
        path = f"{environment.python.parent}:{os.environ['PATH']}"
        run(environment.program("spirit"), "startproject", "mysite", cwd=folder, env={"PATH": path})
        site = folder / "mysite"
        (site / "mysite" / "settings" / "dev_local.py").write_text(local, encoding="utf-8")
        env = {"DJANGO_SETTINGS_MODULE": "mysite.settings.dev_local"}
        run(environment.python, "manage.py", "spiritinstall", cwd=site, env=env)
        run(environment.python, "manage.py", "shell", cwd=site, env=env, given=people)

    def folder(self, site: Path) -> Path:
        return site / "mysite"

    def settings_of_its_own(self, site: Path, url: str) -> dict[str, str]:
        return {"DJANGO_SETTINGS_MODULE": "mysite.settings.dev_local"}

    def command(self, environment: Environment, site: Path, port: int) -> list[str]:
        return gunicorn(environment, port, "mysite.wsgi:application")

    def signs_in(self, page: Page, account: Account, code: str = "") -> None:
        page.locator("input[name=username]").fill(account.name)
        page.locator("input[name=password]").fill(account.password)
        page.get_by_role("button", name="Login").click()

    def permissions(self, page: Page, url: str) -> list[str]:
        page.goto(f"{url}/")
        expect(page.locator("a[href*='/user/logout/']").first).to_be_attached()
        offered = page.locator("nav a").all_text_contents()
        return sorted({" ".join(text.split()) for text in offered} - {""})

    def signs_out(self, page: Page, url: str) -> None:
        """What its script makes of the link; gunicorn alone serves no script."""
        page.goto(f"{url}/user/menu/")
        with page.expect_navigation():
            page.get_by_role("link", name="Log out").first.evaluate(_POST)


_POST = """link => {
  const form = Object.assign(document.createElement("form"), {method: "post", action: link.href});
  const [, token] = document.cookie.match(/csrftoken=([^;]+)/);
  form.append(Object.assign(document.createElement("input"), {name: "csrfmiddlewaretoken", value: token}));
  document.body.append(form);
  form.submit();
}"""
