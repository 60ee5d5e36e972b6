"""How a session of ours has ended, by what is left of it: the truth table."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.gate.world import SETTINGS

from linkmw.gate.outcome import is_sign_in, outcome
from linkmw.model import Marker

BEFORE = Marker("a-session", 1_700_000_000)


@pytest.mark.parametrize(
    ("marked", "somebody", "same", "signing_in", "how"),
    [
        (True, True, True, False, None),
        (True, True, False, False, None),  # named by the marker, whoever the product shows
        (True, False, False, False, "signed_out"),  # nobody is named any more: a marker alone keeps nothing open
        (False, True, True, False, "marker_lost"),  # made anew without the marker
        (False, True, False, False, "marker_lost"),
        (False, False, False, False, "signed_out"),
        (True, True, True, True, None),
        (True, True, False, True, "replaced"),
        (False, True, True, True, "replaced"),  # the same person, by the product's own password
        (False, True, False, True, "replaced"),
        (False, False, False, True, "ended"),  # emptied on the way in: nobody signed out
        (True, False, False, True, "ended"),
    ],
)
def test_pr13_how_a_session_ended(marked: bool, somebody: bool, same: bool, signing_in: bool, how: str | None) -> None:
    after = BEFORE if marked else None
    assert outcome(BEFORE, after, somebody=somebody, same=same, signing_in=signing_in) == how


@pytest.mark.parametrize(
    ("logins", "path", "yes"),
    [
        (("/login",), "/login", True),
        (("/login",), "/login/code", True),
        (("/login/",), "/login/code", True),
        (("/login",), "/login-as", False),
        (("/login",), "/", False),
        (("/",), "/", True),
        (("/",), "/orders", False),  # below the root is everything
        (("/admin/login", "/login"), "/login/second", True),
        ((), "/login", False),
    ],
)
def test_pr13_what_is_a_page_of_the_products_own_sign_in(logins: tuple[str, ...], path: str, yes: bool) -> None:
    assert is_sign_in(replace(SETTINGS, login_paths=logins), path) is yes
