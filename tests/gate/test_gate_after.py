"""Whom a session names once an answer is there: what the answer does to the cookies, and what the adapter then says."""

from __future__ import annotations

from typing import Any

import pytest

from linkmw.gate.after import account_after, account_before, answered, complete_account, with_cookies
from linkmw.http import Headers, Request, read_cookie
from linkmw.model import Account

ADA = Account("17", "ada", "")


def cookies(*values: str) -> Headers:
    return tuple(("Set-Cookie", value) for value in values)


@pytest.mark.parametrize(
    ("sent", "set_by", "after"),
    [
        ("", (), ""),
        ("a=1; s=old", (), "a=1; s=old"),
        ("a=1; s=old", ("s=new; Path=/; HttpOnly",), "a=1; s=new"),
        ("a=1", ("s=new",), "a=1; s=new"),
        ("s=old", ("s=new", "s=newer"), "s=newer"),
        ("s=tossed; s=own", ("s=new; Path=/",), "s=new"),  # whoever's came first on the wire
        ("s=old; a=1", ("s=; Max-Age=0",), "a=1"),
        ("s=old", ("s=; Max-Age=-1",), ""),
        ("s=old", ("s=gone; Expires=Thu, 01 Jan 1970 00:00:00 GMT",), ""),
        ("s=old", ("s=gone; expires=Thu, 01-Jan-1970 00:00:00 GMT",), ""),
        ("s=old", ("s=new; Expires=Thu, 01 Jan 2999 00:00:00 GMT",), "s=new"),
        ("s=old", ("s=new; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT",), "s=new"),
        ("s=old", ("s=new; Expires=whenever",), "s=new"),
        ("s=old", ("s=; Max-Age=0", "s=new"), "s=new"),
        ("s=old", ("s=new", "s=; Max-Age=0"), ""),
        ("s=old", ("s=new; Path=/", "s=; Path=/old; Max-Age=0"), "s=new"),
        ("s=old", ("s=a=b==",), "s=a=b=="),
        ("a;s=old", ("s=new",), "a; s=new"),
    ],
)
def test_an_answer_sets_and_takes_away_what_the_browser_sends_next(
    sent: str, set_by: tuple[str, ...], after: str
) -> None:
    assert with_cookies(sent, (("Content-Type", "text/html"), *cookies(*set_by))) == after


class Product:
    """Its session is the cookie `s`: "17" names Ada, "17?" one whose second factor is under way."""

    def _named(self, request: Request) -> str:
        raw: Any = request.raw
        header = raw["HTTP_COOKIE"] if "HTTP_COOKIE" in raw else dict(raw["headers"]).get(b"cookie", b"").decode()
        return read_cookie(header, "s") or ""

    def current_account(self, request: Request) -> Account | None:
        return ADA if self._named(request).startswith("17") else None

    def is_complete(self, request: Request) -> bool:
        return self._named(request) == "17"


def environ() -> dict[str, Any]:
    return {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/login",
        "QUERY_STRING": "next=/",
        "HTTP_COOKIE": "s=17?",
        "CONTENT_LENGTH": "12",
        "wsgi.input": None,
        "werkzeug.request": object(),
        "house.tenant": "acme",
    }


def scope() -> dict[str, Any]:
    return {
        "type": "http",
        "method": "POST",
        "path": "/shop/login",
        "root_path": "/shop",
        "query_string": b"next=/",
        "headers": [(b"host", b"orders.example"), (b"cookie", b"s=17?"), (b"content-length", b"12")],
        "house.tenant": "acme",
    }


def asked(raw: dict[str, Any]) -> Request:
    headers = {"cookie": "s=17?", "host": "orders.example", "content-length": "12"}
    return Request("POST", "/login", "next=/", headers, b"password=123", raw=raw)


@pytest.mark.parametrize("raw", [environ, scope])
def test_pr04_any_adapter_is_asked_about_the_request_that_comes_next(raw: Any) -> None:
    product: Any = Product()
    request = asked(raw())
    assert complete_account(product, request) is None  # half a login
    assert account_after(product, request, ()) is None
    assert account_after(product, request, cookies("s=17")) == ADA
    assert account_after(product, request, cookies("s=17?")) is None
    assert account_after(product, request, cookies("s=; Max-Age=0")) is None


@pytest.mark.parametrize(
    ("cookie", "is_half", "before"),
    [
        ("s=", None, None),
        ("s=17?", None, None),  # half a login, for all that `is_complete` says
        ("s=17", None, ADA),
        ("s=17?", False, ADA),  # and may be a whole one
        ("s=17", True, None),
        ("s=", False, None),
    ],
)
def test_pr05_before_a_proof_only_what_is_half_for_certain_is_nobodys(
    cookie: str, is_half: bool | None, before: Account | None
) -> None:
    product: Any = Product()
    if is_half is not None:
        product.is_half = lambda request: is_half
    assert account_before(product, Request("GET", "/", raw={"HTTP_COOKIE": cookie})) == before


def test_an_adapter_that_knows_is_believed() -> None:
    class Knowing(Product):
        def account_after(self, request: Request, headers: Headers) -> Account | None:
            return ADA if headers and request.method == "POST" else None

    product: Any = Knowing()
    assert account_after(product, asked(environ()), cookies("s=23")) == ADA
    assert account_after(product, asked(environ()), ()) is None


def test_the_next_request_has_no_body_and_keeps_what_others_put_beside_it() -> None:
    before = environ()
    found = answered(asked(before), cookies("s=17"), "/größe").raw
    assert (found["REQUEST_METHOD"], found["QUERY_STRING"], found["HTTP_COOKIE"]) == ("GET", "", "s=17")
    assert found["PATH_INFO"].encode("latin-1").decode() == "/größe"
    assert found["wsgi.input"].read() == b""
    assert "CONTENT_LENGTH" not in found
    assert "werkzeug.request" not in found
    assert found["house.tenant"] == "acme"
    assert before == environ() | {"werkzeug.request": before["werkzeug.request"]}


def test_the_next_request_stays_inside_its_mount() -> None:
    found = answered(asked(scope()), cookies("s=17"), "/home").raw
    assert (found["method"], found["path"], found["query_string"]) == ("GET", "/shop/home", b"")
    assert found["headers"] == [(b"host", b"orders.example"), (b"cookie", b"s=17")]
    assert found["house.tenant"] == "acme"


def test_what_is_no_environ_and_no_scope_is_left_alone() -> None:
    raw = object()
    found = answered(Request("POST", "/login", headers={"cookie": "a=1"}, raw=raw), cookies("s=17"))
    assert found.raw is raw
    assert found.headers["cookie"] == "a=1; s=17"
