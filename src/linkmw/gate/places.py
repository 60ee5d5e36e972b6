"""Where things are: our routes, the product's pages, the hub's. Built from settings, never from the Host header."""

from __future__ import annotations

from urllib.parse import urlsplit

from linkmw import redirects
from linkmw.http import Request, with_query
from linkmw.settings import Settings


def mount(settings: Settings) -> str:
    """The path the application is mounted at, as browsers see it: "" or for instance "/shop"."""
    return urlsplit(settings.public_url).path


def ours(settings: Settings, name: str, **query: str) -> str:
    """The path of our route `name`, as browsers see it."""
    path = f"{mount(settings)}{settings.prefix}{name}"
    return with_query(path, **query) if query else path


def following(request: Request) -> dict[str, str]:
    """`next`: the page that the login page itself would go to, if it names one and that is of this site (XS06)."""
    named = [value for value in request.query.all("next") if value and redirects.judge(value, default="") == value]
    return {"next": named[0]} if len(named) == 1 else {}


def start(settings: Settings, request: Request) -> str:
    """Where a sign-in begins, on to the page that the login page itself would go to."""
    return ours(settings, "login", **following(request))


def native_login(settings: Settings) -> str:
    """The product's own login page."""
    return mount(settings) + settings.login_paths[0]


def landing(settings: Settings) -> str:
    """Where a sign-in ends that was going nowhere."""
    return mount(settings) + settings.after_sign_in


def own(settings: Settings, where: str) -> str:
    """A page that a setting names: a path is one of the application, anything else is taken as it is (HT08)."""
    return mount(settings) + where if where.startswith("/") else where


def manager(settings: Settings) -> str:
    """The identity's own page at the hub."""
    return at_hub(settings, f"t/{settings.organization_id}/")


def at_hub(settings: Settings, name: str, **query: str) -> str:
    """A page of the hub, as browsers see it."""
    url = f"{settings.hub_url}/{name}"
    return with_query(url, **query) if query else url
