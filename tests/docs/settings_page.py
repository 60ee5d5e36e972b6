"""Writes docs/settings.md from the settings themselves: `python tests/docs/settings_page.py`."""

from __future__ import annotations

from dataclasses import MISSING, fields
from pathlib import Path

from linkmw.hub.settings import HUB_REQUIRED, HubSettings
from linkmw.setting_sources import names_of
from linkmw.settings import REQUIRED, Settings

PAGE = Path(__file__).resolve().parents[2] / "docs" / "settings.md"

HEAD = """# Settings

Written by `python tests/docs/settings_page.py`; a test fails when it is out of date.

A value comes from the environment, else from the framework's configuration (the `LINKMW` dictionary in Django's
settings, `LINKMW_*` in Flask's `app.config`, keyword arguments elsewhere; names without the prefix, in any case), else
from a TOML file (`LINKMW_CONFIG`, default `linkmw.toml`; `LINKMW_HUB_CONFIG`, default `linkmw-hub.toml`), else it is
the default. `NAME_FILE` in the environment names a file that holds the value.

A product never fails to start because of linkmw: with a setting that cannot be read, or a required one missing, it
behaves as off and says so in the log and in `linkmw status`. The hub refuses to start instead.
"""


def table(kind: type[Settings] | type[HubSettings], required: tuple[str, ...]) -> str:
    rows = ["| name | what it is | unit | default |", "|---|---|---|---|"]
    names = names_of(kind)
    for item in fields(kind):
        if item.name not in names:
            continue
        default = "" if item.default is MISSING or item.default in ("", None, ()) else item.default
        shown = ",".join(default) if isinstance(default, tuple) else str(default)
        cell = "required" if item.name in required else f"`{shown}`" if shown else ""
        rows.append(f"| `{names[item.name]}` | {item.metadata['what']} | {item.metadata['unit']} | {cell} |")
    return "\n".join(rows)


def page() -> str:
    gate, hub = table(Settings, REQUIRED), table(HubSettings, HUB_REQUIRED)
    return f"{HEAD}\n## In a product\n\n{gate}\n\n## At the hub\n\n{hub}\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
