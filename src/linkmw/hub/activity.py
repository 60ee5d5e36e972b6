"""The audit trail as the person it tells of reads it in the manager."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from linkmw.hub.ports import AuditEvent
from linkmw.model import Client, Link
from linkmw.pages.browsers import describe
from linkmw.pages.language import gettext
from linkmw.pages.screens import ActivityRow

What = Literal["signed_in", "linked", "unlinked", "signed_out", "refused"]

MANY = 10  # rows: what fits beside the products

_WHAT: Mapping[str, What] = {
    "signed_in": "signed_in",
    "linked": "linked",
    "unlinked": "unlinked",
    "account_gone": "unlinked",
    "signed_out": "signed_out",
    "link_refused": "refused",
    "choice_refused": "refused",
}


def rows(
    events: Sequence[AuditEvent], organization_id: str, clients: Sequence[Client], links: Sequence[Link]
) -> list[ActivityRow]:
    """The newest things that happened to this person at the tenant, newest first."""
    own = [event for event in events if event.organization_id == organization_id and event.event in _WHAT]
    products = {client.client_id: client.name for client in clients}
    names = {(link.client_id, link.account_id): link.username for link in links}
    return [
        ActivityRow(
            what=_WHAT[event.event],
            account=event.username or names.get((event.client_id, event.account_id), event.account_id),
            product=products.get(event.client_id, ""),
            at=event.time,
            how=_how(event),
        )
        for event in own[:MANY]
    ]


def _how(event: AuditEvent) -> str:
    """By what, or from where; never a word of the visitor's own."""
    if event.event == "account_gone":
        return gettext("the account was deleted")
    if event.actor == "mail":
        return gettext("by e-mail link")
    if event.actor.startswith("support:"):
        return gettext("by the support")
    return describe(event.user_agent) if event.user_agent else event.ip


def removed(events: Sequence[AuditEvent], client_id: str) -> str:
    """The name of the account of this product that was unlinked last; "" when nobody knows."""
    gone = (event for event in events if event.event in ("unlinked", "account_gone") and event.client_id == client_id)
    return next((event.username for event in gone), "")
