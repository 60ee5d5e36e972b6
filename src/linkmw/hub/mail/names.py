"""Names and addresses as a mail may show them: masked, unbroken into links, and never more than one line."""

from __future__ import annotations

import re

from linkmw.errors import RequestRefused

# Control characters, and the marks that reorder or hide text (Unicode Cf and line separators).
_UNSEEN = re.compile("[\\x00-\\x1f\\x7f-\\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")
# One mailbox: nothing that separates or wraps addresses in a header.
_ADDRESS = re.compile(r"[^\s@,;:<>()\[\]\"\\]+@[^\s@,;:<>()\[\]\"\\]+\Z")
# What mail programs make links of: anything with a scheme or a slash, an address, a name with a dot in it.
_LINKED = re.compile(r"[/\\@]|\w:\w|\.[^\W\d_]{2}|www\.", re.IGNORECASE)
_JOINT = re.compile(r"([.:/\\@])(?=.)")
_GAP = "\u200c"  # zero-width non-joiner: unseen in Latin text, and no address holds one


def is_address(text: str) -> bool:
    """May a mail go to `text`? Exactly one address, on one line (UM09)."""
    return len(text) <= 254 and not _UNSEEN.search(text) and _ADDRESS.match(text) is not None


def one_line(text: str) -> str:
    """`text`, if it is one line of visible text. Raises RequestRefused(code="mail_header")."""
    if _UNSEEN.search(text):
        raise RequestRefused("a mail header is one line of visible text", code="mail_header")
    return text


def one_address(text: str) -> str:
    """`text`, if it is one address. Raises RequestRefused(code="mail_header")."""
    if not is_address(text):
        raise RequestRefused("not one address", code="mail_header")
    return text


def masked(email: str) -> str:
    """`ada@acme.example` as `a•••@acme.example`: its owner knows it again, others learn little. "" stays ""."""
    local, at, domain = email.rpartition("@")
    return f"{local[:1] if len(local) > 1 else ''}•••@{domain}" if at else ""


def unlinkable(name: str) -> str:
    """`name` as it looks, but such that no mail program makes a link of it (PR14).

    Names that look like an address get an invisible gap after each dot, colon, slash and at sign; others stay as
    they are. Both parts of a mail need it, so it is characters, not markup.
    """
    return _JOINT.sub(rf"\1{_GAP}", name) if _LINKED.search(name) else name
