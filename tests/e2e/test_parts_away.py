"""Each part stopped, killed or paused at each step of the main job, and brought back (issue "bad weather", the parts).

The person walks by plain HTTP, without the seconds a real browser takes; what a browser shows of it is in test_switch.
"""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.e2e.houses import one_of
from tests.e2e.walker import STEPS, Gone, Walker
from tests.e2e.world import World

from linkmw.demo.parts.processes import child_environment, log_end
from linkmw.demo.parts.realm import CLIENT_ID, REALM
from linkmw.demo.parts.realm import Person as Identity
from linkmw.demo.product import ProductServer
from linkmw.demo.products.people import Person as Account
from linkmw.demo.web import Browser

BOTH = ("orders-wsgi", "wiki")
BACK_SECONDS = 20  # from the return of a part to the end of the walk; most of it is hashing of passwords
PARTS = ("hub", "hub redis", "product redis", "keycloak", "product", "sql", "smtp")
# Where a part is neither asked nor holds anything yet or any more: its weather is that of the next step.
_AT_KEYCLOAK = ("keycloak page", "keycloak password")
_AT_THE_GATE = ("proof page", "password", "code")
SKIPPED = {
    "hub": _AT_KEYCLOAK,
    "hub redis": _AT_KEYCLOAK,
    "product redis": _AT_KEYCLOAK,
    "keycloak": STEPS[6:],
    "product": ("login page", *_AT_KEYCLOAK),
    "sql": (*STEPS[:5], *_AT_THE_GATE),
    "smtp": tuple(step for step in STEPS if step != "commit"),
}
CELLS = [(step, part) for part in PARTS for step in STEPS if step not in SKIPPED.get(part, ())]


def _cell(step: str, part: str) -> Any:
    """Every fifth is played in every run: each part, both ways and both houses are among them."""
    return pytest.param(step, part, marks=pytest.mark.matrix if CELLS.index((step, part)) % 5 else ())


@pytest.fixture(scope="module")
def people(world: World) -> Callable[[str], tuple[Identity, Account]]:
    """The next pair of people for a house that nobody has used yet."""
    kept: dict[str, list[tuple[Identity, Account]]] = {}

    def next_of(house: str) -> tuple[Identity, Account]:
        if not kept.get(house):
            kept[house] = world.new_people(house, 25)
        return kept[house].pop()

    return next_of


@pytest.fixture
def walk(world: World, people: Callable[[str], tuple[Identity, Account]]) -> Iterator[Callable[[str], Walk]]:
    opened: list[Walker] = []

    def new(house: str) -> Walk:
        world.until(world.products[house].offers_sign_in)  # the weather before this one is over
        walked = Walk(world, world.products[house], *people(house))
        opened.append(walked.walker)
        return walked

    yield new
    for walker in opened:
        walker.__exit__()


