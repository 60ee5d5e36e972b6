"""Memory and Redis answer alike, whatever is asked in whatever order: what memory proves, Redis keeps."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.stores.values import IDENTITY, flow, grant, hub_session, pending, proof_record, session, sign_in

from linkmw.gate.ports import Limit, SignOutRecord
from linkmw.hub.ports import SignOut
from linkmw.model import Session
from linkmw.run import run_now
from linkmw.stores.memory import GateMemory, HubMemory
from linkmw.stores.redis import Commands, GateStores, HubStores, connect_blocking

WAITS = Limit(2, 600, (0, 0, 300), stop=5)


async def let_through(attempt: Any) -> bool:
    """The clocks of memory and Redis are a second apart at times; whether there is a wait is what they agree on."""
    return await attempt == 0


async def ended(gate: Any, **whom: Any) -> list[Session]:
    """In no order of the stores' own."""
    return sorted(await gate.sessions.end_all(**whom), key=repr)


def OPENED(account_id: str, hub_sid: str, now: int) -> Session:  # noqa: N802
    """Some begun before each logout, some between two, some after both."""
    started = {"a": now - 10, "b": now - 5, "\x00": now - 1, "é": now + 1}[account_id]
    return Session(f"{account_id} {hub_sid}", account_id, "identity", hub_sid, started, now + 600)


async def in_any_order(answer: Any) -> Any:
    return sorted(await answer, key=str)


Question = Callable[[Any, Any, int], Any]

