"""A real application that nobody here wrote gets all of it by settings alone."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect
from tests.e2e.person import Person
from tests.e2e.wagtail_site import EDITOR, Site, running
from tests.e2e.world import World

from linkmw.hub.registration import new_client


@pytest.fixture(scope="module")
def wagtail(world: World, redis_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A stock site, known to the hub."""

    def environment_for(url: str) -> dict[str, str]:
        client = new_client(world.hub.organization_id, "Wagtail", url, login_url=f"{url}/admin/login/")
        return {**world.register("wagtail", client), "LINKMW_REDIS_URL": redis_server}

    with running(tmp_path_factory.mktemp("wagtail"), environment_for) as site:
        yield site


def _menu(person: Person, url: str) -> list[str]:
    """What the admin offers this editor: her permissions as she sees them."""
    person.opens(url)
    expect(person.page.get_by_role("navigation").first).to_be_visible()
    return sorted(set(person.page.locator("nav a").all_inner_texts()))


@pytest.mark.matrix
def test_mim01_mim04_mim06_mim14_p02_an_editor_links_and_signs_in_to_stock_wagtail(world, new_browser, wagtail) -> None:
    username, password, email = EDITOR
    identity = world.new_identity()
    person = Person.sits_down(new_browser())
    person.opens(f"{wagtail.url}/admin/login/")
    person.page.locator("input[name=username]").fill(username)
    person.page.locator("input[name=password]").fill(password)
    person.page.get_by_role("button", name="Sign in").click()
    before = _menu(person, f"{wagtail.url}/admin/")
    person.context.clear_cookies()

    person.opens(f"{wagtail.url}/admin/pages/")
    person.waits_for_button()
    person.presses_sign_in()
    person.signs_in_at_keycloak(identity.email, identity.password)
    person.proves(username, password)
    person.sees_linked()
    person.continues()
    expect(person.page).to_have_url(re.compile(r"/admin/pages/"))
    assert _menu(person, f"{wagtail.url}/admin/") == before
    world.inbox.wait_for(to=email, subject="linked")

    person.context.clear_cookies(domain=wagtail.host)
    person.opens(f"{wagtail.url}/admin/pages/")
    person.presses_sign_in()
    expect(person.page).to_have_url(re.compile(r"/admin/pages/"))
    assert wagtail.files_now() == wagtail.files_at_start
