"""Datasette: ASGI without a framework, its actor in a signed cookie; linkmw comes in by its own plugin hook."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from playwright.sync_api import Page, expect
from tests.apps.application import Account, Application
from tests.apps.environment import Environment, run
from tests.apps.page import block, settings
from tests.e2e.person import Person


class Datasette(Application):
    name, title, server = "datasette", "Datasette", "its own (uvicorn)"
    package, framework, pins, python = "datasette", "datasette-auth-passwords", "datasette", "3.12"
    login_path, inside = "/-/login", "/library"
    account = Account("alice", "Al1ce-pass!", "alice@acme.example")
    settings = settings("datasette")
    writes_addresses = True
    pages = ("/", "/library", "/library/books.json", "/-/logout", "/no-such-page")

    def prepare(self, environment: Environment, folder: Path) -> None:
        with closing(sqlite3.connect(folder / "library.db")) as database:
            database.executescript("CREATE TABLE books (title TEXT); INSERT INTO books VALUES ('Emma');")
        hashed = run(environment.program("datasette"), "hash-password", "--no-confirm", given=self.account.password)
        name = self.account.name
        actor = {"id": name, "name": name, "email": self.account.email}
        people = {f"{name}_password_hash": hashed.strip(), "actors": {name: actor}}
        private = {"databases": {"library": {"allow": {"id": name}}}}
        metadata = {"plugins": {"datasette-auth-passwords": people}, **private}
        (folder / "metadata.json").write_text(json.dumps(metadata), encoding="utf-8")

    def command(self, environment: Environment, site: Path, port: int) -> list[str]:
        datasette = str(environment.program("datasette"))
        return [datasette, "serve", "library.db", "--metadata=metadata.json", f"--port={port}"]

    def settings_of_its_own(self, site: Path, url: str) -> Mapping[str, str]:
        return {"DATASETTE_SECRET": "datasette-of-the-story"}  # without one, every start ends every session

    def with_linkmw(
        self, linkmw: Path, site: Path, command: list[str], env: Mapping[str, str]
    ) -> tuple[list[str], dict[str, str]]:
        adapter = linkmw.with_name("adapter.py")
        adapter.write_text(block("datasette-adapter", "python"), encoding="utf-8")
        return super().with_linkmw(linkmw, site, command, {**env, "LINKMW_ADAPTER": f"{adapter}:Datasette"})

    def begins(self, person: Person, url: str) -> None:
        """It says no to who may not see a page, and leads nowhere."""
        person.opens(url + self.login_path)

    def signs_in(self, page: Page, account: Account, code: str = "") -> None:
        page.get_by_label("Username").fill(account.name)
        page.get_by_label("Password").fill(account.password)
        page.get_by_role("button", name="Log in").click()

    def permissions(self, page: Page, url: str) -> list[str]:
        """Who it says this is, and which of its databases they see."""
        page.goto(url)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        actor = page.evaluate("fetch('/-/actor.json').then(answer => answer.text())")
        return [str(actor), *page.locator("section a, h2 a").all_inner_texts()]

    def signs_out(self, page: Page, url: str) -> None:
        page.goto(url)
        page.locator("nav summary").click()
        page.get_by_role("button", name="Log out").click()


class DatasettePlugin(Datasette):
    """Put in by its own hook for what stands around it, as other plugins are."""

    name, wrapped_by = "datasette-plugin", "asgi_wrapper"

    def with_linkmw(
        self, linkmw: Path, site: Path, command: list[str], env: Mapping[str, str]
    ) -> tuple[list[str], dict[str, str]]:
        _, told = super().with_linkmw(linkmw, site, command, env)
        plugins = linkmw.with_name("plugins")
        plugins.mkdir(exist_ok=True)
        (plugins / "linkmw_plugin.py").write_text(block("datasette-plugin", "python"), encoding="utf-8")
        return [*command, f"--plugins-dir={plugins}"], {**told, "PYTHONPATH": str(linkmw)}
