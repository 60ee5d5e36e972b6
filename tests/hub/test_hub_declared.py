"""What a file of tenants and products says, and what follows from it (OPS-4): pure, as a table."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.hub.world import ACME, HUB, product

from linkmw.errors import RegistrationRefused
from linkmw.hub.declared import Known, plan, read
from linkmw.model import Client, Tenant

NONE = Known({}, {})
TENANT = {
    "brand": "ACME ID",
    "issuer": "https://sso.example/realms/acme",
    "keycloak_client_id": "linkmw",
    "keycloak_client_secret_file": "acme.secret",
}
ORDERS = {"tenant": "acme", "name": "Orders", "url": "https://orders.example"}
FILES = {"acme.secret": "keycloak-secret\n", "logo.svg": "<svg></svg>", "empty": "\n", "bad.svg": "<svg onload=x>"}


def text_of(path: str) -> str:
    if path not in FILES:
        raise FileNotFoundError(2, "No such file or directory")
    return FILES[path]


def known(*clients: Client, tenant: Tenant = ACME) -> Known:
    return Known({tenant.organization_id: (tenant, "")}, {one.client_id: (one, "") for one in clients})


def said(known: Known, *, prune: bool = False, **tables: Any) -> list[str]:
    """The changes, each as it is printed."""
    return [str(change) for change in plan(read(tables, text_of), known, HUB, prune=prune)]


def problems(known: Known, **tables: Any) -> str:
    with pytest.raises(RegistrationRefused) as refused:
        plan(read(tables, text_of), known, HUB)
    return str(refused.value)


def test_ops04_a_new_tenant_and_product_are_told_without_a_secret() -> None:
    tenant, orders = said(NONE, tenants={"acme": TENANT}, products={"orders": {**ORDERS, "percent": 25}})
    assert tenant.splitlines()[0] == "+ tenant acme"
    assert "    brand: ACME ID" in tenant
    assert "    keycloak_client_secret_file: (a secret)" in tenant
    assert "keycloak-secret" not in tenant
    assert orders.splitlines() == [
        "+ product orders",
        "    tenant: acme",
        "    name: Orders",
        "    url: https://orders.example",
        "    percent: 25",
    ]


def test_ops04_what_is_as_declared_changes_nothing_and_what_is_not_said_is_left_alone() -> None:
    changes = plan(read({"tenants": {"acme": TENANT}, "products": {"orders": ORDERS}}, text_of), NONE, HUB)
    tenant, client = (change.value for change in changes)
    assert isinstance(tenant, Tenant)
    assert isinstance(client, Client)
    assert (client.redirect_uri, client.login_url) == (
        "https://orders.example/.linkmw/callback",
        "https://orders.example/login",
    )
    now = Known({"acme": (tenant, "")}, {"orders": (replace(client, percent=10, internal_url="http://10.0.0.1"), "")})
    assert said(now, tenants={"acme": TENANT}, products={"orders": ORDERS}) == []


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"mode": "replace", "percent": 50}, ["    mode: beside → replace", "    percent: 100 → 50"]),
        ({"name": "Shop"}, ["    name: Orders → Shop"]),
        ({"logo_file": "logo.svg"}, ["    logo_file: (0 characters) → (11 characters)"]),
        ({"enabled": False}, ["    enabled: true → false"]),
        ({"self_sign_up": True}, ["    trusted_email: true → false", "    self_sign_up: false → true"]),
        (
            {"url": "https://shop.example"},
            [
                "    url: https://orders.example → https://shop.example",
                "    redirect_uri: https://orders.example/.linkmw/callback → https://shop.example/.linkmw/callback",
                "    login_url: https://orders.example/login → https://shop.example/login",
            ],
        ),
    ],
)
def test_ops04_a_change_tells_each_field_that_differs(more: dict[str, object], told: list[str]) -> None:
    (change,) = said(known(product("orders")), products={"orders": {**ORDERS, **more}})
    assert change.splitlines() == ["~ product orders", *told]


def test_ops04_an_address_of_its_own_stays_when_the_url_moves() -> None:
    now = known(replace(product("orders"), login_url="https://orders.example/accounts/login/"))
    (change,) = said(now, products={"orders": {**ORDERS, "url": "https://shop.example"}})
    assert "login_url" not in change


def test_ops04_a_changed_secret_is_told_and_not_shown() -> None:
    (change,) = said(known(), tenants={"acme": {"keycloak_client_secret_file": "acme.secret"}})
    assert change == "~ tenant acme\n    keycloak_client_secret_file: (a secret) → (a secret)"


def test_ops04_prune_disables_what_is_not_in_the_file_and_only_then() -> None:
    now = known(product("orders"), product("stock"), replace(product("old"), enabled=False))
    tables = {"tenants": {"acme": {}}, "products": {"orders": {}}}
    assert said(now, **tables) == []
    assert said(now, prune=True, **tables) == ["- product stock (disabled: it is not in the file)"]
    assert said(now, prune=True, products={"orders": {}})[0] == "- tenant acme (disabled: it is not in the file)"


def test_ops04_what_was_pruned_and_is_declared_again_is_enabled_again() -> None:
    (change,) = said(known(replace(product("orders"), enabled=False)), products={"orders": {}})
    assert change == "~ product orders\n    enabled: false → true"


@pytest.mark.parametrize(
    ("tables", "says"),
    [
        ({"product": {}}, "the file has no product: did you mean products?"),
        ({"tenants": []}, "tenants is a table of tables"),
        ({"tenants": {"acme": "x"}}, "tenant acme is a table"),
        ({"tenants": {"acme": {"timezone": "UTC"}}}, "tenant acme has no timezone: did you mean time_zone?"),
        ({"products": {"orders": {"redirect_url": "x"}}}, "did you mean redirect_uri?"),
        ({"products": {"orders": {"percent": "10"}}}, "product orders: percent is a whole number"),
        ({"products": {"orders": {"percent": True}}}, "product orders: percent is a whole number"),
        ({"products": {"orders": {"percent": 101}}}, "percent is a number from 0 to 100"),
        ({"products": {"orders": {"mode": "instead"}}}, "mode is one of off, beside, replace"),
        ({"products": {"orders": {"mode": "replace", "proof": "none"}}}, "no doors that could be closed"),
        ({"products": {"orders": {"pkce": False}}}, "a gate always uses PKCE"),
        ({"products": {"orders": {"logout_uri": "https://orders.example/out"}}}, "leave the two out"),
        ({"products": {"orders": {"tenant": "globex"}}}, "there is no tenant globex"),
        ({"products": {"new": {"tenant": "acme"}}}, "a new product needs name and url"),
        ({"products": {"new": {**ORDERS, "proof": "none"}}}, "needs redirect_uri"),
        ({"products": {"New": ORDERS}}, "client id must be lower-case"),
        (
            {"tenants": {"globex": {"brand": "G"}}},
            "needs issuer and keycloak_client_id and keycloak_client_secret_file",
        ),
        ({"tenants": {"acme": {"issuer": "https://other.example"}}}, "a tenant keeps its issuer"),
        ({"tenants": {"acme": {"keycloak_client_secret_file": "none"}}}, "none cannot be read: No such file"),
        ({"tenants": {"acme": {"keycloak_client_secret_file": "empty"}}}, "empty is empty"),
        ({"tenants": {"acme": {"logo_file": "bad.svg"}}}, "must not hold scripts"),
        ({"tenants": {"acme": {"first_password": "keep"}}}, "first_password is one of carry, set"),
    ],
)
def test_ops04_what_is_wrong_is_said_by_the_files_own_words(tables: dict[str, Any], says: str) -> None:
    assert says in problems(known(product("orders")), **tables)


def test_ops04_everything_that_is_wrong_is_said_at_once() -> None:
    found = problems(known(), products={"a": {"nme": "x"}, "b": {"percent": 1.5}}, tenants={"acme": {"colour": "red"}})
    assert len(found.splitlines()) == 3


@pytest.mark.parametrize("word", ["url", "redirect_uri", "login_url"])
@pytest.mark.parametrize(
    "url", ["http://orders.example/a", "https://*.example/a", "https://orders.example/*", "javascript:x"]
)
def test_cf06_http_and_wildcards_are_refused(word: str, url: str) -> None:
    assert "product orders: the" in problems(known(), products={"orders": {**ORDERS, word: url}})


def test_pr16_a_product_on_the_hubs_host_is_refused() -> None:
    url = f"{HUB}:8443"
    assert "hub's own host name" in problems(known(), products={"orders": {**ORDERS, "url": url}})


def test_pr16_two_products_on_one_host_name_are_refused_whatever_their_ports() -> None:
    two = {"orders": ORDERS, "wiki": {**ORDERS, "url": "https://orders.example:8443/wiki"}}
    assert "product wiki: orders is on orders.example already" in problems(known(), products=two)
    assert "product wiki: orders is on" in problems(known(product("orders")), products={"wiki": two["wiki"]})
    off = known(replace(product("orders"), enabled=False))
    assert len(said(off, products={"wiki": two["wiki"]})) == 1  # one that is switched off shares nothing


def test_pr06_trust_cannot_be_declared_for_a_product_with_self_sign_up() -> None:
    both = {"self_sign_up": True, "trusted_email": True}
    for now in (known(), known(product("orders"))):
        assert "an address proves nothing" in problems(now, products={"orders": {**ORDERS, **both}})
    open_to_all = known(replace(product("orders"), self_sign_up=True, trusted_email=False))
    assert "an address proves nothing" in problems(open_to_all, products={"orders": {"trusted_email": True}})
    (change,) = plan(read({"products": {"orders": {**ORDERS, "self_sign_up": True}}}, text_of), known(), HUB)
    assert isinstance(change.value, Client)
    assert not change.value.trusted_email


def test_lt17_a_product_does_not_change_its_tenant() -> None:
    globex = replace(ACME, organization_id="globex")
    now = Known({"acme": (ACME, ""), "globex": (globex, "")}, {"orders": (product("orders"), "")})
    assert "stays with its tenant" in problems(now, products={"orders": {"tenant": "globex"}})