class Walk:
    """A walker in a world: to the bad weather, through it, and on to the end."""

    def __init__(self, world: World, product: ProductServer, identity: Identity, account: Account) -> None:
        self.world, self.product = world, product
        self.identity, self.account = identity, account
        self.walker = Walker(product, world.hub_url, identity, account)
        self.weather = ExitStack()

    def meets(self, step: str, weather: Callable[[], AbstractContextManager[object]], frozen: str = "") -> None:
        """Walks on into the weather that begins at `step`, to where it lets nobody go on."""

        def strike() -> None:
            self.walker.frozen = frozen
            self.weather.enter_context(weather())

        self.walker.meets(step, strike)
        with self.weather:
            self._into_weather()
        self.walker.frozen = ""

    def _into_weather(self) -> None:
        self._try(self.walker.comes)
        for _ in range(20):
            if self.walker.struck and (self._stands_still() or self.is_there):
                return
            if self._try(self.walker.acts):
                return
        raise AssertionError("never came to a page that says so")

    def goes_until(self, seen: Callable[[], bool]) -> None:
        """Does what the pages say until `seen`."""
        self.walker.comes()
        for _ in range(20):
            if seen():
                return
            self.walker.acts()
        raise AssertionError(self.story())

    def _stands_still(self) -> bool:
        """Is this the page that says so, or the login page without the button?"""
        walker = self.walker
        if walker.is_refused:
            self.is_honest()
        return walker.is_refused or (
            walker.offers_native_login and not walker.page.links.keys() & {"Sign in with ACME ID"}
        )

    def _try(self, act: Callable[[], None]) -> bool:
        """True when the browser had to show a page of its own."""
        try:
            act()
        except Gone:
            return True
        return False

    def is_honest(self) -> None:
        """The page has a reason, a way on, and a reference that is in one of the two logs."""
        walker = self.walker
        assert walker.page.headings[0], walker.page.text
        assert set(walker.page.links) & {"Start again", "Try again", "Open ACME ID manager"}, walker.page.text
        logs = [part.process.log.read_text() for part in (self.world.hub, self.product) if part.process]
        assert any(walker.reference in log for log in logs), walker.page.text

    def ends_well(self, seconds: float = BACK_SECONDS) -> None:
        """Reloading what did not load, and then as the pages say: signed in, and linked to this very account."""
        deadline, pause = time.monotonic() + seconds, threading.Event()
        gone = self._try(self.walker.reloads) if not self.is_there else False
        while not self.is_there:
            assert time.monotonic() < deadline, self.story()
            if gone or self._stands_still():
                pause.wait(0.1)
            gone = self._try(self.walker.reloads if gone else self.walker.acts)
        assert self.links() == [self.account.username]

    def story(self) -> str:
        """What happened lately, for a test that failed."""
        steps = "\n".join(f"{one.step or 'elsewhere'} {one.status} {one.seconds:.2f}" for one in self.walker.answers)
        logs = [log_end(part.process.log) for part in (self.world.hub, self.product) if part.process]
        return "\n".join((str(self.walker.page), str(self.walker.page.links), steps[-2000:], *logs))

    @property
    def is_there(self) -> bool:
        return self.walker.is_signed_in and bool(self.links())

    def links(self) -> list[str]:
        """The accounts of this product that are linked to this identity."""
        query = "SELECT username FROM links WHERE identity_email = ? AND client_id = ?"
        with closing(sqlite3.connect(hub_database(self.world), timeout=5)) as connection:
            found = connection.execute(query, (self.identity.email, self.product.client_id)).fetchall()
        return [username for (username,) in found]

    def mails(self) -> list[str]:
        """The subjects of what came to the account's address."""
        return [mail["subject"] for mail in self.world.inbox.messages(to=self.account.email)]


