"""XS06: where a person may be sent, judged against our own list of hostile targets and against two readers of URLs."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from linkmw.redirects import judge

SITE = "https://shop.example/"
NAMED = {"TAB": "\t", "CR": "\r", "LF": "\n", "NUL": "\0", "SP": " ", "DEL": "\x7f", "VT": "\v", "FF": "\f"}
REFUSED = "/refused"


def unescaped(line: str) -> str:
    line = re.sub(r"<U\+([0-9A-F]{4})>", lambda found: chr(int(found[1], 16)), line)
    return re.sub(r"<([A-Z]{2,3})>", lambda found: NAMED[found[1]], line)


LIST = (Path(__file__).parent.parent / "data" / "redirects.txt").read_text(encoding="utf-8").split("\n")
HOSTILE = [unescaped(line) for line in LIST if line and not line.startswith("# ")]


def test_xs06_the_list_is_as_long_as_promised():
    assert len(set(HOSTILE)) >= 200


@pytest.mark.parametrize("target", [*HOSTILE, "", "/" + "a" * 2048, "/a%25252f%25252fb"])
def test_xs06_a_hostile_target_is_not_followed(target):
    assert judge(target, default=REFUSED) == REFUSED


@pytest.mark.parametrize(
    "target",
    [
        "/",
        "/orders",
        "/orders/5/",
        "/orders?page=2&sort=-date",
        "/orders?q=https://example.com/a//b",
        "/orders?q=%0a%5c",
        "/orders#top",
        "/orders#/spa//route",
        "/caf%C3%A9",
        "/a%20b",
        "/100%25",
        "/@ann",
        "/~ann/",
        "/a:b",
        "/.well-known/x",
        "/files/a%2Fb",
        "/?",
        "/#",
        "/" + "a" * 2047,
        "/a%2525252f%2525252fb",  # nobody decodes four times
    ],
)
def test_xs06_a_page_of_this_site_is_followed(target):
    assert judge(target, default=REFUSED) == target


def whatwg_origin(target: str) -> str:
    """Scheme, host and port that a browser ends at, coming from SITE: the URL Standard's states, as far as they matter.

    C0 controls and spaces are trimmed, tabs and line breaks dropped, backslashes are slashes; then a scheme, or two
    slashes, start another authority, in which user information is dropped.
    """
    text = re.sub(r"[\t\r\n]", "", target.strip("".join(map(chr, range(33))))).replace("\\", "/")
    found = re.match(r"([a-z][a-z0-9+.-]*):(/*)", text, re.IGNORECASE)
    if found:
        scheme, rest = found[1].lower(), text[found.end() :]
        if scheme == "https" and not found[2]:
            return "https://shop.example"  # relative to a base of the same scheme
        return f"{scheme}://{authority(rest)}"
    if text.startswith("//"):
        return f"https://{authority(text.lstrip('/'))}"
    return "https://shop.example"


def authority(text: str) -> str:
    return re.split("[/?#]", text)[0].rpartition("@")[2].lower()


def urllib_origin(target: str) -> str:
    parts = urlsplit(urljoin(SITE, target))
    return f"{parts.scheme}://{parts.netloc}"


# Letters that matter to URLs, often; anything else, sometimes.
targets = st.text(st.one_of(st.sampled_from("/\\.:;@?#%2f5c09ad\t\r\n evil"), st.characters()), max_size=40)


@given(st.one_of(targets, targets.map("/".__add__), targets.map("//".__add__), st.sampled_from(HOSTILE)))
@example("/.//evil.example")
def test_xs06_what_is_accepted_stays_on_this_site(target):
    accepted = judge(target, default="/")
    for read in (accepted, unquote(accepted.partition("?")[0].partition("#")[0])):
        assert whatwg_origin(read) == "https://shop.example"
        assert urllib_origin(read) == "https://shop.example"
    assert accepted.isascii()
    assert accepted.isprintable()
    # A path that is resolved first and redirected to again, as servers that add a slash do, stays here, too.
    assert whatwg_origin(urlsplit(urljoin(SITE, accepted)).path or "/") == "https://shop.example"
