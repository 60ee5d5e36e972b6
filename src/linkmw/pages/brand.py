"""A brand's or product's colours: everything computed once from its primary colour and, if it has one, its ground.

The neutral half (surfaces, text, edges) is fixed in `static/look.css`; the tones here that colours are measured
against are the same ones. A brand may pick any colour: what would not read is darkened or raised until it does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields

from linkmw.pages.colour import Colour, contrast

WHITE = Colour.read("#ffffff")
BLACK = Colour.read("#000000")
INK = Colour.read("#10131a")  # text on a fill that white does not read on
NEUTRAL = Colour.read("#48505c")  # stands in for a colour that cannot be read

TEXT = 4.5  # WCAG 2.2 AA, 1.4.3
SHAPE = 3.0  # WCAG 2.2 AA, 1.4.11
DARK_TEXT = 6.0  # light text on dark needs more to look as firm
MUTED_TEXT = 4.6


@dataclass(frozen=True, slots=True)
class Tones:
    """The neutral tones of one scheme that brand colours are measured against."""

    surface: Colour
    sunken: Colour
    text: Colour
    ground: Colour
    ground_share: float  # how much of the primary the default ground takes on


LIGHT = Tones(WHITE, Colour.read("#f6f7f9"), Colour.read("#16191f"), Colour.read("#f5f6f7"), 0.035)
DARK = Tones(Colour.read("#181c22"), Colour.read("#20252d"), Colour.read("#eceff3"), Colour.read("#0f1216"), 0.06)


@dataclass(frozen=True, slots=True)
class Scheme:
    """One scheme's brand colours; each field is the CSS custom property of that name."""

    primary: Colour
    on_primary: Colour
    primary_hover: Colour
    link: Colour
    ground: Colour
    on_ground: Colour
    on_ground_muted: Colour
    edged: bool  # a fill too close to the card gets an edge around it

    @property
    def css(self) -> str:
        colours = [f"--{f.name.replace('_', '-')}:{getattr(self, f.name)}" for f in fields(self) if f.name != "edged"]
        return ";".join([*colours, f"--primary-edge:var(--{'edge' if self.edged else 'primary'})"])


@dataclass(frozen=True, slots=True)
class Palette:
    """A brand's colours in both schemes."""

    light: Scheme
    dark: Scheme


def palette(primary: str, ground: str = "") -> Palette:
    """The colours of a brand. primary, ground: `#rrggbb`; ground "" is computed. One that cannot be read is neutral."""
    given = _read(primary) or NEUTRAL
    return Palette(_light(given, _read(ground)), _dark(given, _read(ground)))


def stylesheet(primary: str, ground: str = "") -> str:
    """The brand sheet: custom properties for light and dark. Holds computed colours only, never the text given."""
    both = palette(primary, ground)
    return f":root{{{both.light.css}}}\n@media (prefers-color-scheme:dark){{:root{{{both.dark.css}}}}}\n"


def _read(text: str) -> Colour | None:
    try:
        return Colour.read(text)
    except ValueError:  # the page never fails for its looks; whoever registers a colour is told there
        return None


def _light(given: Colour, ground: Colour | None) -> Scheme:
    primary = _fill(given)
    page = ground or LIGHT.ground.mixed(given, LIGHT.ground_share)
    link = _first(lambda n: primary.mixed(BLACK, 0.02 * n), TEXT, LIGHT)
    return _scheme(primary, _text_on(primary), link, page, LIGHT)


def _dark(given: Colour, ground: Colour | None) -> Scheme:
    primary = _raised(given, DARK.surface)
    page = DARK.ground.mixed(ground or given, DARK.ground_share)
    return _scheme(primary, INK, _raised(given, DARK.sunken), page, DARK)


def _scheme(primary: Colour, text: Colour, link: Colour, ground: Colour, tones: Tones) -> Scheme:
    on_ground = _text_on_ground(ground)
    return Scheme(
        primary=primary,
        on_primary=text,
        primary_hover=_hover(primary, text),
        link=link,
        ground=ground,
        on_ground=on_ground,
        on_ground_muted=_muted(on_ground, ground),
        edged=contrast(primary, tones.surface) < SHAPE,
    )


def _fill(given: Colour) -> Colour:
    """The fill of a button: as given when white or ink reads on it, else darkened until white does."""
    if contrast(given, INK) >= TEXT:
        return given
    steps = (given.mixed(BLACK, 0.02 * n) for n in range(51))
    return next(colour for colour in steps if contrast(colour, WHITE) >= TEXT)


def _text_on(fill: Colour) -> Colour:
    return max((WHITE, INK), key=lambda text: contrast(text, fill))


def _text_on_ground(ground: Colour) -> Colour:
    """Ink or paper; on a middling ground, where neither reads, black or white."""
    soft = max((LIGHT.text, DARK.text), key=lambda tone: contrast(tone, ground))
    if contrast(soft, ground) >= MUTED_TEXT:
        return soft
    return max((BLACK, WHITE), key=lambda tone: contrast(tone, ground))


def _hover(fill: Colour, text: Colour) -> Colour:
    darker = fill.mixed(BLACK, 0.14)
    return darker if contrast(darker, text) >= TEXT else fill.mixed(WHITE, 0.14)


def _first(step: Callable[[int], Colour], ratio: float, tones: Tones) -> Colour:
    """The first of fifty steps that reads on the surface and on the sunken tone."""
    behind = (tones.surface, tones.sunken)
    steps = (step(n) for n in range(51))
    return next(colour for colour in steps if all(contrast(colour, tone) >= ratio for tone in behind))


def _raised(given: Colour, behind: Colour) -> Colour:
    """`given` on dark: as it is if it reads there, else lighter and less loud, one percent of lightness a step."""
    if contrast(given, behind) >= DARK_TEXT:
        return given
    steps = (given.lightened(0.01 * n, saturation=0.62) for n in range(101))
    return next(colour for colour in steps if contrast(colour, behind) >= DARK_TEXT)


def _muted(text: Colour, ground: Colour) -> Colour:
    """The softest mix of `text` into `ground`, from a third on, that still reads."""
    steps = (text.mixed(ground, 0.32 - 0.02 * n) for n in range(17))
    return next((tone for tone in steps if contrast(tone, ground) >= MUTED_TEXT), text)
