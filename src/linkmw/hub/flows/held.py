"""Accounts that wait: put down at a first sign-in, linked when their identity signs in (AKE-14, PR01)."""

from __future__ import annotations

from dataclasses import replace

from linkmw.errors import LinkRefused, RequestRefused, Unavailable
from linkmw.http import Request
from linkmw.hub import audit, first_rules, logouts, notices, pending
from linkmw.hub.browser import sha256_hex
from linkmw.hub.place import Place
from linkmw.hub.ports import AccountAnswer, AuditEvent, Event, Flow, HeldAccount, KeycloakSignIn, NewLink, Ports
from linkmw.hub.settings import HubSettings
from linkmw.model import Account
from linkmw.pages import language


def link_flow(flow_id: str, client_id: str, account_id: str) -> str:
    """What one link of a first sign-in is made under: such a flow may make several, each once."""
    return sha256_hex(f"{flow_id} {client_id} {account_id}")


async def put(ports: Ports, request: Request, flow: Flow, account: Account) -> None:
    """The proven account waits for whoever signs in with the flow's confirmed address."""
    waiting = HeldAccount(
        client_id=flow.client_id,
        account=account,
        email=flow.email,
        flow=link_flow(flow.flow_id, flow.client_id, account.account_id),
        amr=flow.proven_amr,
        created=ports.now(),
        language=language.current(),
    )
    await ports.held.put(waiting, audit.of_flow("account_held", flow, ports.now(), request))


async def link(ports: Ports, settings: HubSettings, request: Request, where: Place, signed: KeycloakSignIn) -> None:
    """What waits for the verified address of who has just signed in is linked, and its owners are told."""
    if not (signed.email and signed.email_verified):
        return
    clients = {client.client_id: client for client in await ports.registry.clients_of(where.tenant.organization_id)}
    if not any(client.mode == "replace" for client in clients.values()):
        return  # nothing ever waits in a tenant that does not move
    for waiting in await ports.held.of_email(where.tenant.organization_id, signed.email):
        if waiting.client_id in clients:  # another product's is switched off, and waits on
            of = Place(where.tenant, clients[waiting.client_id])
            await _link(ports, settings, request, of, waiting, signed)


async def _link(
    ports: Ports, settings: HubSettings, request: Request, where: Place, waiting: HeldAccount, signed: KeycloakSignIn
) -> None:
    """Linked, if it is still the account that was proven; one whose product cannot be asked now waits on."""
    account = await account_now(ports, where, waiting.account.account_id)
    if account is None:
        return
    token = ports.token()
    new = _new_link(ports, where, waiting, signed, token)
    event = _event("linked", ports, request, where, new)
    if not first_rules.is_unchanged(waiting.account, account):
        await _wait_no_more(ports, waiting, event, "account_changed")
        return
    mails = await notices.linked(ports, settings, request, where, new, token)
    await logouts.of_before(ports, [new])
    try:
        await ports.links.add(new, mails, event)
    except (LinkRefused, RequestRefused) as error:  # somebody else's by now, or unlinked again: it waits for nobody
        await _wait_no_more(ports, waiting, event, error.code)
        return
    await pending.cancel(ports, request, where, signed.identity)


async def account_now(ports: Ports, where: Place, account_id: str) -> AccountAnswer | None:
    """What the product says of the account now; None when it cannot be asked."""
    try:
        return await ports.products.look_up(where.product, account_id)
    except Unavailable:
        return None


async def _wait_no_more(ports: Ports, waiting: HeldAccount, event: AuditEvent, code: str) -> None:
    await ports.audit.write(replace(event, event="link_refused", result="refused", code=code))
    await ports.held.drop(waiting.client_id, waiting.account.account_id)


def _new_link(ports: Ports, where: Place, waiting: HeldAccount, signed: KeycloakSignIn, token: str) -> NewLink:
    return NewLink(
        client_id=waiting.client_id,
        account=waiting.account,
        identity=signed.identity,
        identity_email=signed.email,
        flow=waiting.flow,
        unlink_token_hash=sha256_hex(token),
        proof=where.product.proof,
        amr=waiting.amr,
        created=ports.now(),
        language=waiting.language,
    )


def _event(event: Event, ports: Ports, request: Request, where: Place, new: NewLink) -> AuditEvent:
    told = audit.of_person(event, new.identity, where, ports.now(), request)
    return replace(told, account_id=new.account.account_id, username=new.account.username)
