"""A person at a plain browser who links an account, does what each page says, and does not give up in bad weather."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx2
import pyotp
from tests.e2e.person import BRAND

from linkmw.demo.parts.realm import Person as Identity
from linkmw.demo.product import ProductServer
from linkmw.demo.products.people import Person as Account
from linkmw.demo.web import Browser, Page

MAX_SECONDS = 6.0  # for any one request, whatever the weather (KF01)
_IMPATIENT = 0.3  # seconds a person waits for a server that does not move at all
_WAYS_ON = ("Start again", "Try again", f"Open {BRAND} manager")
_WINDOW = (-1, 0, 1)  # periods of a code that the product takes

# Each step of the main job by the request that begins it, in order.
STEPS = (
    "login page", "start", "authorize", "keycloak page", "keycloak password", "callback", "proof request",
    "proof page", "password", "code", "go", "commit", "linked page", "continue", "product callback",
)  # fmt: skip


class Gone(Exception):
    """The browser shows a page of its own: the server it asked is not there."""


@dataclass(frozen=True, slots=True)
class Answered:
    step: str
    status: int
    seconds: float


class Walker(Browser):
    """One person's walk. strike: called once, just before the request of the step `at`; it makes the weather bad."""

    def __init__(self, product: ProductServer, hub_url: str, identity: Identity, account: Account) -> None:
        super().__init__()
        self.answers: list[Answered] = []
        self.frozen = ""  # the host that does not move
        self.bounded = True  # is any one request to take no longer than MAX_SECONDS?
        self._product, self._hub_url = product, hub_url
        self._identity, self._account = identity, account
        self._at, self._strike = "", lambda: None
        self._last: tuple[str, str, dict[str, str] | None] = ("GET", product.protected_url, None)
        self._codes: set[str] = set()

    def meets(self, at: str, strike: Callable[[], None]) -> None:
        self._at, self._strike = at, strike

    @property
    def struck(self) -> bool:
        return not self._at

    # --- what happens on the way ----------------------------------------------------------------

    def _send(self, method: str, url: str, body: dict[str, str] | None, origin: str) -> httpx2.Response:
        step = self.step_of(method, url, body or {})
        self._last = (method, url, body)
        if step and step == self._at:
            self._at = ""
            self._strike()
        self._client.timeout = httpx2.Timeout(_IMPATIENT if self.frozen == urlsplit(url).hostname else 20)
        began = time.monotonic()
        try:
            answer = super()._send(method, url, body, origin)
        except httpx2.TransportError as error:
            raise Gone(f"{step}: {type(error).__name__}") from None
        self._check(Answered(step, answer.status_code, time.monotonic() - began), url, answer.text)
        return answer

    def _check(self, answered: Answered, url: str, text: str) -> None:
        self.answers.append(answered)
        assert answered.seconds < MAX_SECONDS or not self.bounded, answered
        if self._is_ours(url):
            assert answered.status in (200, 204, 303, 400, 403, 404, 409, 422, 429, 503), (answered, text)
        else:
            assert answered.status < 500, (answered, text)

    def step_of(self, method: str, url: str, body: dict[str, str]) -> str:
        parts = urlsplit(url)
        path, there = parts.path, f"{parts.scheme}://{parts.netloc}"
        if there == self._product.url:
            own = path.removeprefix("/.linkmw/")
            if path == self._product.plan.login_path and method == "GET":
                return "login page"
            if path != own and own == "prove" and method == "POST":
                return "code" if "code" in body else "password" if "password" in body else ""
            if path != own and own == "prove":
                return "proof request" if "handle=" in parts.query else "proof page"
            return {"login": "start", "callback": "product callback", "go": "go"}.get(own, "") if path != own else ""
        if there == self._hub_url:
            named = {"/proved": "commit", "/linked": "linked page", "/continue": "continue"}
            return "authorize" if path.endswith("/authorize") else named.get(path, "callback")
        return "keycloak password" if method == "POST" else "keycloak page"

    def _is_ours(self, url: str) -> bool:
        return url.startswith((f"{self._hub_url}/", f"{self._product.url}/.linkmw/"))

    # --- what a person does -----------------------------------------------------------------------

    def comes(self) -> None:
        self.open(self._product.protected_url)

    def reloads(self) -> None:
        self._navigate(*self._last)

    def comes_back_later(self) -> None:
        """Days have passed: the product's session and what it kept here are over, Keycloak's session is not."""
        self._cookies.pop(self._product.host, None)

    def acts(self) -> None:
        """The next thing that the page asks for or offers."""
        page = self.page
        if self.is_refused:
            self._takes_way_on(page)
        elif any("username" in form.fields for form in page.forms) and "keycloak" in page.url:
            self._fills(page, "username", username=self._identity.email, password=self._identity.password)
        elif "Link your account" in page.headings:
            self._fills(page, "password", username=self._account.username, password=self._account.password)
        elif "Two-factor authentication" in page.headings and self._is_ours(page.url):
            self._fills(page, "code", code=self._fresh_code())
        elif "Your accounts are linked" in page.headings:
            self.submit(page.form_of("Continue"))
        elif any("sign_out" in form.fields for form in page.forms) or "still signed in" in page.text:
            self.submit(page.forms[0], sign_out="1")
        elif f"Sign in with {BRAND}" in page.links:
            self.press(f"Sign in with {BRAND}")
        elif self.is_signed_in:  # to the product, but not linked: the same button's address
            self.open(f"{self._product.url}/.linkmw/login?next={self._product.plan.opens}")
        else:
            self.comes()

    def _fills(self, page: Page, field: str, **values: str) -> None:
        self.submit(page.form_with(field), **values)

    def _fresh_code(self) -> str:
        totp = pyotp.TOTP(self._account.totp_secret)
        codes = [totp.at(int(time.time()) + 30 * step) for step in _WINDOW]
        code = next((code for code in codes if code not in self._codes), codes[-1])
        self._codes.add(code)
        return code

    def _takes_way_on(self, page: Page) -> None:
        for words in _WAYS_ON:
            if words in page.links:
                self.press(words)
                return
        raise AssertionError(f"no way on: {page.text}")

    # --- what a person sees -----------------------------------------------------------------------

    def cookies(self, host: str) -> dict[str, str]:
        """What this browser keeps for a host."""
        return dict(self._cookies.get(host, {}))

    @property
    def is_refused(self) -> bool:
        return 'class="reference"' in self.page.text

    @property
    def reference(self) -> str:
        found = re.search(r'class="reference">([^<]+)<', self.page.text)
        return found.group(1) if found else ""

    @property
    def is_signed_in(self) -> bool:
        """To the product, whose page this is; as nobody else, whatever happened."""
        found = re.search(r"Signed in as <strong>([^<]+)</strong>", self.page.text)
        assert found is None or found.group(1) == self._account.username, self.page.text
        return found is not None and self.page.url.startswith(self._product.url)

    @property
    def offers_native_login(self) -> bool:
        """A form of the product's own that asks for a password."""
        return self.page.url.startswith(self._product.login_url) and 'name="password"' in self.page.text
