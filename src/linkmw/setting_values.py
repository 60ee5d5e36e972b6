"""How the value of each kind of setting is read. Standard library only.

Each takes text, as an environment has it, or what a framework's configuration or a TOML file holds, and raises
ValueError with the end of a sentence that begins with the setting's name.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import cast

from linkmw.secret import Secret
from linkmw.switch import Mode, read_switch

# Patterns are compiled by their first use: none of them is needed to switch linkmw off.
_HOST = r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*"
_LOOPBACK = r"http://(localhost|127\.0\.0\.1|\[::1\]|([a-z0-9-]+\.)+localhost)(:\d+)?(/|\Z)"
_URL = r"https?://[a-z0-9.\-\[\]:]+(/[\x21-\x7e]*)?\Z"
# A client secret that somebody typed instead of copying: refused by both halves (CF05).
_WEAK_SECRETS = frozenset(("changeme", "secret", "password", "test"))
MIN_SECRET = 32  # characters: 256 random bits in Base64url are 43, in hex 64; anything under 32 was typed


def read_text(value: object) -> str:
    return str(value).strip()


def read_secret(value: object) -> Secret:
    text = str(value).strip("\r\n")
    if len(text) < MIN_SECRET or text.lower() in _WEAK_SECRETS:
        raise ValueError(f"is too short to be a secret: {MIN_SECRET} characters or more, as it was printed")
    return Secret(text)


def read_url(value: object) -> str:
    """A URL, without a slash at its end; http is fine anywhere, for a back channel."""
    text = str(value).strip().rstrip("/")
    if not re.match(_URL, text, re.IGNORECASE):
        raise ValueError("is not a URL like https://orders.example.com")
    return text


def read_public_url(value: object) -> str:
    """As `read_url`; https, or http on localhost and *.localhost."""
    text = read_url(value)
    if text.startswith("http:") and not re.match(_LOOPBACK, text):
        raise ValueError("must begin with https:// (plain http is for localhost and *.localhost only)")
    return text


def read_on_or_off(value: object) -> bool:
    found = value if isinstance(value, bool) else read_switch(str(value))
    if found is None:
        raise ValueError("is neither on (1, true, yes, on) nor off (0, false, no, off)")
    return found


def one_of(*words: str) -> Callable[[object], str]:
    """Reads one of these words, in any case."""

    def read_word(value: object) -> str:
        text = read_text(value).lower()
        if text not in words:
            neither = f"neither {words[0]} nor {words[1]}" if len(words) == 2 else f"none of {', '.join(words)}"
            raise ValueError(f"is {neither}")
        return text

    return read_word


read_mode = cast(Callable[[object], Mode], one_of("off", "beside", "replace"))


def read_number(value: object) -> int:
    text = str(value).strip()
    if isinstance(value, bool) or not re.fullmatch(r"[0-9]{1,9}", text):
        raise ValueError("is not a whole number")
    return int(text)


def read_fraction(value: object) -> float:
    text = str(value).strip()
    if isinstance(value, bool) or not re.fullmatch(r"[0-9]{1,4}(\.[0-9]{1,6})?", text):
        raise ValueError("is not a number of seconds")
    return float(text)


def read_moment(value: object) -> int:
    try:
        found = value if isinstance(value, datetime) else datetime.fromisoformat(str(value).strip())
    except ValueError:
        raise ValueError("is no time like 2026-05-01T12:00:00Z") from None
    return int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp())


def read_list(value: object) -> tuple[str, ...]:
    if not isinstance(value, str | list | tuple | set | frozenset):
        raise ValueError("is neither a list nor text with commas")
    items: Iterable[object] = value.split(",") if isinstance(value, str) else value
    return tuple(text for item in items if (text := str(item).strip()))


def read_paths(value: object) -> tuple[str, ...]:
    paths = read_list(value)
    for path in paths:
        if not path.startswith("/"):
            raise ValueError(f"holds {path!r}: a path begins with /")
    return paths


def read_login_modes(value: object) -> tuple[tuple[str, Mode], ...]:
    """From a table of modes by path, or from text like "/admin/login/=replace,/login=beside"."""
    if isinstance(value, Mapping):
        pairs = [(str(path), mode) for path, mode in value.items()]
    else:
        pairs = [(path, mode) for path, _, mode in (text.rpartition("=") for text in read_list(value))]
    if not all(path.startswith("/") for path, _ in pairs):
        raise ValueError("is not like /admin/login/=replace,/login=beside")
    return tuple((path, read_mode(mode)) for path, mode in pairs)


def read_hosts(value: object) -> tuple[tuple[str, Mapping[str, object]], ...]:
    """Each host name and the table of settings that holds there; a table may be for several names. Text is JSON."""
    try:
        tables = json.loads(value) if isinstance(value, str) else value
    except RecursionError:
        raise ValueError("is nested too deeply") from None
    if not isinstance(tables, Mapping) or not all(isinstance(table, Mapping) for table in tables.values()):
        raise ValueError("is not a table for each host")
    found = tuple((name.lower(), table) for names, table in tables.items() for name in read_list(str(names)))
    if len(dict(found)) < len(found):
        raise ValueError("holds a host twice")
    for name, _ in found:
        if not re.fullmatch(_HOST, name):
            raise ValueError(f"holds {name!r}: a host is a name like orders.example.com, without port")
    return found


def read_path(value: object) -> str:
    text = read_text(value)
    if not re.fullmatch(r"/(?!/)[\x21-\x5b\x5d-\x7e]*", text):
        raise ValueError("is not a path of this site, like /home")
    return text


def read_prefix(value: object) -> str:
    text = read_text(value)
    if not re.fullmatch(r"/[A-Za-z0-9._~/-]*[A-Za-z0-9_~-]/", text):
        raise ValueError("is not a path like /.linkmw/ (a slash at both ends)")
    return text


def read_adapter(value: object) -> str:
    text = read_text(value)
    path, separator, name = text.rpartition(":")
    if not path.endswith(".py") or not separator or not name.isidentifier():
        raise ValueError("is not like /etc/linkmw/adapter.py:Adapter")
    return text


_NO_PLACE = frozenset(("AUTHORIZATION", "CONNECTION", "CONTENT-LENGTH", "CONTENT-TYPE", "COOKIE", "HOST"))


def read_remote_user(value: object) -> str:
    """`REMOTE_USER`, or a header by its name: X-Remote-User, which Django calls HTTP_X_REMOTE_USER."""
    text = read_text(value)
    if text == "REMOTE_USER":
        return text
    name = text.removeprefix("HTTP_").replace("_", "-")
    if not re.fullmatch(r"[A-Za-z0-9]+(-[A-Za-z0-9]+)*", name) or name.upper() in _NO_PLACE:
        raise ValueError("is neither REMOTE_USER nor a header of its own, like X-Remote-User")
    return name


def read_session_key(value: object) -> str:
    text = read_text(value)
    if not re.fullmatch(r"[^:\s]+(:int)?", text):
        raise ValueError("is not the key of a session, like user_id or user_id:int")
    return text


def read_session_extra(value: object) -> str:
    """JSON text, as the environment has it; the file may have a table."""
    try:
        table = json.loads(value) if isinstance(value, str) else value
        if isinstance(table, Mapping):
            return json.dumps(table)
    except (RecursionError, TypeError):  # TypeError: of TOML's dates
        raise ValueError("holds what a session cannot") from None
    raise ValueError("is not a table (JSON in the environment)")


def read_networks(value: object) -> tuple[str, ...]:
    import ipaddress  # dear, and most products name no proxy

    networks = read_list(value)
    for network in networks:
        ipaddress.ip_network(network, strict=False)
    return networks


def read_any_text(value: object) -> str:
    return str(value)
