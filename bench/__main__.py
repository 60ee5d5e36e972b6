"""`python -m bench`: what a request that is none of our business costs, against the goals of docs/decisions.md (G1).

Prints a table and writes it to bench/.out/. Believe ratios of one run, and no difference below that of the control.
"""

from __future__ import annotations

import argparse
import json
import platform
from dataclasses import asdict
from pathlib import Path

from bench.rounds import Row, measure, table
from bench.unclaimed import asgi_variants, wsgi_variants

OUT = Path(__file__).parent / ".out"
GOALS = {"ASGI": 0.8, "WSGI": 0.6}  # µs of CPU over the raw application (G1)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--number", type=int, default=50_000, help="requests in a round (default %(default)s)")
    options.add_argument("--rounds", type=int, default=9, help="rounds (default %(default)s)")
    chosen = options.parse_args()
    found = {
        "ASGI": measure(asgi_variants(), number=chosen.number, rounds=chosen.rounds),
        "WSGI": measure(wsgi_variants(), number=chosen.number, rounds=chosen.rounds),
    }
    text = "\n\n".join(_said(kind, rows) for kind, rows in found.items())
    print(text)
    OUT.mkdir(exist_ok=True)
    (OUT / "unclaimed.txt").write_text(text + "\n", encoding="utf-8")
    measured = {kind: [asdict(row) for row in rows] for kind, rows in found.items()}
    (OUT / "unclaimed.json").write_text(json.dumps(measured, indent=1), encoding="utf-8")


def _said(kind: str, rows: list[Row]) -> str:
    enabled = next(row for row in rows if row.name.endswith("enabled"))
    verdict = "kept" if enabled.over <= GOALS[kind] else "MISSED"
    title = f"{kind}, Python {platform.python_version()}"
    return f"{table(title, rows)}\nG1: + {enabled.over:.2f} µs of at most {GOALS[kind]} µs: {verdict}"


if __name__ == "__main__":
    main()
