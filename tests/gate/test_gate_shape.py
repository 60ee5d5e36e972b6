"""The gate's answers as a browser, a cache and an attacker see them: whatever a request says in whichever parameter."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

import pytest
from tests.gate.world import ADA, BOB, BRANDING, HUB, SITE, Browser, World, heading, location

from linkmw.gate.browser import cookie_name
from linkmw.gate.ports import Branding
from linkmw.http import Decorate, Response
from linkmw.model import Account

EVIL = (
    "https://evil.example/",
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "https:evil.example",
    "/%09/evil.example",
    "/%2f/evil.example",
    "/..//evil.example",
    "\thttps://evil.example",
    "javascript:alert(document.domain)//evil.example",
    "data:text/html,evil.example",
    "/x\r\nLocation: https://evil.example",
    f"{SITE}@evil.example",
    "https://orders.example.evil.example/",
)
GETS = ("login", "sign-in", "native", "callback", "prove", "go", "sign-out", "signed-out")
POSTS = ("switch", "prove")
PARAMETERS = (
    *("next", "state", "code", "iss", "error", "error_description", "error_uri", "handle", "record", "choice"),
    *(
        "username",
        "password",
        "csrf",
        "sign_out",
        "redirect_uri",
        "return_to",
        "url",
        "lang",
        "post_logout_redirect_uri",
    ),
)


class Page(HTMLParser):
    """Where a page may lead, by itself or by a press; its tags, its text, and whom each piece of text is inside."""

    LEADING = ("href", "src", "action", "formaction", "data", "poster", "srcset")

    def __init__(self, html: str) -> None:
        super().__init__()
        self.targets: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.texts: list[tuple[str, tuple[str, ...]]] = []
        self._open: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append(tag)
        self._open.append(tag)
        named = {name: value or "" for name, value in attrs}
        self.attributes += named.items()
        self.targets += [named[name] for name in self.LEADING if name in named]
        if named.get("http-equiv", "").lower() == "refresh":
            self.targets.append(named["content"].partition("url=")[2])

    def handle_endtag(self, tag: str) -> None:
        if tag in self._open:
            del self._open[len(self._open) - 1 - self._open[::-1].index(tag) :]

    def handle_data(self, data: str) -> None:
        self.texts.append((data, tuple(self._open)))


def leads_to(answer: Response) -> Iterator[str]:
    """Every address that the answer sends a browser to, or offers it."""
    for name, value in answer.headers:
        if name.lower() in ("location", "refresh", "content-location", "link"):
            yield value
    yield from Page(answer.body.decode()).targets


def hosts(answer: Response) -> set[str]:
    return {urlsplit(urljoin(SITE, target)).hostname or "" for target in leads_to(answer)}


OURS = {"orders.example", "id.example", ""}  # "" is mailto:


def ready(world: World, step: str) -> tuple[Browser, dict[str, str]]:
    """A browser in the middle of something, and the parameters that its next request rightly has."""
    person = world.browser()
    state = person.starts()["state"]
    if step == "callback":
        world.hub.codes.add("good")
        return person, {"state": state, "code": "good", "iss": world.settings.issuer}
    if step in ("prove", "go"):
        person.arrives()
        found = re.search(r'name="record" value="([^"]+)"', person.page)
        assert found
        return person, {"record": found[1]}
    if step == "switch":
        person.signs_in_natively(BOB)
        person.returns(state)
        fields = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', person.page))
        return person, {**fields, "choice": "switch"}
    return person, {}


@pytest.mark.parametrize("parameter", PARAMETERS)
@pytest.mark.parametrize("name", GETS)
def test_xs07_no_parameter_of_a_get_leads_to_another_site(world: World, name: str, parameter: str) -> None:
    for evil in EVIL if parameter == "next" else EVIL[:5]:
        for right in ({}, ready(world, name)[1]):
            person, asked = ready(world, name)[0], {**right, parameter: evil}
            url = f"/.linkmw/{name}?" + "&".join(f"{key}={quote(value, safe='')}" for key, value in asked.items())
            for site in ("same-origin", "cross-site"):
                answer = person.get(url, site=site)
                assert hosts(answer) <= OURS, (evil, site)
                assert not any("evil" in header for pair in answer.headers for header in pair if _is_raw(header))


def _is_raw(header: str) -> bool:
    """Does a header hold more than a path of ours with something percent-encoded inside its query?"""
    return not header.startswith(("/.linkmw/", HUB))


@pytest.mark.parametrize("parameter", PARAMETERS)
@pytest.mark.parametrize("name", POSTS)
def test_xs07_no_field_of_a_form_leads_to_another_site(world: World, name: str, parameter: str) -> None:
    for evil in EVIL[:5]:
        for complete in (False, True):
            person, fields = ready(world, name)
            answer = person.post(f"/.linkmw/{name}", {**(fields if complete else {}), parameter: evil})
            assert hosts(answer) <= OURS, evil
            if parameter not in ("username",):
                assert "evil.example" not in answer.body.decode()


@pytest.mark.parametrize("evil", EVIL)
def test_xs07_a_sign_in_that_was_sent_elsewhere_ends_at_home(world: World, evil: str) -> None:
    person = world.browser()
    state = person.starts(evil)["state"]
    assert location(person.returns(state)) == "/"


def pages(world: World) -> Iterator[tuple[str, Response]]:
    """One answer of ours of every kind."""
    person = world.browser()
    yield "sign-in", person.get("/.linkmw/sign-in")
    yield "cross-site start", person.get("/.linkmw/login", site="cross-site")
    yield "start", person.get("/.linkmw/login")
    yield "image", person.get("/.linkmw/login", dest="image")
    yield "error", person.get("/.linkmw/callback?state=x&code=y")
    state = person.starts()["state"]
    yield "arrival", person.get(f"/.linkmw/callback?state={state}&code=y", site="cross-site")
    yield "proof request", person.arrives()
    yield "wrong pair", person.submit(username="ada", password="no")
    yield "right pair", person.submit(username="ada", password="correct horse")
    yield "not linked yet", _not_linked(world)
    yield "still signed in", _still_signed_in(world)
    other = world.browser()
    other.signs_in_natively(BOB)
    yield "switch", other.returns(other.starts()["state"])
    yield "switched", other.submit(choice="switch")
    yield "twice", person.get("/.linkmw/login?next=/a&next=/b")
    world.hub.away = True
    yield "away", world.browser().get("/.linkmw/login")
    yield "sign-in while away", world.browser().get("/.linkmw/sign-in")
    world.hub.away = False


def _not_linked(world: World) -> Response:
    person = world.browser()
    person.arrives("another")
    world.hub.away = True
    answer: Response = person.submit(username="ada", password="correct horse")
    world.hub.away = False
    return answer


def _still_signed_in(world: World) -> Response:
    person = world.browser()
    person.signs_in_natively(BOB)
    answer: Response = person.arrives("third")
    return answer


def test_xs11_sc08_every_answer_of_ours_is_kept_by_nobody(world: World) -> None:
    kinds = list(pages(world))
    assert len({heading(answer.body.decode()) for _, answer in kinds}) >= 10
    for kind, answer in kinds:
        named = [name.lower() for name, _ in answer.headers]
        headers = dict(answer.headers)
        assert headers["Cache-Control"] == "no-store", kind
        assert headers["X-Content-Type-Options"] == "nosniff", kind
        assert headers["Referrer-Policy"] == "same-origin", kind
        assert headers["Cross-Origin-Opener-Policy"] == "same-origin", kind
        assert len(named) == len(set(named)) or named.count("set-cookie") > 1, kind


def test_xs04_xs03_xs05_the_policy_of_every_page_of_ours(world: World) -> None:
    for kind, answer in pages(world):
        if not answer.body:
            continue
        policy = dict(
            part.strip().partition(" ")[::2] for part in dict(answer.headers)["Content-Security-Policy"].split(";")
        )
        assert policy["default-src"] == "'none'", kind  # object-src, frame-src and what there may be besides
        assert policy["frame-ancestors"] == "'none'", kind
        assert policy["base-uri"] == "'none'", kind
        assert policy["style-src"] == policy["img-src"] == "'self'", kind
        assert policy["script-src"] == policy["connect-src"] == "'none'", kind
        assert policy["form-action"] in ("'self'", f"'self' {HUB}"), kind
        assert "unsafe" not in str(policy), kind
        page = Page(answer.body.decode())
        assert not {"style", "iframe", "object", "embed", "base"} & set(page.tags), kind
        assert not [name for name, _ in page.attributes if name == "style" or name.startswith("on")], kind
        posts_to = [value for name, value in page.attributes if name == "action" and not value.endswith("/language")]
        if posts_to:  # its redirects may end at the hub (PR18)
            assert policy["form-action"] == f"'self' {HUB}", kind


# ---- names that want to be more than names

HOSTILE = "\"><x-evil onclick=alert(1)>'</title></script>&lt;{{7*7}}"
RTL = "\u202eevil\u202c"


def hostile_world(world: World) -> World:
    name = f"{HOSTILE}{RTL}"
    world.product.accounts = {
        "ada": Account("17", f"ada{name}", f"ada{name}@x"),
        "bob": Account("23", f"bob{name}", ""),
    }

    async def branding() -> Branding:
        return Branding(f"Brand{HOSTILE}", f"Product{HOSTILE}", "#3b4cc0", contact=f"contact{HOSTILE}")

    world.hub.branding = branding  # type: ignore[method-assign]
    world.hub.claims = {"sub": ADA.account_id, "preferred_username": f"ada{name}"}
    return world


def test_xs10_lt16_hostile_names_are_text_on_every_page(world: World) -> None:
    hostile_world(world)
    world.proof_arrives("fourth", email=f"mail{HOSTILE}{RTL}@acme.example")
    seen = ""
    for kind, answer in [*pages(world), ("hostile mail", world.browser().get("/.linkmw/prove?handle=fourth"))]:
        html = answer.body.decode()
        page = Page(html)
        assert "x-evil" not in page.tags, kind
        assert not [name for name, _ in page.attributes if name.startswith("on")], kind
        seen += html
    for word in ("Brand", "Product", "ada", "bob"):
        assert f"{word}&#34;&gt;&lt;x-evil" in seen, word


def test_xs10_lt16_a_name_that_turns_the_line_round_turns_its_own_alone(world: World) -> None:
    """U+202E in an account's name: every place where it stands is isolated (`bdi`), or is a field of its own."""
    hostile_world(world)
    person = world.browser()
    world.proof_arrives("fifth", email=f"mail{RTL}@acme.example")
    person.follow(person.get("/.linkmw/prove?handle=fifth"))
    shown = [person.page, *(answer.body.decode() for _, answer in pages(world))]
    isolated = 0
    for html in shown:
        for text, inside in Page(html).texts:
            if "\u202e" in text:
                assert "bdi" in inside, text
                isolated += 1
    assert isolated >= 4


