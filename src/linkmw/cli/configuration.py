"""The hub's settings and stores, as its commands use them; and the file that holds them, readable by its owner only."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from linkmw.errors import SettingsError
from linkmw.hub.settings import HubSettings, load_hub

if TYPE_CHECKING:
    from linkmw.stores.sql import SqlStores


def path() -> Path:
    """The hub's configuration file, there or not."""
    return Path(os.environ.get("LINKMW_HUB_CONFIG", "linkmw-hub.toml"))


def settings() -> HubSettings:
    """The hub's settings. Raises SettingsError, also for a file that others could read (CF05)."""
    file = path()
    if file.exists() and stat.S_IMODE(file.stat().st_mode) & 0o077:
        raise SettingsError(f"{file} holds secrets and others on this machine can read it: chmod 600 {file}")
    return load_hub()


@contextmanager
def stores() -> Iterator[tuple[HubSettings, SqlStores]]:
    """The settings, and the SQL stores they name, closed afterwards."""
    from linkmw.stores.sql import SqlStores

    found = settings()
    opened = SqlStores.open(found.database_url, found.key)
    try:
        yield found, opened
    finally:
        opened.close()


def write(file: Path, values: Mapping[str, str]) -> None:
    """Make the file, mode 0600, with these values. Raises SettingsError when it exists or cannot be made."""
    text = "".join(f"{name} = {json.dumps(value)}\n" for name, value in values.items())  # a JSON string is a TOML one
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise SettingsError(f"{file} cannot be made: {error.strerror}") from None
    with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
        opened.write(f"# The hub's settings. Keep a copy of `key`: nothing else opens the database.\n{text}")
