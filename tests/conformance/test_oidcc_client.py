"""The modules of the OpenID conformance suite for relying parties, by their names; docs/conformance.md lists them.

The first line of each test's docstring is its line there.
"""

from __future__ import annotations

import pytest
from tests.conformance.provider import HubParty, Party, rsa_key
from tests.hub.world import query_of

from linkmw.oidc import logout_token


def _refuses(party: Party, code: str) -> None:
    """Nobody is signed in, for this reason."""
    assert not party.signs_in()
    assert party.codes == [code]


# Basic


def test_oidcc_client_test(party: Party) -> None:
    """signed in"""
    assert party.signs_in()


@pytest.mark.parametrize("issuer", ["https://another.example", "/"])
def test_oidcc_client_test_invalid_iss(party: Party, issuer: str) -> None:
    """refused, another issuer and one with a slash more: `token_issuer`"""
    party.provider.claims["iss"] = party.provider.issuer + "/" if issuer == "/" else issuer
    _refuses(party, "token_issuer")


def test_oidcc_client_test_missing_sub(party: Party) -> None:
    """refused: `token_subject`"""
    party.provider.claims["sub"] = None
    _refuses(party, "token_subject")


@pytest.mark.parametrize("audience", ["another-client", ["another-client"], None])
def test_oidcc_client_test_invalid_aud(party: Party, audience: object) -> None:
    """refused: `token_audience`"""
    party.provider.claims["aud"] = audience
    _refuses(party, "token_audience")


def test_oidcc_client_test_missing_iat(party: Party) -> None:
    """refused: `token_iat`"""
    party.provider.claims["iat"] = None
    _refuses(party, "token_iat")


def test_oidcc_client_test_kid_absent_single_jwks(party: Party) -> None:
    """signed in: with one key it is clear which is meant"""
    party.provider.header["kid"] = None
    assert party.signs_in()


def test_oidcc_client_test_kid_absent_multiple_jwks(party: Party) -> None:
    """refused: `token_key_ambiguous`; which key is meant cannot be told, and none is tried out"""
    party.provider.keys.append(rsa_key(2))
    party.provider.header["kid"] = None
    _refuses(party, "token_key_ambiguous")


def test_oidcc_client_test_idtoken_sig_rs256(party: Party) -> None:
    """signed in"""
    assert party.provider.key.algorithm == "RS256"
    assert party.signs_in()


def test_oidcc_client_test_idtoken_sig_none(party: Party) -> None:
    """refused: `token_encoding`, and `token_algorithm` with any signature; we register no client for unsigned tokens"""
    party.provider.unsigned = True
    _refuses(party, "token_encoding")
    party.provider.unsigned = False
    party.provider.header["alg"] = "none"
    assert not party.signs_in()
    assert party.codes[1:] == ["token_algorithm"]


def test_oidcc_client_test_invalid_sig_rs256(party: Party) -> None:
    """refused: `token_signature`"""
    party.provider.header["kid"] = party.provider.key.kid
    party.provider.key = rsa_key(2)
    _refuses(party, "token_signature")


def test_oidcc_client_test_userinfo_invalid_sub(party: Party) -> None:
    """signed in as who the ID token names: userinfo is never asked, so it can name nobody"""
    party.provider.userinfo = {"sub": "somebody-else", "email": "eve@evil.example", "email_verified": True}
    assert party.signs_in()
    assert "/userinfo" not in party.provider.asked


@pytest.mark.parametrize("nonce", ["another-nonce", "", None, ["nonce"]])
def test_oidcc_client_test_nonce_invalid(party: Party, nonce: object) -> None:
    """refused: `token_nonce`"""
    party.provider.claims["nonce"] = nonce
    _refuses(party, "token_nonce")


def test_oidcc_client_test_scope_userinfo_claims(hub: HubParty) -> None:
    """signed in: the scopes are asked for, their claims taken from the ID token alone"""
    hub.provider.claims |= {"email": "ada@acme.example", "email_verified": True, "name": "Ada"}
    assert hub.signs_in()
    assert hub.provider.authorization["scope"].split() == ["openid", "email", "profile"]
    assert "ada@acme.example" in hub.person.get("/t/acme/").text


def test_oidcc_client_test_client_secret_basic(party: Party) -> None:
    """signed in: the token endpoint sees `client_secret_basic`, each part form-encoded first"""
    assert party.signs_in()
    assert party.provider.asked.count("/token") == 1


# Configuration


def test_oidcc_client_test_discovery_openid_config(hub: HubParty) -> None:
    """signed in: every endpoint is taken from the document, which is read once"""
    assert hub.signs_in()
    assert hub.signs_in()
    assert hub.provider.asked.count("/.well-known/openid-configuration") == 1


