"""`linkmw enable`, `disable`, `status`, `info`, `config`: what they write, print, refuse, and their exit codes."""

from __future__ import annotations

import base64
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import tomllib
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from tests.secrets_in_logs import used

from linkmw.cli.main import main
from linkmw.settings import load
from linkmw.signed import new_key

Run = Callable[..., Result]

SECRET = new_key()
VALUES = ("organization_id", "client_id", "client_secret")
FILE = Path("linkmw.toml")
OPERATORS = '# how we run it\nmode = "beside"  # for now\nlogin_paths = [\n  "/login",  # ours\n  "/admin/login/",\n]\n'


class _Hub(BaseHTTPRequestHandler):
    """`GET /gate` of a hub that knows one client of one organization."""

    def do_GET(self) -> None:
        known = base64.b64encode(f"orders-1:{SECRET}".encode()).decode()
        status = 200 if self.headers["Authorization"] == f"Basic {known}" else 401
        state = {"v": 1, "organization_id": "acme", "mode": "beside", "percent": 100, "healthy": True, "branding": {}}
        body = json.dumps(state if status == 200 else {"v": 1, "error": "invalid_client"}).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def hub() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Hub)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(autouse=True)
def _nothing_configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("LINKMW_")]:
        monkeypatch.delenv(name)
    used("a client secret", SECRET)


@pytest.fixture
def run() -> Run:
    def linkmw(*arguments: str, **options: Any) -> Result:
        return CliRunner().invoke(main, arguments, **options)

    return linkmw


def complete(hub: str = "http://127.0.0.1:9") -> str:
    lines = {
        "hub_url": hub,
        "public_url": "https://orders.example.com",
        "organization_id": "acme",
        "client_id": "orders-1",
        "client_secret": SECRET,
        "redis_url": "redis://127.0.0.1:9/0",
    }
    return "".join(f'{name} = "{value}"\n' for name, value in lines.items())


def write(text: str) -> None:
    FILE.write_text(text)
    FILE.chmod(0o600)


def toml() -> dict[str, Any]:
    return tomllib.loads(FILE.read_text())


# --- disable ------------------------------------------------------------------------------------


def test_dis05_dis10_cf02_disable_says_so_deletes_the_values_and_keeps_the_rest(run: Run) -> None:
    write(OPERATORS + complete())
    result = run("disable")
    assert (result.exit_code, result.stdout.splitlines()[0]) == (0, "Federated sign-in is disabled.")
    text = FILE.read_text()
    assert SECRET not in text
    assert toml().keys().isdisjoint(VALUES)
    assert text.startswith(OPERATORS)
    assert (toml()["enabled"], toml()["hub_url"]) == (False, "http://127.0.0.1:9")
    assert FILE.stat().st_mode & 0o777 == 0o600
    assert not load().on
    assert load().problems == ()


def test_dis10_p04_disable_deletes_the_values_of_every_host_too(run: Run) -> None:
    values = "".join(f'{name} = "{SECRET}"\n' for name in VALUES)
    host = f'[hosts."shop.example"] # ours\npublic_url = "https://shop.example"\n{values}'
    FILE.write_text(f'{values}{OPERATORS}{host}[login_modes]\n"/login" = "beside"\n')
    assert run("disable").exit_code == 0
    assert SECRET not in FILE.read_text()
    assert "# ours" in FILE.read_text()
    found = tomllib.loads(FILE.read_text())
    assert found["hosts"] == {"shop.example": {"public_url": "https://shop.example"}}
    assert found["login_modes"] == {"/login": "beside"}


def test_dis05_cf02_a_second_time_it_says_already(run: Run) -> None:
    write(complete())
    run("disable")
    before = FILE.read_bytes()
    result = run("disable")
    assert (result.exit_code, result.stdout.splitlines()[0]) == (0, "Federated sign-in is already disabled.")
    assert FILE.read_bytes() == before


