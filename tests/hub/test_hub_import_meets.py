"""A first sign-in and an import meet at one address, in each order that matters (RC09, PR01): one user, no dead end.

`make races` lets both run and takes the order that comes; here the import runs at the very moment that is said.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from io import StringIO
from typing import Any

import pytest
from tests.hub.first import EMAIL, goes_on, links_in, may_join, moved, presses, to_inbox
from tests.hub.test_hub_credentials import PHC
from tests.hub.world import ACME, Person, World, query_of

from linkmw.hub.migrate.addresses import counted
from linkmw.hub.migrate.report import Report
from linkmw.hub.migrate.rows import Row
from linkmw.hub.migrate.run import Migration, Options
from linkmw.hub.ports import KnownIdentity, NewIdentity
from linkmw.model import Identity, Tenant
from linkmw.stores.sql.migrated import SqlMigrated

DESK = "9"  # the account of desk's that is imported; the one of wiki's that is proven is 7
IMPORTED = Row(1, DESK, EMAIL, "ann.desk", "argon2" + PHC)
PROVEN = "wiki/7"


@pytest.fixture(autouse=True)
def _moved(world: World) -> None:
    world.register(moved("wiki"))
    world.register(moved("desk"))


class Users:
    """The import's way to the users of the world's realm."""

    def __init__(self, world: World) -> None:
        self._realm = world.realm

    def create(self, representation: Mapping[str, Any]) -> str | None:
        email = representation["email"]
        if any(user.email == email for user in self._realm.users):
            return None
        return self._realm.add(email, verified=representation["emailVerified"]).subject


def imports(world: World, **options: bool) -> dict[str, int]:
    """`linkmw migrate` of desk's one account; how many were made, and how many left out."""
    (desk,) = [one for one in world.sql.admin.clients() if one.client_id == "desk"]
    report = Report(StringIO())
    users: Any = Users(world)
    work = Migration(ACME, desk, users, SqlMigrated(world.sql.database, world.clock), Options(**options), report)
    with counted([IMPORTED]) as addresses:
        work.run([IMPORTED], addresses, lambda _: None)
    return dict(report.counts)


def before_the_creation(world: World, act: Callable[[], Any]) -> None:
    """`act` comes once: after a press has seen that nobody has the address, and before it makes the user."""
    creates, acts = world.realm.create, [act]

    async def too_late(tenant: Tenant, new: NewIdentity) -> Identity | None:
        if acts:
            acts.pop()()
        return await creates(tenant, new)

    world.realm.create = too_late  # type: ignore[method-assign]


def confirmed(world: World) -> tuple[Person, Any]:
    """Somebody who has proven wiki's account and confirmed its address, and their window that waits."""
    person = world.person()
    inbox = to_inbox(world, person)
    presses(person, links_in(world)[-1])
    return person, inbox


def is_verified(world: World) -> None:
    """The owner has confirmed the address at Keycloak, too."""
    (user,) = world.realm.users
    world.realm.users = [KnownIdentity(user.identity, user.username, user.email, True, True)]


@pytest.mark.parametrize("earlier", [True, False], ids=["before the look", "between look and creation"])
def test_rc09_pr01_an_import_that_is_first_refuses_every_press_and_links_its_own_account_alone(
    world: World, earlier: bool
) -> None:
    """The imported user has confirmed nothing, so the address is nobody's, though its owner confirmed it here."""
    person, inbox = confirmed(world)
    if earlier:
        imports(world)
    else:
        before_the_creation(world, lambda: imports(world))
    answers = [goes_on(person, inbox) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [409, 409, 409]
    (user,) = world.realm.users
    assert (user.email_verified, world.realm.created) == (False, [])
    assert world.links(user.identity) == [f"desk/{DESK}"]
    assert world.audit().count(("email_conflict", "email_conflict")) == 3


def test_rc09_a_press_that_comes_while_another_creates_is_led_back_to_its_window(world: World) -> None:
    person, inbox = confirmed(world)
    tab = world.person()
    tab.http.cookies.update(person.http.cookies)
    second: list[Any] = []
    before_the_creation(world, lambda: (second.append(goes_on(tab, inbox)), imports(world)))
    assert goes_on(person, inbox).status_code == 409
    (led,) = second
    assert (led.status_code, "/inbox?flow=" in led.headers["location"]) == (303, True)
    assert goes_on(tab, inbox).status_code == 409
    assert world.realm.created == []


def test_rc09_pr01_the_page_has_two_ways_on_and_waits_for_the_owner_to_confirm_at_keycloak(world: World) -> None:
    person, inbox = confirmed(world)
    before_the_creation(world, lambda: imports(world))
    page = goes_on(person, inbox).text
    assert 'href="mailto:help@acme.example"' in page
    another = re.search(r'href="(/confirm\?flow=[^"]+)"', page)
    assert another
    assert "Confirm your email address" in person.get(another[1]).text

    is_verified(world)  # signed in as the imported user, by desk's password
    answer = goes_on(person, inbox)
    assert "/known?flow=" in answer.headers["location"]
    (user,) = world.realm.users
    assert world.links(user.identity) == [f"desk/{DESK}"]  # it waits: a mailbox alone opens nothing
    world.in_manager(world.person(), user.identity, email=EMAIL)
    assert world.links(user.identity) == [f"desk/{DESK}", PROVEN]


def test_rc09_pr01_whoever_was_asked_which_accounts_to_join_may_start_again(world: World) -> None:
    """While that page is read there is time for an import; an address was confirmed for good there."""
    may_join(world, "desk", DESK, "ann.desk")
    person, inbox = confirmed(world)
    listed = person.get(goes_on(person, inbox).headers["location"])
    imports(world)
    refused = person.submit(listed, "/accounts", account="1")
    assert refused.status_code == 409
    assert 'href="https://wiki.example/.linkmw/login"' in refused.text
    (user,) = world.realm.users
    assert world.links(user.identity) == [f"desk/{DESK}"]


def test_rc09_an_import_of_verified_addresses_that_is_first_keeps_its_user_and_the_account_waits(world: World) -> None:
    person, inbox = confirmed(world)
    before_the_creation(world, lambda: imports(world, trust_email=True))
    answer = goes_on(person, inbox)
    assert "/known?flow=" in answer.headers["location"]
    (user,) = world.realm.users
    assert (user.email_verified, world.realm.created) == (True, [])
    world.in_manager(world.person(), user.identity, email=EMAIL)
    assert world.links(user.identity) == [f"desk/{DESK}", PROVEN]


def test_rc09_a_press_that_is_first_keeps_its_user_and_the_import_leaves_the_address_alone(world: World) -> None:
    person, inbox = confirmed(world)
    assert "code" in query_of(goes_on(person, inbox).headers["location"])
    assert imports(world) == {"left_out": 1}
    (user,) = world.realm.users
    assert user.email_verified
    assert world.links(user.identity) == [PROVEN]
    assert goes_on(person, inbox).status_code == 303  # and no press after it is refused
