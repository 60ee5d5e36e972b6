"""The comparison that says "byte for byte" can say no."""

from __future__ import annotations

from tests.apps.alike import _WORD, differences


def _page(text: str) -> dict[str, list[str]]:
    return {"/login": _WORD.split(text)}


FIRST, AGAIN = _page('<form><input value="Xy1"></form>\n'), _page('<form><input value="aB.2-c"></form>\n')


def test_p01_a_token_that_is_new_each_time_is_no_difference() -> None:
    assert differences(FIRST, AGAIN, _page('<form><input value="Q"></form>\n')) == []


OTHERS = (
    '<form><input value="Q"></form>',
    '<form><input value="Q"> </form>\n',
    '<FORM><input value="Q"></form>\n',
    '<form><input value="Q"></form><a href="/.linkmw/login">In</a>\n',
    "",
)


def test_p01_anything_else_is_a_difference() -> None:
    for other in OTHERS:
        assert differences(FIRST, AGAIN, _page(other)), other
