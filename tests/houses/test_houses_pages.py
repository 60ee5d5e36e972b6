"""Login pages of every kind on real servers: those that carry the button and those that are left as they are (XS09)."""

from __future__ import annotations

import pytest
from tests.houses.conftest import Street
from tests.houses.pages import DECORATED, PAGES, UNTOUCHED
from tests.houses.test_houses_parity import ALL, both, button_in
from tests.houses.wire import Answer, ask

# What says of the old bytes how many they are, which they are, or how long they may be kept.
OF_THE_BYTES = ("content-length", "etag", "last-modified", "cache-control", "expires", "pragma")
# A StreamingHttpResponse of Django has no body that middleware may look at: it is left to stream.
STREAMED = {("wsgi/django", "/login/chunked"), ("asgi/django", "/login/chunked")}
CARRYING = sorted({(house, path) for house in ALL for path in DECORATED} - STREAMED)
LEFT_ALONE = sorted({(house, path) for house in ALL for path in UNTOUCHED} | STREAMED)
ASKING = (
    ("Accept-Encoding", "gzip, br"),
    ("If-None-Match", '"v1"'),
    ("If-Modified-Since", "Sat, 21 Nov 2026 00:00:00 GMT"),
    ("Range", "bytes=0-10"),
)


def without(answer: Answer, names: tuple[str, ...]) -> list[tuple[str, str]]:
    dropped = (*names, "date", "server", "connection", "transfer-encoding")
    return sorted(pair for pair in answer.headers if pair[0] not in dropped)


@pytest.mark.parametrize(("house", "path"), CARRYING)
def test_xs09_xs03_a_page_we_understand_gets_the_button_and_keeps_its_headers(
    street: Street, house: str, path: str
) -> None:
    bare, wrapped = ask(street.port(f"{house}-bare"), path), ask(street.port(house), path, headers=ASKING)
    whole = b"".join(DECORATED[path].chunks)
    added = button_in(wrapped, whole)
    assert b'<a class="lm-link" href="/.linkmw/login">' in added
    assert (wrapped.status, wrapped.header("content-length")) == (200, str(len(wrapped.body)))
    assert without(wrapped, OF_THE_BYTES) == without(bare, OF_THE_BYTES)
    assert wrapped.header("etag") == wrapped.header("last-modified") == wrapped.header("expires") == ""


@pytest.mark.parametrize(("house", "path"), LEFT_ALONE)
def test_xs09_what_we_do_not_understand_is_left_as_it_is(street: Street, house: str, path: str) -> None:
    bare, wrapped = both(street, house, path)
    assert wrapped.plain == bare.plain
    assert wrapped.body == b"".join(PAGES[path].chunks)


@pytest.mark.parametrize(("house", "path"), CARRYING)
def test_xs11_no_cache_keeps_a_page_with_the_button_nor_gives_it_to_another(
    street: Street, house: str, path: str
) -> None:
    directives = {word.strip() for word in ask(street.port(house), path).header("cache-control").split(",")}
    assert {"private", "no-cache"} <= directives
    assert not any(word.startswith(("public", "max-age", "s-maxage")) for word in directives)


@pytest.mark.parametrize("house", sorted(ALL))
def test_xs05_the_button_needs_nothing_that_a_strict_policy_forbids(street: Street, house: str) -> None:
    for path in ("/login/guarded", "/login/nonce"):
        answer = ask(street.port(house), path)
        added = button_in(answer, b"".join(DECORATED[path].chunks))
        assert not any(word in added for word in (b"<script", b"<style", b"style=", b"nonce", b"onclick", b"http:"))
        # Under `default-src 'self'` both files of the button load: they are this site's own.
        for name in (b'href="', b'src="'):
            url = added.split(name)[1].split(b'"')[0]
            assert url.startswith(b"/.linkmw/assets/")
            assert ask(street.port(house), url).status == 200


@pytest.mark.parametrize("house", sorted(ALL))
def test_xs09_where_no_page_can_carry_it_the_button_has_a_page_of_its_own(street: Street, house: str) -> None:
    answer = ask(street.port(house), "/.linkmw/sign-in?next=/orders")
    assert answer.status == 200
    assert b'href="/.linkmw/login?next=%2Forders"' in answer.body
    assert b'href="/login"' in answer.body  # the native login
    assert answer.header("cache-control") == "no-store"
    evil = ask(street.port(house), "/.linkmw/sign-in?next=//evil.example")
    assert b'href="/.linkmw/login"' in evil.body
    assert b"evil" not in evil.body


@pytest.mark.parametrize("house", sorted(ALL))
@pytest.mark.parametrize(
    "headers",
    [
        (("Accept", "application/json"),),
        (("X-Requested-With", "XMLHttpRequest"),),
        (("Sec-Fetch-Dest", "iframe"),),
        (("Sec-Purpose", "prefetch"),),
    ],
)
def test_xs09_p06_a_script_at_the_login_route_gets_what_the_product_gives(
    street: Street, house: str, headers: tuple[tuple[str, str], ...]
) -> None:
    bare, wrapped = both(street, house, "/login/tagged", headers=headers)
    assert wrapped.plain == bare.plain


@pytest.mark.parametrize("house", sorted(ALL))
def test_xs03_xs11_every_answer_of_ours_is_for_this_browser_alone_and_in_no_frame(street: Street, house: str) -> None:
    for target, status in (
        ("/.linkmw/sign-in", 200),
        ("/.linkmw/login", 303),
        ("/.linkmw/callback", 400),
        ("/.linkmw/callback?state=x&code=y", 400),
        ("/.linkmw/prove?record=x", 400),
        ("/.linkmw/go?record=x", 400),
    ):
        answer = ask(street.port(house), target)
        assert answer.status == status, target
        assert answer.header("cache-control") == "no-store"
        assert answer.header("x-content-type-options") == "nosniff"
        if status != 303:
            assert "frame-ancestors 'none'" in answer.header("content-security-policy")
            assert "default-src 'none'" in answer.header("content-security-policy")


@pytest.mark.parametrize("house", sorted(ALL))
def test_xs11_only_files_named_by_their_content_may_be_kept(street: Street, house: str) -> None:
    page = ask(street.port(house), "/.linkmw/sign-in").body.decode()
    names = {part.split('"')[0] for part in page.split('"/.linkmw/assets/')[1:]}
    assert len(names) >= 3
    for name in names:
        answer = ask(street.port(house), f"/.linkmw/assets/{name}")
        assert "immutable" in answer.header("cache-control")
        assert "set-cookie" not in dict(answer.headers)
