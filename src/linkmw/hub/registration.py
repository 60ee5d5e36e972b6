"""What a tenant and a product must look like to be registered. No I/O; each `check_` raises RegistrationRefused."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from dataclasses import replace
from typing import Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from linkmw.errors import RegistrationRefused
from linkmw.hub import password_policy, reach
from linkmw.hub.mail.address import read_sender
from linkmw.model import Client, Tenant
from linkmw.oidc.metadata import MAX_URL
from linkmw.pages.language import LANGUAGES
from linkmw.setting_values import read_public_url, read_url

MAX_NAME = 60  # characters: it stands on buttons and in subjects
MAX_LOGO = 100_000  # characters
_ID = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
# An SVG shown by <img> runs nothing, but one opened by its own URL would.
_ACTIVE_SVG = re.compile(r"<\s*(?:script|foreignObject|!ENTITY|iframe)|\bon[a-z]+\s*=|javascript:", re.IGNORECASE)


def new_client(
    organization_id: str,
    name: str,
    public_url: str,
    *,
    internal_url: str = "",
    redirect_uri: str = "",
    primary: str = "",
    proof: Literal["form", "native", "none"] = "form",
    login_url: str = "",
    pkce_required: bool = True,
    post_logout_redirect_uri: str = "",
    logout_uri: str = "",
) -> Client:
    """A product as it will be registered, under a new client id that says whose it is. What is "" gets its default."""
    url = public_url.rstrip("/")
    client = Client(
        client_id=_new_id(name),
        organization_id=organization_id,
        name=name,
        public_url=url,
        redirect_uri=redirect_uri or f"{url}/.linkmw/callback",
        internal_url=internal_url.rstrip("/"),
        proof=proof,
        login_url=login_url or f"{url}/login",
        pkce_required=pkce_required,
        post_logout_redirect_uri=post_logout_redirect_uri,
        logout_uri=logout_uri,
    )
    return replace(client, primary=primary) if primary else client


def _new_id(name: str) -> str:
    word = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40].strip("-") or "product"
    return f"{word}-{secrets.token_hex(3)}"


def check_tenant(tenant: Tenant) -> None:
    """The tenant can be registered."""
    _check_id("organization id", tenant.organization_id)
    _check_name("brand", tenant.brand)
    _check("issuer", _public_url, tenant.issuer)
    _check("internal issuer", _internal_url, tenant.internal_issuer)
    _check_name("Keycloak client id", tenant.keycloak_client_id)
    _check("primary colour", _colour, tenant.primary)
    _check("ground colour", _colour, tenant.ground)
    _check("time zone", _time_zone, tenant.time_zone)
    _check("sender of mails", read_sender, tenant.mail_from)
    _check("contact", _printable, tenant.contact)
    _check("language", _language, tenant.language)
    _check("help URL", _link, tenant.help_url)
    _check("privacy URL", _link, tenant.privacy_url)
    _check("password policy", password_policy.read, tenant.password_policy)


def check_client(client: Client, hub_url: str) -> None:
    """The product can be registered at the hub with this public URL."""
    _check_id("client id", client.client_id)
    _check_name("name", client.name)
    _check("URL", _public_url, client.public_url)
    _check("redirect URI", _public_url, client.redirect_uri)
    _check("internal URL", _internal_url, client.internal_url)
    _check("login URL", _public_url, client.login_url)
    _check("post-logout redirect URI", _public_url, client.post_logout_redirect_uri)
    _check("logout URI", _internal_url, client.logout_uri)
    _check("primary colour", _colour, client.primary)
    # Cookies know no port: a product on the hub's host would be sent the hub's sessions (PR16).
    if urlsplit(client.public_url).hostname == urlsplit(hub_url).hostname:
        raise RegistrationRefused("the URL is on the hub's own host name: a product needs one of its own")


def check_moving(client: Client) -> None:
    """The product can be in this mode, for this share of browsers."""
    if not 0 <= client.percent <= 100:
        raise RegistrationRefused("percent is a number from 0 to 100")
    if client.mode == "replace" and client.proof == "none":
        raise RegistrationRefused("a product without a gate has no doors that could be closed: its mode is not replace")
    if client.self_sign_up and client.trusted_email:
        raise RegistrationRefused(
            "where anybody can make an account, an address proves nothing: trusted_email is false"
        )


def check_logo(svg: str) -> None:
    """The text can be shown as a logo; "" means none."""
    if svg and ("<svg" not in svg[:2000] or len(svg) > MAX_LOGO):
        raise RegistrationRefused(f"the logo must be an SVG of at most {MAX_LOGO} characters")
    if _ACTIVE_SVG.search(svg):
        raise RegistrationRefused("the logo must not hold scripts, event handlers or entities")


def _check(what: str, read: Callable[[str], object], value: str) -> None:
    if not value:
        return
    try:
        read(value)
    except ValueError as error:
        raise RegistrationRefused(f"the {what} {error}") from None


def _check_id(what: str, value: str) -> None:
    if not _ID.fullmatch(value):
        raise RegistrationRefused(f"the {what} must be lower-case letters, digits and hyphens, at most 63")


def _check_name(what: str, value: str) -> None:
    if not value.strip() or len(value) > MAX_NAME or not value.isprintable():
        raise RegistrationRefused(f"the {what} must be one line of 1 to {MAX_NAME} characters")


def _public_url(value: str) -> None:
    _exact(read_public_url(value))


def _internal_url(value: str) -> None:
    _exact(read_url(value))


def _exact(url: str) -> None:
    """One address, and one that is called: what holds a wildcard somewhere else stands for itself here (CF06)."""
    if "*" in url:
        raise ValueError("must be exact: there are no wildcards")
    if not reach.may_call(url):
        raise ValueError("is an address that no product and no Keycloak has")


def _link(value: str) -> None:
    """A page that our own pages link to; nobody calls it."""
    if len(value) > MAX_URL:
        raise ValueError(f"must be at most {MAX_URL} characters")
    read_public_url(value)


def _language(value: str) -> None:
    if value not in LANGUAGES:
        raise ValueError(f"must be one of {', '.join(LANGUAGES)}")


def _colour(value: str) -> None:
    if not _COLOUR.fullmatch(value):
        raise ValueError("must be like #0f5c4d")


def _printable(value: str) -> None:
    if len(value) > 500 or not value.isprintable():
        raise ValueError("must be one line of at most 500 characters")


def _time_zone(value: str) -> None:
    if value == "UTC":  # known without any time zone files
        return
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("must be like Europe/Berlin") from None
