"""Everything about one identity, told and erased (OPS-5)."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from tests.hub.world import ACME, ADA, EVE, REALM, SETTINGS, World

from linkmw.hub import persons
from linkmw.hub.ports import AuditEvent, HeldAccount, KnownIdentity
from linkmw.model import Account, Identity

ACTOR = "linkmw hub identity erase by root"


@pytest.fixture
def ada(world: World) -> Identity:
    """Somebody with an account in both products, a session, a held account, and mails that wait."""
    world.realm.users.append(KnownIdentity(ADA, "ada", "ada@acme.example", True, True))
    world.accounts.email = "ada@shop.example"
    person = world.person()
    world.link(person, "7", ADA)
    world.link(person, "8", ADA, "stock")
    held = HeldAccount(
        "orders", Account("9", "ada.old", "old@shop.example"), "ada@acme.example", "flow", (), world.clock()
    )
    asyncio.run(world.sql.held.put(held, AuditEvent("account_held", "ok", world.clock(), issuer=REALM)))
    return ADA


@pytest.fixture
def eve(world: World) -> Identity:
    """Somebody else, with the same."""
    world.realm.users.append(KnownIdentity(EVE, "eve", "eve@acme.example", True, True))
    world.link(world.person(), "77", EVE)
    return EVE


def told(world: World, identity: Identity) -> dict[str, Any]:
    async def work() -> dict[str, Any]:
        whom = await persons.whom(world.ports, world.sql.persons, ACME, identity)
        return await persons.export(world.ports, world.sql.persons, whom)

    return json.loads(json.dumps(asyncio.run(work())))  # type: ignore[no-any-return]


def erased(world: World, identity: Identity, **more: Any) -> persons.Erased:
    async def work() -> persons.Erased:
        whom = await persons.whom(world.ports, world.sql.persons, ACME, identity)
        return await persons.erase(world.ports, SETTINGS, world.sql.persons, whom, actor=ACTOR, **more)

    return asyncio.run(work())


def test_ops05_an_export_has_everything_about_one_and_nothing_about_another(
    world: World, ada: Identity, eve: Identity
) -> None:
    found = told(world, ada)
    assert (found["iss"], found["sub"], found["tenant"]) == (REALM, ada.subject, "acme")
    assert found["keycloak"]["email"] == "ada@acme.example"
    assert [(one["client_id"], one["account_id"]) for one in found["links"]] == [("orders", "7"), ("stock", "8")]
    assert [one["account"]["username"] for one in found["held"]] == ["ada.old"]
    assert [one["browser"][:7] for one in found["sessions"]] == ["Mozilla"]
    assert [one["event"] for one in found["audit"]].count("linked") == 2
    assert {one["recipient"] for one in found["mails"]} == {"u7@shop.example", "u8@shop.example", "ada@acme.example"}
    text = json.dumps(found)
    for secret in (eve.subject, "eve@", "flow_hash", "unlink/", "csrf"):
        assert secret not in text


def test_ops05_what_is_erased_names_nobody_any_more(world: World, ada: Identity, eve: Identity) -> None:
    before, eves = world.stored(), told(world, eve)
    assert ada.subject in before
    done = erased(world, ada, mail=False)
    assert (done.links, done.sessions, done.held, done.migrated, done.mails) == (2, 1, 1, 0, 4)
    after = world.stored()
    for name in (ada.subject, "ada@acme.example", "ada.old", "old@shop.example", "'u7'", "Firefox"):
        lines = [line for line in after.splitlines() if name in line and eve.subject not in line]
        assert [line for line in lines if "INSERT INTO" in line] == [], name
    assert told(world, eve) == eves
    assert world.links(eve) == ["orders/77"]
    assert told(world, ada)["links"] == told(world, ada)["sessions"] == told(world, ada)["audit"] == []


def test_ops05_the_trail_stays_under_a_pseudonym_and_says_that_it_was_erased(world: World, ada: Identity) -> None:
    rows = len(world.audit())
    done = erased(world, ada)
    assert done.pseudonym.startswith("erased-")
    trail = asyncio.run(world.sql.audit.recent(Identity(REALM, done.pseudonym), 100))
    assert (trail[0].event, trail[0].actor) == ("identity_erased", ACTOR)
    assert {event.event for event in trail} >= {"linked", "identity_erased"}
    assert {(event.username, event.ip, event.user_agent) for event in trail} == {("", "", "")}
    assert len(world.audit()) == rows + 1


def test_mim24_mim27_products_end_what_was_open_and_the_owners_are_told(world: World, ada: Identity) -> None:
    world.mails()
    erased(world, ada)
    waiting = asyncio.run(world.sql.logouts.claim(world.clock(), 10))
    assert {(item.logout.client_id, item.logout.account_id) for item in waiting} == {("orders", "7"), ("stock", "8")}
    mails = world.mails()
    assert {mail.kind for mail in mails} == {"unlinked"}
    assert {mail.recipient for mail in mails} == {"u7@shop.example", "u8@shop.example", "ada@shop.example"}


def test_ops05_erased_accounts_can_be_linked_again_by_who_proves_them(world: World, ada: Identity) -> None:
    erased(world, ada)
    world.clock.move(60)
    again = world.person()
    world.link(again, "7", ada)
    assert world.links(ada) == ["orders/7"]


def test_ops05_who_left_keycloak_is_erased_by_the_subject(world: World, ada: Identity) -> None:
    world.realm.users.clear()
    assert told(world, ada)["keycloak"] is None
    assert erased(world, ada).links == 2
    assert world.links(ada) == []
