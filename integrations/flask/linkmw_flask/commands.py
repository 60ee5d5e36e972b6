"""`flask linkmw …`: the commands of `linkmw`, inside the application."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import click
from flask import Flask
from flask.cli import AppGroup

if TYPE_CHECKING:
    from linkmw_flask.product import Product


class _Commands(AppGroup):
    """The one tree of commands, looked up when one is run: an application that serves requests does not load it."""

    def __init__(self, app: Flask, product: Product, configured: Mapping[str, object]) -> None:
        super().__init__(
            "linkmw", help="Sign-in with one identity, linked by proof: `linkmw`, inside this application."
        )
        self._app, self._product, self._configured = app, product, configured

    def list_commands(self, ctx: click.Context) -> list[str]:
        return _tree().list_commands(ctx)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return _tree().get_command(ctx, cmd_name)

    def invoke(self, ctx: click.Context) -> Any:
        from linkmw.cli.application import Application
        from linkmw.cli.tree import said

        ctx.obj = Application(f"Flask {version('flask')}", self._product, self._configured, "`app.config`")
        with self._app.app_context(), said():
            return super().invoke(ctx)


def commands(app: Flask, product: Product, configured: Mapping[str, object]) -> click.Group:
    """What `app.cli` gets. configured: the settings in `app.config` and in code."""
    return _Commands(app, product, configured)


def _tree() -> click.Group:
    from linkmw.cli.main import main

    return main
