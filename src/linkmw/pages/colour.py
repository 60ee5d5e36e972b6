"""Colours as values, and the contrast between two of them (WCAG 2.2, 1.4.3). Pure."""

from __future__ import annotations

import colorsys
import re
from dataclasses import dataclass

_HEX = re.compile(r"#(?:[0-9a-f]{3}|[0-9a-f]{6})\Z", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Colour:
    """An opaque sRGB colour, 0..255 a channel."""

    red: int
    green: int
    blue: int

    @classmethod
    def read(cls, text: str) -> Colour:
        """The colour written `#rgb` or `#rrggbb`. Raises ValueError for anything else."""
        if not _HEX.match(text):
            raise ValueError("a colour is written #rrggbb")
        digits = text[1:] if len(text) == 7 else "".join(2 * digit for digit in text[1:])
        return cls(*bytes.fromhex(digits))

    def __str__(self) -> str:
        return f"#{self.red:02x}{self.green:02x}{self.blue:02x}"

    @property
    def luminance(self) -> float:
        """Relative luminance, 0 (black) to 1 (white), as WCAG 2.2 defines it."""
        red, green, blue = (_linear(channel / 255) for channel in (self.red, self.green, self.blue))
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    def mixed(self, other: Colour, share: float) -> Colour:
        """This colour with `share` (0..1) of `other` in it."""
        pairs = ((self.red, other.red), (self.green, other.green), (self.blue, other.blue))
        return Colour(*(round(mine + (theirs - mine) * share) for mine, theirs in pairs))

    def lightened(self, step: float, *, saturation: float) -> Colour:
        """HSL lightness raised by `step` (0..1), saturation kept at or under `saturation`."""
        hue, lightness, own = colorsys.rgb_to_hls(self.red / 255, self.green / 255, self.blue / 255)
        channels = colorsys.hls_to_rgb(hue, min(1.0, lightness + step), min(own, saturation))
        return Colour(*(round(channel * 255) for channel in channels))


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4


def contrast(one: Colour, other: Colour) -> float:
    """The contrast ratio of two colours, 1 to 21."""
    darker, lighter = sorted((one.luminance, other.luminance))
    return (lighter + 0.05) / (darker + 0.05)
