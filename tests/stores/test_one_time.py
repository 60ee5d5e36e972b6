"""Whatever is good once is good for one of sixteen who come at once, and for nobody after them (I2)."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

import pytest
from tests.stores.conftest import Stores
from tests.stores.values import IDENTITY, grant, hub_session, pending, sign_in

from linkmw.hub.ports import SignOut
from linkmw.model import Identity

Question = Callable[[Stores], Coroutine[Any, Any, Any]]

# What puts it there, and how it is taken: every one-time secret of both halves.
ONE_TIME: dict[str, tuple[Question | None, Question]] = {
    "state of a gate's sign-in": (
        lambda s: s.gate.sign_ins.put("browser", sign_in(), 60),
        lambda s: s.gate.sign_ins.take("browser", "state"),
    ),
    "state of the hub's sign-in": (
        lambda s: s.hub.sign_ins.put("browser", sign_in(), 60),
        lambda s: s.hub.sign_ins.take("browser", "state"),
    ),
    "sign-out": (
        lambda s: s.hub.sign_outs.put("browser", SignOut("record"), 60),
        lambda s: s.hub.sign_outs.take("browser", "record"),
    ),
    "handle": (lambda s: s.hub.handles.put("h", pending(), 60), lambda s: s.hub.handles.take("h", "orders")),
    "proof code": (lambda s: s.hub.proof_codes.put("c", "flow", 60), lambda s: s.hub.proof_codes.take("c")),
    "authorization code": (lambda s: s.hub.grants.put("c", grant(), 60), lambda s: s.hub.grants.take("c")),
    "password's hash": (
        lambda s: s.gate.password_hashes.put("t", "$argon2id$x", 60),
        lambda s: s.gate.password_hashes.take("t"),
    ),
    "second factor's code": (None, lambda s: s.gate.marks.first_use("totp", "17:123456", 60)),
    "token of a call or logout": (None, lambda s: s.hub.marks.first_use("logout", "jti", 60)),
}


@pytest.mark.parametrize("what", ONE_TIME)
def test_i2_every_one_time_secret_is_one_callers(stores: Stores, what: str) -> None:
    put, take = ONE_TIME[what]
    if put is not None:
        stores.run(put(stores))
    answers = stores.together(lambda: take(stores))
    assert len([answer for answer in answers if answer]) == 1
    assert not stores.run(take(stores))


def test_i6_what_is_kept_of_a_person_is_found_by_issuer_and_subject_alone(stores: Stores) -> None:
    same_address = replace(hub_session("b", "two"), identity=Identity(IDENTITY.issuer, "another"))
    other_issuer = replace(hub_session("c", "three"), identity=Identity("https://evil.example", IDENTITY.subject))
    for session in (hub_session("a", "one"), same_address, other_issuer):
        stores.run(stores.hub.sessions.put(session, 60, stores.clock() + 600))
    assert stores.run(stores.hub.sessions.end_all(IDENTITY)) == ["one"]
