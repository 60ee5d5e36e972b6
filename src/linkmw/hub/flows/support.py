"""The support page: who has the role finds people, sees what they have, and helps; each look and act is written down.

Nothing here makes a link (PR27). What it may do to somebody is less than what that person may do.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote

from linkmw.errors import LinkmwError, RequestRefused, Unavailable
from linkmw.http import Params, Request, Response, origin_of, page, redirect, with_query
from linkmw.hub import audit, logouts, looks, place, refusals, removal, rules
from linkmw.hub.browser import read_own_form
from linkmw.hub.flows import flow as flows
from linkmw.hub.flows import sign_in
from linkmw.hub.place import Place, concerning
from linkmw.hub.ports import AuditEvent, HubSession, KnownIdentity, MailRecord, OpenSession, Ports
from linkmw.hub.settings import HubSettings
from linkmw.model import Client, Identity, Link
from linkmw.pages import support as screens
from linkmw.pages.browsers import describe
from linkmw.pages.render import Form
from linkmw.pages.support import EventRow, Found, Head, LinkRow, MailRow, Question, SessionRow, Told, Who
from linkmw.reference import new_reference

SAID_SECONDS = 60  # a refusal of one person is written down once in a minute (DS06)

_SUBJECT = re.compile(r"[\x21-\x7e]{1,255}\Z")
_NUMBER = re.compile(r"[0-9]{1,18}\Z")
_REFERENCE = re.compile(r"[0-9A-Za-z]{4}-[0-9A-Za-z]{4}\Z")
_TOLD: dict[str, Told] = {
    "removed": "removed",
    "gone": "gone",
    "ended": "ended",
    "ended_here": "ended_here",
    "resent": "resent",
    "staff": "staff",
    "staff_unknown": "staff_unknown",
}


@dataclass(frozen=True, slots=True)
class Desk:
    """Where somebody works there, and who it is."""

    where: Place
    by: HubSession
    clients: tuple[Client, ...]

    def at(self, page: str = "") -> str:
        return at(self.where, page)

    def client_ids(self) -> list[str]:
        return [client.client_id for client in self.clients]


@dataclass(frozen=True, slots=True)
class Person:
    """Whom the page is about. known: Keycloak's word; None when it does not know, or (`away`) could not be asked."""

    identity: Identity
    links: tuple[Link, ...]
    known: KnownIdentity | None
    away: bool

    @property
    def email(self) -> str:
        return self.known.email if self.known else next((link.identity_email for link in self.links), "")


def at(where: Place, page: str = "") -> str:
    return place.in_manager(where.tenant, f"support/{page}" if page else "support")


def of_person(where: Place, identity: Identity, act: str = "") -> str:
    return at(where, f"person/{quote(identity.subject, safe='')}{act}")


# Who works here


async def enter(
    ports: Ports, settings: HubSettings, request: Request, where: Place, path: str, *, acts: bool = False
) -> Desk | Response:
    """The desk, for who has the role and signed in lately; a way to Keycloak and back to `path` for who did not.

    acts: the role that only looks is not enough. Raises RequestRefused: 404, as if there were no such page, and 403.
    """
    session = await flows.session_of(ports, settings, request)
    if not rules.opens(session, where.tenant):
        return await sign_in.to_manager(ports, settings, request, where, path)
    if not session.support:
        await _refuse(ports, where, session, request, "not_found")
        raise RequestRefused("no role for the support page", code="not_found", status=404)
    if not rules.is_recent(session.auth_time, settings.fresh_seconds, ports.now()):
        return await sign_in.to_manager(ports, settings, request, where, path, session)
    if acts and session.support != "write":
        await _refuse(ports, where, session, request, "read_only")
        raise RequestRefused("the role only looks", code="read_only", status=403)
    return Desk(where, session, tuple(await ports.registry.clients_of(where.tenant.organization_id)))


async def _refuse(ports: Ports, where: Place, session: HubSession, request: Request, code: str) -> None:
    if await ports.marks.first_use("support-refused", f"{session.public_sid} {code}", SAID_SECONDS):
        event = audit.of_support("support_refused", session, where, ports.now(), request, code=code)
        await ports.audit.write(event)


