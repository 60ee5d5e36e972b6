"""A tenant moves over: the first sign-in of people who have accounts and no identity yet."""

from __future__ import annotations

import asyncio
import re
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from tests.hub.first import (
    EMAIL,
    arrive,
    flow_of,
    form_of_inbox,
    goes_on,
    has_account,
    links_in,
    may_join,
    moved,
    presses,
    proves,
    says,
    set_tenant,
    through,
    to_confirm,
    to_inbox,
)
from tests.hub.world import ACME, ADA, EVE, HUB, REALM, Person, World, form_of, product, query_of

from linkmw.hub import first_limits
from linkmw.hub.browser import SESSION
from linkmw.hub.ports import KnownIdentity
from linkmw.model import Identity, Tenant


@pytest.fixture(autouse=True)
def _moved(world: World) -> None:
    """Tenant acme has moved over with wiki and desk; orders and stock stay beside."""
    world.register(moved("wiki"))
    world.register(moved("desk"))


def audited(world: World) -> list[str]:
    return [event for event, _ in world.audit()]


# ---- who is asked


def test_ake08_a_product_that_moved_over_leads_to_our_page(world: World) -> None:
    page = arrive(world, world.person())
    assert page.status_code == 200
    assert "Sign in" in page.text
    assert 'name="email"' in page.text


def test_mim26_a_page_leads_to_the_tenants_own_help_and_privacy_notice(world: World) -> None:
    set_tenant(world, help_url="https://help.acme.example/sign-in", privacy_url="https://acme.example/privacy")
    page = arrive(world, world.person()).text
    assert 'href="https://help.acme.example/sign-in"' in page
    assert 'href="https://acme.example/privacy"' in page


def test_ake03_other_products_notice_nothing(world: World) -> None:
    asked = world.person().get(world.authorize_url("orders", login_hint="ann@acme.example"))
    assert asked.headers["location"].startswith(f"{REALM}/")
    assert "login_hint" not in asked.headers["location"]


@pytest.mark.parametrize("more", [{"prompt": "login"}, {"login_hint": EMAIL}, {"prompt": "none"}])
def test_ake09_who_is_to_be_asked_at_keycloak_goes_there(world: World, more: dict[str, str]) -> None:
    to = query_of(world.person().get(world.authorize_url("wiki", **more)).headers["location"])
    assert {name: to[name] for name in more} == more


def test_ake09_who_is_signed_in_at_the_hub_goes_to_keycloak_silently(world: World) -> None:
    person = world.person()
    world.in_manager(person)
    assert person.get(world.authorize_url("wiki")).headers["location"].startswith(f"{REALM}/")


def test_ake09_a_username_of_the_opened_product_leads_to_its_proof(world: World) -> None:
    has_account(world, "wiki", "7", "ann")
    person = world.person()
    answer = says(person, arrive(world, person), " ann ")
    assert answer.headers["location"].startswith("https://wiki.example/.linkmw/prove?handle=")
    handle = query_of(answer.headers["location"])["handle"]
    content = world.back_channel("/proof-requests", {"handle": handle}, "wiki").json()
    assert (content["purpose"], content["hint"], content["identity_email"]) == ("first_sign_in", "ann", "")
    assert world.accounts.asked == [("wiki", "find")]


def test_pr08_the_handle_says_nothing_in_the_browser_and_is_its_clients_alone(world: World) -> None:
    has_account(world, "wiki", "7", "ann")
    person = world.person()
    answer = says(person, arrive(world, person), "ann")
    assert set(query_of(answer.headers["location"])) == {"handle"}
    handle = query_of(answer.headers["location"])["handle"]
    assert world.back_channel("/proof-requests", {"handle": handle}, "desk").status_code == 404
    transaction = world.ask_proof(answer, "wiki")
    assert world.push(transaction, client_id="desk").status_code == 404


def test_ake09_a_linked_account_leads_to_keycloak_with_the_address_filled_in(world: World) -> None:
    world.add_link("7", ADA, "wiki")
    has_account(world, "wiki", "7", "ann")
    person = world.person()
    to = says(person, arrive(world, person), EMAIL).headers["location"]
    assert to.startswith(f"{REALM}/")
    assert query_of(to)["login_hint"] == EMAIL
    back = person.get(world.keycloak.signs_in(to, ADA, world.clock()))
    assert world.enters(back, "wiki") == "7"


def test_bf08_a_username_does_not_tell_whose_address_it_belongs_to(world: World) -> None:
    world.add_link("7", ADA, "wiki")
    has_account(world, "wiki", "7", "ann")
    person = world.person()
    to = says(person, arrive(world, person), "ann").headers["location"]
    assert to.startswith(f"{REALM}/")
    assert "login_hint" not in query_of(to)


def test_ake09_a_product_that_is_away_shows_its_own_proof_page(world: World) -> None:
    world.accounts.unreachable.add("wiki")
    person = world.person()
    answer = says(person, arrive(world, person), "ann")
    assert answer.headers["location"].startswith("https://wiki.example/.linkmw/prove?handle=")


def test_ake09_an_identity_with_that_verified_address_signs_in_at_keycloak(world: World) -> None:
    world.realm.add(EMAIL)
    person = world.person()
    assert query_of(says(person, arrive(world, person), EMAIL).headers["location"])["login_hint"] == EMAIL


def test_pr01_an_unverified_identity_is_nobodys_address(world: World) -> None:
    world.realm.add(EMAIL, verified=False)
    person = world.person()
    assert "User not found" in says(person, arrive(world, person), EMAIL).text


def test_pr12_other_products_are_asked_for_an_exact_address_only_if_the_opened_one_says_no(world: World) -> None:
    has_account(world, "desk", "9", EMAIL, email="other@acme.example")  # a username that looks like the address
    person = world.person()
    assert "User not found" in says(person, arrive(world, person), EMAIL).text
    assert "User not found" in says(person, arrive(world, person), "ann").text
    assert world.accounts.asked.count(("desk", "find")) == 1  # a mere name is asked of nobody else
    has_account(world, "desk", "8", "anna", email=f"2{EMAIL}")
    answer = says(person, arrive(world, person), f"2{EMAIL}")
    assert answer.headers["location"].startswith("https://desk.example/.linkmw/prove?handle=")


