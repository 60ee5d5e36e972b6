"""The product's login routes, fetched as a browser would: is the button in them, and what else do they say?"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx2

from linkmw.cli.doctor import catalogue as checks
from linkmw.cli.doctor.findings import Finding
from linkmw.gate import places
from linkmw.gate.ports import HubState
from linkmw.settings import Settings
from linkmw.switch import effective

SECONDS = 10
_SERVICE_WORKER = re.compile(r"serviceWorker\s*(?:\?\.|\.)\s*register")


def findings(settings: Settings, at: str, state: HubState | None) -> Iterator[Finding]:
    """at: the product as this machine reaches it. state: the hub's word, None while it says nothing."""
    for path in settings.login_paths:
        try:
            page = _fetch(settings, at, path)
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
            yield checks.LOGIN.warning(f"does not answer at {at}: {type(error).__name__}", of=path)
            continue
        yield _login(settings, path, page, state)
        yield from _cookies(settings, path, page)
        if _SERVICE_WORKER.search(page.text):
            yield checks.SERVICE_WORKER.warning("the page registers a service worker", of=path)


def _fetch(settings: Settings, at: str, path: str) -> httpx2.Response:
    """The page, asked for in the product's public name wherever it is reached."""
    public, where = urlsplit(settings.public_url), urlsplit(at.rstrip("/"))
    headers = {"Accept": "text/html", "Host": public.netloc, "X-Forwarded-Proto": public.scheme}
    if (where.hostname or "").endswith(".localhost"):  # this machine, as browsers know without asking (RFC 6761, 6.3)
        where = where._replace(netloc=f"127.0.0.1:{where.port or 80}")
    return httpx2.get(where.geturl() + path, headers=headers, timeout=SECONDS, follow_redirects=False)


def _login(settings: Settings, path: str, page: httpx2.Response, state: HubState | None) -> Finding:
    ours, before = places.ours(settings, "login"), places.ours(settings, "sign-in")
    mode = effective(settings.mode, state.mode, healthy=state.healthy, percent=state.percent) if state else "off"
    if page.status_code in (302, 303, 307) and ours in page.headers.get("location", ""):
        return checks.LOGIN.ok("leads to the hub", of=path)
    if page.status_code == 303 and page.headers.get("location", "").startswith(before):
        return checks.LOGIN.ok("is behind our page with the button", of=path)
    if page.status_code == 200 and f'href="{ours}' in page.text:
        return checks.LOGIN.ok("has the button", of=path)
    if page.is_redirect:
        return checks.LOGIN.wrong(f"leads to {page.headers['location']}, HTTP {page.status_code}", of=path)
    if page.status_code != 200:
        return checks.LOGIN.wrong(f"answers HTTP {page.status_code}", of=path)
    if mode == "off" or not settings.on:
        return checks.LOGIN.ok("answers, without the button, as linkmw is off here now", of=path)
    if state and state.percent < 100:
        return checks.LOGIN.ok(f"answers; only {state.percent} percent of browsers see linkmw", of=path)
    return checks.LOGIN.wrong("answers without the button", of=path)


def _cookies(settings: Settings, path: str, page: httpx2.Response) -> Iterator[Finding]:
    """What the page's own cookies say; a login page that sets none says nothing."""
    for cookie in page.headers.get_list("set-cookie"):
        name = cookie.partition("=")[0]
        said = cookie.lower().replace(" ", "")
        if name.startswith("__Host-linkmw"):
            continue
        if settings.public_url.startswith("https:") and ";secure" not in said:
            yield checks.COOKIE.warning(f"{name} is not Secure", of=path)
        elif ";samesite=strict" in said:
            yield checks.COOKIE.warning(f"{name} is SameSite=Strict", of=path)
