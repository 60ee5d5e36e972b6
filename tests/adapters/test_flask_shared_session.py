"""Session interfaces that hand one object to several requests: its note of a change is not to be relied on."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from flask.sessions import SecureCookieSession

from linkmw.gate.guard import MARKER
from linkmw.model import Marker
from linkmw_flask.sessions import plain
from linkmw_flask.watch import Watch, _Seen

OPENED = Marker("sid", 2_000_000_000)


@pytest.fixture
def watch() -> Watch:
    made = object.__new__(Watch)
    made._product = SimpleNamespace(native=plain("user_id", str))
    return made


def opened() -> SecureCookieSession:
    return SecureCookieSession({"user_id": "7", MARKER: [OPENED.sid, OPENED.expires]})


@pytest.mark.parametrize("key", ["user_id", MARKER])
def test_a_sign_out_is_seen_though_another_request_has_saved_the_session_already(watch: Watch, key: str) -> None:
    session = opened()
    seen = _Seen(OPENED, session, "7")
    assert not watch._has_changed(seen, session)
    del session[key]
    session.modified = False  # as whoever saved it left it
    assert watch._has_changed(seen, session)


def test_a_session_that_says_so_or_is_another_has_changed(watch: Watch) -> None:
    session = opened()
    session["theme"] = "dark"
    assert watch._has_changed(_Seen(OPENED, session, "7"), session)
    assert watch._has_changed(_Seen(OPENED, opened(), "7"), opened())
