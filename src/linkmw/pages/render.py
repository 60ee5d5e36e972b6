"""A template and its values, to HTML; and what templates need to write links and forms."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from linkmw.pages import language
from linkmw.pages.article import with_article

_ADDRESS = re.compile(r"[^\s@<>\"':/]+@[^\s@<>\"':/]+\Z")
_LINK = re.compile(r"(https?://|/(?![/\\]))[^\s\\]*\Z", re.IGNORECASE)


def link_target(where: str) -> str:
    """`where` as an href: a path of ours, http(s), or mailto for an e-mail address; "" for all else (`javascript:`)."""
    if _ADDRESS.match(where):
        return f"mailto:{where}"
    return where if _LINK.match(where) else ""


_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    auto_reload=False,
    extensions=["jinja2.ext.i18n"],
)
language.install(_TEMPLATES)
_TEMPLATES.filters.update(link_target=link_target, with_article=with_article)


def render(template: str, **values: object) -> str:
    """The page of that name in `templates/`. Every value must be given; text is escaped."""
    return _TEMPLATES.get_template(template).render(values)


@dataclass(frozen=True, slots=True)
class Form:
    """Where a form is posted, its CSRF token, and what else it carries unseen (`record`, `flow`)."""

    action: str
    csrf: str
    fields: tuple[tuple[str, str], ...] = ()

    def __repr__(self) -> str:
        return f"Form({self.action})"
