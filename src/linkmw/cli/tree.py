"""A group of commands that says in one sentence what went wrong, wherever it is called from."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

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


@contextmanager
def said() -> Iterator[None]:
    """An error of ours inside is said as click says errors."""
    try:
        yield
    except LinkmwError as error:
        raise _failure(error) from None
    except ModuleNotFoundError as error:
        extra = _EXTRAS.get((error.name or "").partition(".")[0])
        if extra is None:
            raise
        raise _MustBeSet(f"this needs more than the base install: pip install 'linkmw[{extra}]'") from None


class Tree(click.Group):
    def invoke(self, ctx: click.Context) -> Any:
        with said():
            return super().invoke(ctx)