def test_pr12_the_opened_product_wins_over_all_others(world: World) -> None:
    for client_id in ("wiki", "desk"):
        has_account(world, client_id, "7", "ann")
    person = world.person()
    assert says(person, arrive(world, person), EMAIL).headers["location"].startswith("https://wiki.example/")
    assert ("desk", "find") not in world.accounts.asked


def test_pr12_products_that_stay_beside_are_never_asked(world: World) -> None:
    has_account(world, "orders", "7", "ann")
    person = world.person()
    assert "User not found" in says(person, arrive(world, person), EMAIL).text


def test_ake07_a_name_that_nobody_has_says_so_with_the_contact(world: World) -> None:
    person = world.person()
    answer = says(person, arrive(world, person), "nobody@acme.example")
    assert "User not found" in answer.text
    assert "nobody@acme.example" in answer.text
    assert "help@acme.example" in answer.text


def test_ake29_a_page_that_says_no_and_asks_again_has_a_reference_that_is_in_the_log(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    person = world.person()
    names = arrive(world, person)
    unknown = says(person, names, "nobody@acme.example")
    for number in range(first_limits.LOOK_UPS):
        too_many = says(person, names, f"n{number}")
    world.clock.move(first_limits.LOOK_UP_SECONDS)
    addresses = to_confirm(world, person)
    for number in range(5):
        mailed = person.submit(addresses, "/confirm", email=f"a{number}@acme.example")
    for answer, code, route in (
        (unknown, "user_unknown", "/sign-in"),
        (too_many, "too_many", "/sign-in"),
        (mailed, "too_many", "/confirm"),
    ):
        reference = re.search(r'class="reference">([^<]+)<', answer.text)
        assert reference
        (line,) = [record for record in caplog.records if reference[1] in record.getMessage()]
        assert f"{code} at {route} of wiki" in line.getMessage()
        assert "@" not in line.getMessage()


def test_ake28_bf08_hidden_known_and_unknown_are_answered_alike(world: World) -> None:
    set_tenant(world, unknown_user="hide")
    has_account(world, "wiki", "7", "ann", email="7@acme.example")
    has_account(world, "desk", "9", "bob", email="9@acme.example")
    for name in ("ann", "7@acme.example", "nobody", "nobody@acme.example", "9@acme.example"):
        world.accounts.asked.clear()
        person = world.person()
        answer = says(person, arrive(world, person), name)
        assert answer.headers["location"].startswith("https://wiki.example/.linkmw/prove?handle=")
        assert world.accounts.asked == [("wiki", "find")], name


@pytest.mark.parametrize("name", ["", "   ", "x" * 300, "a\x00b"])
def test_ake08_nothing_usable_typed_asks_again(world: World, name: str) -> None:
    person = world.person()
    assert says(person, arrive(world, person), name).status_code == 422
    assert world.accounts.asked == []


def test_rc13_names_are_asked_for_under_a_limit(world: World) -> None:
    person = world.person()
    page = arrive(world, person)
    answers = [says(person, page, f"n{number}").status_code for number in range(first_limits.LOOK_UPS + 1)]
    assert answers == [200] * first_limits.LOOK_UPS + [429]
    assert len(world.accounts.asked) == first_limits.LOOK_UPS
    world.clock.move(first_limits.LOOK_UP_SECONDS)
    assert says(person, page, "ann").status_code == 200


def test_back_from_the_proof_another_name_may_be_typed(world: World) -> None:
    has_account(world, "wiki", "7", "ann")
    has_account(world, "desk", "8", "bob", email="bob@acme.example")
    person = world.person()
    page = arrive(world, person)
    assert says(person, page, "bob@acme.example").headers["location"].startswith("https://desk.example/")
    again = person.get(f"/sign-in?flow={form_of(page.text, '/sign-in')['flow']}")
    assert "Wiki" in again.text
    assert says(person, again, "ann").headers["location"].startswith("https://wiki.example/")


def test_not_you_at_the_proof_asks_for_another_name(world: World) -> None:
    has_account(world, "wiki", "7", "ann")
    person = world.person()
    transaction = world.ask_proof(says(person, arrive(world, person), "ann"), "wiki")
    back = person.get(person.get(f"/switch-identity?handle={transaction}").headers["location"])
    assert 'value="ann"' in back.text


def test_pr22_a_proof_that_comes_too_late_says_so_and_leads_back(world: World) -> None:
    has_account(world, "wiki", "7", "ann")
    person = world.person()
    transaction = world.ask_proof(says(person, arrive(world, person), "ann"), "wiki")
    world.clock.move(1790)
    code = world.push(transaction, client_id="wiki").json()["code"]
    world.clock.move(15)
    late = person.get(f"/proved?code={code}")
    assert late.status_code == 400
    assert "https://wiki.example/.linkmw/login" in late.text


def test_lt17_a_product_that_is_switched_off_meanwhile_goes_no_further(world: World) -> None:
    person = world.person()
    inbox = to_inbox(world, person)
    presses(person, links_in(world)[0])
    with world.sql.database.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE clients SET enabled = FALSE WHERE client_id = 'wiki'")
    world.forget_registry()
    assert goes_on(person, inbox).status_code in (400, 404)
    assert world.realm.created == []


# ---- the address


def test_ake11_after_the_proof_the_address_is_asked_for_with_the_accounts_own_filled_in(world: World) -> None:
    page = to_confirm(world, world.person())
    assert "Confirm your email address" in page.text
    assert f'value="{EMAIL}"' in page.text
    assert world.realm.created == []


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "ann",
        "ann@acme.example@evil.example",
        "ann@acme.example,eve@evil.example",
        "ann\uff20acme.example",
        "ann@acm\u0131.example",
        "ann@acme.example.",
        "ann@acme.example\r\nBcc: eve@evil.example",
        "Ann <ann@acme.example>",
    ],
)
def test_lt15_um09_what_is_no_single_plain_address_gets_no_mail(world: World, typed: str) -> None:
    person = world.person()
    page = to_confirm(world, person)
    answer = person.submit(page, "/confirm", email=typed)
    assert answer.status_code == 422
    assert world.mails() == []


