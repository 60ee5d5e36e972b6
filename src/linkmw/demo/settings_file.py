"""Settings of a part as a configuration file in its folder, as an operator would have them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path


def write(path: Path, prefix: str, settings: Mapping[str, str]) -> None:
    """Those of the settings whose names begin with `prefix` are in the TOML file, and nothing else."""
    chosen = {name.removeprefix(prefix).lower(): value for name, value in settings.items() if name.startswith(prefix)}
    keep(
        path, "".join(f"{name} = {json.dumps(value)}\n" for name, value in chosen.items())
    )  # JSON's strings are TOML's


def keep(path: Path, text: str) -> None:
    """The text is in the file, for its owner only."""
    path.touch(mode=0o600)
    path.write_text(text, "utf-8")
