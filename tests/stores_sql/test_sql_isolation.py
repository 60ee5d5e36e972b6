"""The races of the link table, whatever isolation a database has by default, from several machines at once (DF03)."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from tests.stores_sql.made import ANN, HUB, Clock, client, event, mail, new_link, tenant
from tests.stores_sql.test_sql_links import MANY, add, at_once, rows

from linkmw.errors import AccountTaken
from linkmw.model import Identity, Link
from linkmw.stores.sql import SqlStores, schema

MACHINES = 4
ROUNDS = 5


@pytest.fixture(params=["sqlite", "read committed", "serializable"])
def machines(request: pytest.FixtureRequest, tmp_path: Path, key: str, clock: Clock) -> Iterator[list[SqlStores]]:
    """As many engines of one database as there are machines; the database's own isolation is the parameter."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'hub.db'}"
    else:
        url = request.getfixturevalue("new_postgresql")()
        engine = create_engine(url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            name = connection.execute(text("SELECT current_database()")).scalar_one()
            connection.execute(text(f"ALTER DATABASE {name} SET default_transaction_isolation = '{request.param}'"))
        engine.dispose()
    with ExitStack() as opened:
        stores = [SqlStores.open(url, key, clock) for _ in range(MACHINES)]
        for one in stores:
            opened.callback(one.close)
        stores[0].admin.prepare()
        stores[0].admin.add_tenant(tenant())
        stores[0].admin.add_client(client("orders"), HUB)
        yield stores


def test_df03_mim16_df02_um03_the_races_end_as_ever_from_several_machines(machines: list[SqlStores]) -> None:
    def counted() -> list[int]:
        return [rows(machines[0], table) for table in (schema.links, schema.outbox, schema.audit)]

    for account in map(str, range(ROUNDS)):  # of sixteen identities one gets the account, and the others are told

        def one(number: int, account: str = account) -> Link:
            person = Identity(ANN.issuer, f"person{number}")
            return add(machines[number % MACHINES], new_link(person, account, flow=f"{account}-{number}"))

        answers = at_once(one)
        assert Counter(type(answer) for answer in answers) == {Link: 1, AccountTaken: MANY - 1}
    assert counted() == [ROUNDS] * 3

    same = at_once(lambda number: add(machines[number % MACHINES], new_link(account="one flow")))
    assert len({answer.link_id for answer in same}) == 1
    assert counted() == [ROUNDS + 1] * 3

    def remove(number: int) -> Link | None:
        return asyncio.run(machines[number % MACHINES].links.remove(same[0].link_id, [mail()], event("unlinked")))

    assert Counter(at_once(remove)) == {same[0]: 1, None: MANY - 1}
    assert counted() == [ROUNDS, ROUNDS + 2, ROUNDS + 2]
