"""How a session of ours has ended, by what is left of it: the truth table."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from tests.gate.world import ADA, SETTINGS, World

from linkmw.errors import Unavailable
from linkmw.gate.outcome import Outcome, follow, is_sign_in, outcome
from linkmw.http import Request
from linkmw.model import Marker, Session
from linkmw.run import run_now

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


A_PAGE = Request("GET", "/logout", "", {"sec-fetch-dest": "document", "sec-fetch-mode": "navigate"})


@pytest.mark.parametrize(
    ("what", "told", "leads_on"),
    [
        ("signed_out", "signed_out", True),  # out of the identity, too (P-7)
        ("ended", "signed_out", False),
        ("marker_lost", "marker_lost", False),
        ("replaced", "replaced", False),
    ],
)
def test_pr13_a_session_that_ended_is_off_the_list_and_the_trail_says_how(
    world: World, caplog: pytest.LogCaptureFixture, what: Outcome, told: str, leads_on: bool
) -> None:
    caplog.set_level("INFO")
    sessions = world.store.sessions
    run_now(sessions.put(Session(BEFORE.sid, ADA.account_id, "i", "h", world.clock(), world.clock() + 60)))
    answer = run_now(follow(world.ports, world.settings, A_PAGE, BEFORE, what))
    assert run_now(sessions.get(BEFORE.sid)) is None
    assert (answer is not None) is leads_on
    lines = [json.loads(record.message) for record in caplog.records if record.message.startswith("{")]
    assert [line["code"] for line in lines if line["event"] == "session_ended"] == [told]


class Silent:
    """gate.ports.Sessions of a Redis that cannot say."""

    async def end(self, sid: str) -> Session | None:
        raise Unavailable("Redis: TimeoutError")


@pytest.mark.parametrize("what", ["signed_out", "ended", "marker_lost", "replaced"])
def test_pr13_while_redis_is_silent_the_products_own_answer_stands(world: World, what: Outcome) -> None:
    world.having(sessions=Silent())
    assert run_now(follow(world.ports, world.settings, A_PAGE, BEFORE, what)) is None
