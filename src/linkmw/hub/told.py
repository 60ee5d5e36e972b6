"""What the manager says once, of what was just done: by a flow that led there, or by the address it was opened with.

An address is anybody's to write: whatever is named is looked up among what this person owns.
"""

from __future__ import annotations

from collections.abc import Sequence

from linkmw.errors import AccountTaken
from linkmw.http import Params
from linkmw.hub import activity, notices, rules
from linkmw.hub.ports import AuditEvent, Flow
from linkmw.model import Client, Link
from linkmw.pages.screens import Flash, Form, Moved


def has_news(flow: Flow) -> bool:
    """An account was added, or could not be: nothing else of a flow is told in the manager."""
    if flow.step == "refused":
        return flow.error == AccountTaken.code or (flow.error == "expired" and flow.request is None)
    return flow.step == "linked" and flow.request is None


def of_flow(flow: Flow, csrf: str, clients: Sequence[Client]) -> Flash | None:
    """The news of `flow`; None when its product is gone. csrf: of the browser that the flow belongs to."""
    client = next((client for client in clients if client.client_id == flow.client_id), None)
    if client is None:
        return None
    if flow.account is not None and flow.step == "linked":
        to_account, to_identity = notices.addresses(flow.account.email, flow.identity_email)
        return Flash("linked", client.name, flow.account.username, mailed_to=to_account or to_identity)
    if flow.error == "expired":
        return Flash("expired", client.name)
    waits = Form("/continue", csrf, (("flow", flow.flow_id),)) if flow.request else None
    return Flash("account_taken", client.name, go_on=waits)


def of_query(query: Params, clients: Sequence[Client], events: Sequence[AuditEvent]) -> Flash | None:
    """What `done` says."""
    done = query.get("done")
    match query.get("done"):
        case ("order_changed" | "session_ended" | "session_ended_here" | "gone") as done:
            return Flash(done)
        case "removed":
            return _removed(query.get("client_id"), clients, events)
    return None


def _removed(client_id: str, clients: Sequence[Client], events: Sequence[AuditEvent]) -> Flash:
    """Whose name it was, the trail still knows; without it there is nothing left to name."""
    product = next((client.name for client in clients if client.client_id == client_id), "")
    account = activity.removed(events, client_id) if product else ""
    return Flash("removed", product, account) if account else Flash("gone")


def moved(query: Params, links: Sequence[Link]) -> Moved | None:
    """The arrow that was pressed, if it was one of this person's."""
    link = rules.chosen(query.get("link"), links) if query.get("done") == "moved" else None
    if link is None:
        return None
    return Moved(link.link_id, "up" if query.get("arrow") == "up" else "down")
