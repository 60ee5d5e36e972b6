"""The hub's stores keep the same promises in memory, over asyncio Redis and over blocking Redis."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.stores.conftest import AT_ONCE, Stores
from tests.stores.values import ACCOUNT, IDENTITY, flow, grant, hub_session, mail_proof, pending, sign_in

from linkmw.hub.ports import MOST_OPENED, Confirmed, OpenSession, SignOut
from linkmw.model import Identity
from linkmw.stores import memory, redis_hub


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


def test_sc11_a_persons_sessions_are_listed_newest_first_and_without_any_secret(stores: Stores) -> None:
    sessions, end = stores.hub.sessions, stores.clock() + 600
    other = replace(hub_session("other", "theirs"), identity=Identity(IDENTITY.issuer, "bob"))
    for session in (hub_session("a", "one"), hub_session("b", "two", started=1_790_000_009), other):
        assert stores.run(sessions.put(session, 60, end))
    found = stores.run(sessions.of_identity(IDENTITY))
    assert found == [
        OpenSession("two", "Firefox", "192.0.2.7", 1_790_000_009, keycloak_sid="keycloak-sid"),
        OpenSession("one", "Firefox", "192.0.2.7", 1_790_000_000, keycloak_sid="keycloak-sid"),
    ]
    stores.run(sessions.end("b"))
    assert [session.public_sid for session in stores.run(sessions.of_identity(IDENTITY))] == ["one"]
    assert stores.run(sessions.of_identity(Identity("https://elsewhere.example", IDENTITY.subject))) == []


def test_sc11_a_session_names_the_products_it_led_into_and_not_without_end(stores: Stores) -> None:
    sessions, end = stores.hub.sessions, stores.clock() + 600
    for session in (hub_session("a", "one"), hub_session("b", "two")):
        stores.run(sessions.put(session, 60, end))
    for client_id in ("wiki", "orders", "wiki"):
        stores.run(sessions.note_opened(IDENTITY, "one", client_id, 60))
    for number in range(MOST_OPENED + 5):
        stores.run(sessions.note_opened(IDENTITY, "two", f"p{number:02}", 60))
    stores.run(sessions.note_opened(Identity(IDENTITY.issuer, "bob"), "one", "desk", 60))
    opened = {one.public_sid: one.opened for one in stores.run(sessions.of_identity(IDENTITY))}
    assert opened == {"one": ("orders", "wiki"), "two": tuple(f"p{number:02}" for number in range(MOST_OPENED))}
    stores.run(sessions.put(hub_session("c", "one"), 60, end))  # signed in anew in the same browser: still its own
    (one, _) = sorted(stores.run(sessions.of_identity(IDENTITY)), key=lambda found: found.public_sid)
    assert one.opened == ("orders", "wiki")


def test_sc11_what_was_opened_is_forgotten_with_its_session(stores: Stores) -> None:
    sessions = stores.hub.sessions
    stores.run(sessions.put(hub_session("a", "one"), 60, stores.clock() + 600))
    stores.run(sessions.note_opened(IDENTITY, "one", "wiki", 1))

    async def opened() -> list[tuple[str, ...]]:
        return [one.opened for one in await sessions.of_identity(IDENTITY)]

    stores.comes_true(opened, [()])


def test_sc11_one_of_them_or_all_can_be_ended(stores: Stores) -> None:
    sessions, end = stores.hub.sessions, stores.clock() + 600
    other = replace(hub_session("other", "theirs"), identity=Identity(IDENTITY.issuer, "bob"))
    for session in (hub_session("a", "one"), hub_session("b", "two"), hub_session("c", "three"), other):
        stores.run(sessions.put(session, 60, end))
    assert stores.run(sessions.end_public(IDENTITY, "two"))
    assert not stores.run(sessions.end_public(IDENTITY, "two"))
    assert not stores.run(sessions.end_public(IDENTITY, "theirs"))
    assert [stores.run(sessions.get(sid, 60)) is None for sid in ("a", "b", "c", "other")] == [
        False,
        True,
        False,
        False,
    ]
    assert sorted(stores.run(sessions.end_all(IDENTITY))) == ["one", "three"]
    assert stores.run(sessions.end_all(IDENTITY)) == []
    assert [stores.run(sessions.get(sid, 60)) is None for sid in ("a", "b", "c", "other")] == [True, True, True, False]


def test_sc11_what_its_own_browser_has_ended_is_not_there_to_be_ended(stores: Stores) -> None:
    sessions, end = stores.hub.sessions, stores.clock() + 600
    for session in (hub_session("a", "one"), hub_session("b", "two")):
        stores.run(sessions.put(session, 60, end))
        stores.run(sessions.end(session.sid))
    assert not stores.run(sessions.end_public(IDENTITY, "one"))
    assert stores.run(sessions.end_all(IDENTITY)) == []


def test_sc10_a_session_that_is_too_old_is_listed_no_longer(stores: Stores) -> None:
    sessions = stores.hub.sessions
    stores.run(sessions.put(hub_session("idle", "one"), 1, stores.clock() + 600))
    stores.run(sessions.put(hub_session("old", "two"), 60, stores.clock() + 1))
    stores.comes_true(lambda: sessions.of_identity(IDENTITY), [])


def test_sc09_what_a_keycloak_session_opened_ends_with_it(stores: Stores) -> None:
    sessions, end, issuer = stores.hub.sessions, stores.clock() + 600, IDENTITY.issuer
    stores.run(sessions.put(hub_session("a", "one"), 60, end))
    stores.run(sessions.put(hub_session("b", "two"), 60, end))
    stores.run(sessions.put(hub_session("c", "three", keycloak_sid="another"), 60, end))
    stores.run(sessions.put(hub_session("d", "four", keycloak_sid=""), 60, end))
    assert stores.run(sessions.end_keycloak("https://elsewhere.example", "keycloak-sid")) == []
    assert sorted(stores.run(sessions.end_keycloak(issuer, "keycloak-sid")), key=lambda one: one[1]) == [
        (IDENTITY, "one"),
        (IDENTITY, "two"),
    ]
    assert [stores.run(sessions.get(sid, 60)) is None for sid in ("a", "b", "c", "d")] == [True, True, False, False]
    assert stores.run(sessions.end_keycloak(issuer, "nobodys")) == []


def test_sc09_what_it_opened_is_known_when_the_hubs_session_is_too_old_already(stores: Stores) -> None:
    sessions = stores.hub.sessions
    stores.run(sessions.put(hub_session(), 1, stores.clock() + 600))
    stores.comes_true(lambda: sessions.of_identity(IDENTITY), [])
    assert stores.run(sessions.end_keycloak(IDENTITY.issuer, "keycloak-sid")) == [(IDENTITY, "public-sid")]


def test_rc11_a_keycloak_session_that_has_ended_opens_nothing(stores: Stores) -> None:
    sessions, end = stores.hub.sessions, stores.clock() + 600
    stores.run(sessions.end_keycloak(IDENTITY.issuer, "keycloak-sid"))
    assert not stores.run(sessions.put(hub_session(), 60, end))
    assert stores.run(sessions.get("hub-sid", 60)) is None
    assert stores.run(sessions.of_identity(IDENTITY)) == []
    assert stores.run(sessions.put(hub_session(keycloak_sid="another"), 60, end))


def test_rc11_however_put_and_end_meet_nothing_is_left(stores: Stores) -> None:
    sessions, end = stores.hub.sessions, stores.clock() + 600
    names = iter(range(AT_ONCE))

    async def one() -> None:
        number = next(names)
        if number == AT_ONCE // 2:
            await sessions.end_keycloak(IDENTITY.issuer, "keycloak-sid")
        else:
            await sessions.put(hub_session(f"sid-{number}", f"public-{number}"), 60, end)

    stores.together(one)
    assert [stores.run(sessions.get(f"sid-{number}", 60)) for number in range(AT_ONCE)] == [None] * AT_ONCE
    assert stores.run(sessions.of_identity(IDENTITY)) == []


def test_rc12_a_new_secret_takes_the_place_of_the_old_but_not_at_once(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (memory, redis_hub):
        monkeypatch.setattr(module, "PARALLEL_SECONDS", 1)
    sessions, end = stores.hub.sessions, stores.clock() + 600
    stores.run(sessions.put(hub_session("old"), 60, end))
    stores.run(sessions.put(hub_session("beside"), 60, end))
    assert stores.run(sessions.get("old", 60))  # both of one moment: either may be what the browser keeps
    stores.run(stores.hub.flows.put(flow(), 2))
    stores.comes_true(lambda: stores.hub.flows.get("flow"), None)
    stores.run(sessions.put(hub_session("new"), 60, end))
    assert stores.run(sessions.get("old", 60))
    stores.comes_true(lambda: sessions.get("old", 60), None)
    assert stores.run(sessions.get("beside", 60)) is None
    assert stores.run(sessions.get("new", 60))
    assert len(stores.run(sessions.of_identity(IDENTITY))) == 1
    assert stores.run(sessions.end_public(IDENTITY, "public-sid"))
    assert stores.run(sessions.get("new", 60)) is None


def test_fc22_a_sign_out_under_way_belongs_to_its_browser_and_is_taken_once(stores: Stores) -> None:
    sign_outs, waits = stores.hub.sign_outs, SignOut("record", "orders", "https://orders.example/bye")
    stores.run(sign_outs.put("browser", waits, 60))
    assert stores.run(sign_outs.take("attacker", "record")) is None
    assert stores.run(sign_outs.take("browser", "another")) is None
    found = stores.together(lambda: sign_outs.take("browser", "record"))
    assert sorted(found, key=str) == [None] * (AT_ONCE - 1) + [waits]


def test_bf03_the_hub_counts_as_the_gate_does(stores: Stores) -> None:
    assert sorted(stores.together(lambda: stores.hub.marks.count("mail", "ann", 60))) == list(range(1, AT_ONCE + 1))
    assert sorted(stores.together(lambda: stores.hub.marks.first_use("jti", "x", 60))) == [False] * 15 + [True]


def test_um01_a_mails_link_is_looked_at_any_number_of_times(stores: Stores) -> None:
    proofs = stores.hub.mail_proofs
    stores.run(proofs.put("token", mail_proof(user_agent="Firefox", ip="192.0.2.1"), 60))
    for _ in range(3):
        assert stores.run(proofs.get("token")) == mail_proof(user_agent="Firefox", ip="192.0.2.1")
    assert stores.run(proofs.get("another")) is None
    assert stores.run(proofs.confirmed("flow")) is None


def test_rc16_of_two_presses_the_newest_counts(stores: Stores) -> None:
    proofs = stores.hub.mail_proofs
    for confirmed in (Confirmed("ann@example.com", "hash"), Confirmed("ann@example.com")):
        stores.run(proofs.confirm("flow", confirmed, 60))
        assert stores.run(proofs.confirmed("flow")) == confirmed
    assert stores.run(proofs.confirmed("other flow")) is None


def test_a_mails_link_and_its_press_are_gone_when_their_time_is_up(stores: Stores) -> None:
    proofs = stores.hub.mail_proofs
    stores.run(proofs.put("token", mail_proof(), 1))
    stores.run(proofs.confirm("flow", Confirmed("ann@example.com"), 1))
    stores.comes_true(lambda: proofs.get("token"), None)
    stores.comes_true(lambda: proofs.confirmed("flow"), None)
