"""Provider metadata: what Keycloak may say, and what the hub says."""

from __future__ import annotations

from typing import Any

import pytest

from linkmw.errors import ProtocolError
from linkmw.oidc import metadata

ISSUER = "https://kc.example/realms/acme"
INTERNAL = "http://keycloak:8080/realms/acme"
GONE = ...


def document(issuer: str = ISSUER, **change: Any) -> dict[str, Any]:
    base = f"{issuer}/protocol/openid-connect"
    found = {
        "issuer": issuer,
        "authorization_endpoint": f"{base}/auth",
        "token_endpoint": f"{base}/token",
        "jwks_uri": f"{base}/certs",
        "userinfo_endpoint": f"{base}/userinfo",
        "end_session_endpoint": f"{base}/logout",
        "response_types_supported": ["code", "none", "id_token"],
        "code_challenge_methods_supported": ["plain", "S256"],
        "authorization_response_iss_parameter_supported": True,
        **change,
    }
    return {name: value for name, value in found.items() if value is not GONE}


def code_of(found: object, issuer: str = ISSUER, **arguments: str) -> str:
    with pytest.raises(ProtocolError) as caught:
        metadata.read_provider(found, issuer, **arguments)
    return caught.value.code


def test_conf_discovery_openid_config():
    base = f"{ISSUER}/protocol/openid-connect"
    assert metadata.read_provider(document(), ISSUER) == metadata.ProviderMetadata(
        ISSUER, f"{base}/auth", f"{base}/token", f"{base}/certs", f"{base}/userinfo", f"{base}/logout", True
    )


def test_optional_endpoints_and_promises_may_be_absent():
    optional = ("userinfo_endpoint", "end_session_endpoint", "authorization_response_iss_parameter_supported")
    found = metadata.read_provider(document(**dict.fromkeys(optional, GONE)), ISSUER)
    assert (found.userinfo_endpoint, found.end_session_endpoint, found.iss_promised) == ("", "", False)


@pytest.mark.parametrize("found", [None, [], "", b"", 1, [["issuer", ISSUER]]])
def test_kf01_a_document_that_is_none(found):
    assert code_of(found) == "metadata_malformed"


@pytest.mark.parametrize(
    "issuer",
    [
        ISSUER + "/",
        ISSUER.replace("kc", "KC"),
        ISSUER.replace("example", "example:443"),
        ISSUER.replace("https", "http"),
        ISSUER + "2",
        [ISSUER],
        None,
        GONE,
    ],
)
def test_fc14_conf_discovery_issuer_mismatch(issuer):
    assert code_of(document() | {"issuer": issuer}) == "metadata_issuer"


HOSTILE_ENDPOINTS = [
    "http://kc.example/token",
    "https://evil.example/token",
    "https://kc.example.evil.example/token",
    "https://kc.example@evil.example/token",
    "https://kc.example:pw@evil.example/token",
    "https://kc.example:8443/token",
    "https://kc.example\\.evil.example/token",
    "https://kc.example",
    "https://kc.example?x",
    "https://kc.example/a b",
    "https://kc.example/a\\b",
    "https://kc.example/a\r\nb",
    "https://kc.example/é",
    "https://kc.example/" + "a" * 2048,
    "//kc.example/token",
    "/token",
    "file:///etc/passwd",
    "",
    None,
    1,
    ["https://kc.example/token"],
]


@pytest.mark.parametrize("url", HOSTILE_ENDPOINTS)
@pytest.mark.parametrize(
    "name",
    ["authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint", "end_session_endpoint"],
)
def test_fc15_an_endpoint_elsewhere(name, url):
    assert code_of(document(**{name: url})) == "metadata_endpoint"
    assert code_of(document(**{name: url}), internal_issuer=INTERNAL) == "metadata_endpoint"


def test_fc15_an_endpoint_has_2048_characters_at_most():
    longest = "https://kc.example/" + "a" * 2029
    assert (len(longest), metadata.read_provider(document(jwks_uri=longest), ISSUER).jwks_uri) == (2048, longest)
    assert code_of(document(jwks_uri=longest + "a")) == "metadata_endpoint"


