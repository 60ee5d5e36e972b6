"""`linkmw hub identity`: everything about one identity, as JSON, or gone (OPS-5)."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import click

from linkmw.cli import world
from linkmw.cli.world import World
from linkmw.model import Identity

if TYPE_CHECKING:
    from linkmw.hub.persons import Erased, Whom

_TENANT = click.option("--tenant", help="Whose identity it is; needed where there are several tenants.")


@click.group()
def identity() -> None:
    """Tell or erase everything that the hub knows of one identity. WHO is its subject, or its e-mail at Keycloak."""


@identity.command()
@click.argument("who")
@_TENANT
def export(who: str, tenant: str | None) -> None:
    """Print everything about WHO as one JSON object.

    \b
    keycloak   username and e-mail there, null for one whom Keycloak does not know any more
    links      accounts, with their names, addresses and times
    held       accounts that wait for one of WHO's addresses
    migrated   what `linkmw hub migrate` wrote down
    sessions   at the hub, in every browser
    audit      what WHO did, and what was done to WHO's links
    mails      that wait to be sent; of one that was sent only that it was is known
    """

    async def work(of: World) -> dict[str, object]:
        from linkmw.hub import persons

        return await persons.export(of.ports, of.sql.persons, await _whom(of, who, tenant))

    click.echo(json.dumps(world.run(work), indent=2))


@identity.command()
@click.argument("who")
@_TENANT
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--no-mail", is_flag=True, help="Do not tell the accounts' owners that their links are gone.")
def erase(who: str, tenant: str | None, yes: bool, no_mail: bool) -> None:
    """Erase WHO: links, sessions, held accounts, the ledger of a migration, and mails that wait.

    Sessions at products that were opened through the links end. The audit trail's rows stay without name, address and
    browser, under a pseudonym; one more says that it was erased. It cannot be taken back.

    Left alone: the accounts in the products, the user at Keycloak (delete it there), and the log that was written.
    """
    done = "linkmw hub identity erase" + (" --no-mail" if no_mail else "")

    async def work(of: World) -> Erased | None:
        from linkmw.hub import persons

        found = await _whom(of, who, tenant)
        click.echo(f"{found.identity.subject} of {found.tenant.organization_id}: {_named(found)}", err=True)
        if not yes and not click.confirm("Erase everything about this identity?", err=True):
            return None
        return await persons.erase(
            of.ports, of.settings, of.sql.persons, found, actor=world.actor(done), mail=not no_mail
        )

    erased = world.run(work)
    if erased is None:
        sys.exit(1)
    for name in ("links", "sessions", "held", "migrated", "mails", "audit"):
        click.echo(f"{getattr(erased, name):>6}  {_SAID[name]}")
    click.echo(f"In the audit trail it is {erased.pseudonym}.")


_SAID = {
    "links": "links removed",
    "sessions": "sessions at the hub ended",
    "held": "held accounts dropped",
    "migrated": "rows of a migration's ledger dropped",
    "mails": "mails emptied",
    "audit": "rows of the audit trail made nobody's",
}


def _named(found: Whom) -> str:
    return (found.known.email or found.known.username) if found.known else "not known at Keycloak any more"


async def _whom(of: World, who: str, tenant: str | None) -> Whom:
    """Raises UsageError unless it is one identity; Unavailable while Keycloak cannot be asked."""
    from linkmw.hub import persons

    tenants = await of.tenants(tenant)
    if len(tenants) > 1:
        raise click.UsageError(f"--tenant: one of {', '.join(one.organization_id for one in tenants)}")
    (its,) = tenants
    if "@" not in who:
        return await persons.whom(of.ports, of.sql.persons, its, Identity(its.issuer, who))
    known = await of.known_by(who, tenants)
    if len(known) != 1:
        raise click.UsageError(f"Keycloak knows {len(known) or 'nobody'} by that address: name the subject")
    return await persons.whom(of.ports, of.sql.persons, its, known[0].identity)
