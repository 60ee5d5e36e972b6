"""`linkmw run`: a command whose application is covered from outside, configured by the environment alone."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import click

import linkmw.outside
from linkmw.gate import in_force

BOOTSTRAP = str(Path(linkmw.outside.__file__).parent / "bootstrap")
OWN = str(Path(linkmw.outside.__file__).resolve().parents[2])  # the folder that linkmw is in, with all it needs


@click.command(
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False, "help_option_names": ["--help"]}
)
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def run(command: tuple[str, ...]) -> None:
    """Start COMMAND, with linkmw in the web application that it serves, and not a file of that changed.

    \b
    linkmw run -- gunicorn -w 4 mysite.wsgi
    linkmw run -- uvicorn shop.main:app
    linkmw run -- python serve.py
    PYTHONPATH=/opt/linkmw python -m linkmw run -- gunicorn mysite.wsgi

    \b
    Recognised by themselves: Django, Flask with Flask-Login or Flask-Security.
    With LINKMW_SESSION_KEY=user_id: Starlette, FastAPI, and Flask, where the session keeps the account's id.
    With LINKMW_ADAPTER=path.py:name: anything else that speaks WSGI or ASGI.

    All settings are LINKMW_… in the environment, or in the file of LINKMW_CONFIG. What was recognised, and what cannot
    be covered, is one line in the log when the application starts.

    COMMAND takes the place of this process: its signals, its output and its exit code are its own. Its workers,
    reloaders and children are covered with it. With LINKMW_ENABLED=off, or with nothing configured, it is started as if
    it had been typed alone. The last form is for a container: linkmw in a mounted folder (docs/wrapping.md).
    """
    environ = environment(os.environ, wanted=in_force.is_wanted())
    try:
        os.execvpe(command[0], command, environ)  # noqa: S606  (what the operator typed)
    except FileNotFoundError:
        raise click.UsageError(f"there is no command {command[0]}") from None


def environment(given: Mapping[str, str], *, wanted: bool) -> dict[str, str]:
    """What COMMAND gets: the environment, and the way to linkmw where that is wanted.

    linkmw's own folder goes from the front of PYTHONPATH to the end of the path (`bootstrap`): libraries that the
    application has as well are the application's.
    """
    entries = [entry for entry in given.get("PYTHONPATH", "").split(os.pathsep) if entry]
    others = [entry for entry in entries if os.path.realpath(entry) not in (os.path.realpath(OWN), BOOTSTRAP)]
    environ = {name: value for name, value in given.items() if name not in ("PYTHONPATH", "LINKMW_RUN_PATH")}
    if wanted:
        return environ | {"PYTHONPATH": os.pathsep.join((BOOTSTRAP, *others)), "LINKMW_RUN_PATH": OWN}
    return environ | ({"PYTHONPATH": os.pathsep.join(others)} if others else {})
