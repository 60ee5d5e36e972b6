"""`make check-deploy`: the files under deploy/ against published schemas and the tools that read them.

Too large for every run (the schemas of Kubernetes alone are 100 MB): it runs in an environment of its own. A tool that
is not at hand is named. Exit code 0 if all that could be tried passed.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
KUBERNETES = ("1.29.0", "1.33.0", "1.37.0")  # the oldest, one between, the newest
EXPOSURE = 20  # of systemd-analyze security, in tenths: its "OK" ends at 4.9


def kubernetes() -> Iterator[str]:
    import kubernetes_validate

    for path in sorted((DEPLOY / "kubernetes").glob("*.yaml")):
        for document in yaml.safe_load_all(path.read_text()):
            if document["kind"] == "Kustomization":
                continue
            for version in KUBERNETES:
                kubernetes_validate.validate(document, version, strict=True)
                yield f"{path.name}: {document['kind']} of Kubernetes {version}"


def compose() -> Iterator[str]:
    from compose_spec import PyCompose

    path = DEPLOY / "compose" / "compose.yaml"
    document = yaml.safe_load(re.sub(r"\$\{\w+(?::[-?]([^}]*))?\}", r"\1", path.read_text()))
    loaded: Any = PyCompose.from_json(json.dumps(document))
    loaded.validate()
    yield f"{path.name}: {', '.join(sorted(loaded.service_names()))}"


def containerfile() -> Iterator[str]:
    yield from _says("hadolint", str(DEPLOY / "Containerfile"))


def kustomize() -> Iterator[str]:
    yield from _says("kubectl", "kustomize", str(DEPLOY / "kubernetes"))


def systemd() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        unit = Path(folder) / "linkmw-hub.service"
        text = (DEPLOY / "systemd" / unit.name).read_text()
        unit.write_text(text.replace("/opt/linkmw/bin/linkmw", shutil.which("true") or "/bin/true"))
        yield from _says("systemd-analyze", "verify", "--man=no", str(unit))
        yield from _says("systemd-analyze", "security", "--offline=true", f"--threshold={EXPOSURE}", str(unit))


def _says(*command: str) -> Iterator[str]:
    if not (program := shutil.which(command[0])):
        yield f"{command[0]} is not at hand: not tried"
        return
    done = subprocess.run([program, *command[1:]], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
    yield f"{command[0]} {command[1] if command[1][0] != '/' else ''}".strip()


def main() -> int:
    for check in (kubernetes, compose, containerfile, kustomize, systemd):
        for line in check():
            print(line, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
