"""What holds whatever happens (docs/security.md, I6, I8, I12), and what a guess is answered (BF11)."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any, get_args

import pytest
from tests.hub.first import EMAIL, goes_on, links_in, moved, presses, through, to_inbox
from tests.hub.world import ADA, EVE, REALM, World

from linkmw.hub.browser import SESSION
from linkmw.hub.build import new_token
from linkmw.hub.ports import Event
from linkmw.model import Identity
from linkmw.oidc import base64url
from linkmw.stores.hub_sessions import PARALLEL_SECONDS

# ---- I12: a story for each event, and what its line in the trail has to say


def links(world: World) -> None:
    world.link(world.person())


def is_refused(world: World) -> None:
    world.add_link("7", EVE)
    world.link(world.person())


def enters(world: World) -> None:
    person = world.person()
    person.submit(person.get(world.link(person).headers["location"]), "/continue")


def unlinks_by_mail(world: World) -> None:
    person = world.person()
    world.link(person)
    person.get(world.unlink_path())
    person.submit(person.get("/unlink"), "/unlink")


def is_gone(world: World) -> None:
    world.add_link("7")
    world.back_channel("/accounts/gone", {"account_id": "7"})


def signs_out(world: World) -> None:
    person = world.person()
    person.submit(world.in_manager(person), "/t/acme/sign-out")


def misuses_a_code(world: World) -> None:
    world.add_link("7")
    world.redeem(world.sign_in(world.person()).headers["location"], code_verifier="w" * 43)


def chooses_anothers(world: World) -> None:
    for account_id in ("7", "8"):
        world.add_link(account_id)
    person = world.person()
    page = person.get(world.sign_in(person).headers["location"])
    person.submit(page, "/choose", choice="999")


def fails_at_keycloak(world: World) -> None:
    person = world.person()
    to_keycloak = person.get(world.authorize_url()).headers["location"]
    back = world.keycloak.signs_in(to_keycloak, ADA, world.clock())
    world.keycloak.codes.clear()
    person.get(back)


def confirms_anothers_address(world: World, *, verified: bool = True) -> Identity:
    world.register(moved("wiki"))
    person = world.person()
    inbox = to_inbox(world, person)
    presses(person, links_in(world)[0])
    holder = world.realm.add(EMAIL, verified=verified)
    goes_on(person, inbox)
    return holder


def conflicts(world: World) -> None:
    confirms_anothers_address(world, verified=False)


def waits_for_ever(world: World) -> None:
    confirms_anothers_address(world)
    asyncio.run(world.sql.held.forget(world.clock() + 1))


def had_asked_for_another_address(world: World) -> None:
    world.realm.pending.add(ADA)
    links(world)


def is_disabled(world: World) -> None:
    world.register(moved("wiki"))
    person = world.person()
    through(world, person)
    world.realm.users = [replace(user, enabled=False) for user in world.realm.users]
    world.clock.move(301)
    person.get(world.authorize_url("wiki"))


# What has to stand in the line: the product and account, the person, the flow, and who did it if that was not they.
STORIES: dict[str, tuple[Callable[[World], Any], frozenset[str]]] = {
    "linked": (links, frozenset(("client_id", "account_id", "subject", "flow", "ip"))),
    "link_refused": (is_refused, frozenset(("client_id", "account_id", "subject", "flow", "ip"))),
    "signed_in": (enters, frozenset(("client_id", "account_id", "subject", "flow", "ip"))),
    "unlinked": (unlinks_by_mail, frozenset(("client_id", "account_id", "subject", "actor", "ip"))),
    "account_gone": (is_gone, frozenset(("client_id", "account_id", "subject", "actor"))),
    "signed_out": (signs_out, frozenset(("subject", "ip"))),
    "code_refused": (misuses_a_code, frozenset(("client_id", "account_id", "subject", "actor"))),
    "choice_refused": (chooses_anothers, frozenset(("client_id", "subject", "flow", "ip"))),
    "sign_in_failed": (fails_at_keycloak, frozenset(("client_id", "flow", "ref", "ip"))),
    "account_held": (confirms_anothers_address, frozenset(("client_id", "account_id", "flow", "ip"))),
    "email_conflict": (conflicts, frozenset(("client_id", "account_id", "flow", "ref", "ip"))),
    "held_dropped": (waits_for_ever, frozenset(("client_id", "account_id", "actor"))),
    "email_change_cancelled": (had_asked_for_another_address, frozenset(("subject", "ip"))),
    "by_proof_ended": (is_disabled, frozenset(("client_id", "subject"))),
    "proof_asked": (links, frozenset(("client_id", "subject", "flow", "ip"))),
    "proved": (links, frozenset(("client_id", "account_id", "subject", "flow"))),
    "address_mailed": (confirms_anothers_address, frozenset(("client_id", "account_id", "flow", "ip"))),
}
REFUSALS = {"link_refused", "code_refused", "choice_refused", "sign_in_failed", "email_conflict"}
# Of the command line and the support page, shown with them (tests/cli, tests/stores_sql, test_hub_support.py).
ELSEWHERE = {
    "account_migrated",
    "identity_erased",
    "key_retired",
    "key_rotated",
    "link_came_back",
    "mail_resent",
    "migration_undone",
    "product_added",
    "product_changed",
    "product_disabled",
    "secret_retired",
    "secret_rotated",
    "support_looked",
    "support_refused",
    "tenant_added",
    "tenant_changed",
    "tenant_disabled",
}


@pytest.mark.parametrize("event", STORIES)
def test_i12_every_security_event_is_in_the_trail_with_who_in_which_flow_and_the_result(
    world: World, event: str
) -> None:
    story, says = STORIES[event]
    story(world)
    told = [one for _, one in world.sql.audit.after(0, 99) if one.event == event]
    assert told, world.audit()
    line = told[-1]
    assert (line.result, bool(line.code)) == (
        ("refused", True) if event in REFUSALS else ("ok", event == "held_dropped")
    )
    assert (line.organization_id, line.time) == ("acme", world.clock())
    missing = {name for name in says if not getattr(line, name)}
    assert not missing, line
    assert line.issuer == (REALM if line.subject else "")


def test_i12_no_event_of_the_hub_is_without_its_story() -> None:
    assert sorted([*STORIES, *ELSEWHERE]) == sorted(get_args(Event))


# ---- I6


def test_i6_an_address_opens_nothing_and_another_address_closes_nothing(world: World) -> None:
    world.link(world.person())
    eve = world.sign_in(world.person(), EVE, email="ada@acme.example", email_verified=True)
    assert "/.linkmw/prove?handle=" in eve.headers["location"]  # asked to prove, as anybody without a link
    renamed = world.sign_in(world.person(), ADA, email="ada.king@acme.example", email_verified=True)
    assert world.enters(renamed) == "7"
    assert world.links(EVE) == []


def test_i6_the_same_subject_of_another_issuer_is_somebody_else(world: World) -> None:
    world.add_link("7", Identity("https://kc.example/realms/other", ADA.subject))
    answer = world.sign_in(world.person())
    assert "/.linkmw/prove?handle=" in answer.headers["location"]


# ---- I8


def test_i8_the_hubs_session_is_another_at_every_change_of_what_it_may_do(world: World) -> None:
    world.register(moved("wiki"))
    person = world.person()
    secrets: list[str | None] = [person.http.cookies.get(SESSION)]
    through(world, person)  # by a proof: one product, no manager
    secrets.append(person.http.cookies.get(SESSION))
    mine = Identity(REALM, "user-0")
    world.clock.move(PARALLEL_SECONDS)  # pages that load at the same moment are let finish (RC12)
    world.in_manager(person, mine, email=EMAIL)  # at Keycloak: everything
    secrets.append(person.http.cookies.get(SESSION))
    world.clock.move(PARALLEL_SECONDS)
    world.in_manager(person, EVE)  # somebody else
    secrets.append(person.http.cookies.get(SESSION))
    assert secrets[0] is None
    assert len({*secrets}) == len(secrets)
    world.clock.move(PARALLEL_SECONDS)
    for old in secrets[1:-1]:
        assert asyncio.run(world.ports.sessions.get(str(old), 600)) is None
    person.submit(person.get("/t/acme/"), "/t/acme/sign-out")
    assert asyncio.run(world.ports.sessions.get(str(secrets[-1]), 600)) is None


def test_i8_of_two_first_sign_ins_in_one_browser_the_later_ends_the_earlier(world: World) -> None:
    world.register(moved("wiki"))
    person, secrets = world.person(), []
    inboxes = []
    for name, account_id in (("ann", "7"), ("bob", "8")):
        email = f"{name}@acme.example"
        inbox = to_inbox(world, person, email=email, account_id=account_id, name=name, username=name)
        inboxes.append((links_in(world)[-1], inbox))
    for path, inbox in inboxes:
        presses(person, path)
        goes_on(person, inbox)
        secrets.append(person.http.cookies[SESSION])
    world.clock.move(PARALLEL_SECONDS)
    alive = [asyncio.run(world.ports.sessions.get(secret, 600)) for secret in secrets]
    assert [session and session.identity.subject for session in alive] == [None, "user-1"]


# ---- BF11

SECRETS = {
    "mail token of an unlink": "/unlink/{}",
    "mail token of an address": "/confirm-email/{}",
    "proof code": "/proved?code={}",
    "state": "/t/acme/callback?state={}&code=x&iss=" + REALM,
    "flow": "/inbox?flow={}",
    "flow of a link": "/linked?flow={}",
}


def answered(page: Any) -> tuple[int, str]:
    """The status, and what the page says: all but its reference, and its foot, which leads back to the address."""
    main = re.search(r"<main.*</main>", page.text, re.DOTALL)
    return page.status_code, re.sub(r"[0-9A-Z]{4}-[0-9A-Z]{4}", "", main[0] if main else page.text)


@pytest.mark.parametrize("what", SECRETS)
def test_bf11_a_guess_learns_nothing_from_how_near_it_came(world: World, what: str) -> None:
    """Of the right shape or of none: one answer."""
    world.link(world.person())
    guesses = (new_token(), "A" * 43, "short", "%00", "x" * 200)
    answers = {answered(world.person().get(SECRETS[what].format(guess))) for guess in guesses}
    assert len(answers) == 1
    assert {status for status, _ in answers} <= {400, 404}


def test_bf11_a_guessed_session_is_nobodys(world: World) -> None:
    world.in_manager(world.person())
    for guess in (new_token(), "0" * 43, "x"):
        person = world.person()
        person.http.cookies.set(SESSION, guess)
        assert person.get("/t/acme/").headers["location"].startswith(f"{REALM}/")


def test_bf11_every_secret_is_256_random_bits() -> None:
    made = {new_token() for _ in range(1000)}
    assert len(made) == 1000
    assert {len(base64url.decode(token)) for token in made} == {32}
