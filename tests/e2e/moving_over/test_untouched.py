"""A product's own tables: linkmw changes in them what its own sign-in changes, and no more (AKE-2, AKE-23)."""

from __future__ import annotations

import base64
import hashlib
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect
from tests.e2e.first_steps import (
    confirms_address,
    gives_password,
    goes_on,
    goes_on_by_itself,
    is_in,
    names_himself,
    opens_link,
)
from tests.e2e.moving import Globex
from tests.e2e.person import Person, code_now
from tests.e2e.world import World

from linkmw.demo.product import ProductServer
from linkmw.demo.products.accounts import ADDRESS_CONFIRMED
from linkmw.demo.products.people import Person as Account

_SESSIONS = "django_session"
_OLD_ITERATIONS = 1000  # of PBKDF2: Django makes a new hash at the next right password

Row = Mapping[str, Any]


def tables(database: Path) -> dict[tuple[str, int], Row]:
    """Every row of every table but the sessions, by table and row."""
    with closing(sqlite3.connect(database)) as db:
        db.row_factory = sqlite3.Row
        names = [row[0] for row in db.execute("select name from sqlite_master where type = 'table'")]
        rows = {name: db.execute(f'select rowid as "row", * from "{name}"').fetchall() for name in names}
    return {(name, row["row"]): dict(row) for name, found in rows.items() if name != _SESSIONS for row in found}


def changes(product: ProductServer, act: Callable[[], None]) -> set[tuple[str, str]]:
    """Table and column of each value that is another one afterwards. No row comes or goes, and of a table one changes
    at most: the account's own."""
    before = tables(product.database)
    act()
    after = tables(product.database)
    assert after.keys() == before.keys()
    changed = [of for of in before if before[of] != after[of]]
    assert len({table for table, _ in changed}) == len(changed), changed
    return {(of[0], column) for of in changed for column, value in before[of].items() if after[of][column] != value}


def gets_old_hash(product: ProductServer, account: Account) -> None:
    """Made by a Django of years ago."""
    digest = hashlib.pbkdf2_hmac("sha256", account.password.encode(), b"salt", _OLD_ITERATIONS)
    password = f"pbkdf2_sha256${_OLD_ITERATIONS}$salt${base64.b64encode(digest).decode()}"
    with closing(sqlite3.connect(product.database)) as db, db:
        db.execute("update auth_user set password = ? where username = ?", (password, account.username))


def signs_in_natively(person: Person, product: ProductServer, account: Account) -> None:
    person.signs_in_natively(product.login_url, account.username, account.password)
    code = person.page.locator("input[name=code]")
    code.fill(code_now(account.totp_secret))
    code.press("Enter")
    person.is_signed_in_as(account.username, product.url)


def moves_over(person: Person, globex: Globex, house: str, account: Account) -> None:
    product = globex.products[house]
    names_himself(person, product, account.email)
    gives_password(person, product, account.password)
    person.enters_code(code_now(account.totp_secret))
    opens_link(person.context.new_page(), product, account, confirms_address(person, globex, account.email))
    goes_on_by_itself(person)
    goes_on(person)  # "We found more accounts of yours"
    is_in(person, product, account)


def links(person: Person, globex: Globex, house: str, account: Account) -> None:
    """AKE-16: somebody who has an identity proves an old account."""
    product, identity = globex.products[house], globex.new_identity()
    names_himself(person, product, identity.email)
    person.signs_in_at_keycloak(identity.email, identity.password)
    expect(person.page.get_by_role("heading", name="Link your account.")).to_be_visible()
    person.page.get_by_role("textbox", name="Email").fill(account.username)
    person.page.get_by_role("textbox", name="Password").fill(account.password)
    person.page.get_by_role("button", name="CONTINUE").click()
    person.enters_code(code_now(account.totp_secret))
    is_in(person, product, account)


def new_twin(world: World, house: str) -> Account:
    """With a second factor, and in Django with a hash that wants to be made anew."""
    twin = world.new_account(house, totp=True)
    if house == "orders-wsgi":
        gets_old_hash(world.products[house], twin)
    return twin


def new_account(globex: Globex, house: str) -> Account:
    account = globex.new_account(house, totp=True)
    if house == "shop":
        gets_old_hash(globex.products[house], account)
    return account


# Each of Globex's products beside ACME's that is the same program, and lets people in by its own login.
@pytest.mark.parametrize(
    ("house", "twin_house", "other"),
    [("shop", "orders-wsgi", "notes"), pytest.param("notes", "wiki", "shop", marks=pytest.mark.matrix)],
)
def test_ake02_ake23_a_first_sign_in_and_a_link_write_what_a_native_sign_in_writes(
    globex, world, new_browser, house, twin_house, other
) -> None:
    product, twin = globex.products[house], new_twin(world, twin_house)
    native = Person.sits_down(new_browser())
    own = changes(world.products[twin_house], lambda: signs_in_natively(native, world.products[twin_house], twin))
    account, old = new_account(globex, house), new_account(globex, house)
    joined = globex.new_account(other, account.email, (ADDRESS_CONFIRMED, "Address confirmed"), "2026-03-02")
    others = tables(globex.products[other].database)

    person = Person.sits_down(new_browser())
    moved = changes(product, lambda: moves_over(person, globex, house, account))
    assert len(globex.links_of(other, joined)) == 1
    assert tables(globex.products[other].database) == others  # joined by its address alone, and untouched
    linked = changes(product, lambda: links(Person.sits_down(new_browser()), globex, house, old))

    assert own
    assert moved <= own
    assert linked <= own
    if house == "shop":
        assert (
            moved
            == linked
            == own
            == {
                ("auth_user", "last_login"),
                ("auth_user", "password"),
                ("otp_totp_totpdevice", "last_t"),
                ("otp_totp_totpdevice", "last_used_at"),
            }
        )