def test_dis05_without_a_file_one_is_written_for_what_the_product_has_in_its_own_environment(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    for said in ("Federated sign-in is disabled.", "Federated sign-in is already disabled."):
        result = run("disable")
        assert (result.exit_code, result.stdout.splitlines()[0]) == (0, said)
    for line in complete().splitlines():
        name, _, value = line.partition(" = ")
        monkeypatch.setenv(f"LINKMW_{name.upper()}", value.strip('"'))
    assert not load().on


@pytest.mark.parametrize("word", ["off", "flase"])
def test_dis05_a_variable_that_keeps_it_off_is_not_complained_of(
    run: Run, monkeypatch: pytest.MonkeyPatch, word: str
) -> None:
    write(complete())
    monkeypatch.setenv("LINKMW_ENABLED", word)
    result = run("disable")
    assert (result.exit_code, result.stdout.splitlines()[0]) == (0, "Federated sign-in is disabled.")


def test_dis05_switched_on_by_hand_in_between_it_is_off_since_now(run: Run) -> None:
    write(complete() + "enabled = true\ndisabled_at = 2020-01-01T00:00:00Z\nsessions_since = 2020-01-01T00:00:00Z\n")
    run("disable")
    assert load().disabled_at > 1_600_000_000
    assert not load().has_ended_sessions


def test_dis05_a_variable_that_keeps_it_on_is_named_and_the_file_is_changed_all_the_same(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(complete())
    monkeypatch.setenv("LINKMW_ENABLED", "yes")
    result = run("disable")
    assert result.exit_code == 3
    assert "Federated sign-in is disabled." not in result.stdout
    assert "LINKMW_ENABLED=yes in the environment overrules the file: take it out and restart" in result.stderr
    assert toml()["enabled"] is False
    assert toml().keys().isdisjoint(VALUES)


@pytest.mark.parametrize("name", [f"LINKMW_{value.upper()}" for value in VALUES] + ["LINKMW_CLIENT_SECRET_FILE"])
def test_dis05_a_variable_that_holds_credentials_is_named_each_time(
    run: Run, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    write(complete())
    monkeypatch.setenv(name, SECRET)
    for said in ("Federated sign-in is disabled.", "Federated sign-in is already disabled."):
        result = run("disable")
        assert (result.exit_code, result.stdout.splitlines()[0]) == (3, said)
        assert f"{name} in the environment still holds what was deleted" in result.stderr
        assert SECRET not in result.output
    assert not load().on


def test_dis10_pr13_ending_sessions_is_written_down_and_what_becomes_of_signed_cookies_is_said(run: Run) -> None:
    write(complete())
    plain = run("disable")
    assert "signed cookie that had ended before is valid again until it expires" in plain.stdout
    assert "SECRET_KEY" in plain.stdout
    assert not load().has_ended_sessions
    ending = run("disable", "--end-sessions")
    assert (ending.exit_code, ending.stdout.splitlines()[0]) == (0, "Federated sign-in is already disabled.")
    assert "would be valid again without linkmw installed" in ending.stdout
    assert load().has_ended_sessions


def test_dis05_a_file_that_is_no_toml_is_left_alone_and_said(run: Run) -> None:
    write("not toml")
    result = run("disable")
    assert (result.exit_code, "cannot be read" in result.stderr) == (3, True)
    assert FILE.read_text() == "not toml"


KILLS = {
    "before it is written": "os.fsync",
    "before it takes its place": "os.replace",
}


@pytest.mark.parametrize("where", KILLS)
def test_dis10_killed_at_any_moment_the_file_is_whole_and_no_copy_of_the_secret_stays(run: Run, where: str) -> None:
    write(complete())
    dying = f"import os; {KILLS[where]} = lambda *_: os.kill(os.getpid(), 9)"
    program = f"{dying}; from linkmw.cli.main import main; main(['disable'])"
    killed = subprocess.run([sys.executable, "-c", program], check=False, timeout=60)
    assert killed.returncode == -signal.SIGKILL
    assert FILE.read_text() == complete()
    assert load().on
    result = run("disable")
    assert (result.exit_code, result.stdout.splitlines()[0]) == (0, "Federated sign-in is disabled.")
    assert [path.name for path in Path().iterdir()] == [FILE.name]
    assert SECRET not in FILE.read_text()


def test_dis10_two_at_once_leave_a_whole_file(run: Run) -> None:
    write(OPERATORS + complete())
    command = [sys.executable, "-c", "from linkmw.cli.main import main; main(['disable'])"]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    said = sorted((process.communicate(timeout=60)[0].splitlines()[0], process.returncode) for process in running)
    assert ("Federated sign-in is disabled.", 0) in said
    assert {code for _, code in said} == {0}
    assert toml()["enabled"] is False
    assert [path.name for path in Path().iterdir()] == [FILE.name]


# --- enable -------------------------------------------------------------------------------------


def enabling(hub: str, **changes: str) -> list[str]:
    given = {
        "--organization-id": "acme",
        "--client-id": "orders-1",
        "--client-secret-file": "-",
        "--hub-url": hub,
        "--public-url": "https://orders.example.com",
        "--redis-url": "redis://127.0.0.1:9/0",
        **changes,
    }
    return ["enable", *(part for pair in given.items() for part in pair)]


def test_dis11_dis01_enable_proves_the_values_and_writes_them(run: Run, hub: str) -> None:
    write(OPERATORS)
    result = run(*enabling(hub), input=f"{SECRET}\n")
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines() == [
        "Federated sign-in is enabled.",
        "At the hub this product's mode is beside.",
        f"Written: {FILE.absolute()}, where the product has to find it.",
    ]
    assert FILE.read_text().startswith(OPERATORS)
    assert (toml()["enabled"], toml()["client_secret"]) == (True, SECRET)
    assert FILE.stat().st_mode & 0o777 == 0o600
    assert load().on


def test_dis11_what_is_not_given_is_asked_for_and_the_secret_is_not_shown(run: Run, hub: str) -> None:
    result = run(
        "enable", input=f"{hub}\nhttps://orders.example.com\nacme\norders-1\n{SECRET}\nredis://127.0.0.1:9/0\n"
    )
    assert result.exit_code == 0, result.output
    assert "Client secret" in result.stderr
    assert SECRET not in result.output
    assert load().on


@pytest.mark.parametrize(
    ("changes", "secret", "code", "says"),
    [
        ({}, new_key(), 1, "does not know client id orders-1 with this client secret"),
        ({"--client-id": "orders-2"}, SECRET, 1, "does not know client id orders-2"),
        ({"--organization-id": "globex"}, SECRET, 1, "orders-1 is not of organization globex"),
        ({"--hub-url": "http://127.0.0.1:9"}, SECRET, 4, "the hub does not answer"),
        ({"--public-url": "http://orders.example.com"}, SECRET, 3, "LINKMW_PUBLIC_URL must begin with https://"),
        ({}, "changeme", 3, "LINKMW_CLIENT_SECRET is too short to be a secret"),
    ],
)
def test_dis11_values_that_fail_are_said_and_nothing_is_written(
    run: Run, hub: str, changes: dict[str, str], secret: str, code: int, says: str
) -> None:
    result = run(*enabling(hub, **changes), input=f"{secret}\n")
    assert (result.exit_code, says in result.stderr) == (code, True), result.output
    assert secret not in result.output
    assert not FILE.exists()


def test_cf02_dis11_after_disabling_the_three_values_are_asked_for_and_proven_anew(run: Run, hub: str) -> None:
    write(complete(hub))
    run("disable")
    refused = run("enable", input=f"acme\norders-1\n{new_key()}\n")
    assert (refused.exit_code, load().on) == (1, False)
    again = run("enable", input=f"acme\norders-1\n{SECRET}\n")
    assert (again.exit_code, load().on) == (0, True), again.output
    assert "disabled_at" not in toml()


def test_dis10_sessions_that_were_ended_stay_ended_after_enabling_again(run: Run, hub: str) -> None:
    write(complete(hub))
    run("disable", "--end-sessions")
    since = load().sessions_since
    run("enable", input=f"acme\norders-1\n{SECRET}\n")
    assert load().sessions_since == since > 0


def test_dis12_enable_names_the_variable_that_overrules_it(run: Run, hub: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINKMW_ENABLED", "off")
    monkeypatch.setenv("LINKMW_CLIENT_ID", "orders-0")
    result = run(*enabling(hub), input=f"{SECRET}\n")
    assert (result.exit_code, toml()["enabled"]) == (3, True)
    assert "LINKMW_ENABLED=off in the environment overrules the file" in result.stderr
    assert "LINKMW_CLIENT_ID has another value in the environment" in result.stderr


# --- looking ------------------------------------------------------------------------------------


def test_dis01_status_says_what_is_the_case_before_and_after(run: Run, hub: str) -> None:
    write(complete(hub))
    assert run("status").stdout.startswith("Federated sign-in is on, beside the native login.\n")
    run("disable")
    off = run("status", "--json")
    said = json.loads(off.stdout)
    assert (off.exit_code, said["on"], said["problems"]) == (0, False, [])
    assert said["decided_by"] == "`enabled` in linkmw.toml"


def test_dis01_info_says_what_is_recognised(run: Run) -> None:
    write(complete())
    found = json.loads(run("info", "--json").stdout)
    assert (found["client_id"], found["prefix"], found["login_routes"]) == ("orders-1", "/.linkmw/", ["/login"])
    assert found["redis"].startswith("does not answer")
    assert "Django" in found["framework"]
    plain = run("info")
    assert (plain.exit_code, SECRET in plain.output) == (0, False)


def test_info_says_that_redis_answers(run: Run, redis_server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINKMW_REDIS_URL", redis_server)
    result = run("info")
    assert re.search(r"^redis +answers$", result.stdout, re.MULTILINE)
    assert redis_server not in result.output


def test_config_shows_every_value_and_where_it_is_from(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    write(complete())
    secret = Path("secret")
    secret.write_text(SECRET)
    monkeypatch.setenv("LINKMW_MODE", "replace")
    monkeypatch.setenv("LINKMW_CLIENT_SECRET_FILE", str(secret))
    shown = json.loads(run("config", "show", "--json").stdout)
    assert shown["LINKMW_MODE"] == {"value": "replace", "source": "environment"}
    assert shown["LINKMW_CLIENT_SECRET"] == {"value": "***", "source": f"LINKMW_CLIENT_SECRET_FILE, {secret}"}
    assert shown["LINKMW_REDIS_URL"] == {"value": "***", "source": "linkmw.toml"}
    assert shown["LINKMW_PREFIX"] == {"value": "/.linkmw/", "source": "default"}
    plain = run("config", "show").stdout
    assert re.search(r"^LINKMW_MODE +replace +environment$", plain, re.MULTILINE)
    assert SECRET not in plain


@pytest.mark.parametrize(
    ("environment", "file", "says"),
    [
        ({}, "clinet_id = 'x'\n", "clinet_id in the file is no setting: did you mean client_id?"),
        ({"LINKMW_HUB_ULR": "x"}, "", "LINKMW_HUB_ULR in the environment is no setting: did you mean LINKMW_HUB_URL?"),
        ({"LINKMW_CLIENT_SECRET_FILE": "none"}, "", "LINKMW_CLIENT_SECRET_FILE cannot be read: No such file"),
        ({"LINKMW_MODE": "beside", "LINKMW_MODE_FILE": "x"}, "", "LINKMW_MODE and LINKMW_MODE_FILE are both set"),
        ({"LINKMW_MODE": "besides"}, "", "LINKMW_MODE is none of off, beside, replace"),
    ],
)
def test_config_check_names_what_is_wrong(
    run: Run, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], file: str, says: str
) -> None:
    write(complete() + file)
    assert run("config", "check").stdout == "The settings are in order.\n" or file
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    result = run("config", "check")
    assert (result.exit_code, says in result.stderr) == (3, True), result.output


def test_cf05_a_file_with_secrets_that_everybody_can_read_counts_as_off_and_is_said(run: Run) -> None:
    write(complete())
    FILE.chmod(0o644)
    result = run("status")
    assert (result.exit_code, "is off" in result.stdout) == (3, True)
    assert "others on this machine can read it: chmod 600 linkmw.toml" in result.stderr
    assert SECRET not in result.output


def test_cf04_disabling_asks_nobody(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Redis, SQL, Keycloak and the hub may all be away: not one connection is opened."""

    def nobody(*_: object) -> None:
        raise AssertionError("disable opened a connection")

    write(complete())
    monkeypatch.setattr(socket.socket, "connect", nobody)
    monkeypatch.setattr(socket, "getaddrinfo", nobody)
    result = run("disable", "--end-sessions")
    assert (result.exit_code, result.stdout.splitlines()[0]) == (0, "Federated sign-in is disabled.")
    assert not load().on


def test_p04_ops01_status_info_and_config_name_each_host(run: Run, hub: str) -> None:
    away = complete().replace("organization_id", "# organization_id").replace("public_url", "# public_url")
    tables = """
[hosts."shop.example.com, shop.internal"]
public_url = "https://shop.example.com"
organization_id = "globex"
client_id = "shop-1"
client_secret = "0123456789-0123456789-0123456789-0123456789"
mode = "replace"

[hosts."desk.example.com"]
public_url = "https://desk.example.com"
client_id = "desk-1"
client_secret = "0123456789-0123456789-0123456789-0123456789"
"""
    own = "".join(line for line in away.splitlines(keepends=True) if line.startswith(("hub_url", "redis_url")))
    FILE.touch(mode=0o600)
    FILE.write_text(own + tables)
    status = run("status")
    assert (status.exit_code, status.stderr) == (3, "- desk.example.com: LINKMW_ORGANIZATION_ID is not set\n")
    assert status.stdout.splitlines() == [
        "Federated sign-in is off at hosts that are not named below.",
        "Decided by its settings: none is set, or mode is off.",
        "At shop.example.com, shop.internal it is on, replace the native login. "
        "The hub does not say whether the native login is closed: the hub does not answer: ConnectError.",
        "At desk.example.com it is off.",
    ]
    of_shop = json.loads(run("status", "--json").stdout)["hosts"]["shop.example.com, shop.internal"]
    assert (of_shop["on"], of_shop["mode"], of_shop["problems"]) == (True, "replace", [])
    of_desk = json.loads(run("info", "--json").stdout)["hosts"]["desk.example.com"]
    assert (of_desk["client_id"], of_desk["organization_id"]) == ("desk-1", "")
    assert "shop.example.com, shop.internal: shop-1 of globex, https://shop.example.com" in run("info").stdout
    shown = run("config", "show").stdout
    assert "shop.example.com,shop.internal,desk.example.com" in shown
    assert "0123456789" not in shown + run("doctor").stdout + run("status", "--json").stdout


def test_p04_ops01_the_doctor_looks_at_each_host(run: Run, hub: str) -> None:
    shop = complete(hub).replace('redis_url = "redis://127.0.0.1:9/0"\n', "").replace(f'hub_url = "{hub}"\n', "")
    FILE.touch(mode=0o600)
    shop += 'login_paths = ["/login"]\n'  # where Django is at hand, its own would be looked at
    FILE.write_text(f'hub_url = "{hub}"\nredis_url = "redis://127.0.0.1:9/0"\n[hosts."shop.example.com"]\n{shop}')
    found = {(one["check"], one["of"]): one for one in json.loads(run("doctor", "--json").stdout)["findings"]}
    assert found["switch", ""]["found"] == "off at hosts that are not named in LINKMW_HOSTS"
    assert found["switch", "shop.example.com"]["found"] == "on, beside the native login"
    assert found["client", "shop.example.com"]["found"] == "orders-1 of acme"
    assert found["login", "shop.example.com/login"]["standing"] == "warning"
    assert [of for check, of in found if check == "redis"] == [""]
    FILE.write_text(FILE.read_text().replace(SECRET, new_key()))
    found = {(one["check"], one["of"]): one for one in json.loads(run("doctor", "--json").stdout)["findings"]}
    assert found["client", "shop.example.com"]["standing"] == "wrong"


def test_dis11_where_nobody_can_type_the_missing_option_is_named(run: Run, hub: str) -> None:
    FILE.touch(mode=0o600)
    FILE.write_text(f'hub_url = "{hub}"\n')
    for given, missing in (((), "--public-url"), (("--public-url", "https://orders.example.com"), "--organization-id")):
        result = run("enable", *given, input="")
        assert (result.exit_code, f"give {missing}" in result.stderr) == (2, True)
