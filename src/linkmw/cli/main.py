"""`linkmw`: the one command. Each subcommand loads what it needs when it runs, so that `--help` is quick anywhere."""

from __future__ import annotations

from typing import Any

import click

from linkmw.cli.break_glass import break_glass
from linkmw.cli.doctor.commands import doctor
from linkmw.cli.hub import hub
from linkmw.cli.keycloak import keycloak
from linkmw.cli.status import status
from linkmw.errors import LinkmwError, SettingsError, Unavailable

# What the hub's commands need besides the base install, by the name that is imported.
_EXTRAS = {
    "sqlalchemy": "hub",
    "alembic": "hub",
    "starlette": "hub",
    "uvicorn": "hub",
    "keycloak": "hub",
    "psycopg": "postgres",
}


class _Refused(click.ClickException):
    exit_code = 1  # 2 is wrong usage, and click's own


class _MustBeSet(click.ClickException):
    exit_code = 3


class _Away(click.ClickException):
    exit_code = 4


def _failure(error: LinkmwError) -> click.ClickException:
    """One sentence on stderr, and the exit code that fits."""
    if isinstance(error, SettingsError):
        return _MustBeSet(str(error))
    return _Away(str(error)) if isinstance(error, Unavailable) else _Refused(str(error))


class _Tree(click.Group):
    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except LinkmwError as error:
            raise _failure(error) from None
        except ModuleNotFoundError as error:
            extra = _EXTRAS.get((error.name or "").partition(".")[0])
            if extra is None:
                raise
            raise _MustBeSet(f"this needs more than the base install: pip install 'linkmw[{extra}]'") from None


@click.group(cls=_Tree, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="linkmw", message="%(package)s %(version)s")
def main() -> None:
    """Sign in to the web applications you already have with one identity, linked by proof.

    \b
    In a product:  linkmw status, linkmw doctor, linkmw break-glass
    At the hub:    linkmw keycloak setup, linkmw hub init, linkmw hub product add, linkmw hub serve, linkmw hub doctor

    Exit codes: 0 done; 1 refused; 2 wrong usage; 3 settings, schema or installation must be changed first;
    4 a part (SQL, Redis, Keycloak) did not answer.
    """


main.add_command(break_glass)
main.add_command(doctor)
main.add_command(hub)
main.add_command(keycloak)
main.add_command(status)
