"""Where the button goes, and which pages are left alone (XS09)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkmw.gate.button import MARKER, decorate, understands
from linkmw.http import Decorate

BUTTON = Decorate("<b>form</b>", "<b>marker</b>", "<b>end</b>", "/.linkmw/assets/button.1.css")
SHEET = b'<link rel="stylesheet" href="/.linkmw/assets/button.1.css">'
HTML = (("Content-Type", "text/html; charset=utf-8"),)
FORM = b'<form method=post><input name=u><input type="password" name=p></form>'


def placed(body: bytes) -> bytes | None:
    answer = decorate(HTML, body, BUTTON)
    return None if answer is None else answer[1]


def test_mim01_after_the_form_that_asks_for_a_password() -> None:
    search = b"<form><input type=search></form>"
    page = b"<html><body>" + search + FORM + b"<p>more</p></body></html>"
    assert placed(page) == page.replace(FORM, FORM + SHEET + b"<b>form</b>")


def test_at_the_marker_wherever_it_is() -> None:
    page = b"<body>" + FORM + b"<aside>" + MARKER + b"</aside></body>"
    assert placed(page) == page.replace(MARKER, MARKER + SHEET + b"<b>marker</b>")


@pytest.mark.parametrize("tag", [b"<linkmw-button></linkmw-button>", b"<LinkMW-Button ></LinkMW-Button>"])
def test_at_the_tag_wherever_it_is(tag: bytes) -> None:
    opened = tag.partition(b">")[0] + b">"
    for page in (b"<body>" + FORM + tag + b"</body>", b"<body>" + tag + FORM + b"</body>"):
        assert placed(page) == page.replace(opened, opened + SHEET + b"<b>marker</b>")


@pytest.mark.parametrize("decoy", [b"<!-- %s -->", b"<script>'%s'</script>", b"<template>%s</template>"])
def test_xs09_a_tag_that_is_none_is_passed_over(decoy: bytes) -> None:
    page = b"<body>" + decoy % b"<linkmw-button></linkmw-button>" + FORM + b"</body>"
    assert placed(page) == page.replace(FORM, FORM + SHEET + b"<b>form</b>")


def test_at_the_end_of_a_page_without_a_form() -> None:
    page = b"<!doctype html><body><div id=app></div><script>x = '</body>'</script></body></html>"
    assert placed(page) == page[:-14] + SHEET + b"<b>end</b>" + b"</body></html>"


@pytest.mark.parametrize(
    "decoy",
    [
        b"<!-- " + FORM + b" -->",
        b"<script>var form = `" + FORM + b"`</script>",
        b"<template>" + FORM + b"</template>",
        b"<textarea>" + FORM + b"</textarea>",
        b"<noscript>" + FORM + b"</noscript>",
        b"<style>/* " + FORM + b" */</style>",
    ],
)
def test_xs09_what_only_looks_like_a_form_is_none(decoy: bytes) -> None:
    page = b"<body>" + decoy + b"<p></p></body>"
    assert placed(page) == b"<body>" + decoy + b"<p></p>" + SHEET + b"<b>end</b></body>"


@pytest.mark.parametrize(
    "field", [b"<INPUT TYPE='PASSWORD'>", b"<input type = password>", b'<input\ntype="password"/>']
)
def test_a_password_field_however_it_is_written(field: bytes) -> None:
    assert placed(b"<body><form>" + field + b"</FORM ></body>") == (
        b"<body><form>" + field + b"</FORM >" + SHEET + b"<b>form</b></body>"
    )


def test_a_document_that_leaves_its_end_tags_out() -> None:
    assert placed(b"<!DOCTYPE html><title>x</title>") == b"<!DOCTYPE html><title>x</title>" + SHEET + b"<b>end</b>"


@pytest.mark.parametrize("body", [b"", b"<p>a fragment</p>", "<html></body>".encode("utf-16"), b"\0</body>", b"{}"])
def test_xs09_what_is_no_page_is_left_alone(body: bytes) -> None:
    assert placed(body) is None


@pytest.mark.parametrize(
    ("status", "headers", "found"),
    [
        (200, {"content-type": "text/html"}, True),
        (200, {"Content-Type": "TEXT/HTML; Charset=ISO-8859-1"}, True),
        (200, {"content-type": 'text/html; charset="utf-8"', "content-encoding": "identity"}, True),
        (200, {"content-type": "text/html; charset=utf-16"}, False),
        (200, {"content-type": "text/html; charset=shift_jis"}, False),
        (200, {"content-type": "text/html", "content-encoding": "gzip"}, False),
        (200, {"content-type": "text/html", "Content-Encoding": "br"}, False),
        (200, {"content-type": "application/json"}, False),
        (200, {"content-type": "application/xhtml+xml"}, False),
        (200, {}, False),
        (304, {"content-type": "text/html"}, False),
        (302, {"content-type": "text/html"}, False),
        (401, {"content-type": "text/html"}, False),
        (206, {"content-type": "text/html"}, False),
    ],
)
def test_xs09_which_answers_are_understood(status: int, headers: dict[str, str], found: bool) -> None:
    assert understands(status, tuple(headers.items())) is found


def test_xs09_the_length_is_counted_anew_and_what_named_the_old_bytes_goes() -> None:
    old = (*HTML, ("Content-Length", "5"), ("ETag", '"x"'), ("Last-Modified", "x"), ("X-Frame-Options", "DENY"))
    answer = decorate(old, b"<html></html>", BUTTON)
    assert answer is not None
    headers, body = answer
    uncached = ("Cache-Control", "private, no-cache")
    assert headers == (*HTML, ("X-Frame-Options", "DENY"), uncached, ("Content-Length", str(len(body))))


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ((), "private, no-cache"),
        (("public, max-age=600",), "private, no-cache"),
        (("no-store",), "no-store"),
        (("max-age=0, no-cache, no-store, must-revalidate, private",), "no-cache, no-store, must-revalidate, private"),
        (("private, s-maxage=9, stale-while-revalidate=9, IMMUTABLE",), "private, no-cache"),
        (("no-transform, max-age=600", "public"), "no-transform, private, no-cache"),
        (('private="set-cookie, x", no-cache=vary',), "private, no-cache"),
        (("max-age = 5,, ,",), "private, no-cache"),
    ],
)
def test_xs11_a_page_with_the_button_is_kept_by_no_cache(said: tuple[str, ...], kept: str) -> None:
    lasting = (("Expires", "x"), ("CDN-Cache-Control", "max-age=9"), ("Surrogate-Control", "max-age=9"))
    answer = decorate((*HTML, *(("Cache-Control", value) for value in said), *lasting), b"<html></html>", BUTTON)
    assert answer is not None
    found = [(name, value) for name, value in answer[0] if name not in ("Content-Type", "Content-Length")]
    assert found == [("Cache-Control", kept)]


def test_ht07_head_says_what_get_would_or_nothing() -> None:
    length, tag = ("Content-Length", "5"), ("ETag", '"x"')
    head = replace(BUTTON, head=True)
    assert decorate((*HTML, length, tag), b"", head) == ((*HTML, ("Cache-Control", "private, no-cache")), b"")
    assert decorate((*HTML, length, tag), b"<html></html>", head) == decorate((*HTML, length), b"<html></html>", BUTTON)
    assert decorate((*HTML, length, tag), b"", BUTTON) is None


def test_letters_beyond_ascii_read_right_in_any_charset() -> None:
    answer = decorate(HTML, b"<html></html>", Decorate("", "", "Grüße", "/x"))
    assert answer is not None
    assert b"Gr&#252;&#223;e" in answer[1]


@given(
    st.lists(
        st.sampled_from(
            [
                b"<form>",
                b"</form>",
                b"<input type=password>",
                b"</body>",
                b"<!--",
                b"-->",
                b"<script>",
                b"</script>",
                b"'",
                b'"',
                b"x",
                b"<",
            ]
        ),
        max_size=12,
    )
)
def test_xs09_the_products_own_bytes_are_all_there_in_order(parts: list[bytes]) -> None:
    body = b"".join(parts)
    page = placed(body)
    if page is not None:
        for fragment in (b"<b>form</b>", b"<b>end</b>"):
            page = page.replace(SHEET + fragment, b"")
        assert page == body


def test_ds07_a_page_made_to_be_slow_is_not() -> None:
    import time

    began = time.process_time()
    for part in (b"<!--", b"<script>", b'<input "', b"<input type=password ", b"<"):
        placed(part * (400_000 // len(part)))
    assert time.process_time() - began < 5
