"""The one judge of every redirect target (security.md, XS06, XS07)."""

from __future__ import annotations

import re
from urllib.parse import unquote

MAX_TARGET = 2048  # characters: longer than any page we would send a person back to

# A slash, then printable ASCII without a backslash; other letters arrive percent-encoded. To a browser this is a path
# of the site it is on, unless a second slash follows (below): what it would read as a slash (the backslash) or drop
# (tabs, line breaks) is not in it.
_TARGET = re.compile(r"/[\x21-\x5b\x5d-\x7e]*")

# Two slashes start a host at the beginning, and anywhere once dots are resolved: `/..//host`. A proxy or framework may
# decode the path before it redirects on, too, so that an encoded slash becomes one and a line break ends the header.
_TRAP = re.compile(r"//|[\x00-\x1f\x7f-\x9f\\]")
_DECODINGS = 3  # `%252f` is a slash to whoever decodes twice


def judge(target: str, *, default: str = "/") -> str:
    """`target` if it is a path of this site, with or without query and fragment, else `default`. Never raises."""
    if len(target) <= MAX_TARGET and _TARGET.fullmatch(target) and not _is_trap(re.split("[?#]", target)[0]):
        return target
    return default


def _is_trap(path: str) -> bool:
    for _ in range(_DECODINGS):
        if _TRAP.search(path):
            return True
        path = unquote(path)
    return bool(_TRAP.search(path))
