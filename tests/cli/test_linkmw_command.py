"""The command line: what it makes, prints, refuses, and the exit codes scripts go by."""

from __future__ import annotations

import asyncio
import csv
import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
import tomllib
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from tests.cli.conftest import BASICS, KEYCLOAK_SECRET, TENANT

from linkmw.cli.main import main
from linkmw.hub.ports import AuditEvent
from linkmw.log import AUDIT_FIELDS
from linkmw.signed import new_key
from linkmw.stores.sql import SqlStores, version

Run = Callable[..., Result]

PRODUCT = ("hub", "product", "add", "--tenant", "acme", "--name", "Orders", "--url", "https://orders.example.com")


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs `linkmw` in an empty folder with nothing of ours in the environment."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("LINKMW_")]:
        monkeypatch.delenv(name)
    (tmp_path / "secret.txt").write_text(KEYCLOAK_SECRET + "\n")

    def linkmw(*arguments: str, **options: str) -> Result:
        return CliRunner().invoke(main, arguments, **options)  # type: ignore[arg-type]

    return linkmw


@pytest.fixture
def hub(office: Run) -> Run:
    """A hub with the tenant acme, as BASICS and TENANT make it."""
    return office


def stores() -> SqlStores:
    configuration = tomllib.loads(Path("linkmw-hub.toml").read_text())
    return SqlStores.open("sqlite:///linkmw-hub.db", configuration["key"])


def test_init_makes_file_database_keys_and_tenant(run: Run) -> None:
    result = run("hub", "init", *BASICS, *TENANT, "--contact", "help@acme.example", "--time-zone", "Europe/Berlin")
    assert result.exit_code == 0, result.output
    assert "Made in the database: tables, RS256, ES256, pairwise." in result.stdout
    assert "https://hub.example.com/t/acme/callback" in result.stdout
    (tenant,) = stores().admin.tenants()
    assert (tenant.brand, tenant.time_zone, tenant.contact) == ("ACME ID", "Europe/Berlin", "help@acme.example")
    assert (tenant.keycloak_client_secret, tenant.primary) == (KEYCLOAK_SECRET, "#0f5c4d")
    assert KEYCLOAK_SECRET not in result.output


def test_what_init_makes_is_its_owners_alone(hub: Run) -> None:
    for name in ("linkmw-hub.toml", "linkmw-hub.db"):
        assert Path(name).stat().st_mode & 0o777 == 0o600
    assert len(tomllib.loads(Path("linkmw-hub.toml").read_text())["key"]) == 43


def test_init_again_changes_nothing(hub: Run) -> None:
    before = Path("linkmw-hub.toml").read_bytes()
    result = hub("hub", "init", *BASICS, *TENANT)
    assert (result.exit_code, "has everything already" in result.stdout) == (0, True)
    assert hub("hub", "init").exit_code == 0
    assert Path("linkmw-hub.toml").read_bytes() == before


def test_init_never_changes_what_is_there_and_says_so(hub: Run) -> None:
    result = hub("hub", "init", "--public-url", "https://other.example.com")
    assert (result.exit_code, "says otherwise than --public-url" in result.stderr) == (3, True)
    result = hub("hub", "init", *TENANT, "--contact", "new@acme.example")
    assert (result.exit_code, "exists already, and differs" in result.stderr) == (1, True)
    assert stores().admin.tenants()[0].contact == ""