def test_oidcc_client_test_discovery_jwks_uri_keys(hub: HubParty) -> None:
    """signed in: the keys are those of `jwks_uri`, read once"""
    assert hub.signs_in()
    assert hub.signs_in()
    assert hub.provider.asked.count("/jwks") == 1


@pytest.mark.parametrize("change", ["/", ":443", "s"])
def test_oidcc_client_test_discovery_issuer_mismatch(hub: HubParty, change: str) -> None:
    """refused: `metadata_issuer`; nobody is sent anywhere"""
    hub.provider.metadata["issuer"] = hub.provider.issuer + change
    assert not hub.starts()
    assert hub.codes == ["metadata_issuer"]


def test_oidcc_client_test_signing_key_rotation(party: Party) -> None:
    """signed in with the old key and with the new, without a restart"""
    assert party.signs_in()
    party.provider.rotates()
    assert party.signs_in()
    assert party.provider.asked.count("/jwks") == 2


def test_oidcc_client_test_signing_key_rotation_just_before_signing(party: Party) -> None:
    """signed in: the unknown `kid` has the keys asked for once more"""
    assert party.signs_in()
    party.provider.before_signing = party.provider.rotates
    assert party.signs_in()


# RP-initiated logout


def test_oidcc_client_test_rp_init_logout(party: Party) -> None:
    """signed out here first, then at the provider; back with its `state` on a page that says so"""
    assert party.signs_in()
    url = party.signs_out()
    asked = query_of(url)
    assert url.startswith(f"{party.provider.issuer}/end_session?")
    assert asked["client_id"] == party.provider.client_id
    assert asked["state"]
    assert not party.is_in()
    assert party.comes_back(asked["state"]) == 200


def test_oidcc_client_test_rp_init_logout_no_state(party: Party) -> None:
    """signed out, and the page says no more than it knows: of whom, without `state`, nobody can say"""
    assert party.signs_in()
    party.signs_out()
    assert party.comes_back(None) == 200
    assert not party.is_in()


def test_oidcc_client_test_rp_init_logout_other_state(party: Party) -> None:
    """signed out; another `state` leads to no sign-out of this browser's"""
    assert party.signs_in()
    party.signs_out()
    assert party.comes_back("another-state") == 200
    assert not party.is_in()


# Back-channel logout


def test_oidcc_client_test_rp_backchannel_rpinitlogout(party: Party) -> None:
    """200, and the session is over; the same token again: 400"""
    assert party.signs_in()
    token = party.provider.logout_token()
    assert party.is_told(token) == 200
    assert not party.is_in()
    assert party.is_told(token) == 400


def _is_refused(party: Party, code: str, **changes: object) -> None:
    assert party.signs_in()
    assert party.is_told(party.provider.logout_token(**changes)) == 400
    assert party.codes == [code]
    assert party.is_in()


def test_oidcc_client_test_rp_backchannel_rpinitlogout_alg_none(party: Party) -> None:
    """400: `token_encoding`; the session stands"""
    assert party.signs_in()
    party.provider.unsigned = True
    assert party.is_told(party.provider.logout_token()) == 400
    assert party.codes == ["token_encoding"]
    assert party.is_in()


def test_oidcc_client_test_rp_backchannel_rpinitlogout_wrong_alg(party: Party) -> None:
    """400: `token_algorithm`, or `token_unknown_key` where the algorithm is one of ours; the session stands"""
    assert party.signs_in()
    for algorithm in ("HS256", "PS256", "RS512", "ES256"):
        party.provider.header["alg"] = algorithm
        assert party.is_told(party.provider.logout_token()) == 400
    assert {*party.codes} <= {"token_algorithm", "token_unknown_key"}
    assert party.is_in()


def test_oidcc_client_test_rp_backchannel_rpinitlogout_no_event(party: Party) -> None:
    """400: `token_events`; the session stands"""
    _is_refused(party, "token_events", events=None)


def test_oidcc_client_test_rp_backchannel_rpinitlogout_wrong_event(party: Party) -> None:
    """400: `token_events`; the session stands"""
    _is_refused(party, "token_events", events={logout_token.EVENT + "-": {}})


def test_oidcc_client_test_rp_backchannel_rpinitlogout_wrong_aud(party: Party) -> None:
    """400: `token_audience`; the session stands"""
    _is_refused(party, "token_audience", aud="another-client")


def test_oidcc_client_test_rp_backchannel_rpinitlogout_wrong_iss(party: Party) -> None:
    """400: `token_issuer`; the session stands"""
    _is_refused(party, "token_issuer", iss="https://another.example")


def test_oidcc_client_test_rp_backchannel_rpinitlogout_with_nonce(party: Party) -> None:
    """400: `token_nonce`; the session stands"""
    _is_refused(party, "token_nonce", nonce="a-nonce")