# gate, hub, the present → a coroutine
QUESTIONS: dict[str, Callable[[str, str], Question]] = {
    "sign in": lambda a, b: lambda gate, hub, now: gate.sign_ins.put(a, sign_in(b), 60),
    "sign in, too late": lambda a, b: lambda gate, hub, now: gate.sign_ins.put(a, sign_in(b), 0),
    "take sign-in": lambda a, b: lambda gate, hub, now: gate.sign_ins.take(a, b),
    "prove": lambda a, b: lambda gate, hub, now: gate.proofs.put(a, proof_record(b), 60),
    "prove, too late": lambda a, b: lambda gate, hub, now: gate.proofs.put(a, proof_record(b), 0),
    "get proof": lambda a, b: lambda gate, hub, now: gate.proofs.get(a, b),
    "drop proof": lambda a, b: lambda gate, hub, now: gate.proofs.drop(a, b),
    "open": lambda a, b: lambda gate, hub, now: gate.sessions.put(SESSIONS(a, now)),
    "get session": lambda a, b: lambda gate, hub, now: gate.sessions.get(a),
    "log account out": lambda a, b: lambda gate, hub, now: ended(gate, until=now - 5, account_id=a),
    "log hub session out": lambda a, b: lambda gate, hub, now: ended(gate, until=now - 5, hub_sid=b),
    "log both out": lambda a, b: lambda gate, hub, now: ended(gate, until=now, account_id=a, hub_sid=b),
    "open for": lambda a, b: lambda gate, hub, now: gate.sessions.put(OPENED(a, b, now)),
    "get opened": lambda a, b: lambda gate, hub, now: gate.sessions.get(f"{a} {b}"),
    "sign out": lambda a, b: lambda gate, hub, now: gate.sign_outs.put(a, SignOutRecord(b, "hub-sid"), 60),
    "get sign-out": lambda a, b: lambda gate, hub, now: gate.sign_outs.get(a, b),
    "carry a hash": lambda a, b: lambda gate, hub, now: gate.password_hashes.put(a, b, 60),
    "take a hash": lambda a, b: lambda gate, hub, now: gate.password_hashes.take(a),
    "counted": lambda a, b: lambda gate, hub, now: gate.marks.counted(a, b),
    "end session": lambda a, b: lambda gate, hub, now: gate.sessions.end(a),
    "mark": lambda a, b: lambda gate, hub, now: gate.marks.first_use(a, b, 60),
    "mark, too late": lambda a, b: lambda gate, hub, now: gate.marks.first_use(a, b, 0),
    "count": lambda a, b: lambda gate, hub, now: gate.marks.count(a, b, 60),
    "count, too late": lambda a, b: lambda gate, hub, now: gate.marks.count(a, b, 0),
    "attempt": lambda a, b: lambda gate, hub, now: let_through(gate.tries.attempt("t", a, b, Limit(3, 600, stop=7))),
    "attempt, waits": lambda a, b: lambda gate, hub, now: let_through(gate.tries.attempt("w", a, b, WAITS)),
    "attempt, no wait": lambda a, b: lambda gate, hub, now: let_through(gate.tries.attempt("n", a, b, Limit(2, 0))),
    "forgive": lambda a, b: lambda gate, hub, now: gate.tries.forgive("t", a, b, Limit(3, 600, stop=7)),
    "forgive, waits": lambda a, b: lambda gate, hub, now: gate.tries.forgive("w", a, b, WAITS),
    "reset": lambda a, b: lambda gate, hub, now: gate.marks.reset(a, b),
    "put flow": lambda a, b: lambda gate, hub, now: hub.flows.put(flow(a, error=b), 60),
    "get flow": lambda a, b: lambda gate, hub, now: hub.flows.get(a),
    "put handle": lambda a, b: lambda gate, hub, now: hub.handles.put(a, pending(b), 60),
    "take handle": lambda a, b: lambda gate, hub, now: hub.handles.take(a, b),
    "put proof code": lambda a, b: lambda gate, hub, now: hub.proof_codes.put(a, b, 60),
    "take proof code": lambda a, b: lambda gate, hub, now: hub.proof_codes.take(a),
    "put code": lambda a, b: lambda gate, hub, now: hub.grants.put(a, grant(), 60),
    "take code": lambda a, b: lambda gate, hub, now: hub.grants.take(a),
    "put token": lambda a, b: lambda gate, hub, now: hub.grants.put_token(b, a, grant(), 60),
    "of token": lambda a, b: lambda gate, hub, now: hub.grants.of_token(b),
    "put hub session": lambda a, b: lambda gate, hub, now: hub.sessions.put(hub_session(a), 60, now + 600),
    "put old session": lambda a, b: lambda gate, hub, now: hub.sessions.put(hub_session(a), 60, now - 1),
    "note opened": lambda a, b: lambda gate, hub, now: hub.sessions.note_opened(IDENTITY, b, a, 60),
    "get hub session": lambda a, b: lambda gate, hub, now: hub.sessions.get(a, 60),
    "end hub session": lambda a, b: lambda gate, hub, now: hub.sessions.end(a),
    "put session of": lambda a, b: (
        lambda gate, hub, now: hub.sessions.put(hub_session(a, b, keycloak_sid=a), 60, now + 600)
    ),
    "list sessions": lambda a, b: lambda gate, hub, now: hub.sessions.of_identity(IDENTITY),
    "end public": lambda a, b: lambda gate, hub, now: hub.sessions.end_public(IDENTITY, b),
    "end all": lambda a, b: lambda gate, hub, now: hub.sessions.end_all(IDENTITY),
    "end keycloak": lambda a, b: lambda gate, hub, now: in_any_order(hub.sessions.end_keycloak(IDENTITY.issuer, a)),
    "sign out at the hub": lambda a, b: lambda gate, hub, now: hub.sign_outs.put(a, SignOut(b), 60),
    "take sign-out of the hub": lambda a, b: lambda gate, hub, now: hub.sign_outs.take(a, b),
}

_sessions: dict[tuple[str, int], Any] = {}


def SESSIONS(sid: str, now: int) -> Any:  # noqa: N802
    return _sessions.setdefault((sid, now), session(sid, expires=now + 600))


words = st.sampled_from(["a", "b", "\x00", "é"])
stories = st.lists(st.tuples(st.sampled_from(sorted(QUESTIONS)), words, words), min_size=5, max_size=60)


@pytest.fixture(scope="module")
def commands(redis_url: str) -> Iterator[Commands]:
    commands = connect_blocking(redis_url, timeout=5)
    yield commands
    run_now(commands.close())


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(stories)
def test_i4_memory_and_redis_answer_alike(commands: Commands, story: list[tuple[str, str, str]]) -> None:
    now = int(time.time())
    prefix = f"lockstep-{uuid.uuid4().hex}:"
    memory = GateMemory(lambda: now), HubMemory(lambda: now)
    redis = GateStores(commands, prefix + "g:"), HubStores(commands, prefix + "h:")
    for name, first, second in story:
        question = QUESTIONS[name](first, second)
        assert run_now(question(*memory, now)) == run_now(question(*redis, now)), name
