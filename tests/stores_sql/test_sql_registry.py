"""Tenants, products and their secrets, as the hub sees them and as operators change them."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import pytest
from sqlalchemy import select, update
from tests.stores_sql.made import ANN, BOB, HUB, Clock, client, tenant

from linkmw.errors import RegistrationRefused, SettingsError
from linkmw.hub.registration import new_client
from linkmw.oidc import jose
from linkmw.secret import Secret
from linkmw.signed import Unopenable, new_key
from linkmw.stores.sql import SqlStores, recent, schema
from linkmw.stores.sql.registry import SqlRegistry


@pytest.fixture
def registry(stores: SqlStores, monkeypatch: pytest.MonkeyPatch) -> SqlRegistry:
    """A registry that looks at every question, so that a test need not wait a second."""
    monkeypatch.setattr(recent, "KEEP_SECONDS", 0.0)
    return stores.registry


def change(stores: SqlStores, table: object, **values: object) -> None:
    stores.database.write_now(lambda connection: connection.execute(update(table).values(values)))  # type: ignore[arg-type]


def test_a_tenant_and_its_clients_come_back_as_they_were_registered(registry: SqlRegistry) -> None:
    assert asyncio.run(registry.tenant("acme")) == tenant()
    assert asyncio.run(registry.tenants()) == [tenant()]
    assert asyncio.run(registry.client("orders")) == client("orders")
    assert asyncio.run(registry.clients_of("acme")) == [client("orders"), client("stock")]


def test_pr08_unknown_disabled_and_of_a_disabled_tenant_are_all_unknown(
    registry: SqlRegistry, stores: SqlStores
) -> None:
    assert asyncio.run(registry.client("nobody")) is None
    change(stores, schema.clients, enabled=False)
    assert asyncio.run(registry.client("orders")) is None
    assert asyncio.run(registry.clients_of("acme")) == []
    change(stores, schema.clients, enabled=True)
    change(stores, schema.tenants, enabled=False)
    assert asyncio.run(registry.client("orders")) is None
    assert asyncio.run(registry.tenant("acme")) is None
    assert [found.enabled for found in stores.admin.tenants()] == [False]


@pytest.mark.parametrize("name", ["", "\0", "\ud800", "x" * 100_000, "'; --"])
def test_df05_odd_names_are_unknown_ones(registry: SqlRegistry, name: str) -> None:
    assert asyncio.run(registry.client(name)) is None
    assert asyncio.run(registry.tenant(name)) is None
    assert asyncio.run(registry.clients_of(name)) == []
    assert asyncio.run(registry.logo(f"client:{name}")) == ""
    assert asyncio.run(registry.check_secret(name, name, 0)) is False


def test_two_secrets_are_live_and_a_third_ends_the_first(
    registry: SqlRegistry, stores: SqlStores, clock: Clock
) -> None:
    def lives(secret: str) -> bool:
        return asyncio.run(registry.check_secret("wiki", secret, clock.now))

    first = stores.admin.add_client(client("wiki"), HUB)
    second = stores.admin.add_secret("wiki")
    assert [lives(first), lives(second), lives(first[:-1]), lives("")] == [True, True, False, False]
    third = stores.admin.add_secret("wiki")
    assert [lives(first), lives(second), lives(third)] == [False, True, True]
    assert asyncio.run(registry.check_secret("orders", third, clock.now)) is False


def test_a_secret_ends_with_its_client(registry: SqlRegistry, stores: SqlStores, clock: Clock) -> None:
    secret = stores.admin.add_client(client("wiki"), HUB)
    change(stores, schema.clients, enabled=False)
    assert asyncio.run(registry.check_secret("wiki", secret, clock.now)) is False


def test_secrets_are_not_in_the_database(stores: SqlStores) -> None:
    secret = stores.admin.add_client(client("wiki"), HUB)
    tables = schema.metadata.sorted_tables
    dump = stores.database.read_now(lambda c: repr([c.execute(select(table)).all() for table in tables]))
    assert secret not in dump
    assert tenant().keycloak_client_secret not in dump
    assert "PRIVATE KEY" not in dump
    assert len(secret) >= 43  # 256 bits
    assert secret not in repr(secret)


def test_rf10_a_change_is_seen_within_a_second(stores: SqlStores) -> None:
    now = [0.0]
    kept: recent.Recent[int] = recent.Recent(lambda: now[0])
    answers = iter(range(10))

    async def load() -> int:
        return next(answers)

    async def ask(at: float) -> int:
        now[0] = at
        return await kept.get("key", load)

    assert [asyncio.run(ask(at)) for at in (0.0, 0.99, 1.0, 1.5, 2.0)] == [0, 0, 1, 1, 2]


def test_i4_an_error_is_not_kept(stores: SqlStores) -> None:
    kept: recent.Recent[int] = recent.Recent()

    async def fail() -> int:
        raise SettingsError

    async def load() -> int:
        return 1

    with pytest.raises(SettingsError):
        asyncio.run(kept.get("key", fail))
    assert asyncio.run(kept.get("key", load)) == 1


def test_i10_strangers_keys_do_not_fill_the_memory() -> None:
    kept: recent.Recent[None] = recent.Recent()

    async def load() -> None:
        return None

    async def flood() -> None:
        for number in range(10_000):
            await kept.get(str(number), load)

    asyncio.run(flood())
    assert len(kept._kept) <= 4096


def test_logos_of_tenants_and_clients(registry: SqlRegistry, stores: SqlStores) -> None:
    stores.admin.add_tenant(tenant("globex"), "<svg>t</svg>")
    stores.admin.add_client(client("wiki", organization_id="globex"), HUB, "<svg>c</svg>")
    logos = [asyncio.run(registry.logo(owner)) for owner in ("tenant:globex", "client:wiki", "client:orders", "x:y")]
    assert logos == ["<svg>t</svg>", "<svg>c</svg>", "", ""]


def test_registering_twice_or_for_nobody_is_refused(stores: SqlStores) -> None:
    with pytest.raises(RegistrationRefused, match="acme exists already"):
        stores.admin.add_tenant(tenant())
    with pytest.raises(RegistrationRefused, match="exists already"):
        stores.admin.add_client(client("orders"), HUB)
    with pytest.raises(RegistrationRefused, match="no tenant nobody"):
        stores.admin.add_client(client("wiki", organization_id="nobody"), HUB)
    assert [found.client_id for found in stores.admin.clients()] == ["orders", "stock"]


def test_prepare_can_be_repeated_and_makes_nothing_twice(stores: SqlStores) -> None:
    before = asyncio.run(stores.keys.public())
    assert stores.admin.prepare() == []
    assert asyncio.run(stores.keys.public()) == before


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
def test_tv12_tokens_verify_with_the_published_keys(stores: SqlStores, algorithm: str) -> None:
    token = asyncio.run(stores.keys.sign(algorithm, "JWT", {"sub": "7"}))
    published = asyncio.run(stores.keys.public())
    assert "d" not in json.dumps([sorted(key) for key in published["keys"]]).replace("kid", "")
    claims = jose.verify_signature(
        token, jose.KeySet.read(published), algorithms=frozenset({algorithm}), types=frozenset({"jwt"})
    )
    assert claims == {"sub": "7"}


def test_a_key_that_signs_later_is_published_already(stores: SqlStores, clock: Clock) -> None:
    change(stores, schema.signing_keys, signs_from=clock.now + 60)
    with pytest.raises(SettingsError, match="hub init"):
        asyncio.run(stores.keys.sign("RS256", "JWT", {}))
    assert len(asyncio.run(stores.keys.public())["keys"]) == 2


def test_a_key_that_is_gone_is_no_longer_published(stores: SqlStores, clock: Clock) -> None:
    change(stores, schema.signing_keys, gone=clock.now)
    assert asyncio.run(stores.keys.public()) == {"keys": []}


def test_pr08_pairwise_tells_one_person_of_one_tenant_and_nothing_else(
    stores: SqlStores, database_url: str, key: str
) -> None:
    async def names() -> list[str]:
        pairwise = stores.keys.pairwise
        odd = replace(ANN, issuer=ANN.issuer + '","a')
        return [
            await pairwise("acme", ANN),
            await pairwise("acme", BOB),
            await pairwise("globex", ANN),
            await pairwise("acme", odd),
        ]

    first = asyncio.run(names())
    assert len(set(first)) == 4
    again = SqlStores.open(database_url, key)
    assert asyncio.run(again.keys.pairwise("acme", ANN)) == first[0]
    again.close()


def test_sealed_values_do_not_open_with_another_key(
    database_url: str, key: str, stores: SqlStores, clock: Clock
) -> None:
    other = SqlStores.open(database_url, new_key(), clock)
    for ask in (
        lambda: other.registry.tenant("acme"),
        lambda: other.keys.sign("RS256", "JWT", {}),
        lambda: other.keys.pairwise("acme", ANN),
    ):
        with pytest.raises(Unopenable):
            asyncio.run(ask())
    other.close()
    both = SqlStores.open(database_url, f"{new_key()},{key}")
    assert asyncio.run(both.registry.tenant("acme")) == tenant()
    both.close()


def test_new_client_says_whose_it_is_and_gets_the_gates_redirect_uri() -> None:
    made = new_client("acme", "Orders & More", "https://orders.example.com/shop/")
    assert made.client_id.startswith("orders-more-")
    assert made.redirect_uri == "https://orders.example.com/shop/.linkmw/callback"
    assert made.client_id != new_client("acme", "Orders & More", "https://orders.example.com/").client_id


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"client_id": "Orders/.."}, "client id"),
        ({"name": "Orders\nBcc: x"}, "name"),
        ({"name": " "}, "name"),
        ({"public_url": "http://orders.example.com"}, "https"),
        ({"public_url": "https://hub.example.com:8443"}, "own host name"),
        ({"redirect_uri": "javascript:alert(1)"}, "redirect URI"),
        ({"internal_url": "ftp://orders"}, "internal URL"),
        ({"primary": "red;}"}, "colour"),
    ],
)
def test_pr16_a_product_that_cannot_be_is_refused(stores: SqlStores, changes: dict[str, str], says: str) -> None:
    with pytest.raises(RegistrationRefused, match=says):
        stores.admin.add_client(client("wiki", **changes), HUB)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"organization_id": "../x"}, "organization id"),
        ({"brand": ""}, "brand"),
        ({"issuer": "http://sso.example.com/realms/acme"}, "issuer"),
        ({"keycloak_client_id": ""}, "Keycloak client id"),
        ({"time_zone": "Mars/Olympus"}, "time zone"),
        ({"time_zone": "../../etc/passwd"}, "time zone"),
        ({"mail_from": "a@example.com, b@example.com"}, "sender"),
        ({"ground": "#12345"}, "ground"),
    ],
)
def test_cf06_a_tenant_that_cannot_be_is_refused(stores: SqlStores, changes: dict[str, str], says: str) -> None:
    with pytest.raises(RegistrationRefused, match=says):
        stores.admin.add_tenant(tenant(**{"organization_id": "globex", **changes}))


@pytest.mark.parametrize(
    "svg", ["<p>no</p>", "<svg><script>1</script></svg>", '<svg onload="x()">', "<svg>" + "x" * 100_000]
)
def test_xs11_a_logo_that_could_run_something_is_refused(stores: SqlStores, svg: str) -> None:
    with pytest.raises(RegistrationRefused, match="logo"):
        stores.admin.add_tenant(tenant("globex"), svg)


def test_a_secret_typed_by_somebody_stays_out_of_reprs() -> None:
    assert "keycloak-secret" not in repr(tenant())
    assert "abc" not in repr(Secret("abc"))
