"""The hub as Keycloak's client, against a Keycloak that misbehaves on the wire."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from tests.hub.world import ACME, HUB, REALM, Clock

from linkmw.errors import LinkmwError, ProtocolError, ProviderRefused, RequestRefused, TokenRejected, Unavailable
from linkmw.hub import web
from linkmw.hub.ports import KeycloakSignIn
from linkmw.hub.relying_party import RelyingParty
from linkmw.model import Identity, SignIn, Tenant
from linkmw.oidc.jose import PrivateKey, sign
from linkmw.secret import Secret

KEY = PrivateKey.generate("RS256")
CALLBACK = f"{HUB}/t/acme/callback"
SIGN_IN = SignIn("state", Secret("nonce"), Secret("v" * 43), "", 0)

METADATA = {
    "issuer": REALM,
    "authorization_endpoint": f"{REALM}/protocol/openid-connect/auth",
    "token_endpoint": f"{REALM}/protocol/openid-connect/token",
    "jwks_uri": f"{REALM}/protocol/openid-connect/certs",
    "end_session_endpoint": f"{REALM}/protocol/openid-connect/logout",
    "response_types_supported": ["code"],
    "code_challenge_methods_supported": ["S256"],
    "authorization_response_iss_parameter_supported": True,
}


def no_admin(tenant: Tenant, identity: Identity, seconds: float) -> None:
    raise Unavailable("no Admin API here")


class FakeKeycloak:
    """Answers on the wire. `token` may be replaced by an answer of another kind."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.metadata: dict[str, Any] = METADATA
        self.asked: list[httpx2.Request] = []
        self.claims: dict[str, Any] = {}
        self.without: set[str] = set()
        self.token: Callable[[], httpx2.Response] = self.good_token
        self.away = False

    def good_token(self) -> httpx2.Response:
        now = self.clock()
        claims = {
            "iss": REALM,
            "sub": "ada-sub",
            "aud": "linkmw-hub",
            "azp": "linkmw-hub",
            "iat": now,
            "exp": now + 60,
            "auth_time": now - 5,
            "nonce": "nonce",
            "typ": "ID",
            "email": "ada@acme.example",
            "email_verified": True,
            **self.claims,
        }
        kept = {name: value for name, value in claims.items() if name not in self.without}
        return httpx2.Response(200, json={"id_token": sign(kept, KEY, typ="JWT"), "access_token": "at"})

    def answer(self, request: httpx2.Request) -> httpx2.Response:
        self.asked.append(request)
        if self.away:
            raise httpx2.ConnectError("refused")
        if request.url.path.endswith("/openid-configuration"):
            return httpx2.Response(200, json=self.metadata)
        if request.url.path.endswith("/certs"):
            return httpx2.Response(200, json={"keys": [KEY.public_jwk()]})
        return self.token()

    def count(self, ending: str) -> int:
        return sum(request.url.path.endswith(ending) for request in self.asked)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def keycloak(clock: Clock) -> FakeKeycloak:
    return FakeKeycloak(clock)


@pytest.fixture
def party(keycloak: FakeKeycloak, clock: Clock) -> RelyingParty:
    http = httpx2.AsyncClient(transport=httpx2.MockTransport(keycloak.answer), timeout=1.0)
    return RelyingParty(http, clock, no_admin)


def redeem(party: RelyingParty, issuer: str = REALM) -> KeycloakSignIn:
    return asyncio.run(party.redeem(ACME, SIGN_IN, "kc-code", issuer, CALLBACK))


def url(party: RelyingParty, **more: Any) -> str:
    return asyncio.run(party.authorization_url(ACME, SIGN_IN, CALLBACK, **more))


def test_a_verified_sign_in_is_who_the_token_says(party: RelyingParty, keycloak: FakeKeycloak) -> None:
    found = redeem(party)
    assert found.identity == Identity(REALM, "ada-sub")
    assert (found.email, found.email_verified) == ("ada@acme.example", True)
    (posted,) = [request for request in keycloak.asked if request.method == "POST"]
    assert b"code_verifier=" + b"v" * 43 in posted.read()
    assert posted.headers["authorization"].startswith("Basic ")


