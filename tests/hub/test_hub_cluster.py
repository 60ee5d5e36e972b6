"""The hub over a real Cluster: whole flows, a failover that loses what was used up, a Cluster that lost everything."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from tests.hub.world import SETTINGS, World
from tests.stores.clusters import Cluster

from linkmw.hub.app import build_app
from linkmw.stores.redis import HubStores, connect


@pytest.fixture
def real(world: World, redis_cluster: Cluster) -> Iterator[World]:
    """The same hub over a Cluster."""
    stores = HubStores(connect(redis_cluster.url, timeout=30), "hub:")  # what is held here is not how quick it is
    names = ("sign_ins", "sign_outs", "flows", "handles", "proof_codes", "grants", "sessions", "mail_proofs", "marks")
    world.ports = replace(world.ports, **{name: getattr(stores, name) for name in names})
    world.app = build_app(world.ports, SETTINGS)
    yield world
    redis_cluster.flush()


def refused(answer: Any) -> None:
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"] in ("invalid_grant", "invalid_client"), answer.text


def test_rf07_a_whole_flow_and_the_next_sign_in(real: World, redis_cluster: Cluster) -> None:
    person = real.person()
    assert real.link(person).status_code == 303
    assert real.links() == ["orders/7"]
    assert real.enters(real.sign_in(person)) == "7"
    assert "u7" in real.in_manager(person).text
    keys = redis_cluster.keys()
    assert len({redis_cluster.owner(key) for key in keys}) > 1
    assert min(keys.values()) > 0  # RF08


def test_rf04_a_code_that_a_failover_made_unused_again_needs_verifier_and_secret(
    real: World, redis_cluster: Cluster
) -> None:
    real.link(real.person())
    answer = real.sign_in(real.person()).headers["location"]
    before = redis_cluster.saved()
    assert real.redeem(answer).status_code == 200
    refused(real.redeem(answer))  # a second use, and nothing was lost
    redis_cluster.restore(before)
    refused(real.redeem(answer, code_verifier="w" * 43))
    redis_cluster.restore(before)
    refused(real.redeem(answer, redirect_uri="https://attacker.example/"))
    redis_cluster.restore(before)
    real.secrets["orders"] = real.secrets["stock"]
    assert real.redeem(answer).status_code == 401


def test_rf04_a_proof_that_a_failover_made_unused_again_links_once_and_mails_once(
    real: World, redis_cluster: Cluster
) -> None:
    person = real.person()
    code = real.push(real.ask_proof(real.sign_in(person))).json()["code"]
    before = redis_cluster.saved()
    first = person.get(f"/proved?code={code}")
    assert first.status_code == 303
    redis_cluster.restore(before)
    again = person.get(f"/proved?code={code}")
    assert again.headers["location"] == first.headers["location"]
    assert real.links() == ["orders/7"]
    assert len(real.mails()) == 2  # to the account and to the identity
    assert [event for event, _ in real.audit()].count("linked") == 1
    redis_cluster.restore(before)
    stranger = real.person().get(f"/proved?code={code}")  # another browser has no cookie that began it
    assert stranger.status_code == 400


def test_rf06_a_cluster_that_lost_everything_asks_to_sign_in_again_and_no_link_is_lost(
    real: World, redis_cluster: Cluster
) -> None:
    person = real.person()
    real.link(person)
    assert "u7" in real.in_manager(person).text
    under_way = real.push(real.ask_proof(real.sign_in(real.person(), client_id="stock"), "stock"), client_id="stock")
    redis_cluster.flush()
    assert person.get("/t/acme/").status_code == 303  # to Keycloak: nobody is signed in
    assert person.get(f"/proved?code={under_way.json()['code']}").status_code == 400
    assert "u7" in real.in_manager(person).text
    assert real.enters(real.sign_in(person)) == "7"
    assert real.links() == ["orders/7"]
