"""The committed inputs of each target: `corpus/<target>.txt`, a Python bytes literal a line, `* N` for so many of it.

What was found by fuzzing is added at the end of its file, and played by `test_fuzz.py` from then on.
"""

from __future__ import annotations

import ast
from pathlib import Path

FOLDER = Path(__file__).parent / "corpus"


def of(target: str) -> list[bytes]:
    """The inputs of a target, in the order of its file."""
    lines = (FOLDER / f"{target}.txt").read_text(encoding="utf-8").splitlines()
    return [_input(line) for line in lines if line.strip() and not line.startswith("#")]


def _input(line: str) -> bytes:
    whole = b""
    for part in line.split(" + "):
        literal, _, times = part.partition(" * ")
        octets = ast.literal_eval(literal.strip())
        assert isinstance(octets, bytes), line
        whole += octets * int(times or 1)
    return whole