def test_kf02_the_code_is_posted_once_whatever_happens(party: RelyingParty, keycloak: FakeKeycloak) -> None:
    def lost() -> httpx2.Response:
        raise httpx2.ReadError("the answer was lost")

    keycloak.token = lost
    with pytest.raises(Unavailable):
        redeem(party)
    assert keycloak.count("/token") == 1


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_fc20_a_redirect_is_not_followed(party: RelyingParty, keycloak: FakeKeycloak, status: int) -> None:
    keycloak.token = lambda: httpx2.Response(status, headers={"location": "https://evil.example/token"})
    with pytest.raises(Unavailable):
        redeem(party)
    assert all(request.url.host == "kc.example" for request in keycloak.asked)


@pytest.mark.parametrize("packed", [False, True])
def test_fc20_an_answer_over_1_mib_is_not_read(party: RelyingParty, keycloak: FakeKeycloak, packed: bool) -> None:
    def large() -> httpx2.Response:
        body = keycloak.good_token().content[:-1] + b',"x":"' + b"x" * 1024 * 1024 + b'"}'
        headers = {"content-encoding": "gzip"} if packed else {}
        return httpx2.Response(200, headers=headers, content=gzip.compress(body) if packed else body)

    keycloak.token = large
    with pytest.raises(Unavailable):
        redeem(party)


@pytest.mark.parametrize(
    "answer",
    [
        lambda: httpx2.Response(200, html="<h1>Welcome to the hotel</h1>"),
        lambda: httpx2.Response(200, json=[]),
        lambda: httpx2.Response(200, json={"id_token": 7, "access_token": "at"}),
        lambda: httpx2.Response(500, json={"error": "x"}),
        lambda: httpx2.Response(502),
    ],
)
def test_kf01_kf07_what_is_no_token_answer_is_unavailable(
    party: RelyingParty, keycloak: FakeKeycloak, answer: Callable[[], httpx2.Response]
) -> None:
    keycloak.token = answer
    with pytest.raises(Unavailable):
        redeem(party)


def test_kf03_keycloaks_refusal_is_named(party: RelyingParty, keycloak: FakeKeycloak) -> None:
    keycloak.token = lambda: httpx2.Response(400, json={"error": "invalid_grant"})
    with pytest.raises(ProviderRefused) as refused:
        redeem(party)
    assert refused.value.error == "invalid_grant"


@pytest.mark.parametrize("error", ["invalid_client", "unauthorized_client"])
def test_kf03_a_client_secret_that_was_changed_is_for_the_operator_and_says_what_to_do(
    party: RelyingParty, keycloak: FakeKeycloak, error: str
) -> None:
    keycloak.token = lambda: httpx2.Response(401, json={"error": error})
    with pytest.raises(Unavailable, match="linkmw hub tenant secret --tenant acme") as refused:
        redeem(party)
    assert refused.value.code == "keycloak_credentials"
    assert str(ACME.keycloak_client_secret) not in str(refused.value)


def test_kf03_a_realm_that_is_switched_off_is_no_no_of_the_persons(party: RelyingParty, keycloak: FakeKeycloak) -> None:
    keycloak.token = lambda: httpx2.Response(403, json={"error": "access_denied"})
    with pytest.raises(Unavailable, match="disabled at Keycloak") as refused:
        redeem(party)
    assert refused.value.code == "keycloak_disabled"


@pytest.mark.parametrize("issuer", ["", "https://kc.example/realms/other", REALM + "/"])
def test_fc09_iss_is_what_metadata_promised(party: RelyingParty, keycloak: FakeKeycloak, issuer: str) -> None:
    with pytest.raises(RequestRefused) as refused:
        redeem(party, issuer)
    assert refused.value.code == "issuer_mismatch"
    assert keycloak.count("/token") == 0


def test_fc09_without_a_promise_iss_may_be_absent(party: RelyingParty, keycloak: FakeKeycloak) -> None:
    keycloak.metadata = METADATA | {"authorization_response_iss_parameter_supported": False}
    assert redeem(party, "").identity.subject == "ada-sub"


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ({"nonce": "other"}, "token_nonce"),
        ({"aud": "other"}, "token_audience"),
        ({"iss": "https://evil.example"}, "token_issuer"),
        ({"sub": ""}, "token_subject"),
        ({"exp": 1}, "token_expired"),
    ],
)
def test_fc07_tv_a_token_that_is_not_for_this_sign_in_is_refused(
    party: RelyingParty, keycloak: FakeKeycloak, claims: dict[str, Any], code: str
) -> None:
    keycloak.claims = claims
    with pytest.raises(TokenRejected) as refused:
        redeem(party)
    assert refused.value.code == code


