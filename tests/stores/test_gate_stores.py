"""The gate's stores keep the same promises in memory, over asyncio Redis and over blocking Redis."""

from __future__ import annotations

from dataclasses import replace

from tests.stores.conftest import AT_ONCE, Stores
from tests.stores.values import ACCOUNT, proof_record, session, sign_in


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
