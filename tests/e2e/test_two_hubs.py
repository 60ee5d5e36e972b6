"""Two processes of one hub share nothing but Redis and SQL: what one begins, the other ends."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.e2e.machines import ByTurns, goes_by_turns, second_hub
from tests.e2e.test_parts_away import Walk
from tests.e2e.world import World

from linkmw.demo.web import Browser


@pytest.fixture(scope="module")
def two_hubs(world: World) -> Iterator[list[int]]:
    """Their ports; the products' back channel knows the first one only."""
    for port in second_hub(world.stage):
        yield [world.hub._port, port]


@pytest.mark.parametrize("first", [0, pytest.param(1, marks=pytest.mark.clusters)])
def test_kf05_rf07_a_flow_that_one_hub_begins_another_ends(world: World, two_hubs: list[int], first: int) -> None:
    house = ("orders-wsgi", "wiki")[first]
    [(identity, account)] = world.new_people(house, 1)
    walked = Walk(world, world.products[house], identity, account)
    turns = ByTurns(two_hubs[0], two_hubs[first:] + two_hubs[:first])
    goes_by_turns(walked.walker, turns)
    walked.walker.comes()
    walked.ends_well()
    assert all(answer.status < 400 for answer in walked.walker.answers), walked.story()
    assert set(turns.went) == set(two_hubs)
    assert min(turns.went.count(port) for port in two_hubs) >= 2
    for whom in (account.email, identity.email):
        world.inbox.wait_for(to=whom, subject=walked.product.name)

    # The next sign-in by the other one's turn, and the manager's session is everybody's.
    walked.walker.comes_back_later()
    walked.walker.comes()
    walked.ends_well()
    for _ in two_hubs:
        manager = walked.walker.open(f"{world.hub_url}/t/acme/")
        assert account.username in manager.text
    assert len(world.inbox.messages(to=account.email)) == 1
    walked.walker.__exit__()


def test_kf05_a_session_that_one_hub_ends_is_over_at_the_other(world: World, two_hubs: list[int]) -> None:
    identity = world.new_identity()
    with Browser() as browser:
        turns = ByTurns(two_hubs[0], two_hubs)
        goes_by_turns(browser, turns)
        page = browser.open(f"{world.hub_url}/t/acme/")
        browser.submit(page.form_with("username"), username=identity.email, password=identity.password)
        for _ in range(4):
            assert "manager" in browser.open(f"{world.hub_url}/t/acme/").text
        kept = dict(browser._cookies["hub.localhost"])
        browser.submit(browser.page.form_of("Sign out"))
        browser._cookies["hub.localhost"] = kept  # as somebody who had copied them
        for _ in two_hubs:
            page = browser.open(f"{world.hub_url}/t/acme/")
            assert "keycloak" in page.url
    assert set(turns.went) == set(two_hubs)
