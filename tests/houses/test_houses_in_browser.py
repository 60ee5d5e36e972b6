"""The button in login pages of every kind, in a real Chromium: it is to be seen, and a press on it is a press on it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
import waitress.server
from tests.gate.world import FakeProduct
from tests.houses.login_pages import CARRYING, PAGES, product

from linkmw import wsgi
from linkmw.settings import load

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

VIEWS = [(scheme, width) for scheme in ("light", "dark") for width in (1280, 320)]
# Where a press on the link's middle and near its ends goes, once it was scrolled to; and what of its text is cut off.
PRESSED = """link => {
    link.scrollIntoView({block: "nearest"});
    const box = link.getBoundingClientRect(), text = link.querySelector(".lm-text").getBoundingClientRect();
    const hits = [.08, .5, .92].map(part =>
        document.elementFromPoint(box.left + box.width * part, box.top + box.height / 2));
    return {
        hit: hits.every(hit => hit !== null && link.contains(hit)),
        inside: box.left >= 0 && box.right <= innerWidth && box.top >= 0 && box.bottom <= innerHeight,
        whole: text.left >= box.left && text.right <= box.right && text.top >= box.top && text.bottom <= box.bottom,
        tall: box.height >= 44,
        sideways: document.documentElement.scrollWidth <= document.documentElement.clientWidth,
    };
}"""
WORDED = """(section, [lang, dir, text]) => {
    Object.assign(section, {lang, dir});
    section.querySelector(".lm-text").textContent = text;
}"""
WELL = {"hit": True, "inside": True, "whole": True, "tall": True, "sideways": True}
# Where wording is longest: what the button would say in other languages, with a long brand.
TEXTS = (
    ("fi", "Kirjaudu sisään Nordwind-yritystunnuksella Identiteetti"),
    ("hu", "Bejelentkezés a következővel: Nordwind Vállalati Azonosító"),
    ("el", "Συνδεθείτε χρησιμοποιώντας το Nordwind Εταιρική Ταυτότητα"),
    ("ru", "Войти с помощью учётной записи Nordwind Корпоративный ID"),
    ("ta", "நோர்த்விண்ட் நிறுவன அடையாளத்தைப் பயன்படுத்தி உள்நுழையவும்"),
    ("de", "Mit Nordwind-Unternehmensidentitätsverwaltungskonto anmelden"),
    ("nl", "Inloggen met Nordwind-bedrijfsidentiteitsbeheerdersaccount"),
    ("pt", "Iniciar sessão com a Identidade Corporativa Nordwind"),
    ("ar", "تسجيل الدخول باستخدام هوية شركة نوردويند الموحدة"),
    ("he", "התחברות באמצעות הזהות הארגונית המאוחדת של נורדווינד"),
)


Served = Callable[..., str]


@pytest.fixture(scope="module")
def served(hub_that_is_well: str, redis_server: str) -> Iterator[Served]:
    """Starts the product behind linkmw with more settings, and answers its URL. mount: taken off by waitress."""
    running: list[tuple[Any, threading.Thread]] = []

    def start(mount: str = "", **settings: object) -> str:
        server: Any = waitress.server.create_server(
            lambda *asked: app(*asked), host="127.0.0.1", port=0, url_prefix=mount, threads=8
        )
        url = f"http://product.localhost:{server.effective_port}{mount}"
        complete = {
            "hub_url": "http://hub.localhost",
            "hub_internal_url": hub_that_is_well,
            "public_url": url,
            "organization_id": "acme",
            "client_id": "product",
            "client_secret": "s" * 43,
            "redis_url": redis_server,
            "login_paths": list(PAGES),
            "probe_timeout": 5,
            "redis_timeout": 5,
            "probe_seconds": 600,
        }
        app = wsgi.wrap(product, product=FakeProduct(), settings=load({**complete, **settings}, {}))
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        running.append((server, thread))
        return url

    yield start
    for server, thread in running:
        server.close()
        thread.join(5)


@pytest.fixture(scope="module")
def at(served: Served) -> str:
    return served()


@contextmanager
def window(chromium: Browser, **more: Any) -> Iterator[tuple[Page, list[str]]]:
    """A page, and what its console says of policies."""
    said: list[str] = []
    context = chromium.new_context(viewport={"width": 1280, "height": 720}, **more)
    context.route("http://hub.localhost/**", lambda route: route.fulfill(body="the hub", content_type="text/plain"))
    page = context.new_page()
    page.on("console", lambda message: said.append(message.text) if "Security Policy" in message.text else None)
    yield page, said
    context.close()


def button(page: Page) -> Any:
    return page.locator(".lm-signin a.lm-link")


@pytest.mark.parametrize("path", CARRYING)
def test_xs05_xs09_p02_the_button_is_seen_and_pressed_in_any_login_page(chromium: Browser, at: str, path: str) -> None:
    with window(chromium) as (page, said):
        page.goto(at + path)
        page.get_by_role("button", name="Log in").wait_for()  # a script may have made the form
        for scheme, width in VIEWS:
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            page.set_viewport_size({"width": width, "height": 720})
            assert button(page).evaluate(PRESSED) == WELL, (scheme, width)
        assert page.get_by_role("button", name="Log in").evaluate(NATIVE_PRESSED)
        button(page).click()
        page.wait_for_url("http://hub.localhost/o/product/authorize?**")
        assert said == []


# The native button is still one.
NATIVE_PRESSED = """button => {
    button.scrollIntoView({block: "center"});
    const box = button.getBoundingClientRect();
    return document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2) === button;
}"""


def test_xs09_it_is_where_the_page_says(chromium: Browser, at: str) -> None:
    with window(chromium) as (page, _):
        for path, placed in (
            ("/login", "form ~ .lm-signin"),
            ("/marker", "aside > .lm-signin"),
            ("/tag", "aside > linkmw-button > .lm-signin"),
            ("/spa", "body > .lm-fixed"),
        ):
            page.goto(at + path)
            assert page.locator(placed).count() == 1, path


@pytest.mark.parametrize("path", ["/login", "/spa"])
def test_ten_languages_worth_of_text_does_not_break_it(chromium: Browser, at: str, path: str) -> None:
    with window(chromium) as (page, _):
        page.goto(at + path)
        page.get_by_role("button", name="Log in").wait_for()
        for lang, text in TEXTS:
            page.locator(".lm-signin").evaluate(
                WORDED,
                [lang, "rtl" if lang in ("ar", "he") else "ltr", text],
            )
            for width in (320, 1280):
                page.set_viewport_size({"width": width, "height": 720})
                assert button(page).evaluate(PRESSED) == WELL, (lang, width)


@pytest.mark.parametrize(("locale", "text"), [("de", "Mit ACME ID anmelden"), ("ja", "ACME ID でサインイン")])
def test_the_button_speaks_the_browsers_language(chromium: Browser, at: str, locale: str, text: str) -> None:
    with window(chromium, locale=locale) as (page, _):
        page.goto(at + "/spa")
        assert button(page).inner_text() == text


def test_ht08_it_leads_to_the_mount(chromium: Browser, served: Served) -> None:
    mounted = served(mount="/app")
    with window(chromium) as (page, said):
        page.goto(mounted + "/login")
        assert button(page).evaluate(PRESSED) == WELL
        assert button(page).get_attribute("href") == "/app/.linkmw/login"
        button(page).click()
        page.wait_for_url("http://hub.localhost/o/product/authorize?**")
        assert said == []


def test_xs09_what_cannot_carry_it_is_left_alone_and_a_page_before_it_can(
    chromium: Browser, at: str, served: Served
) -> None:
    with window(chromium) as (page, _):
        page.goto(at + "/compressed-always")
        assert page.get_by_role("button", name="Log in").is_visible()
        assert button(page).count() == 0

    with window(chromium) as (page, said):
        url = served(button="interstitial", login_paths=["/compressed-always"])
        page.goto(url + "/compressed-always?next=/orders")
        assert page.get_by_role("heading", name="Sign in to Orders", exact=True).is_visible()
        page.get_by_role("link", name="Sign in with your Orders password", exact=True).click()
        page.wait_for_url(url + "/compressed-always?next=%2Forders")
        page.goto(url + "/compressed-always")  # as after a wrong password
        assert page.get_by_role("button", name="Log in").is_visible()
        page.context.clear_cookies()
        page.goto(url + "/compressed-always")
        page.get_by_role("link", name="Sign in with ACME ID", exact=True).click()
        page.wait_for_url("http://hub.localhost/o/product/authorize?**")
        assert said == []