def test_lt15_the_mail_goes_to_the_very_address_that_is_compared(world: World) -> None:
    person = world.person()
    page = to_confirm(world, person)
    person.submit(page, "/confirm", email=" Ann@ACME.example ")
    assert [mail.recipient for mail in world.mails()] == [EMAIL]


def test_ake12_the_inbox_page_and_its_mail(world: World) -> None:
    page = to_inbox(world, world.person())
    assert "Check your inbox" in page.text
    assert EMAIL in page.text
    (mail,) = world.mails()
    assert (mail.kind, mail.recipient) == ("verify_address", EMAIL)
    assert f"{HUB}/confirm-email/" in mail.text


def test_um10_three_resends_sixty_seconds_apart(world: World) -> None:
    person = world.person()
    page = to_inbox(world, person)
    assert len(links_in(world)) == 1
    for seconds, sent in ((0, 0), (59, 0), (1, 1), (60, 1), (60, 1), (60, 0), (600, 0)):
        world.clock.move(seconds)
        form = form_of_inbox(page)
        assert person.post("/resend", form).status_code == 303
        assert len(links_in(world)) == sent, (seconds, sent)
    last = person.get(f"/inbox?flow={form_of_inbox(page)['flow']}")
    assert 'action="/resend"' not in last.text


def test_um10_another_address_counts_as_a_resend(world: World) -> None:
    person = world.person()
    page = to_confirm(world, person)
    for number in range(4):
        assert person.submit(page, "/confirm", email=f"a{number}@acme.example").status_code == 303
    assert person.submit(page, "/confirm", email="a9@acme.example").status_code == 429
    assert len(world.mails()) == 4


def test_um11_an_address_gets_five_mails_an_hour_whoever_asks_and_nobody_is_told(world: World) -> None:
    for number in range(7):
        page = to_inbox(
            world, world.person(), email=f"{EMAIL[:3]}+{number}{EMAIL[3:]}", account_id=str(number), name=f"n{number}"
        )
        assert "Check your inbox" in page.text
    assert len(world.mails()) == first_limits.MAILS_AN_HOUR


def test_um11_one_account_mails_ten_an_hour(world: World) -> None:
    for number in range(12):
        to_inbox(world, world.person(), email=f"victim{number}@acme.example")
    assert len(world.mails()) == first_limits.MAILS_OF_ACCOUNT


# ---- the mail's link


def test_um12_the_token_leaves_the_address_and_looking_changes_nothing(world: World) -> None:
    person, scanner = world.person(), world.person()
    inbox = to_inbox(world, person)
    (path,) = links_in(world)
    for _ in range(5):
        answer = scanner.get(path)
        assert answer.headers["location"] == f"{HUB}/confirm-email"
        page = scanner.get("/confirm-email")
    for told in ("Wiki", "ann", "Firefox", "Is this your sign-in?"):
        assert told in page.text
    assert path.rpartition("/")[2] not in page.text
    flow = form_of_inbox(inbox)["flow"]
    assert person.get(f"/inbox/state?flow={flow}").json() == {"confirmed": False}
    assert "Not confirmed yet" in goes_on(person, inbox).text


def test_ake13_in_the_same_browser_continue_goes_on(world: World) -> None:
    person = world.person()
    inbox = to_inbox(world, person)
    pressed = presses(person, links_in(world)[0])
    assert "Email confirmed" in pressed.text
    assert "/inbox?flow=" in pressed.text
    assert person.get(f"/inbox/state?flow={form_of_inbox(inbox)['flow']}").json() == {"confirmed": True}
    assert world.enters(goes_on(person, inbox), "wiki") == "7"


def code_in(pressed: object) -> str:
    found = re.search(r'class="shown code">(\w+)&nbsp;(\w+)<', str(getattr(pressed, "text", "")))
    assert found
    return found[1] + found[2]


def test_lt07_another_browser_shows_a_code_that_the_waiting_tab_asks_for(world: World) -> None:
    person, phone = world.person(), world.person()
    inbox = to_inbox(world, person)
    pressed = presses(phone, links_in(world)[0])
    assert "/inbox?flow=" not in pressed.text
    code = code_in(pressed)
    assert re.fullmatch("[A-HJ-NP-Z2-9]{8}", code)
    asks = goes_on(person, inbox)
    assert 'name="code"' in asks.text
    assert world.realm.created == []
    assert world.enters(goes_on(person, inbox, code=f"{code[:4].lower()} {code[4:]}"), "wiki") == "7"


def test_lt07_a_stranger_who_waits_gets_nowhere_without_the_code_and_has_three_tries(world: World) -> None:
    attacker, victim = world.person(), world.person()
    inbox = to_inbox(world, attacker)
    code = code_in(presses(victim, links_in(world)[0]))
    for _ in range(2):
        assert goes_on(attacker, inbox, code="AAAAAAAA").status_code == 422
    assert goes_on(attacker, inbox, code="AAAAAAAA").status_code == 400
    assert goes_on(attacker, inbox, code=code).status_code == 400
    assert (world.realm.created, world.links(Identity(REALM, "user-0"))) == ([], [])


def test_lt06_a_press_for_an_earlier_address_confirms_no_other(world: World) -> None:
    person = world.person()
    page = to_confirm(world, person)
    person.submit(page, "/confirm", email="mine@evil.example")
    (first,) = links_in(world)
    inbox = person.get(person.submit(page, "/confirm", email="boss@acme.example").headers["location"])
    presses(person, first)
    assert "Not confirmed yet" in goes_on(person, inbox).text
    assert world.realm.created == []


def test_lt06_a_flow_is_another_browsers_nowhere(world: World) -> None:
    person, other = world.person(), world.person()
    inbox = to_inbox(world, person)
    arrive(world, other)
    flow = form_of_inbox(inbox)["flow"]
    for path in ("/sign-in", "/confirm", "/inbox", "/inbox/state", "/accounts", "/known"):
        assert other.get(f"{path}?flow={flow}").status_code == 400, path
    for path in ("/sign-in", "/confirm", "/inbox", "/resend", "/accounts", "/known"):
        assert other.post(path, form_of_inbox(inbox)).status_code == 400, path


