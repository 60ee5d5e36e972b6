"""`linkmw send-reset`: the product's own mail, for who has no password to sign in with (DIS-7)."""

from __future__ import annotations

import click

from linkmw.cli import application as applications
from linkmw.cli import recovery
from linkmw.cli.application import Application
from linkmw.errors import LinkRefused, SettingsError
from linkmw.gate.recovery import Recovery
from linkmw.model import Account


@click.command("send-reset")
@click.argument("user", required=False)
@click.option("--without-password", is_flag=True, help="To every active account that has no usable password.")
@click.option("--yes", is_flag=True, help="Do not ask before mails go to many.")
@applications.app_option
@click.pass_context
def send_reset(ctx: click.Context, user: str | None, without_password: bool, yes: bool, app: str) -> None:
    """Send USER (its username or e-mail) the product's own mail to its own page for a new password.

    Also to accounts whose password is unusable, which the product's own "forgot password" may skip (Django's does).
    Works while linkmw is off. Needs the application: `python manage.py linkmw send-reset`,
    `flask linkmw send-reset`, or --app.
    """
    if bool(user) is without_password:
        raise click.UsageError("name the USER, or ask for --without-password")
    application = applications.of(ctx, app)
    adapter = recovery.of(application)
    if application is None or adapter is None:
        raise SettingsError("this needs the application: manage.py, flask, or --app MODULE:ATTRIBUTE")
    accounts = [_named(application, user)] if user else _without_password(application, yes)
    sent = sum([_send(application, adapter, account) for account in accounts])
    click.echo(f"{sent} {'mail' if sent == 1 else 'mails'} sent.")


def _named(application: Application, user: str) -> Account:
    assert application.product, "there is an adapter"
    found = application.call(application.product.find_by_name, user)
    if found is None:
        raise LinkRefused(f"the product knows no account {user}, or several", code="account_gone")
    if not found.active:
        raise LinkRefused(f"{user} may not sign in to the product", code="account_inactive")
    return found.account


def _without_password(application: Application, yes: bool) -> list[Account]:
    found = recovery.without_password(application)
    if found is None:
        raise SettingsError(
            "the product cannot say who has no password: name each USER, or give Product without_password=…"
        )
    if found and not yes:
        click.confirm(f"Send {len(found)} accounts the product's mail for a new password?", abort=True)
    return found


def _send(application: Application, adapter: Recovery, account: Account) -> bool:
    if not account.email:
        click.echo(f"{account.username}: no e-mail address is known, nothing sent", err=True)
        return False
    if not application.call(adapter.send_reset_to, account):
        raise SettingsError(
            "the product has no reset mail that linkmw knows of: Django needs a page named password_reset, elsewhere "
            "give Product send_reset=…"
        )
    click.echo(f"{account.username}: sent")
    return True
