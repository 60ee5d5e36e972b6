"""The Chromium that the browser journeys run in: the machine's own; Playwright's download is not always to be had."""

from __future__ import annotations

import os
import shutil

from linkmw.demo.parts.processes import PartFailed

ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find() -> str:
    """The browser's executable: LINKMW_CHROMIUM, else the first of its names on PATH. Raises PartFailed."""
    named = os.environ.get("LINKMW_CHROMIUM", "")
    found = named or next((path for name in _NAMES if (path := shutil.which(name))), "")
    if not found:
        raise PartFailed("there is no Chromium here: apt-get install chromium, or set LINKMW_CHROMIUM to its path")
    return found
