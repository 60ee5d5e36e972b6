"""First sign-ins, imports, links and new passwords at one address at once, with a real Keycloak: `make races`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from functools import partial
from io import StringIO
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.hub.first import goes_on, links_in, moved, presses, to_inbox
from tests.hub.realm_users import PASSWORD, Real, hashed, went_on
from tests.hub.world import SETTINGS, Clock, Person, World
from tests.races.racing import MANY, ROUNDS, at_once, rounds

from linkmw.errors import Unavailable
from linkmw.hub.app import build_app
from linkmw.hub.first_limits import HOUR
from linkmw.hub.migrate.addresses import counted
from linkmw.hub.migrate.report import Report
from linkmw.hub.migrate.rows import Row
from linkmw.hub.migrate.run import Migration, Options
from linkmw.keycloak import Users
from linkmw.signed import new_key
from linkmw.stores.sql import SqlStores
from linkmw.stores.sql.migrated import SqlMigrated

pytestmark = pytest.mark.long
TURNS = max(2, ROUNDS // 10)
NEW_PASSWORD = "Analytical-Engine-3"


@pytest.fixture(params=["sqlite", "postgresql"])
def world(request: pytest.FixtureRequest, tmp_path: Path, realm_users: Real) -> Iterator[World]:
    """A hub whose tenant has moved over with wiki and desk, and whose people are a real Keycloak's."""
    on_file = request.param == "sqlite"
    url = f"sqlite:///{tmp_path / 'hub.db'}" if on_file else request.getfixturevalue("new_postgresql")()
    clock = Clock()
    sql = SqlStores.open(url, new_key(), clock)
    sql.admin.prepare()
    world = World(sql, clock)
    sql.admin.change_tenant("acme", issuer=realm_users.tenant.issuer)
    for client_id in ("wiki", "desk"):
        world.register(moved(client_id))
    world.forget_registry()
    world.ports = replace(world.ports, identities=_Realm(realm_users))
    world.app = build_app(world.ports, SETTINGS)
    yield world
    sql.close()


class _Realm:
    """The hub's own way to Keycloak, whichever tenant of the world asks."""

    def __init__(self, real: Real) -> None:
        self._real = real

    def __getattr__(self, question: str) -> Any:
        return lambda _tenant, *rest: getattr(self._real.identities, question)(self._real.tenant, *rest)


def ready(world: World, email: str, account: str, client_id: str = "wiki") -> tuple[Person, Any]:
    """Somebody who has proven that account and confirmed that address: "Continue" is all that is left."""
    person = world.person()
    inbox = to_inbox(world, person, client_id, email, account_id=account, username=f"u{account}", name=f"u{account}")
    presses(person, links_in(world)[-1])
    return person, inbox


def imports(world: World, real: Real, email: str, account: str) -> None:
    """`linkmw migrate` of one product's one account, with its password as Django keeps it: whom it makes it links."""
    client = next(one for one in world.sql.admin.clients() if one.client_id == "desk")
    report = Report(StringIO())
    tenant = replace(world.sql.admin.tenants()[0], internal_issuer=real.tenant.internal_issuer)
    users = Users.of(real.tenant, 20)
    work = Migration(tenant, client, users, SqlMigrated(world.sql.database, world.clock), Options(), report)
    rows = [Row(1, account, email, f"u{account}", "argon2" + hashed(PASSWORD))]
    with counted(rows) as addresses, suppress(Unavailable):
        work.run(rows, addresses, lambda _: None)


def linked(world: World) -> dict[tuple[str, str], str]:
    rows = world._rows("SELECT client_id, account_id, subject FROM links")
    return {(client_id, account): subject for client_id, account, subject in rows}


def test_rc09_first_sign_ins_and_an_import_of_one_address_make_one_user(world: World, realm_users: Real) -> None:
    """Four people prove an account of wiki's each, all for one mailbox, each in four tabs; desk's import meets them.

    Where the import was first its user has confirmed nothing: the address is nobody's, and a press that meets it is
    refused with 409 (PR01; tests/hub/test_hub_import_meets.py has that order alone). No other press is. 400 is the
    answer to a tab that comes when another one has entered: it has no session of its own.
    """
    for name in rounds("RC09", TURNS):
        world.clock.move(HOUR)  # so many names and mails are too many for less; a flow is good for half of it
        email = f"rc09-{name}@acme.example"
        people = [ready(world, email, f"{name}-{n}") for n in range(4)]
        tabs = [(tab, inbox) for person, inbox in people for tab in _tabs(world, person)]
        works: list[Any] = [partial(goes_on, tab, inbox) for tab, inbox in tabs]
        answers = at_once([*works, partial(imports, world, realm_users, email, f"{name}-desk")])
        (user,) = realm_users.of_address(email)
        assert len(realm_users.admin("GET", f"/users?email={email}")) == 1
        refused = set() if user.email_verified else {409}
        assert {answer.status_code for answer in answers[:MANY]} <= {303, 400} | refused, answers
        of_each = [{answer.status_code for answer in answers[n : n + 4]} for n in range(0, MANY, 4)]
        assert {400} not in of_each, answers  # all four people were there to race
        assert answers[MANY] is None, answers  # the import: it ended, and not in an error
        made = {key: subject for key, subject in linked(world).items() if key[1].startswith(f"{name}-")}
        assert set(made.values()) == {user.identity.subject}
        ((client_id, _),) = made  # whose user it is, and nobody else's: the other accounts wait, or were refused
        assert client_id == ("wiki" if user.email_verified else "desk")


def _tabs(world: World, person: Person) -> list[Person]:
    tabs = [world.person() for _ in range(4)]
    for tab in tabs:
        tab.http.cookies.update(person.http.cookies)
    return tabs


def test_rc10_joining_linking_and_a_new_password_at_once_lose_none_of_the_three(
    world: World, realm_users: Real
) -> None:
    """Somebody has an identity. At one moment an account of wiki joins it, one of orders is linked to it, and its
    password is reset."""
    for name in rounds("RC10", TURNS):
        world.clock.move(HOUR)
        email = f"rc10-{name}@acme.example"
        identity = realm_users.create(email, hashed(PASSWORD))
        assert identity
        person, inbox = ready(world, email, f"{name}-wiki")
        other = world.person()
        answer = world.sign_in(other, identity, "orders", email=email)
        pushed = world.push(world.ask_proof(answer), f"{name}-orders", email=email)
        path = f"/proved?code={pushed.json()['code']}"
        new = {"type": "password", "value": NEW_PASSWORD, "temporary": False}
        reset = partial(realm_users.admin, "PUT", f"/users/{identity.subject}/reset-password", json=new)
        works: list[Any] = [partial(goes_on, tab, inbox) for tab in _tabs(world, person)]
        works += [partial(tab.get, path) for tab in _tabs(world, other)]
        answers = at_once([*works, *works, reset])
        assert not any(isinstance(one, httpx2.HTTPError) for one in answers), answers
        assert [known.identity for known in realm_users.of_address(email)] == [identity]
        joined = world.person()
        world.in_manager(joined, identity, email=email)  # signs in once more: what waited for the identity is its own
        expected = {(client, f"{name}-{client}"): identity.subject for client in ("wiki", "orders")}
        assert {key: linked(world).get(key) for key in expected} == expected
        assert went_on(realm_users.signs_in(email, NEW_PASSWORD))
        assert not went_on(realm_users.signs_in(email, PASSWORD))