def hub_database(world: World) -> Path:
    return Path(world.hub.settings["LINKMW_HUB_DATABASE_URL"].removeprefix("sqlite:///"))


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Somebody else is writing to this SQLite file and does not come to an end."""
    connection = sqlite3.connect(path, timeout=10, isolation_level=None)
    connection.execute("BEGIN EXCLUSIVE")
    try:
        yield
    finally:
        connection.rollback()
        connection.close()


def weather_of(world: World, product: ProductServer, part: str, way: str) -> Callable[[], AbstractContextManager[Any]]:
    if part == "sql":
        return lambda: locked(hub_database(world))
    if part == "smtp":
        return lambda: world.away(world.stage.smtp)
    parts: dict[str, Any] = {
        "hub": world.hub,
        "hub redis": world.hub.redis,
        "product redis": product.redis,
        "keycloak": world.keycloak,
        "product": product,
    }
    return lambda: (world.hanging if way == "paused" else world.killed)(parts[part])


def frozen_host(world: World, product: ProductServer, part: str, way: str) -> str:
    hosts = {"hub": "hub.localhost", "keycloak": "keycloak.localhost", "product": product.host}
    return hosts.get(part, "") if way == "paused" else ""


@pytest.mark.parametrize(("step", "part"), [_cell(*cell) for cell in CELLS])
def test_p05_kf01_kf04_rf01_a_part_goes_at_a_step_and_comes_back(world, walk, step, part) -> None:
    number = CELLS.index((step, part))
    # Both ways and both houses come to every part; Keycloak takes ten seconds to start, so it is killed elsewhere.
    way = "paused" if number % 2 or part == "keycloak" else "killed"
    walked = walk(BOTH[number // 2 % 2])
    product = walked.product
    walked.meets(step, weather_of(world, product, part, way), frozen_host(world, product, part, way))
    assert walked.walker.struck
    walked.ends_well()


@pytest.mark.parametrize("house", one_of("wiki", "orders-wsgi"))
def test_p05_pr17_a_push_that_fails_leaves_the_person_signed_in_and_can_be_tried_again(world, walk, house) -> None:
    walked = walk(house)
    walker = walked.walker
    with ExitStack() as weather:
        walker.meets("code", lambda: weather.enter_context(world.away(world.hub)))
        walked.goes_until(lambda: walker.is_refused)
        assert walker.page.headings == ["Your account is not linked yet"]
        assert walker.page.url.startswith(walked.product.url)
        walked.is_honest()
        walker.press("Try again")  # the hub is still away: the same page, for as long as it takes
        assert walker.page.headings == ["Your account is not linked yet"]
        not_yet = walker.page
        walker.open(walked.product.url + "/")
        assert walker.is_signed_in
        assert walked.links() == []
    walker.page = not_yet
    walker.press("Try again")
    assert walker.page.headings == ["Your accounts are linked"]
    walked.ends_well()


@pytest.mark.parametrize("house", one_of("orders-wsgi", "wiki"))
def test_kf06_with_smtp_away_the_link_is_made_and_its_mails_come_later_once(world, walk, house) -> None:
    walked, before = walk(house), max([0, *(item for item, _, _ in outbox(world))])

    def of_this_link() -> list[tuple[int, str]]:
        return [(tries, outcome) for item, tries, outcome in outbox(world) if item > before]

    with world.away(world.stage.smtp):
        walked.walker.comes()
        walked.ends_well()
        world.until(lambda: of_this_link() == [(1, "put off"), (1, "put off")])
        assert walked.mails() == []
    an_hour_passes(world)
    world.until(lambda: of_this_link() == [(2, "sent"), (2, "sent")])
    an_hour_passes(world)
    for whom in (walked.account.email, walked.identity.email):
        world.inbox.wait_for(to=whom, subject=walked.product.name)
        assert len(world.inbox.messages(to=whom)) == 1


@pytest.mark.parametrize("house", one_of("wiki", "orders-wsgi"))
def test_kf05_df01_the_hub_killed_at_the_commit_goes_on_where_it_was(world, walk, house) -> None:
    """The same flow, the same reload: nothing that was shown has to be shown again."""
    for step in ("callback", "linked page", "continue"):
        walked = walk(house)
        walked.meets(step, lambda: world.killed(world.hub), "")
        before = len(walked.walker.answers)
        walked.ends_well()
        steps = [one.step for one in walked.walker.answers[before:]]
        assert "keycloak password" not in steps
        assert ("password" in steps) is (step == "callback")


@contextmanager
def keycloak_client(world: World, **changes: object) -> Iterator[None]:
    """The hub's client at Keycloak is otherwise; afterwards as before."""
    with world._admin() as admin:
        path = f"/admin/realms/{REALM}/clients"
        (found,) = admin.get(path, params={"clientId": CLIENT_ID}).raise_for_status().json()
        admin.put(f"{path}/{found['id']}", json={**found, **changes}).raise_for_status()
    try:
        yield
    finally:
        with world._admin() as admin:
            admin.put(f"{path}/{found['id']}", json=found).raise_for_status()


def give_hub_secret(world: World, secret: str) -> None:
    """What the operator does, while the hub runs on."""
    command = [Path(sys.executable).with_name("linkmw"), "hub", "tenant", "secret"]
    options = ["--tenant", world.hub.organization_id, "--keycloak-client-secret-file", "-"]
    environment = child_environment(world.hub.settings)
    subprocess.run([*command, *options], input=secret.encode(), env=environment, check=True, stdout=subprocess.DEVNULL)


@pytest.mark.parametrize("house", one_of("orders-wsgi", "wiki"))
def test_kf03_a_changed_client_secret_is_said_to_the_operator_and_mended_by_the_command(world, walk, house) -> None:
    walked, new = walk(house), "another-secret-of-the-hub-at-keycloak"
    told = ("keycloak_credentials", "WARNING", "linkmw hub tenant secret --tenant acme")
    walker = walked.walker
    try:
        with keycloak_client(world, secret=new):
            walker.comes()
            walked.goes_until(lambda: walker.is_refused)
            assert walker.page.headings == ["Sign-in is not available right now"]
            walked.is_honest()
            lines = [line for line in world.hub.process.log.read_text().splitlines() if walker.reference in line]
            assert any(all(word in line for word in told) for line in lines), lines
            assert not any(new in line or str(world.hub.keycloak_secret) in line for line in lines)
            give_hub_secret(world, new)
            walked.ends_well()
    finally:
        give_hub_secret(world, str(world.hub.keycloak_secret))
    again = walk(house)
    again.walker.comes()
    again.ends_well()


