"""docs/operating.md names every command of its part, and its file is one that `linkmw hub apply` takes."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import click
import pytest

from linkmw.cli.hub import hub
from linkmw.hub.declared import Declared, Known, plan, read
from linkmw.model import Client

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "operating.md").read_text("utf-8")


def declared() -> Declared:
    (block,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    return read(tomllib.loads(block), lambda _path: "a-secret-of-keycloak")


def test_ops04_the_file_on_the_page_can_be_applied() -> None:
    changes = plan(declared(), Known({}, {}), "https://hub.acme.example")
    assert [change.of for change in changes] == ["acme", "orders", "forum"]
    forum = changes[-1].value
    assert isinstance(forum, Client)
    assert (forum.self_sign_up, forum.trusted_email) == (True, False)


@pytest.mark.parametrize("group", ["apply", "keys", "links", "identity", "db"])
def test_every_command_of_these_is_on_the_page(group: str) -> None:
    command = hub.commands[group]
    names = [f"{group} {name}" for name in command.commands] if isinstance(command, click.Group) else [group]
    assert [name for name in names if f"linkmw hub {name}" not in PAGE] == []
