"""Many at once at one Redis and at a Cluster, over asyncio and over blocking connections (and in memory)."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from tests.races.racing import MANY, rounds
from tests.stores.conftest import Stores
from tests.stores.values import IDENTITY, grant, hub_session, mail_proof, session, sign_in

from linkmw.gate.ports import Limit
from linkmw.hub.ports import Confirmed
from linkmw.model import Session

Question = Callable[[], Coroutine[Any, Any, Any]]


def mixed(stores: Stores, *questions: Question) -> list[Any]:
    """The answers to all of `questions`, asked at the same moment."""
    left = list(questions)

    def next_one() -> Coroutine[Any, Any, Any]:
        return left.pop()()

    return stores.together(next_one, len(questions))


def test_rc03_rc04_of_sixteen_takers_of_anything_that_is_good_once_one_gets_it(stores: Stores) -> None:
    hub, gate = stores.hub, stores.gate
    for name in rounds("RC03, RC04 at the stores"):
        for put, take, found in (
            (hub.grants.put(name, grant(), 60), partial(hub.grants.take, name), grant()),
            (hub.proof_codes.put(name, "flow", 60), partial(hub.proof_codes.take, name), "flow"),
            (gate.sign_ins.put(name, sign_in(), 60), partial(gate.sign_ins.take, name, "state"), sign_in()),
            (gate.password_hashes.put(name, "$a", 60), partial(gate.password_hashes.take, name), "$a"),
        ):
            stores.run(put)
            answers = stores.together(take)
            assert sorted(answers, key=str) == sorted([None] * (MANY - 1) + [found], key=str)
        for marks in (hub.marks, gate.marks):
            answers = stores.together(partial(marks.first_use, "totp", name, 60))
            assert sorted(answers) == [False] * (MANY - 1) + [True]


def begun(stores: Stores, sid: str, account: str) -> Session:
    now = stores.clock()
    return Session(sid, account, "identity", f"hub {account}", now - 1, now + 600, native=f"native {sid}")


def test_rc11_whichever_way_sessions_and_logouts_meet_the_logout_wins(stores: Stores) -> None:
    gate, hub, end = stores.gate.sessions, stores.hub.sessions, stores.clock() + 600
    for name in rounds("RC11 at the stores"):
        sids = [f"{name}-{number}" for number in range(MANY - 2)]
        mixed(
            stores,
            *(partial(gate.put, begun(stores, sid, name)) for sid in sids[: MANY // 2]),
            partial(gate.end_all, account_id=name, until=stores.clock()),
            partial(gate.end_all, hub_sid=f"hub {name}", until=stores.clock()),
            *(partial(gate.put, begun(stores, sid, name)) for sid in sids[MANY // 2 :]),
        )
        assert [stores.run(gate.get(sid)) for sid in sids] == [None] * len(sids)
        opened = [hub_session(sid, f"public {sid}", keycloak_sid=name) for sid in sids]
        mixed(
            stores,
            *(partial(hub.put, one, 60, end) for one in opened[: MANY // 2]),
            partial(hub.end_keycloak, IDENTITY.issuer, name),
            *(partial(hub.put, one, 60, end) for one in opened[MANY // 2 :]),
        )
        assert [stores.run(hub.get(sid, 60)) for sid in sids] == [None] * len(sids)


def test_rc12_six_pages_and_ten_rotations_at_once_lose_no_session(stores: Stores) -> None:
    hub, end = stores.hub.sessions, stores.clock() + 600
    for name in rounds("RC12 at the stores"):
        stores.run(hub.put(hub_session(name, f"public {name}"), 60, end))
        new = [f"{name}-{number}" for number in range(10)]
        answers = mixed(
            stores,
            *(partial(hub.put, hub_session(sid, f"public {name}"), 60, end) for sid in new),
            *[partial(hub.get, name, 60)] * 6,
        )
        assert None not in answers
        assert all(stores.run(hub.get(sid, 60)) for sid in (name, *new))
        assert stores.run(hub.end_public(IDENTITY, f"public {name}"))
        assert not any(stores.run(hub.get(sid, 60)) for sid in (name, *new))


def test_rc13_at_the_boundary_a_limit_lets_through_exactly_what_is_left(stores: Stores) -> None:
    tries, five = stores.gate.tries, Limit(5, 300)
    for name in rounds("RC13 at the stores"):
        for _ in range(4):
            stores.run(tries.attempt("password", name, "ann", five))
        waits = stores.together(partial(tries.attempt, "password", name, "ann", five))
        assert waits.count(0) == 1
        counts = stores.together(partial(stores.hub.marks.count, "mail", name, 60))
        assert sorted(counts) == list(range(1, MANY + 1))


def test_rc16_of_sixteen_presses_one_that_was_made_is_what_is_found(stores: Stores) -> None:
    """A press in this browser, which needs no code, and presses in others beside readers: never half of each."""
    proofs = stores.hub.mail_proofs
    for name in rounds("RC16 at the stores"):
        stores.run(proofs.put(name, mail_proof(), 60))
        made = [Confirmed("ann@example.com", f"hash {number}" if number else "") for number in range(8)]
        found = mixed(
            stores,
            *(partial(proofs.confirm, name, one, 60) for one in made),
            *[partial(proofs.get, name)] * 4,
            *[partial(proofs.confirmed, name)] * 4,
        )
        assert all(one is None or one == mail_proof() or one in made for one in found)
        assert stores.run(proofs.confirmed(name)) in made


def test_a_session_is_ended_by_one_of_sixteen(stores: Stores) -> None:
    gate = stores.gate.sessions
    for name in rounds("ending one session"):
        one = session(name, expires=stores.clock() + 60)
        stores.run(gate.put(one))
        assert sorted(stores.together(partial(gate.end, name)), key=str) == [None] * (MANY - 1) + [one]
