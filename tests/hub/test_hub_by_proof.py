"""PR21: a session that began by proof ends when Keycloak no longer has its identity, and not because it is silent."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from tests.hub.world import ADA, SETTINGS, World

from linkmw.errors import Unavailable
from linkmw.http import Request
from linkmw.hub.browser import SESSION
from linkmw.hub.by_proof import CHECK_SECONDS
from linkmw.hub.flows import flow as flows
from linkmw.hub.ports import HubSession, KnownIdentity
from linkmw.model import Identity, Tenant
from linkmw.secret import Secret

SID = "s" * 43


class Asked:
    """hub.ports.Identities, of which a by-proof session asks one thing."""

    def __init__(self) -> None:
        self.known: KnownIdentity | None = KnownIdentity(ADA, "ada", "ada@acme.example", True, True)
        self.away = False
        self.times = 0

    async def of_identity(self, tenant: Tenant, identity: Identity) -> KnownIdentity | None:
        self.times += 1
        if self.away:
            raise Unavailable("Keycloak is away")
        return self.known


class Visit:
    def __init__(self, world: World, by_proof: str) -> None:
        self.world, self.asked = world, Asked()
        self.ports = replace(world.ports, identities=self.asked)
        now = world.clock()
        session = HubSession(
            sid=Secret(SID),
            public_sid="p" * 22,
            organization_id="acme",
            identity=ADA,
            email="ada@acme.example",
            email_verified=True,
            name="",
            auth_time=now,
            started=now,
            csrf=Secret("c" * 43),
            by_proof=by_proof,
        )
        assert asyncio.run(world.ports.sessions.put(session, SETTINGS.session_idle_seconds, now + 28_800))

    def looks(self) -> HubSession | None:
        request = Request("GET", "/", headers={"cookie": f"{SESSION}={SID}"})
        return asyncio.run(flows.session_of(self.ports, SETTINGS, request))

    def later(self) -> HubSession | None:
        self.world.clock.move(CHECK_SECONDS)
        return self.looks()


@pytest.fixture
def visit(world: World) -> Visit:
    world.link(world.person())
    return Visit(world, "orders")


def told(world: World) -> list[tuple[str, str, str]]:
    items = asyncio.run(world.ports.logouts.claim(world.clock(), 10))
    return [(item.logout.client_id, item.logout.account_id, item.logout.hub_sid) for item in items]


def test_pr21_keycloak_is_asked_once_in_five_minutes_of_use(visit: Visit) -> None:
    assert visit.looks()
    assert visit.asked.times == 0
    for times in (1, 2):
        assert visit.later()
        assert visit.looks()
        assert visit.asked.times == times


@pytest.mark.parametrize("gone", [True, False])
def test_pr21_disabled_or_gone_ends_it_and_its_products_are_told(visit: Visit, gone: bool) -> None:
    assert visit.asked.known
    visit.asked.known = None if gone else replace(visit.asked.known, enabled=False)
    assert visit.looks()
    assert visit.later() is None
    assert visit.looks() is None
    assert told(visit.world) == [("orders", "7", "")]
    assert asyncio.run(visit.world.ports.sessions.of_identity(ADA)) == []
    assert asyncio.run(visit.world.ports.audit.recent(ADA, 1))[0].event == "by_proof_ended"


def test_pr21_a_silent_keycloak_ends_nothing_and_is_asked_again(visit: Visit) -> None:
    visit.asked.away = True
    assert visit.later()
    visit.asked.away, visit.asked.known = False, None
    assert visit.looks()
    assert visit.later() is None


def test_pr21_a_session_from_keycloak_is_not_asked_for(world: World) -> None:
    visit = Visit(world, "")
    assert visit.later()
    assert visit.asked.times == 0
