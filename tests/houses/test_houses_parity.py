"""What the product routes to its login view carries the button, and nothing else does: on real servers, to the byte.

A row is a spelling of a request target and the houses in which it reaches the login view. That is what the *bare*
product does; the wrapped one is held against it.
"""

from __future__ import annotations

import pytest
from tests.houses.conftest import Street
from tests.houses.pages import PAGE
from tests.houses.serve import MOUNT
from tests.houses.wire import Answer, ask

ALL = frozenset(("wsgi/django", "wsgi/flask", "asgi/django", "asgi/starlette"))
WSGI = frozenset(house for house in ALL if house.startswith("wsgi/"))
FLASK = frozenset(("wsgi/flask",))
STARLETTE = frozenset(("asgi/starlette",))
NOWHERE: frozenset[str] = frozenset()

SPELLINGS: tuple[tuple[str, bytes, frozenset[str]], ...] = (
    # HT01: any character may be written in percent
    ("ht01", b"/login", ALL),
    ("ht01", b"/%6cogin", ALL),
    ("ht01", b"/lo%67in", ALL),
    ("ht01", b"/%6C%6F%67%69%6E", ALL),
    ("ht01", b"/login?next=/orders", ALL),
    ("ht01", b"/login?", ALL),
    # HT02: slashes before the path
    ("ht02", b"//login", FLASK),
    ("ht02", b"///login", FLASK),
    ("ht02", b"/%2flogin", FLASK),
    ("ht02", b"/%2Flogin?next=/orders", FLASK),
    # HT03: a line break after it
    ("ht03", b"/login%0a", STARLETTE),
    ("ht03", b"/login%0A?next=/orders", STARLETTE),
    ("ht03", b"/login%0a%0a", NOWHERE),
    ("ht03", b"/login%0d", NOWHERE),
    ("ht03", b"/login%0d%0a", NOWHERE),
    # HT04: a fragment, the absolute form
    ("ht04", b"/login#f", WSGI),
    ("ht04", b"/login?x#f", ALL),
    ("ht04", b"http://evil.example/login", WSGI),
    ("ht04", b"http://product.localhost/login?next=/orders", WSGI),
    ("ht04", b"login", NOWHERE),
    ("ht04", b"*", NOWHERE),
    # HT05: what reaches it nowhere
    ("ht05", b"/login/", NOWHERE),
    ("ht05", b"/login;x", NOWHERE),
    ("ht05", b"/login/;x", NOWHERE),
    ("ht05", b"/login%2f", NOWHERE),
    ("ht05", b"/./login", NOWHERE),
    ("ht05", b"/x/../login", NOWHERE),
    ("ht05", b"/LOGIN", NOWHERE),
    ("ht05", b"/login%00", NOWHERE),
    ("ht05", b"/%2569login", NOWHERE),
    ("ht05", b"/log%2569n", NOWHERE),
    ("ht05", b"/login%20", NOWHERE),
    ("ht05", b"/login.", NOWHERE),
    ("ht05", b"/l%c3%b6gin", NOWHERE),
    ("ht05", b"/login%c0%af", NOWHERE),
    ("ht05", b"/%EF%BC%8Flogin", NOWHERE),
    ("ht05", b"/%ff%fe", NOWHERE),
    ("ht05", b"/", NOWHERE),
    ("ht05", b"/account", NOWHERE),
    ("ht05", b"/.linkmw", NOWHERE),
    ("ht05", b"/.linkmw/", NOWHERE),
    ("ht05", b"/.linkmw/login/", NOWHERE),
    ("ht05", b"/.linkmw/LOGIN", NOWHERE),
    ("ht05", b"/x/.linkmw/login", NOWHERE),
)


def button_in(wrapped: Answer, page: bytes) -> bytes:
    """What was put into `page`, whose own bytes are all there in order; b"" when nothing was."""
    added = len(wrapped.body) - len(page)
    at = next((at for at in range(len(page) + 1) if wrapped.body[:at] + wrapped.body[at + added :] == page), None)
    assert at is not None, "the product's own bytes are not all there"
    # The text before and after may share characters: the fragment begins with its stylesheet.
    found = wrapped.body.find(b'<link rel="stylesheet" href="')
    return wrapped.body[found : found + added] if added else b""


