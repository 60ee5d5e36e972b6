"""What is inside a callable, followed through whatever is wrapped around it. No framework is imported for it."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from types import FunctionType, MethodType, ModuleType
from typing import Any, Literal

Kind = Literal["linkmw", "django", "flask", "starlette"]

# The classes by which each is known, if the application has loaded them.
_CLASSES: tuple[tuple[Kind, str, str], ...] = (
    ("linkmw", "linkmw.gate.shell", "Shell"),
    ("linkmw", "linkmw_django.middleware", "LinkMiddleware"),
    ("django", "django.core.handlers.base", "BaseHandler"),
    ("flask", "flask", "Flask"),
    ("starlette", "starlette.applications", "Starlette"),
)
# What wrappers call the one inside: looked at before all else they hold.
_USUAL = ("app", "_app", "wsgi_app", "asgi_app", "application", "_application", "wrapped", "__wrapped__", "handler")
_MANY = 2000  # objects looked at: an application behind more than that is not one that somebody wrapped by hand


@dataclass(frozen=True, slots=True)
class Found:
    """An application, or linkmw itself. past: reached by one of its methods, so that a call goes past `application`."""

    kind: Kind
    application: Any
    past: bool = False


def inside(app: object) -> Iterator[Found]:
    """Every application inside of `app`, the nearest first; what is inside of these is not looked for."""
    classes = _loaded()
    waiting, seen = deque([(app, False)]), {id(app)}
    looked = 0
    while waiting and looked < _MANY:
        one, past = waiting.popleft()
        looked += 1
        kind = next((kind for kind, known in classes if isinstance(one, known)), None)
        if kind is not None and not _is_a_shell_of_django(one):
            yield Found(kind, one, past)
            continue
        for inner, by_method in _inner(one):
            if id(inner) not in seen:
                seen.add(id(inner))
                waiting.append((inner, by_method))


def is_wrapped(app: object) -> bool:
    """Is linkmw around or inside of `app` already, by whichever set-up?"""
    return any(map(_has_linkmw, inside(app)))


def _has_linkmw(found: Found) -> bool:
    if found.kind == "flask":
        return "linkmw" in found.application.extensions
    if found.kind == "starlette":
        return any(one.cls.__module__.startswith("linkmw_") for one in found.application.user_middleware)
    if found.kind == "django":
        return any(inner.kind == "linkmw" for inner in inside(found.application._middleware_chain))
    return True


def _loaded() -> list[tuple[Kind, type]]:
    found = ((kind, getattr(sys.modules.get(module), name, None)) for kind, module, name in _CLASSES)
    return [(kind, known) for kind, known in found if isinstance(known, type)]


def _is_a_shell_of_django(one: object) -> bool:
    """Its handler for static files is a handler around a handler, and has no middleware."""
    return hasattr(one, "load_middleware") and not vars(one).get("_middleware_chain")


def _inner(one: object) -> Iterator[tuple[object, bool]]:
    """What may lead on, and whether that would be by a method of it."""
    if isinstance(one, MethodType):
        yield one.__self__, one.__name__ != "__call__"
        return
    if isinstance(one, dict):
        yield from ((value, False) for value in tuple(one.values()) if _leads_on(value))
    elif isinstance(one, list | tuple):
        yield from ((value, False) for value in tuple(one) if _leads_on(value))
    elif isinstance(one, FunctionType):
        yield from ((value, False) for value in _enclosed(one) if _leads_on(value))
    else:
        held = _attributes(one)
        names = (*(name for name in _USUAL if name in held), *(name for name in held if name not in _USUAL))
        yield from ((held[name], False) for name in names if _leads_on(held[name]))


def _enclosed(function: FunctionType) -> Iterator[object]:
    yield getattr(function, "__wrapped__", None)
    for cell in function.__closure__ or ():
        try:
            yield cell.cell_contents
        except ValueError:  # not filled yet
            continue


def _attributes(one: object) -> dict[str, object]:
    """Of an object and of its slots; nothing is asked for that may be computed."""
    held = dict(getattr(one, "__dict__", {}))
    for kind in type(one).__mro__:
        slots = kind.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            try:
                held.setdefault(name, object.__getattribute__(one, name))
            except AttributeError:
                continue
    if hasattr(one, "func") and hasattr(one, "keywords"):  # functools.partial keeps these where no `vars` sees them
        held |= {"func": one.func, "args": getattr(one, "args", ()), "keywords": one.keywords}
    return held


def _leads_on(value: object) -> bool:
    if isinstance(value, type | ModuleType | str | bytes):
        return False
    return callable(value) or isinstance(value, dict | list | tuple)
