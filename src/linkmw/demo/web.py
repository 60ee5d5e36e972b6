"""A browser of the plainest kind: cookies, forms, links, redirects, and pages that go on by themselves.

It takes `Secure` cookies over plain http from *.localhost and connects those names to 127.0.0.1, as browsers do.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Self
from urllib.parse import urljoin, urlsplit

import httpx2

_MAX_STEPS = 20
_REDIRECTS = (301, 302, 303, 307, 308)


class Stuck(Exception):
    """The browser is not where it should be. The message says where it is, and what is there."""


@dataclass
class Form:
    """A form as it stands in a page. button: the words on its (last) button."""

    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)
    button: str = ""


class Page(HTMLParser):
    """What matters of a page: heading, forms, links by their words, where it goes on by itself."""

    def __init__(self, url: str, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.url = url
        self.text = text
        self.forms: list[Form] = []
        self.links: dict[str, str] = {}
        self.headings: list[str] = []
        self.goes_on = ""
        self._open: list[tuple[str, str]] = []
        self._words = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        if tag == "form":
            action = urljoin(self.url, attributes.get("action", ""))
            self.forms.append(Form(action, attributes.get("method", "get").lower()))
        elif tag == "input" and self.forms and attributes.get("name"):
            self.forms[-1].fields[attributes["name"]] = attributes.get("value", "")
        elif tag == "meta" and attributes.get("http-equiv", "").lower() == "refresh":
            self.goes_on = urljoin(self.url, attributes.get("content", "").partition("url=")[2])
        elif tag in ("a", "button", "h1"):
            self._open.append((tag, attributes.get("href", "")))
            self._words = ""

    def handle_data(self, data: str) -> None:
        self._words += data

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open[-1][0] != tag:
            return
        _, href = self._open.pop()
        words = " ".join(self._words.split())
        if tag == "a":
            self.links[words] = urljoin(self.url, href)
        elif tag == "h1":
            self.headings.append(words)
        elif self.forms:
            self.forms[-1].button = words

    def form_with(self, name: str) -> Form:
        """The form that has a field of this name. Raises Stuck."""
        for form in self.forms:
            if name in form.fields:
                return form
        raise Stuck(f"no form with a field {name!r} on {self}")

    def form_of(self, button: str) -> Form:
        """The form with this button. Raises Stuck."""
        for form in self.forms:
            if form.button == button:
                return form
        raise Stuck(f"no button {button!r} on {self}")

    def __str__(self) -> str:
        return f"{self.url.partition('?')[0]} ({', '.join(self.headings) or 'no heading'})"


class Browser:
    """One person's browser. `page` is what it shows; `visited` the pages a person would have seen, oldest first."""

    def __init__(self) -> None:
        self._client = httpx2.Client(follow_redirects=False, timeout=20)
        self._cookies: dict[str, dict[str, str]] = {}
        self.page = Page("about:blank", "")
        self.visited: list[Page] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def open(self, url: str) -> Page:
        return self._navigate("GET", url, None)

    def press(self, link: str) -> Page:
        """Follow the link with these words. Raises Stuck when there is none."""
        if link not in self.page.links:
            raise Stuck(f"no link {link!r} on {self.page}")
        return self.open(self.page.links[link])

    def submit(self, form: Form, **values: str) -> Page:
        """Fill in and send a form."""
        fields = {**form.fields, **values}
        if form.method == "post":
            return self._navigate("POST", form.action, fields)
        return self.open(str(httpx2.URL(form.action).copy_merge_params(fields)))

    def _navigate(self, method: str, url: str, body: dict[str, str] | None) -> Page:
        origin = self.page.url
        for _ in range(_MAX_STEPS):
            answer = self._send(method, url, body, origin)
            if answer.status_code in _REDIRECTS and "location" in answer.headers:
                url = urljoin(url, answer.headers["location"])
                if answer.status_code in (301, 302, 303):
                    method, body = "GET", None
                continue
            self.page = Page(url, answer.text)
            if not self.page.goes_on:
                self.visited.append(self.page)
                return self.page
            origin, url, method, body = url, self.page.goes_on, "GET", None
        raise Stuck(f"{_MAX_STEPS} steps without a page, the last to {url.partition('?')[0]}")

    def _send(self, method: str, url: str, body: dict[str, str] | None, origin: str) -> httpx2.Response:
        parts = urlsplit(url)
        host = parts.hostname or ""
        local = host == "localhost" or host.endswith(".localhost")
        target = parts._replace(netloc=f"127.0.0.1:{parts.port or 80}").geturl() if local else url
        headers = {
            "Host": parts.netloc,
            "Accept": "text/html",
            "User-Agent": "linkmw-demo",
            "Sec-Fetch-Dest": "document",
            "Sec-Fetch-Mode": "navigate",
            "Sec-Fetch-Site": _relation(origin, url),
            "Sec-Fetch-User": "?1",
        }
        if method == "POST":
            headers["Origin"] = f"{parts.scheme}://{parts.netloc}"
        if kept := self._cookies.get(host):
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in kept.items())
        answer = self._client.request(method, target, data=body, headers=headers)
        self._client.cookies.clear()  # it would keep them for 127.0.0.1, and send one party's to another
        self._keep(host, answer)
        return answer

    def _keep(self, host: str, answer: httpx2.Response) -> None:
        kept = self._cookies.setdefault(host, {})
        for line in answer.headers.get_list("set-cookie"):
            pair, *attributes = (part.strip() for part in line.split(";"))
            name, _, value = pair.partition("=")
            if _expired([attribute.lower() for attribute in attributes]):
                kept.pop(name, None)
            else:
                kept[name] = value


def _expired(attributes: list[str]) -> bool:
    return any(
        attribute.replace(" ", "") in ("max-age=0", "max-age=-1") or attribute.startswith("expires=thu, 01 jan 1970")
        for attribute in attributes
    )


def _relation(origin: str, url: str) -> str:
    """Sec-Fetch-Site, as far as hosts of the demo go: each host name under localhost is a site of its own."""
    if origin == "about:blank":
        return "none"
    before, after = urlsplit(origin), urlsplit(url)
    if (before.hostname, before.port) == (after.hostname, after.port):
        return "same-origin"
    return "same-site" if before.hostname == after.hostname else "cross-site"