def head(desk: Desk) -> Head:
    """What stands above every page of the support."""
    sign_out = Form(place.in_manager(desk.where.tenant, "sign-out"), desk.by.csrf)
    return Head(desk.by.email, sign_out, desk.at(), desk.at("rollout"))


def answered(desk: Desk, html: str, status: int = 200) -> Response:
    """A page of the support. Its forms may end at Keycloak: a fresh sign-in, signing out."""
    return page(html, status=status, form_action=[origin_of(desk.where.tenant.issuer)])


# Finding somebody


async def show(ports: Ports, settings: HubSettings, request: Request, organization_id: str) -> Response:
    """GET /t/{organization_id}/support: whom to look for."""
    where = await place.of_tenant(ports, organization_id)
    with concerning(where):
        desk = await enter(ports, settings, request, where, at(where))
        return desk if isinstance(desk, Response) else await _search(ports, desk, "", None, [])


async def find(ports: Ports, settings: HubSettings, request: Request, organization_id: str) -> Response:
    """POST …: who has this e-mail, username or account id, or what has this reference; one person is shown at once.

    By POST: an address that is looked for stands in no history and no log.
    """
    where = await place.of_tenant(ports, organization_id)
    with concerning(where):
        desk = await enter(ports, settings, request, where, at(where))
        if isinstance(desk, Response):
            return desk
        name = read_own_form(request, settings.public_url, desk.by.csrf).get("name").strip()
        found, events = await _found(ports, desk, name), await _by_reference(ports, desk, name)
        if len(found) == 1 and not events:
            return redirect(settings.public_url + found[0].url)
        await ports.audit.write(audit.of_support("support_looked", desk.by, where, ports.now(), request))
        return await _search(ports, desk, name, found, events)


async def _search(ports: Ports, desk: Desk, name: str, found: list[Found] | None, events: list[AuditEvent]) -> Response:
    html = screens.search(
        look=await looks.look_of(ports, desk.where),
        head=head(desk),
        form=Form(desk.at(), desk.by.csrf),
        name=name,
        found=found,
        events=[_event_row(desk, event) for event in events],
        now=ports.now(),
        zone=desk.where.tenant.time_zone,
    )
    return answered(desk, html)


async def _found(ports: Ports, desk: Desk, name: str) -> list[Found]:
    """Every identity that fits, once, with the accounts by which it was found."""
    if not name:
        return []
    products = {client.client_id: client.name for client in desk.clients}
    by_identity: dict[Identity, list[str]] = {}
    emails: dict[Identity, str] = {}
    for link in await ports.support.find(desk.client_ids(), name):
        by_identity.setdefault(link.identity, []).append(f"{products[link.client_id]}: {link.username}")
        emails[link.identity] = link.identity_email
    for known in await _at_keycloak(ports, desk.where, name):
        by_identity.setdefault(known.identity, [])
        emails[known.identity] = known.email
    return [
        Found(emails[identity] or identity.subject, tuple(accounts), of_person(desk.where, identity))
        for identity, accounts in by_identity.items()
    ]


async def _at_keycloak(ports: Ports, where: Place, name: str) -> list[KnownIdentity]:
    """Nobody while Keycloak is away: what is linked is found all the same."""
    try:
        return await ports.identities.of_address(where.tenant, name) if "@" in name else []
    except Unavailable:
        return []


async def _by_reference(ports: Ports, desk: Desk, name: str) -> list[AuditEvent]:
    if not _REFERENCE.match(name):
        return []
    return await ports.support.by_reference(desk.where.tenant.organization_id, name.upper())


# One person


async def person(ports: Ports, settings: HubSettings, request: Request, organization_id: str, subject: str) -> Response:
    """GET …/person/{subject}: the links, sessions, mails and events of one identity."""
    where = await place.of_tenant(ports, organization_id)
    with concerning(where):
        identity = _identity(where, subject)
        desk = await enter(ports, settings, request, where, of_person(where, identity))
        if isinstance(desk, Response):
            return desk
        return await _show(ports, request, desk, await _person(ports, desk, identity))