def both(street: Street, house: str, *asked: object, **more: object) -> tuple[Answer, Answer]:
    """The same request to the bare and to the wrapped product."""
    return ask(street.port(f"{house}-bare"), *asked, **more), ask(street.port(house), *asked, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("house", sorted(ALL))
@pytest.mark.parametrize(
    ("target", "reaching"),
    [pytest.param(target, reaching, id=f"{entry} {target.decode()}") for entry, target, reaching in SPELLINGS],
)
def test_ht01_ht02_ht03_ht04_ht05_i5_decorated_is_what_the_product_routes_to_its_login(
    street: Street, house: str, target: bytes, reaching: frozenset[str]
) -> None:
    bare, wrapped = both(street, house, target)
    assert (bare.body == PAGE and bare.status == 200) is (house in reaching)
    if house not in reaching:
        assert wrapped.plain == bare.plain
        return
    assert b'href="/.linkmw/login' in button_in(wrapped, PAGE)
    assert wrapped.status == 200
    assert wrapped.header("content-length") == str(len(wrapped.body))


@pytest.mark.parametrize("house", sorted(ALL))
def test_ht05_djangos_redirect_to_the_slash_goes_on_working(street: Street, house: str) -> None:
    bare, wrapped = both(street, house, "/account")
    assert wrapped.plain == bare.plain
    assert bare.status == (301 if "django" in house else 404)
    if "django" in house:
        assert b"Sign in with ACME ID" in ask(street.port(house), "/account/").body


@pytest.mark.parametrize("house", sorted(ALL))
@pytest.mark.parametrize("method", ["POST", "OPTIONS", "TRACE", "PUT", "DELETE", "FOO", "post", "Post"])
def test_ht06_ht07_other_methods_are_the_products_own(street: Street, house: str, method: str) -> None:
    bare, wrapped = both(street, house, "/login", method)
    assert wrapped.plain == bare.plain


@pytest.mark.parametrize("house", sorted(ALL))
@pytest.mark.parametrize("method", ["get", "Get", "gET"])
def test_ht06_a_method_in_another_case_is_decorated_where_the_product_takes_it_for_get(
    street: Street, house: str, method: str
) -> None:
    bare, wrapped = both(street, house, "/login", method)
    assert (bare.status == 200) is (house == "asgi/django")  # WSGI servers refuse it, Starlette has no such method
    if bare.status == 200:
        assert b"Sign in with ACME ID" in button_in(wrapped, PAGE)
    else:
        assert wrapped.plain == bare.plain


@pytest.mark.parametrize("house", sorted(ALL))
@pytest.mark.parametrize("path", ["/login", "/login/tagged", "/login/length", "/login/public", "/login/gzip"])
def test_ht07_head_says_what_get_says_or_nothing(street: Street, house: str, path: str) -> None:
    get, head = ask(street.port(house), path), ask(street.port(house), path, "HEAD")
    assert head.body == b""
    assert head.status == get.status
    got, said = dict(get.headers), dict(head.headers)
    for name in ("date", "connection", "transfer-encoding"):
        got.pop(name, None), said.pop(name, None)
    if "content-length" not in said:
        got.pop("content-length", None)
    assert said == got


@pytest.mark.parametrize("house", sorted(ALL))
def test_ht08_a_mounted_product_is_decorated_at_its_mount(street: Street, house: str) -> None:
    """gunicorn's own SCRIPT_NAME (a header from a proxy it trusts), uvicorn's --root-path."""
    at_gunicorn = house.startswith("wsgi/")
    mount = (("SCRIPT_NAME", MOUNT),) if at_gunicorn else ()
    port = street.port(f"{house}-app")
    wrapped = ask(port, f"{MOUNT}/login" if at_gunicorn else "/login", headers=mount)
    assert f'href="{MOUNT}/.linkmw/login"'.encode() in button_in(wrapped, PAGE)
    outside = ask(port, f"{MOUNT}/login/x" if at_gunicorn else "/login/x", headers=mount)
    assert outside.status == 404
    start = ask(port, f"{MOUNT}/.linkmw/login" if at_gunicorn else "/.linkmw/login", headers=mount)
    assert (start.status, start.header("location")[:22]) == (303, "http://hub.localhost/o")


def test_ht08_a_product_mounted_within_another_application(street: Street) -> None:
    port = street.port("asgi/starlette-sub")
    assert b'href="/app/.linkmw/login"' in button_in(ask(port, "/app/login"), PAGE)
    assert ask(port, "/app/.linkmw/login").status == 303
    for outside in ("/login", "/.linkmw/login", "/application/login", "/app/app/login"):
        assert ask(port, outside).status == 404


@pytest.mark.parametrize("house", sorted(ALL))
def test_ht04_ht09_no_host_of_a_request_is_believed(street: Street, house: str) -> None:
    for target in ("/.linkmw/login?next=/orders", "http://evil.example/.linkmw/login"):
        answer = ask(street.port(house), target, headers=(("X-Forwarded-Host", "evil.example"),))
        assert "evil" not in repr(answer)
        if answer.status == 303:
            assert answer.header("location").startswith("http://hub.localhost/o/product/authorize?")
