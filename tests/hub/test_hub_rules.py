"""The hub's decisions, each with its truth table."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.hub.world import ACME, ADA, EVE, product

from linkmw.errors import RequestRefused
from linkmw.hub import rules, steps
from linkmw.hub.ports import AccountAnswer, Flow, Grant, HubSession, Step
from linkmw.hub.rules import SupportLevel
from linkmw.model import Account, Client, Identity, Link, Proof
from linkmw.secret import Secret

NOW = 1_800_000_511  # nine low bits set: what is added to it is no other word for `or`
FLOW = Flow(
    flow_id="f",
    browser="b" * 64,
    organization_id="acme",
    client_id="orders",
    purpose="sign_in",
    expires=NOW + 1800,
    step="prove",
    identity=ADA,
    account=Account("7", "ada.l"),
    code="c" * 64,
)
SESSION = HubSession(Secret("s"), "p", "acme", ADA, "ada@acme.example", True, "", NOW, NOW, Secret("t"))


def link(link_id: int, identity: Identity = ADA) -> Link:
    return Link(link_id, "orders", str(link_id), f"u{link_id}", "", identity, "", NOW)


@pytest.mark.parametrize(
    ("links", "proof", "verdict"),
    [
        ([], "form", rules.LinkFirst()),
        ([], "native", rules.LinkFirst()),
        ([], "none", rules.NotOffered()),
        ([link(1)], "form", rules.Enter(link(1))),
        ([link(1)], "none", rules.Enter(link(1))),
        ([link(2), link(1)], "form", rules.Choose((link(2), link(1)))),
    ],
)
def test_mim14_what_a_sign_in_leads_to(links: list[Link], proof: Any, verdict: object) -> None:
    assert rules.after_sign_in(links, product("orders", proof=proof)) == verdict


@pytest.mark.parametrize(
    ("decision", "error"),
    [
        (rules.Enter(link(1)), ""),
        (rules.Choose((link(1), link(2))), "account_selection_required"),
        (rules.LinkFirst(), "interaction_required"),
    ],
)
def test_pr09_a_product_that_wants_no_page_is_told_why_there_would_be_one(decision: Any, error: str) -> None:
    assert rules.without_a_page(decision) == error


@pytest.mark.parametrize(
    ("begun_by", "request_", "purpose", "then"),
    [
        (None, None, "add", "/t/acme/"),  # nobody in particular was expected
        (ADA, None, "add", "/t/acme/"),
        (EVE, None, "manager", ""),
        (EVE, "asked", "sign_in", ""),
    ],
)
def test_fc19_somebody_else_begins_anew(begun_by: Any, request_: Any, purpose: str, then: str) -> None:
    flow = replace(FLOW, purpose="add", identity=begun_by, request=request_, then="/t/acme/")
    found = rules.of_newcomer(flow, ADA)
    assert (found.purpose, found.then) == (purpose, then)


@pytest.mark.parametrize(
    ("wanted", "auth_time", "too_old"),
    [(False, NOW - 9999, False), (True, NOW - 9999, True), (True, NOW - 900, False), (True, NOW - 961, True)],
)
def test_mim28_a_tenant_may_want_a_fresh_sign_in_for_linking(wanted: bool, auth_time: int, too_old: bool) -> None:
    assert rules.is_too_old_to_link(replace(ACME, fresh_sign_in=wanted), auth_time, 900, NOW) is too_old


@pytest.mark.parametrize(
    ("choice", "link_id"), [("1", 1), ("2", 2), ("3", None), ("", None), ("01", None), ("1 ", None), ("add", None)]
)
def test_lt13_only_an_own_link_is_chosen(choice: str, link_id: int | None) -> None:
    found = rules.chosen(choice, [link(1), link(2)])
    assert (found.link_id if found else None) == link_id


def test_mim17_the_last_used_is_the_one_that_was_used_last() -> None:
    never, long_ago, lately = link(1), replace(link(2), last_used=NOW - 9), replace(link(3), last_used=NOW)
    assert rules.last_used([never, lately, long_ago]) == lately
    assert rules.last_used([never, long_ago, lately]) == lately
    assert rules.last_used([never]) is None
    assert rules.last_used([]) is None


@pytest.mark.parametrize(
    ("link_id", "by", "order"),
    [
        (2, -1, (2, 1, 3)),
        (2, 1, (1, 3, 2)),
        (1, -1, (1, 2, 3)),  # at an end nothing changes
        (3, 1, (1, 2, 3)),
        (3, -1, (1, 3, 2)),
    ],
)
def test_mim19_an_arrow_moves_by_one_place(link_id: int, by: int, order: tuple[int, ...]) -> None:
    assert rules.moved((1, 2, 3), link_id, by) == order


def test_mim19_what_is_not_in_the_list_is_not_moved() -> None:
    with pytest.raises(RequestRefused) as refused:
        rules.moved((1, 2), 3, 1)
    assert refused.value.status == 404


@pytest.mark.parametrize(
    "text", ["", "1,", ",1", "a", "1, 2", "-1", "1;2", "9" * 19, "1\n", "\u0661", "1," * 1001 + "1"]
)
def test_mim19_an_order_is_numbers_with_commas(text: str) -> None:
    with pytest.raises(RequestRefused):
        rules.read_order(text)
    assert rules.read_order("3,1,2") == (3, 1, 2)


@pytest.mark.parametrize(
    ("tenant", "client", "is_open"),
    [
        (ACME, product("orders"), True),
        (None, product("orders"), False),
        (ACME, None, False),
        (replace(ACME, enabled=False), product("orders"), False),
        (ACME, replace(product("orders"), enabled=False), False),
        (ACME, product("orders", "other"), False),
        (ACME, product("orders", "aaa"), False),
    ],
)
def test_pr08_unknown_disabled_and_foreign_clients_are_one_no(
    tenant: Any, client: Client | None, is_open: bool
) -> None:
    assert rules.is_open(tenant, client) is is_open


@pytest.mark.parametrize(
    ("session", "same"),
    [
        (SESSION, True),
        (None, False),
        (replace(SESSION, identity=EVE), False),
        (replace(SESSION, organization_id="other"), False),
        (replace(SESSION, organization_id="aaa"), False),
        (replace(SESSION, by_proof="orders"), True),  # begun by a proof at this flow's product
        (replace(SESSION, by_proof="desk"), False),
        (replace(SESSION, by_proof="stock"), False),
    ],
)
def test_lt09_only_who_began_is_the_same_person(session: HubSession | None, same: bool) -> None:
    assert rules.is_same_person(FLOW, session) is same
    assert not rules.is_same_person(replace(FLOW, identity=None), session)


@pytest.mark.parametrize(
    ("session", "is_of", "opens"),
    [
        (SESSION, True, True),
        (None, False, False),
        (replace(SESSION, by_proof="orders"), True, False),
        (replace(SESSION, organization_id="other"), False, False),
        (replace(SESSION, organization_id="aaa"), False, False),
        (replace(SESSION, identity=Identity("https://a.example", ADA.subject)), False, False),
        (replace(SESSION, identity=Identity(f"{ACME.issuer}/x", ADA.subject)), False, False),
    ],
)
def test_pr08_pr21_whose_session_it_is_and_whether_it_opens_the_manager(
    session: HubSession | None, is_of: bool, opens: bool
) -> None:
    assert rules.is_of(session, ACME) is is_of
    assert rules.opens(session, ACME) is opens


@pytest.mark.parametrize(
    ("roles", "write", "read", "expected"),
    [
        ((), "w", "r", ""),
        (("w",), "w", "r", "write"),
        (("r",), "w", "r", "read"),
        (("w", "r"), "w", "r", "write"),
        (("",), "", "", ""),
        (("x-acme",), "x-{tenant}", "", "write"),
        (("x-globex",), "x-{tenant}", "", ""),
        (("x-{tenant}",), "x-{tenant}", "", ""),
    ],
)
def test_pr27_roles_truth_table(roles: tuple[str, ...], write: str, read: str, expected: SupportLevel) -> None:
    assert rules.support_of(roles, ACME, write, read) == expected


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (None, "staff_unknown"),
        (AccountAnswer(True), "staff_unknown"),
        (AccountAnswer(True, staff=True), "staff"),
        (AccountAnswer(True, staff=False), ""),
        (AccountAnswer(False), ""),
    ],
)
def test_pr27_staff_truth_table(facts: AccountAnswer | None, expected: str) -> None:
    assert rules.support_may_remove(facts) == expected


@pytest.mark.parametrize(
    ("flow", "client_id", "account_id", "verdict"),
    [
        (replace(FLOW, account=None), "orders", "7", "accept"),
        (FLOW, "orders", "7", "accept"),
        (FLOW, "orders", "8", "other_account"),
        (FLOW, "orders", "6", "other_account"),
        (FLOW, "stock", "7", "unknown_transaction"),
        (FLOW, "desk", "7", "unknown_transaction"),
        (None, "orders", "7", "unknown_transaction"),
        (replace(FLOW, step="identity"), "orders", "7", "unknown_transaction"),
        (replace(FLOW, step="linked"), "orders", "7", "unknown_transaction"),
        (replace(FLOW, step="refused"), "orders", "7", "unknown_transaction"),
        (replace(FLOW, expires=NOW + 1), "orders", "7", "accept"),
        (replace(FLOW, expires=NOW), "orders", "7", "unknown_transaction"),
        (replace(FLOW, expires=NOW - 1), "orders", "7", "unknown_transaction"),
    ],
)
def test_pr17_which_push_counts(flow: Flow | None, client_id: str, account_id: str, verdict: str) -> None:
    assert rules.may_push(flow, client_id, pushed(account_id), NOW) == verdict


def pushed(account_id: str, *, native: bool = False) -> Proof:
    return Proof(Secret("t" * 43), Account(account_id, "ada.l", ""), (), NOW, native=native)


@pytest.mark.parametrize(
    ("purpose", "native", "verdict"),
    [
        ("sign_in", True, "accept"),
        ("add", True, "accept"),
        ("first_sign_in", True, "invalid_proof"),
        ("first_sign_in", False, "accept"),
    ],
)
def test_pr05_ake10_a_first_sign_in_is_for_the_account_that_was_named_and_no_native_login_asks_for_one(
    purpose: Any, native: bool, verdict: str
) -> None:
    assert rules.may_push(replace(FLOW, purpose=purpose), "orders", pushed("7", native=native), NOW) == verdict


@pytest.mark.parametrize(
    ("said", "native"), [({}, False), ({"kind": "form"}, False), ({"kind": "native", "amr": []}, True)]
)
def test_pr05_a_push_says_how_it_was_proven_and_an_older_gate_means_its_page(said: Any, native: bool) -> None:
    body = {"transaction": "t" * 43, "jti": "j", "proven_at": NOW, "amr": ["pwd"]}
    account = {"account_id": "7", "username": "ada.l"}
    assert rules.read_push({**body, "account": account, **said}, NOW, 1800).native is native


@pytest.mark.parametrize("kind", ["", "Native", "magic", None, 1, ["native"], {"native": True}])
def test_pr05_no_push_is_believed_that_says_anything_else(kind: Any) -> None:
    body = {"transaction": "t" * 43, "jti": "j", "proven_at": NOW, "amr": ["pwd"], "kind": kind}
    with pytest.raises(RequestRefused) as refused:
        rules.read_push({**body, "account": {"account_id": "7", "username": "ada.l"}}, NOW, 1800)
    assert refused.value.code == "invalid_proof"


AGREEING = replace(FLOW, step="agree", native=True)


@pytest.mark.parametrize(
    ("flow", "session", "verdict"),
    [
        (AGREEING, SESSION, "commit"),
        (replace(AGREEING, step="prove"), SESSION, "used"),
        (replace(AGREEING, step="linked"), SESSION, "used"),
        (replace(AGREEING, step="refused"), SESSION, "used"),
        (replace(AGREEING, expires=NOW + 1), SESSION, "commit"),
        (replace(AGREEING, expires=NOW), SESSION, "expired"),
        (replace(AGREEING, expires=NOW - 1), SESSION, "expired"),
        (AGREEING, None, "identity_changed"),
        (AGREEING, replace(SESSION, identity=EVE), "identity_changed"),
    ],
)
def test_pr05_who_began_says_yes_within_the_flow_and_once(flow: Flow, session: HubSession | None, verdict: str) -> None:
    assert rules.may_agree(flow, session, NOW) == verdict


@pytest.mark.parametrize(
    ("flow", "browser", "code", "session", "verdict"),
    [
        (FLOW, "b" * 64, "c" * 64, SESSION, "commit"),
        (None, "b" * 64, "c" * 64, SESSION, "state_mismatch"),
        (FLOW, "e" * 64, "c" * 64, SESSION, "state_mismatch"),  # another browser than the one that began
        (FLOW, "b" * 64, "d" * 64, SESSION, "state_mismatch"),  # a code that a later push killed
        (replace(FLOW, account=None), "b" * 64, "c" * 64, SESSION, "state_mismatch"),
        (replace(FLOW, step="linked"), "b" * 64, "c" * 64, SESSION, "used"),
        (replace(FLOW, step="refused"), "b" * 64, "c" * 64, SESSION, "used"),
        (replace(FLOW, expires=NOW + 1), "b" * 64, "c" * 64, SESSION, "commit"),
        (replace(FLOW, expires=NOW), "b" * 64, "c" * 64, SESSION, "expired"),
        (replace(FLOW, expires=NOW - 1), "b" * 64, "c" * 64, SESSION, "expired"),
        (replace(FLOW, purpose="add"), "b" * 64, "c" * 64, SESSION, "commit"),
        (replace(FLOW, purpose="first_sign_in"), "b" * 64, "c" * 64, None, "confirm"),  # nobody is signed in yet
        (replace(FLOW, purpose="first_sign_in"), "e" * 64, "c" * 64, None, "state_mismatch"),
        (replace(FLOW, native=True), "b" * 64, "c" * 64, SESSION, "ask"),
        (replace(FLOW, native=True), "e" * 64, "c" * 64, SESSION, "state_mismatch"),
        (replace(FLOW, native=True), "b" * 64, "c" * 64, None, "identity_changed"),
        (FLOW, "b" * 64, "c" * 64, None, "identity_changed"),
        (FLOW, "b" * 64, "c" * 64, replace(SESSION, identity=EVE), "identity_changed"),
    ],
)
def test_i7_both_proofs_meet_in_one_browser_or_nothing_is_linked(
    flow: Flow | None, browser: str, code: str, session: HubSession | None, verdict: str
) -> None:
    assert rules.may_commit(flow, browser, code, session, NOW) == verdict


@pytest.mark.parametrize(
    ("auth_time", "max_age", "recent"),
    [(NOW - 9999, None, True), (NOW - 60, 60, True), (NOW - 121, 60, False), (NOW - 120, 60, True), (NOW, 0, True)],
)
def test_tv24_a_sign_in_is_as_recent_as_was_asked(auth_time: int, max_age: int | None, recent: bool) -> None:
    assert rules.is_recent(auth_time, max_age, NOW) is recent


GRANT = Grant("orders", "r", "c", "n", ("openid",), "7", "ada.l", ADA, "", NOW, (), "sid", link_id=1)


@pytest.mark.parametrize(
    ("found", "live"),
    [(link(1), True), (None, False), (link(2), False), (link(0), False), (link(1, EVE), False)],
)
def test_rc07_a_code_is_worth_what_its_link_is(found: Link | None, live: bool) -> None:
    assert rules.is_live(GRANT, found) is live


@pytest.mark.parametrize(
    ("name", "fits"),
    [
        ("ada.l", True),
        ("Zoë Ångström", True),
        ("نام\u200cکاربر", True),  # the joiner is a letter's part in Persian
        ("a" * 64, True),
        ("a" * 65, False),
        ("", False),
        ("  ", False),
        ("ada\n", False),
        ("ada\x00", False),
        ("ada\u202ecod.exe", False),
        ("\u2066ada\u2069", False),
        ("ada\u2028", False),
        ("\ud800", False),
    ],
)
def test_pr14_lt16_what_may_be_called_a_username(name: str, fits: bool) -> None:
    assert rules.is_username(name) is fits


@pytest.mark.parametrize(
    ("address", "kept"),
    [
        ("ada@acme.example", True),
        ("", False),
        ("none", False),
        ("a@b@c", False),
        ("a@b.example,c@d.example", False),
        ("a b@c.example", False),
        ("a@b.example\nBcc: c@d.example", False),
        ("Ada <ada@acme.example>", False),
        (f"{'a' * 250}@b.example", False),
    ],
)
def test_um09_only_one_plain_address_gets_mail(address: str, kept: bool) -> None:
    assert rules.mailable(address) == (address if kept else "")


PUSH: dict[str, Any] = {
    "transaction": "t1",
    "jti": "j1",
    "proven_at": NOW,
    "account": {"account_id": "7", "username": "ada.l", "email": "ada@shop.example", "email_verified": True},
    "amr": ["pwd", "otp"],
}


def test_a_push_is_read() -> None:
    proof = rules.read_push(PUSH, NOW, 1800)
    assert proof.account == Account("7", "ada.l", "ada@shop.example", email_verified=True)
    assert (str(proof.transaction), proof.amr, proof.falls_short) == ("t1", ("pwd", "otp"), None)
    assert rules.read_push(PUSH | {"falls_short": False}, NOW, 1800).falls_short is False


@pytest.mark.parametrize(
    "right",
    [
        {"transaction": "a" * 128},
        {"proven_at": NOW + 60},
        {"proven_at": NOW - 1860},
        {"account": {"account_id": "a" * 255, "username": "a"}},
        {"amr": ["pwd"] * 10},
        {"amr": []},
        {"falls_short": None},
    ],
)
def test_pr14_a_push_is_read_up_to_its_bounds(right: dict[str, Any]) -> None:
    assert rules.read_push(PUSH | right, NOW, 1800).proven_at == right.get("proven_at", NOW)


@pytest.mark.parametrize(
    "wrong",
    [
        {"transaction": ""},
        {"transaction": 7},
        {"transaction": "a" * 129},
        {"jti": None},
        {"proven_at": True},
        {"proven_at": "1800000000"},
        {"proven_at": NOW + 61},
        {"proven_at": NOW - 1861},
        {"account": None},
        {"account": {"account_id": "", "username": "a"}},
        {"account": {"account_id": 7, "username": "a"}},
        {"account": {"account_id": "7 ", "username": "a"}},
        {"account": {"account_id": "7", "username": "\u202ea"}},
        {"account": {"account_id": "a" * 256, "username": "a"}},
        {"account": {"account_id": "7", "username": "a", "email": 1}},
        {"amr": "pwd"},
        {"amr": ["p w d"]},
        {"amr": ["pwd"] * 11},
        {"falls_short": 0},
        {"falls_short": "false"},
    ],
)
def test_pr14_a_push_that_is_not_as_agreed_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(RequestRefused) as refused:
        rules.read_push(PUSH | wrong, NOW, 1800)
    assert refused.value.code == "invalid_proof"


@pytest.mark.parametrize(
    ("email", "said", "verified"),
    [
        ("a@b.example", True, True),
        ("a@b.example", False, False),
        ("a@b.example", "false", False),
        ("a@b.example", "true", False),
        ("a@b.example", 1, False),
        ("a@b.example", None, False),
        ("no address", True, False),
        ("", True, False),
    ],
)
def test_lt05_verified_means_true_of_an_address_and_nothing_that_looks_like_it(
    email: str, said: object, verified: bool
) -> None:
    account = {"account_id": "7", "username": "a", "email": email, "email_verified": said}
    assert rules.read_account(account).email_verified is verified


def test_the_table_of_steps_has_no_way_out_of_a_refusal_and_none_back() -> None:
    order: list[Step] = [
        "identity",
        "identify",
        "choose",
        "prove",
        "agree",
        "confirm",
        "inbox",
        "join",
        "linked",
        "done",
    ]
    for move in steps.STEPS:
        assert move.step != "refused"
        assert move.to == "refused" or order.index(move.to) >= order.index(move.step)


def test_a_step_that_is_not_in_the_table_is_refused() -> None:
    with pytest.raises(RequestRefused) as refused:
        steps.go(replace(FLOW, step="identity"), "linked")
    assert refused.value.code == "wrong_step"


def test_the_diagram_shows_every_step() -> None:
    assert all(f"{move.step} --> {move.to}: {move.event}" in steps.diagram() for move in steps.STEPS)
