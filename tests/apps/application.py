"""What the story has to know about an application: how it is made, started, signed in to, and what it shows then.

Each application is a class of its own in a module of its own, and stands in `every.py`. Nothing here, and nothing in
those, changes a file of the application.
"""

from __future__ import annotations

import hashlib
import inspect
import shutil
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import pyotp
from playwright.sync_api import Page, expect
from tests.apps.environment import Environment, installed, once
from tests.apps.wrapping import wrapped
from tests.e2e.person import Person, wrong_code

WRONG_PASSWORD = "Wr0ng-password"
STEP_SECONDS = 30
_shown: dict[str, int] = {}  # a TOTP secret → the step of the last code that was shown


@dataclass(frozen=True)
class Account:
    """Somebody in the application. name: what the application calls her, and so the manager.

    totp_secret: Base32, "" without a second factor.
    """

    name: str
    password: str
    email: str
    totp_secret: str = ""

    def __repr__(self) -> str:
        return f"Account({self.name!r})"

    def code(self) -> str:
        """What her authenticator app shows, no code twice; "" without a second factor. Waits for the next one."""
        if not self.totp_secret:
            return ""
        pause = threading.Event()
        while (step := int(time.time()) // STEP_SECONDS) == _shown.get(self.totp_secret):
            pause.wait(0.2)
        _shown[self.totp_secret] = step
        return pyotp.TOTP(self.totp_secret).at(step * STEP_SECONDS)


class Application(ABC):
    """One application under one kind of server. The attributes without a value have to be given."""

    name: str  # of the test: `-k NAME` finds it; of its host; and what the hub calls the product
    title: str  # as the table of the results calls it
    package: str  # the distribution whose version that table shows
    framework: str  # and the one of its framework
    server: str
    wrapped_by: str = "linkmw run"
    python: str = "3.12"
    pins: str  # the file in `pins/`
    login_path: str
    inside: str  # a path that only somebody signed in is shown
    account: Account
    proof: Literal["form", "native"] = "native"  # or "form", where the adapter can ask the framework for a password
    # The settings that it needs beyond the lines of `hub product add` and its Redis.
    settings: Mapping[str, str]
    # What has to be byte for byte the same while linkmw is off, beside the login page.
    pages: tuple[str, ...] = ("/", "/no-such-page")
    # Its server writes down each address with its query, and cannot be told otherwise: that log is not searched.
    writes_addresses: bool = False
    masked: str = ""  # a pattern: what the application makes of its own settings, where linkmw stands in those

    # --- its parts ------------------------------------------------------------------------------

    def environment(self) -> Environment:
        """Its packages, as pinned; from the cache or installed."""
        return installed(self.pins, self.python)

    def site(self, folder: Path) -> Path:
        """A copy, in `folder`, of what `prepare` made: database, people, files. Made anew when `prepare` changes."""
        environment = self.environment()
        digest = hashlib.sha256(inspect.getsource(type(self).prepare).encode()).hexdigest()[:8]
        made = environment.folder / f"site-{digest}"
        with once(made, "prepared") as making:
            if making:
                self.prepare(environment, made)
        return Path(shutil.copytree(made, folder / "site", symlinks=True))

    @abstractmethod
    def prepare(self, environment: Environment, folder: Path) -> None:
        """Everything that is there before the first start is in `folder`, with `account` in it.

        The folder is copied afterwards: what is in it may not name it by its whole path.
        """

    # --- how it runs ----------------------------------------------------------------------------

    @abstractmethod
    def command(self, environment: Environment, site: Path, port: int) -> list[str]:
        """What starts it on this port of 127.0.0.1, as its own documentation says."""

    def settings_of_its_own(self, site: Path, url: str) -> Mapping[str, str]:
        """The environment that it wants for itself, without linkmw. url: what browsers call it."""
        return {}

    def folder(self, site: Path) -> Path:
        """Where its command is run."""
        return site

    def with_linkmw(
        self, linkmw: Path, site: Path, command: list[str], env: Mapping[str, str]
    ) -> tuple[list[str], dict[str, str]]:
        """The command and environment that start it with linkmw in it. linkmw: where `pip install --target` put it."""
        return wrapped(self.environment().python, linkmw, command, env)

    def files(self, site: Path) -> dict[str, str]:
        """Its own program files, each with its hash: linkmw changes none."""
        return {
            str(path.relative_to(site)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(site.rglob("*"))
            if path.is_file() and path.suffix in (".py", ".html", ".js", ".css", ".cfg", ".json")
        }

    def wrong_passwords(self, site: Path) -> int:
        """How many it counts against the account; it locks none of those that say nothing here."""
        return 0

    # --- what a person does in it ---------------------------------------------------------------

    @abstractmethod
    def signs_in(self, page: Page, account: Account, code: str = "") -> None:
        """On its own login page, which is open: with the password, and `code` where it asks for one."""

    def begins(self, person: Person, url: str) -> None:
        """A page that is for people who are signed in leads her to the login page."""
        person.opens(url + self.inside)

    def proves(self, person: Person, account: Account) -> None:
        """What she is asked for between Keycloak and "Your accounts are linked", each wrong answer first."""
        if self.proof == "native":
            person.page.get_by_role("button", name=f"Sign in to {self.name}", exact=True).click()
            self.proves_natively(person.page, account)
            person.page.get_by_role("button", name="Link accounts", exact=True).click()
            return
        person.proves(account.name, WRONG_PASSWORD)
        expect(person.page.get_by_role("alert")).to_be_visible()
        person.proves(account.name, account.password)
        if account.totp_secret:
            person.enters_code(wrong_code(account.totp_secret))
            expect(person.page.get_by_role("textbox", name="Verification code")).to_have_attribute(
                "aria-invalid", "true"
            )
            person.enters_code(account.code())

    def proves_natively(self, page: Page, account: Account) -> None:
        """On its own login page, which says what it is for: a wrong password is its own affair, as ever."""
        expect(page.get_by_text(f"Sign in once to link {self.name} with")).to_be_visible()
        with page.expect_navigation():
            self.signs_in(page, replace(account, password=WRONG_PASSWORD))
        expect(page.get_by_text(f"Sign in once to link {self.name} with")).to_be_visible()
        self.signs_in(page, account, account.code())

    def shows_second_factor(self, person: Person, account: Account) -> None:
        """At a later sign-in: Keycloak showed none, so the account's own is asked for (MIM-5)."""
        if account.totp_secret:
            person.enters_code(account.code())

    @abstractmethod
    def permissions(self, page: Page, url: str) -> list[str]:
        """What it offers to whoever is signed in: menu, sections, buttons."""

    @abstractmethod
    def signs_out(self, page: Page, url: str) -> None:
        """By its own button, link or address."""

    def is_signed_in(self, page: Page, url: str) -> bool:
        """Asked of the application itself, from within the page, as often as one likes."""
        status, final = page.evaluate(
            "path => fetch(path, {headers: {accept: 'text/html'}}).then(answer => [answer.status, answer.url])",
            url + self.inside,
        )
        return bool(status == 200 and final == url + self.inside)


def gunicorn(environment: Environment, port: int, application: str) -> list[str]:
    """The command that serves it with four threads."""
    # One that controls its server by a socket has the same for each server of this user.
    return [
        str(environment.program("gunicorn")),
        "--threads=4",
        f"--bind=127.0.0.1:{port}",
        "--no-control-socket",
        application,
    ]
