"""`make bench-live`: a request with a live linkmw session (G2), and how soon an ended one is gone everywhere (G4).

Over a Redis of its own. Prints tables and writes them to bench/.out/; believe no difference below that of the control.
"""

from __future__ import annotations

import argparse
import json
import platform
import tempfile
from dataclasses import asdict
from pathlib import Path

from bench import by_adapter, logout_spread
from bench.rounds import Row, measure, table
from bench.signed_in import GOAL, asgi_variants, flask_variants, wsgi_variants

from linkmw.demo.parts.processes import Processes, free_port
from linkmw.demo.parts.redis import Redis

OUT = Path(__file__).parent / ".out"
KINDS = {
    "ASGI": asgi_variants,
    "WSGI": wsgi_variants,
    "Flask": flask_variants,
    "ASGI, by an adapter file": by_adapter.asgi_variants,
    "WSGI, by an adapter file": by_adapter.wsgi_variants,
}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--number", type=int, default=5_000, help="requests in a round (default %(default)s)")
    options.add_argument("--rounds", type=int, default=7, help="rounds (default %(default)s)")
    options.add_argument("--logouts", type=int, default=500, help="logouts that are followed (default %(default)s)")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as folder, Processes() as processes:
        redis = Redis(processes, "redis", Path(folder) / "redis", port=free_port(), password="bench")
        redis.start()
        found = {
            kind: measure(variants(redis.url), number=chosen.number, rounds=chosen.rounds)
            for kind, variants in KINDS.items()
        }
        spread = logout_spread.measure(redis.url, rounds=chosen.logouts)
    text = "\n\n".join([*(_said(kind, rows) for kind, rows in found.items()), logout_spread.said(spread)])
    print(text)
    OUT.mkdir(exist_ok=True)
    (OUT / "live.txt").write_text(text + "\n", encoding="utf-8")
    measured = {kind: [asdict(row) for row in rows] for kind, rows in found.items()}
    (OUT / "live.json").write_text(json.dumps({**measured, "spread": asdict(spread)}, indent=1), encoding="utf-8")


def _said(kind: str, rows: list[Row]) -> str:
    remembered = [row for row in rows[2:] if "each time" not in row.name]  # after the bare application and its control
    verdicts = [
        f"G2: {row.name}: + {row.over:.2f} µs of at most {GOAL} µs: {'kept' if row.over <= GOAL else 'MISSED'}"
        for row in remembered
    ]
    return "\n".join([table(f"{kind}, Python {platform.python_version()}", rows), *verdicts])


if __name__ == "__main__":
    main()
