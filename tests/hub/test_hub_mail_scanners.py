"""Programs that open every link of every mail before its reader does (MIM-23): nothing changes, one press removes."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

import pytest
from tests.hub.world import HUB, Person, World

from linkmw.hub.ports import Mail

TIMES = 50
LINKS = re.compile(r"""https?://[^\s"'<>]+""")
# How a fetch says that nobody reads the page yet: Chromium, Firefox, Safari, and what mail programs send.
HEADERS: tuple[dict[str, str], ...] = (
    {},
    {"sec-purpose": "prefetch;prerender", "purpose": "prefetch"},
    {"x-moz": "prefetch"},
    {"x-purpose": "preview"},
    {"user-agent": "Mozilla/5.0 (compatible; Barracuda Sentinel (EE))", "accept": "*/*"},
)


def links_of(mails: list[Mail]) -> list[str]:
    """Every address in either part of the mails, once."""
    found = [link for mail in mails for part in (mail.text, html.unescape(mail.html)) for link in LINKS.findall(part)]
    return sorted(set(found))


def spoilt(link: str) -> Iterator[str]:
    """What mail programs and scanners make of a link."""
    yield link
    yield f"{link}?utm_source=mail&fbclid=x&data=05%7C02"
    yield f"{link}/"
    yield f"{link}."
    yield f"{link}%0D%0A"
    yield link[:-1]
    yield link[: len(link) - 20]
    head, _, last = link.rpartition("/")
    yield f"{head}/{last.upper()}"
    yield f"{head}/{last.swapcase()}"
    yield f"{head}/{last[:20]}=%0A{last[20:]}"  # a soft line break of quoted-printable (RFC 2045, 6.7)
    yield f"{head}/{last[:20]}%20{last[20:]}"
    yield f"{head}/=3D{last}"


def state(world: World) -> tuple[object, ...]:
    """Everything durable: links, removed links, mails, the audit trail, logouts."""
    tables = ("links", "removed_links", "outbox", "audit", "logouts")
    return tuple(tuple(world._rows(f"SELECT * FROM {table}")) for table in tables)


def scan(world: World, link: str) -> None:
    """Fetched again and again: by HEAD and GET, with the cookies it was given and without, redirects followed."""
    keeps = world.person()
    keeps.http.follow_redirects = True
    for number in range(TIMES):
        headers = HEADERS[number % len(HEADERS)]
        for scanner in (keeps, world.person()) if number < len(HEADERS) else (keeps,):
            scanner.http.follow_redirects = True
            for method in ("HEAD", "GET", "OPTIONS"):
                assert scanner.http.request(method, link, headers=headers).status_code < 500


def test_um01_um04_mim23_fifty_fetches_of_every_link_of_every_mail_change_nothing(world: World) -> None:
    world.link(world.person())
    mails = world.mails()
    links = links_of(mails)
    path = next(link for link in links if "/unlink/" in link)
    assert len(mails) == 2
    before = state(world)
    for link in links:
        if link.startswith(HUB):
            scan(world, link)
    assert state(world) == before
    _removes_with_one_press(world, path)
    told = links_of(world.mails())
    after = state(world)
    for link in told:
        if link.startswith(HUB):
            scan(world, link)
    assert state(world) == after


@pytest.mark.parametrize("number", range(12))
def test_um04_a_link_that_was_spoilt_on_its_way_changes_nothing_and_says_what_is_the_case(
    world: World, number: int
) -> None:
    world.link(world.person())
    path = next(link for link in links_of(world.mails()) if "/unlink/" in link)
    before = state(world)
    address = list(spoilt(path))[number]
    for method in ("HEAD", "GET"):
        scanner = world.person()
        scanner.http.follow_redirects = True
        answer = scanner.http.request(method, address)
        assert answer.status_code in (200, 404)
    assert ("Remove link" in answer.text) or ("help@acme.example" in answer.text)
    assert state(world) == before
    _removes_with_one_press(world, path)


def test_um02_no_script_and_nothing_that_goes_on_by_itself_is_on_the_page(world: World) -> None:
    """A scanner that runs scripts finds none that would press the button."""
    world.link(world.person())
    reader = world.person()
    reader.get(next(link for link in links_of(world.mails()) if "/unlink/" in link))
    page = reader.get("/unlink")
    assert "<script" not in page.text
    assert "http-equiv" not in page.text.lower()
    assert "script-src" not in page.headers["content-security-policy"].replace("script-src 'none'", "")
    assert page.text.count('action="/unlink"') == 1


def test_um02_who_posts_without_the_page_removes_nothing(world: World) -> None:
    """A scanner that posts what it makes up: no cookie of the page, or not its form's token, or from elsewhere."""
    world.link(world.person())
    path = next(link for link in links_of(world.mails()) if "/unlink/" in link)
    before = state(world)
    opened = world.person()
    opened.get(path)
    page = opened.get("/unlink")
    token = re.search(r'name="csrf" value="([^"]+)"', page.text)
    assert token
    own = {"origin": HUB, "sec-fetch-site": "same-origin"}
    for person, address, form, headers in (
        (world.person(), path, {}, own),
        (world.person(), "/unlink", {"csrf": token[1]}, own),
        (opened, path, {"csrf": token[1]}, own),
        (opened, "/unlink", {}, own),
        (opened, "/unlink", {"csrf": token[1][::-1]}, own),
        (opened, "/unlink", {"csrf": token[1]}, {"origin": "https://scanner.example"}),
        (opened, "/unlink", {"csrf": token[1]}, {"sec-fetch-site": "cross-site"}),
        (opened, "/unlink", {"csrf": token[1]}, {}),
    ):
        answer = person.http.post(address, data=form, headers=headers)
        assert answer.status_code in (400, 403, 404, 405, 415), (address, form, headers)
    assert state(world) == before
    _removes_with_one_press(world, path)


@pytest.mark.parametrize(
    "email",
    [
        ",".join(f"a{number}@shop.example" for number in range(100)),
        "; ".join(f"a{number}@shop.example" for number in range(100)),
        "ada@shop.example\r\nBcc: eve@evil.example",
        "Ada <ada@shop.example>",
    ],
)
def test_um09_what_is_not_one_address_gets_no_mail_and_the_link_is_made(world: World, email: str) -> None:
    person = world.person()
    code = world.push(world.ask_proof(world.sign_in(person)), email=email).json()["code"]
    assert person.get(f"/proved?code={code}").status_code == 303
    assert [(mail.kind, mail.recipient) for mail in world.mails()] == [("linked_for_identity", "ada@acme.example")]


def _removes_with_one_press(world: World, link: str) -> None:
    reader: Person = world.person()
    assert reader.get(link).headers["location"] == f"{HUB}/unlink"
    answer = reader.submit(reader.get("/unlink"), "/unlink")
    assert "The link has been removed" in reader.get(answer.headers["location"]).text
    assert world.links() == []