def test_rc16_ake26_a_link_is_good_for_ten_minutes_and_after_a_resend_each_is(world: World) -> None:
    person = world.person()
    inbox = to_inbox(world, person)
    (first,) = links_in(world)
    world.clock.move(540)
    person.post("/resend", form_of_inbox(inbox))
    (second,) = links_in(world)
    world.clock.move(59)
    assert world.person().get(first).status_code == 303
    world.clock.move(1)
    late = world.person().get(first)
    assert late.status_code == 400
    assert "This link has expired" in late.text
    assert "It worked for 10 minutes." in late.text
    assert "https://wiki.example/.linkmw/login" in late.text
    assert "Wiki password" not in late.text  # its own login has moved over (P-3)
    presses(person, second)
    assert world.enters(goes_on(person, inbox), "wiki") == "7"


def test_ake26_who_reads_the_mail_the_next_day_is_led_back_and_later_it_is_unknown(world: World) -> None:
    to_inbox(world, world.person())
    (link,) = links_in(world)
    world.clock.move(86_399)
    assert "https://wiki.example/.linkmw/login" in world.person().get(link).text
    world.clock.move(1)
    assert world.person().get(link).status_code == 400
    assert "wiki.example" not in world.person().get(link).text


def test_p05_while_a_part_is_away_the_products_own_login_is_offered_in_replace_too(world: World) -> None:
    person = world.person()
    inbox = to_inbox(world, person)
    presses(person, links_in(world)[0])
    world.realm.away = True
    away = goes_on(person, inbox)
    assert away.status_code == 503
    assert "Sign in with your Wiki password" in away.text


def test_rc16_pressed_twice_and_after_going_on_nothing_more_happens(world: World) -> None:
    person = world.person()
    inbox = to_inbox(world, person)
    (path,) = links_in(world)
    presses(person, path)
    presses(person, path)
    goes_on(person, inbox)
    assert "Email confirmed" in presses(world.person(), path).text
    assert len(world.realm.created) == 1


# ---- whose address it is


def test_ake05_a_new_identity_with_the_products_password_and_straight_on(world: World) -> None:
    person = world.person()
    inbox = to_inbox(world, person)
    world.accounts.hashes[form_of_inbox(inbox)["flow"]] = "$argon2id$v=19$m=7168,t=5,p=1$c2FsdHNhbHQ$aGFzaA"
    presses(person, links_in(world)[0])
    answer = goes_on(person, inbox)
    assert answer.headers["location"].startswith("https://wiki.example/.linkmw/callback?code=")
    assert world.enters(answer, "wiki") == "7"
    (new,) = world.realm.created
    assert (new.email, new.password_hash[:9]) == (EMAIL, "$argon2id")
    assert world.links(Identity(REALM, "user-0")) == ["wiki/7"]
    assert "argon2id" not in world.stored()


def test_ake15_lt18_pr10_a_tenant_that_sets_new_passwords_never_asks_for_the_hash(world: World) -> None:
    set_tenant(world, credential_at_first="set")
    through(world, world.person())
    assert world.realm.created[0].password_hash == ""
    assert ("wiki", "password_hash") not in world.accounts.asked


@pytest.mark.parametrize(
    ("policy", "said", "short"),
    [
        ("length(12)", {"falls_short": True}, True),
        ("length(12)", {"falls_short": False}, False),
        ("length(12)", {}, True),  # a gate that is older than the question
        ("length(12) and passwordBlacklist(worst.txt)", {"falls_short": False}, True),
        ("", {"falls_short": True}, False),
    ],
)
def test_ake15_what_falls_short_of_the_realms_policy_is_to_be_replaced(
    world: World, policy: str, said: dict[str, bool], short: bool
) -> None:
    set_tenant(world, password_policy=policy)
    person = world.person()
    has_account(world, "wiki", "7", "ann")
    answer = says(person, arrive(world, person), "ann")
    told = world.ask_for_proof(answer, "wiki")
    assert told.get("password_rules") == ({"length": 12} if policy == "length(12)" else None)
    pushed = world.push(told["transaction"], "7", "wiki", said=said, email=EMAIL).json()
    confirm = person.get(person.get(f"/proved?code={pushed['code']}").headers["location"])
    inbox = person.get(person.submit(confirm, "/confirm", email=EMAIL).headers["location"])
    world.accounts.hashes[told["transaction"]] = "$argon2id$v=19$m=7168,t=5,p=1$c2FsdHNhbHQ$aGFzaA"
    presses(person, links_in(world)[0])
    goes_on(person, inbox)
    assert [new.falls_short for new in world.realm.created] == [short]


def test_ake15_no_other_proof_asks_about_the_password(world: World) -> None:
    set_tenant(world, password_policy="length(12)")
    told = world.ask_for_proof(world.sign_in(world.person()))
    assert "password_rules" not in told
    set_tenant(world, credential_at_first="set")
    has_account(world, "wiki", "7", "ann")
    person = world.person()
    assert "password_rules" not in world.ask_for_proof(says(person, arrive(world, person), "ann"), "wiki")


def test_lt18_an_existing_identitys_password_is_never_touched(world: World) -> None:
    person = world.person()
    inbox = to_inbox(world, person)
    presses(person, links_in(world)[0])
    world.realm.add(EMAIL)
    goes_on(person, inbox)
    assert ("wiki", "password_hash") not in world.accounts.asked
    assert world.realm.created == []


def test_pr10_a_product_that_is_away_at_the_end_costs_the_password_only(world: World) -> None:
    person = world.person()
    inbox = to_inbox(world, person)
    presses(person, links_in(world)[0])
    world.accounts.unreachable.add("wiki")
    assert goes_on(person, inbox).headers["location"].startswith("https://wiki.example/.linkmw/callback?code=")
    assert world.realm.created[0].password_hash == ""


