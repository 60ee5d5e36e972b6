"""A folder with a hub in it, as `linkmw hub init` makes one."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from linkmw.cli.main import main
from linkmw.stores.sql import SqlStores

Run = Callable[..., Result]


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs `linkmw` beside a hub with the tenant acme, with nothing of ours in the environment."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("LINKMW_")]:
        monkeypatch.delenv(name)
    (tmp_path / "secret.txt").write_text("keycloak-secret-keycloak-secret-0\n")

    def linkmw(*arguments: str, **options: str) -> Result:
        return CliRunner().invoke(main, arguments, **options)  # type: ignore[arg-type]

    made = linkmw(
        "hub", "init", "--public-url", "https://hub.example.com", "--redis-url", "redis://localhost:6379/0",
        "--tenant", "acme", "--brand", "ACME ID", "--issuer", "https://sso.example.com/realms/acme",
        "--keycloak-client-id", "linkmw", "--keycloak-client-secret-file", "secret.txt",
    )  # fmt: skip
    assert made.exit_code == 0, made.output
    return linkmw


def opened() -> SqlStores:
    """The stores of the hub in this folder."""
    configuration = tomllib.loads(Path("linkmw-hub.toml").read_text())
    return SqlStores.open("sqlite:///linkmw-hub.db", configuration["key"])