def test_xs10_the_button_bears_a_hostile_brand(world: World, person: Browser) -> None:
    async def state() -> Any:
        from linkmw.gate.ports import HubState

        return HubState("beside", True, Branding(f"Brand{HOSTILE}", "P", BRANDING.primary))

    world.hub.state = state  # type: ignore[method-assign]
    answer = person.get("/login")
    assert isinstance(answer, Decorate)
    for fragment in (answer.button, answer.marked_button, answer.fixed_button):
        page = Page(fragment)
        assert "x-evil" not in page.tags
        assert "Brand&#34;&gt;&lt;x-evil" in fragment


# ---- cookies


def test_sc05_sc06_one_cookie_of_one_kind_whatever_the_scheme(world: World) -> None:
    """`__Host-` and Secure on plain http too: there is no weaker development mode (docs/decisions.md)."""
    for public_url in (SITE, "http://orders.localhost:8001"):
        own = World(public_url=public_url)
        person = own.browser()
        person.starts()
        person.get("/.linkmw/callback?state=x&code=y")
        person.arrives()
        assert set(person.cookies) == {cookie_name("orders")}
    cookies = [value for _, answer in pages(world) for name, value in answer.headers if name == "Set-Cookie"]
    own_cookies = [value for value in cookies if value.startswith("__Host-")]
    assert own_cookies
    for value in own_cookies:
        assert len(value) < 300
        assert {"Path=/", "Secure", "HttpOnly", "SameSite=Lax"} <= set(value.split("; "))


def test_sc08_signed_out_in_another_tab_the_way_under_way_begins_a_session_of_its_own(world: World) -> None:
    person = world.browser()
    person.signs_in_natively(ADA)
    before = person.cookies["session"]
    state = person.starts()["state"]
    world.product.sessions.clear()  # the product's own sign-out, in another tab, which leaves the cookie here
    assert person.account == ""
    assert person.returns(state).status == 303
    assert person.account == ADA.account_id
    assert person.cookies["session"] != before


def test_sc08_back_to_a_form_after_sign_out_does_nothing(world: World) -> None:
    """Ada goes back to the page "still signed in" after she has signed out in another tab, and presses it."""
    person = world.browser()
    person.signs_in_natively(ADA)
    person.arrives()
    world.product.sessions.clear()
    answer = person.submit(sign_out="1")
    assert answer.status == 303
    person.follow(answer)
    assert heading(person.page) == "Link your account"
    assert person.account == ""
