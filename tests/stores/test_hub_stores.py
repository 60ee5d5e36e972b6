"""The hub's stores keep the same promises in memory, over asyncio Redis and over blocking Redis."""

from __future__ import annotations

from dataclasses import replace

from tests.stores.conftest import AT_ONCE, Stores
from tests.stores.values import ACCOUNT, IDENTITY, flow, grant, hub_session, pending, sign_in


def test_fc02_a_keycloak_sign_in_belongs_to_its_browser(stores: Stores) -> None:
    stores.run(stores.hub.sign_ins.put("browser", sign_in(), 60))
    assert stores.run(stores.hub.sign_ins.take("attacker", "state")) is None
    assert stores.run(stores.hub.sign_ins.take("browser", "state")) == sign_in()


def test_a_flow_is_replaced_and_found_until_its_time_is_up(stores: Stores) -> None:
    flows = stores.hub.flows
    later = replace(flow(), step="linked", identity=IDENTITY, account=ACCOUNT, amr=("mfa",), request=None)
    stores.run(flows.put(flow(), 60))
    assert stores.run(flows.get("flow")) == flow()
    stores.run(flows.put(later, 1))
    assert stores.run(flows.get("flow")) == later
    assert stores.run(flows.get("other")) is None
    stores.comes_true(lambda: flows.get("flow"), None)


def test_rf02_of_sixteen_takers_one_gets_what_a_handle_stands_for(stores: Stores) -> None:
    stores.run(stores.hub.handles.put("handle", pending(), 60))
    found = stores.together(lambda: stores.hub.handles.take("handle", "orders"))
    assert sorted(found, key=str) == [None] * (AT_ONCE - 1) + [pending()]


def test_pr08_another_client_neither_finds_nor_burns_a_handle(stores: Stores) -> None:
    handles = stores.hub.handles
    stores.run(handles.put("handle", pending("orders"), 60))
    assert stores.run(handles.take("handle", "wiki")) is None
    assert stores.run(handles.take("handle", "orders")) == pending("orders")
    assert stores.run(handles.take("handle", "orders")) is None


def test_pr08_a_handle_stands_for_one_request(stores: Stores) -> None:
    handles = stores.hub.handles
    stores.run(handles.put("handle", pending("orders"), 60))
    stores.run(handles.put("handle", pending("wiki"), 60))
    assert stores.run(handles.take("handle", "orders")) is None
    assert stores.run(handles.take("handle", "wiki")) == pending("wiki")


def test_rf02_of_sixteen_takers_one_gets_the_flow_of_a_proof_code(stores: Stores) -> None:
    stores.run(stores.hub.proof_codes.put("code", "flow", 60))
    found = stores.together(lambda: stores.hub.proof_codes.take("code"))
    assert sorted(found, key=str) == [None] * (AT_ONCE - 1) + ["flow"]
    assert stores.run(stores.hub.proof_codes.take("unknown")) is None


def test_one_use_values_are_gone_when_their_time_is_up(stores: Stores) -> None:
    stores.run(stores.hub.handles.put("handle", pending(), 1))
    stores.run(stores.hub.proof_codes.put("code", "flow", 1))
    stores.run(stores.hub.grants.put("code", grant(), 1))
    stores.run(stores.hub.grants.put_token("token", "code", grant(), 1))
    stores.comes_true(lambda: stores.hub.grants.of_token("token"), None)
    assert stores.run(stores.hub.grants.take("code")) is None
    assert stores.run(stores.hub.handles.take("handle", "orders")) is None
    assert stores.run(stores.hub.proof_codes.take("code")) is None


def test_rc03_of_sixteen_redeems_one_gets_the_grant(stores: Stores) -> None:
    stores.run(stores.hub.grants.put("code", grant(link_id=7), 60))
    found = stores.together(lambda: stores.hub.grants.take("code"))
    assert sorted(found, key=str) == [grant(link_id=7)] + [None] * (AT_ONCE - 1)


