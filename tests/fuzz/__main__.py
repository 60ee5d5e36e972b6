"""`make fuzz [SECONDS=…] [TARGET=…]`: every target for its share of the time, then tokens against joserfc.

A finding is printed as a line for `corpus/<target>.txt`, made as small as cutting makes it, and the exit code is 1.
`--atheris TARGET` hands one to atheris, where that is installed.
"""

from __future__ import annotations

import logging
import random
import sys
import time
from collections.abc import Callable, Iterator

import click
from tests.fuzz import corpus, differential
from tests.fuzz.edits import WORDS, drawn, edited
from tests.fuzz.targets import TARGETS, Target

SHARE = 2 / 3  # of the time for the targets, unless a million tokens take longer


@click.command()
@click.option("--seconds", default=300, help="How long in all; a million tokens are compared in any case.")
@click.option("--target", "only", type=click.Choice(sorted(TARGETS)), help="This one alone, for all of the time.")
@click.option("--tokens", default=1_000_000, help="How many tokens are compared at least.")
@click.option("--seed", type=int, help="Plays what was played before.")
@click.option("--atheris", type=click.Choice(sorted(TARGETS)), help="This target, guided by coverage.")
def main(seconds: int, only: str | None, tokens: int, seed: int | None, atheris: str | None) -> None:
    logging.disable(logging.CRITICAL)
    if atheris:
        _guided(TARGETS[atheris], seconds)
        return
    seed = random.SystemRandom().randrange(2**32) if seed is None else seed
    click.echo(f"seed {seed}")
    names = [only] if only else sorted(TARGETS)
    began = time.monotonic()
    found = sum([_played(TARGETS[name], seed, seconds * (1 if only else SHARE) / len(names)) for name in names])
    if not only:
        found += _compared(seed, began + seconds, tokens)
    sys.exit(1 if found else 0)


def _played(target: Target, seed: int, seconds: float) -> int:
    """How many different findings there were."""
    chance = random.Random(f"{seed} {target.name}")
    known, words, kinds = corpus.of(target.name), WORDS + target.words * 3, set[str]()
    until, runs = time.monotonic() + seconds, 0
    while time.monotonic() < until:
        runs += 1
        data = edited(chance.choice(known), drawn(chance, words))
        if (kind := _kind(target, data)) and kind not in kinds:
            kinds.add(kind)
            click.echo(f"  {target.name}: {kind}\n    {_smaller(target, data, kind)!r}")
    click.echo(f"{target.name:24} {runs:>9,} inputs  {len(kinds)} findings")
    return len(kinds)


def _kind(target: Target, data: bytes) -> str:
    """What went wrong and where; "" when nothing did."""
    try:
        target.read(data)
    except Exception as error:
        last = error.__traceback__
        while last and last.tb_next:
            last = last.tb_next
        where = f" in {last.tb_frame.f_code.co_qualname}, line {last.tb_lineno}" if last else ""
        return type(error).__name__ + where
    return ""


def _smaller(target: Target, data: bytes, kind: str) -> bytes:
    """`data` without what it does not need to go wrong in the same way."""
    size = len(data) // 2
    while size:
        for at in range(0, len(data), size):
            cut = data[:at] + data[at + size :]
            if _kind(target, cut) == kind:
                data = cut
                break
        else:
            size //= 2
    return data


def _compared(seed: int, until: float, tokens: int) -> int:
    began = time.monotonic()
    for tally in _until(differential.run(seed), lambda done: done >= tokens and time.monotonic() > until):
        click.echo(
            f"tokens against joserfc {tally.seen:>10,}: {tally}  ({tally.seen / (time.monotonic() - began):,.0f}/s)"
        )
        if tally.worse:
            click.echo("\n".join(tally.worse))
            return len(tally.worse)
    return 0


def _until(tallies: Iterator[differential.Tally], over: Callable[[int], bool]) -> Iterator[differential.Tally]:
    for tally in tallies:
        yield tally
        if over(tally.seen):
            return


def _guided(target: Target, seconds: int) -> None:
    import atheris  # type: ignore[import-not-found]

    folder = corpus.FOLDER.parents[1] / ".out" / "fuzz" / target.name
    folder.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(corpus.of(target.name)):
        (folder / f"known-{number}").write_bytes(data)
    atheris.instrument_all()
    atheris.Setup([sys.argv[0], str(folder), f"-max_total_time={seconds}", "-max_len=20000"], target.read)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
