"""Links made from a file: batch by batch, each batch one transaction, so that a run that was killed goes on (OPS-5).

A link that is there already is done: run again, the same file makes no second link and sends no second mail.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from linkmw.errors import TenantNotEnabled
from linkmw.http import Request
from linkmw.hub import notices, place, removal
from linkmw.hub.browser import sha256_hex
from linkmw.hub.links import rows
from linkmw.hub.links.rows import Row, Unreadable
from linkmw.hub.links.store import Bulk, Key, Made
from linkmw.hub.migrate.rows import batches
from linkmw.hub.place import Place
from linkmw.hub.ports import AccountAnswer, AuditEvent, KnownIdentity, NewLink, Ports
from linkmw.hub.settings import HubSettings
from linkmw.model import Identity, Tenant

BATCH = 500
AT_ONCE = 4  # questions at Keycloak or at products: fewer than the smallest pool of threads there is
NO_REQUEST = Request("", "")  # no browser is there: mails say "unknown"

Progress = Callable[[int], None]
Reject = Callable[[Row | Unreadable, str], None]


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked for. actor: who does it, for the trail."""

    actor: str
    include_staff: bool = False
    mail: bool = True
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class _Owned:
    """A row, where its product is, and whose it shall be."""

    row: Row
    where: Place
    identity: Identity
    identity_email: str


class Load:
    """One import. counts: rows by outcome: made, already, rejected."""

    def __init__(self, ports: Ports, settings: HubSettings, bulk: Bulk, options: Options, reject: Reject) -> None:
        self.counts: Counter[str] = Counter()
        self._ports = ports
        self._settings = settings
        self._bulk = bulk
        self._options = options
        self._write_reject = reject
        self._rejected: list[tuple[Row | Unreadable, str]] = []  # of this batch
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._places: dict[str, Place | None] = {}  # as many as the file names products
        self._silent: set[str] = set()  # products that did not answer are not asked again in this run

    async def run(self, found: Iterable[Row | Unreadable], progress: Progress) -> None:
        """Every row is made, was there, or is rejected with its reason. Raises Unavailable: run it again."""
        for batch in batches(found, BATCH):
            await self._batch(batch)
            progress(len(batch))

    async def _batch(self, batch: Sequence[Row | Unreadable]) -> None:
        candidates = [(row, where) for row in batch if (where := await self._placed(row)) and isinstance(row, Row)]
        new = await self._new(await self._owned(candidates))
        made = [one for one in await asyncio.gather(*map(self._made, new)) if one]
        taken = set() if self._options.dry_run else await self._bulk.add([link for _, link in made])
        for one, link in made:
            if link.key in taken:
                self._reject(one.row, "linked by its owner meanwhile")
            else:
                self.counts["made"] += 1
        self._write_rejects()

    def _reject(self, row: Row | Unreadable, reason: str) -> None:
        self.counts["rejected"] += 1
        self._rejected.append((row, reason))

    def _write_rejects(self) -> None:
        """In the order of the file, whoever was asked first."""
        for row, reason in sorted(self._rejected, key=lambda one: one[0].number):
            self._write_reject(row, reason)
        self._rejected.clear()

    async def _placed(self, row: Row | Unreadable) -> Place | None:
        if isinstance(row, Unreadable):
            self._reject(row, row.reason)
            return None
        where = await self._place(row.client_id)
        if problem := rows.problem(row, where):
            self._reject(row, problem)
            return None
        return where

    async def _place(self, client_id: str) -> Place | None:
        if client_id not in self._places:
            try:
                self._places[client_id] = await place.of_client(self._ports, client_id)
            except TenantNotEnabled:
                self._places[client_id] = None
        return self._places[client_id]

    async def _owned(self, candidates: Sequence[tuple[Row, Place]]) -> list[_Owned]:
        """Whose account each shall be: somebody Keycloak knows, and by an address only who has verified it (PR01)."""
        people = {_person(row, where): where.tenant for row, where in candidates}
        answers = await asyncio.gather(*(self._known(tenant, *person[1:]) for person, tenant in people.items()))
        known, owned = dict(zip(people, answers, strict=True)), []
        for row, where in candidates:
            found = known[_person(row, where)]
            if isinstance(found, str):
                self._reject(row, found)
            else:
                owned.append(_Owned(row, where, found.identity, found.email if found.email_verified else ""))
        return owned

    async def _known(self, tenant: Tenant, subject: str, email: str) -> KnownIdentity | str:
        async with self._turns:
            if subject:
                by_subject = await self._ports.identities.of_identity(tenant, Identity(tenant.issuer, subject))
                return by_subject or "Keycloak knows no such identity"
            found = await self._ports.identities.of_address(tenant, email)
        having = [one for one in found if one.email.casefold() == email.casefold()]
        if not having:
            return "Keycloak knows nobody by this address"
        return having[0] if having[0].email_verified else "Keycloak has not verified this address"

    async def _new(self, owned: Sequence[_Owned]) -> list[_Owned]:
        """Those whose account is nobody's yet. An account that comes twice is its first row's."""
        owners = await self._bulk.owners([_key(one.row) for one in owned])
        new: dict[Key, _Owned] = {}
        for one in owned:
            key = _key(one.row)
            owner = new[key].identity if key in new else owners.get(key)
            if owner is None:
                new[key] = one
            elif owner == one.identity:
                self.counts["already"] += 1
            else:
                self._reject(one.row, "the account is linked to another identity")
        return list(new.values())

    async def _made(self, one: _Owned) -> tuple[_Owned, Made] | None:
        facts = await self._facts(one)
        objection = rows.objection(facts, include_staff=self._options.include_staff)
        if not objection and facts is not None and not facts.active:
            objection = "not active in the product"
        account = rows.account(one.row, facts)
        if objection or isinstance(account, str):
            self._reject(one.row, objection or str(account))
            return None
        token, now = self._ports.token(), self._ports.now()
        link = NewLink(
            client_id=one.row.client_id,
            account=account,
            identity=one.identity,
            identity_email=one.identity_email,
            flow=self._ports.token(),
            unlink_token_hash=sha256_hex(token),
            proof="import",
            amr=(),
            created=now,
            language=one.row.language,
        )
        told = self._options.mail and not self._options.dry_run
        mails = await notices.linked(self._ports, self._settings, NO_REQUEST, one.where, link, token) if told else []
        return one, Made(link, mails, self._event(link, one.where, now))

    async def _facts(self, one: _Owned) -> AccountAnswer | None:
        client_id = one.row.client_id
        async with self._turns:
            if client_id in self._silent:
                return None
            facts = await removal.facts_of_account(self._ports, one.where, one.row.account_id)
        if facts is None:
            self._silent.add(client_id)
        return facts

    def _event(self, link: NewLink, where: Place, now: int) -> AuditEvent:
        return AuditEvent(
            event="linked",
            result="ok",
            time=now,
            organization_id=where.tenant.organization_id,
            client_id=link.client_id,
            account_id=link.account.account_id,
            issuer=link.identity.issuer,
            subject=link.identity.subject,
            actor=self._options.actor,
            username=link.account.username,
        )


def _person(row: Row, where: Place) -> tuple[str, str, str]:
    """Who is asked for at Keycloak: once in a batch, however many accounts are theirs."""
    return where.tenant.organization_id, row.subject, "" if row.subject else row.identity_email


def _key(row: Row) -> Key:
    return row.client_id, row.account_id