async def ask_remove(
    ports: Ports, settings: HubSettings, request: Request, organization_id: str, subject: str, link_id: str
) -> Response:
    """GET …/remove/{link_id}: the page with the question. Changes nothing."""
    where = await place.of_tenant(ports, organization_id)
    with concerning(where):
        identity = _identity(where, subject)
        desk = await enter(ports, settings, request, where, of_person(where, identity), acts=True)
        if isinstance(desk, Response):
            return desk
        who = await _person(ports, desk, identity)
        of, link = _own(desk, who, link_id)
        if refused := rules.support_may_remove(await removal.facts_of(ports, of, link)):
            return await _refused(ports, settings, request, desk, who, refused)
        form = Form(of_person(where, identity, f"/remove/{link.link_id}"), desk.by.csrf)
        question = Question(link.username, of.product.name, form, of_person(where, identity))
        return await _show(ports, request, desk, who, question)


async def remove(
    ports: Ports, settings: HubSettings, request: Request, organization_id: str, subject: str, link_id: str
) -> Response:
    """POST …: the link is gone, its sessions end, and its owner is told by mail as ever (MIM-24). No staff's (PR27)."""
    where = await place.of_tenant(ports, organization_id)
    with concerning(where):
        identity = _identity(where, subject)
        desk = await enter(ports, settings, request, where, of_person(where, identity), acts=True)
        if isinstance(desk, Response):
            return desk
        read_own_form(request, settings.public_url, desk.by.csrf)
        who = await _person(ports, desk, identity)
        if not any(str(link.link_id) == link_id for link in who.links):
            return _back(settings, desk, who, "gone")  # pressed twice, or gone by another hand (RC02)
        of, link = _own(desk, who, link_id)
        facts = await removal.facts_of(ports, of, link)
        if refused := rules.support_may_remove(facts):
            return await _refused(ports, settings, request, desk, who, refused)
        actor = audit.support_actor(desk.by)
        gone = await removal.remove(ports, settings, request, of, link, facts, actor=actor, by_support=True)
        return _back(settings, desk, who, "removed" if gone else "gone")


async def end(ports: Ports, settings: HubSettings, request: Request, organization_id: str, subject: str) -> Response:
    """POST …/end: every session of the person has ended: here, at Keycloak, and soon in every product."""
    where = await place.of_tenant(ports, organization_id)
    with concerning(where):
        identity = _identity(where, subject)
        desk = await enter(ports, settings, request, where, of_person(where, identity), acts=True)
        if isinstance(desk, Response):
            return desk
        read_own_form(request, settings.public_url, desk.by.csrf)
        who = await _person(ports, desk, identity)
        await ports.sessions.end_all(identity)
        await logouts.tell(ports, identity)
        event = audit.of_support("signed_out", desk.by, where, ports.now(), request, about=identity)
        await ports.audit.write(event)
        try:
            await ports.provider.end_sessions(where.tenant, identity)
        except LinkmwError as error:
            refusals.note(place.Refused(error, where), new_reference(), "support")
            return _back(settings, desk, who, "ended_here")
        return _back(settings, desk, who, "ended")


async def resend(ports: Ports, settings: HubSettings, request: Request, organization_id: str, subject: str) -> Response:
    """POST …/resend: a mail that waits, or was given up, goes out now, to where it was going."""
    where = await place.of_tenant(ports, organization_id)
    with concerning(where):
        identity = _identity(where, subject)
        desk = await enter(ports, settings, request, where, of_person(where, identity), acts=True)
        if isinstance(desk, Response):
            return desk
        item = read_own_form(request, settings.public_url, desk.by.csrf).get("mail")
        who = await _person(ports, desk, identity)
        mails = await ports.support.mails(identity, who.links, desk.client_ids())
        mail = next((mail for mail in mails if str(mail.item_id) == item and mail.state != "sent"), None)
        if mail is None or not await ports.support.send_again(mail.item_id, ports.now()):
            return _back(settings, desk, who, "gone")
        event = audit.of_support("mail_resent", desk.by, where, ports.now(), request, about=identity)
        await ports.audit.write(event)
        return _back(settings, desk, who, "resent")


def _identity(where: Place, subject: str) -> Identity:
    """Raises RequestRefused, 404, for what is no subject at all."""
    if not _SUBJECT.match(subject):
        raise RequestRefused("not the subject of an identity", code="not_found", status=404)
    return Identity(where.tenant.issuer, subject)


