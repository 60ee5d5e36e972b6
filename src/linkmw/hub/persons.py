"""Everything a hub knows of one identity: told, or erased (OPS-5). What stays is said in docs/operating.md."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

from linkmw.hub import notices, place, removal
from linkmw.hub.links.load import NO_REQUEST
from linkmw.hub.ports import AuditEvent, Event, HeldAccount, KnownIdentity, Mail, Ports
from linkmw.hub.settings import HubSettings
from linkmw.model import Identity, Link, Tenant

ERASED: Event = "identity_erased"


@dataclass(frozen=True, slots=True)
class MailOf:
    """A mail to somebody. recipient, subject: "" once it was sent, for its content is gone then."""

    item_id: int
    kind: str
    created: int
    sent: int | None
    recipient: str = ""
    subject: str = ""


@dataclass(frozen=True, slots=True)
class Person:
    """What SQL has of one identity. migrated: accounts that `linkmw hub migrate` made it of."""

    links: Sequence[Link] = ()
    held: Sequence[HeldAccount] = ()
    migrated: Sequence[dict[str, Any]] = ()
    audit: Sequence[AuditEvent] = ()
    mails: Sequence[MailOf] = ()


@dataclass(frozen=True, slots=True)
class Erased:
    """How much of each is gone, or tells of nobody any more. pseudonym: what the trail calls the identity now."""

    pseudonym: str
    links: int
    held: int
    migrated: int
    audit: int
    mails: int
    sessions: int = 0


@dataclass(frozen=True, slots=True)
class Whom:
    """Who is meant. addresses: theirs, in small letters: mails and held accounts are known by nothing else."""

    tenant: Tenant
    identity: Identity
    known: KnownIdentity | None = None
    addresses: frozenset[str] = field(default=frozenset(), repr=False)


class Persons(Protocol):
    """One identity's rows, whatever the table. Raises Unavailable."""

    async def addresses(self, identity: Identity) -> set[str]:
        """What its links say that its addresses are: its own, and its accounts'."""

    async def of(self, whom: Whom, client_ids: Collection[str]) -> Person: ...

    async def erase(
        self, whom: Whom, client_ids: Collection[str], pseudonym: str, mails: Sequence[Mail], event: AuditEvent
    ) -> Erased:
        """Links, held accounts, the ledger and mails gone, audit rows without a name, in one transaction with `event`.

        mails: about the links that are gone. Their products are told (`Logouts`).
        """


async def whom(ports: Ports, persons: Persons, tenant: Tenant, identity: Identity) -> Whom:
    """The identity with every address it is known by. Raises Unavailable: then nothing is told as if it were whole."""
    known = await ports.identities.of_identity(tenant, identity)
    addresses = await persons.addresses(identity) | ({known.email} if known else set())
    return Whom(tenant, identity, known, frozenset(one.lower() for one in addresses if one))


async def export(ports: Ports, persons: Persons, of: Whom) -> dict[str, Any]:
    """All of it, as JSON has it."""
    found = await persons.of(of, await _clients(ports, of.identity))
    sessions = await ports.sessions.of_identity(of.identity)
    return {
        "iss": of.identity.issuer,
        "sub": of.identity.subject,
        "tenant": of.tenant.organization_id,
        "keycloak": {"username": of.known.username, "email": of.known.email} if of.known else None,
        "links": [_flat(link) for link in found.links],
        "held": [{name: value for name, value in asdict(one).items() if name != "flow"} for one in found.held],
        "migrated": list(found.migrated),
        "sessions": [{"browser": one.user_agent, "ip": one.ip, "started": one.started} for one in sessions],
        "audit": [asdict(event) for event in found.audit],
        "mails": [asdict(mail) for mail in found.mails],
    }


def _flat(link: Link) -> dict[str, Any]:
    return {name: value for name, value in asdict(link).items() if name != "identity"}


async def erase(
    ports: Ports, settings: HubSettings, persons: Persons, of: Whom, *, actor: str, mail: bool = True
) -> Erased:
    """Nothing here names the identity any more but a row that says so; its sessions and those of its accounts end."""
    clients = await _clients(ports, of.identity)
    pseudonym = f"erased-{secrets.token_hex(8)}"
    sessions = await ports.sessions.end_all(of.identity)
    mails = await _mails(ports, settings, of, clients) if mail else []
    event = AuditEvent(
        event=ERASED,
        result="ok",
        time=ports.now(),
        organization_id=of.tenant.organization_id,
        issuer=of.identity.issuer,
        subject=pseudonym,
        actor=actor,
    )
    erased = await persons.erase(of, clients, pseudonym, mails, event)
    return Erased(**{**asdict(erased), "sessions": len(sessions)})


async def _clients(ports: Ports, identity: Identity) -> list[str]:
    """The products of every tenant that the identity may belong to: tenants may share a realm."""
    tenants = [tenant for tenant in await ports.registry.tenants() if tenant.issuer == identity.issuer]
    found = [client for tenant in tenants for client in await ports.registry.clients_of(tenant.organization_id)]
    return [client.client_id for client in found]


async def _mails(ports: Ports, settings: HubSettings, of: Whom, clients: Sequence[str]) -> list[Mail]:
    """Whose account is opened by nobody any more is told so, as of any removal (MIM-24)."""
    made = []
    for link in await ports.links.of_identity(of.identity, clients):
        where = await place.of_client(ports, link.client_id)
        facts = await removal.facts_of(ports, where, link)
        made += await notices.unlinked(ports, settings, NO_REQUEST, where, link, facts.email if facts else "")
    return made
