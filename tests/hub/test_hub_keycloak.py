"""What the hub's client at Keycloak has to be, and what a repair changes."""

from __future__ import annotations

from linkmw.keycloak import Administrator, HubClient, changes, repaired, representation
from linkmw.secret import Secret

CLIENT = HubClient(
    "linkmw-hub",
    Secret("s" * 43),
    ("https://hub.example/t/a/callback", "https://hub.example/t/b/callback"),
    ("https://hub.example/t/a/signed-out",),
    "https://hub.internal/t/a/backchannel-logout",
)
WANTED = representation(CLIENT)


def test_cf06_code_flow_with_pkce_exact_addresses_and_nothing_else() -> None:
    assert WANTED["standardFlowEnabled"]
    assert WANTED["attributes"]["pkce.code.challenge.method"] == "S256"
    for other in ("publicClient", "implicitFlowEnabled", "directAccessGrantsEnabled", "fullScopeAllowed"):
        assert WANTED[other] is False
    assert not any("*" in uri for uri in WANTED["redirectUris"])


def test_a_client_as_it_should_be_needs_no_change() -> None:
    found = WANTED | {"name": "Our hub", "redirectUris": WANTED["redirectUris"][::-1], "extra": 1}
    assert changes(found, WANTED) == []


def test_a_missing_client_is_one_change() -> None:
    assert [str(change) for change in changes(None, WANTED)] == ["client: missing → linkmw-hub"]


def test_what_is_loose_is_named_and_tightened() -> None:
    loose = WANTED | {
        "implicitFlowEnabled": True,
        "redirectUris": ["https://hub.example/*"],
        "attributes": {"own": "1"},
    }
    assert [change.what for change in changes(loose, WANTED)] == [
        "implicitFlowEnabled",
        "redirectUris",
        "pkce.code.challenge.method",
        "post.logout.redirect.uris",
        "backchannel.logout.url",
        "backchannel.logout.session.required",
    ]
    better = repaired(loose | {"name": "Our hub"}, WANTED)
    assert changes(better, WANTED) == []
    assert better["attributes"]["own"] == "1"
    assert better["name"] == "Our hub"


def test_cf09_no_secret_is_in_a_change_or_a_repr() -> None:
    (change,) = changes(WANTED | {"secret": "old-secret"}, WANTED)
    assert "old-secret" not in str(change)
    assert "s" * 43 not in str(change) + repr(CLIENT)
    assert "pass" not in repr(Administrator("http://kc", "admin", Secret("pass")))
