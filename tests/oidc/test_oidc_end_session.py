"""Logout that a client asks for (OpenID Connect RP-Initiated Logout 1.0): what is read, what is refused (FC22)."""

from __future__ import annotations

import pytest

from linkmw.errors import RequestRefused
from linkmw.http import Params
from linkmw.oidc.end_session import EndSessionRequest, read_request

BACK = "https://shop.example/.linkmw/signed-out"


def read(registered: str = BACK, **asked: str) -> EndSessionRequest:
    return read_request(Params(asked.items()), "shop", registered)


@pytest.mark.parametrize(
    ("asked", "then"),
    [
        ({}, ""),
        ({"client_id": "shop"}, ""),
        ({"state": "s"}, ""),
        ({"post_logout_redirect_uri": ""}, ""),
        ({"post_logout_redirect_uri": BACK}, BACK),
        ({"post_logout_redirect_uri": BACK, "state": "s&t=1"}, f"{BACK}?state=s%26t%3D1"),
    ],
)
def test_fc22_where_the_browser_goes_afterwards(asked, then):
    assert read(**asked).then == then


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"client_id": "blog"}, "client_mismatch"),
        ({"client_id": "shops"}, "client_mismatch"),
        ({"client_id": ""}, "client_mismatch"),
        ({"post_logout_redirect_uri": BACK[:-1]}, "redirect_uri_mismatch"),
        ({"post_logout_redirect_uri": f"{BACK}/"}, "redirect_uri_mismatch"),
        ({"post_logout_redirect_uri": "https://evil.example/"}, "redirect_uri_mismatch"),
        ({"post_logout_redirect_uri": "https://www.shop.example/"}, "redirect_uri_mismatch"),
        ({"state": "s" * 513}, "state_malformed"),
    ],
)
def test_fc22_what_is_refused(asked, code):
    with pytest.raises(RequestRefused) as caught:
        read(**asked)
    assert caught.value.code == code


def test_fc22_a_client_that_registered_nothing_is_sent_nowhere():
    assert read("").then == ""
    with pytest.raises(RequestRefused):
        read("", post_logout_redirect_uri=BACK)


def test_hints_are_kept_and_never_shown():
    found = read(id_token_hint="a.b.c", logout_hint="s1d", post_logout_redirect_uri=BACK, state="s3cr3t")
    assert (found.id_token_hint, found.logout_hint) == ("a.b.c", "s1d")
    assert repr(found) == "EndSessionRequest()"
