"""The plain browser of `make demo CHECK=1` behaves as browsers do where it matters."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from linkmw.demo.web import Browser, Page, Stuck

PAGE = """
<h1>Link your <em>account</em></h1>
<a href="/other?a=1&amp;b=2">Sign in with
  ACME ID</a>
<form method="post" action="prove"><input type="hidden" name="csrf" value="t&quot;1">
<input name="username"><button>Continue</button></form>
<form action="/out"><button type="submit">Sign out</button></form>
"""


class Site(BaseHTTPRequestHandler):
    """`/set` gives cookies, `/seen` shows what came, `/on` goes on by itself, `/round` for ever."""

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        self.send_response(303 if path in ("/set", "/unset", "/round") else 200)
        if path == "/set":
            self.send_header("Set-Cookie", "__Host-a=1; Secure; Path=/; HttpOnly")
            self.send_header("Set-Cookie", "b=2; Path=/")
        if path == "/unset":
            self.send_header("Set-Cookie", 'b=""; Max-Age=0; Path=/')
        if path in ("/set", "/unset"):
            self.send_header("Location", "/seen")
        if path == "/round":
            self.send_header("Location", "/round")
        self.end_headers()
        text = f"{self.headers['Cookie']} | {self.headers['Sec-Fetch-Site']} | {self.headers['Host']}"
        if path == "/on":
            text = '<meta http-equiv="refresh" content="0; url=/seen"><h1>Going on</h1>'
        self.wfile.write(text.encode())

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body + b" " + self.headers["Origin"].encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def port() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Site) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        yield server.server_port
        server.shutdown()


@pytest.fixture
def browser() -> Iterator[Browser]:
    with Browser() as opened:
        yield opened


def test_a_page_is_its_headings_links_and_forms() -> None:
    page = Page("http://shop.localhost/.linkmw/login", PAGE)
    assert page.headings == ["Link your account"]
    assert page.links == {"Sign in with ACME ID": "http://shop.localhost/other?a=1&b=2"}
    form = page.form_with("username")
    assert (form.action, form.method) == ("http://shop.localhost/.linkmw/prove", "post")
    assert form.fields == {"csrf": 't"1', "username": ""}
    assert page.form_of("Sign out").action == "http://shop.localhost/out"


def test_what_is_not_there_is_said() -> None:
    page = Page("http://shop.localhost/a?secret=1", PAGE)
    with pytest.raises(Stuck, match="no form with a field 'code'") as stuck:
        page.form_with("code")
    assert "secret" not in str(stuck.value)
    with pytest.raises(Stuck, match="no button 'Submit'"):
        page.form_of("Submit")


def test_names_under_localhost_are_reached_and_keep_their_cookies_apart(browser: Browser, port: int) -> None:
    seen = browser.open(f"http://shop.localhost:{port}/set").text
    assert seen == f"__Host-a=1; b=2 | none | shop.localhost:{port}"
    assert browser.open(f"http://hub.localhost:{port}/seen").text == f"None | cross-site | hub.localhost:{port}"
    assert browser.open(f"http://shop.localhost:{port}/unset").text.startswith("__Host-a=1 |")


def test_a_page_that_goes_on_is_not_one_that_was_seen(browser: Browser, port: int) -> None:
    page = browser.open(f"http://shop.localhost:{port}/on")
    assert page.text.endswith(f"| same-origin | shop.localhost:{port}")
    assert browser.visited == [page]


def test_forms_are_sent_with_their_origin(browser: Browser, port: int) -> None:
    page = Page(f"http://shop.localhost:{port}/", PAGE)
    sent = browser.submit(page.form_with("username"), username="ada l").text
    assert sent == f"csrf=t%221&username=ada+l http://shop.localhost:{port}"


def test_a_ring_of_redirects_ends(browser: Browser, port: int) -> None:
    with pytest.raises(Stuck, match="steps without a page"):
        browser.open(f"http://shop.localhost:{port}/round")


def test_pressing_what_is_not_there_is_said(browser: Browser, port: int) -> None:
    browser.open(f"http://shop.localhost:{port}/seen")
    with pytest.raises(Stuck, match="no link 'Sign in'"):
        browser.press("Sign in")
