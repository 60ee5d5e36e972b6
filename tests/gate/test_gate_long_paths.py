"""A path, a target or a referrer of 8 KiB costs what its length costs, whatever is in it (DS07)."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from tests.gate.world import NOW, SETTINGS, SITE, World

from linkmw.gate import native_rules
from linkmw.gate.claim import Claim, relative
from linkmw.gate.ports import Arming
from linkmw.http import Request
from linkmw.redirects import judge

PARTS = ("/", "//", "/a", "%2f", "%25", "%2525252f", "../", "/./", "\\", "?", "#", "a", "&", "é", "\0", "@", "[", ":1")
KINDS: dict[str, Callable[[str], object]] = {
    "claimed": lambda path: Claim(SETTINGS).claims(path),
    "claimed, slashes joined": lambda path: Claim(SETTINGS, lambda routed: routed.replace("//", "/")).claims(path),
    "mounted": lambda path: relative(path, "/a"),
    "a redirect target": judge,
    "a short target": lambda path: judge(path[:2048]),
    "a referrer": lambda path: native_rules.is_of_login(SETTINGS, Request("POST", "/x", "", {"referer": SITE + path})),
    "a location": lambda path: native_rules.sent_on(
        SETTINGS, Request("POST", "/login"), Arming("s", "r", NOW + 9), 302, (("Location", path),)
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_ds07_8_kib_made_to_be_slow_are_not(kind: str) -> None:
    read = KINDS[kind]
    began = time.process_time()
    for part in PARTS:
        for path in (part * (8192 // len(part)), "/" + part * (8191 // len(part)) + "!", "/login" + part * 8192):
            read(path[:8192])
    assert time.process_time() - began < 5


def test_ds07_nor_where_the_gate_answers(world: World) -> None:
    began = time.process_time()
    for part in PARTS:
        for path in ("/login", "/.linkmw/login", "/.linkmw/callback"):
            world.answer(Request("GET", (path + part * 8192)[:8192], "", {"accept": "text/html"}))
            world.answer(Request("GET", path, ("next=" + part * 8192)[:8192], {"accept": "text/html"}))
    assert time.process_time() - began < 20
