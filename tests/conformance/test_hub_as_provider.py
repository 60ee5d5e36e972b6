"""The hub as OpenID Provider, at its doors: what RFC 9700 asks of an authorization server (docs/conformance.md)."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient
from tests.conformance.provider import HubParty
from tests.hub.world import ADA, HUB, VERIFIER, World, jwt_claims, product, query_of

from linkmw.http import with_query
from linkmw.oidc.client_auth import write_basic

CALLBACK = "https://orders.example/.linkmw/callback"


@pytest.fixture
def world(hub: HubParty) -> World:
    """Ada has an account of orders; Keycloak is played by the test."""
    return hub.world


def granted(world: World, **asked: str) -> Any:
    """Where the browser is sent once Ada has signed in at Keycloak."""
    person = world.person()
    to_keycloak = person.get(world.authorize_url(**asked)).headers["location"]
    return person.get(world.keycloak.signs_in(to_keycloak, ADA, world.clock())).headers["location"]


@pytest.mark.parametrize(
    "uri",
    [
        *(CALLBACK + end for end in ("/", "?", "?x=1", "#", "#x", "%2f", ";x", "/../callback", " ", "%00", "\t")),
        CALLBACK.replace("https:", "http:"),
        CALLBACK.replace("orders.example", "ORDERS.example"),
        CALLBACK.replace("orders.example", "orders.example:443"),
        CALLBACK.replace("orders.example", "orders.example."),
        CALLBACK.replace("orders.example", "orders.example@evil.example"),
        CALLBACK.replace("orders.example", "evil.example"),
        CALLBACK.replace("orders.example", "x.orders.example"),
        CALLBACK.replace("/.linkmw/", "/x/../.linkmw/"),
        CALLBACK.replace("/.linkmw/", "//.linkmw/"),
        CALLBACK.replace(".linkmw", "%2Elinkmw"),
        "/.linkmw/callback",
        "//orders.example/.linkmw/callback",
        "https://stock.example/.linkmw/callback",
        "javascript:alert(1)",
        "",
    ],
)
def test_rfc9700_no_spelling_of_a_redirect_uri_but_the_registered_one(world: World, uri: str) -> None:
    """2.1 and 4.1: compared exactly, and nobody is redirected when it differs."""
    answer = world.person().get(world.authorize_url(redirect_uri=uri))
    assert answer.status_code == 400
    assert "location" not in answer.headers
    assert "evil.example" not in answer.text


def test_rfc9700_a_redirect_uri_given_twice_redirects_nobody(world: World) -> None:
    answer = world.person().get(with_query(world.authorize_url(), redirect_uri="https://evil.example/"))
    assert answer.status_code == 400
    assert "location" not in answer.headers


def test_rfc9700_a_verifier_for_a_code_without_a_challenge_is_refused(world: World) -> None:
    """4.8.2: somebody took the challenge out of the request."""
    world.register(product("legacy", proof="none", pkce_required=False))
    world.add_link("1", client_id="legacy")
    plain = {"code_challenge": "", "code_challenge_method": ""}
    assert world.redeem(granted(world, client_id="legacy", **plain), "legacy").json() == {"error": "invalid_grant"}
    good = world.redeem(granted(world, client_id="legacy", **plain), "legacy", code_verifier="")
    assert jwt_claims(good.json()["id_token"])["sub"] == "1"


def test_rfc9700_the_token_endpoint_knows_one_way_to_say_who_one_is(world: World) -> None:
    """2.5: `client_secret_basic` alone, as the metadata says; a secret in the form or the address is nobody's."""
    location = granted(world)
    form = {"grant_type": "authorization_code", "code": query_of(location)["code"], "redirect_uri": CALLBACK}
    form |= {"code_verifier": VERIFIER}
    secret = {"client_id": "orders", "client_secret": world.secrets["orders"]}
    http = TestClient(world.app, base_url=HUB)
    for asked in (
        http.post("/o/orders/token", data=form | secret),
        http.post(with_query("/o/orders/token", **secret), data=form),
        http.post("/o/orders/token", data=form, headers={"authorization": f"Bearer {world.secrets['orders']}"}),
    ):
        assert (asked.status_code, asked.json()) == (401, {"error": "invalid_client"})
    assert world.redeem(location).status_code == 200


