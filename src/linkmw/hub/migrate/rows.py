"""A product's users as they are read, one by one, and what becomes of each. Pure."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, TypeVar

from linkmw.hub.credentials import Credential, HashRefused, of_django
from linkmw.hub.identities import NEW_PASSWORD

T = TypeVar("T")

EMAIL_CHARACTERS = 254  # RFC 5321, 4.5.3.1.3, less the brackets
ACCOUNT_ID_CHARACTERS = 255
NAME_CHARACTERS = 255

_EMAIL = re.compile(r"[^\s@\"(),:;<>\[\]\\\x00-\x20\x7f]+@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")
# What Keycloak takes in no person's name (its validator "person-name-prohibited-characters").
_NOT_IN_A_NAME = re.compile(r"[<>&\"$%!#?§;*~/\\|^=\[\]{}()\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Row:
    """A user of the product. number: of the row, from 1. staff: may do more there than others."""

    number: int
    account_id: str
    email: str
    username: str = ""
    password_hash: str = field(default="", repr=False)
    first_name: str = ""
    last_name: str = ""
    staff: bool = False
    active: bool = True


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A row that is none."""

    number: int
    reason: str


@dataclass(frozen=True, slots=True)
class Person:
    """A row that is going to be an identity. notes: what it is made without, for the report."""

    row: Row
    credential: Credential | None
    notes: tuple[str, ...] = ()

    @property
    def email(self) -> str:
        return self.row.email.lower()


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A row that is not migrated. expected: nothing is wrong with it, it was not asked for."""

    row: Row | Unreadable
    reason: str
    expected: bool = False


def read(row: Row | Unreadable, *, include_staff: bool, same_address: int) -> Person | LeftOut:
    """What becomes of a row. same_address: how many rows have its address, in whatever case."""
    if isinstance(row, Unreadable):
        return LeftOut(row, row.reason)
    if not row.active:
        return LeftOut(row, "not active in the product", expected=True)
    if row.staff and not include_staff:
        return LeftOut(row, "staff", expected=True)
    if problem := _problem(row, same_address):
        return LeftOut(row, problem)
    return _person(row)


def _problem(row: Row, same_address: int) -> str:
    if not 0 < len(row.account_id) <= ACCOUNT_ID_CHARACTERS or not row.account_id.isprintable():
        return "no account id that could be kept"
    if not row.email:
        return "no e-mail address"
    if len(row.email) > EMAIL_CHARACTERS or not _EMAIL.fullmatch(row.email):
        return "not an e-mail address"
    if same_address > 1:
        return f"{same_address} accounts have this address"
    return ""


def _person(row: Row) -> Person:
    notes = (
        () if _is_name(row.first_name) and _is_name(row.last_name) else ("without the name: Keycloak takes no such",)
    )
    try:
        return Person(row, of_django(row.password_hash), notes)
    except HashRefused as refused:
        return Person(row, None, (*notes, f"without a password: {refused}"))


def _is_name(text: str) -> bool:
    return len(text) <= NAME_CHARACTERS and not _NOT_IN_A_NAME.search(text)


def representation(person: Person, reference: str, *, email_verified: bool) -> dict[str, Any]:
    """The user as Keycloak is told of it (UserRepresentation).

    reference: its password is called by it, so that a run that was killed knows the user again. Who brings no password
    gets one that nobody has, and a required action: Keycloak asks for a new one.
    """
    row, password = person.row, person.credential or _nobodys()
    return {
        "username": person.email,
        "email": person.email,
        "emailVerified": email_verified,
        "enabled": True,
        "firstName": row.first_name if _is_name(row.first_name) else "",
        "lastName": row.last_name if _is_name(row.last_name) else "",
        "credentials": [password.representation(label(reference))],
        "requiredActions": [] if person.credential else [NEW_PASSWORD],
    }


def label(reference: str) -> str:
    return f"migrated {reference}"


def _nobodys() -> Credential:
    """Random where a hash should be: no password leads to it."""
    return Credential("pbkdf2-sha256", 27_500, secrets.token_bytes(16), secrets.token_bytes(32))


def batches(rows: Iterable[T], size: int) -> Iterator[list[T]]:
    """The rows in lists of `size`, the last one shorter."""
    left = iter(rows)
    while batch := list(islice(left, size)):
        yield batch
