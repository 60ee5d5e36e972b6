"""Writes docs/commands.md from the commands themselves: `python tests/docs/commands_page.py --write`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from inspect import cleandoc
from pathlib import Path

import click

from linkmw.cli.main import main

PAGE = Path(__file__).resolve().parents[2] / "docs" / "commands.md"

HEAD = """# Commands

Written by `python tests/docs/commands_page.py --write`; a test fails when it is out of date.

The same tree stands in an application as `python manage.py linkmw …` and `flask linkmw …`; there it also sees what the
framework's own configuration says. Every command has `--help`.

Exit codes: 0 done; 1 refused; 2 wrong usage; 3 settings, schema or installation must be changed first; 4 a part (SQL,
Redis, Keycloak, the hub) did not answer.
"""


def commands(
    group: click.Group, path: tuple[str, ...] = ("linkmw",)
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command there is, with the words it is called by."""
    for name in sorted(group.commands):
        command, words = group.commands[name], (*path, name)
        if isinstance(command, click.Group):
            yield from commands(command, words)
        else:
            yield words, command


def section(words: tuple[str, ...], command: click.Command) -> str:
    arguments = [item for item in command.params if isinstance(item, click.Argument)]
    options = [item for item in command.params if isinstance(item, click.Option)]
    usage = " ".join([*words, *(_usage(argument) for argument in arguments)])
    lines = [f"## {' '.join(words)}", "", f"`{usage}`", "", cleandoc(command.help or "").replace("\b\n", ""), ""]
    if options:
        lines += ["| option | what it is | default |", "|---|---|---|", *map(_row, options), ""]
    return "\n".join(lines)


def _usage(argument: click.Argument) -> str:
    return argument.make_metavar(click.Context(click.Command("x")))


def _row(option: click.Option) -> str:
    names = ", ".join(f"`{name}`" for name in (*option.opts, *option.secondary_opts))
    values = "" if option.is_flag else f" {option.metavar or _kind(option)}"
    default = f"`{option.default}`" if option.show_default and option.default not in (None, "") else ""
    what = (option.help or "").replace("|", "\\|")
    return f"| {names}{values} | {'required; ' if option.required else ''}{what} | {default} |"


def _kind(option: click.Option) -> str:
    if isinstance(option.type, click.Choice):
        return " or ".join(f"`{choice}`" for choice in option.type.choices)
    return "NUMBER" if isinstance(option.type, click.types.IntParamType) else "TEXT"


def page() -> str:
    return f"{HEAD}\n" + "\n".join(section(words, command) for words, command in commands(main))


if __name__ == "__main__":
    if "--write" in sys.argv:
        PAGE.write_text(page(), encoding="utf-8")
    else:
        print(page(), end="")
