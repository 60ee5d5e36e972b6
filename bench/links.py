"""`make links-bench`: how many links a second go into a hub from a CSV file, with and without mails, and out again.

Keycloak and the product answer at once here, so this is what reading, deciding, mails and SQL take.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.hub.world import ACME, SETTINGS, Clock, World

from linkmw.hub.links import rows
from linkmw.hub.links.load import Load, Options
from linkmw.hub.links.rows import CsvFile
from linkmw.hub.links.store import Wanted
from linkmw.hub.ports import KnownIdentity
from linkmw.model import Identity, Tenant
from linkmw.signed import new_key
from linkmw.stores.sql import SqlStores

PAGE = 1000


def write(path: Path, number: int) -> None:
    """As many links, of as many people."""
    with path.open("w", encoding="utf-8", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(("client_id", "account_id", "username", "email", "sub"))
        lines.writerows(("orders", n, f"user{n}", f"user{n}@shop.example", f"sub-{n}") for n in range(number))


@contextmanager
def world(database_url: str) -> Iterator[World]:
    """A hub of which Keycloak knows everybody, and whose product has no staff."""
    sql = SqlStores.open(database_url, new_key())
    sql.admin.prepare()
    made = World(sql, Clock())
    made.accounts.staff = False

    async def of_identity(tenant: Tenant, identity: Identity) -> KnownIdentity:
        return KnownIdentity(
            Identity(tenant.issuer, identity.subject), "", f"{identity.subject}@acme.example", True, True
        )

    made.realm.of_identity = of_identity  # type: ignore[method-assign]
    yield made
    sql.close()


def load(made: World, path: Path, *, mail: bool) -> dict[str, int]:
    """The outcomes of one run."""
    options = Options("bench", mail=mail)
    work = Load(made.ports, SETTINGS, made.sql.bulk, options, lambda _row, reason: print(reason))
    asyncio.run(work.run(CsvFile(path).rows(), lambda _: None))
    return dict(work.counts)


def export(made: World, path: Path) -> int:
    """How many lines were written."""

    async def pages() -> int:
        last = written = 0
        with path.open("w", encoding="utf-8", newline="") as file:
            lines = csv.writer(file)
            lines.writerow(rows.COLUMNS)
            while page := await made.sql.bulk.page(Wanted(), last, PAGE):
                lines.writerows(map(rows.line, page))
                last, written = page[-1].link_id, written + len(page)
        return written

    return asyncio.run(pages())


def seconds(work: Callable[[], object]) -> float:
    begun = time.monotonic()
    work()
    return time.monotonic() - begun


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--links", type=int, default=100_000, help="(default %(default)s)")
    options.add_argument("--database-url", default="", help="(default: a new SQLite file)")
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with world(given.database_url or f"sqlite:///{folder / 'hub.db'}") as made:
            assert made.sql.admin.tenants()[0].organization_id == ACME.organization_id
            path, few = folder / "links.csv", max(given.links // 20, 1)
            write(path, given.links)
            _say("made", given.links, seconds(lambda: load(made, path, mail=False)))
            _say("found done", given.links, seconds(lambda: load(made, path, mail=False)))
            _say("exported", given.links, seconds(lambda: export(made, folder / "out.csv")))
        with world(f"sqlite:///{folder / 'mails.db'}") as made:
            write(path, few)
            _say("made, each with two mails", few, seconds(lambda: load(made, path, mail=True)))


def _say(what: str, number: int, taken: float) -> None:
    print(f"{number:,} links {what} in {taken:.1f} s: {number / taken:,.0f} a second", flush=True)


if __name__ == "__main__":
    main()
