"""Thousands of links in and out of a hub, on SQLite and PostgreSQL (OPS-5); `make links-bench` does 100,000."""

from __future__ import annotations

import asyncio
import csv
import time
from pathlib import Path

import pytest
from bench.links import export, load, world, write

from linkmw.hub.links.store import Made
from linkmw.hub.ports import AuditEvent, NewLink
from linkmw.model import Account, Identity
from linkmw.stores.sql import schema

ROWS = 5_000


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'hub.db'}"
    return str(request.getfixturevalue("new_postgresql")())


def test_ops05_mg04_thousands_of_rows_go_in_and_out_and_in_again(database_url: str, tmp_path: Path) -> None:
    path, out = tmp_path / "links.csv", tmp_path / "out.csv"
    write(path, ROWS)
    with world(database_url) as made:
        begun = time.monotonic()
        assert load(made, path, mail=False) == {"made": ROWS}
        print(f"{ROWS / (time.monotonic() - begun):,.0f} links a second")
        assert export(made, out) == ROWS
        assert load(made, out, mail=False) == {"already": ROWS}
        trail = made.sql.database.read_now(
            lambda connection: connection.execute(schema.audit.select().where(schema.audit.c.event == "linked")).all()
        )
        assert len(trail) == ROWS
    with out.open(encoding="utf-8", newline="") as file:
        subjects = {line["account_id"]: line["sub"] for line in csv.DictReader(file)}
    assert subjects == {str(number): f"sub-{number}" for number in range(ROWS)}


def test_mim16_of_two_imports_at_once_each_account_is_one_identitys(database_url: str) -> None:
    """Whoever is second is told, and its own other links are made all the same."""

    def batch(subject: str, numbers: range) -> list[Made]:
        person = Identity("https://kc.example/realms/acme", subject)
        return [
            Made(
                NewLink(
                    "orders", Account(str(n), f"u{n}"), person, "", f"{subject} {n}", f"{subject} {n}", "import", (), 1
                ),
                (),
                AuditEvent("linked", "ok", 1, client_id="orders", account_id=str(n), subject=subject),
            )
            for n in numbers
        ]

    with world(database_url) as made:

        async def both() -> list[set[tuple[str, str]]]:
            bulk = made.sql.bulk
            return list(await asyncio.gather(bulk.add(batch("ann", range(60))), bulk.add(batch("bob", range(40, 100)))))

        ann, bob = asyncio.run(both())
        both_wanted = {("orders", str(n)) for n in range(40, 60)}
        assert ann | bob == both_wanted
        assert not ann & bob
        count = made.sql.database.read_now(lambda connection: len(connection.execute(schema.links.select()).all()))
        assert count == 100
        trail = made.sql.database.read_now(lambda connection: len(connection.execute(schema.audit.select()).all()))
        assert trail == 100
