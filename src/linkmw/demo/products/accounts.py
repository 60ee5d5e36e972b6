"""The accounts of Helpdesk and Wiki: one SQLite table and scrypt, as many an application has them."""

from __future__ import annotations

import hashlib
import hmac
import os
import sqlite3
import time
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass

from linkmw.demo.products.people import Person

SCHEMA = """
create table if not exists account (
    id integer primary key, username text not null unique, email text not null, name text not null,
    roles text not null, totp_secret text not null, salt blob not null, digest blob not null,
    last_used integer
)
"""
COLUMNS = "id, username, email, name, roles, totp_secret, last_used"
ADDRESS_CONFIRMED = "address-confirmed"  # the role of who has clicked the link in the product's own mail


@dataclass(frozen=True, slots=True)
class Member:
    """A row of the table, without its password. totp_secret: Base32, or "". last_used: seconds since the epoch."""

    id: int
    username: str
    email: str
    name: str
    roles: tuple[str, ...]
    totp_secret: str
    last_used: int | None

    def __repr__(self) -> str:
        return f"Member({self.id}, {self.username!r})"


def database() -> str:
    return os.environ["DEMO_DATABASE"]


def prepare(people: Iterable[Person]) -> None:
    """The table is there, and so are these people; those who are there already stay as they are."""
    with closing(sqlite3.connect(database())) as db, db:
        db.execute(SCHEMA)
        known = {row[0] for row in db.execute("select username from account")}
        db.executemany(
            "insert into account (username, email, name, roles, totp_secret, salt, digest, last_used)"
            " values (?, ?, ?, ?, ?, ?, ?, ?)",
            [_row(person) for person in people if person.username not in known],
        )


def by_id(account_id: str) -> Member | None:
    return _one("id = ?", account_id) if account_id.isascii() and account_id.isdigit() else None


def by_name(name: str) -> Member | None:
    """The account with exactly this username, else the only one with exactly this address."""
    return _one("username = ?", name) or _one("email = ?", name)


def by_email(email: str) -> list[Member]:
    return _all("email = ?", email)


def may_join(member: Member) -> bool:
    """May it be linked by its address alone? Who has confirmed the address here, alone has it, and was here before."""
    settled = ADDRESS_CONFIRMED in member.roles and member.last_used is not None and not member.totp_secret
    return settled and by_email(member.email) == [member]


def note_sign_in(account_id: int) -> None:
    """The account was used now."""
    with closing(sqlite3.connect(database())) as db, db:
        db.execute("update account set last_used = ? where id = ?", (int(time.time()), account_id))


def check(username: str, password: str) -> Member | None:
    """The account whose password this is. Takes as long for a name that nobody has."""
    with closing(sqlite3.connect(database())) as db:
        row = db.execute("select id, salt, digest from account where username = ?", (username,)).fetchone()
    account_id, salt, digest = row or ("", b"nobody's", b"")
    return by_id(str(account_id)) if hmac.compare_digest(_digest(password, salt), digest) else None


def _one(where: str, value: str) -> Member | None:
    found = _all(where, value)
    return found[0] if len(found) == 1 else None


def _all(where: str, value: str) -> list[Member]:
    try:
        with closing(sqlite3.connect(database())) as db:
            rows = db.execute(f"select {COLUMNS} from account where {where} order by id", (value,)).fetchall()
    except (OverflowError, UnicodeEncodeError):  # no id or name of ours: too large a number, half a surrogate pair
        return []
    return [_member(*row) for row in rows]


def _member(
    account_id: int, username: str, email: str, name: str, roles: str, totp_secret: str, last_used: int | None
) -> Member:
    return Member(account_id, username, email, name, tuple(roles.split()), totp_secret, last_used)


def _row(person: Person) -> tuple[object, ...]:
    salt = os.urandom(16)
    digest = _digest(person.password, salt)
    roles = " ".join(person.roles)
    last_used = int(person.last_sign_in.timestamp()) if person.last_sign_in else None
    return (person.username, person.email, person.name, roles, person.totp_secret, salt, digest, last_used)


def _digest(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode("utf-8", "surrogatepass"), salt=salt, n=2**12, r=8, p=1)
