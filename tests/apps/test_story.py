"""The whole story, told of each application: as it comes, switched off, linked, signed out, signed in, unlinked."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import pytest
from playwright.sync_api import expect
from tests.apps.alike import answers, differences
from tests.apps.running import Running
from tests.apps.steps import Steps
from tests.e2e.person import BRAND, Person
from tests.e2e.world import World

from linkmw.hub.registration import new_client

pytestmark = [pytest.mark.apps, pytest.mark.timeout(900)]


@pytest.fixture
def steps(running: Running) -> Iterator[Steps]:
    told = Steps(running.application)
    yield told
    told.keep()


@pytest.fixture
def settings(world: World, running: Running, redis_server: str) -> Mapping[str, str]:
    """All that the application is given: what `hub product add` printed, its Redis, and its own lines."""
    client = new_client(
        world.hub.organization_id,
        running.name,
        running.url,
        internal_url=running.internal_url,
        login_url=running.login_url,
        proof=running.application.proof,
    )
    lines = world.register(running.name, client)
    running.client_id = lines["LINKMW_CLIENT_ID"]
    ours = {"LINKMW_REDIS_URL": redis_server, "LINKMW_REDIS_PREFIX": f"{running.name}:"}
    return {**lines, **ours, **running.application.settings}


def test_p01_p02_mim01_mim03_mim04_mim06_mim07_mim14_mim20_mim25_mim27_dis06_the_whole_story(
    world: World, new_browser, running: Running, settings: Mapping[str, str], steps: Steps
) -> None:
    application, account, identity = running.application, running.application.account, world.new_identity()
    watched = (application.login_path, *application.pages)
    here = (running.port, f"{running.host}:{running.port}", watched, application.masked)

    # As it comes.
    with running.started():
        person = Person.sits_down(new_browser())
        person.opens(running.login_url)
        application.signs_in(person.page, account, account.code())
        before = application.permissions(person.page, running.url)
        first, again = answers(*here), answers(*here)
    files = application.files(running.site)

    # With linkmw in it, switched off.
    with running.started({**settings, "LINKMW_ENABLED": "off"}), steps.step("off: byte-identical"):
        assert differences(first, again, answers(*here)) == []

    with running.started(settings):
        person = Person.sits_down(new_browser())
        with steps.step("button"):
            application.begins(person, running.url)
            person.presses_sign_in()
            person.signs_in_at_keycloak(identity.email, identity.password)
        with steps.step("proof"):
            application.proves(person, account)
        with steps.step("linked"):
            person.sees_linked()
            person.continues()
            expect(person.page).to_have_url(running.url + application.inside)
            world.inbox.wait_for(to=account.email, subject="linked")
        with steps.step("permissions as before"):
            assert application.permissions(person.page, running.url) == before

        with steps.step("sign-out"):
            application.signs_out(person.page, running.url)
            expect(person.page.get_by_role("heading", name="You are signed out")).to_be_visible()
            person.page.get_by_role("link", name=f"Sign in with {BRAND}").click()
            person.signs_in_at_keycloak(identity.email, identity.password)
            application.shows_second_factor(person, account)
            expect(person.page).to_have_url(re.compile(re.escape(running.url) + r"/(?!\.linkmw/)"))
        with steps.step("one press"):
            person.context.clear_cookies(domain=running.host)  # days have passed, at Keycloak they have not
            application.begins(person, running.url)
            person.presses_sign_in()
            application.shows_second_factor(person, account)
            expect(person.page).to_have_url(running.url + application.inside)
            assert application.permissions(person.page, running.url) == before
            assert application.is_signed_in(person.page, running.url)

        with steps.step("unlink ends the session"):
            manager = Person(person.context, person.context.new_page())
            manager.opens_manager(world.hub_url)
            manager.removes(running, account.name)
            world.until(lambda: not application.is_signed_in(person.page, running.url))
            world.inbox.wait_for(to=account.email, subject="no longer linked")
        with steps.step("native login after it"):
            native = Person.sits_down(new_browser())
            native.opens(running.login_url)
            application.signs_in(native.page, account, account.code())
            assert application.permissions(native.page, running.url) == before
    assert application.wrong_passwords(running.site) == 0
    assert application.files(running.site) == files