@contextmanager
def realm_key(world: World, provider: str, *, priority: int, **config: str) -> Iterator[None]:
    """The realm has one more key, before all others when its priority is the highest; afterwards it is gone."""
    described = {
        "name": f"{provider} of a test",
        "providerId": provider,
        "providerType": "org.keycloak.keys.KeyProvider",
        "config": {"priority": [str(priority)], "enabled": ["true"], "active": ["true"], **as_lists(config)},
    }
    path = f"/admin/realms/{REALM}/components"
    with world._admin() as admin:
        made = admin.post(path, json=described).raise_for_status().headers["location"].rpartition("/")[2]
    try:
        yield
    finally:
        with world._admin() as admin:
            admin.delete(f"{path}/{made}").raise_for_status()


def as_lists(config: dict[str, str]) -> dict[str, list[str]]:
    return {name: [value] for name, value in config.items()}


def signing_keys(world: World) -> list[dict[str, str]]:
    document = httpx2.get(f"{world.keycloak.internal_issuer}/protocol/openid-connect/certs").json()
    return [key for key in document["keys"] if key.get("use") == "sig"]


def test_tv27_rc14_kf03_a_key_rotated_in_mid_flow_and_the_old_one_removed_is_used_at_once(world, walk) -> None:
    """Each key signs one sign-in and is gone at the next; the hub is never restarted, and nobody notices."""
    before = {key["kid"] for key in signing_keys(world)}
    first = walk("wiki")
    with ExitStack() as rotated:
        first.walker.meets(
            "keycloak password", lambda: rotated.enter_context(realm_key(world, "rsa-generated", priority=200))
        )
        first.walker.comes()
        first.ends_well()
        assert len({key["kid"] for key in signing_keys(world)} - before) == 1
        second = walk("orders-wsgi")  # signed by the realm's own key again; the other's is not there any more
    second.walker.comes()
    second.ends_well()
    assert all(one.status < 400 for one in (*first.walker.answers, *second.walker.answers))
    assert {key["kid"] for key in signing_keys(world)} == before


def test_tv13_kf03_an_ec_key_before_the_rsa_key_stops_nobody(world, walk) -> None:
    for provider, more in (("ecdsa-generated", {"ecdsaEllipticCurveKey": "P-256"}), ("eddsa-generated", {})):
        with realm_key(world, provider, priority=300, **more):
            assert {"EC", "OKP"} & {key["kty"] for key in signing_keys(world)}
            walked = walk("wiki")
            walked.walker.comes()
            walked.ends_well()
            assert all(one.status < 400 for one in walked.walker.answers)


@contextmanager
def disabled(world: World, identity: Identity) -> Iterator[None]:
    """Keycloak's administrator has switched this person off; afterwards on again."""
    path = f"/admin/realms/{REALM}/users"
    with world._admin() as admin:
        (found,) = admin.get(path, params={"email": identity.email, "exact": "true"}).raise_for_status().json()
        admin.put(f"{path}/{found['id']}", json={**found, "enabled": False}).raise_for_status()
    try:
        yield
    finally:
        with world._admin() as admin:
            admin.put(f"{path}/{found['id']}", json={**found, "enabled": True}).raise_for_status()


@pytest.mark.parametrize("step", ["keycloak password", "callback"])
def test_kf03_who_is_disabled_at_keycloak_signs_in_nowhere_until_enabled(world, walk, step) -> None:
    walked = walk("orders-wsgi")
    walker = walked.walker
    with ExitStack() as weather:
        walker.meets(step, lambda: weather.enter_context(disabled(world, walked.identity)))
        walked.goes_until(lambda: walker.struck)
        # At Keycloak's own page, or back at ours, which says so; never at the product, never linked.
        assert "keycloak" in walker.page.url or walker.is_refused
        if walker.is_refused:
            walked.is_honest()
        assert walked.links() == []
        walker.open(walked.product.url + "/")
        assert not walker.is_signed_in
    walked.ends_well()


def test_kf03_who_is_disabled_after_linking_is_stopped_at_the_next_sign_in(world, walk) -> None:
    walked = walk("wiki")
    walker = walked.walker
    walker.comes()
    walked.ends_well()
    walker.comes_back_later()
    with disabled(world, walked.identity):
        walker.comes()
        walker.press("Sign in with ACME ID")
        assert not walker.is_signed_in
        walker.open(walked.product.url + "/")
        assert not walker.is_signed_in


@contextmanager
def realm_disabled(world: World) -> Iterator[None]:
    """Keycloak's administrator has switched the realm off; afterwards on again."""
    with world._admin() as admin:
        admin.put(f"/admin/realms/{REALM}", json={"enabled": False}).raise_for_status()
    try:
        yield
    finally:
        with world._admin() as admin:
            admin.put(f"/admin/realms/{REALM}", json={"enabled": True}).raise_for_status()


