"""`linkmw info`: what linkmw recognises here."""

from __future__ import annotations

import json
import os
import platform
from importlib import metadata
from typing import Any

import click

from linkmw.cli import application as applications
from linkmw.errors import LinkmwError, SettingsError
from linkmw.settings import Settings, file_of

_FRAMEWORKS = ("django", "flask", "starlette")


@click.command()
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@applications.app_option
@click.pass_context
def info(ctx: click.Context, as_json: bool, app: str) -> None:
    """Print what linkmw recognises here: versions, framework, adapter, login routes, prefix, and whether Redis answers.

    Changes nothing, asks the hub nothing.
    """
    application = applications.of(ctx, app)
    settings = applications.settings_of(application)
    adapter = type(application.product) if application and application.product else None
    found: dict[str, Any] = {
        "linkmw": metadata.version("linkmw"),
        "python": platform.python_version(),
        "framework": application.framework if application else ", ".join(_installed()) or "none",
        "adapter": f"{adapter.__module__}.{adapter.__name__}" if adapter else "unknown: run inside the application",
        "configuration_file": _file(),
        "public_url": settings.public_url,
        "hub": settings.hub_url,
        "organization_id": settings.organization_id,
        "client_id": settings.client_id,
        "login_routes": list(settings.login_paths),
        "unlisted_login_routes": list(application.unlisted()) if application else [],
        "prefix": settings.prefix,
        "redis": _redis(settings),
        "hosts": {host: _of_host(own) for host, own in applications.hosts_of(settings)},
    }
    if as_json:
        click.echo(json.dumps(found, indent=1))
        return
    width = max(map(len, found))
    hosts = found.pop("hosts")
    for name, value in found.items():
        text = ", ".join(value) if isinstance(value, list) else value
        click.echo(f"{name.replace('_', ' '):<{width}}  {text}".rstrip())
    for host, own in hosts.items():
        click.echo(f"{'at':<{width}}  {host}: {own['client_id']} of {own['organization_id']}, {own['public_url']}")


def _of_host(own: Settings) -> dict[str, str | list[str]]:
    """What a host says itself. An empty value is one that is missing, and `linkmw status` says so."""
    return {
        "public_url": own.public_url,
        "organization_id": own.organization_id,
        "client_id": own.client_id,
        "login_routes": list(own.login_paths),
    }


def _installed() -> list[str]:
    found = []
    for name in _FRAMEWORKS:
        try:
            found.append(f"{name.capitalize()} {metadata.version(name)} is installed")
        except metadata.PackageNotFoundError:
            continue
    return found


def _file() -> str:
    path = file_of(os.environ)
    return str(path) if path.exists() else f"{path} (not there)"


def _redis(settings: Settings) -> str:
    """Does the product's own Redis answer? Its URL may hold a password, and is not shown."""
    if not settings.redis_url:
        return "not configured"
    from linkmw.run import run_now
    from linkmw.stores.redis import connect_blocking

    try:
        commands = connect_blocking(settings.redis_url, timeout=settings.redis_timeout)
        run_now(commands.ping())
        run_now(commands.close())
    except SettingsError as error:
        return str(error)
    except LinkmwError as error:
        return f"does not answer: {error}"
    return "answers"
