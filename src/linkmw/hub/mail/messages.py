"""The mails about links and addresses, from values to `Mail`, in the language spoken.

Pure; the words live in `templates/`.

A mail about an account goes to the account's address and carries the button that undoes it; the identity's own
address is told too, without button and without the account's name: it need not be the product's on file (PR14).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

import linkmw.pages
from linkmw.hub.mail.names import masked, one_address, one_line, unlinkable
from linkmw.hub.mail.wrap import wrapped
from linkmw.hub.ports import Mail
from linkmw.model import Client, Tenant
from linkmw.pages import language
from linkmw.pages.article import with_article
from linkmw.pages.brand import palette
from linkmw.pages.browsers import describe
from linkmw.pages.language import gettext
from linkmw.pages.moment import moment

COLUMNS = 72

_TEMPLATES = Environment(
    # Times are written as pages write them.
    loader=FileSystemLoader([Path(__file__).parent / "templates", Path(linkmw.pages.__path__[0]) / "templates"]),
    autoescape=select_autoescape(["html"], default_for_string=False, default=False),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    auto_reload=False,
    extensions=["jinja2.ext.i18n"],
)
language.install(_TEMPLATES)
_TEMPLATES.filters.update(with_article=with_article, unlinkable=unlinkable, masked=masked)


@dataclass(frozen=True, slots=True)
class Envelope:
    """Whose mail it is, from whom and to whom. recipient: one address. logo_url: absolute, "" for none."""

    tenant: Tenant
    client: Client
    sender: str
    recipient: str
    logo_url: str = ""


@dataclass(frozen=True, slots=True)
class Happening:
    """When something was done (seconds since the epoch), with which browser, from which address."""

    at: int
    user_agent: str = ""
    ip: str = ""


@dataclass(frozen=True, slots=True)
class NewlyLinked:
    """An account that was linked together with others. product: its name. unlink_url: its own Remove Link."""

    account: str
    product: str
    unlink_url: str = field(repr=False)


def linked(envelope: Envelope, happening: Happening, *, account: str, identity_email: str, unlink_url: str) -> Mail:
    """MIM-7, 21, 22: to the account's address, with Remove Link. Raises RequestRefused(code="mail_header") (UM09)."""
    return _mail(
        "linked",
        gettext("Your %(product)s account has been linked from %(brand)s") % _named(envelope),
        envelope,
        happening,
        account=account,
        identity_email=identity_email,
        unlink_url=unlink_url,
    )


def several_linked(
    envelope: Envelope, happening: Happening, *, accounts: Sequence[NewlyLinked], identity_email: str
) -> Mail:
    """AKE-6, MIM-7: one mail about all accounts that were linked at once, each with its Remove Link.

    One account, of whichever product, gets the mail of `linked`. Raises RequestRefused(code="mail_header").
    """
    if len(accounts) == 1:
        (only,) = accounts
        envelope = replace(envelope, client=replace(envelope.client, name=only.product))
        return linked(
            envelope, happening, account=only.account, identity_email=identity_email, unlink_url=only.unlink_url
        )
    return _mail(
        "several_linked",
        gettext("Your accounts have been linked from %(brand)s") % {"brand": with_article(envelope.tenant.brand)},
        envelope,
        happening,
        accounts=tuple(map(_on_one_line, accounts)),
        identity_email=identity_email,
    )


def verify_address(envelope: Envelope, happening: Happening, *, account: str, url: str, seconds: int) -> Mail:
    """AKE-11, AKE-13, AKE-24: to the address that somebody gave as theirs. seconds: how long `url` works.

    Raises RequestRefused(code="mail_header").
    """
    return _mail(
        "verify_address",
        gettext("Confirm your email address for %(brand)s") % {"brand": envelope.tenant.brand},
        envelope,
        happening,
        account=account,
        url=url,
        seconds=seconds,
    )


def linked_for_identity(envelope: Envelope, happening: Happening, *, identity_email: str) -> Mail:
    """MIM-7, PR14: to the identity's own address. Raises RequestRefused(code="mail_header")."""
    return _mail(
        "linked_for_identity",
        gettext("%(product)s account has been linked to your %(brand)s")
        % {"product": _capital(with_article(envelope.client.name)), "brand": envelope.tenant.brand},
        envelope,
        happening,
        identity_email=identity_email,
    )


def unlinked(envelope: Envelope, happening: Happening, *, account: str) -> Mail:
    """MIM-24: to the address the account had. Raises RequestRefused(code="mail_header")."""
    return _mail(
        "unlinked",
        gettext("Your %(product)s account is no longer linked to %(brand)s") % _named(envelope),
        envelope,
        happening,
        account=account,
    )


def _named(envelope: Envelope) -> dict[str, str]:
    return {"product": envelope.client.name, "brand": with_article(envelope.tenant.brand)}


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _on_one_line(linked: NewlyLinked) -> NewlyLinked:
    return NewlyLinked(one_line(linked.account), one_line(linked.product), one_line(linked.unlink_url))


def _mail(kind: str, subject: str, envelope: Envelope, happening: Happening, **values: object) -> Mail:
    seen: dict[str, object] = {
        **{name: one_line(value) if isinstance(value, str) else value for name, value in values.items()},
        "subject": one_line(subject),
        "brand": envelope.tenant.brand,
        "product": envelope.client.name,
        "moved": envelope.client.mode == "replace"
        and envelope.client.percent >= 100,  # its own password opens it no more
        "contact": envelope.tenant.contact,
        "logo_url": envelope.logo_url,
        "colours": palette(envelope.tenant.primary),
        "when": moment(happening.at, envelope.tenant.time_zone),
        "by_person": bool(happening.user_agent or happening.ip),  # else an administrator did it
        "browser": describe(happening.user_agent),
        "ip": _ip(happening.ip),
    }
    return Mail(
        kind=kind,
        recipient=one_address(envelope.recipient),
        sender=one_line(envelope.sender),
        subject=subject,
        text=wrapped(_TEMPLATES.get_template(f"{kind}.txt").render(seen), COLUMNS).strip("\n") + "\n",
        html=_TEMPLATES.get_template(f"{kind}.html").render(seen),
    )


def _ip(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return gettext("unknown")
