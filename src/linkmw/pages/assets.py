"""Files that pages need: our stylesheets and scripts, brand sheets, logos.

A name carries its content's hash, so it may be kept.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import sha256
from html import escape
from pathlib import Path

from linkmw.http import Response
from linkmw.pages.brand import palette

CSS = "text/css; charset=utf-8"
SVG = "image/svg+xml"
JS = "text/javascript; charset=utf-8"

# A logo is somebody else's file. Inside <img> it runs nothing; opened by itself it must not either (XS10).
_LOGO_POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
_ROOT = re.compile(r"<svg\b[^>]*>", re.IGNORECASE)
_STATIC = Path(__file__).parent / "static"


@dataclass(frozen=True, slots=True)
class Asset:
    """A file to serve under its hashed name."""

    name: str
    content_type: str
    body: bytes

    @property
    def response(self) -> Response:
        """The whole answer to a GET: cacheable for a year, since another content has another name."""
        policy = (("Content-Security-Policy", _LOGO_POLICY),) if self.content_type == SVG else ()
        return Response(
            200,
            (
                ("Content-Type", self.content_type),
                ("Cache-Control", "public, max-age=31536000, immutable"),
                ("X-Content-Type-Options", "nosniff"),
                ("Cross-Origin-Resource-Policy", "cross-origin"),  # mails show the logo, from anywhere
                *policy,
            ),
            self.body,
        )


def hashed(stem: str, suffix: str, content: str) -> Asset:
    """`content` as `stem.<hash>.suffix`; suffix: css, js or svg."""
    body = content.encode()
    return Asset(f"{stem}.{sha256(body).hexdigest()[:12]}.{suffix}", {"css": CSS, "js": JS, "svg": SVG}[suffix], body)


def logo_tile(name: str, primary: str) -> str:
    """An SVG that stands in for a logo: a tile in the brand's own colour with the initial of `name`."""
    fill = palette(primary).light
    initial = escape(next((letter for letter in name if letter.isalnum()), "·").upper())
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 48 48" data-ground="any">'
        f'<rect width="48" height="48" rx="11" fill="{fill.primary}"/>'
        f'<text x="24" y="33" text-anchor="middle" font-family="system-ui,sans-serif" font-size="26" '
        f'font-weight="650" fill="{fill.on_primary}">{initial}</text></svg>\n'
    )


def stands_on_any_ground(svg: str) -> bool:
    """Does the logo bring its own ground (`data-ground="any"` on its root)? Others get a plate on dark pages."""
    root = _ROOT.search(svg)
    return root is not None and 'data-ground="any"' in root.group()


def _ours(file: str) -> Asset:
    stem, _, suffix = file.partition(".")
    return hashed(stem, suffix, (_STATIC / file).read_text(encoding="utf-8"))


LOOK_CSS = _ours("look.css")
BUTTON_CSS = _ours("button.css")
MANAGER_JS = _ours("manager.js")
INBOX_JS = _ours("inbox.js")
SUPPORT_CSS = _ours("support.css")
