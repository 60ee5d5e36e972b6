"""Keeps the table of modules in docs/conformance.md in step with the tests: `… conformance_page.py [--write]`."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "conformance.md"
TESTS = ROOT / "tests" / "conformance" / "test_oidcc_client.py"

# The suite's certification plans for relying parties, and the modules of each for the code flow.
PLANS = {
    "Basic": (
        "oidcc-client-test",
        "oidcc-client-test-invalid-iss",
        "oidcc-client-test-missing-sub",
        "oidcc-client-test-invalid-aud",
        "oidcc-client-test-missing-iat",
        "oidcc-client-test-kid-absent-single-jwks",
        "oidcc-client-test-kid-absent-multiple-jwks",
        "oidcc-client-test-idtoken-sig-rs256",
        "oidcc-client-test-idtoken-sig-none",
        "oidcc-client-test-invalid-sig-rs256",
        "oidcc-client-test-userinfo-invalid-sub",
        "oidcc-client-test-nonce-invalid",
        "oidcc-client-test-scope-userinfo-claims",
        "oidcc-client-test-client-secret-basic",
    ),
    "Configuration": (
        "oidcc-client-test-discovery-openid-config",
        "oidcc-client-test-discovery-jwks-uri-keys",
        "oidcc-client-test-discovery-issuer-mismatch",
        "oidcc-client-test-signing-key-rotation",
        "oidcc-client-test-signing-key-rotation-just-before-signing",
    ),
    "RP-initiated logout": (
        "oidcc-client-test-rp-init-logout",
        "oidcc-client-test-rp-init-logout-no-state",
        "oidcc-client-test-rp-init-logout-other-state",
    ),
    "Back-channel logout": (
        "oidcc-client-test-rp-backchannel-rpinitlogout",
        "oidcc-client-test-rp-backchannel-rpinitlogout-alg-none",
        "oidcc-client-test-rp-backchannel-rpinitlogout-no-event",
        "oidcc-client-test-rp-backchannel-rpinitlogout-with-nonce",
        "oidcc-client-test-rp-backchannel-rpinitlogout-wrong-alg",
        "oidcc-client-test-rp-backchannel-rpinitlogout-wrong-aud",
        "oidcc-client-test-rp-backchannel-rpinitlogout-wrong-event",
        "oidcc-client-test-rp-backchannel-rpinitlogout-wrong-iss",
    ),
}

_BOTH, _HUB = "hub, gate", "hub"
_PARTIES = {"party": _BOTH, "hub": _HUB}


def tests() -> dict[str, tuple[str, str]]:
    """Module → which relying parties it is played against, and what comes of it."""
    tree = ast.parse(TESTS.read_text(encoding="utf-8"))
    return {
        node.name.removeprefix("test_").replace("_", "-"): (
            _PARTIES[node.args.args[0].arg],
            (ast.get_docstring(node) or "").partition("\n")[0],
        )
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


def table() -> str:
    return "\n".join(("| plan | module | against | result |", "|---|---|---|---|", *_rows())) + "\n"


def _rows() -> Iterator[str]:
    found = tests()
    for plan, modules in PLANS.items():
        for module in modules:
            against, result = found[module]
            yield f"| {plan} | `{module}` | {against} | {result} |"


def tests_named(page: str) -> set[str]:
    """Every `path::test` that a page names."""
    return set(re.findall(r"`([a-z0-9_/]+\.py::test_[a-z0-9_]+)`", page))


def written(page: str) -> str:
    block = re.compile(r"(<!-- modules:begin -->\n).*(<!-- modules:end -->)", re.DOTALL)
    return block.sub(lambda found: found.group(1) + table() + found.group(2), page)


if __name__ == "__main__":
    text = PAGE.read_text(encoding="utf-8")
    if "--write" in sys.argv:
        PAGE.write_text(written(text), encoding="utf-8")
    sys.exit(0 if written(PAGE.read_text(encoding="utf-8")) == PAGE.read_text(encoding="utf-8") else 1)
