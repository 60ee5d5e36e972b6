"""I12 at a gate: each event is a line with its result, the product, who and, where there is one, the flow."""

from __future__ import annotations

import ast
import json
import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.gate.world import Browser, World

ROOT = Path(__file__).resolve().parents[2] / "src" / "linkmw" / "gate"
PERSON = {"username": "ada", "password": "correct horse"}


class FromAfar(Browser):
    """Whose requests come from an address."""

    def send(self, request: Any) -> Any:
        return super().send(replace(request, client="192.0.2.7"))


def proves(world: World, person: Browser) -> None:
    person.arrives(flow="of-the-hub")
    person.submit(**PERSON)


def guesses(world: World, person: Browser) -> None:
    person.arrives(flow="of_the_hub")
    person.submit(username="ada", password="wrong")


def signs_in(world: World, person: Browser) -> None:
    person.returns(person.starts()["state"])


def is_refused(world: World, person: Browser) -> None:
    state = person.starts()["state"]
    person.get(f"/.linkmw/callback?state={state}&error=access_denied&iss={world.settings.issuer}")


def is_signed_out(world: World, person: Browser) -> None:
    signs_in(world, person)
    world.hub.calls["token"] = {"sub": "17", "iat": world.clock(), "jti": "j", "exp": world.clock() + 60}
    person.post("/.linkmw/logout", {"logout_token": "token"})


def forgot(world: World, person: Browser) -> None:
    person.arrives(purpose="first_sign_in", hint="ada", email="", flow="of_the_hub")
    record = world.token.made[-1]
    page = person.get(f"/.linkmw/forgot?record={record}")
    assert page.status == 200, person.page
    person.submit(email="ada@orders.example")


STORIES: dict[tuple[str, str], tuple[Callable[[World, Browser], Any], frozenset[str]]] = {
    ("proof", "ok"): (proves, frozenset(("account_id", "flow", "ip"))),
    ("proof", "refused"): (guesses, frozenset(("code", "flow", "ip"))),
    ("sign_in", "ok"): (signs_in, frozenset(("account_id", "flow", "ip"))),
    ("sign_in", "refused"): (is_refused, frozenset(("code", "flow", "ip"))),
    ("session_ended", "ok"): (is_signed_out, frozenset(("account_id", "code", "ip"))),
    ("reset", "ok"): (forgot, frozenset(("flow", "ip"))),
}
# Shown with what they are about: tests/gate/test_gate_doors.py, tests/adapters and tests/cli.
ELSEWHERE = {"door_closed", "native_sign_in", "break_glass_used"}


@pytest.mark.parametrize("what", STORIES, ids=" ".join)
def test_i12_every_event_of_a_gate_says_who_in_which_flow_and_the_result(
    what: tuple[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    world = World(mode="replace") if what[0] == "reset" else World()
    world.hub.mode = world.settings.mode
    caplog.set_level(logging.INFO, "linkmw.audit")
    story, says = STORIES[what]
    story(world, FromAfar(world))
    lines = [json.loads(one.message) for one in caplog.records if one.name == "linkmw.audit"]
    line = next(line for line in lines if (line["event"], line["result"]) == what)
    assert (line["tenant"], line["client_id"]) == ("acme", "orders")
    assert line["time"].endswith("Z")
    assert says <= {name for name, value in line.items() if value}, line
    assert not {"correct horse", "wrong"} & set(map(str, line.values()))


def test_i12_no_event_of_a_gate_is_without_its_story() -> None:
    named = set()
    for path in ROOT.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") in ("note", "note_of_gate"):
                words = [one.value for one in node.args if isinstance(one, ast.Constant) and isinstance(one.value, str)]
                named |= set(words[:1])
    assert named - ELSEWHERE - {"ok", "refused"} == {event for event, _ in STORIES}
