"""`linkmw hub links`: which accounts are linked to whom; links out of and into files, and removed (OPS-5)."""

from __future__ import annotations

import csv
import os
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

from linkmw.cli import shown, world
from linkmw.cli.world import World
from linkmw.errors import SettingsError, TenantNotEnabled

if TYPE_CHECKING:
    from linkmw.hub.links.load import Load
    from linkmw.hub.links.rows import CsvFile, Row, Unreadable
    from linkmw.hub.links.store import Wanted
    from linkmw.model import Link

_PAGE = 1000
_TENANT = click.option("--tenant", help="Of this tenant alone.")
_CLIENT = click.option("--client", "client_id", help="Of this product alone, by its client id.")
_JSON = click.option("--json", "as_json", is_flag=True, help="A JSON object a line.")
_LIMIT = click.option(
    "--limit", default=100, show_default=True, type=click.IntRange(1, 1_000_000), help="Print so many at most."
)
_NO_MAIL = click.option("--no-mail", is_flag=True, help="Tell nobody by mail. The audit trail says that it was so.")
_STAFF = click.option(
    "--include-staff", is_flag=True, help="Staff accounts too, and those of which no product says whether they are."
)


@click.group()
def links() -> None:
    """List and find links, write them to CSV files, make them from such files, and remove them."""


@links.command("list")
@_TENANT
@_CLIENT
@click.option("--account", default="", help="Of this account, by its id or username.")
@_LIMIT
@_JSON
def list_(tenant: str | None, client_id: str | None, account: str, limit: int, as_json: bool) -> None:
    """Print links, the oldest first."""

    async def work(of: World) -> list[Link]:
        from linkmw.hub.links.store import Wanted

        return await of.sql.bulk.page(Wanted(await _clients(of, tenant, client_id), account), 0, limit)

    _print(world.run(work), limit, as_json)


@links.command()
@click.argument("who")
@_TENANT
@_CLIENT
@_LIMIT
@_JSON
def find(who: str, tenant: str | None, client_id: str | None, limit: int, as_json: bool) -> None:
    """Print the links of WHO: an e-mail address, the subject of an identity, or an account's id or username.

    An address is looked up at Keycloak as well: whose it is now, whatever the links still say.
    """

    async def work(of: World) -> list[Link]:
        from linkmw.hub.links.store import Wanted

        tenants = await of.tenants(tenant)
        known = await of.known_by(who, tenants) if "@" in who else []
        wanted = Wanted(await _clients(of, tenant, client_id), who=who, identities=[one.identity for one in known])
        return await of.sql.bulk.page(wanted, 0, limit)

    _print(world.run(work), limit, as_json)


async def _clients(of: World, tenant: str | None, client_id: str | None) -> list[str] | None:
    """The products that are meant; None for all. Raises UsageError."""
    if tenant is None and client_id is None:
        return None
    found = of.sql.admin.clients()
    if tenant is not None and tenant not in {one.organization_id for one in of.sql.admin.tenants()}:
        raise click.UsageError(f"there is no tenant {tenant}")
    meant = [
        one.client_id for one in found if tenant in (None, one.organization_id) and client_id in (None, one.client_id)
    ]
    if client_id is not None and not meant:
        raise click.UsageError(f"there is no client {client_id}")
    return meant


def _print(found: Sequence[Link], limit: int, as_json: bool) -> None:
    if as_json:
        for link in found:
            shown.as_json({**asdict(link), "identity": {"iss": link.identity.issuer, "sub": link.identity.subject}})
        return
    rows = [
        (
            str(one.link_id), one.client_id, one.account_id, one.username, one.identity.subject, one.identity_email,
            shown.when(one.created),
        )
        for one in found
    ]  # fmt: skip
    shown.table(("LINK", "PRODUCT", "ACCOUNT", "USERNAME", "IDENTITY", "E-MAIL", "LINKED"), rows)
    if len(found) == limit:
        click.echo(f"The first {limit}; --limit shows more.", err=True)


@links.command()
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="FILE", help="Write to FILE, mode 0600.")
@_TENANT
@_CLIENT
def export(output: Path | None, tenant: str | None, client_id: str | None) -> None:
    """Write links as CSV, in UTF-8, as `linkmw hub links import` reads it.

    A cell that a spreadsheet would take for a formula has an apostrophe before it, which the import takes away again.
    """

    async def work(of: World) -> int:
        from linkmw.hub.links import rows
        from linkmw.hub.links.store import Wanted

        written = 0
        with _file(output) as file:
            lines = csv.writer(file)
            lines.writerow(rows.COLUMNS)
            async for link in _pages(of, Wanted(await _clients(of, tenant, client_id))):
                lines.writerow(rows.line(link))
                written += 1
        return written

    written = world.run(work)
    click.echo(f"{written:,} links written.", err=True)


async def _pages(of: World, wanted: Wanted) -> AsyncIterator[Link]:
    last = 0
    while page := await of.sql.bulk.page(wanted, last, _PAGE):
        for link in page:
            yield link
        last = page[-1].link_id


@contextmanager
def _file(path: Path | None) -> Iterator[TextIO]:
    """A new file, its owner's alone, for it names people; standard output for None. Raises SettingsError."""
    if path is None:
        yield sys.stdout
        return
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    except OSError as error:
        raise SettingsError(f"{path} cannot be written: {error.strerror}") from None
    with os.fdopen(descriptor, "w", encoding="utf-8", errors="surrogateescape", newline="") as file:
        yield file


