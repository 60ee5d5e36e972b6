"""Rows of a CSV file of links: as they are written and read, and what may become of one. Pure but for files."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from linkmw.errors import LinkmwError
from linkmw.hub import rules
from linkmw.hub.cells import escaped, unescaped
from linkmw.hub.place import Place
from linkmw.hub.ports import AccountAnswer
from linkmw.model import Account, Link
from linkmw.pages.language import LANGUAGES

COLUMNS = (
    "client_id", "account_id", "username", "email", "iss", "sub", "identity_email", "language", "created", "last_used",
)  # fmt: skip
_REASON = "reason"
_LONGEST_ID = 255  # characters
_SUBJECT = re.compile(r"[^\s/?#%\\]{1,255}")  # it becomes part of an address at Keycloak


class FileRefused(LinkmwError):
    """The operator's: the file is not as it should be."""

    code = "source_refused"


@dataclass(frozen=True, slots=True)
class Row:
    """A link that somebody wants. number: of the row, from 1. subject "": its identity is found by identity_email."""

    number: int
    client_id: str
    account_id: str
    username: str = ""
    email: str = ""
    issuer: str = ""
    subject: str = ""
    identity_email: str = ""
    language: str = ""
    cells: tuple[str, ...] = field(default=(), repr=False)  # as they stood in the file


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A row that is none."""

    number: int
    reason: str
    cells: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class CsvFile:
    """UTF-8, with a header: account_id, and sub or identity_email; client_id unless one is given for all rows."""

    path: Path
    client_id: str = ""

    def header(self) -> list[str]:
        """Raises FileRefused."""
        for _, cells in self._lines():
            return self._checked([name.strip().lower() for name in cells])
        raise FileRefused(f"{self.path} is empty")

    def rows(self) -> Iterator[Row | Unreadable]:
        """Read anew at each call. Raises FileRefused."""
        header = self.header()
        lines = self._lines()
        next(lines)
        for number, cells in lines:
            if isinstance(cells, str):
                yield Unreadable(number, cells)
            elif cells:  # an empty line is no row
                yield self._read(number, header, cells)

    def _lines(self) -> Iterator[tuple[int, Any]]:
        """The header as 0, then each row's cells, or why there are none."""
        try:
            # A byte that is no UTF-8 becomes a lone surrogate, and its row is known by that.
            with self.path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
                reader, number = csv.reader(file), -1
                while True:
                    number += 1
                    try:
                        cells = next(reader)
                    except StopIteration:
                        return
                    except csv.Error:
                        yield number, "not CSV: a quote that is never closed, or a cell too long"
                    else:
                        yield number, cells
        except OSError as error:
            raise FileRefused(f"{self.path} cannot be read: {error.strerror}") from None

    def _checked(self, header: list[str]) -> list[str]:
        if "account_id" not in header:
            raise FileRefused("the first line of the file names no column account_id")
        if not {"sub", "identity_email"} & set(header):
            raise FileRefused("the first line of the file names no column sub and no identity_email")
        if "client_id" not in header and not self.client_id:
            raise FileRefused("the first line of the file names no column client_id: give --client")
        return header

    def _read(self, number: int, header: Sequence[str], cells: Sequence[str]) -> Row | Unreadable:
        if len(cells) != len(header):
            return Unreadable(number, f"{len(cells)} cells where the header has {len(header)}", tuple(cells))
        try:
            "".join(cells).encode()
        except UnicodeEncodeError:
            return Unreadable(number, "not UTF-8", tuple(cells))
        said = dict(zip(header, (unescaped(cell).strip() for cell in cells), strict=True))
        return Row(
            number,
            said.get("client_id") or self.client_id,
            said["account_id"],
            said.get("username", ""),
            said.get("email", ""),
            said.get("iss", "").rstrip("/"),
            said.get("sub", ""),
            said.get("identity_email", ""),
            said.get("language", ""),
            tuple(cells),
        )


def line(link: Link) -> list[str]:
    """A link as the file has it, in the order of COLUMNS."""
    cells = (
        link.client_id, link.account_id, link.username, link.email, link.identity.issuer, link.identity.subject,
        link.identity_email, link.language, str(link.created), str(link.last_used or ""),
    )  # fmt: skip
    return [escaped(cell) for cell in cells]


def rejected(header: Sequence[str], row: Row | Unreadable, reason: str) -> list[str]:
    """The row as it stood in the file, and why it was left out: a file of these can be imported once it is mended."""
    cells = dict(zip(header, row.cells, strict=False))
    return [*(escaped(unescaped(cells.get(name, ""))) for name in without_reason(header)), reason]


def without_reason(header: Sequence[str]) -> list[str]:
    """The columns of a file, without the one that an earlier run has added."""
    return [name for name in header if name != _REASON]


def rejects_header(header: Sequence[str]) -> list[str]:
    return [*without_reason(header), _REASON]


def problem(row: Row, where: Place | None) -> str:
    """Why nothing can become of the row, as far as it says so itself; "" when something may."""
    if where is None:
        return "there is no such product, or it is disabled"
    if not 0 < len(row.account_id) <= _LONGEST_ID or not row.account_id.isprintable():
        return "no account id that could be kept"
    if row.issuer and row.issuer != where.tenant.issuer:
        return "the identity is of another issuer than the product's tenant"
    if not row.subject and not row.identity_email:
        return "names no identity: neither sub nor identity_email"
    if row.subject and not _SUBJECT.fullmatch(row.subject):
        return "no subject that Keycloak gives"
    if row.language and row.language not in LANGUAGES:
        return f"the language is none of {', '.join(LANGUAGES)}"
    return ""


def objection(facts: AccountAnswer | None, *, include_staff: bool) -> str:
    """Why the account may not be linked or unlinked without a proof; "" when it may (PR27).

    facts: the product's word on it; None when it could not be asked.
    """
    if facts is None:
        return "" if include_staff else "the product could not be asked whether it is staff"
    if not facts.found:
        return "the product has no such account"
    if include_staff:
        return ""
    if facts.staff is None:
        return "the product does not say whether it is staff"
    return "staff" if facts.staff else ""


def account(row: Row, facts: AccountAnswer | None) -> Account | str:
    """The account as it will be linked: the product's word before the file's. A text says why it cannot be shown."""
    known = facts or AccountAnswer(found=False)
    username = known.username or row.username or row.account_id
    if not rules.is_username(username):
        return "no username that could be shown"
    return Account(row.account_id, username, known.email or rules.mailable(row.email))
