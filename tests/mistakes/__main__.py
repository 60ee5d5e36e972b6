"""`make mistakes [WRITE=1]`: each mistake of the catalogue is put into a copy of the source; its tests must fail there.

A test that fails in its fixtures, is not there, or passes, is a finding; the exit code is then 1. WRITE=1 writes the
table of docs/hardening.md.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from tests.forked import ROOT, copied, load_libraries, run_in
from tests.mistakes.catalogue import MISTAKES, Edit, Mistake

PAGE = ROOT / "docs" / "hardening.md"
BEGIN, END = "<!-- mistakes:begin -->", "<!-- mistakes:end -->"
SECONDS = 120  # for the tests of one mistake


def main(arguments: Sequence[str]) -> int:
    write = "--write" in arguments
    words = [word for word in arguments if word != "--write"]
    chosen = [one for one in MISTAKES if not words or any(word in one.what or word in one.ids for word in words)]
    load_libraries()
    with tempfile.TemporaryDirectory() as folder:
        tree = copied(Path(folder))
        sound = run_in(tree, sorted({test for one in chosen for test in one.tests}), len(chosen) * SECONDS)
        if not sound.passed:
            _say(f"the tests fail as they are: {', '.join(sorted(sound.failed))}")
            return 1
        noticed = [_is_noticed(tree, one) for one in chosen]
    if write and not words and all(noticed):
        _write()
    return 0 if all(noticed) else 1


def _is_noticed(tree: Path, mistake: Mistake) -> bool:
    """Does every test of the mistake fail, by its own doing?"""
    kept = {path: path.read_bytes() for path in {_path(tree, edit) for edit in mistake.edits}}
    began = time.monotonic()
    try:
        for edit in mistake.edits:
            put_in(tree, edit)
        run = run_in(tree, mistake.tests, SECONDS)
    finally:
        for path, sound in kept.items():
            path.write_bytes(sound)
    passed = sorted(set(mistake.tests) - run.failed)
    _say(f"{'NOT NOTICED' if passed else 'noticed'}, {time.monotonic() - began:.0f} s: {mistake.ids}: {mistake.what}")
    if passed:
        _say("\n".join(("  these did not fail:", *passed)))
    return not passed


def put_in(tree: Path, edit: Edit) -> None:
    """The mistake stands in the source. Raises ValueError where the source says something else by now."""
    path = _path(tree, edit)
    text = path.read_text(encoding="utf-8")
    if text.count(edit.sound) != 1:
        raise ValueError(f"{edit.path} has this {text.count(edit.sound)} times, and not once:\n{edit.sound}")
    path.write_text(text.replace(edit.sound, edit.wrong), encoding="utf-8")


def _path(tree: Path, edit: Edit) -> Path:
    return tree / "src" / "linkmw" / edit.path


def table(day: str) -> str:
    """The catalogue as the page shows it, all of it having been noticed on that day."""
    rows = (f"| {one.ids} | {one.what} | {_cell(one.tests)} |" for one in MISTAKES)
    told = f"On {day}, {len(MISTAKES)} of {len(MISTAKES)} were noticed, by each of the tests that are named."
    return "\n".join((told, "", "| id | put in | noticed by |", "|---|---|---|", *rows))


def _cell(tests: Sequence[str]) -> str:
    return "<br>".join(f"`{test.removeprefix('tests/')}`" for test in tests)


def _write() -> None:
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    day = datetime.now(UTC).date().isoformat()
    PAGE.write_text(f"{before}{BEGIN}\n{table(day)}\n{END}{after}", encoding="utf-8")


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
