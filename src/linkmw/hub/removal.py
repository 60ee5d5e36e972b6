"""A link goes, whichever way: what its product says of the account now, who is told, and the row itself."""

from __future__ import annotations

from dataclasses import replace

from linkmw.errors import Unavailable
from linkmw.http import Request
from linkmw.hub import audit, notices, pending
from linkmw.hub.place import Place
from linkmw.hub.ports import AccountAnswer, Event, Ports
from linkmw.hub.settings import HubSettings
from linkmw.model import Link


async def facts_of(ports: Ports, where: Place, link: Link) -> AccountAnswer | None:
    """What the product says of the account; None when it cannot be asked, for it is not waited for."""
    return await facts_of_account(ports, where, link.account_id)


async def facts_of_account(ports: Ports, where: Place, account_id: str) -> AccountAnswer | None:
    """As `facts_of`, for an account that may have no link."""
    if where.product.proof == "none":
        return None  # no gate that could be asked
    try:
        return await ports.products.look_up(where.product, account_id)
    except Unavailable:
        return None


async def leaves_password(ports: Ports, where: Place, link: Link) -> bool:
    """Is the account left with a way in of its own? Only a product that says no is believed (UM07)."""
    facts = await facts_of(ports, where, link)
    return facts is None or facts.usable_password or not facts.found


async def remove(
    ports: Ports,
    settings: HubSettings,
    request: Request,
    where: Place,
    link: Link,
    facts: AccountAnswer | None,
    *,
    actor: str,
    mail: bool = True,
    by_support: bool = False,
) -> Link | None:
    """The link is gone and everybody who should know is told; None when somebody else was quicker (RC05).

    facts: what the product says of the account. The mail goes to the address of then and to the one it has now (UM06);
    where it no longer knows the account, the trail says that (LT19). actor: "manager", "mail", the telling client, or
    an operator's command, which may send none. by_support: neither mail nor activity says from which browser and
    address.
    """
    event: Event = "unlinked" if facts is None or facts.found else "account_gone"
    shown = Request(request.method, request.path) if by_support else request
    email_now = facts.email if facts else ""
    mails = await notices.unlinked(ports, settings, shown, where, link, email_now) if mail else []
    told = replace(audit.of_link(event, link, where, ports.now(), shown, actor=actor), ip=request.client)
    removed = await ports.links.remove(link.link_id, mails, told)
    if removed is not None:
        await pending.cancel(ports, request, where, removed.identity)
    return removed