def test_rfc9700_what_is_given_twice_or_by_get_is_no_token_request(world: World) -> None:
    location = granted(world)
    code = query_of(location)["code"]
    authorization = {"authorization": write_basic("orders", world.secrets["orders"])}
    http = TestClient(world.app, base_url=HUB)
    form = f"grant_type=authorization_code&code={code}&code={code}&redirect_uri={CALLBACK}&code_verifier={VERIFIER}"
    urlencoded = {"content-type": "application/x-www-form-urlencoded"}
    assert http.post("/o/orders/token", content=form, headers=authorization | urlencoded).status_code == 400
    assert http.get(f"/o/orders/token?{form}", headers=authorization).status_code in (404, 405)
    answer = world.redeem(location)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert "refresh_token" not in answer.json()


def test_rfc9700_an_access_token_is_taken_from_the_header_alone(world: World) -> None:
    """RFC 6750, 2: not from the address, where logs and histories keep it."""
    token = world.redeem(granted(world)).json()["access_token"]
    http = TestClient(world.app, base_url=HUB)
    assert http.get(f"/o/orders/userinfo?access_token={token}").status_code == 401
    assert http.post("/o/orders/userinfo", data={"access_token": token}).status_code == 401
    assert http.get("/o/orders/userinfo", headers={"authorization": f"Bearer {token}"}).status_code == 200


@pytest.mark.parametrize("path", ["authorize", "token", "userinfo", "jwks", ".well-known/openid-configuration"])
def test_rfc9700_no_script_of_another_origin_reads_an_answer(world: World, path: str) -> None:
    """2.6: no CORS at the authorization endpoint, and none is needed elsewhere."""
    http = TestClient(world.app, base_url=HUB, follow_redirects=False)
    for method in ("GET", "POST", "OPTIONS"):
        asked = {"origin": "https://evil.example", "access-control-request-method": "POST"}
        answer = http.request(method, f"/o/orders/{path}", headers=asked)
        assert not [name for name in answer.headers if name.startswith("access-control-")]


def test_prompt_none_asks_keycloak_without_a_page_and_passes_its_no_on(world: World) -> None:
    """OpenID Connect Core 1.0, 3.1.2.1 and 3.1.2.6."""
    person = world.person()
    asked = query_of(person.get(world.authorize_url(prompt="none")).headers["location"])
    assert asked["prompt"] == "none"
    answer = person.get(f"/t/acme/callback?error=login_required&state={asked['state']}&iss={ADA.issuer}")
    told = query_of(answer.headers["location"])
    assert answer.headers["location"].startswith(f"{CALLBACK}?")
    assert (told["error"], told["state"], told["iss"]) == ("login_required", "gate-state", f"{HUB}/o/orders")


def test_prompt_none_with_a_session_at_keycloak_needs_no_page(world: World) -> None:
    assert "code" in query_of(granted(world, prompt="none"))


@pytest.mark.parametrize("age", ["0", "60"])
def test_max_age_is_asked_of_keycloak_and_the_id_token_says_when(world: World, age: str) -> None:
    """OpenID Connect Core 1.0, 3.1.2.1: `auth_time` is in the ID token, for the client to look at."""
    person = world.person()
    to_keycloak = person.get(world.authorize_url(max_age=age)).headers["location"]
    assert query_of(to_keycloak)["max_age"] == age
    back = person.get(world.keycloak.signs_in(to_keycloak, ADA, world.clock())).headers["location"]
    assert jwt_claims(world.redeem(back).json()["id_token"])["auth_time"] == world.clock()