def test_ake14_a_verified_identity_gets_the_account_when_it_signs_in(world: World) -> None:
    person = world.person()
    inbox = to_inbox(world, person)
    presses(person, links_in(world)[0])
    ann = world.realm.add(EMAIL)
    answer = goes_on(person, inbox)
    page = person.get(answer.headers["location"])
    assert "You already have an ACME ID" in page.text
    assert world.links(ann) == []
    to = person.submit(page, "/known").headers["location"]
    assert query_of(to)["login_hint"] == EMAIL
    back = person.get(world.keycloak.signs_in(to, ann, world.clock(), email=EMAIL))
    assert world.enters(back, "wiki") == "7"
    assert world.links(ann) == ["wiki/7"]
    assert [mail.kind for mail in world.mails() if mail.kind != "verify_address"] == ["linked"]
    assert {"account_held", "linked"} <= set(audited(world))


def test_pr01_what_waits_goes_to_that_very_verified_address_alone(world: World) -> None:
    person = world.person()
    inbox = to_inbox(world, person)
    presses(person, links_in(world)[0])
    ann = world.realm.add(EMAIL)
    goes_on(person, inbox)
    for identity, email, verified in (
        (EVE, "eve@acme.example", True),
        (EVE, EMAIL, False),
        (EVE, "ANN@acme.example", True),
    ):
        world.in_manager(world.person(), identity, email=email, email_verified=verified)
    assert world.links(EVE) == []
    world.in_manager(world.person(), ann, email=EMAIL)  # the next time, by whichever way
    assert world.links(ann) == ["wiki/7"]


def test_ake14_what_was_linked_to_somebody_else_meanwhile_waits_no_more(world: World) -> None:
    person = world.person()
    inbox = to_inbox(world, person)
    presses(person, links_in(world)[0])
    ann = world.realm.add(EMAIL)
    goes_on(person, inbox)
    world.add_link("7", EVE, "wiki")
    for _ in range(2):
        world.in_manager(world.person(), ann, email=EMAIL)
    assert (world.links(ann), world.links(EVE)) == ([], ["wiki/7"])
    assert waiting(world) == []


def waiting(world: World) -> list[str]:
    return [one.account.account_id for one in asyncio.run(world.sql.held.of_email("acme", EMAIL))]


def puts_down(world: World) -> Identity:
    """Somebody has proven account 7 of wiki and the address, which is this identity's."""
    person = world.person()
    inbox = to_inbox(world, person)
    presses(person, links_in(world)[0])
    ann = world.realm.add(EMAIL)
    goes_on(person, inbox)
    assert waiting(world) == ["7"]
    return ann


def test_lt04_lt19_what_changed_since_it_was_proven_is_not_linked_and_waits_no_more(world: World) -> None:
    for number, account in enumerate(({"email": "eve@mail.example"}, {"gone": {"7"}}), 1):
        ann = puts_down(world)
        for name, value in account.items():
            setattr(world.accounts, name, value)
        world.in_manager(world.person(), ann, email=EMAIL)
        assert (world.links(ann), waiting(world)) == ([], [])
        assert world.audit().count(("link_refused", "account_changed")) == number
        world.accounts.email, world.realm.users = "", []


def test_ake14_what_waits_at_a_product_that_is_away_waits_on(world: World) -> None:
    ann = puts_down(world)
    world.accounts.away = True
    world.in_manager(world.person(), ann, email=EMAIL)
    assert (world.links(ann), waiting(world)) == ([], ["7"])
    world.accounts.away = False
    world.in_manager(world.person(), ann, email=EMAIL)
    assert (world.links(ann), waiting(world)) == (["wiki/7"], [])


def test_lt04_a_pending_change_of_address_does_not_outlive_what_waited(world: World) -> None:
    ann = puts_down(world)
    world.realm.pending.add(ann)
    world.in_manager(world.person(), ann, email=EMAIL)
    assert (world.links(ann), world.realm.pending) == (["wiki/7"], set())
    assert "email_change_cancelled" in audited(world)


def test_lt04_an_account_whose_address_became_another_meanwhile_begins_anew(world: World) -> None:
    person = world.person()
    inbox = to_inbox(world, person)
    presses(person, links_in(world)[0])
    world.accounts.email = "eve@mail.example"  # asked for before, come true now
    answer = goes_on(person, inbox)
    assert answer.status_code == 400
    assert "Start again" in answer.text
    assert (world.realm.created, waiting(world)) == ([], [])
    assert ("link_refused", "account_changed") in world.audit()
    world.accounts.email = EMAIL
    assert goes_on(person, inbox).status_code == 400  # that flow is over
    assert world.realm.created == []


def test_lt02_what_was_open_before_accounts_became_one_ends_at_each_product(world: World) -> None:
    may_join(world, "desk", "9", "ann.d")
    person = world.person()
    page = person.get(through(world, person).headers["location"])
    person.submit(page, "/accounts", account="1")
    assert world.links(Identity(REALM, "user-0")) == ["desk/9", "wiki/7"]
    items = asyncio.run(world.sql.logouts.claim(world.clock(), 99))
    ended = {(item.logout.client_id, item.logout.account_id, item.logout.hub_sid, item.created) for item in items}
    before = world.clock() - 1  # what this very sign-in opens stands
    assert ended == {("wiki", "7", "", before), ("desk", "9", "", before)}


def test_lt02_and_when_one_that_waited_gets_its_identity(world: World) -> None:
    ann = puts_down(world)
    assert asyncio.run(world.sql.logouts.claim(world.clock(), 99)) == []
    world.in_manager(world.person(), ann, email=EMAIL)
    (item,) = asyncio.run(world.sql.logouts.claim(world.clock(), 99))
    assert (item.logout.account_id, item.created) == ("7", world.clock() - 1)


