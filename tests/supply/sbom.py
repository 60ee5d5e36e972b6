"""`make sbom`: the bill of materials of an installation, as CycloneDX JSON, from uv.lock by uv.

uv knows versions, addresses, hashes and who needs whom; licences are added here. The same lock makes the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

from tests.supply.parts import EXTRAS, LOCK, ROOT, licence

OUT = ROOT / "dist" / "linkmw.cdx.json"


def bill() -> dict[str, Any]:
    """The document. Raises CalledProcessError when the lock does not fit pyproject.toml."""
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
    assert uv, "there is no uv: make setup"
    extras = [word for extra in EXTRAS for word in ("--extra", extra)]
    command = [uv, "export", "--quiet", "--frozen", "--offline", "--no-dev", *extras, "--format", "cyclonedx1.5"]
    made = subprocess.run([*command, "--preview-features", "sbom-export"], cwd=ROOT, check=True, capture_output=True)
    document: dict[str, Any] = json.loads(made.stdout)
    for component in document["components"]:
        component["licenses"] = [{"expression": licence(component["name"])}]
    own = document["metadata"]
    own.pop("timestamp", None)
    own["component"]["licenses"] = [{"expression": "Apache-2.0"}]
    digest = hashlib.sha256(LOCK.read_bytes()).hexdigest()
    document["serialNumber"] = f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, digest)}"
    return document


def main() -> None:
    document = bill()
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    sys.stdout.write(f"{OUT.relative_to(ROOT)}: {len(document['components'])} parts\n")


if __name__ == "__main__":
    main()
