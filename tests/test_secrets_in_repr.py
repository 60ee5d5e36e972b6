"""No value of ours shows a secret when it is printed, logged or part of a traceback (CF09)."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_type_hints

import pytest

import linkmw
from linkmw.http import Params, Request, Response, read_form, set_cookie
from linkmw.hub.settings import HubSettings
from linkmw.pages.screens import Form
from linkmw.secret import Secret
from linkmw.settings import Settings

SOURCE = Path(linkmw.__file__).parent
MARK = "very-secret"
_SECRET = re.compile(
    r"(^|_)(secret|password|token|nonce|verifier|csrf|transaction|handle|key|keys|cookie|headers|body|html|text)$"
    r"|^(state|sid|code|flow_id|form|query_string|redis_url|database_url|smtp_url|authorization)$"
)
# What only looks like a secret, and why it is none.
HARMLESS = {
    "AccountAnswer.usable_password": "whether there is one",
    "AccountFacts.usable_password": "whether there is one",
    "Asset.body": "a stylesheet or a logo",
    "AuditEvent.code": "an error's code",
    "Browser.key": "the hash of a cookie",
    "EventRow.code": "an error's code",
    "KeySet.keys": "public keys, whose repr is their names",
    "MailRecord.state": "whether it was sent",
    "MailRow.state": "whether it was sent",
    "Ports.keys": "a store",
    "Ports.token": "a function",
    "Question.form": "a form, whose repr is where it is posted",
    "RemoveDialog.form": "a form, whose repr is where it is posted",
    "RemoveDialog.has_password": "whether there is one",
    "Script.text": "a script of ours",
    "Settings.carry_password": "whether one may be",
    "Settings.forgot_password": "the address of a page",
    "Settings.session_key": "the name under which a session keeps an id",
    "Tones.text": "a colour",
    "Who.state": "whether somebody can sign in",
    "_Kept.keys": "public keys",
}


def dataclasses_of_ours() -> Iterator[type[Any]]:
    for module in pkgutil.walk_packages(linkmw.__path__, "linkmw."):
        if re.search(r"\.(demo|testing|migrations|__main__|outside\.django)\b", module.name):
            continue
        for value in vars(importlib.import_module(module.name)).values():
            if isinstance(value, type) and dataclasses.is_dataclass(value) and value.__module__ == module.name:
                yield value


def filled(kind: type[Any]) -> Any:
    """A value of `kind` whose every field holds the mark; a Secret where that is the field's type."""
    hints = get_type_hints(kind)
    value = object.__new__(kind)
    for item in dataclasses.fields(kind):
        object.__setattr__(value, item.name, Secret(MARK) if hints[item.name] is Secret else _Marked(item.name))
    return value


class _Marked(str):
    """A text that says which field it was in; its attributes are marked as well, for what looks inside."""

    def __new__(cls, name: str) -> _Marked:
        return super().__new__(cls, f"{MARK} {name}")

    def __getattr__(self, name: str) -> _Marked:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Marked(name)


KINDS = {f"{kind.__module__}.{kind.__name__}": kind for kind in dataclasses_of_ours()}


def test_cf09_every_part_of_the_package_was_looked_at() -> None:
    assert len(KINDS) > 60
    assert {"linkmw.model.SignIn", "linkmw.gate.ports.ProofRecord", "linkmw.hub.ports.Flow"} <= KINDS.keys()


@pytest.mark.parametrize("name", KINDS)
def test_cf09_a_value_shows_no_secret_in_its_repr(name: str) -> None:
    kind = KINDS[name]
    shown = repr(filled(kind))
    for item in dataclasses.fields(kind):
        if _SECRET.search(item.name) and f"{kind.__name__}.{item.name}" not in HARMLESS:
            assert f"{MARK} {item.name}" not in shown
    assert f"'{MARK}'" not in shown  # fields of type Secret


@pytest.mark.parametrize(
    "value",
    [
        Secret(MARK),
        [Secret(MARK)],
        {"password": Secret(MARK)},
        Params([("password", MARK)]),
        read_form(f"password={MARK}".encode(), "application/x-www-form-urlencoded"),
        Request("POST", "/login", f"code={MARK}", {"cookie": MARK, "authorization": MARK}, MARK.encode(), raw=MARK),
        Response(303, (("Location", f"/?code={MARK}"), set_cookie("a", MARK)), MARK.encode()),
        Form("/continue", MARK, (("flow", MARK),)),
        Settings(client_secret=Secret(MARK), redis_url=f"redis://:{MARK}@localhost"),
        HubSettings(
            key=Secret(MARK),
            redis_url=f"redis://:{MARK}@a",
            database_url=f"postgresql://a:{MARK}@b/c",
            smtp_url=f"smtp://a:{MARK}@b",
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_cf09_what_holds_credentials_can_be_printed(value: object) -> None:
    for shown in (repr(value), f"{[value]}", f"{ {'a': value} }"):
        assert MARK not in shown


def test_cf09_a_traceback_with_its_variables_shows_no_password() -> None:
    """As error pages and error trackers write them: every local variable of every frame, by its repr."""
    from tests.gate.world import World

    shown: list[str] = []

    class Shouting(Exception):
        pass

    world, person = World(), None
    person = world.browser()
    person.arrives()

    def verify_password(request: Request, username: str, password: str) -> None:
        try:
            raise Shouting
        except Shouting as error:
            frame = error.__traceback__.tb_frame.f_back  # type: ignore[union-attr]
            while frame is not None:
                if "linkmw" in frame.f_globals.get("__name__", ""):
                    shown.append(f"{frame.f_code.co_name}: {frame.f_locals!r}")
                frame = frame.f_back

    world.product.verify_password = verify_password  # type: ignore[method-assign,assignment]
    person.submit(username="ada", password=MARK)
    frames = [line for line in shown if not line.startswith("in_place")]  # hands over what the product is to see
    assert any(line.startswith("_check_password") for line in frames)
    assert [line for line in frames if MARK in line] == []


def raised() -> Iterator[tuple[str, ast.AST]]:
    """Every `raise` of an exception with a message that is put together, and where."""
    for path in sorted(SOURCE.rglob("*.py")):
        if "demo" in path.parts or "testing" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
                for part in ast.walk(node.exc):
                    if isinstance(part, ast.FormattedValue):
                        yield f"{path.relative_to(SOURCE)}:{node.lineno}", part.value


def test_cf09_no_error_of_ours_has_a_secret_in_its_words() -> None:
    seen = list(raised())
    assert len(seen) > 10
    for where, value in seen:
        names = {node.id for node in ast.walk(value) if isinstance(node, ast.Name)}
        names |= {node.attr for node in ast.walk(value) if isinstance(node, ast.Attribute)}
        assert not [name for name in names if _SECRET.search(name)], where
