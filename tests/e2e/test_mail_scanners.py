"""The mail's link, from the hub that wrote it to the person who presses: poisoned requests, scanners with scripts."""

from __future__ import annotations

import html
import re
from urllib.parse import urlsplit

import httpx2
import pytest
from playwright.sync_api import expect
from tests.e2e.houses import one_of
from tests.e2e.person import Person, remove_link_url
from tests.e2e.walker import Walker

LINKS = re.compile(r"""https?://[^\s"'<>]+""")
EVIL = "evil.example"
FORWARDED = {
    "X-Forwarded-Host": EVIL,
    "X-Forwarded-Server": EVIL,
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Port": "444",
    "X-Forwarded-Prefix": "/evil",
    "X-Original-Host": EVIL,
    "X-Host": EVIL,
    "X-Rewrite-URL": f"https://{EVIL}/",
    "Forwarded": f"host={EVIL};proto=https",
}


class Poisoner(Walker):
    """Tells the hub and the product that they are called evil.example, on every request."""

    def poisons(self) -> None:
        self.sent_to: set[str] = set()
        self._client.event_hooks = {"request": [self._poison], "response": [self._note]}

    def _poison(self, request: httpx2.Request) -> None:
        if self._is_ours(f"http://{request.headers['host']}{request.url.path}"):
            request.headers.update(FORWARDED)
            if request.headers["host"] == urlsplit(self._hub_url).netloc:
                request.headers["Host"] = EVIL

    def _note(self, answer: httpx2.Response) -> None:
        """Where the browser is sent, and where each page's forms, links and files are."""
        answer.read()
        addresses = [answer.headers.get("location", ""), *LINKS.findall(html.unescape(answer.text))]
        self.sent_to |= {urlsplit(address).netloc for address in addresses}
        assert EVIL not in answer.text
        assert EVIL not in str(answer.headers.multi_items())


@pytest.mark.parametrize("house", one_of("orders-wsgi", "wiki"))
def test_um08_a_poisoned_host_is_in_no_mail_no_page_and_no_redirect(world, house) -> None:
    product, identity, account = world.products[house], world.new_identity(), world.new_account(house)
    with Poisoner(product, world.hub_url, identity, account) as browser:
        browser.poisons()
        browser.comes()
        for _ in range(10):
            if browser.is_signed_in:
                break
            browser.acts()
        assert browser.is_signed_in, browser.page
        assert world.hub_url in {f"http://{netloc}" for netloc in browser.sent_to}
    for address, subject in ((account.email, "linked"), (identity.email, "linked")):
        mail = world.inbox.wait_for(to=address, subject=subject)
        assert EVIL not in str(mail)
        links = LINKS.findall(mail["text"]) + LINKS.findall(html.unescape(mail["html"]))
        assert {f"{urlsplit(link).scheme}://{urlsplit(link).netloc}" for link in links} <= {world.hub_url}


def test_um01_um02_mim23_a_scanner_that_runs_scripts_changes_nothing_and_one_press_removes(world, new_browser) -> None:
    product, identity, account = world.products["wiki"], world.new_identity(), world.new_account("wiki")
    person = Person.sits_down(new_browser())
    person.links(product, identity, account)
    mail = world.inbox.wait_for(to=account.email, subject="linked")
    scanner = new_browser().new_page()
    for link in sorted(set(LINKS.findall(mail["text"]) + LINKS.findall(html.unescape(mail["html"])))):
        scanner.goto(link, wait_until="networkidle")
    scanner.goto(remove_link_url(mail["text"]), wait_until="networkidle")
    assert "Remove link" in scanner.content()
    assert [message["subject"] for message in world.inbox.messages(account.email)] == [mail["subject"]]

    reader = Person.sits_down(new_browser())
    reader.opens(remove_link_url(mail["text"]))
    reader.page.get_by_role("button", name="Remove link").click()
    expect(reader.page.get_by_role("heading", name="The link has been removed")).to_be_visible()
    world.inbox.wait_for(to=account.email, subject="no longer linked")
    scanner.reload()
    expect(scanner.get_by_role("heading", name="This link is gone already")).to_be_visible()
