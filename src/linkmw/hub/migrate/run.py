"""The migration: batch by batch, many users of a batch at once, each batch written down before and after."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from linkmw.errors import KeycloakRefused, Unavailable
from linkmw.hub.identities import NEW_PASSWORD
from linkmw.hub.migrate.addresses import Addresses
from linkmw.hub.migrate.ledger import Entry, Ledger, Made
from linkmw.hub.migrate.report import Report
from linkmw.hub.migrate.rows import LeftOut, Person, Row, Unreadable, batches, label, read, representation
from linkmw.model import Client, Identity, Tenant

BATCH = 100
AT_ONCE = 8  # requests at Keycloak, below the ten connections that python-keycloak keeps

Progress = Callable[[int], None]


class Users(Protocol):
    """A realm's users, asked by several threads. Raises Unavailable, KeycloakRefused."""

    def having(self, name: Literal["email", "username"], value: str) -> list[dict[str, Any]]: ...

    def create(self, representation: Mapping[str, Any]) -> str | None: ...

    def delete(self, subject: str) -> None: ...

    def credentials(self, subject: str) -> list[dict[str, Any]]: ...

    def mail_actions(self, subject: str, actions: Sequence[str]) -> None: ...


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked for. trust_email: every address was verified by its owner (MG05). links: make them, too."""

    include_staff: bool = False
    trust_email: bool = False
    links: bool = True
    notify: bool = False
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class _New:
    """A user that Keycloak has made for a person."""

    person: Person
    subject: str


class Migration:
    """Users of one product into the realm of its tenant. One at a time for each product."""

    def __init__(
        self, tenant: Tenant, client: Client, users: Users, ledger: Ledger, options: Options, report: Report
    ) -> None:
        self._tenant = tenant
        self._client = client
        self._users = users
        self._ledger = ledger
        self._options = options
        self._report = report

    def run(self, rows: Iterable[Row | Unreadable], addresses: Addresses, progress: Progress) -> None:
        """Every row is made, or in the report. Raises Unavailable; run again, it goes on where it stopped."""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for batch in batches(rows, BATCH):
                self._batch(pool, [self._read(row, addresses) for row in batch])
                progress(len(batch))

    def undo(self, progress: Progress) -> None:
        """What the migration made is gone: links first, then users that have no other links; repeatable."""
        last = ""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            while entries := self._ledger.after(self._client.client_id, last, BATCH):
                for entry, kept in zip(entries, pool.map(self._undone, entries), strict=True):
                    self._report.undone(entry.account_id, entry.email, kept)
                last = entries[-1].account_id
                progress(len(entries))

    def _read(self, row: Row | Unreadable, addresses: Addresses) -> Person | LeftOut:
        return read(row, include_staff=self._options.include_staff, same_address=addresses.times(row))

    def _batch(self, pool: ThreadPoolExecutor, rows: Sequence[Person | LeftOut]) -> None:
        for left in rows:
            if isinstance(left, LeftOut):
                self._report.left_out(left)
        people = self._wanted([person for person in rows if isinstance(person, Person)])
        if self._options.dry_run:
            self._foretell(pool, people)
        else:
            self._make(pool, people)

    def _wanted(self, people: Sequence[Person]) -> list[Person]:
        """Those who are not done yet. An id that comes twice is done once, for its first row."""
        unique: dict[str, Person] = {}
        for person in people:
            if unique.setdefault(person.row.account_id, person) is not person:
                self._report.left_out(LeftOut(person.row, "another row has this account id"))
        known = self._ledger.of_accounts(self._client.client_id, list(unique))
        linked = self._ledger.linked(self._client.client_id, list(unique))
        return [person for key, person in unique.items() if self._is_wanted(person, known.get(key), key in linked)]

    def _is_wanted(self, person: Person, entry: Entry | None, linked: bool) -> bool:
        if entry and entry.email != person.email:
            self._report.left_out(LeftOut(person.row, f"migrated by an earlier run, as {entry.email}"))
        elif entry and entry.identity:
            self._report.already()
        elif linked:
            self._report.left_out(LeftOut(person.row, "linked by its owner already", expected=True))
        else:
            return True
        return False

    def _foretell(self, pool: ThreadPoolExecutor, people: Sequence[Person]) -> None:
        for person, taken in zip(people, pool.map(self._is_taken, people), strict=True):
            if taken:
                self._report.left_out(_taken(person))
            else:
                self._report.made(person)

    def _is_taken(self, person: Person) -> bool:
        return bool(self._users.having("email", person.email) or self._users.having("username", person.email))

    def _make(self, pool: ThreadPoolExecutor, people: Sequence[Person]) -> None:
        before = self._ledger.of_accounts(self._client.client_id, [person.row.account_id for person in people])
        begun = {
            person.row.account_id: Entry(person.row.account_id, person.email, secrets.token_hex(8))
            for person in people
            if person.row.account_id not in before
        }
        self._ledger.begin(self._client.client_id, list(begun.values()))
        outcomes = list(pool.map(lambda person: self._made(person, before, begun), people))
        self._finish([one for one in outcomes if isinstance(one, _New)])
        self._leave([one for one in outcomes if isinstance(one, LeftOut)])
        for failed in outcomes:
            if isinstance(failed, Exception):
                raise failed

    def _made(
        self, person: Person, before: Mapping[str, Entry], begun: Mapping[str, Entry]
    ) -> _New | LeftOut | Exception:
        """An error is returned, not raised: what its neighbours came to is written down first."""
        earlier = before.get(person.row.account_id)
        try:
            return self._created(person, earlier or begun[person.row.account_id], again=earlier is not None)
        except KeycloakRefused as refused:
            if refused.status != 400:
                return refused
            return LeftOut(person.row, "Keycloak refuses the user: its address or name breaks a rule of the realm")
        except Unavailable as away:
            return away

    def _created(self, person: Person, entry: Entry, *, again: bool) -> _New | LeftOut:
        user = representation(person, entry.reference, email_verified=self._options.trust_email)
        subject = self._users.create(user) or (self._own(entry) if again else None)
        return _New(person, subject) if subject else _taken(person)

    def _own(self, entry: Entry) -> str | None:
        """The user that an earlier run made and could not write down any more."""
        for user in self._users.having("username", entry.email):
            labels = [credential.get("userLabel") for credential in self._users.credentials(str(user["id"]))]
            if label(entry.reference) in labels:
                return str(user["id"])
        return None

    def _finish(self, new: Sequence[_New]) -> None:
        made = [self._in_ledger(one) for one in new]
        taken = self._ledger.finish(self._tenant.organization_id, self._client.client_id, made)
        for one in new:
            if one.person.row.account_id in taken:
                self._users.delete(one.subject)
                self._leave([LeftOut(one.person.row, "linked by its owner meanwhile", expected=True)])
            else:
                self._report.made(one.person)
                self._notify(one)

    def _in_ledger(self, new: _New) -> Made:
        """Linked is who brings a password: it proves the account at Keycloak as it did at the product. A mailbox alone
        does not (PR01); those accounts are linked at their first sign-in."""
        row = new.person.row
        identity = Identity(self._tenant.issuer, new.subject)
        link = self._options.links and new.person.credential is not None
        return Made(row.account_id, row.username or row.email, row.email, new.person.email, identity, link)

    def _notify(self, new: _New) -> None:
        """The user is there whatever comes of the mail; who got none is in the report."""
        if self._options.notify and new.person.credential is None:
            try:
                self._users.mail_actions(new.subject, [NEW_PASSWORD])
            except (Unavailable, KeycloakRefused) as failed:
                self._report.note(new.person, f"no mail: {failed}")

    def _leave(self, left: Sequence[LeftOut]) -> None:
        rows = [one.row for one in left]
        self._ledger.drop(self._client.client_id, [row.account_id for row in rows if isinstance(row, Row)])
        for one in left:
            self._report.left_out(one)

    def _undone(self, entry: Entry) -> str:
        """Why the user is kept, "" when it is gone."""
        subject = entry.identity.subject if entry.identity else self._own(entry)
        self._ledger.unlink(self._tenant.organization_id, self._client.client_id, entry)
        if subject and self._ledger.has_links(Identity(self._tenant.issuer, subject)):
            return "the identity has other links by now"
        if subject:
            self._users.delete(subject)
        self._ledger.drop(self._client.client_id, [entry.account_id])
        return ""


def _taken(person: Person) -> LeftOut:
    return LeftOut(person.row, "somebody at Keycloak has this address")
