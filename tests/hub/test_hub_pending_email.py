"""A change of address that somebody asked for at Keycloak before a link was made comes to nothing after it (LT04)."""

from __future__ import annotations

import asyncio
import html
import re
from collections.abc import Iterator

import httpx2
import pytest
from tests.hub.realm_users import HUB, PASSWORD, SECONDS, Real, hashed

from linkmw.demo.parts.processes import free_port
from linkmw.demo.parts.realm import CLIENT_ID, REALM
from linkmw.demo.parts.smtp import Mailbox, SmtpServer
from linkmw.model import Identity
from linkmw.oidc import authorize

MAIL_SECONDS = 20


@pytest.fixture(scope="module")
def mailbox(realm_users: Real) -> Iterator[Mailbox]:
    """The realm lets people change their address, by a mail to the new one."""
    server = SmtpServer(Mailbox(), free_port())
    server.start()
    action = realm_users.admin("GET", "/authentication/required-actions/UPDATE_EMAIL")
    realm_users.admin("PUT", "/authentication/required-actions/UPDATE_EMAIL", json=action | {"enabled": True})
    smtp = {"host": "127.0.0.1", "port": str(server.port), "from": "id@acme.example"}
    realm_users.admin("PUT", "", json={"smtpServer": smtp})
    yield server.mailbox
    realm_users.admin("PUT", "/authentication/required-actions/UPDATE_EMAIL", json=action)
    server.stop()


class Visit:
    """A browser at Keycloak."""

    def __init__(self, real: Real) -> None:
        self.real = real
        self.http = httpx2.Client(timeout=SECONDS)

    def get(self, url: str) -> httpx2.Response:
        answer = self.http.get(self.real.inside(url), headers=self.real.headers(self.http))
        while answer.status_code == 302:
            answer = self.http.get(self.real.inside(answer.headers["location"]), headers=self.real.headers(self.http))
        return answer

    def submit(self, page: httpx2.Response, **fields: str) -> httpx2.Response:
        action = re.search(r'action="([^"]+)"', page.text)
        assert action, page.text
        url = self.real.inside(html.unescape(action[1]))
        answer = self.http.post(url, data=fields, headers=self.real.headers(self.http))
        return self.get(answer.headers["location"]) if answer.status_code == 302 else answer


def asks_for(real: Real, old: str, new: str) -> None:
    """Who knows the password asks for another address; the mail goes there."""
    visit = Visit(real)
    asked = authorize.request_url(
        f"{real.keycloak.issuer}/protocol/openid-connect/auth",
        client_id=CLIENT_ID,
        redirect_uri=f"{HUB}/t/{REALM}/callback",
        state="s" * 22,
        nonce="n" * 22,
        verifier="v" * 43,
    )
    form = visit.submit(visit.get(f"{asked}&kc_action=UPDATE_EMAIL"), username=old, password=PASSWORD)
    visit.submit(form, email=new)


def link_to(mailbox: Mailbox, address: str) -> str:
    text = mailbox.wait_for(lambda mail: mail.to == address, MAIL_SECONDS).text
    found = re.search(r"http\S+action-token\S+", text)
    assert found, text
    return found[0]


def email_of(real: Real, identity: Identity) -> str:
    return str(real.admin("GET", f"/users/{identity.subject}")["email"])


def follow(real: Real, url: str) -> str:
    """The mail's link and the page behind it, to the end."""
    visit = Visit(real)
    page = visit.get(url)
    onward = re.search(r'href="([^"]+action-token[^"]+)"', page.text)
    return (visit.get(html.unescape(onward[1])) if onward else page).text


def cancels(real: Real, identity: Identity) -> bool:
    return asyncio.run(real.identities.cancel_email_change(real.tenant, identity))


@pytest.mark.parametrize("cancelled", [False, True])
def test_lt04_a_pending_change_at_keycloak_is_off_once_it_is_cancelled(
    realm_users: Real, mailbox: Mailbox, cancelled: bool
) -> None:
    old, new = (
        ("victim@acme.example", "attacker@mail.example") if cancelled else ("ann@acme.example", "ann@mail.example")
    )
    identity = realm_users.create(old, hashed(PASSWORD), language="fr")
    assert identity
    asks_for(realm_users, old, new)
    link = link_to(mailbox, new)
    assert email_of(realm_users, identity) == old
    if cancelled:
        assert cancels(realm_users, identity)
        assert not cancels(realm_users, identity)
    follow(realm_users, link)
    user = realm_users.admin("GET", f"/users/{identity.subject}")
    assert (user["email"], user["emailVerified"]) == (old if cancelled else new, True)
    assert user["attributes"] == {"locale": ["fr"]}


def test_lt04_an_action_that_waits_to_ask_for_an_address_is_off_too_and_no_other(realm_users: Real) -> None:
    identity = realm_users.create("waits@acme.example")
    assert identity
    actions = ["UPDATE_EMAIL", "UPDATE_PASSWORD"]
    realm_users.admin("PUT", f"/users/{identity.subject}", json={"requiredActions": actions})
    assert cancels(realm_users, identity)
    assert realm_users.admin("GET", f"/users/{identity.subject}")["requiredActions"] == ["UPDATE_PASSWORD"]


def test_lt04_who_is_gone_or_of_another_realm_waits_for_nothing(realm_users: Real) -> None:
    assert not cancels(realm_users, Identity(realm_users.tenant.issuer, "nobody"))
    assert not cancels(realm_users, Identity("https://other.example/realms/acme", "nobody"))