def test_init_writes_no_key_when_the_environment_has_one(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINKMW_HUB_KEY", new_key())
    monkeypatch.setenv("LINKMW_HUB_PUBLIC_URL", "https://hub.example.com")
    monkeypatch.setenv("LINKMW_HUB_REDIS_URL", "redis://localhost:6379/0")
    assert run("hub", "init").exit_code == 0
    assert not Path("linkmw-hub.toml").exists()
    assert Path("linkmw-hub.db").exists()


def test_init_leaves_nothing_half_made(run: Run) -> None:
    result = run("hub", "init")
    assert (result.exit_code, "--public-url and --redis-url" in result.stderr) == (2, True)
    result = run("hub", "init", "--public-url", "http://hub.example.com", "--redis-url", "redis://localhost")
    assert (result.exit_code, "LINKMW_HUB_PUBLIC_URL must begin with https://" in result.stderr) == (3, True)
    assert list(Path().iterdir()) == [Path("secret.txt")]


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (TENANT[:6], 2, "a first tenant needs --tenant, --brand"),
        (("--contact", "x"), 2, "a first tenant needs"),
        ((*TENANT, "--logo", "none.svg"), 2, "none.svg cannot be read"),
        ((*TENANT, "--issuer", "sso"), 1, "issuer is not a URL"),
        ((*TENANT, "--time-zone", "Mars"), 1, "time zone must be like Europe/Berlin"),
        (("--smtp-url", "x", "--database-url", "mysql://x"), 3, "SQLite and PostgreSQL"),
        (("--database-url", "sqlite:////nowhere/hub.db"), 4, "cannot be made"),
        (("--database-url", "postgresql://x@127.0.0.1:1/hub"), 4, "SQL did not answer"),
    ],
)
def test_init_says_what_is_wrong_in_one_sentence(run: Run, arguments: tuple[str, ...], code: int, says: str) -> None:
    result = run("hub", "init", *BASICS, *arguments)
    assert (result.exit_code, says in result.stderr, "Traceback" in result.stderr) == (code, True, False)


def test_ops4_product_add_prints_credentials_and_the_lines_to_paste(hub: Run) -> None:
    result = hub(*PRODUCT, "--internal-url", "http://10.0.0.7:8000", "--primary", "#112233")
    assert result.exit_code == 0, result.output
    lines = dict(re.findall(r"^(LINKMW_[A-Z_]+)=(.*)$", result.stdout, re.MULTILINE))
    (client,) = stores().admin.clients()
    assert (client.internal_url, client.primary, client.proof) == ("http://10.0.0.7:8000", "#112233", "form")
    assert lines["LINKMW_HUB_URL"] == "https://hub.example.com"
    assert lines["LINKMW_PUBLIC_URL"] == "https://orders.example.com"
    assert (lines["LINKMW_ORGANIZATION_ID"], lines["LINKMW_CLIENT_ID"]) == ("acme", client.client_id)
    assert f"client secret    {lines['LINKMW_CLIENT_SECRET']}" in result.stdout
    (enable,) = re.findall(r"^linkmw enable .*$", result.stdout, re.MULTILINE)
    assert enable.split()[2::2] == ["--hub-url", "--public-url", "--organization-id", "--client-id"]
    assert enable.split()[-1] == client.client_id
    assert lines["LINKMW_CLIENT_SECRET"] not in enable
    from linkmw.settings import load

    assert load(environ=lines).problems == ()


def test_the_secret_is_printed_once_and_nowhere_kept(hub: Run, tmp_path: Path) -> None:
    result = hub(*PRODUCT)
    (secret,) = re.findall(r"^LINKMW_CLIENT_SECRET=(.*)$", result.stdout, re.MULTILINE)
    assert secret not in hub("hub", "product", "list").output
    assert secret not in hub("hub", "audit", "tail").output
    for file in tmp_path.iterdir():
        assert secret.encode() not in file.read_bytes()


def test_a_product_without_a_gate_gets_what_its_openid_client_needs(hub: Run) -> None:
    assert hub(*PRODUCT, "--proof", "none").exit_code == 2
    result = hub(*PRODUCT, "--proof", "none", "--redirect-uri", "https://orders.example.com/oidc/callback/")
    (client,) = stores().admin.clients()
    lines = dict(re.findall(r"^(OIDC_[A-Z_]+)=(.*)$", result.stdout, re.MULTILINE))
    assert lines["OIDC_ISSUER"] == f"https://hub.example.com/o/{client.client_id}"
    assert lines["OIDC_CLIENT_ID"] == client.client_id
    assert f"client secret    {lines['OIDC_CLIENT_SECRET']}" in result.stdout
    assert lines["OIDC_REDIRECT_URI"] == client.redirect_uri == "https://orders.example.com/oidc/callback/"
    assert client.pkce_required
    assert "LINKMW_" not in result.stdout


def test_only_a_product_without_a_gate_may_do_without_pkce(hub: Run) -> None:
    refused = hub(*PRODUCT, "--without-pkce")
    assert (refused.exit_code, "a gate always uses PKCE" in refused.stderr) == (2, True)
    callback = ("--redirect-uri", "https://orders.example.com/oidc/callback/")
    assert "PKCE S256 or none" in hub(*PRODUCT, "--proof", "none", *callback, "--without-pkce").stdout
    assert [client.pkce_required for client in stores().admin.clients()] == [False]


