"""`linkmw doctor` in a product, `linkmw hub doctor` at the hub (OPS-1)."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import click

from linkmw.cli import keycloak_admin
from linkmw.cli.doctor.findings import Finding, as_json, exit_code, lines, summary
from linkmw.model import Tenant

_COLOURS = {"ok": "green", "warning": "yellow", "wrong": "red"}


def _options(command: Callable[..., Any]) -> Callable[..., Any]:
    command = click.option("--strict", is_flag=True, help="A warning counts as wrong.")(command)
    return click.option("--json", "as_object", is_flag=True, help="One JSON object, for scripts.")(command)


@click.command()
@click.option("--at", default="", metavar="URL", help="The product as this machine reaches it: http://127.0.0.1:8000.")
@click.option(
    "--app", default="", metavar="MODULE:NAME", help="Its WSGI or ASGI application, to see how it is wrapped."
)
@_options
@click.pass_context
def doctor(ctx: click.Context, at: str, app: str, as_object: bool, strict: bool) -> None:
    """Look through everything linkmw needs in this product, and say what to do where something is wrong.

    A Django project is seen whole with DJANGO_SETTINGS_MODULE set, any other with --app. Changes nothing. Exit code 1
    when something is wrong. Each check is explained in docs/doctor.md.
    """
    from linkmw.cli.doctor import product, wiring

    _report(ctx, product.findings(wiring.read(app), os.environ, at=at), as_object, strict)


@click.command("doctor")
@click.option("--mail-to", default="", metavar="ADDRESS", help="Send a mail there, to see whether mails arrive.")
@keycloak_admin.options
@_options
@click.pass_context
def hub_doctor(
    ctx: click.Context,
    mail_to: str,
    admin: str,
    admin_realm: str,
    admin_password: str | None,
    as_object: bool,
    strict: bool,
) -> None:
    """Look through everything the hub needs, and say what to do where something is wrong.

    Keycloak shows its version and a client's settings to administrators alone: with a password for one (from a file, or
    in LINKMW_KEYCLOAK_ADMIN_PASSWORD) these are looked at, too. Changes nothing. Exit code 1 when something is wrong.
    Each check is explained in docs/doctor.md.
    """
    from linkmw.cli.doctor import hub

    def administrator(tenant: Tenant) -> Any:
        return keycloak_admin.given(tenant.internal_issuer or tenant.issuer, admin, admin_realm, admin_password)

    _report(ctx, hub.findings(os.environ, administrator, mail_to=mail_to), as_object, strict)


def _report(ctx: click.Context, findings: Iterator[Finding], as_object: bool, strict: bool) -> None:
    """Each as it is found, so that nobody waits before an empty screen."""
    found = []
    for finding in findings:
        found.append(finding)
        if not as_object:
            first, *more = lines(finding)
            standing = click.style(finding.standing, fg=_COLOURS[finding.standing])
            click.echo("\n".join((first.replace(finding.standing, standing, 1), *more)))
    click.echo(as_json(found) if as_object else summary(found))
    ctx.exit(exit_code(found, strict=strict))
