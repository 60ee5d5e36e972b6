"""`linkmw break-glass`: made, listed and revoked on the product's own machine, with nothing else there (P-3)."""

from __future__ import annotations

import json
import os
import stat
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from linkmw.cli.main import main
from linkmw.gate.permits import Permits, path_of, read
from linkmw.gate.ports import Branding, HubState
from linkmw.settings import load

Run = Callable[..., Result]
FILE = "linkmw-break-glass.json"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs `linkmw` where nothing is configured and nothing answers."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("LINKMW_")]:
        monkeypatch.delenv(name)
    return lambda *arguments: CliRunner().invoke(main, arguments)


def trail() -> list[dict[str, str]]:
    return [json.loads(line) for line in Path(f"{FILE}.log").read_text().splitlines()]


def test_p03_it_lets_one_account_in_for_a_quarter_of_an_hour(run: Run) -> None:
    assert run("break-glass", "ada").exit_code == 0
    [permit] = read(Path(FILE))
    assert permit.account == "ada"
    assert 895 <= permit.until - time.time() <= 900
    for name in (FILE, f"{FILE}.log"):
        assert stat.S_IMODE(Path(name).stat().st_mode) == 0o600
    assert Permits(path_of(load()), lambda: int(time.time())).of("ada") == permit
    assert sorted(os.listdir()) == [FILE, f"{FILE}.log"]


def test_p03_it_is_listed_and_revoked_and_each_is_audited(run: Run) -> None:
    run("break-glass", "ada", "--minutes", "5")
    run("break-glass", "bob")
    assert [line.split()[0] for line in run("break-glass", "--list").output.splitlines()] == ["ada", "bob"]
    assert "ada" in run("break-glass", "ada", "--revoke").output
    assert [permit.account for permit in read(Path(FILE))] == ["bob"]
    run("break-glass", "--revoke")
    assert run("break-glass", "--list").output == "No permit holds.\n"
    assert [(line["event"], line["account_id"]) for line in trail()] == [
        ("break_glass", "ada"),
        ("break_glass", "bob"),
        ("break_glass_revoked", "ada"),
        ("break_glass_revoked", "bob"),
    ]
    assert all(line["actor"] for line in trail())


def test_p03_a_permit_whose_time_is_up_is_gone(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run("break-glass", "ada")
    later = time.time() + 901
    monkeypatch.setattr(time, "time", lambda: later)
    assert run("break-glass", "--list").output == "No permit holds.\n"


def test_p03_a_file_others_can_touch_is_said_and_not_used(run: Run) -> None:
    run("break-glass", "ada")
    Path(FILE).chmod(0o644)
    answer = run("break-glass", "bob")
    assert answer.exit_code == 3
    assert "chmod 600" in answer.output


def test_p03_no_permit_without_a_trail(run: Run) -> None:
    Path(f"{FILE}.log").mkdir()
    assert run("break-glass", "ada").exit_code == 3
    assert not Path(FILE).exists()
    Path(f"{FILE}.log").rmdir()


def test_p03_it_is_beside_the_configuration_file(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "etc").mkdir()
    monkeypatch.setenv("LINKMW_CONFIG", str(tmp_path / "etc" / "linkmw.toml"))
    run("break-glass", "ada")
    assert (tmp_path / "etc" / FILE).exists()
    monkeypatch.setenv("LINKMW_BREAK_GLASS", str(tmp_path / "elsewhere.json"))
    run("break-glass", "ada")
    run("break-glass", "ada", "--file", str(tmp_path / "third.json"))
    assert (tmp_path / "elsewhere.json").exists()
    assert (tmp_path / "third.json").exists()


@pytest.mark.parametrize("arguments", [(), ("ada", "--minutes", "0"), ("ada", "--minutes", "241")])
def test_p03_wrong_usage(run: Run, arguments: tuple[str, ...]) -> None:
    assert run("break-glass", *arguments).exit_code == 2
    assert not Path(FILE).exists()


@pytest.mark.parametrize(
    ("mode", "healthy", "percent", "said"),
    [
        ("replace", True, 100, "The native login is closed."),
        ("replace", True, 30, "The native login is open: at the hub 30 percent of the browsers are asked for."),
        ("beside", True, 100, "The native login is open: at the hub the mode is beside."),
        ("replace", False, 100, "A part of the hub is away, so the native login is open."),
    ],
)
def test_p03_status_says_whether_the_native_login_is_closed(
    run: Run, monkeypatch: pytest.MonkeyPatch, mode: str, healthy: bool, percent: int, said: str
) -> None:
    async def state(_client: object) -> HubState:
        return HubState(mode, healthy, Branding("ACME ID", "Orders", "#000000"), percent)  # type: ignore[arg-type]

    monkeypatch.setattr("linkmw.gate.hub_client.HubClient.state", state)
    values = {
        "MODE": "replace", "HUB_URL": "https://id.example", "PUBLIC_URL": "https://orders.example",
        "ORGANIZATION_ID": "acme", "CLIENT_ID": "orders", "CLIENT_SECRET": "not-a-real-secret-" * 3,
        "REDIS_URL": "redis://127.0.0.1:9/0",
    }  # fmt: skip
    for name, value in values.items():
        monkeypatch.setenv(f"LINKMW_{name}", value)
    run("break-glass", "ada")
    answer = run("status")
    assert said in answer.output
    assert "Break-glass: ada may sign in natively." in answer.output