@links.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--client", "client_id", default="", help="The product of rows that name none, by its client id.")
@click.option(
    "--dry-run", is_flag=True, help="Make no link and send no mail; say what would be done and write REJECTS."
)
@click.option(
    "--rejects",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Where rows go that are left out, with the reason; FILE.rejects.csv when left out.",
)
@_NO_MAIL
@_STAFF
def import_(
    file: Path, client_id: str, dry_run: bool, rejects: Path | None, no_mail: bool, include_staff: bool
) -> None:
    """Make the links that FILE (CSV, UTF-8) names, without a proof: whoever runs this vouches for them.

    \b
    Its first line names the columns: account_id, and sub or identity_email; client_id, unless --client says it.
    If there: username, email, iss, language. `linkmw hub links export` writes such files.

    Keycloak has to know the identity; by an address only one that it has verified counts. The product is asked about
    each account: one that it does not know, that is not active, or that is staff is left out; so is one of which it
    does not say whether it is staff, or when it does not answer, unless --include-staff is given. An account that has
    another identity is left out. Everybody is told by the mail that a link always sends, unless --no-mail is given.

    Rows that are left out go to the file of rejects, with the reason. Mended, that file can be imported itself.

    Killed or stopped, it goes on where it stopped when it is run again: what is linked already is not linked twice, and
    nobody is mailed twice.

    Exit codes: 0 every row is linked; 1 some rows were left out, see the rejects, or refused; 2 wrong usage;
    3 settings; 4 SQL or Keycloak did not answer: run it again.
    """
    from linkmw.hub.links.rows import CsvFile

    source = CsvFile(file, client_id)
    target = rejects or file.with_name(f"{file.name}.rejects.csv")
    if target == file:
        raise click.UsageError("--rejects: another file than the one that is read")
    done = "linkmw hub links import" + (" --no-mail" if no_mail else "") + (" --include-staff" if include_staff else "")

    async def work(of: World) -> Load:
        from linkmw.hub.links.load import Load, Options

        options = Options(world.actor(done), include_staff, not no_mail, dry_run)
        with _rejecting(source, target) as reject:
            load = Load(of.ports, of.settings, of.sql.bulk, options, reject)
            await _timed(source, load)
        return load

    load = world.run(work)
    if dry_run:
        click.echo("Nothing was changed. It would be:")
    for outcome, words in _SAID.items():
        if load.counts[outcome]:
            click.echo(f"{load.counts[outcome]:>10,}  {words.format(target)}")
    sys.exit(1 if load.counts["rejected"] else 0)


_SAID = {
    "made": "links made",
    "already": "there already",
    "rejected": "left out, see {}",
}


@contextmanager
def _rejecting(source: CsvFile, target: Path) -> Iterator[Callable[[Row | Unreadable, str], None]]:
    from linkmw.hub.links import rows

    header = source.header()
    with _file(target) as file:
        lines = csv.writer(file)
        lines.writerow(rows.rejects_header(header))
        yield lambda row, reason: lines.writerow(rows.rejected(header, row, reason))


async def _timed(source: CsvFile, load: Load) -> None:
    begun, length = time.monotonic(), sum(1 for _ in source.rows())
    with click.progressbar(length=length, file=sys.stderr) as bar:
        await load.run(source.rows(), bar.update)
    seconds = time.monotonic() - begun
    click.echo(f"{length:,} rows in {seconds:.1f} s, {length / seconds:.0f} a second.")


@links.command()
@click.argument("link_ids", nargs=-1, required=True, type=click.IntRange(1), metavar="LINK...")
@click.option("--yes", is_flag=True, help="Do not ask.")
@_NO_MAIL
@_STAFF
def unlink(link_ids: tuple[int, ...], yes: bool, no_mail: bool, include_staff: bool) -> None:
    """Remove links, by the number that `linkmw hub links list` prints; sessions opened through them end.

    The account's owner is told by mail, as of any removal. A link of a staff account stays, and so does one of which
    the product does not say whether it is, unless --include-staff is given.

    Exit codes: 0 all are gone; 1 some are left, or were gone already.
    """
    done = "linkmw hub links unlink" + (" --no-mail" if no_mail else "")

    async def work(of: World) -> bool:
        found = [(link_id, await _link(of, link_id)) for link_id in link_ids]
        there = [link for _, link in found if link]
        for link_id, link in found:
            click.echo(
                f"{link_id}  {f'{link.username} in {link.client_id}' if link else 'is no link, or gone already'}"
            )
        if not there or not (yes or click.confirm(f"Remove {len(there)} of them?")):
            return False
        gone = [await _remove(of, link, world.actor(done), mail=not no_mail, staff=include_staff) for link in there]
        return all(gone) and len(there) == len(link_ids)

    sys.exit(0 if world.run(work) else 1)


async def _link(of: World, link_id: int) -> Link | None:
    from linkmw.hub.links.store import Wanted

    page = await of.sql.bulk.page(Wanted(), link_id - 1, 1)
    return page[0] if page and page[0].link_id == link_id else None


async def _remove(of: World, link: Link, actor: str, *, mail: bool, staff: bool) -> bool:
    from linkmw.hub import place, removal
    from linkmw.hub.links import rows
    from linkmw.hub.links.load import NO_REQUEST

    try:
        where = await place.of_client(of.ports, link.client_id)
    except TenantNotEnabled:
        click.echo(f"{link.link_id} stays: its product is disabled", err=True)
        return False
    facts = await removal.facts_of(of.ports, where, link)
    objection = rows.objection(facts, include_staff=staff)
    if objection and (facts is None or facts.found):  # one that is gone is nobody's to protect
        click.echo(f"{link.link_id} stays: {objection}", err=True)
        return False
    gone = await removal.remove(of.ports, of.settings, NO_REQUEST, where, link, facts, actor=actor, mail=mail)
    click.echo(f"{link.link_id} is gone." if gone else f"{link.link_id} was gone already.")
    return gone is not None