def test_lt20_without_auth_time_nobody_signed_in(party: RelyingParty, keycloak: FakeKeycloak) -> None:
    keycloak.without = {"auth_time"}
    with pytest.raises(TokenRejected) as refused:
        redeem(party)
    assert refused.value.code == "token_auth_time"


@pytest.mark.parametrize(
    "claims",
    [
        {"azp": "admin-cli"},  # a token of the same realm, got by another client
        {"azp": "service-account", "aud": ["linkmw-hub", "account"]},
        {"aud": ["linkmw-hub", "account"], "azp": None},
    ],
)
def test_lt20_a_token_that_another_client_was_given_signs_nobody_in(
    party: RelyingParty, keycloak: FakeKeycloak, claims: dict[str, Any]
) -> None:
    keycloak.claims = claims
    with pytest.raises(TokenRejected) as refused:
        redeem(party)
    assert refused.value.code == "token_azp"


def test_fc21_whoever_userinfo_would_name_the_id_token_alone_counts(
    party: RelyingParty, keycloak: FakeKeycloak
) -> None:
    """Keycloak's userinfo is not asked, so that it cannot contradict."""
    keycloak.metadata = {**METADATA, "userinfo_endpoint": f"{REALM}/protocol/openid-connect/userinfo"}
    assert redeem(party).identity == Identity(REALM, "ada-sub")
    assert keycloak.count("/userinfo") == 0


@pytest.mark.parametrize("verified", [False, "true", "false", 1, None])
def test_lt05_only_true_is_verified(party: RelyingParty, keycloak: FakeKeycloak, verified: object) -> None:
    keycloak.claims = {"email_verified": verified}
    assert redeem(party).email_verified is False


@pytest.mark.parametrize(
    "wrong",
    [
        {"issuer": REALM + "/"},
        {"token_endpoint": "https://evil.example/token"},
        {"jwks_uri": "http://kc.example/certs"},
        {"code_challenge_methods_supported": ["plain"]},
    ],
)
def test_fc14_fc15_fc16_metadata_we_refuse_sends_nobody_anywhere(
    party: RelyingParty, keycloak: FakeKeycloak, wrong: dict[str, Any]
) -> None:
    keycloak.metadata = METADATA | wrong
    with pytest.raises(ProtocolError):
        url(party)


def test_fc18_parameters_are_encoded(party: RelyingParty) -> None:
    found = url(party, prompt="login&x=1", max_age=60, login_hint="a@b.example?c")
    assert "prompt=login%26x%3D1" in found
    assert "max_age=60" in found
    assert "login_hint=a%40b.example%3Fc" in found


def test_kf01_metadata_outlives_a_bad_day_but_not_two(
    party: RelyingParty, keycloak: FakeKeycloak, clock: Clock
) -> None:
    async def day() -> None:
        await party.authorization_url(ACME, SIGN_IN, CALLBACK)
        await party.authorization_url(ACME, SIGN_IN, CALLBACK)
        assert keycloak.count("/openid-configuration") == 1
        keycloak.away = True
        clock.move(3600)
        await party.authorization_url(ACME, SIGN_IN, CALLBACK)
        clock.move(24 * 3600)
        with pytest.raises(Unavailable):
            await party.authorization_url(ACME, SIGN_IN, CALLBACK)

    asyncio.run(day())


def test_p5_health_is_asked_once_a_second_and_comes_back_by_itself(
    party: RelyingParty, keycloak: FakeKeycloak, clock: Clock
) -> None:
    async def minute() -> None:
        assert all(await asyncio.gather(*(party.healthy(ACME) for _ in range(8))))
        assert keycloak.count("/openid-configuration") == 1
        keycloak.away = True
        assert await party.healthy(ACME)
        clock.move(1)
        assert not await party.healthy(ACME)
        keycloak.away = False
        clock.move(1)
        assert await party.healthy(ACME)

    asyncio.run(minute())


def test_i9_an_error_names_neither_code_nor_url(party: RelyingParty, keycloak: FakeKeycloak) -> None:
    keycloak.away = True
    with pytest.raises(LinkmwError) as refused:
        url(party)
    assert "kc.example" not in str(refused.value)


def test_the_process_has_one_client_that_follows_nothing() -> None:
    client = web.client(5.0)
    assert client.follow_redirects is False
    assert (client.timeout.connect, client.timeout.read) == (2.0, 5.0)
    asyncio.run(client.aclose())
