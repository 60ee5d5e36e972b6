"""Datasette: ASGI without a framework, its actor in a signed cookie; linkmw comes in by its own plugin hook."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

from playwright.sync_api import Page, expect
from tests.apps.application import Account, Application
from tests.apps.environment import Environment, run


class Datasette(Application):
    name, title, server = "datasette", "Datasette", "its own (uvicorn)"
    package, framework, pins, python = "datasette", "datasette-auth-passwords", "datasette", "3.12"
    login_path, inside = "/-/login", "/-/logout"
    account = Account("alice", "Al1ce-pass!", "alice@acme.example")
    settings = {"LINKMW_LOGIN_PATHS": "/-/login"}
    pages = ("/", "/library", "/library/books.json", "/-/logout", "/no-such-page")

    def prepare(self, environment: Environment, folder: Path) -> None:
        with closing(sqlite3.connect(folder / "library.db")) as database:
            database.executescript("CREATE TABLE books (title TEXT); INSERT INTO books VALUES ('Emma');")
        hashed = run(environment.program("datasette"), "hash-password", "--no-confirm", given=self.account.password)
        name = self.account.name
        people = {f"{name}_password_hash": hashed.strip(), "actors": {name: {"id": name, "email": self.account.email}}}
        private = {"databases": {"library": {"allow": {"id": name}}}}
        metadata = {"plugins": {"datasette-auth-passwords": people}, **private}
        (folder / "metadata.json").write_text(json.dumps(metadata), encoding="utf-8")

    def command(self, environment: Environment, site: Path, port: int) -> list[str]:
        datasette = str(environment.program("datasette"))
        # A secret of its own: without one every start ends every session.
        options = ["--metadata=metadata.json", "--secret=datasette-of-the-story", f"--port={port}"]
        return [datasette, "serve", "library.db", *options]

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