def test_fc22_ops08_a_product_without_a_gate_names_where_sign_outs_return_to_and_logouts_go(hub: Run) -> None:
    addresses = ("--post-logout-redirect-uri", "https://orders.example.com/bye")
    addresses += ("--logout-uri", "https://orders.example.com/oidc/logout")
    refused = hub(*PRODUCT, *addresses)
    assert (refused.exit_code, "next to its redirect URI" in refused.stderr) == (2, True)
    callback = ("--proof", "none", "--redirect-uri", "https://orders.example.com/oidc/callback/")
    for wrong in (("--post-logout-redirect-uri", "javascript:x"), ("--logout-uri", "http://169.254.169.254/")):
        assert hub(*PRODUCT, *callback, *wrong).exit_code == 1
    assert hub(*PRODUCT, *callback, *addresses).exit_code == 0
    (client,) = stores().admin.clients()
    assert client.post_logout_redirect_uri == "https://orders.example.com/bye"
    assert client.logout_uri == "https://orders.example.com/oidc/logout"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--tenant", "nobody"), "there is no tenant nobody"),
        (("--url", "https://hub.example.com:8443"), "hub's own host name"),
        (("--url", "http://orders.example.com"), "must begin with https://"),
    ],
)
def test_pr16_a_product_that_cannot_be_is_refused_with_exit_code_1(
    hub: Run, arguments: tuple[str, str], says: str
) -> None:
    result = hub(*PRODUCT, *arguments)
    assert (result.exit_code, says in result.stderr, result.stdout) == (1, True, "")


def test_ops4_product_list_shows_every_product(hub: Run) -> None:
    hub(*PRODUCT)
    heading, line = hub("hub", "product", "list").stdout.splitlines()
    assert heading.split() == ["TENANT", "CLIENT", "ID", "NAME", "URL", "PROOF", "STATE"]
    assert re.fullmatch(r"acme +orders-[0-9a-f]{6} +Orders +https://orders.example.com +form +enabled", line)