def test_kf03_a_realm_that_is_disabled_is_said_to_the_operator_and_goes_on_when_enabled(world, walk) -> None:
    walked = walk("wiki")
    walker = walked.walker
    with ExitStack() as weather:
        walker.meets("callback", lambda: weather.enter_context(realm_disabled(world)))
        walker.comes()
        walked.goes_until(lambda: walker.is_refused)
        assert walker.page.headings == ["Sign-in is not available right now"]
        walked.is_honest()
        lines = [line for line in world.hub.process.log.read_text().splitlines() if walker.reference in line]
        assert any("keycloak_disabled" in line and "disabled at Keycloak" in line for line in lines), lines
    walked.ends_well()


def test_kf03_keycloak_restarted_in_mid_flow_knows_everybody_as_before(world, walk) -> None:
    """It went without a goodbye, with a code under way; its keys, its people and its realm are those of before."""
    linked, walked = walk("wiki"), walk("orders-wsgi")
    linked.walker.comes()
    linked.ends_well()
    linked.walker.comes_back_later()
    before = signing_keys(world)
    walked.meets("callback", lambda: world.killed(world.keycloak))
    assert walked.walker.struck
    walked.ends_well()
    linked.walker.comes()
    linked.ends_well()
    assert signing_keys(world) == before


@pytest.mark.parametrize("house", one_of("wiki", "orders-wsgi"))
@pytest.mark.parametrize("part", ["hub", "hub redis", "product redis", "keycloak"])
def test_i11_p05_rf01_a_part_that_hangs_costs_the_login_page_no_second(world, house, part) -> None:
    product = world.products[house]

    def opened() -> tuple[float, bool]:
        began = time.monotonic()
        with Browser() as browser:
            page = browser.open(product.login_url)
        assert 'name="password"' in page.text
        return time.monotonic() - began, "Sign in with ACME ID" in page.links

    world.until(lambda: opened()[1])
    normal = min(opened()[0] for _ in range(5))
    with weather_of(world, product, part, "paused")():
        looks = [opened() for _ in range(8)]
        world.until(lambda: not opened()[1], seconds=3)
    assert max(seconds for seconds, _ in looks) < normal + 1.0
    world.until(lambda: opened()[1], seconds=5)


@pytest.mark.parametrize("house", one_of("orders-wsgi", "wiki"))
@pytest.mark.parametrize("way", ["paused", "killed"])
def test_rf01_i4_the_products_redis_going_signs_nobody_out_and_takes_no_cookie(world, walk, house, way) -> None:
    walked = walk(house)
    walker, product = walked.walker, walked.product
    walker.comes()
    walked.ends_well()
    kept = walker.cookies(product.host)
    assert kept
    with weather_of(world, product, "product redis", way)():
        walker.open(product.url + "/")
        assert walker.is_signed_in
        began = time.monotonic()
        walker.open(f"{product.url}/.linkmw/login")
        assert time.monotonic() - began < 1.0
        assert walker.is_refused
        assert walker.answers[-1].status == 503
        walked.is_honest()
        assert walker.cookies(product.host) == kept
    walker.open(product.url + "/")
    assert walker.is_signed_in


@pytest.mark.parametrize("house", one_of("wiki", "orders-wsgi"))
def test_i11_a_locked_database_of_the_product_is_a_page_of_ours_and_then_over(world, walk, house) -> None:
    walked = walk(house)
    walked.walker.bounded = False  # how long it waits for its own database is the product's affair
    walked.meets("password", lambda: locked(walked.product.database))
    walked.ends_well()


def outbox(world: World) -> list[tuple[int, int, str]]:
    """Number, tries and outcome of each mail, oldest first: "sent", "put off", or "waits" (also while under way)."""
    outcome = "CASE WHEN sent IS NOT NULL THEN 'sent' WHEN reason <> '' THEN 'put off' ELSE 'waits' END"
    with closing(sqlite3.connect(hub_database(world), timeout=5)) as connection:
        return connection.execute(f"SELECT item_id, tries, {outcome} FROM outbox ORDER BY item_id").fetchall()


def an_hour_passes(world: World) -> None:
    """For the outbox: what waits for its next try is due."""
    with closing(sqlite3.connect(hub_database(world), timeout=5)) as connection, connection:
        connection.execute("UPDATE outbox SET due = due - 3600 WHERE due IS NOT NULL")
