"""The one judge of every redirect target (security.md, XS06, XS07)."""

from __future__ import annotations

import re

MAX_TARGET = 2048  # characters: longer than any page we would send a person back to

# A path inside this site: one slash, then no second slash or backslash (both start an authority in some browser),
# no control character, space or DEL anywhere, and ASCII only: other letters must arrive percent-encoded.
_PATH = re.compile(r"/(?![/\\])[\x21-\x5b\x5d-\x7e]*\Z")
# The same once more for what a browser, proxy or framework may decode before it reads the target.
_ENCODED_TRAP = re.compile(r"/(?:%2f|%5c|%09|%0a|%0d|\.{1,2}//)", re.IGNORECASE)


def judge(target: str, *, default: str = "/") -> str:
    """`target` if it is a path of this site, else `default`. Never raises.

    Accepts exactly: a "/" not followed by another, then printable ASCII with no "\\" anywhere.
    """
    if len(target) <= MAX_TARGET and _PATH.match(target) and not _ENCODED_TRAP.match(target):
        return target
    return default