async def _person(ports: Ports, desk: Desk, identity: Identity) -> Person:
    """Raises RequestRefused, 404, for somebody whom neither this tenant's products nor its realm know."""
    links = tuple(await ports.links.of_identity(identity, desk.client_ids()))
    try:
        known, away = await ports.identities.of_identity(desk.where.tenant, identity), False
    except Unavailable:
        known, away = None, True
    if not links and known is None and not await ports.support.trail(desk.where.tenant.organization_id, identity):
        raise RequestRefused("no such identity here", code="not_found", status=404)
    return Person(identity, links, known, away)


def _own(desk: Desk, who: Person, link_id: str) -> tuple[Place, Link]:
    """This person's link of that id. Raises RequestRefused, 404, for any other (LT14)."""
    link = rules.chosen(link_id, who.links) if _NUMBER.match(link_id) else None
    client = next((client for client in desk.clients if link and client.client_id == link.client_id), None)
    if link is None or client is None:
        raise RequestRefused("no such link of this identity", code="not_found", status=404)
    return Place(desk.where.tenant, client), link


def _back(settings: HubSettings, desk: Desk, who: Person, done: Told) -> Response:
    return redirect(with_query(settings.public_url + of_person(desk.where, who.identity), done=done))


async def _refused(
    ports: Ports, settings: HubSettings, request: Request, desk: Desk, who: Person, code: Told
) -> Response:
    event = audit.of_support(
        "support_refused", desk.by, desk.where, ports.now(), request, about=who.identity, code=code
    )
    await ports.audit.write(event)
    return _back(settings, desk, who, code)


async def _show(ports: Ports, request: Request, desk: Desk, who: Person, question: Question | None = None) -> Response:
    looked = audit.of_support("support_looked", desk.by, desk.where, ports.now(), request, about=who.identity)
    await ports.audit.write(looked)
    sessions = await ports.sessions.of_identity(who.identity)
    mails = await ports.support.mails(who.identity, who.links, desk.client_ids())
    events = await ports.support.trail(desk.where.tenant.organization_id, who.identity)
    acts = desk.by.support == "write"
    html = screens.person(
        look=await looks.look_of(ports, desk.where),
        head=head(desk),
        now=ports.now(),
        zone=desk.where.tenant.time_zone,
        who=_who(who),
        links=[_link_row(desk, who, link) for link in who.links],
        sessions=[_session_row(session) for session in sessions],
        end=Form(of_person(desk.where, who.identity, "/end"), desk.by.csrf) if acts else None,
        mails=[_mail_row(desk, who, mail) for mail in mails],
        events=[_event_row(desk, event) for event in events],
        told=_told(request.query),
        question=question,
    )
    return answered(desk, html)


def _told(query: Params) -> Told | None:
    return _TOLD.get(query.get("done"))


def _who(who: Person) -> Who:
    known = who.known
    return Who(who.email, who.identity.subject, _state(who), verified=known is not None and known.email_verified)


def _state(who: Person) -> Literal["enabled", "disabled", "unknown", "away"]:
    if who.known is None:
        return "away" if who.away else "unknown"
    return "enabled" if who.known.enabled else "disabled"


def _link_row(desk: Desk, who: Person, link: Link) -> LinkRow:
    product = next(client.name for client in desk.clients if client.client_id == link.client_id)
    remove = of_person(desk.where, who.identity, f"/remove/{link.link_id}") if desk.by.support == "write" else ""
    return LinkRow(product, link.username, link.account_id, link.created, link.last_used, remove)


def _session_row(session: OpenSession) -> SessionRow:
    return SessionRow(describe(session.user_agent), session.ip, session.started)


def _mail_row(desk: Desk, who: Person, mail: MailRecord) -> MailRow:
    waits = mail.state != "sent" and desk.by.support == "write"
    path = of_person(desk.where, who.identity, "/resend")
    resend = Form(path, desk.by.csrf, (("mail", str(mail.item_id)),)) if waits else None
    return MailRow(mail.kind, mail.state, mail.created, mail.tries, mail.reason, resend)


def _event_row(desk: Desk, event: AuditEvent) -> EventRow:
    product = next((client.name for client in desk.clients if client.client_id == event.client_id), "")
    account = event.username or event.account_id
    return EventRow(event.event, event.result == "ok", event.code, event.time, product, account, event.flow, event.ip)
