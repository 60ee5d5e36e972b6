"""`make bench-import`: what a product's process pays for linkmw before anybody signs in, over `redis` alone (G8).

A fresh process for each figure, interleaved: CPU and memory of wrapping an application, enabled and disabled.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys

from bench.environment import OUT, with_linkmw

_HEAD = """
import sys, time
def resident(): return int(open("/proc/self/statm").read().split()[1]) * 4
async def hello(scope, receive, send): ...
class Nobody: ...
{before}
began, had = time.process_time(), resident()
{measured}
taken, grown = (time.process_time() - began) * 1000, resident() - had
heavy = ("keycloak", "sqlalchemy", "httpx2", "httpx", "jose", "redis", "cryptography", "jinja2")
import json
print(json.dumps([taken, grown / 1024, [name for name in heavy if name in sys.modules]]))
"""
_WRAP = "from linkmw import asgi; app = asgi.wrap(hello, product=Nobody())"
_PRODUCT = {
    "LINKMW_HUB_URL": "https://id.example",
    "LINKMW_PUBLIC_URL": "https://orders.example",
    "LINKMW_ORGANIZATION_ID": "acme",
    "LINKMW_CLIENT_ID": "orders",
    "LINKMW_CLIENT_SECRET": "s" * 43,
    "LINKMW_REDIS_URL": "redis://localhost/0",
}
# What is there before, what is measured, under which settings. A product's server has loaded asyncio already, and its
# framework most of the standard library that linkmw needs.
VARIANTS = {
    "import redis": ("import asyncio, logging", "import redis", {}),
    "linkmw enabled, where redis is loaded": ("import asyncio, logging, redis", _WRAP, _PRODUCT),
    "linkmw enabled, where it is not": ("import asyncio, logging", _WRAP, _PRODUCT),
    "linkmw disabled, in a Starlette process": (
        "import asyncio, logging, starlette.applications",
        _WRAP,
        {**_PRODUCT, "LINKMW_ENABLED": "off"},
    ),
    "import starlette.applications": ("import asyncio, logging", "import starlette.applications", {}),
    "linkmw disabled": ("import asyncio, logging", _WRAP, {**_PRODUCT, "LINKMW_ENABLED": "off"}),
}


def measured(before: str, code: str, settings: dict[str, str]) -> tuple[float, float, list[str]]:
    # As in a product: compiled once, by the first round.
    compiled = {"PYTHONPYCACHEPREFIX": str(OUT / "compiled"), "PYTHONDONTWRITEBYTECODE": ""}
    env = {**os.environ, **with_linkmw(), **compiled, **settings}
    program = _HEAD.format(before=before, measured=code)
    done = subprocess.run([sys.executable, "-c", program], env=env, capture_output=True, text=True, check=True)
    taken, grown, loaded = json.loads(done.stdout)
    return taken, grown, loaded


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=15, help="(default %(default)s)")
    rounds = options.parse_args().rounds
    taken: dict[str, list[tuple[float, float, list[str]]]] = {name: [] for name in VARIANTS}
    for turn in range(rounds + 1):
        for name, variant in VARIANTS.items():
            one = measured(*variant)
            if turn:  # the first one compiles
                taken[name].append(one)
    lines = [f"{'what':<40} {'CPU ms':>7} {'x redis':>8} {'least':>6} {'MiB':>6}  loaded"]
    for name, found in taken.items():
        milliseconds = [one[0] for one in found]
        ratios = (one[0] / other[0] for one, other in zip(found, taken["import redis"], strict=True))
        middle, ratio = statistics.median(milliseconds), statistics.median(ratios)
        lines.append(
            f"{name:<40} {middle:7.1f} {ratio:8.3f} {min(milliseconds):6.1f} "
            f"{statistics.median(one[1] for one in found):6.1f}  {', '.join(found[0][2]) or 'none of them'}"
        )
    text = "\n".join(lines)
    print(text)
    OUT.mkdir(exist_ok=True)
    (OUT / "imports.txt").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
