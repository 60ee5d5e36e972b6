"""Does a session still stand? Asked of the allow-list unless that is certain, silence never taken for a no."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.gate.world import SETTINGS

from linkmw.errors import Unavailable
from linkmw.gate.guard import Guard, change, marker_in, stands_while_off
from linkmw.model import Marker, Session
from linkmw.run import run_now

NOW = 1_800_000_000
MARKER = Marker("sid", NOW + 600)


class Time:
    now = NOW
    monotonic = 0.0


class List:
    """The allow-list, and how often it was asked."""

    def __init__(self, time: Time) -> None:
        self.time = time
        self.open = {"sid"}
        self.certain: dict[str, Session] = {}
        self.asked = 0
        self.silent = False

    async def get(self, sid: str) -> Session | None:
        self.asked += 1
        if self.silent:
            raise Unavailable("Redis: ConnectionError")
        return Session(sid, "17", "identity", "hub-sid", NOW, NOW + 600) if sid in self.open else None

    def recall(self, sid: str) -> Session | None:
        found = self.certain.get(sid)
        return found if found and self.time.now < found.expires else None

    def forget(self, sid: str) -> None:
        self.certain.pop(sid, None)


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def sessions(time: Time) -> List:
    return List(time)


@pytest.fixture
def watch(sessions: List, time: Time) -> Guard:
    return Guard(sessions, lambda: time.now, lambda: time.monotonic)  # type: ignore[arg-type]


def test_mim27_an_ended_session_is_gone_at_once(watch: Guard, sessions: List) -> None:
    assert run_now(watch.stands(MARKER)) is True
    sessions.open.clear()
    assert [run_now(watch.stands(MARKER)) for _ in range(3)] == [False] * 3
    assert sessions.asked == 4


@pytest.mark.parametrize("expires", [MARKER.expires, MARKER.expires + 1, MARKER.expires - 1])
def test_g2_what_is_certain_is_not_asked(watch: Guard, sessions: List, time: Time, expires: int) -> None:
    sessions.certain["sid"] = Session("sid", "17", "identity", "hub-sid", NOW, expires)
    native = {"user": "17", "_linkmw": [MARKER.sid, MARKER.expires]}
    for time.now in (NOW, min(expires, MARKER.expires) - 1):
        assert run_now(watch.stands(MARKER)) is True
        assert (watch.knows(MARKER), watch.knows_in(native)) == (True, True)
    assert sessions.asked == 0
    sessions.open.clear()
    for time.now in (min(expires, MARKER.expires), MARKER.expires + 1):
        assert run_now(watch.stands(MARKER)) is False
        assert (watch.knows(MARKER), watch.knows_in(native)) == (False, False)


def test_g2_of_what_is_certain_the_clock_is_asked_only_where_the_marker_ends_first(sessions: List, time: Time) -> None:
    asked: list[int] = []
    watch = Guard(sessions, lambda: asked.append(1) or time.now)  # type: ignore[arg-type, func-returns-value]
    for expires, times in ((MARKER.expires - 1, 0), (MARKER.expires, 0), (MARKER.expires + 1, 2)):
        sessions.certain["sid"] = Session("sid", "17", "identity", "hub-sid", NOW, expires)
        assert watch.knows(MARKER)
        assert watch.knows_in({"_linkmw": [MARKER.sid, MARKER.expires]})
        assert len(asked) == times


@pytest.mark.parametrize(
    "marker", [None, "x", 7, [], ["sid"], ["sid", None], ["sid", "x"], [["sid"], NOW + 600], ["other", NOW + 600], {}]
)
def test_g2_what_is_no_marker_names_no_session_that_stands(watch: Guard, sessions: List, marker: object) -> None:
    sessions.certain["sid"] = Session("sid", "17", "identity", "hub-sid", NOW, NOW + 600)
    assert watch.knows_in({"_linkmw": marker}) is False
    assert watch.knows_in({}) is False


def test_a_session_that_has_ended_here_is_gone_at_once(watch: Guard, sessions: List) -> None:
    sessions.certain["sid"] = Session("sid", "17", "identity", "hub-sid", NOW, NOW + 600)
    sessions.open.clear()
    watch.forget(MARKER.sid)
    assert run_now(watch.stands(MARKER)) is False


@pytest.mark.parametrize("certain", [True, False])
def test_dis10_what_began_before_it_was_switched_off_has_ended(sessions: List, time: Time, *, certain: bool) -> None:
    if certain:
        sessions.certain["sid"] = Session("sid", "17", "identity", "hub-sid", NOW, NOW + 600)
    for since, stands in ((NOW, True), (NOW + 1, False)):
        watch = Guard(sessions, lambda: time.now, lambda: time.monotonic, since=since)  # type: ignore[arg-type]
        assert watch.knows(MARKER) is (certain and stands)
        assert run_now(watch.stands(MARKER)) is stands
        assert watch.knows_in({"_linkmw": [MARKER.sid, MARKER.expires]}) is (certain and stands)


def test_while_redis_is_silent_a_session_stands_until_it_expires(watch: Guard, sessions: List, time: Time) -> None:
    sessions.silent = True
    time.now = MARKER.expires - 1
    assert run_now(watch.stands(MARKER)) is True
    time.now = MARKER.expires
    assert run_now(watch.stands(MARKER)) is False
    assert sessions.asked == 1


def test_while_redis_is_silent_it_is_waited_for_once_in_half_a_second(watch: Guard, sessions: List, time: Time) -> None:
    sessions.silent = True
    others = [Marker(f"sid {number}", NOW + 600) for number in range(5)]
    assert [run_now(watch.stands(marker)) for marker in (MARKER, *others)] == [True] * 6
    assert sessions.asked == 1
    sessions.silent = False
    time.monotonic = 0.49
    assert [run_now(watch.stands(marker)) for marker in (MARKER, *others)] == [True] * 6
    assert sessions.asked == 1
    for time.monotonic in (0.5, 0.6):
        assert [run_now(watch.stands(marker)) for marker in (MARKER, *others)] == [True] + [False] * 5


def test_a_yes_never_outlives_the_session(watch: Guard, time: Time) -> None:
    assert run_now(watch.stands(MARKER)) is True
    for time.now in (MARKER.expires, MARKER.expires + 1, MARKER.expires + 86_400):
        assert run_now(watch.stands(MARKER)) is False


def test_dis10_what_began_before_the_sessions_were_ended_stands_no_more(sessions: List, time: Time) -> None:
    for since, stands in ((NOW - 1, True), (NOW, True), (NOW + 1, False), (NOW + 60, False)):
        watch = Guard(sessions, lambda: time.now, lambda: time.monotonic, since=since)  # type: ignore[arg-type]
        assert run_now(watch.stands(MARKER)) is stands


@pytest.mark.parametrize("open_", [True, False])
def test_p05_a_session_that_no_link_opened_is_the_doors_to_judge(sessions: List, time: Time, open_: bool) -> None:
    class Doors:
        def stands(self, marker: Marker) -> bool:
            return open_

    watch = Guard(sessions, lambda: time.now, lambda: time.monotonic, Doors())  # type: ignore[arg-type]
    assert run_now(watch.stands(Marker("native:away:orders", NOW + 600))) is open_
    assert run_now(watch.stands(Marker("native:away:orders", NOW))) is False
    assert sessions.asked == 0


@pytest.mark.parametrize(
    ("ended", "sid", "goes_on"),
    [
        (False, "sid", True),
        (True, "sid", False),
        (False, "native:away:orders", True),
        (True, "native:away:orders", True),
    ],
)
def test_dis10_what_goes_on_while_linkmw_is_off(ended: bool, sid: str, goes_on: bool) -> None:
    settings = replace(SETTINGS, sessions_since=NOW if ended else 0)
    assert stands_while_off(settings, Marker(sid, NOW + 600)) is goes_on


@pytest.mark.parametrize("session", [{}, {"_linkmw": None}, {"_linkmw": "x"}, {"_linkmw": ["a", "b"]}, {"_linkmw": []}])
def test_what_is_no_marker_is_none(session: dict[str, object]) -> None:
    assert marker_in(session) is None


def test_a_marker_is_read_as_adapters_write_it() -> None:
    assert marker_in({"_linkmw": ["sid", NOW]}) == Marker("sid", NOW)


def test_pr13_what_a_request_did_to_a_session() -> None:
    table = {
        (None, None, True): "none",
        (None, MARKER, True): "none",
        (MARKER, MARKER, True): "none",
        (MARKER, None, True): "marker_lost",
        (MARKER, None, False): "signed_out",
    }
    for (before, after, somebody), became in table.items():
        assert change(before, after, somebody=somebody) == became
