"""pretix: Django with cookies of its own names, a strict Content-Security-Policy and a second factor of its own."""

from __future__ import annotations

import time
from pathlib import Path

from playwright.sync_api import Page, expect
from tests.apps.application import Account, Application, gunicorn
from tests.apps.environment import Environment, run
from tests.apps.page import settings
from tests.e2e.person import wrong_code

_THROTTLED_SECONDS = 1.5  # for one after a wrong code, pretix takes none


class Pretix(Application):
    name, title, server = "pretix", "pretix", "gunicorn"
    package, framework, pins, python = "pretix", "django", "pretix", "3.11"
    login_path, inside = "/control/login", "/control/organizers/"
    account = Account("alice@acme.example", "Al1ce-sells-tickets", "alice@acme.example")
    settings = settings("pretix")
    pages = ("/", "/control/", "/control/forgot", "/control/login/2fa", "/no-such-page")

    def prepare(self, environment: Environment, folder: Path) -> None:
        people = """
from django_otp.plugins.otp_totp.models import TOTPDevice
from pretix.base.models import Organizer, User
User.objects.create_superuser("admin@acme.example", "Adm1n-pass-phrase")
alice = User.objects.create_user("alice@acme.example", "Al1ce-sells-tickets")
bob = User.objects.create_user("bob@acme.example", "B0b-counts-tickets", require_2fa=True)
TOTPDevice.objects.create(user=bob, name="phone", confirmed=True, key="31" * 20)
organizer = Organizer.objects.create(name="ACME concerts", slug="acme")
sellers = organizer.teams.create(name="Sellers", all_events=True, all_event_permissions=True)
sellers.members.add(alice, bob)
"""
        env = _settings(folder)
        run(environment.python, "-m", "pretix", "migrate", "--verbosity=0", cwd=folder, env=env)
        run(environment.python, "-m", "pretix", "shell", cwd=folder, env=env, given=people)

    def settings_of_its_own(self, site: Path, url: str) -> dict[str, str]:
        return {**_settings(site), "PRETIX_PRETIX_URL": url}

    def command(self, environment: Environment, site: Path, port: int) -> list[str]:
        return gunicorn(environment, port, "pretix.wsgi:application")

    def signs_in(self, page: Page, account: Account, code: str = "") -> None:
        page.locator("input[name=email]").fill(account.name)
        page.locator("input[name=password]").fill(account.password)
        page.get_by_role("button", name="Log in").click()
        if code:
            self.enters_code(page, code)

    def enters_code(self, page: Page, code: str) -> None:
        page.locator("input[name=token]").fill(code)
        page.get_by_role("button", name="Continue").click()

    def permissions(self, page: Page, url: str) -> list[str]:
        page.goto(f"{url}/control/")
        expect(page.get_by_role("navigation").first).to_be_visible()
        offered = page.locator("nav a, #side-menu a").all_text_contents()
        return sorted({" ".join(text.split()) for text in offered} - {""})

    def signs_out(self, page: Page, url: str) -> None:
        page.goto(f"{url}/control/")
        page.get_by_title("Log out").click()


class PretixWithSecondFactor(Pretix):
    """Somebody whose password is half a sign-in."""

    name, title = "pretix-2fa", "pretix, with its own TOTP"
    account = Account(
        "bob@acme.example", "B0b-counts-tickets", "bob@acme.example", totp_secret="GEYTCMJRGEYTCMJRGEYTCMJRGEYTCMJR"
    )

    def proves_natively(self, page: Page, account: Account) -> None:
        """Its own second page: the password alone proves nothing, nor does a wrong code."""
        notice = page.get_by_text(f"Sign in once to link {self.name} with")
        expect(notice).to_be_visible()
        self.signs_in(page, account, wrong_code(account.totp_secret))
        wrong_at = time.time()
        expect(page.get_by_text("Invalid code")).to_be_visible()
        code = account.code()
        while time.time() < wrong_at + _THROTTLED_SECONDS:
            page.wait_for_timeout(100)
        self.enters_code(page, code)


def _settings(folder: Path) -> dict[str, str]:
    """Everything it keeps is below this folder; it reads no configuration file of the machine's."""
    return {"PRETIX_CONFIG_FILE": str(folder / "pretix.cfg"), "PRETIX_PRETIX_DATADIR": str(folder)}
