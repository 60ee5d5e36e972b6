"""What was downloaded or built once is found again; nothing half-done is ever found."""

from __future__ import annotations

import hashlib
import os
import time
import zipfile
from pathlib import Path

import pytest

from linkmw.demo.parts import cache
from linkmw.demo.parts.keycloak_install import unpack, version_of
from linkmw.demo.parts.processes import PartFailed

WHOLE = b"the whole file"
CHECKSUM = hashlib.sha256(WHOLE).hexdigest()


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LINKMW_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def fetch_whole(scratch: Path) -> Path:
    path = scratch / "deep" / "name.zip"
    path.parent.mkdir()
    path.write_bytes(WHOLE)
    return path


def fetch_half(scratch: Path) -> Path:
    path = scratch / "name.zip"
    path.write_bytes(WHOLE[:5])
    return path


def fetch_never(scratch: Path) -> Path:
    raise AssertionError("fetched although it was there")


def break_off(scratch: Path) -> Path:
    fetch_half(scratch)
    raise ConnectionError("the line went dead")


def test_a_download_is_found_again(folder: Path) -> None:
    first = cache.file("name.zip", CHECKSUM, fetch_whole)
    assert first.read_bytes() == WHOLE
    assert cache.file("name.zip", CHECKSUM, fetch_never) == first


def test_a_wrong_checksum_is_refused_and_leaves_nothing(folder: Path) -> None:
    with pytest.raises(cache.WrongChecksum, match=r"name\.zip"):
        cache.file("name.zip", CHECKSUM, fetch_half)
    assert list(folder.iterdir()) == []


def test_a_download_that_breaks_off_leaves_nothing(folder: Path) -> None:
    with pytest.raises(ConnectionError):
        cache.file("name.zip", CHECKSUM, break_off)
    assert list(folder.iterdir()) == []


def test_a_half_file_under_the_final_name_is_fetched_anew(folder: Path) -> None:
    folder.mkdir()
    (folder / "name.zip").write_bytes(WHOLE[:5])
    assert cache.file("name.zip", CHECKSUM, fetch_whole).read_bytes() == WHOLE


def test_a_tree_that_failed_half_way_is_made_anew() -> None:
    def fail(target: Path) -> None:
        (target / "half").touch()
        raise PartFailed("the build failed")

    with pytest.raises(PartFailed):
        cache.tree("keycloak", fail)
    made = cache.tree("keycloak", lambda target: (target / "whole").touch())
    assert [path.name for path in made.iterdir()] == ["whole"]


def test_a_tree_that_another_run_finished_first_is_taken() -> None:
    def slow(target: Path) -> None:
        (target / "mine").touch()
        cache.tree("keycloak", lambda other: (other / "theirs").touch())

    assert [path.name for path in cache.tree("keycloak", slow).iterdir()] == ["theirs"]


def test_the_scratch_of_a_killed_run_is_swept_after_a_day(folder: Path) -> None:
    old, young = folder / ".scratch-old", folder / ".scratch-young"
    old.mkdir(parents=True)
    young.mkdir()
    yesterday = time.time() - 25 * 3600
    os.utime(old, (yesterday, yesterday))
    cache.file("name.zip", CHECKSUM, fetch_whole)
    assert young.exists()
    assert not old.exists()


def test_unpacking_keeps_what_is_executable(tmp_path: Path) -> None:
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w") as zipped:
        for name, mode in (("top/bin/kc.sh", 0o755), ("top/conf/keycloak.conf", 0o644)):
            member = zipfile.ZipInfo(name)
            member.external_attr = mode << 16
            zipped.writestr(member, "text")
    unpack(archive, tmp_path / "out")
    assert os.access(tmp_path / "out/bin/kc.sh", os.X_OK)
    assert (tmp_path / "out/conf/keycloak.conf").stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize(
    ("text", "said"),
    [("Keycloak - Version 26.4.7\n", "26.4.7"), ("Keycloak - Version 25.9.9\n", "25.9.9"), ("", "0")],
)
def test_a_keycloak_below_the_floor_is_refused(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "version.txt").write_text(text)
    with pytest.raises(PartFailed, match=f"Keycloak {said};"):
        version_of(tmp_path)


def test_a_newer_keycloak_is_taken(tmp_path: Path) -> None:
    (tmp_path / "version.txt").write_text("Keycloak - Version 26.10.0\n")
    assert version_of(tmp_path) == "26.10.0"


def test_a_kc_home_that_is_none_is_said(tmp_path: Path) -> None:
    with pytest.raises(PartFailed, match="KC_HOME is no Keycloak"):
        version_of(tmp_path)
