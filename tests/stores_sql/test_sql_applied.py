"""A declaration in SQL, client secrets and signing keys as operators change them, on SQLite and PostgreSQL (OPS-4)."""

from __future__ import annotations

import asyncio
import json
from collections import Counter

import pytest
from sqlalchemy import func, select
from tests.stores_sql.made import HUB, NOW, Clock, client
from tests.stores_sql.test_sql_links import at_once

from linkmw.errors import RegistrationRefused
from linkmw.hub.declared import Declared
from linkmw.model import Client
from linkmw.oidc import base64url
from linkmw.oidc.keys import FRESH_SECONDS
from linkmw.secret import Secret
from linkmw.stores.sql import SqlStores, recent, schema
from linkmw.stores.sql.keys import AFTER_SECONDS, LEAD_SECONDS

WIKI = {"organization_id": "acme", "name": "Wiki", "public_url": "https://wiki.example.com"}


@pytest.fixture(autouse=True)
def _looks_at_every_question(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recent, "KEEP_SECONDS", 0.0)


def test_ops04_of_sixteen_at_once_one_applies_and_the_others_find_it_done(stores: SqlStores) -> None:
    given: list[Secret] = []

    def one(_: int) -> int:
        applier = stores.admin.applier(HUB, prune=False)
        return len(applier.apply(Declared({}, {"wiki": WIKI}), lambda _client, secret: given.append(secret)))

    assert Counter(at_once(one)) == {1: 1, 0: 15}
    assert len(given) == 1
    assert asyncio.run(stores.registry.check_secret("wiki", given[0], NOW))


def test_ops04_whatever_fails_on_the_way_nothing_is_applied(stores: SqlStores) -> None:
    def breaks(_client: Client, _secret: Secret) -> None:
        raise RegistrationRefused("no room for the secret")

    changed = Declared({"acme": {"brand": "Other ID"}}, {"wiki": WIKI})
    with pytest.raises(RegistrationRefused, match="no room"):
        stores.admin.applier(HUB, prune=False).apply(changed, breaks)
    assert stores.admin.tenants()[0].brand == "ACME ID"
    assert [one.client_id for one in stores.admin.clients()] == ["orders", "stock"]
    query = select(func.count()).select_from(schema.audit)
    assert stores.database.read_now(lambda connection: connection.execute(query).scalar_one()) == 0


def test_ops04_an_old_secret_ends_at_its_time(stores: SqlStores, clock: Clock) -> None:
    def lives(secret: str) -> bool:
        return asyncio.run(stores.registry.check_secret("wiki", secret, clock.now))

    first = stores.admin.add_client(client("wiki"), HUB)
    second = stores.admin.add_secret("wiki", overlap=60)
    clock.now += 59
    assert (lives(first), lives(second)) == (True, True)
    clock.now += 1
    assert (lives(first), lives(second)) == (False, True)
    third = stores.admin.add_secret("wiki", overlap=0)
    assert (lives(second), lives(third)) == (False, True)
    assert stores.admin.retire_secrets("wiki") == 0
    with pytest.raises(RegistrationRefused, match="no client nobody"):
        stores.admin.add_secret("nobody")


def kid(stores: SqlStores, algorithm: str = "RS256") -> str:
    token = asyncio.run(stores.keys.sign(algorithm, "JWT", {}))
    return str(json.loads(base64url.decode(token.partition(".")[0]))["kid"])


def kids(stores: SqlStores) -> set[str]:
    return {key["kid"] for key in asyncio.run(stores.keys.public())["keys"]}


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
def test_rc14_a_new_key_is_known_everywhere_before_it_signs_and_the_old_one_for_long_after(
    stores: SqlStores, clock: Clock, algorithm: str
) -> None:
    old = kid(stores, algorithm)
    new = stores.admin.rotate_key(algorithm, LEAD_SECONDS).kid
    # Whoever asked for the keys a moment before has to ask again before the first signature by the new one.
    assert LEAD_SECONDS > FRESH_SECONDS
    for passed, signs in (
        (0, old),
        (LEAD_SECONDS - 1, old),
        (LEAD_SECONDS, new),
        (LEAD_SECONDS + AFTER_SECONDS - 1, new),
    ):
        clock.now = NOW + passed
        assert kid(stores, algorithm) == signs
        assert {old, new} <= kids(stores)
    clock.now = NOW + LEAD_SECONDS + AFTER_SECONDS
    assert kid(stores, algorithm) == new
    assert old not in kids(stores)


def test_rc14_retiring_what_waits_lets_the_one_before_it_stay(stores: SqlStores, clock: Clock) -> None:
    old = kid(stores)
    new = stores.admin.rotate_key("RS256", LEAD_SECONDS).kid
    assert stores.admin.retire_key(new) is None
    clock.now = NOW + 10 * LEAD_SECONDS
    assert kid(stores) == old
    with pytest.raises(RegistrationRefused, match="no other key"):
        stores.admin.retire_key(old)
    with pytest.raises(RegistrationRefused, match="no key"):
        stores.admin.retire_key("never")
    assert kid(stores) == old
