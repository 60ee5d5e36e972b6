"""What a process may believe of its sessions without asking: while Redis' word is fresh, and never across a change."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.stores.values import session

from linkmw.model import Session
from linkmw.stores import remembered
from linkmw.stores.remembered import KEPT_SECONDS, Remembered

NOW = 1_800_000_000
ADA = session("ada", expires=NOW + 3600)
KEY = b"linkmw:s-ada"


class Time:
    monotonic = 1000.0
    now = float(NOW)
    woken = 0


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def memory(time: Time) -> Remembered:
    """Which hears of every change for the next hour."""

    def wake() -> None:
        time.woken += 1

    made = Remembered(wake, lambda: time.monotonic, lambda: time.now)
    made.fresh(time.monotonic + 3600)
    return made


def keep(memory: Remembered, found: Session = ADA, key: bytes = KEY) -> None:
    memory.keep(key, found, memory.begin())


def test_g2_what_redis_said_is_remembered(memory: Remembered, time: Time) -> None:
    assert memory.recall("ada") is None
    keep(memory)
    assert memory.recall("ada") == ADA
    assert memory.recall("bob") is None
    assert time.woken == 0


@pytest.mark.parametrize(
    ("happens", "stands"),
    [
        ("nothing", True),
        ("another key changed", True),
        ("its key changed", False),
        ("its key changed among others", False),
        ("everything changed", False),
        ("lost", False),
        ("lost, and back", False),
        ("not fresh", False),
        ("forked", False),
        ("forked, and back", False),
    ],
)
def test_g4_nothing_is_believed_after_a_change_or_in_silence(
    memory: Remembered, time: Time, happens: str, stands: bool
) -> None:
    keep(memory)
    match happens.partition(",")[0]:
        case "another key changed":
            memory.changed([b"linkmw:s-bob"])
        case "its key changed":
            memory.changed([KEY])
        case "its key changed among others":
            memory.changed([b"linkmw:s-bob", KEY, b"linkmw:s-eve"])
        case "everything changed":
            memory.all_changed()
        case "lost":
            memory.lost()
        case "not fresh":
            memory.fresh(time.monotonic)
        case "forked":
            memory.restart()
    if happens.endswith("back"):
        memory.fresh(time.monotonic + 3600)
    assert (memory.recall("ada") == ADA) is stands


@pytest.mark.parametrize("happens", ["its key changed", "another key changed", "everything changed", "lost"])
def test_g4_what_was_read_while_something_changed_is_not_kept(memory: Remembered, time: Time, happens: str) -> None:
    begun = memory.begin()
    match happens:
        case "its key changed":
            memory.changed([KEY])
        case "another key changed":
            memory.changed([b"linkmw:s-bob"])
        case "everything changed":
            memory.all_changed()
        case "lost":
            memory.lost()
            memory.fresh(time.monotonic + 3600)
    memory.keep(KEY, ADA, begun)
    assert memory.recall("ada") is None


def test_g4_in_silence_nothing_is_kept_and_somebody_is_woken(memory: Remembered, time: Time) -> None:
    memory.lost()
    keep(memory)
    assert memory.recall("ada") is None
    assert time.woken == 1
    memory.fresh(time.monotonic + 3600)
    assert memory.recall("ada") is None
    assert time.woken == 1


def test_g4_what_was_kept_stands_again_when_a_late_proof_shows_that_nothing_was_missed(
    memory: Remembered, time: Time
) -> None:
    memory.fresh(time.monotonic + 0.5)
    keep(memory)
    time.monotonic += 0.5
    assert memory.recall("ada") is None
    memory.fresh(time.monotonic + 0.5)
    assert memory.recall("ada") == ADA


def test_mim27_no_session_is_remembered_beyond_its_own_end(memory: Remembered, time: Time) -> None:
    keep(memory, replace(ADA, expires=NOW + 10))
    time.monotonic += 9.9
    assert memory.recall("ada") is not None
    time.monotonic += 0.1
    assert memory.recall("ada") is None
    time.now += 10
    keep(memory, replace(ADA, expires=NOW + 10))
    assert memory.recall("ada") is None


def test_g4_redis_is_asked_again_after_a_while_whatever_it_told(memory: Remembered, time: Time) -> None:
    keep(memory)
    time.monotonic += KEPT_SECONDS
    assert memory.recall("ada") is None
    keep(memory)
    assert memory.recall("ada") == ADA


def test_ds02_a_crowd_of_sessions_is_remembered_in_bounded_memory(
    memory: Remembered, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remembered, "KEPT_MANY", 3)
    for name in "abcdefgh":
        keep(memory, replace(ADA, sid=name), name.encode())
    assert [name for name in "abcdefgh" if memory.recall(name)] == ["f", "g", "h"]
    keep(memory, replace(ADA, sid="h"), b"h")
    assert memory.recall("f") is not None
    memory.changed([b"a", b"f", b"g", b"h"])
    assert not memory._kept
    assert not memory._sids


def test_when_it_was_last_asked_is_known(memory: Remembered, time: Time) -> None:
    time.monotonic += 5
    memory.recall("ada")
    assert memory.asked == time.monotonic
