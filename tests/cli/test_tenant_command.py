"""`linkmw hub tenant`: a secret that was changed at Keycloak is changed at the hub, and shown nowhere."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from linkmw.cli.main import main
from linkmw.stores.sql import SqlStores

NEW = "the-secret-that-keycloak-has-now-0"
Run = Callable[..., Result]


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """`linkmw` in a folder with a hub and its tenant acme."""
    monkeypatch.chdir(tmp_path)
    Path("secret.txt").write_text("the-secret-that-keycloak-had-once-0\n")

    def linkmw(*arguments: str, **options: str) -> Result:
        return CliRunner().invoke(main, arguments, **options)  # type: ignore[arg-type]

    made = linkmw(
        *("hub", "init", "--public-url", "https://hub.example.com", "--redis-url", "redis://localhost:6379/0"),
        *("--tenant", "acme", "--brand", "ACME ID", "--issuer", "https://sso.example.com/realms/acme"),
        *("--keycloak-client-id", "linkmw", "--keycloak-client-secret-file", "secret.txt"),
    )
    assert made.exit_code == 0, made.output
    return linkmw


def secret_at_hub() -> str:
    configuration = tomllib.loads(Path("linkmw-hub.toml").read_text())
    stores = SqlStores.open("sqlite:///linkmw-hub.db", configuration["key"])
    (tenant,) = stores.admin.tenants()
    stores.close()
    return str(tenant.keycloak_client_secret)


def test_kf03_the_secret_is_the_new_one_and_is_not_printed(hub: Run) -> None:
    changed = hub("hub", "tenant", "secret", "--tenant", "acme", "--keycloak-client-secret-file", "-", input=f"{NEW}\n")
    assert changed.exit_code == 0, changed.output
    assert secret_at_hub() == NEW
    assert NEW not in changed.output
    assert NEW.encode() not in Path("linkmw-hub.db").read_bytes()


@pytest.mark.parametrize(
    ("tenant", "given", "code", "says"), [("globex", NEW, 1, "no tenant globex"), ("acme", " \n", 2, "empty")]
)
def test_kf03_what_is_wrong_is_said_and_changes_nothing(
    hub: Run, tenant: str, given: str, code: int, says: str
) -> None:
    refused = hub("hub", "tenant", "secret", "--tenant", tenant, "--keycloak-client-secret-file", "-", input=given)
    assert (refused.exit_code, says in refused.output) == (code, True), refused.output
    assert secret_at_hub() == "the-secret-that-keycloak-had-once-0"
