"""The truth tables of a first sign-in: one row for each way it can go."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.hub.test_hub_rules import FLOW

from linkmw.hub import first_rules
from linkmw.hub.first_rules import AtKeycloak, AtProduct, Conflict, HasIdentity, NewOne, Opened, Resend, UserUnknown
from linkmw.hub.ports import AccountAnswer, Joinable, KnownIdentity
from linkmw.model import Account, Identity

EMAIL = "ann@acme.example"
OPENED: tuple[Opened, ...] = ("linked", "unlinked", "unknown", "away")


def known(email: str = EMAIL, *, username: str = "", verified: bool = True, enabled: bool = True) -> KnownIdentity:
    return KnownIdentity(Identity("https://kc.example", username or email), username or email, email, verified, enabled)


@pytest.mark.parametrize(
    ("opened", "has_identity", "others", "hide", "verdict"),
    [
        *(("linked", *rest, AtKeycloak()) for rest in product((True, False), ((), ("desk",)), (True, False))),
        *(("unlinked", *rest, AtProduct("wiki")) for rest in product((True, False), ((), ("desk",)), (True, False))),
        *(("away", *rest, AtProduct("wiki")) for rest in product((True, False), ((), ("desk",)), (True, False))),
        *(("unknown", True, *rest, AtKeycloak()) for rest in product(((), ("desk",)), (True, False))),
        *(("unknown", False, others, True, AtProduct("wiki")) for others in ((), ("desk",))),
        ("unknown", False, ("desk", "shop"), False, AtProduct("desk")),
        ("unknown", False, (), False, UserUnknown()),
    ],
)
def test_ake09_pr12_whom_to_ask(
    opened: Opened, has_identity: bool, others: tuple[str, ...], hide: bool, verdict: object
) -> None:
    asked = first_rules.whom_to_ask("wiki", opened, has_identity=has_identity, others=others, hide=hide)
    assert asked == verdict


def test_pr12_others_are_asked_for_an_address_the_opened_product_does_not_know_and_never_hidden() -> None:
    asked = [
        (opened, name, has, hide)
        for opened, name, has, hide in product(OPENED, (EMAIL, "ann"), (True, False), (True, False))
        if first_rules.may_ask_others(opened, name, has_identity=has, hide=hide)
    ]
    assert asked == [("unknown", EMAIL, False, False)]


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        ([], NewOne()),
        ([known()], HasIdentity(known())),
        ([known(username="ann")], HasIdentity(known(username="ann"))),
        ([known(verified=False)], Conflict()),
        ([known(enabled=False)], Conflict()),
        ([known("other@acme.example", username=EMAIL)], Conflict()),
        ([known("Ann@acme.example")], Conflict()),
        ([known(), known("other@acme.example", username=EMAIL)], Conflict()),
        ([known(), known(verified=False)], Conflict()),
        ([known(), known(username="two")], Conflict()),
    ],
)
def test_ake14_pr01_lt01_after_the_confirmation(found: list[KnownIdentity], verdict: object) -> None:
    assert first_rules.after_confirmation(EMAIL, found) == verdict


@pytest.mark.parametrize("word", ["true", 1, None, "True"])
def test_lt05_verified_is_true_and_nothing_like_it(word: object) -> None:
    assert not first_rules.owns(replace(known(), email_verified=word), EMAIL)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        (" ann ", "ann"),
        ("Zo\u00eb M\u00fcller", "Zo\u00eb M\u00fcller"),
        (EMAIL, EMAIL),
        ("a" * 254, "a" * 254),
        ("a" * 255, ""),
        ("", ""),
        ("an\0n", ""),
        ("an\nn", ""),
        ("an\u2028n", ""),
        ("an\u2029n", ""),
        ("an\ud800n", ""),
    ],
)
def test_ake09_what_is_a_name(typed: str, name: str) -> None:
    assert first_rules.read_name(typed) == name


@pytest.mark.parametrize(
    ("typed", "email"),
    [
        (EMAIL, EMAIL),
        (f"  {EMAIL}\t", EMAIL),
        ("Ann@ACME.example", EMAIL),
        ("ann+linkmw@acme.example", "ann+linkmw@acme.example"),
        ("ann@xn--bcher-kva.example", "ann@xn--bcher-kva.example"),
        ("ann@acme.example.", ""),
        ("ann@evil.example@acme.example", ""),
        ("ann\uff20acme.example", ""),
        ("ann@\u0131.example", ""),
        ("ann@b\u00fccher.example", ""),
        ("\u212aen@acme.example", ""),  # the Kelvin sign, which lower-cases to k
        ("ann@acme.example\nbcc: eve@evil.example", ""),
        ("", ""),
        ("a" * 250 + "@x.example", ""),
    ],
)
def test_lt15_what_is_an_address(typed: str, email: str) -> None:
    assert first_rules.read_email(typed) == email


@given(st.text())
def test_lt15_what_is_read_reads_as_itself(typed: str) -> None:
    email = first_rules.read_email(typed)
    assert first_rules.read_email(email) == email
    assert email.count("@") <= 1


def test_lt15_for_limits_alone_more_spellings_are_one() -> None:
    spellings = ("ann@acme.example", "Ann@Acme.Example", "ann+1@acme.example", "ann+2@acme.example.")
    assert {first_rules.limit_key(spelling) for spelling in spellings} == {"ann@acme.example"}
    assert first_rules.limit_key("a.nn@acme.example") != "ann@acme.example"


@pytest.mark.parametrize(
    ("mails", "since", "resend"),
    [
        (0, 0, Resend(4, 0)),
        (1, 0, Resend(3, 60)),
        (1, 59, Resend(3, 1)),
        (1, 60, Resend(3, 0)),
        (3, 60, Resend(1, 0)),
        (4, 0, Resend(0, 60)),
        (4, 600, Resend(0, 0)),
        (9, 600, Resend(0, 0)),
    ],
)
def test_um10_three_resends_a_minute_apart(mails: int, since: int, resend: Resend) -> None:
    flow = replace(FLOW, mails=mails, mailed=1000, email=EMAIL)
    assert first_rules.may_resend(flow, 1000 + since) == resend
    assert first_rules.may_mail(flow, EMAIL, 1000 + since) is (resend.left > 0 and resend.wait_seconds == 0)
    for other in ("aaa@acme.example", "other@acme.example"):  # which sort on either side of it
        assert first_rules.may_mail(flow, other, 1000 + since) is (resend.left > 0)


def test_pr06_lt03_only_what_was_checked_of_what_may_be_joined() -> None:
    joins = (
        Joinable("wiki", "7", "ann", proven=True),
        Joinable("desk", "8", "ann"),
        Joinable("shop", "9", "staff", allowed=False),
        Joinable("news", "3", "ann"),
    )
    assert first_rules.to_join(joins, ["0", "1", "2", "9", "x"]) == [joins[1]]
    assert first_rules.to_join(joins, []) == []


@given(st.text(min_size=1))
def test_lt07_codes_hold_no_sign_that_looks_like_another(token: str) -> None:
    code = first_rules.short_code("".join(char for char in token if ord(char) < 0xD800))
    assert len(code) == 8
    assert not set(code) & set("01IO")
    assert first_rules.read_code(f" {code[:4].lower()}-{code[4:]}\n") == code


def test_lt07_a_code_is_40_bits_of_its_token() -> None:
    codes = [first_rules.short_code(f"token {number}") for number in range(1000)]
    assert len(set(codes)) == 1000
    assert [len({code[sign] for code in codes}) for sign in range(8)] == [32] * 8


@pytest.mark.parametrize(
    ("proven", "now", "unchanged"),
    [
        ("ann@acme.example", AccountAnswer(True, email="ann@acme.example"), True),
        ("ann@acme.example", AccountAnswer(True, email=""), True),  # it names none
        ("ann@acme.example", AccountAnswer(True, email="eve@mail.example"), False),
        ("ann@acme.example", AccountAnswer(True, email="Ann@acme.example"), False),
        ("ann@acme.example", AccountAnswer(True, active=False, email="ann@acme.example"), False),
        ("ann@acme.example", AccountAnswer(False), False),
        ("", AccountAnswer(True, email="not an address"), True),  # as little as it was then
        ("", AccountAnswer(True, email="eve@mail.example"), False),
    ],
)
def test_lt04_an_account_whose_address_changed_since_is_not_the_one_that_was_proven(
    proven: str, now: AccountAnswer, unchanged: bool
) -> None:
    assert first_rules.is_unchanged(Account("7", "ann", proven), now) is unchanged


def test_ake14_a_proven_account_waits_for_30_days_as_the_pages_say() -> None:
    assert first_rules.HELD_DAYS == 30
