"""The gate's stores keep the same promises in memory, over asyncio Redis and over blocking Redis."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.stores.conftest import AT_ONCE, Stores
from tests.stores.values import ACCOUNT, proof_record, session, sign_in

from linkmw.gate.ports import ARMED, Arming, SignOutRecord
from linkmw.model import Session


def test_rf02_a_sign_in_is_taken_once(stores: Stores) -> None:
    sign_ins = stores.gate.sign_ins
    stores.run(sign_ins.put("browser", sign_in(flow="flow"), 60))
    assert stores.run(sign_ins.take("browser", "state")) == sign_in(flow="flow")
    assert stores.run(sign_ins.take("browser", "state")) is None


def test_rf02_of_sixteen_takers_one_gets_the_sign_in(stores: Stores) -> None:
    stores.run(stores.gate.sign_ins.put("browser", sign_in(), 60))
    found = stores.together(lambda: stores.gate.sign_ins.take("browser", "state"))
    assert sorted(found, key=str) == [None] * (AT_ONCE - 1) + [sign_in()]


def test_fc02_another_browser_neither_finds_nor_burns_a_sign_in(stores: Stores) -> None:
    sign_ins = stores.gate.sign_ins
    stores.run(sign_ins.put("victim", sign_in(), 60))
    assert stores.run(sign_ins.take("attacker", "state")) is None
    assert stores.run(sign_ins.take("victimstate", "")) is None
    assert stores.run(sign_ins.take("", "victimstate")) is None
    assert stores.run(sign_ins.take("victim", "state")) == sign_in()


def test_fc02_one_state_in_two_browsers_is_two_sign_ins(stores: Stores) -> None:
    sign_ins = stores.gate.sign_ins
    stores.run(sign_ins.put("one", sign_in(flow="a"), 60))
    stores.run(sign_ins.put("two", sign_in(flow="b"), 60))
    assert stores.run(sign_ins.take("one", "state")).flow == "a"
    assert stores.run(sign_ins.take("two", "state")).flow == "b"


def test_fc06_ten_tabs_finish_and_the_oldest_of_eleven_is_dropped(stores: Stores) -> None:
    sign_ins = stores.gate.sign_ins
    stores.run(sign_ins.put("other browser", sign_in("0"), 60))
    for tab in range(11):
        stores.run(sign_ins.put("browser", sign_in(str(tab)), 60))
    found = [stores.run(sign_ins.take("browser", str(tab))) for tab in range(11)]
    assert found == [None, *(sign_in(str(tab)) for tab in range(1, 11))]
    assert stores.run(sign_ins.take("other browser", "0")) == sign_in("0")


def test_fc06_tabs_that_are_done_make_room(stores: Stores) -> None:
    sign_ins = stores.gate.sign_ins
    for tab in range(30):
        stores.run(sign_ins.put("browser", sign_in(str(tab)), 60))
        if tab != 3:
            assert stores.run(sign_ins.take("browser", str(tab))) == sign_in(str(tab))
    assert stores.run(sign_ins.take("browser", "3")) == sign_in("3")


def test_fc06_a_tab_that_begins_again_counts_once(stores: Stores) -> None:
    sign_ins = stores.gate.sign_ins
    stores.run(sign_ins.put("browser", sign_in("first"), 60))
    for _ in range(20):
        stores.run(sign_ins.put("browser", sign_in("again"), 60))
    assert stores.run(sign_ins.take("browser", "first")) == sign_in("first")


def test_a_sign_in_is_gone_when_its_time_is_up_and_its_neighbour_stays(stores: Stores) -> None:
    sign_ins = stores.gate.sign_ins
    stores.run(sign_ins.put("browser", sign_in("long"), 60))
    stores.run(sign_ins.put("browser", sign_in("short"), 1))
    stores.run(sign_ins.put("browser", sign_in("at once"), 0))
    stores.run(stores.gate.marks.first_use("clock", "tick", 1))
    stores.comes_true(lambda: stores.gate.marks.first_use("clock", "tick", 1), True)
    assert stores.run(sign_ins.take("browser", "short")) is None
    assert stores.run(sign_ins.take("browser", "at once")) is None
    assert stores.run(sign_ins.take("browser", "long")) == sign_in("long")


def test_a_proof_record_is_replaced_found_and_dropped(stores: Stores) -> None:
    proofs = stores.gate.proofs
    proven = replace(proof_record(), account=ACCOUNT, amr=("pwd",), code="code")
    stores.run(proofs.put("browser", proof_record(), 60))
    stores.run(proofs.put("browser", proven, 60))
    assert stores.run(proofs.get("browser", "record")) == proven
    stores.run(proofs.drop("browser", "record"))
    stores.run(proofs.drop("browser", "record"))
    assert stores.run(proofs.get("browser", "record")) is None


def test_fc02_another_browser_does_not_see_a_proof_record(stores: Stores) -> None:
    proofs = stores.gate.proofs
    stores.run(proofs.put("browser", proof_record(), 60))
    stores.run(proofs.drop("attacker", "record"))
    assert stores.run(proofs.get("attacker", "record")) is None
    assert stores.run(proofs.get("browser", "record")) == proof_record()


def test_a_proof_record_without_time_left_is_gone(stores: Stores) -> None:
    proofs = stores.gate.proofs
    stores.run(proofs.put("browser", proof_record(), 1))
    stores.comes_true(lambda: proofs.get("browser", "record"), None)
    stores.run(proofs.put("browser", proof_record(), 60))
    stores.run(proofs.put("browser", proof_record(), 0))
    assert stores.run(proofs.get("browser", "record")) is None


def test_a_session_is_found_until_it_is_ended(stores: Stores) -> None:
    sessions = stores.gate.sessions
    one, two = session("one", expires=stores.clock() + 60), session("two", expires=stores.clock() + 60)
    stores.run(sessions.put(one))
    stores.run(sessions.put(two))
    assert stores.run(sessions.get("one")) == one
    stores.run(sessions.end("one"))
    stores.run(sessions.end("one"))
    assert stores.run(sessions.get("one")) is None
    assert stores.run(sessions.get("two")) == two


def test_a_session_ends_at_its_own_time(stores: Stores) -> None:
    stores.run(stores.gate.sessions.put(session(expires=stores.clock() + 2)))
    stores.comes_true(lambda: stores.gate.sessions.get("sid"), None)
    stores.run(stores.gate.sessions.put(session(expires=stores.clock() - 10)))
    assert stores.run(stores.gate.sessions.get("sid")) is None


def begun(stores: Stores, sid: str, *, ago: int = 0, hub_sid: str = "hub", account_id: str = "42") -> Session:
    now = stores.clock()
    return Session(sid, account_id, "identity", hub_sid, now - ago, now + 600, native=f"native {sid}")


def ended(stores: Stores, **whom: Any) -> list[str]:
    found = stores.run(stores.gate.sessions.end_all(until=stores.clock(), **whom))
    assert {session.sid for session in found} <= {""}
    return sorted(session.native for session in found)


def are_open(stores: Stores, *sids: str) -> list[bool]:
    return [stores.run(stores.gate.sessions.get(sid)) is not None for sid in sids]


def test_a_session_says_what_it_was_to_the_one_who_ends_it(stores: Stores) -> None:
    sessions, one = stores.gate.sessions, begun(stores, "one")
    stores.run(sessions.put(one))
    found = stores.together(lambda: sessions.end("one"))
    assert sorted(found, key=str) == [None] * (AT_ONCE - 1) + [one]


def test_a_session_is_replaced_by_what_is_known_of_it_later(stores: Stores) -> None:
    sessions, one = stores.gate.sessions, begun(stores, "one")
    assert stores.run(sessions.put(replace(one, native=""))) is True
    assert stores.run(sessions.put(one)) is True
    assert stores.run(sessions.get("one")) == one
    assert ended(stores, account_id="42") == ["native one"]


def test_tv26_all_sessions_of_an_account_end_and_no_others(stores: Stores) -> None:
    for sid, hub_sid in (("one", "a"), ("two", "b"), ("three", "b")):
        stores.run(stores.gate.sessions.put(begun(stores, sid, hub_sid=hub_sid)))
    stores.run(stores.gate.sessions.put(begun(stores, "other", account_id="43", hub_sid="b")))
    assert ended(stores, account_id="42") == ["native one", "native three", "native two"]
    assert are_open(stores, "one", "two", "three", "other") == [False, False, False, True]
    assert ended(stores, account_id="42") == []


def test_tv26_of_a_hub_session_those_of_one_account_end(stores: Stores) -> None:
    stores.run(stores.gate.sessions.put(begun(stores, "one", hub_sid="a")))
    stores.run(stores.gate.sessions.put(begun(stores, "two", hub_sid="b")))
    stores.run(stores.gate.sessions.put(begun(stores, "other", account_id="43", hub_sid="a")))
    assert ended(stores, account_id="42", hub_sid="a") == ["native one"]
    assert are_open(stores, "one", "two", "other") == [False, True, True]


def test_tv26_all_that_a_hub_session_opened_ends(stores: Stores) -> None:
    stores.run(stores.gate.sessions.put(begun(stores, "one", hub_sid="a")))
    stores.run(stores.gate.sessions.put(begun(stores, "two", hub_sid="b")))
    stores.run(stores.gate.sessions.put(begun(stores, "other", account_id="43", hub_sid="a")))
    assert ended(stores, hub_sid="a") == ["native one", "native other"]
    assert are_open(stores, "one", "two", "other") == [False, True, False]


def test_tv26_a_logout_that_is_told_late_ends_no_session_that_was_begun_since(stores: Stores) -> None:
    sessions, before = stores.gate.sessions, begun(stores, "before", ago=60)
    stores.run(sessions.put(before))
    stores.run(sessions.put(replace(begun(stores, "since"), started=before.started + 1)))
    found = stores.run(sessions.end_all(account_id="42", until=before.started))
    assert [session.native for session in found] == ["native before"]
    assert are_open(stores, "before", "since") == [False, True]


def test_rc11_a_session_that_a_logout_has_overtaken_is_refused(stores: Stores) -> None:
    sessions = stores.gate.sessions
    assert ended(stores, account_id="42", hub_sid="a") == []
    assert stores.run(sessions.put(begun(stores, "one", ago=1, hub_sid="a"))) is False
    assert stores.run(sessions.put(begun(stores, "two", ago=1, hub_sid="b"))) is True
    assert stores.run(sessions.put(begun(stores, "other", ago=1, hub_sid="a", account_id="43"))) is True
    assert ended(stores, hub_sid="a") == ["native other"]
    assert stores.run(sessions.put(begun(stores, "other", ago=1, hub_sid="a", account_id="43"))) is False
    assert ended(stores, account_id="42") == ["native two"]
    assert stores.run(sessions.put(begun(stores, "two", ago=1, hub_sid="b"))) is False
    assert are_open(stores, "one", "two", "other") == [False] * 3


def test_rc11_one_that_began_after_the_logout_is_kept_and_an_older_logout_changes_nothing(stores: Stores) -> None:
    sessions, now = stores.gate.sessions, stores.clock()
    stores.run(sessions.end_all(account_id="42", until=now - 5))
    stores.run(sessions.end_all(account_id="42", until=now - 50))  # told late
    one = begun(stores, "one")
    assert stores.run(sessions.put(replace(one, started=now - 5))) is False
    assert stores.run(sessions.put(replace(one, started=now - 4))) is True
    assert are_open(stores, "one") == [True]


def test_rc11_of_a_session_and_its_logout_at_once_the_logout_wins(stores: Stores) -> None:
    """However the two are interleaved: sixteen sign-ins, and a logout among them."""
    sids = [f"sid {number}" for number in range(AT_ONCE - 1)]
    left = [*sids, ""]

    async def one_of_them() -> Any:
        sid = left.pop()
        if sid:
            return await stores.gate.sessions.put(begun(stores, sid, ago=1))
        return await stores.gate.sessions.end_all(account_id="42", until=stores.clock())

    stores.together(one_of_them)
    assert are_open(stores, *sids) == [False] * len(sids)


def test_a_sign_out_is_found_by_its_own_browser(stores: Stores) -> None:
    sign_outs, record = stores.gate.sign_outs, SignOutRecord("record", "hub-sid")
    stores.run(sign_outs.put("browser", record, 60))
    assert stores.run(sign_outs.get("browser", "record")) == record
    assert stores.run(sign_outs.get("attacker", "record")) is None
    stores.run(sign_outs.put("browser", record, 0))
    assert stores.run(sign_outs.get("browser", "record")) is None


def test_what_was_counted_can_be_asked_without_counting(stores: Stores) -> None:
    marks = stores.gate.marks
    assert stores.run(marks.counted("round", "browser")) == 0
    stores.run(marks.count("round", "browser", 60))
    assert [stores.run(marks.counted("round", "browser")) for _ in range(3)] == [1, 1, 1]
    stores.run(marks.reset("round", "browser"))
    assert stores.run(marks.counted("round", "browser")) == 0


def test_ot01_of_sixteen_that_show_one_code_one_is_the_first(stores: Stores) -> None:
    answers = stores.together(lambda: stores.gate.marks.first_use("totp", "42:123456", 90))
    assert sorted(answers) == [False] * (AT_ONCE - 1) + [True]
    assert stores.run(stores.gate.marks.first_use("totp", "42:123456", 90)) is False
    assert stores.run(stores.gate.marks.first_use("totp", "43:123456", 90)) is True
    assert stores.run(stores.gate.marks.first_use("jti", "42:123456", 90)) is True


def test_ot01_a_mark_is_gone_when_its_time_is_up(stores: Stores) -> None:
    assert stores.run(stores.gate.marks.first_use("totp", "code", 1)) is True
    stores.comes_true(lambda: stores.gate.marks.first_use("totp", "code", 1), True)


def test_bf03_a_hundred_counts_at_once_are_a_hundred(stores: Stores) -> None:
    answers = stores.together(lambda: stores.gate.marks.count("password", "ann", 60), times=100)
    assert sorted(answers) == list(range(1, 101))


def test_bf03_counters_are_apart_and_begin_anew(stores: Stores) -> None:
    marks = stores.gate.marks
    assert [stores.run(marks.count("password", "ann", 60)) for _ in range(3)] == [1, 2, 3]
    assert stores.run(marks.count("password", "bob", 60)) == 1
    assert stores.run(marks.count("code", "ann", 60)) == 1
    assert stores.run(marks.first_use("password", "ann", 60)) is True
    stores.run(marks.reset("password", "ann"))
    assert stores.run(marks.count("password", "ann", 60)) == 1
    assert stores.run(marks.first_use("password", "ann", 60)) is False


def test_bf03_later_counts_do_not_draw_the_window_out(stores: Stores) -> None:
    marks = stores.gate.marks
    assert stores.run(marks.count("password", "ann", 1)) == 1
    assert stores.run(marks.count("password", "ann", 600)) == 2
    stores.comes_true(lambda: marks.count("password", "ann", 600), 1)


def test_pr10_a_password_hash_is_taken_once_by_its_transaction(stores: Stores) -> None:
    hashes = stores.gate.password_hashes
    stores.run(hashes.put("transaction", "$argon2id$…", 60))
    assert stores.run(hashes.take("another")) is None
    found = stores.together(lambda: hashes.take("transaction"))
    assert sorted(found, key=str) == ["$argon2id$…", *[None] * (AT_ONCE - 1)]


def test_pr05_a_browser_has_one_arming_the_last(stores: Stores) -> None:
    armings = stores.gate.armings
    first, last = (
        Arming("first", "record", 2_000_000_000),
        Arming("last", "another", 2_000_000_000, "/done?of=ann", 7, 2),
    )
    for arming in (first, last):
        stores.run(armings.put("browser", arming, 60))
    assert stores.run(armings.get("browser", ARMED)) == last
    assert stores.run(armings.get("attacker", ARMED)) is None
    stores.run(armings.drop("browser", ARMED))
    assert stores.run(armings.get("browser", ARMED)) is None
