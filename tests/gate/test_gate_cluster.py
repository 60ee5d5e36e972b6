"""The gate over a real Cluster and under real Sentinels: whole sign-ins, and a failover that loses what was used up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import pytest
from tests.gate.world import ADA, World, heading
from tests.stores.clusters import Cluster, Guarded

from linkmw.gate.build import build


def over(world: World, url: str) -> World:
    """The same gate over this Redis."""
    built = build(replace(world.settings, redis_url=url), world.product, blocking=True)
    names = ("sign_ins", "proofs", "sessions", "marks", "tries", "entries", "sign_outs", "ping")
    world.having(**{name: getattr(built, name) for name in names})
    return world


@pytest.fixture
def real(world: World, redis_cluster: Cluster) -> Iterator[World]:
    yield over(world, redis_cluster.url)
    redis_cluster.flush()


def test_rf07_a_sign_in_and_a_proof_over_a_cluster(real: World, redis_cluster: Cluster) -> None:
    browser = real.browser()
    assert browser.returns(browser.starts()["state"]).status == 303
    assert browser.account == ADA.account_id
    other = real.browser()
    other.arrives()
    other.submit(username="ada", password="correct horse")
    assert other.account == ADA.account_id
    assert min(redis_cluster.keys().values()) > 0  # RF08


def test_rf07_a_sign_in_under_sentinels(world: World, redis_guarded: Guarded) -> None:
    browser = over(world, redis_guarded.url).browser()
    assert browser.returns(browser.starts()["state"]).status == 303
    assert browser.account == ADA.account_id


def test_rf04_a_sign_in_that_a_failover_made_unused_again_ends_at_the_hubs_used_code(
    real: World, redis_cluster: Cluster
) -> None:
    """The hub's own mark is the second defence, as the product's is the hub's."""
    browser = real.browser()
    state = browser.starts()["state"]
    before, held = redis_cluster.saved(), dict(browser.cookies)
    browser.returns(state, "the code")
    assert browser.account == ADA.account_id
    redis_cluster.restore(before)
    thief = real.browser()
    thief.cookies = dict(held)
    query = {"state": state, "code": "the code", "iss": real.settings.issuer}
    answer: Any = thief.get("/.linkmw/callback?" + urlencode(query))
    assert (answer.status, thief.account) == (400, "")
    assert heading(thief.page)