@pytest.mark.parametrize(
    "user",
    [
        {"email": EMAIL, "verified": False},
        {"email": "other@acme.example", "username": EMAIL},
        {"email": EMAIL, "enabled": False},
        {"email": "Ann@acme.example"},
    ],
)
def test_pr01_lt01_an_address_that_somebody_holds_unproven_changes_nothing(
    world: World, user: dict[str, object]
) -> None:
    person = world.person()
    inbox = to_inbox(world, person)
    presses(person, links_in(world)[0])
    holder = world.realm.add(**user)  # type: ignore[arg-type]
    answer = goes_on(person, inbox)
    assert answer.status_code == 409
    assert "help@acme.example" in answer.text
    assert (world.links(holder), world.realm.created) == ([], [])
    assert ("email_conflict", "email_conflict") in world.audit()
    assert SESSION not in person.http.cookies
    world.in_manager(world.person(), holder, email=EMAIL, email_verified=False)
    assert world.links(holder) == []


def test_lt05_keycloaks_word_that_is_no_true_links_nothing(world: World) -> None:
    person = world.person()
    inbox = to_inbox(world, person)
    presses(person, links_in(world)[0])
    world.realm.add(EMAIL)
    goes_on(person, inbox)
    world.in_manager(world.person(), EVE, email=EMAIL, email_verified=False)
    assert world.links(EVE) == []


# ---- more accounts


def test_ake06_mim07_other_accounts_are_listed_chosen_and_told_in_one_mail(world: World) -> None:
    may_join(world, "desk", "9", "ann.desk")
    person = world.person()
    answer = through(world, person)
    page = person.get(answer.headers["location"])
    assert "We found more accounts of yours" in page.text
    assert "ann.desk" in page.text
    assert world.realm.created == []
    entered = person.submit(page, "/accounts", account="1")
    assert world.enters(entered, "wiki") == "7"
    assert world.links(Identity(REALM, "user-0")) == ["desk/9", "wiki/7"]
    (mail,) = [mail for mail in world.mails() if mail.kind != "verify_address"]
    assert mail.recipient == EMAIL
    links = re.findall(r"/unlink/\S+", mail.text)
    assert len(set(links)) == 2
    assert "Desk" in mail.text
    assert "Wiki" in mail.text
    remover = world.person()
    asked = set()
    for path in set(links):
        remover.get(path)
        asked.add(remover.submit(remover.get("/unlink"), "/unlink").headers["location"])
    assert asked == {f"{HUB}/t/acme/remove/{link_id}" for (link_id,) in world._rows("SELECT link_id FROM links")}


def test_lt03_what_was_not_checked_or_not_listed_is_not_linked(world: World) -> None:
    may_join(world, "desk", "9", "ann.desk")
    person = world.person()
    page = person.get(through(world, person).headers["location"])
    form = form_of(page.text, "/accounts")
    odd = ("", "0", "2", "-1", "01", "desk/9", "9")
    person.http.post("/accounts", data=form | {"account": odd}, headers={"origin": HUB})
    assert world.links(Identity(REALM, "user-0")) == ["wiki/7"]


def test_pr06_an_account_whose_product_says_no_is_named_and_never_linked(world: World) -> None:
    may_join(world, "desk", "9", "ann.staff", allowed=False)
    person = world.person()
    page = person.get(through(world, person).headers["location"])
    assert "ann.staff" in page.text
    assert 'type="checkbox"' not in page.text
    person.submit(page, "/accounts", account="1")
    assert world.links(Identity(REALM, "user-0")) == ["wiki/7"]


def test_pr06_where_addresses_are_not_trusted_the_products_yes_is_not_enough(world: World) -> None:
    may_join(world, "desk", "9", "ann.desk")
    world.sql.admin.change_client("desk", self_sign_up=True, trusted_email=False)
    world.forget_registry()
    person = world.person()
    page = person.get(through(world, person).headers["location"])
    assert "ann.desk" in page.text
    assert 'type="checkbox"' not in page.text
    person.submit(page, "/accounts", account="1")
    assert world.links(Identity(REALM, "user-0")) == ["wiki/7"]


def test_pr06_a_product_that_changes_its_mind_is_heard(world: World) -> None:
    may_join(world, "desk", "9", "ann.desk")
    person = world.person()
    page = person.get(through(world, person).headers["location"])
    world.accounts.joining["desk"] = [replace(one, allowed=False) for one in world.accounts.joining["desk"]]
    person.submit(page, "/accounts", account="1")
    assert world.links(Identity(REALM, "user-0")) == ["wiki/7"]


def test_ake06_products_that_are_away_or_beside_or_have_linked_it_are_left_out(world: World) -> None:
    may_join(world, "orders", "1", "ann")
    may_join(world, "desk", "9", "ann.desk")
    world.add_link("9", EVE, "desk")
    assert world.enters(through(world, world.person()), "wiki") == "7"
    assert ("orders", "may_join") not in world.accounts.asked


def test_lt17_another_tenants_products_are_never_asked(world: World) -> None:
    world.sql.admin.add_tenant(replace(ACME, organization_id="globex", issuer="https://kc.example/realms/globex"))
    world.register(moved("foreign", "globex"))
    may_join(world, "foreign", "9", "ann")
    person = world.person()
    assert "User not found" in says(person, arrive(world, person), "x@acme.example").text
    through(world, world.person())
    assert all(client_id != "foreign" for client_id, _ in world.accounts.asked)


def test_mim07_pr14_a_proven_account_with_another_address_gets_its_own_button(world: World) -> None:
    person = world.person()
    inbox = to_inbox(world, person, email="new@acme.example")
    presses(person, links_in(world)[0])
    goes_on(person, inbox)
    mails = {mail.recipient: mail for mail in world.mails() if mail.kind != "verify_address"}
    assert set(mails) == {EMAIL, "new@acme.example"}
    assert "/unlink/" in mails[EMAIL].text
    assert "/unlink/" not in mails["new@acme.example"].text


# ---- the session


def test_pr21_the_proof_opens_its_product_again_and_no_other_and_no_manager(world: World) -> None:
    person = world.person()
    through(world, person)
    again = person.get(world.authorize_url("wiki"))
    assert world.enters(again, "wiki") == "7"
    other = person.get(world.authorize_url("desk")).headers["location"]
    assert other.startswith(f"{REALM}/")
    assert query_of(other)["login_hint"] == EMAIL
    assert person.get("/t/acme/").headers["location"].startswith(f"{REALM}/")
    assert person.get(world.authorize_url("orders")).headers["location"].startswith(f"{REALM}/")


