"""The file that an operator writes about an application (`LINKMW_ADAPTER=path.py:name`), as linkmw asks it.

docs/adapters.md leads through one. Everything in it may be left out that has a default.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any, cast

from linkmw.errors import SettingsError
from linkmw.gate.hooks import Hooks
from linkmw.http import Headers, Request, removed_cookie, session_cookie
from linkmw.outside import session_extra
from linkmw.setting_values import read_remote_user
from linkmw.settings import Settings

# (request) → the user whom the session names, or None: an id, or what has an id, username and email
# complete(request) → every second factor shown? · start(request, user, marker) → cookies, a mapping, or header pairs
# end(request) → the same · marker_of(request) → the marker that `start` was given, out of the session, or None
# extra(request, user) → what a session of a recognised framework holds besides · cookies: of the session, their names
# remote_user: where the application reads who somebody is, as LINKMW_REMOTE_USER
# self_contained: the same text in those cookies is always the same session
SESSION = ("user_of", "complete", "start", "end", "marker_of")
ACCOUNTS = tuple(Hooks.__annotations__)
KNOWN = (*SESSION, *ACCOUNTS, "cookies", "remote_user", "self_contained")


class Adapter:
    """What the file says, with a default for what it leaves out. told: an object, or a class to make one of.

    besides: LINKMW_SESSION_EXTRA, which says what needs no code.
    """

    def __init__(self, told: object, besides: str = "") -> None:
        self.told = told() if isinstance(told, type) else told
        self._besides = besides
        self.cookies: tuple[str, ...] = tuple(getattr(self.told, "cookies", ()))
        self.self_contained = getattr(self.told, "self_contained", False) is True
        _check(self.told)

    def has(self, name: str) -> bool:
        return hasattr(self.told, name)

    @property
    def is_whole(self) -> bool:
        """Does it know how a session begins, so that nothing of the application has to be recognised?"""
        return self.has("start")

    @property
    def hooks(self) -> Hooks:
        """What it says of the accounts, and of what else is in their sessions."""
        told = {name: getattr(self.told, name) for name in ACCOUNTS if self.has(name)}
        return cast(Hooks, {**told, "extra": self.session_of})

    def user_of(self, request: Request) -> Any:
        return self._ask("user_of", None, request)

    def complete(self, request: Request) -> bool:
        return bool(self._ask("complete", True, request))

    def session_of(self, request: Request, user: Any) -> Mapping[str, Any]:
        """What a session that names `user` holds besides: the setting, and its `extra`."""
        return {**session_extra.made(self._besides), **(self._ask("extra", {}, request, user) or {})}

    def marker_of(self, request: Request) -> str:
        return str(self._ask("marker_of", None, request) or "")

    def start(self, request: Request, user: Any, marker: str, *, secure: bool) -> Headers:
        return _headers(self._ask("start", (), request, user, marker), secure=secure)

    def end(self, request: Request, *, secure: bool) -> Headers:
        """What ends the session; without a word of the file its cookies are taken away."""
        return _headers(self._ask("end", dict.fromkeys(self.cookies), request), secure=secure)

    def _ask(self, name: str, default: Any, *args: Any) -> Any:
        asked: Callable[..., Any] | None = getattr(self.told, name, None)
        return default if asked is None else asked(*args)


def of(settings: Settings) -> Adapter | None:
    """The adapter that the settings name, or make; None where they do neither. Raises SettingsError."""
    if not settings.adapter and not settings.session_extra:
        return None
    return read(settings.adapter, settings.session_extra)


def remote_user(settings: Settings, adapter: Adapter | None) -> str:
    """Where the application reads who somebody is: as the file says, else the settings; "" for nowhere.

    Raises SettingsError.
    """
    told = getattr(adapter.told, "remote_user", "") if adapter else ""
    if not told:
        return settings.remote_user
    try:
        return read_remote_user(told)
    except ValueError as error:
        raise SettingsError(f"LINKMW_ADAPTER: remote_user {error}") from None


@cache
def read(named: str, besides: str = "") -> Adapter:
    """The adapter in `path.py:name`, read once; of no name, one that says nothing itself.

    Raises SettingsError that says what is wrong with it.
    """
    if not named:
        return Adapter(object(), besides)
    path, _, name = named.rpartition(":")
    spec = importlib.util.spec_from_file_location(f"_linkmw_adapter_{Path(path).stem}", path)
    if spec is None or spec.loader is None:
        raise SettingsError(f"LINKMW_ADAPTER names {path}, which is no Python file")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
        return Adapter(getattr(module, name), besides)
    except SettingsError:
        raise
    except FileNotFoundError:
        raise SettingsError(f"LINKMW_ADAPTER names {path}, which is not there") from None
    except Exception as error:
        raise SettingsError(f"LINKMW_ADAPTER: {path} cannot be used: {type(error).__name__}: {error}") from error


def _check(told: object) -> None:
    """Nothing in it is called almost like something that would be asked for: it would be left out unnoticed."""
    for name in vars(type(told)) if not isinstance(told, type) else ():
        near = get_close_matches(name, KNOWN, 1, cutoff=0.8)
        if not name.startswith("_") and name not in KNOWN and near:
            raise SettingsError(f"LINKMW_ADAPTER: {name} is nothing that is asked for: did you mean {near[0]}?")


def _headers(given: Mapping[str, str | None] | Iterable[tuple[str, str]], *, secure: bool) -> Headers:
    """Cookies by name, None for one that is to go; or header pairs as they are."""
    if not isinstance(given, Mapping):
        return tuple(given)
    return tuple(
        removed_cookie(name, secure=secure) if value is None else session_cookie(name, value, secure=secure)
        for name, value in given.items()
    )
