"""What is built for others: the wheel holds the four packages with all they read at run time, and nothing else."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = {
    "linkmw": ROOT / "src" / "linkmw",
    **{f"linkmw_{name}": ROOT / "integrations" / name / f"linkmw_{name}" for name in ("django", "flask", "starlette")},
}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with wheel and source distribution, built by hatchling without a network."""
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-d", folder], cwd=ROOT, check=True, capture_output=True
    )
    return folder


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    [found] = built.glob("*.whl")
    return found


def test_the_wheel_holds_the_four_packages_whole_and_nothing_else(wheel: Path) -> None:
    held = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    wanted = {
        f"{package}/{file.relative_to(folder).as_posix()}"
        for package, folder in PACKAGES.items()
        for file in folder.rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    assert held == wanted


@pytest.mark.parametrize("package", PACKAGES)
def test_every_package_says_that_it_is_typed(wheel: Path, package: str) -> None:
    assert f"{package}/py.typed" in zipfile.ZipFile(wheel).namelist()


def test_the_wheel_brings_the_command_the_license_and_the_extras(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    info = {name.split("/", 1)[1]: archive.read(name).decode() for name in archive.namelist() if ".dist-info/" in name}
    assert "linkmw = linkmw.cli:main" in info["entry_points.txt"]
    assert "Apache License" in info["licenses/LICENSE"]
    for extra in ("django", "flask", "starlette", "hub", "postgres"):
        assert f"Provides-Extra: {extra}\n" in info["METADATA"]
    assert "Requires-Dist: tzdata>=2024.2; extra == 'hub'" in info["METADATA"]


def test_the_shells_start_from_the_wheel_with_the_standard_library_alone(wheel: Path) -> None:
    """-I and -S: no checkout, no site-packages."""
    script = "import sys; sys.path.insert(0, sys.argv[1]); import linkmw.asgi, linkmw.wsgi; print(linkmw.asgi.__file__)"
    ran = subprocess.run(
        [sys.executable, "-I", "-S", "-c", script, wheel], cwd=wheel.parent, check=True, capture_output=True, text=True
    )
    assert ran.stdout.startswith(str(wheel))


@pytest.mark.matrix
def test_the_source_distribution_holds_what_was_written_and_builds_the_same_wheel(built: Path, tmp_path: Path) -> None:
    [source] = built.glob("*.tar.gz")
    with tarfile.open(source) as archive:
        held = {name.split("/", 1)[1] for name in archive.getnames()}
        safe = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}  # there since 3.11.4
        archive.extractall(tmp_path, **safe)
    assert {"pyproject.toml", "Makefile", "README.md", "LICENSE", "tests/conftest.py", "docs/protocol.md"} <= held
    assert not [name for name in held if "__pycache__" in name or "/.out/" in name or name.startswith((".v", ".d"))]
    [unpacked] = tmp_path.iterdir()
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path / "again"]
    subprocess.run(build, cwd=unpacked, check=True, capture_output=True)
    [again], [wheel] = (tmp_path / "again").glob("*.whl"), built.glob("*.whl")
    assert again.read_bytes() == wheel.read_bytes()