def test_pr21_pr11_it_ends_by_unlink_and_by_itself(world: World) -> None:
    person = world.person()
    through(world, person)
    unlink = world.person()
    unlink.get(world.unlink_path())
    unlink.submit(unlink.get("/unlink"), "/unlink")
    assert "/sign-in?flow=" in person.get(world.authorize_url("wiki")).headers["location"]
    other = world.person()
    through(world, other, email="bob@acme.example", account_id="8", name="bob")
    world.clock.move(8 * 3600 + 1)
    assert "/sign-in?flow=" in other.get(world.authorize_url("wiki")).headers["location"]


def test_pr21_it_ends_when_keycloak_says_disabled(world: World) -> None:
    person = world.person()
    through(world, person)
    world.realm.users = [replace(user, enabled=False) for user in world.realm.users]
    world.clock.move(301)
    assert "/sign-in?flow=" in person.get(world.authorize_url("wiki")).headers["location"]


def test_pr21_signing_out_of_it_never_meets_keycloak(world: World) -> None:
    person = world.person()
    token = world.redeem(through(world, person).headers["location"], "wiki").json()["id_token"]
    out = person.get(f"/o/wiki/end_session?id_token_hint={token}")
    assert not out.headers["location"].startswith(REALM)
    assert "/sign-in?flow=" in person.get(world.authorize_url("wiki")).headers["location"]


def test_pr21_a_sign_in_at_keycloak_takes_its_place(world: World) -> None:
    person = world.person()
    through(world, person)
    ann = world.realm.users[0].identity
    world.in_manager(person, ann, email=EMAIL)
    assert "ACME ID manager" in person.get("/t/acme/").text
    assert person.get(world.authorize_url("wiki")).headers["location"].startswith(f"{REALM}/")


# ---- at another product


def test_ake09_a_proof_at_another_product_leads_back_to_the_opened_one(world: World) -> None:
    has_account(world, "desk", "9", "ann")
    person = world.person()
    answer = says(person, arrive(world, person, "wiki"), EMAIL)
    page = person.get(proves(world, person, answer, "desk", account_id="9").headers["location"])
    inbox = person.get(person.submit(page, "/confirm", email=EMAIL).headers["location"])
    presses(person, links_in(world)[0])
    to = goes_on(person, inbox).headers["location"]
    ann = Identity(REALM, "user-0")
    assert world.links(ann) == ["desk/9"]
    assert to.startswith(f"{REALM}/")
    assert query_of(to)["login_hint"] == EMAIL
    assert query_of(person.get(world.authorize_url("wiki")).headers["location"])["login_hint"] == EMAIL
    asked = person.get(world.keycloak.signs_in(to, ann, world.clock()))  # for the request that waits since then
    assert asked.headers["location"].startswith("https://wiki.example/.linkmw/prove?handle=")


# ---- repeated, raced, too late


def test_fc05_back_and_reload_lead_to_where_the_flow_is(world: World) -> None:
    person = world.person()
    has_account(world, "wiki", "7", "ann")
    proven = proves(world, person, says(person, arrive(world, person), "ann"))
    flow = flow_of(proven)
    assert person.get(f"/sign-in?flow={flow}").headers["location"] == proven.headers["location"]
    inbox = person.get(
        person.submit(person.get(proven.headers["location"]), "/confirm", email=EMAIL).headers["location"]
    )
    assert "/inbox?flow=" in person.get(f"/accounts?flow={flow}").headers["location"]
    presses(person, links_in(world)[0])
    first, again = goes_on(person, inbox), goes_on(person, inbox)
    assert world.enters(first, "wiki") == world.enters(again, "wiki") == "7"
    assert world.enters(person.get(f"/inbox?flow={flow}"), "wiki") == "7"
    assert len(world.realm.created) == 1


def test_mim08_an_account_that_was_linked_meanwhile_is_its_identitys(world: World) -> None:
    person = world.person()
    has_account(world, "wiki", "7", "ann")
    answer = says(person, arrive(world, person), "ann")
    world.add_link("7", EVE, "wiki")
    proven = proves(world, person, answer)
    to = person.get(proven.headers["location"]).headers["location"]
    assert to.startswith(f"{REALM}/")
    assert "login_hint" not in query_of(to)


def test_rc10_an_account_linked_between_the_press_and_continue_makes_no_identity(world: World) -> None:
    person = world.person()
    inbox = to_inbox(world, person)
    presses(person, links_in(world)[0])
    world.add_link("7", EVE, "wiki")
    person.get(goes_on(person, inbox).headers["location"])
    assert (world.realm.created, world.links(EVE)) == ([], ["wiki/7"])


def test_df01_keycloak_away_at_the_end_costs_nothing(world: World) -> None:
    person = world.person()
    inbox = to_inbox(world, person)
    presses(person, links_in(world)[0])
    world.realm.away = True
    assert goes_on(person, inbox).status_code == 503
    world.realm.away = False
    assert world.enters(goes_on(person, inbox), "wiki") == "7"


def test_ake26_a_first_sign_in_that_took_too_long_says_so_and_leads_back(world: World) -> None:
    person = world.person()
    inbox = to_inbox(world, person)
    world.clock.move(1800)
    answer = goes_on(person, inbox)
    assert answer.status_code == 400
    assert "https://wiki.example/.linkmw/login" in answer.text


def test_xs01_forms_of_another_site_do_nothing(world: World) -> None:
    person = world.person()
    inbox = to_inbox(world, person)
    for path in ("/confirm", "/inbox", "/resend"):
        evil = person.post(path, form_of_inbox(inbox), origin="https://evil.example")
        assert evil.status_code == 403, path
    for path in ("/confirm", "/inbox", "/resend"):
        assert person.post(path, form_of_inbox(inbox) | {"csrf": "x"}).status_code == 403, path


