"""An option that names a file and stands for its text."""

from __future__ import annotations

import click


def text_of(path: str) -> str:
    """The text of a UTF-8 file; `-` is standard input. Raises BadParameter."""
    try:
        with click.open_file(path, encoding="utf-8") as file:
            return str(file.read())
    except OSError as error:
        raise click.BadParameter(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise click.BadParameter(f"{path} is not text in UTF-8") from None
