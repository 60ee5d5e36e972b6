"""Where the time of a sign-in goes: py-spy samples the processes of linkmw while people sign in."""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from bench import cpu
from bench.environment import OUT
from bench.stand import Party, Stand

_MOST = 45
_FRAME = re.compile(r"(?P<function>.+) \((?P<file>.+?)(?::\d+)?\)")


def where_the_time_goes(around: Stand, party: Party, seconds: int) -> None:
    """A file for each process: the functions that most samples pass through, and those they end in."""
    around.sign_in(party, 60)
    for process in party.processes:
        raw = around.folder / f"{process.name}.raw"
        found = " ".join(map(str, cpu.tree(process.pid)))
        command = [around.python.program("py-spy"), "record", "--format", "raw", "--rate", "500", "--subprocesses"]
        sampling = subprocess.Popen(
            [*command, "--duration", str(seconds), "--output", raw, "--pid", str(process.pid)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        while sampling.poll() is None:
            around.sign_in(party, 200)
        if not raw.exists():
            raise SystemExit(f"py-spy on {found}: {sampling.communicate()[1]}")
        text = _said(raw)
        OUT.mkdir(exist_ok=True)
        (OUT / f"profile-{process.name}.txt").write_text(text, encoding="utf-8")
        print(f"{process.name}\n{text}")


def _said(raw: Path) -> str:
    through, ending, all_samples = Counter[str](), Counter[str](), 0
    for frames, samples in _stacks(raw):
        all_samples += samples
        ending[frames[-1]] += samples
        for frame in set(frames):
            through[frame] += samples
    lines = [f"{all_samples} samples", "", "passing through"]
    lines += [f"{n / all_samples:6.1%}  {frame}" for frame, n in through.most_common(_MOST * 2)]
    lines += ["", "ending in"]
    lines += [f"{n / all_samples:6.1%}  {frame}" for frame, n in ending.most_common(_MOST)]
    return "\n".join(lines) + "\n"


def _stacks(raw: Path) -> Iterator[tuple[list[str], int]]:
    for line in raw.read_text("utf-8").splitlines():
        stack, _, samples = line.rpartition(" ")
        yield [_named(frame) for frame in stack.split(";")], int(samples)


def _named(frame: str) -> str:
    found = _FRAME.fullmatch(frame)
    return f"{found['function']} ({'/'.join(Path(found['file']).parts[-3:])})" if found else frame
