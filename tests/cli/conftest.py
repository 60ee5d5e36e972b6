"""A folder with a hub in it, as `linkmw hub init` makes one."""

from __future__ import annotations

import os
import shutil
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from linkmw.cli.main import main
from linkmw.stores.sql import SqlStores

Run = Callable[..., Result]

BASICS = ("--public-url", "https://hub.example.com", "--redis-url", "redis://localhost:6379/0")
TENANT = (
    "--tenant", "acme", "--brand", "ACME ID", "--issuer", "https://sso.example.com/realms/acme",
    "--keycloak-client-id", "linkmw", "--keycloak-client-secret-file", "secret.txt",
)  # fmt: skip
KEYCLOAK_SECRET = "keycloak-secret-keycloak-secret-0"


@pytest.fixture(scope="session")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder as `hub init` leaves it, copied for each test: its tables and keys take their time once."""
    folder = tmp_path_factory.mktemp("office")
    (folder / "secret.txt").write_text(f"{KEYCLOAK_SECRET}\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        _nothing_of_ours(patch)
        made = linkmw("hub", "init", *BASICS, *TENANT)
    assert made.exit_code == 0, made.output
    return folder


@pytest.fixture
def office(founded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs `linkmw` beside a hub with the tenant acme, with nothing of ours in the environment."""
    shutil.copytree(founded, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    _nothing_of_ours(monkeypatch)
    return linkmw


def _nothing_of_ours(patch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("LINKMW_")]:
        patch.delenv(name)


def linkmw(*arguments: str, **options: str) -> Result:
    return CliRunner().invoke(main, arguments, **options)  # type: ignore[arg-type]


def opened() -> SqlStores:
    """The stores of the hub in this folder."""
    configuration = tomllib.loads(Path("linkmw-hub.toml").read_text())
    return SqlStores.open("sqlite:///linkmw-hub.db", configuration["key"])
