"""Requests with bodies, and clients that come half-way: what the product receives is what was sent, to the byte."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from tests.houses.conftest import Street
from tests.houses.pages import received
from tests.houses.test_houses_parity import ALL, both
from tests.houses.wire import HOST, ask, exchange, read, read_all

TWO_MEGABYTES = bytes(range(256)) * 8192
FORM = "application/x-www-form-urlencoded"
BODIES = {
    "urlencoded": (FORM, b"username=ada&password=%26%25%00+%F0%9F%94%91"),
    "multipart": (
        "multipart/form-data; boundary=b",
        b'--b\r\nContent-Disposition: form-data; name="f"\r\n\r\n\xff\0\r\n--b--',
    ),
    "json": ("application/json", b'{"username": "ada", "password": "\\u0000"}'),
    "empty": (FORM, b""),
    "one byte": ("application/octet-stream", b"\0"),
    "64 KiB and one": (FORM, b"x" * (64 * 1024 + 1)),
    "2 MB": ("application/octet-stream", TWO_MEGABYTES),
}
# The login route is never read by us; a call to the account API that is none is read, then given back (BC08).
TARGETS = ("/login", "/.linkmw/accounts", "/.linkmw/nothing", "/echo")


@pytest.mark.parametrize("house", sorted(ALL))
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("kind", BODIES)
def test_ht14_bc08_a_body_reaches_the_product_as_it_was_sent(
    street: Street, house: str, target: str, kind: str
) -> None:
    content_type, body = BODIES[kind]
    bare, wrapped = both(street, house, target, "POST", body, (("Content-Type", content_type),))
    assert wrapped.plain == bare.plain
    assert wrapped.body == received(body, content_type)


def in_pieces(body: bytes, size: int) -> list[bytes]:
    return [body[at : at + size] for at in range(0, len(body), size)]


@pytest.mark.parametrize("house", sorted(ALL))
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize(
    "chunks",
    [[], [b"a=1"], in_pieces(b"username=ada&password=b", 1), in_pieces(TWO_MEGABYTES, 70_001)],
    ids=["a zero-length chunk alone", "one", "a byte each", "2 MB"],
)
def test_ht14_bc06_a_chunked_body_reaches_the_product_as_it_would_without_us(
    street: Street, house: str, target: str, chunks: list[bytes]
) -> None:
    bare, wrapped = both(street, house, target, "POST", headers=(("Content-Type", FORM),), chunks=chunks)
    assert wrapped.plain == bare.plain
    # Django on WSGI knows no body without a length.
    whole = b"" if house == "wsgi/django" else b"".join(chunks)
    assert wrapped.body == received(whole, FORM)


@pytest.mark.parametrize("house", sorted(ALL))
@pytest.mark.parametrize("announced", [1, 3, 5000])
def test_bc07_two_lengths_at_once_smuggle_nothing(street: Street, house: str, announced: int) -> None:
    """A chunked body of seven bytes beside a Content-Length: 400 at the server, or the bytes that came are counted."""
    head = f"POST /.linkmw/prove HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\nContent-Type: {FORM}\r\n"
    lengths = f"Content-Length: {announced}\r\nTransfer-Encoding: chunked\r\n\r\n"
    raw = exchange(street.port(house), (head + lengths).encode() + b"7\r\ncsrf=aa\r\n0\r\n\r\n")
    assert raw.count(b"HTTP/1.1 ") == 1  # one request, one answer
    assert read(raw).status in (400, 403)


@pytest.mark.parametrize("house", sorted(ALL))
def test_ht14_ds02_a_form_of_ours_that_is_too_long_is_refused_by_what_came(street: Street, house: str) -> None:
    answer = ask(street.port(house), "/.linkmw/prove", "POST", b"a" * 65_537, (("Content-Type", FORM),))
    assert answer.status == 413
    assert b"<h1" in answer.body


# ---- clients that wait, and clients that leave


@pytest.mark.parametrize("house", sorted(ALL))
@pytest.mark.parametrize("target", ["/login", "/.linkmw/accounts"])
def test_ht13_a_client_that_waits_for_100_continue_gets_it(street: Street, house: str, target: str) -> None:
    head = (
        f"POST {target} HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\nContent-Type: {FORM}\r\n"
        "Content-Length: 5\r\nExpect: 100-continue\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", street.port(house)), 10) as connection:
        connection.sendall(head.encode())
        first = connection.recv(65536)
        connection.sendall(b"a=bcd")
        raw = first + read_all(connection)
    interim, _, final = raw.partition(b"\r\n\r\n")
    assert interim.startswith(b"HTTP/1.1 100 ")
    assert read(final).body == received(b"a=bcd", FORM)


def half_requests() -> Iterator[tuple[str, bytes]]:
    form = f"Host: {HOST}\r\nContent-Type: {FORM}\r\nContent-Length: 90\r\n\r\nusername=ada&passw"
    for target in ("/login", "/.linkmw/prove", "/.linkmw/accounts"):
        yield f"in the body of {target}", f"POST {target} HTTP/1.1\r\n{form}".encode()
        chunked = form.replace("Content-Length: 90", "Transfer-Encoding: chunked").replace("username", "5a\r\nusername")
        yield f"in a chunk to {target}", f"POST {target} HTTP/1.1\r\n{chunked}".encode()
    yield "in the head", f"GET /login HTTP/1.1\r\nHost: {HOST}\r\nX-Half".encode()
    yield "before the answer", f"GET /login HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode()
    yield "before a large answer", f"GET /login/large HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode()


@pytest.mark.parametrize("house", sorted(ALL))
def test_ht13_clients_that_leave_half_way_leave_nothing_behind(street: Street, house: str) -> None:
    for _, sent in half_requests():
        with socket.create_connection(("127.0.0.1", street.port(house)), 10) as connection:
            connection.sendall(sent)
            connection.shutdown(socket.SHUT_WR)
    for _ in range(8):  # more than gunicorn has threads: none of them hangs
        assert b"Sign in with ACME ID" in ask(street.port(house)).body
    assert "linkmw failed" not in street.log(house)
    assert "Task exception was never retrieved" not in street.log(house)


def test_ht13_the_products_lifespan_is_its_own(street: Street) -> None:
    assert ask(street.port("asgi/starlette"), "/state").body == b"by lifespan"


# ---- methods that only look like others


@pytest.mark.parametrize("house", sorted(ALL))
@pytest.mark.parametrize(
    ("method", "headers", "body"),
    [
        ("POST", {"Content-Type": "text/plain"}, b"record=a&csrf=b"),
        ("POST", {"Content-Type": "application/json"}, b'{"record":"a"}'),
        ("POST", {"Content-Type": "multipart/form-data; boundary=b"}, b"--b--"),
        ("POST", {"Content-Type": FORM + "x"}, b"record=a"),
        ("POST", {}, b"record=a"),
    ],
)
def test_xs02_a_form_of_ours_is_a_form_to_the_letter(
    street: Street, house: str, method: str, headers: dict[str, str], body: bytes
) -> None:
    answer = ask(street.port(house), "/.linkmw/prove", method, body, headers.items())
    assert answer.status == 415


@pytest.mark.parametrize("house", sorted(ALL))
def test_xs02_no_header_or_field_overrides_the_method(street: Street, house: str) -> None:
    override = (("X-HTTP-Method-Override", "POST"), ("X-Method-Override", "POST"), ("X-HTTP-Method", "POST"))
    for target in ("/.linkmw/prove?_method=POST", "/.linkmw/switch?_method=POST", "/.linkmw/accounts?_method=POST"):
        plain = ask(street.port(house), target)
        assert ask(street.port(house), target, headers=override).status == plain.status
    bare, wrapped = both(street, house, "/login", "POST", b"_method=GET", (("X-HTTP-Method-Override", "GET"),))
    assert wrapped.plain == bare.plain


@pytest.mark.parametrize("house", sorted(ALL))
def test_fc12_an_answer_by_post_is_the_products_own_404(street: Street, house: str) -> None:
    """We ask for the query alone; a form_post from another site brings no cookie (SameSite=Lax) and opens nothing."""
    form = b"state=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa&code=b&iss=http%3A%2F%2Fhub.localhost%2Fo%2Fproduct"
    sent = (("Content-Type", FORM), ("Origin", "http://hub.localhost"), ("Sec-Fetch-Site", "cross-site"))
    bare, wrapped = both(street, house, "/.linkmw/callback", "POST", form, sent)
    assert wrapped.plain == bare.plain
    assert wrapped.status == 404
    assert "set-cookie" not in dict(wrapped.headers)
