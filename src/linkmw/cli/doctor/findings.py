"""Checks and what they found, as values: how they print, and the exit code. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

Severity = Literal["ok", "warning", "wrong"]

MOST_APART = 30  # seconds between two clocks; tokens forgive 60 (CF10)


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that is looked at. name: stable, for scripts. advice: what to do when it is not ok."""

    name: str
    looks_at: str
    advice: str

    def ok(self, found: str, *, of: str = "", details: Sequence[str] = ()) -> Finding:
        return Finding(self.name, "ok", found, "", of, tuple(details))

    def warning(self, found: str, advice: str = "", *, of: str = "") -> Finding:
        return Finding(self.name, "warning", found, advice or self.advice, of)

    def wrong(self, found: str, advice: str = "", *, of: str = "", details: Sequence[str] = ()) -> Finding:
        return Finding(self.name, "wrong", found, advice or self.advice, of, tuple(details))

    def apart(self, seconds: float, *, of: str = "") -> Finding:
        """What a clock is ahead (or, below zero, behind) of ours."""
        if abs(seconds) <= MOST_APART:
            return self.ok(f"{abs(seconds):.0f} s apart", of=of)
        return self.wrong(f"{abs(seconds):.0f} s {'ahead of' if seconds > 0 else 'behind'} this machine's", of=of)


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found. of: the tenant, product or path it is about, "" for the whole. Never holds a secret."""

    check: str
    standing: Severity
    found: str
    advice: str = ""
    of: str = ""
    details: tuple[str, ...] = ()


def exit_code(findings: Iterable[Finding], *, strict: bool) -> int:
    """1 when something is wrong; strict: or when there is a warning."""
    failing = ("wrong", "warning") if strict else ("wrong",)
    return 1 if any(finding.standing in failing for finding in findings) else 0


def as_json(findings: Iterable[Finding]) -> str:
    """One object: whether nothing is wrong, and the findings in their order."""
    listed = list(findings)
    rows = [
        {
            "check": one.check,
            "of": one.of,
            "standing": one.standing,
            "found": one.found,
            "advice": one.advice,
            "details": list(one.details),
        }
        for one in listed
    ]
    return json.dumps({"ok": exit_code(listed, strict=False) == 0, "findings": rows}, ensure_ascii=False, indent=2)


def lines(finding: Finding) -> list[str]:
    """A line for people, one more for what to do, and one for each detail."""
    about = f" {finding.of}:" if finding.of else ""
    first = f"{finding.standing:<8} {finding.check:<19}{about} {finding.found}"
    more = [f"{'':<8} {'':<19} - {detail}" for detail in finding.details]
    advice = [f"{'':<8} {'':<19} → {finding.advice}"] if finding.advice else []
    return [first, *more, *advice]


def summary(findings: Iterable[Finding]) -> str:
    """How many of each."""
    listed = list(findings)
    wrong, warnings = (sum(one.standing == kind for one in listed) for kind in ("wrong", "warning"))
    return f"{len(listed)} checks: {wrong} wrong, {warnings} to look at."
