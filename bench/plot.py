"""Bars as SVG, on a logarithmic scale: how many times another's cost each variant has."""

from __future__ import annotations

import math
from collections.abc import Mapping
from html import escape
from pathlib import Path

IMAGES = Path(__file__).resolve().parents[1] / "docs" / "images" / "bench"
_LABELS, _WIDTH, _LINE, _TOP = 330, 420, 26, 44
_OURS, _OTHERS, _AXIS = "#0f5c4d", "#8a94a6", "#59636e"


def bars(name: str, title: str, ratios: Mapping[str, float]) -> Path:
    """`docs/images/bench/NAME`: a bar for each, the cheapest first, and a line at 1."""
    ordered = sorted(ratios.items(), key=lambda item: item[1])
    low = math.log10(min([*ratios.values(), 0.5]) / 1.6)
    scale = _WIDTH / (math.log10(max([*ratios.values(), 1.0])) - low)

    def at(ratio: float) -> float:
        return _LABELS + (math.log10(ratio) - low) * scale

    height = _TOP + _LINE * len(ordered) + 12
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_LABELS + _WIDTH + 70} {height}" '
        f'role="img" aria-label="{escape(title)}" font-family="sans-serif" font-size="13">',
        f'<rect width="100%" height="100%" fill="#ffffff"/><text x="12" y="24" font-size="15">{escape(title)}</text>',
    ]
    for number, (label, ratio) in enumerate(ordered):
        y = _TOP + number * _LINE
        colour = _OURS if "linkmw" in label else _OTHERS
        parts.append(
            f'<text x="{_LABELS - 8}" y="{y + 14}" text-anchor="end">{escape(label)}</text>'
            f'<rect x="{_LABELS}" y="{y}" width="{at(ratio) - _LABELS:.1f}" height="18" fill="{colour}"/>'
            f'<text x="{at(ratio) + 6:.1f}" y="{y + 14}">{ratio:.3g}</text>'
        )
    parts.append(f'<path d="M{at(1):.1f} {_TOP - 6}V{height - 8}" stroke="{_AXIS}" stroke-dasharray="3 3"/></svg>')
    IMAGES.mkdir(parents=True, exist_ok=True)
    path = IMAGES / name
    path.write_text("\n".join(parts) + "\n", encoding="utf-8")
    return path


def lines(name: str, title: str, found: Mapping[str, Mapping[int, float]]) -> Path:
    """As `bars`: what each kind of work costs at each size, times what it costs at the smallest."""
    sizes = sorted(next(iter(found.values())))
    ratios = {
        f"{what}, {size:,}": by_size[size] / by_size[sizes[0]] for what, by_size in found.items() for size in sizes[1:]
    }
    return bars(name, title, ratios)
