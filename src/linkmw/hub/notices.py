"""Who is told by mail of a link made or removed, or asked for an address, and with what (MIM-7, MIM-24, PR14).

In the language that the link was made in: its mails go to the same person.
"""

from __future__ import annotations

from collections.abc import Sequence

from linkmw.http import Request
from linkmw.hub import looks
from linkmw.hub.mail import messages
from linkmw.hub.mail.messages import Envelope, Happening, NewlyLinked
from linkmw.hub.mail.names import is_address
from linkmw.hub.place import Place
from linkmw.hub.ports import Mail, MailProof, NewLink, Ports
from linkmw.hub.settings import HubSettings
from linkmw.model import Link
from linkmw.pages import language


def addresses(account_email: str, identity_email: str) -> tuple[str, str]:
    """The account's address, and the identity's where it is another one; "" for one that no mail can go to."""
    account = account_email if is_address(account_email) else ""
    identity = identity_email if is_address(identity_email) else ""
    return account, "" if identity.lower() == account.lower() else identity


async def linked(
    ports: Ports, settings: HubSettings, request: Request, where: Place, link: NewLink, token: str
) -> list[Mail]:
    """The mails about a new link: to the account's address with the button, to the identity's without (PR14)."""
    with language.speaking(link.language or where.tenant.language):
        return await _linked(ports, settings, request, where, link, token)


async def _linked(
    ports: Ports, settings: HubSettings, request: Request, where: Place, link: NewLink, token: str
) -> list[Mail]:
    to_account, to_identity = addresses(link.account.email, link.identity_email)
    happening, mails = _happening(request, link.created), []
    shown = link.identity_email if is_address(link.identity_email) else ""
    if to_account:
        envelope = await _envelope(ports, settings, where, to_account)
        unlink_url = f"{settings.public_url}/unlink/{token}"
        account = link.account.username
        mails.append(messages.linked(envelope, happening, account=account, identity_email=shown, unlink_url=unlink_url))
    if to_identity:
        envelope = await _envelope(ports, settings, where, to_identity)
        mails.append(messages.linked_for_identity(envelope, happening, identity_email=shown))
    return mails


async def joined(
    ports: Ports, settings: HubSettings, request: Request, where: Place, made: Sequence[tuple[Place, NewLink, str]]
) -> list[Mail]:
    """The mails about links of one first sign-in, each with the token of its own button: one to each address that the
    accounts have, and one to the identity's where that is none of these (MIM-7, PR14).

    where: of the account that was proven.
    """
    email = made[0][1].identity_email
    by_address: dict[str, list[NewlyLinked]] = {}
    for of, link, token in made:
        if is_address(link.account.email):
            unlink_url = f"{settings.public_url}/unlink/{token}"
            told = NewlyLinked(link.account.username, of.product.name, unlink_url)
            by_address.setdefault(link.account.email.lower(), []).append(told)
    happening, mails = _happening(request, ports.now()), []
    with language.speaking(made[0][1].language or where.tenant.language):
        for recipient, accounts in by_address.items():
            envelope = await _envelope(ports, settings, where, recipient)
            mails.append(messages.several_linked(envelope, happening, accounts=accounts, identity_email=email))
        if email.lower() not in by_address:
            envelope = await _envelope(ports, settings, where, email)
            mails.append(messages.linked_for_identity(envelope, happening, identity_email=email))
    return mails


async def verification(
    ports: Ports, settings: HubSettings, request: Request, where: Place, proof: MailProof, token: str
) -> Mail:
    """The mail whose link confirms an address (AKE-11). In the language that is spoken where it is waited for."""
    envelope = await _envelope(ports, settings, where, proof.email)
    return messages.verify_address(
        envelope,
        _happening(request, proof.started),
        account=proof.username,
        url=f"{settings.public_url}/confirm-email/{token}",
        seconds=proof.expires - proof.started,
    )


async def unlinked(
    ports: Ports, settings: HubSettings, request: Request, where: Place, link: Link, email_now: str = ""
) -> list[Mail]:
    """The mails about a removed link: to the address the account had when it was linked (MIM-24), and to the one that
    it has now, where that is known and another one (UM06)."""
    happening, mails = _happening(request, ports.now()), []
    for recipient in filter(None, addresses(link.email, email_now)):
        envelope = await _envelope(ports, settings, where, recipient)
        with language.speaking(link.language or where.tenant.language):  # not in that of whoever removed it
            mails.append(messages.unlinked(envelope, happening, account=link.username))
    return mails


def _happening(request: Request, at: int) -> Happening:
    return Happening(at, request.headers.get("user-agent", ""), request.client)


async def _envelope(ports: Ports, settings: HubSettings, where: Place, recipient: str) -> Envelope:
    look = await looks.look_of(ports, where)
    return Envelope(
        tenant=where.tenant,
        client=where.product,
        sender=where.tenant.mail_from or settings.mail_from,
        recipient=recipient,
        logo_url=settings.public_url + look.brand_logo.url,
    )
