"""`make mutants [MODULE=oidc/jose]`: are the rules and the fence tested so that a mistake in them is noticed?

cosmic-ray changes one operator, number or word of a module at a time; the tests that are named here run on each
change, in a fork that has the libraries loaded already. What they let pass is printed as a diff, and explained in
docs/hardening.md.
"""

from __future__ import annotations

import re
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from difflib import unified_diff
from importlib import import_module
from pathlib import Path
from typing import Any

from tests.forked import copied, load_libraries, run_in

SECONDS = 30  # for the tests of one module: a loop that never ends is noticed, too

# Module → the tests that are to notice.
MODULES: dict[str, Sequence[str]] = {
    "hub/rules": ("--noconftest", "tests/hub/test_hub_rules.py"),
    "hub/first_rules": ("--noconftest", "tests/hub/test_hub_first_rules.py"),
    "oidc/jose": ("tests/oidc/test_oidc_jose.py",),
    "oidc/claims": ("tests/oidc/test_oidc_id_token.py", "tests/oidc/test_oidc_call_token.py"),
    "oidc/id_token": ("tests/oidc/test_oidc_id_token.py",),
    "oidc/logout_token": ("tests/oidc/test_oidc_logout_token.py",),
    "oidc/call_token": ("tests/oidc/test_oidc_call_token.py",),
    "oidc/authorize": ("tests/oidc/test_oidc_authorize.py",),
    "oidc/base64url": ("tests/oidc/test_oidc_spelling.py",),
    "oidc/strict_json": ("tests/oidc/test_oidc_spelling.py",),
    "oidc/client_auth": ("tests/oidc/test_oidc_client_auth.py",),
    "oidc/end_session": ("tests/oidc/test_oidc_end_session.py",),
    "oidc/keys": ("tests/oidc/test_oidc_keys.py",),
    "oidc/metadata": ("tests/oidc/test_oidc_metadata.py",),
    "redirects": ("tests/oidc/test_oidc_redirects.py",),
    "gate/claim": ("--noconftest", "tests/gate/test_gate_claim.py"),
    "gate/native_rules": ("tests/gate/test_gate_native_rules.py",),
    "gate/outcome": ("tests/gate/test_gate_outcome.py",),
    "gate/password_rules": ("tests/gate/test_gate_password_rules.py",),
    "gate/names": ("--noconftest", "tests/gate/test_gate_names.py"),
    "gate/limits": ("tests/gate/test_gate_limits.py",),
    "gate/guard": ("tests/gate/test_gate_guard.py",),
    "gate/browser": ("tests/gate/test_gate_browser.py",),
    "gate/doors": ("tests/gate/test_gate_doors.py",),
    "gate/in_force": ("tests/gate/test_gate_in_force.py",),
    "hub/browser": ("--noconftest", "tests/hub/test_hub_browser.py"),
    "hub/reach": ("--noconftest", "tests/hub/test_hub_reach.py"),
    "signed": ("--noconftest", "tests/test_signed.py"),
    "stores/sealed": ("--noconftest", "tests/stores/test_redis_sealed.py", "-k", "record"),
    "switch": ("--noconftest", "tests/test_switch.py"),
    "whence": ("--noconftest", "tests/test_whence.py"),
}
# `|` stands in annotations, which nobody runs; `is` for a comparison asks how small numbers are kept; a decorator that
# is gone from a frozen value makes another program, which does not load.
_NOT_TRIED = re.compile(r"core/(ReplaceBinaryOperator_BitOr_.*|ReplaceComparisonOperator_.*_Is(Not)?|RemoveDecorator)")


def main(names: Sequence[str]) -> int:
    load_libraries()
    with tempfile.TemporaryDirectory() as folder:
        tree = copied(Path(folder))
        for name in names or MODULES:
            _try(tree, name)
    return 0


def _try(tree: Path, name: str) -> None:
    path = tree / "src" / "linkmw" / f"{name}.py"
    sound = path.read_text(encoding="utf-8")
    assert not _is_noticed(tree, name), f"the tests of {name} fail as they are"
    survivors: list[str] = []
    tried, told = 0, time.monotonic()
    for what, changed in _mutants(sound):
        path.write_text(changed, encoding="utf-8")
        tried += 1
        if not _is_noticed(tree, name):
            lines = unified_diff(sound.splitlines(), changed.splitlines(), lineterm="", n=0)
            survivors.append(f"{what}\n" + "\n".join(line for line in lines if not line.startswith(("---", "+++"))))
        if time.monotonic() > told + 15:
            told = time.monotonic()
            _say(f"   {name}: {tried} tried, {len(survivors)} survived")
    path.write_text(sound, encoding="utf-8")
    score = 100 * (tried - len(survivors)) / tried
    _say("\n".join((f"== {name}: {tried} mutants, {len(survivors)} survived, {score:.1f} % noticed", *survivors)))


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _mutants(sound: str) -> Iterator[tuple[str, str]]:
    """Each change that cosmic-ray knows, and the module with it."""
    mutating: Any = import_module("cosmic_ray.mutating")
    plugins: Any = import_module("cosmic_ray.plugins")
    for name in sorted(plugins.operator_names()):
        kind = plugins.get_operator(name)
        if _NOT_TRIED.fullmatch(name) or kind.arguments():
            continue
        occurrence = 0
        while (changed := mutating.mutate_code(sound, kind(), occurrence)) is not None:
            if _is_mistake(sound, changed):
                yield f"{name} {occurrence}", changed
            occurrence += 1


def _is_mistake(sound: str, changed: str) -> bool:
    """Could anybody ship it? Not what does not compile, and would be noticed by everything; nor what takes the star of
    a signature for a product, or says otherwise how a value of ours is kept."""
    if any(changed.count(words) < sound.count(words) for words in ("*,", "@dataclass(frozen=True, slots=True)")):
        return False
    try:
        compile(changed, "a mutant", "exec")
    except SyntaxError:
        return False
    return True


def _is_noticed(tree: Path, name: str) -> bool:
    return not run_in(tree, ("-x", "--assert=plain", *MODULES[name]), SECONDS).passed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
