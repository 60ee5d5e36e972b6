"""Every error code there is, read from the source: `python tests/docs/error_codes.py` lists them.

A code is what `LinkmwError.code` can hold, a word of OAuth 2.0 that one half tells the other, or what the audit trail
calls a refusal.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = (ROOT / "src" / "linkmw", ROOT / "integrations")
NOT_OURS_TO_ANSWER = ("demo", "testing", "migrations")
_WORD = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*\Z")

# Functions whose plain words are codes, whichever argument they are.
_TAKE_CODES = frozenset(("RedirectableError", "refuse", "refusal_url", "refused", "_note", "_read"))
# Functions that put "token_" before a claim's name: `oidc/claims.py`.
_TAKE_CLAIMS = frozenset(("rejected", "text", "time", "check_equal"))
_CLAIMS = {"iss": "issuer", "sub": "subject", "aud": "audience"}
# Types whose values are codes, but for those that say yes.
_VERDICTS = {
    "PushVerdict": {"accept"},
    "CommitVerdict": {"ask", "commit", "confirm", "used"},
    "AgreeVerdict": {"commit", "used"},
    "Standing": {"current"},
    "SupportVerdict": set(),
}
# Collections of codes.
_TABLES = frozenset(("_NOT_SUPPORTED", "PASSED_ON"))
# `code=` something that is worked out: each is one of the kinds above, or somebody else's word made plain.
WORKED_OUT = frozenset(
    (
        "UNEXPECTED",
        "_word(_object(reply))",
        "code",
        "error.code",
        "event.code",
        "error.code if isinstance(error, LinkmwError) else UNEXPECTED",
        "f'minutes_{minutes}'",
        "f'schema_{stands}'",
        "f'token_{_CODES.get(name, name)}'",
        "refused.code",
        "refused.error",
        "verdict",
    )
)


def trees() -> Iterator[tuple[Path, ast.Module]]:
    for folder in FOLDERS:
        for path in sorted(folder.rglob("*.py")):
            if not set(NOT_OURS_TO_ANSWER) & set(path.parts):
                yield path, ast.parse(path.read_text("utf-8"))


def codes() -> set[str]:
    return {code for path, tree in trees() for node in ast.walk(tree) for code in _codes_at(node, path)}


def worked_out() -> set[str]:
    """Every `code=` of an error or a line of the log that is no plain word."""
    found = set()
    for _, tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and _name(node) not in (
                "redirect",
                "at_hub",
                "having",
                "replace",
                "_answer_url",
            ):
                for given in node.keywords:
                    if given.arg == "code" and not isinstance(given.value, ast.Constant):
                        found.add(ast.unparse(given.value))
    return found


def _codes_at(node: ast.AST, path: Path) -> Iterator[str]:
    if isinstance(node, ast.Call):
        yield from (word for given in node.keywords if given.arg in ("code", "error") for word in _words(given.value))
        if _name(node) in _TAKE_CODES:
            yield from (word for given in node.args for word in _words(given))
        if _name(node) == "_check_promise":
            yield from _words(node.args[-1])
        if _name(node) in _TAKE_CLAIMS and ("oidc" in path.parts or _owner(node) == "claims"):
            yield from (f"token_{_CLAIMS.get(word, word)}" for given in node.args for word in _words(given))
    elif isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
        yield from _assigned(node, node.value)


def _assigned(node: ast.Assign | ast.AnnAssign, value: ast.expr) -> Iterator[str]:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    name = targets[0].id if isinstance(targets[0], ast.Name) else ""
    if name in ("code", "UNEXPECTED"):
        yield from _words(value)
    elif name in _TABLES:
        values = value.values if isinstance(value, ast.Dict) else list(ast.walk(value))
        yield from (word for one in values for word in _words(one))
    elif name in _VERDICTS:
        prefix = "schema_" if name == "Standing" else ""
        said = {word for one in ast.walk(value) for word in _words(one)}
        yield from (prefix + word for word in said - _VERDICTS[name])


def _words(value: ast.AST) -> Iterator[str]:
    """The plain words that `value` can be."""
    if isinstance(value, ast.Constant) and isinstance(value.value, str) and _WORD.match(value.value):
        yield value.value
    elif isinstance(value, ast.IfExp):
        yield from (*_words(value.body), *_words(value.orelse))
    elif isinstance(value, ast.BoolOp):
        yield from (word for one in value.values for word in _words(one))


def _name(node: ast.Call) -> str:
    function = node.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _owner(node: ast.Call) -> str:
    value = node.func.value if isinstance(node.func, ast.Attribute) else None
    return value.id if isinstance(value, ast.Name) else ""


if __name__ == "__main__":
    print("\n".join(sorted(codes())))
    print("worked out:", "; ".join(sorted(worked_out())))
