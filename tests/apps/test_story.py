"""The whole story, told of each application."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect
from tests.apps.running import Running
from tests.e2e.person import Person

pytestmark = [pytest.mark.apps, pytest.mark.timeout(900)]


def test_the_application_as_it_comes(new_browser, running: Running) -> None:
    running.start()
    person = Person.sits_down(new_browser())
    person.opens(running.login_url)
    running.application.signs_in(person.page, running.application.account)
    expect(person.page).not_to_have_url(running.login_url)
    before = running.application.permissions(person.page, running.url)
    print(before)
    assert running.application.is_signed_in(person.page, running.url)
    running.application.signs_out(person.page, running.url)
    person.opens(running.login_url)
    assert not running.application.is_signed_in(person.page, running.url)
    running.stop()
