"""Colours: the table of the style guide, and what holds for every colour."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkmw.pages import brand
from linkmw.pages.brand import DARK, INK, LIGHT, WHITE, palette, stylesheet
from linkmw.pages.colour import Colour, contrast

CSS = Path(brand.__file__).with_name("static") / "look.css"


def _tokens(scheme: str) -> dict[str, Colour]:
    """The neutral tokens as look.css has them."""
    light, _, rest = CSS.read_text(encoding="utf-8").partition("@media (prefers-color-scheme: dark)")
    block = light if scheme == "light" else rest.partition("@media")[0]
    return {name: Colour.read(value) for name, value in re.findall(r"--([\w-]+): (#[0-9a-f]{6});", block)}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_neutral_tokens_read_on_what_they_stand_on(scheme):
    t = _tokens(scheme)
    for text in ("text", "muted", "danger"):
        assert contrast(t[text], t["surface"]) >= 4.5
        assert contrast(t[text], t["sunken"]) >= 4.5
    for name in ("danger", "ok", "warn"):
        assert contrast(t[name], t[f"{name}-soft"]) >= 4.5
        assert contrast(t["text"], t[f"{name}-soft"]) >= 4.5
    assert contrast(t["on-danger"], t["danger"]) >= 4.5
    assert contrast(t["on-danger"], t["danger-hover"]) >= 4.5
    assert contrast(t["edge"], t["surface"]) >= 3
    assert contrast(t["edge"], t["sunken"]) >= 3
    assert contrast(t["focus"], t["surface"]) >= 3


def test_the_tones_colours_are_measured_against_are_those_of_the_sheet():
    for scheme, tones in (("light", LIGHT), ("dark", DARK)):
        tokens = _tokens(scheme)
        assert (tokens["surface"], tokens["sunken"], tokens["text"]) == (tones.surface, tones.sunken, tones.text)


# primary, ground given → light primary, link, ground; text on fill, link on surface, link on sunken
LIGHT_TABLE = [
    ("#0f5c4d", "", "#0f5c4d", "#0f5c4d", "#edf1f1", 7.9, 7.9, 7.4),
    ("#3b4cc0", "", "#3b4cc0", "#3b4cc0", "#eef0f5", 7.0, 7.0, 6.6),
    ("#f2c94c", "#2b2412", "#f2c94c", "#836d29", "#2b2412", 11.7, 5.0, 4.7),
]


@pytest.mark.parametrize(("given_primary", "given_ground", "primary", "link", "ground", *("a", "b", "c")), LIGHT_TABLE)
def test_light_colours_are_those_of_the_table(given_primary, given_ground, primary, link, ground, a, b, c):
    light = palette(given_primary, given_ground).light
    assert (str(light.primary), str(light.link), str(light.ground)) == (primary, link, ground)
    ratios = (
        contrast(light.primary, light.on_primary),
        contrast(light.link, LIGHT.surface),
        contrast(light.link, LIGHT.sunken),
    )
    assert [round(ratio, 1) for ratio in ratios] == [a, b, c]


# The rule is 1 % of HSL lightness a step; the table's own dark hex values lie within a step of what it gives.
DARK_TABLE = [
    ("#0f5c4d", "", "#28ac92", "#2bb99d", "#0f1619", 6.6),
    ("#3b4cc0", "", "#8c96dc", "#969fdf", "#121520", 6.6),
    ("#f2c94c", "#2b2412", "#f2c94c", "#f2c94c", "#111316", 11.7),
]


@pytest.mark.parametrize(("given_primary", "given_ground", "primary", "link", "ground", "on_fill"), DARK_TABLE)
def test_dark_colours_are_those_of_the_table_to_a_step(given_primary, given_ground, primary, link, ground, on_fill):
    dark = palette(given_primary, given_ground).dark
    assert str(dark.ground) == ground
    for found, wanted in ((dark.primary, primary), (dark.link, link)):
        other = Colour.read(wanted)
        assert max(abs(found.red - other.red), abs(found.green - other.green), abs(found.blue - other.blue)) <= 5
    assert round(contrast(dark.primary, dark.on_primary), 1) == on_fill
    assert contrast(dark.link, DARK.surface) >= contrast(dark.link, DARK.sunken) >= 6.0


_colours = st.integers(0, 0xFFFFFF).map(lambda value: f"#{value:06x}")


@given(_colours, _colours | st.just(""))
def test_any_colour_is_made_to_read(primary, ground):
    for scheme, tones in ((palette(primary, ground).light, LIGHT), (palette(primary, ground).dark, DARK)):
        assert contrast(scheme.primary, scheme.on_primary) >= 4.5
        assert contrast(scheme.primary_hover, scheme.on_primary) >= 4.5
        assert contrast(scheme.link, tones.surface) >= 4.5
        assert contrast(scheme.link, tones.sunken) >= 4.5
        assert contrast(scheme.on_ground, scheme.ground) >= 4.5
        assert contrast(scheme.on_ground_muted, scheme.ground) >= 4.5
        assert scheme.edged == (contrast(scheme.primary, tones.surface) < 3)


def test_a_primary_that_reads_is_taken_as_given():
    assert str(palette("#0f5c4d").light.primary) == "#0f5c4d"
    assert palette("#0f5c4d").light.on_primary == WHITE
    assert str(palette("#f2c94c").light.primary) == "#f2c94c"
    assert palette("#f2c94c").light.on_primary == INK


def test_a_fill_too_close_to_the_card_gets_an_edge():
    assert "--primary-edge:var(--edge)" in stylesheet("#f2c94c").partition("@media")[0]
    assert "--primary-edge:var(--primary)" in stylesheet("#0f5c4d")


@pytest.mark.parametrize("text", ["", "teal", "#12345", "#0f5c4d;}body{display:none", "#0f5c4d\n", "url(//evil)"])
def test_xs10_nothing_but_computed_colours_reaches_the_sheet(text):
    assert stylesheet(text) == stylesheet("#48505c")
    assert stylesheet("#0f5c4d", text) == stylesheet("#0f5c4d")


def test_the_brand_sheet_is_small():
    assert len(stylesheet("#f2c94c", "#2b2412")) < 1024
