"""What linkmw is made of: pinned, named with its licence, and no more of it loaded than is meant to be."""

from __future__ import annotations

import json
import subprocess
import sys
from urllib.parse import urlsplit

import pytest
from tests.docs.import_map import imports_of
from tests.supply import sbom
from tests.supply.parts import ALLOWED_FOR, PAGE, ROOT, is_allowed, locked, parts, written

SOURCES = (ROOT / "src", ROOT / "integrations")


def test_every_part_of_an_installation_is_under_a_licence_that_is_allowed() -> None:
    assert [part for part in parts() if not is_allowed(part)] == []
    assert {part.name for part in parts() if part.licence.startswith("LGPL")} == set(ALLOWED_FOR)


def test_the_base_install_brings_nothing_of_the_hub() -> None:
    base = {part.name for part in parts() if part.needed_by == ("linkmw",)}
    assert base.isdisjoint(("sqlalchemy", "starlette", "python-keycloak", "jwcrypto", "psycopg", "uvicorn"))
    assert {"python-jose", "cryptography", "redis", "httpx2"} <= base


def test_the_table_of_licences_is_current() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert written(page) == page, "run: python -m tests.supply.parts --write"


def test_every_file_of_the_lock_has_its_hash_and_comes_from_the_public_index() -> None:
    for packages in locked().values():
        for package in packages:
            if "editable" in package["source"]:
                continue
            assert package["source"] == {"registry": "https://pypi.org/simple"}
            files = [*package.get("wheels", ()), *([package["sdist"]] if "sdist" in package else [])]
            assert files
            for file in files:
                assert file["hash"].startswith("sha256:")
                assert urlsplit(file["url"]).hostname == "files.pythonhosted.org"


def test_the_bill_of_materials_names_every_part_its_hashes_and_its_licence() -> None:
    document = sbom.bill()
    assert (document["bomFormat"], document["specVersion"]) == ("CycloneDX", "1.5")
    assert {(one["name"], one["version"]) for one in document["components"]} == {
        (part.name, part.version) for part in parts()
    }
    for component in document["components"]:
        assert component["purl"] == f"pkg:pypi/{component['name']}@{component['version']}"
        assert component["licenses"][0]["expression"]
        assert all(reference["hashes"] for reference in component["externalReferences"])
    known = {document["metadata"]["component"]["bom-ref"], *(one["bom-ref"] for one in document["components"])}
    for dependency in document["dependencies"]:
        assert {dependency["ref"], *dependency.get("dependsOn", ())} <= known
    assert json.dumps(sbom.bill()) == json.dumps(document)


@pytest.mark.parametrize(
    ("library", "module"), [("jose", "linkmw/oidc/jose.py"), ("keycloak", "linkmw/keycloak/admin.py")]
)
def test_a_library_that_is_fenced_is_imported_by_its_fence_alone(library: str, module: str) -> None:
    """ruff says so too (TID251), where nobody has written an exception."""
    importers = {
        path.as_posix().partition("/src/")[2] or path.as_posix()
        for folder in SOURCES
        for path in folder.rglob("*.py")
        if any(name.partition(".")[0] == library for name in imports_of(path))
    }
    assert importers == {module}


def test_ecdsa_and_rsa_are_loaded_by_no_part_of_linkmw() -> None:
    """The waivers in docs/supply-chain.md rest on this: whatever is imported, with a signature made and verified."""
    code = """
import sys
import linkmw.asgi, linkmw.wsgi, linkmw.cli.main, linkmw.gate.build, linkmw.gate.routes
import linkmw.hub.app, linkmw.hub.build, linkmw.keycloak.admin, linkmw.keycloak.users
from linkmw.oidc.jose import KeySet, PrivateKey, sign, verify_signature
for algorithm in ("RS256", "ES256"):
    key = PrivateKey.generate(algorithm)
    keys = KeySet.read({"keys": [key.public_jwk()]})
    token = sign({"a": 1}, key, typ="JWT")
    verify_signature(token, keys, algorithms=frozenset({algorithm}), types=frozenset({"jwt"}))
flagged = ("ecdsa", "rsa", "pyasn1")
print(sorted(name for name in sys.modules if name.partition(".")[0] in flagged or name == "jose.jwe"))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.stdout.strip(), done.returncode) == ("[]", 0), done.stderr
