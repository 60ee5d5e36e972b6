"""`linkmw`: the one command. Each subcommand loads what it needs when it runs, so that `--help` is quick anywhere.

`python manage.py linkmw …` and `flask linkmw …` are this very tree, inside an application.
"""

from __future__ import annotations

import click

from linkmw.cli.break_glass import break_glass
from linkmw.cli.config import config
from linkmw.cli.disable import disable
from linkmw.cli.doctor.commands import doctor
from linkmw.cli.enable import enable
from linkmw.cli.hub import hub
from linkmw.cli.info import info
from linkmw.cli.keycloak import keycloak
from linkmw.cli.run import run
from linkmw.cli.send_reset import send_reset
from linkmw.cli.status import status
from linkmw.cli.tree import Tree


@click.group(cls=Tree, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="linkmw", message="%(package)s %(version)s")
def main() -> None:
    """Sign in to the web applications you already have with one identity, linked by proof.

    \b
    In a product:  linkmw enable, linkmw status, linkmw doctor, linkmw disable
                   (also python manage.py linkmw …, and flask linkmw …)
    At the hub:    linkmw keycloak setup, linkmw hub init, linkmw hub product add, linkmw hub serve, linkmw hub doctor

    Exit codes: 0 done; 1 refused; 2 wrong usage; 3 settings, schema or installation must be changed first;
    4 a part (SQL, Redis, Keycloak, the hub) did not answer.
    """


main.add_command(break_glass)
main.add_command(config)
main.add_command(disable)
main.add_command(doctor)
main.add_command(enable)
main.add_command(hub)
main.add_command(info)
main.add_command(keycloak)
main.add_command(run)
main.add_command(send_reset)
main.add_command(status)