def test_a_token_answers_its_grant(stores: Stores) -> None:
    grants = stores.hub.grants
    stores.run(grants.put("code", grant(), 60))
    stores.run(grants.take("code"))
    stores.run(grants.put_token("token", "code", grant(), 60))
    assert stores.run(grants.of_token("token")) == grant()
    assert stores.run(grants.of_token("code")) is None


def test_rfc6749_4_1_2_a_second_use_of_a_code_revokes_the_token(stores: Stores) -> None:
    grants = stores.hub.grants
    for code, token in (("code", "token"), ("other code", "other token")):
        stores.run(grants.put(code, grant(), 60))
        stores.run(grants.take(code))
        stores.run(grants.put_token(token, code, grant(), 60))
    assert stores.run(grants.take("code")) is None
    assert stores.run(grants.of_token("token")) is None
    assert stores.run(grants.of_token("other token")) == grant()


def test_rfc6749_4_1_2_a_second_use_before_the_token_is_written_revokes_it_too(stores: Stores) -> None:
    grants = stores.hub.grants
    stores.run(grants.put("code", grant(), 60))
    assert stores.run(grants.take("code")) == grant()
    assert stores.run(grants.take("code")) is None
    stores.run(grants.put_token("token", "code", grant(), 60))
    assert stores.run(grants.of_token("token")) is None


def test_a_token_outlives_the_code_that_gave_it(stores: Stores) -> None:
    grants = stores.hub.grants
    stores.run(grants.put("code", grant(), 1))
    stores.run(grants.take("code"))
    stores.run(grants.put_token("token", "code", grant(), 60))
    stores.run(stores.hub.flows.put(flow(), 1))
    stores.comes_true(lambda: stores.hub.flows.get("flow"), None)
    assert stores.run(grants.take("code")) is None
    stores.run(grants.put_token("late", "code", grant(), 60))
    assert stores.run(grants.of_token("token")) == grant()
    assert stores.run(grants.of_token("late")) == grant()


def test_a_hub_session_is_found_until_it_is_ended(stores: Stores) -> None:
    sessions = stores.hub.sessions
    stores.run(sessions.put(hub_session(), 60, stores.clock() + 600))
    found = stores.run(sessions.get("hub-sid", 60))
    assert found == hub_session()
    assert "csrf'" not in repr(found)
    stores.run(sessions.end("hub-sid"))
    assert stores.run(sessions.get("hub-sid", 60)) is None


def test_a_hub_session_ends_when_it_is_not_used(stores: Stores) -> None:
    sessions = stores.hub.sessions
    stores.run(sessions.put(hub_session(), 1, stores.clock() + 600))
    stores.run(sessions.put(hub_session("used"), 1, stores.clock() + 600))
    assert stores.run(sessions.get("used", 60)) == hub_session("used")
    stores.run(stores.hub.flows.put(flow(), 1))
    stores.comes_true(lambda: stores.hub.flows.get("flow"), None)
    assert stores.run(sessions.get("hub-sid", 60)) is None
    assert stores.run(sessions.get("used", 60)) == hub_session("used")


def test_a_hub_session_that_is_used_ends_at_its_absolute_limit(stores: Stores) -> None:
    sessions = stores.hub.sessions
    stores.run(sessions.put(hub_session(), 60, stores.clock() + 2))
    stores.comes_true(lambda: sessions.get("hub-sid", 60), None)
    stores.run(sessions.put(hub_session(), 60, stores.clock() - 1))
    assert stores.run(sessions.get("hub-sid", 60)) is None


def test_bf03_the_hub_counts_as_the_gate_does(stores: Stores) -> None:
    assert sorted(stores.together(lambda: stores.hub.marks.count("mail", "ann", 60))) == list(range(1, AT_ONCE + 1))
    assert sorted(stores.together(lambda: stores.hub.marks.first_use("jti", "x", 60))) == [False] * 15 + [True]
