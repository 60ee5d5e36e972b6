"""The cache folder: what was downloaded or built once is found again, and nothing half-done is ever found.

A download or build happens in a scratch folder inside the cache, and is moved to its name in one step when it is
whole. Two runs at once may do the work twice; they cannot see each other's halves.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

_SCRATCH = ".scratch-"
_STALE_SECONDS = 24 * 3600  # a scratch folder this old belongs to a run that was killed


class WrongChecksum(Exception):
    """A download is not the file it should be."""


def folder() -> Path:
    """`LINKMW_CACHE`, else `linkmw` in the user's cache folder."""
    named = os.environ.get("LINKMW_CACHE")
    return Path(named).expanduser().resolve() if named else Path.home() / ".cache" / "linkmw"


def sha256(path: Path) -> str:
    """The file's SHA-256 in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def file(name: str, checksum: str, fetch: Callable[[Path], Path]) -> Path:
    """The file `name`, from the cache or fetched. checksum: its SHA-256 in hex, compared each time.

    fetch: puts the file anywhere under the folder it is given and returns where. Raises WrongChecksum.
    """
    kept = folder() / name
    if kept.is_file() and sha256(kept) == checksum:
        return kept
    with _scratch() as scratch:
        fetched = fetch(scratch)
        if sha256(fetched) != checksum:
            raise WrongChecksum(f"{name} is not the file it should be: SHA-256 {sha256(fetched)}, not {checksum}")
        fetched.replace(kept)
    return kept


def tree(name: str, make: Callable[[Path], None]) -> Path:
    """The folder `name`, from the cache or made. make: fills the empty folder it is given, or raises."""
    kept = folder() / name
    if kept.is_dir():
        return kept
    with _scratch() as scratch:
        made = scratch / name
        made.mkdir()
        make(made)
        try:
            made.rename(kept)
        except OSError:
            if not kept.is_dir():  # not there: another run was not simply faster
                raise
    return kept


@contextmanager
def _scratch() -> Iterator[Path]:
    root = folder()
    root.mkdir(parents=True, exist_ok=True)
    _sweep(root)
    scratch = Path(tempfile.mkdtemp(prefix=_SCRATCH, dir=root))
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _sweep(root: Path) -> None:
    for old in root.glob(_SCRATCH + "*"):
        if time.time() - old.stat().st_mtime > _STALE_SECONDS:
            shutil.rmtree(old, ignore_errors=True)
