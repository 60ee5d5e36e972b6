"""`python -m linkmw.demo`: what `make demo` runs."""

from __future__ import annotations

import shutil
import signal
import sys
import threading
import time
from pathlib import Path

import click

from linkmw.demo import check as checking
from linkmw.demo import report, settings_file
from linkmw.demo.catalogue import MOVING_PRODUCTS, PRODUCTS
from linkmw.demo.parts import keycloak_install
from linkmw.demo.parts.cache import WrongChecksum
from linkmw.demo.parts.processes import PartFailed, Processes
from linkmw.demo.parts.progress import Board
from linkmw.demo.stage import Stage
from linkmw.demo.web import Stuck
from linkmw.errors import LinkmwError

FOLDER = Path(".demo")
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@click.command()
@click.option("--check", is_flag=True, help="Link an account and sign in over HTTP, say how it went, and stop.")
@click.option("--keep", is_flag=True, help="Go on with the accounts, links and addresses of last time.")
@click.option("--prepare", is_flag=True, help="Only fetch and build what the first start would.")
def main(check: bool, keep: bool, prepare: bool) -> None:
    """Start Redis, Keycloak, an inbox, the hub and the products. Ctrl-C stops them all."""
    if check and keep:
        raise click.UsageError("--check begins anew: leave out --keep")
    for number in _SIGNALS:
        signal.signal(number, _interrupt)
    try:
        sys.exit(_prepare() if prepare else _run(check=check, keep=keep))
    except KeyboardInterrupt:
        click.echo("Stopped.")
        sys.exit(1 if check else 0)
    except (PartFailed, WrongChecksum, LinkmwError) as error:
        click.echo(f"Not started: {error}", err=True)
        sys.exit(1)


def _interrupt(_number: int, _frame: object) -> None:
    """The run ends, once: somebody who presses Ctrl-C again does not stop the stopping."""
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def _prepare() -> int:
    say = Board().of("Keycloak")
    with Processes() as processes:
        keycloak_install.find(processes, FOLDER / "prepare", say)
    say("here")
    return 0


def _run(*, check: bool, keep: bool) -> int:
    if not keep:
        shutil.rmtree(FOLDER, ignore_errors=True)
    began = time.monotonic()
    click.echo("Starting the demo. The first start fetches and builds Keycloak, which takes about a minute.")
    with Stage(FOLDER.resolve(), plans=(*PRODUCTS, *MOVING_PRODUCTS), in_files=True) as stage:
        stage.start(Board())
        report.write_json(stage, FOLDER / "demo.json")
        settings_file.keep(FOLDER / "keycloak" / "admin-password", f"{stage.keycloak.admin_password}\n")
        click.echo(f"Everything runs, after {time.monotonic() - began:.0f} s.")
        if check:
            return _check(stage)
        click.echo(report.as_text(stage))
        click.echo("Ctrl-C stops everything.")
        threading.Event().wait()
    return 0


def _check(stage: Stage) -> int:
    try:
        checking.journeys(stage, lambda text: click.echo(f"  {text}"))
    except Stuck as error:
        click.echo(f"Failed: {error}")
        return 1
    click.echo("All of it worked.")
    return 0


if __name__ == "__main__":
    main()
