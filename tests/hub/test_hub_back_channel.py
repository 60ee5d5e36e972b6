"""What products ask without a browser, and the hub as their OpenID Provider."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import Any

import pytest
from starlette.testclient import TestClient
from tests.hub.world import ADA, HUB, SETTINGS, World, product, query_of

from linkmw.errors import Unavailable
from linkmw.hub.app import build_app
from linkmw.oidc.client_auth import write_basic
from linkmw.oidc.metadata import read_provider


def ask(world: World, path: str, authorization: str = "", method: str = "GET", **more: Any) -> Any:
    http = TestClient(world.app, base_url=HUB, follow_redirects=False)
    headers = {"authorization": authorization} if authorization else {}
    return http.request(method, path, headers=headers, **more)


def gate(world: World) -> Any:
    return ask(world, "/gate?v=1", write_basic("orders", world.secrets["orders"]))


def granted(world: World) -> str:
    world.link(world.person())
    return str(world.sign_in(world.person()).headers["location"])


def test_gate_says_how_things_stand_and_how_pages_look(world: World) -> None:
    said = gate(world).json()
    assert (said["v"], said["mode"], said["percent"], said["healthy"]) == (1, "beside", 100, True)
    assert said["organization_id"] == "acme"
    assert said["branding"]["brand"] == "ACME ID"
    assert said["branding"]["product"] == "Orders"
    assert said["branding"]["contact"] == "help@acme.example"


@pytest.mark.parametrize("part", ["redis", "sql", "keycloak"])
def test_p5_gate_says_when_a_part_is_away(world: World, part: str) -> None:
    if part == "keycloak":
        world.keycloak.away = True
    world.down.add(part)
    assert gate(world).json()["healthy"] is False
    ready = ask(world, "/readyz")
    assert (ready.status_code, ready.json()[part]) == (503, False)
    assert ask(world, "/healthz").status_code == 200


def test_ops3_readyz_when_all_is_well(world: World) -> None:
    ready = ask(world, "/readyz")
    assert ready.json() == {"ready": True, "redis": True, "sql": True, "schema": True, "keycloak": True}
    assert ready.headers["cache-control"] == "no-store"


def test_ops3_readyz_says_when_the_schema_is_of_another_version(world: World) -> None:
    world.down.add("schema")
    ready = ask(world, "/readyz")
    assert (ready.status_code, ready.json()["schema"], ready.json()["sql"]) == (503, False, True)


@pytest.mark.parametrize("silent", ["ping_redis", "ping_sql", "schema_suits"])
def test_ops3_readyz_answers_within_a_second_whatever_is_silent(world: World, silent: str) -> None:
    async def never() -> bool:
        await asyncio.Event().wait()
        return True

    world.app = build_app(replace(world.ports, **{silent: never}), SETTINGS)
    began = time.monotonic()
    assert ask(world, "/readyz").status_code == 503
    assert time.monotonic() - began < 2
    assert ask(world, "/healthz").json() == {"alive": True}


@pytest.mark.parametrize(
    "authorization",
    ["", "Basic", "Basic !!!", "Bearer x", write_basic("orders", "wrong" * 9), write_basic("nobody", "wrong" * 9)],
)
@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/gate?v=1"), ("POST", "/proof-requests"), ("POST", "/proofs"), ("POST", "/o/orders/token")],
)
def test_bc01_without_its_secret_no_client_is_told_anything(
    world: World, method: str, path: str, authorization: str
) -> None:
    answer = ask(world, path, authorization, method)
    assert (answer.status_code, answer.json()) == (401, {"error": "invalid_client"})
    assert answer.headers["www-authenticate"].startswith("Basic")


def test_bc01_a_disabled_client_is_an_unknown_one(world: World) -> None:
    world.register(product("closed", enabled=False))
    answer = ask(world, "/gate?v=1", write_basic("closed", world.secrets["closed"]))
    assert (answer.status_code, answer.json()) == (401, {"error": "invalid_client"})


def test_bc01_a_secret_opens_its_own_issuer_only(world: World) -> None:
    answer = ask(world, "/o/orders/token", write_basic("stock", world.secrets["stock"]), "POST", data={"code": "x"})
    assert answer.status_code == 401


def test_another_protocol_number_is_refused_by_name(world: World) -> None:
    authorization = write_basic("orders", world.secrets["orders"])
    assert ask(world, "/gate?v=2", authorization).json() == {"error": "unsupported_version"}
    assert ask(world, "/gate", authorization).status_code == 400
    assert world.back_channel("/proof-requests", {"v": 2, "handle": "x"}).json() == {"error": "unsupported_version"}


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"v":1,"v":1}', b"\xff", b"[" * 5000])
def test_bodies_that_are_no_json_object_are_refused(world: World, body: bytes) -> None:
    authorization = write_basic("orders", world.secrets["orders"])
    answer = ask(world, "/proofs", authorization, "POST", content=body)
    assert (answer.status_code, answer.json()) == (400, {"error": "invalid_request"})


def test_pr14_hostile_usernames_are_refused(world: World) -> None:
    transaction = world.ask_proof(world.sign_in(world.person()))
    for username in ("a" * 65, "ada\u202e", "ada\r\nBcc: x@y.example"):
        answer = world.push(transaction, username=username)
        assert (answer.status_code, answer.json()) == (400, {"error": "invalid_proof"})
    assert world.push(transaction).status_code == 200


def test_proof_handles_expire_with_their_arrival(world: World) -> None:
    answer = world.sign_in(world.person())
    world.clock.move(300)
    handle = query_of(answer.headers["location"])["handle"]
    assert world.back_channel("/proof-requests", {"handle": handle}).status_code == 404


def test_a_proof_request_is_no_longer_good_than_its_flow(world: World) -> None:
    person = world.person()
    to_keycloak = person.get(world.authorize_url()).headers["location"]
    world.clock.move(1700)
    answer = person.get(world.keycloak.signs_in(to_keycloak, ADA, world.clock()))
    world.clock.move(100)
    handle = query_of(answer.headers["location"])["handle"]
    assert world.back_channel("/proof-requests", {"handle": handle}).status_code == 404


# OpenID Provider


def test_discovery_passes_our_own_reader(world: World) -> None:
    issuer = f"{HUB}/o/orders"
    found = read_provider(ask(world, "/o/orders/.well-known/openid-configuration").json(), issuer)
    assert found.token_endpoint == f"{issuer}/token"
    assert found.iss_promised
    assert ask(world, "/o/nobody/.well-known/openid-configuration").status_code == 404


def test_pr09_each_client_has_an_issuer_of_its_own(world: World) -> None:
    issuers = {
        ask(world, f"/o/{name}/.well-known/openid-configuration").json()["issuer"] for name in ("orders", "stock")
    }
    assert issuers == {f"{HUB}/o/orders", f"{HUB}/o/stock"}


def test_rc03_a_code_is_good_once_and_its_second_use_ends_what_the_first_gave(world: World) -> None:
    location = granted(world)
    first = world.redeem(location)
    bearer = f"Bearer {first.json()['access_token']}"
    assert ask(world, "/o/orders/userinfo", bearer).status_code == 200
    assert world.redeem(location).json() == {"error": "invalid_grant"}
    assert ask(world, "/o/orders/userinfo", bearer).status_code == 401


@pytest.mark.parametrize(
    "wrong",
    [
        {"code_verifier": "w" * 43},
        {"code_verifier": ""},
        {"redirect_uri": "https://orders.example/.linkmw/callback/"},
        {"redirect_uri": ""},
    ],
)
def test_bc14_a_wrong_redemption_is_refused_and_burns_the_code(world: World, wrong: dict[str, str]) -> None:
    location = granted(world)
    answer = world.redeem(location, **wrong)
    assert (answer.status_code, answer.json()) == (400, {"error": "invalid_grant"})
    assert world.redeem(location).status_code == 400


def test_bc13_another_clients_code_is_refused_and_burnt(world: World) -> None:
    location = granted(world)
    theirs = world.redeem(location, "stock", redirect_uri="https://orders.example/.linkmw/callback")
    assert theirs.json() == {"error": "invalid_grant"}
    assert world.redeem(location).status_code == 400


def test_codes_live_for_a_minute(world: World) -> None:
    location = granted(world)
    world.clock.move(60)
    assert world.redeem(location).json() == {"error": "invalid_grant"}


def test_other_grant_types_are_refused(world: World) -> None:
    answer = world.redeem(granted(world), grant_type="password")
    assert answer.json() == {"error": "unsupported_grant_type"}


def test_pr09_userinfo_names_the_account_and_identity_is_pairwise(world: World) -> None:
    token = world.redeem(granted(world)).json()["access_token"]
    said = ask(world, "/o/orders/userinfo", f"Bearer {token}").json()
    assert said["sub"] == "7"
    assert "ada-sub" not in str(said)
    assert said["identity"]
    assert ask(world, "/o/orders/userinfo", f"Bearer {token}", "POST").json() == said
    assert ask(world, "/o/stock/userinfo", f"Bearer {token}").status_code == 401
    world.clock.move(300)
    assert ask(world, "/o/orders/userinfo", f"Bearer {token}").status_code == 401


def test_rc07_an_access_token_tells_nothing_of_a_link_that_was_removed(world: World) -> None:
    bearer = f"Bearer {world.redeem(granted(world)).json()['access_token']}"
    reader = world.person()
    reader.get(world.unlink_path())
    reader.submit(reader.get("/unlink"), "/unlink")
    assert ask(world, "/o/orders/userinfo", bearer).json() == {"error": "invalid_token"}


@pytest.mark.parametrize(
    ("verified", "scope", "told"),
    [(True, "openid email", True), (False, "openid email", False), (True, "openid", False)],
)
def test_pr09_email_only_when_verified_and_asked_for(world: World, verified: bool, scope: str, told: bool) -> None:
    world.add_link("7")
    person = world.person()
    to_keycloak = person.get(world.authorize_url(scope=scope)).headers["location"]
    back = world.keycloak.signs_in(to_keycloak, ADA, world.clock(), email_verified=verified)
    token = world.redeem(person.get(back).headers["location"]).json()["access_token"]
    said = ask(world, "/o/orders/userinfo", f"Bearer {token}").json()
    assert ("email" in said) is told


@pytest.mark.parametrize(
    "wrong",
    [
        {"redirect_uri": "https://evil.example/"},
        {"redirect_uri": "https://orders.example/.linkmw/callback?x=1"},
        {"client_id": "stock"},
        {"redirect_uri": ""},
    ],
)
def test_an_unregistered_redirect_uri_ends_on_our_page(world: World, wrong: dict[str, str]) -> None:
    url = world.authorize_url(**wrong).replace("/o/stock/", "/o/orders/")
    answer = world.person().get(url)
    assert answer.status_code == 400
    assert "evil.example" not in answer.text


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": "email"}, "invalid_scope"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge": ""}, "invalid_request"),
        ({"nonce": ""}, "invalid_request"),
    ],
)
def test_a_request_that_is_not_as_agreed_is_told_to_the_client(world: World, wrong: dict[str, str], error: str) -> None:
    answer = world.person().get(world.authorize_url(**wrong))
    told = query_of(answer.headers["location"])
    assert answer.headers["location"].startswith("https://orders.example/.linkmw/callback?")
    assert (told["error"], told["state"], told["iss"]) == (error, "gate-state", f"{HUB}/o/orders")


def test_a_gate_without_state_is_refused(world: World) -> None:
    told = query_of(world.person().get(world.authorize_url(state="")).headers["location"])
    assert told["error"] == "invalid_request"


def test_i4_a_silent_store_is_no_unknown_client(world: World) -> None:
    async def silent(*_: object) -> bool:
        raise Unavailable("SQL is away")

    world.sql.registry.check_secret = silent  # type: ignore[method-assign]
    answer = gate(world)
    assert (answer.status_code, answer.json()) == (503, {"error": "temporarily_unavailable"})


def test_df01_a_link_that_cannot_be_kept_leaves_the_way_to_the_product(world: World) -> None:
    async def silent(*_: object) -> None:
        raise Unavailable("SQL is away")

    person = world.person()
    transaction = world.ask_proof(world.sign_in(person))
    code = world.push(transaction).json()["code"]
    world.sql.links.add = silent  # type: ignore[method-assign, assignment]
    page = person.get(f"/proved?code={code}")
    assert page.status_code == 200
    assert "not linked yet" in page.text
    assert "https://orders.example/.linkmw/login" in page.text
