"""How often Keycloak is asked: once for each returning sign-in, and once more for a key that nobody has seen."""

from __future__ import annotations

from tests.conformance.provider import HubParty


def test_g06_a_returning_sign_in_is_one_call_and_a_new_key_one_look_more(hub: HubParty) -> None:
    assert hub.signs_in()
    assert sorted(hub.provider.asked) == ["/.well-known/openid-configuration", "/jwks", "/token"]
    for _ in range(3):
        hub.provider.asked.clear()
        assert hub.signs_in()
        assert hub.provider.asked == ["/token"]
    hub.provider.rotates()
    hub.provider.asked.clear()
    assert hub.signs_in()
    assert hub.provider.asked == ["/token", "/jwks"]
    hub.provider.asked.clear()
    assert hub.signs_in()
    assert hub.provider.asked == ["/token"]