@pytest.mark.parametrize("name", ["authorization_endpoint", "token_endpoint", "jwks_uri"])
def test_fc15_an_endpoint_that_is_missing(name):
    assert code_of(document(**{name: GONE})) == "metadata_endpoint"


@pytest.mark.parametrize(
    "issuer",
    [
        "http://kc.example/realms/acme",
        "http://localhost.evil.example/realms/acme",
        "http://10.0.0.1/realms/acme",
        "http://evil.example?.localhost",
        "kc.example/realms/acme",
    ],
)
def test_fc15_plain_http_off_this_machine(issuer):
    assert code_of(document(issuer), issuer) == "metadata_endpoint"


@pytest.mark.parametrize(
    "host", ["localhost:8080", "127.0.0.1:8080", "[::1]:8080", "kc.localhost:8080", "kc.localhost"]
)
def test_fc15_plain_http_on_this_machine(host):
    issuer = f"http://{host}/realms/acme"
    assert metadata.read_provider(document(issuer), issuer).issuer == issuer


def test_fc15_the_back_channel_is_where_the_operator_says():
    found = metadata.read_provider(document(), ISSUER, internal_issuer=INTERNAL)
    assert found.token_endpoint == f"{INTERNAL}/protocol/openid-connect/token"
    assert found.jwks_uri == f"{INTERNAL}/protocol/openid-connect/certs"
    assert found.userinfo_endpoint == f"{INTERNAL}/protocol/openid-connect/userinfo"
    assert found.authorization_endpoint == f"{ISSUER}/protocol/openid-connect/auth"
    assert found.end_session_endpoint == f"{ISSUER}/protocol/openid-connect/logout"


@pytest.mark.parametrize("internal", [INTERNAL, "https://keycloak.internal:8443/realms/acme"])
def test_fc15_keycloak_may_name_the_back_channel_itself_but_not_to_browsers(internal):
    inside = f"{internal}/protocol/openid-connect/token"
    found = metadata.read_provider(document(token_endpoint=inside), ISSUER, internal_issuer=internal)
    assert found.token_endpoint == inside
    assert code_of(document(token_endpoint=inside)) == "metadata_endpoint"
    assert code_of(document(authorization_endpoint=inside), internal_issuer=internal) == "metadata_endpoint"


@pytest.mark.parametrize("methods", [GONE, None, [], ["plain"], "S256", ["s256"], {"S256": 1}])
def test_fc16_a_provider_without_s256(methods):
    assert code_of(document(code_challenge_methods_supported=methods)) == "metadata_pkce"


@pytest.mark.parametrize("types", [GONE, None, [], ["token"], "code", ["code token"]])
def test_a_provider_without_the_code_flow(types):
    assert code_of(document(response_types_supported=types)) == "metadata_code_flow"


@pytest.mark.parametrize("promise", ["true", 1, None, ["true"], False])
def test_fc09_a_promise_is_a_promise_only_as_true(promise):
    found = metadata.read_provider(document(authorization_response_iss_parameter_supported=promise), ISSUER)
    assert found.iss_promised is False


def test_fc14_what_the_hub_writes_it_would_accept_itself():
    issuer = "https://hub.example/o/shop"
    written = metadata.provider_document(issuer, ["en", "de"])
    found = metadata.read_provider(written, issuer)
    assert found.iss_promised
    assert found.token_endpoint == f"{issuer}/token"
    assert found.end_session_endpoint == f"{issuer}/end_session"
    assert written["ui_locales_supported"] == ["en", "de"]
    assert written["backchannel_logout_supported"]
    assert written["backchannel_logout_session_supported"]
    assert written["code_challenge_methods_supported"] == ["S256"]
    assert written["response_types_supported"] == ["code"]
    for never in ("claims", "request", "request_uri"):
        assert written[f"{never}_parameter_supported"] is False
    required = {"subject_types_supported", "id_token_signing_alg_values_supported"}  # Discovery 1.0, 3
    assert required <= written.keys()