def refuses_of_another_site(person: Person, page: Any, path: str, **fields: str) -> None:
    form = form_of(page.text, path) | fields
    assert person.post(path, form, origin="https://evil.example").status_code == 403, path
    assert person.post(path, form | {"csrf": "x"}).status_code == 403, path


def test_xs01_lt08_another_site_names_nobody_confirms_nothing_and_links_no_account(world: World) -> None:
    may_join(world, "desk", "9", "ann.desk")
    person = world.person()
    refuses_of_another_site(person, arrive(world, person), "/sign-in", email="ann")
    assert world.accounts.asked == []
    inbox = to_inbox(world, person)
    (path,) = links_in(world)
    person.get(path)
    refuses_of_another_site(person, person.get("/confirm-email"), "/confirm-email")
    assert "Not confirmed yet" in goes_on(person, inbox).text
    presses(person, path)
    page = person.get(goes_on(person, inbox).headers["location"])
    refuses_of_another_site(person, page, "/accounts", account="1")
    assert (world.realm.created, waiting(world)) == ([], [])
    world.realm.add(EMAIL)
    known = person.get(person.submit(page, "/accounts", account="1").headers["location"])
    refuses_of_another_site(person, known, "/known")


def at_once(works: list[Callable[[], Any]]) -> list[Any]:
    """What each of `works` answers, all begun at the same moment."""
    barrier = threading.Barrier(len(works))

    def one(work: Callable[[], Any]) -> Any:
        barrier.wait()
        return work()

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(one, works))


def test_rc09_sixteen_presses_of_one_window_make_one_identity_with_one_mail(world: World) -> None:
    person = world.person()
    inbox = to_inbox(world, person)
    presses(person, links_in(world)[0])
    tabs = [world.person() for _ in range(16)]
    for tab in tabs:
        tab.http.cookies.update(person.http.cookies)
    answers = at_once([lambda tab=tab: goes_on(tab, inbox) for tab in tabs])
    assert {answer.status_code for answer in answers} <= {303, 400}
    assert sum("/callback?code=" in answer.headers.get("location", "") for answer in answers) >= 1
    assert len(world.realm.created) == 1
    assert world.links(world.realm.users[0].identity) == ["wiki/7"]
    assert [mail.kind for mail in world.mails()] == ["linked"]


def test_rc09_four_browsers_of_one_person_make_one_identity(world: World) -> None:
    """Each proved the same account and confirmed the same address; the first is in, the others sign in as it."""
    people = [world.person() for _ in range(4)]
    inboxes = []
    for person in people:
        inboxes.append(to_inbox(world, person))
        presses(person, links_in(world)[0])
    answers = at_once([lambda p=p, i=i: goes_on(p, i) for p, i in zip(people, inboxes, strict=True)])
    assert len(world.realm.created) == 1
    ann = world.realm.users[0].identity
    assert world.links(ann) == ["wiki/7"]
    led = Counter(answer.headers["location"].partition("?")[0] for answer in answers)
    assert led == {"https://wiki.example/.linkmw/callback": 1, f"{HUB}/known": 3}
    world.in_manager(world.person(), ann, email=EMAIL)
    assert world.links(ann) == ["wiki/7"]


def test_rc10_an_import_that_is_first_keeps_its_user(world: World) -> None:
    """Between the look and the creation somebody else makes the user: the account waits for that one."""
    person = world.person()
    inbox = to_inbox(world, person)
    presses(person, links_in(world)[0])
    looks = world.realm.of_address

    async def nobody_yet(tenant: Tenant, email: str) -> list[KnownIdentity]:
        found = await looks(tenant, email)
        if not found:
            world.realm.add(email)
        return found

    world.realm.of_address = nobody_yet  # type: ignore[method-assign]
    assert "/known?flow=" in goes_on(person, inbox).headers["location"]
    assert world.realm.created == []
    assert world.links(world.realm.users[0].identity) == []


def test_rc13_of_sixteen_resends_at_once_one_is_sent(world: World) -> None:
    person = world.person()
    inbox = to_inbox(world, person)
    assert len(links_in(world)) == 1
    world.clock.move(60)
    tabs = [world.person() for _ in range(16)]
    for tab in tabs:
        tab.http.cookies.update(person.http.cookies)
    at_once([lambda tab=tab: tab.post("/resend", form_of_inbox(inbox)) for tab in tabs])
    assert len(links_in(world)) == 1


def test_fc10_a_first_sign_in_ends_at_its_own_tenants_keycloak(world: World) -> None:
    other = "https://kc.example/realms/globex"
    world.sql.admin.add_tenant(replace(ACME, organization_id="globex", issuer=other))
    world.realm.add(EMAIL)
    person = world.person()
    to = says(person, arrive(world, person), EMAIL).headers["location"]
    back = world.keycloak.signs_in(to, Identity(other, "ann"), world.clock())
    assert person.get(back).status_code == 400
    state = query_of(back)["state"]
    assert person.get(f"/t/globex/callback?code=x&state={state}&iss={other}").status_code == 400


# ---- AKE-16


def test_ake16_an_identity_without_a_link_proves_the_old_account_and_goes_straight_on(world: World) -> None:
    person = world.person()
    to = person.get(world.authorize_url("wiki", login_hint="ada@acme.example")).headers["location"]
    answer = person.get(world.keycloak.signs_in(to, ADA, world.clock()))
    handle = query_of(answer.headers["location"])["handle"]
    content = world.back_channel("/proof-requests", {"handle": handle}, "wiki").json()
    assert (content["purpose"], content["identity_email"]) == ("link", "ada@acme.example")
    code = world.push(content["transaction"], "7", "wiki").json()["code"]
    entered = person.get(f"/proved?code={code}")
    assert world.enters(entered, "wiki") == "7"
    assert world.enters(person.get(f"/proved?code={code}"), "wiki") == "7"
    assert world.links(ADA) == ["wiki/7"]


def test_a_product_without_a_gate_goes_to_keycloak_as_ever(world: World) -> None:
    world.register(product("legacy", proof="none", mode="replace"))
    assert world.person().get(world.authorize_url("legacy")).headers["location"].startswith(f"{REALM}/")
