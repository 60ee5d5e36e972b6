"""`python manage.py linkmw …`: the commands of `linkmw`, inside the project."""

from __future__ import annotations

from typing import Any

import django
from django.core.management.base import BaseCommand, CommandParser

from linkmw_django import routes
from linkmw_django.configuration import configuration, configured
from linkmw_django.product import Product


class Command(BaseCommand):
    """Hands everything on to the one tree of commands; `--help` is that tree's own."""

    help = "Sign-in with one identity, linked by proof: the commands of `linkmw`, inside this project."
    requires_system_checks = ()  # `disable` works whatever else is wrong

    def run_from_argv(self, argv: list[str]) -> None:
        from linkmw.cli.main import main

        main(argv[2:], prog_name=f"{argv[0]} {argv[1]}", obj=_application())

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("arguments", nargs="*")

    def handle(self, *_args: Any, **options: Any) -> None:
        """By `call_command("linkmw", "status")`."""
        from linkmw.cli.main import main

        main(options["arguments"], prog_name="linkmw", obj=_application(), standalone_mode=False)


def _application() -> Any:
    from linkmw.cli.application import Application

    return Application(
        f"Django {django.get_version()}",
        Product(configuration()),
        configured(),
        "LINKMW in the project's settings",
        unlisted=routes.unlisted,
    )