def test_df04_db_current_and_upgrade(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINKMW_HUB_KEY", new_key())
    monkeypatch.setenv("LINKMW_HUB_PUBLIC_URL", "https://hub.example.com")
    monkeypatch.setenv("LINKMW_HUB_REDIS_URL", "redis://localhost:6379/0")
    newest = version.newest()
    result = run("hub", "db", "current")
    assert (result.exit_code, result.stdout) == (3, f"none (empty; this linkmw: {newest})\n")
    for word in ("now", "already"):
        result = run("hub", "db", "upgrade")
        assert (result.exit_code, result.stdout) == (0, f"The schema is {word} at {newest}.\n")
    result = run("hub", "db", "current")
    assert (result.exit_code, result.stdout) == (0, f"{newest} (current; this linkmw: {newest})\n")


def test_df04_serve_refuses_a_database_it_does_not_know(hub: Run) -> None:
    with stores().database.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    result = hub("hub", "serve")
    assert (result.exit_code, "9999, which this linkmw does not know" in result.stderr) == (3, True)


def test_df04_serve_never_migrates_by_itself(hub: Run) -> None:
    Path("linkmw-hub.db").unlink()
    result = hub("hub", "serve")
    assert (result.exit_code, "no tables yet" in result.stderr) == (3, True)


def test_cf05_a_file_that_others_can_read_is_refused(hub: Run) -> None:
    Path("linkmw-hub.toml").chmod(0o644)
    result = hub("hub", "product", "list")
    assert (result.exit_code, "chmod 600 linkmw-hub.toml" in result.stderr) == (3, True)


def test_another_key_opens_nothing_and_says_so(hub: Run) -> None:
    file = Path("linkmw-hub.toml")
    file.write_text(re.sub('key = ".*"', f'key = "{new_key()}"', file.read_text()))
    result = hub("hub", "init", *TENANT)
    assert (result.exit_code, "does not open with LINKMW_HUB_KEY" in result.stderr) == (3, True)


def told(*events: AuditEvent) -> None:
    """These are in the trail."""
    for event in events:
        asyncio.run(stores().audit.write(event))


def test_ops2_audit_tail_prints_the_newest_events_as_json_lines(hub: Run) -> None:
    told(*(AuditEvent("signed_in", "ok", 1_800_000_000 + number, client_id=f"p{number}") for number in range(3)))
    lines = [json.loads(line) for line in hub("hub", "audit", "tail", "-n", "2", "--json").stdout.splitlines()]
    assert [line["client_id"] for line in lines] == ["p1", "p2"]
    assert lines[1]["time"] == "2027-01-15T08:00:02Z"
    assert tuple(lines[1]) == AUDIT_FIELDS


def test_ops2_audit_tail_for_people_says_what_there_is_to_say_and_no_more(hub: Run) -> None:
    told(AuditEvent("signed_in", "ok", 1_800_000_000, organization_id="acme", account_id="two words", ip="::1"))
    [line] = hub("hub", "audit", "tail", "--event", "signed_in").stdout.splitlines()
    assert line.split("  ")[0] == "2027-01-15T08:00:00Z"
    assert line.endswith('tenant=acme  account_id="two words"  ip=::1')


@pytest.mark.parametrize(
    ("which", "expected"),
    [
        ((), ["", "a", "b", "c", "d"]),  # the first: `linkmw hub init` made the tenant
        (("--event", "linked", "--event", "unlinked"), ["b", "d"]),
        (("--tenant", "globex"), ["c"]),
        (("--product", "wiki", "--account", "7"), ["d"]),
        (("--since", "2027-01-15T08:00:02Z"), ["c", "d"]),
        (("--since", "2027-01-15 08:00:03"), ["d"]),
        (("--since", "2099-01-01"), []),
        (("--since", "1s"), []),
    ],
)
@pytest.mark.parametrize("command", ["tail", "export"])
def test_ops2_the_trail_is_asked_for_what_is_wanted(
    hub: Run, monkeypatch: pytest.MonkeyPatch, command: str, which: tuple[str, ...], expected: list[str]
) -> None:
    monkeypatch.setattr(time, "time", lambda: 1_900_000_000.0)
    told(
        AuditEvent("signed_in", "ok", 1_800_000_000, organization_id="acme", flow="a"),
        AuditEvent("linked", "ok", 1_800_000_001, organization_id="acme", flow="b"),
        AuditEvent("signed_out", "ok", 1_800_000_002, organization_id="globex", flow="c"),
        AuditEvent("unlinked", "ok", 1_800_000_003, client_id="wiki", account_id="7", flow="d"),
    )
    result = hub("hub", "audit", command, *(("--json",) if command == "tail" else ()), *which)
    assert [json.loads(line)["flow"] for line in result.stdout.splitlines()] == expected


@pytest.mark.parametrize("when", ["yesterday", "2027-13-01", "7", "-1d"])
def test_ops2_a_moment_that_cannot_be_read_is_wrong_usage(hub: Run, when: str) -> None:
    result = hub("hub", "audit", "tail", f"--since={when}")
    assert (result.exit_code, "2h, 7d" in result.stderr) == (2, True)


def test_ops2_the_trail_is_exported_page_by_page_and_no_cell_is_a_formula(
    hub: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("linkmw.cli.audit._AT_ONCE", 2)
    told(*(AuditEvent("signed_in", "ok", 1_800_000_000 + number, account_id=f"={number}") for number in range(5)))
    until = "2027-01-15T08:00:04Z"
    result = hub("hub", "audit", "export", "--format", "csv", "--event", "signed_in", "--until", until, "trail.csv")
    assert result.stderr == "4 events.\n"
    rows = list(csv.DictReader(Path("trail.csv").read_text(encoding="utf-8").splitlines()))
    assert tuple(rows[0]) == AUDIT_FIELDS
    assert [row["account_id"] for row in rows] == ["'=0", "'=1", "'=2", "'=3"]


def test_ops2_audit_tail_follows(hub: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = iter(range(3))

    def write_meanwhile(_seconds: float) -> None:
        if (look := next(looks)) == 2:
            raise KeyboardInterrupt
        told(AuditEvent("signed_in", "ok", 1_800_000_000, flow=f"look{look}"))
        told(AuditEvent("signed_out", "ok", 1_800_000_000, flow=f"look{look}"))

    monkeypatch.setattr(time, "sleep", write_meanwhile)
    result = hub("hub", "audit", "tail", "--follow", "--event", "signed_in")
    assert re.findall(r"flow=(\w+)", result.stdout) == ["look0", "look1"]


GATE = {
    "LINKMW_HUB_URL": "https://hub.example.com",
    "LINKMW_PUBLIC_URL": "https://orders.example.com",
    "LINKMW_ORGANIZATION_ID": "acme",
    "LINKMW_CLIENT_ID": "orders-1",
    "LINKMW_CLIENT_SECRET": new_key(),
    "LINKMW_REDIS_URL": "redis://localhost:6379/0",
}


@pytest.mark.parametrize(
    ("environment", "file", "code", "says", "decided"),
    [
        ({}, "", 0, "is off", "none is set"),
        (GATE, "", 0, "is on, beside the native login", "complete"),
        ({**GATE, "LINKMW_ENABLED": "off"}, "enabled = true", 0, "is off", "LINKMW_ENABLED in the environment"),
        ({**GATE, "LINKMW_ENABLED": "ON"}, "enabled = false", 0, "is on", "LINKMW_ENABLED in the environment"),
        (GATE, "enabled = false", 0, "is off", "`enabled` in linkmw.toml"),
        ({**GATE, "LINKMW_ENABLED": "flase"}, "", 3, "is off", "wrong or missing"),
        ({**GATE, "LINKMW_HUB_URL": ""}, "", 3, "is off", "wrong or missing"),
        (GATE, "not toml", 3, "is off", "wrong or missing"),
    ],
)
def test_dis12_status_says_what_is_the_case_and_what_decided_it(
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    environment: dict[str, str],
    file: str,
    code: int,
    says: str,
    decided: str,
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    if file:
        Path("linkmw.toml").write_text(file)
    result = run("status")
    assert (result.exit_code, says in result.stdout, decided in result.stdout) == (code, True, True), result.output
    assert GATE["LINKMW_CLIENT_SECRET"] not in result.output
    assert bool(result.stderr) == (code == 3)


@pytest.mark.parametrize("arguments", [["--help"], ["hub", "--help"], ["hub", "init", "--help"], ["status"]])
def test_help_and_status_load_neither_database_nor_server(arguments: list[str], tmp_path: Path) -> None:
    program = (
        "import sys; from linkmw.cli import main; main(sys.argv[1:], standalone_mode=False);"
        "heavy = {'sqlalchemy', 'alembic', 'uvicorn', 'starlette', 'keycloak', 'redis', 'httpx2', 'cryptography'};"
        "print('loaded', heavy & {*sys.modules})"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.endswith("loaded set()\n")


def test_every_command_has_help_worth_reading(run: Run) -> None:
    def walk(command: object, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
        yield path
        for name, child in getattr(command, "commands", {}).items():
            yield from walk(child, (*path, name))

    for path in walk(main, ()):
        result = run(*path, "--help")
        assert result.exit_code == 0
        assert len(result.stdout) > 150, path


def test_a_missing_extra_is_named(run: Run, monkeypatch: pytest.MonkeyPatch, hub: Run) -> None:
    monkeypatch.setitem(sys.modules, "alembic.config", None)
    monkeypatch.setitem(sys.modules, "alembic", None)
    result = run("hub", "db", "current")
    assert (result.exit_code, "pip install 'linkmw[hub]'" in result.stderr) == (3, True)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_i9_serve_answers_and_writes_no_path_or_query_to_its_logs(hub: Run, tmp_path: Path) -> None:
    port = free_port()
    command = [str(Path(sys.executable).with_name("linkmw")), "hub", "serve", "--port", str(port)]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert process.stdout is not None
    seen: list[str] = []
    ready = threading.Event()

    def read() -> None:
        for line in process.stdout or ():
            seen.append(line)
            if "running on" in line:
                ready.set()
        ready.set()

    reader = threading.Thread(target=read)
    reader.start()
    try:
        assert ready.wait(60)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz?token=seen-by-nobody", timeout=10) as answer:
            assert (answer.status, answer.headers["server"]) == (200, None)
    finally:
        process.terminate()
        reader.join(60)
        process.wait(60)
        process.stdout.close()
    assert "seen-by-nobody" not in "".join(seen)
