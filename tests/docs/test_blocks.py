"""Every block of code in the README and in docs is run: as it stands, but for the addresses that tests have."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import time
import tomllib
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result
from flask import Flask
from starlette.testclient import TestClient
from tests.docs import blocks
from tests.docs.blocks import ALL, ELSEWHERE, PAGES, READ, ROOT, Block
from tests.secrets_in_logs import used
from werkzeug.test import Client as WsgiClient

import linkmw.wsgi
from linkmw.cli.main import main
from linkmw.demo.parts.keycloak import Keycloak
from linkmw.demo.parts.processes import child_environment, free_port
from linkmw.demo.parts.smtp import Mailbox, SmtpServer
from linkmw.demo.stage import Stage
from linkmw.gate.ports import Product
from linkmw.model import Account, Identity
from linkmw.settings import REQUIRED, load
from linkmw.stores.sql import SqlStores

# Pages whose commands are typed at a hub of their own, one after the other.
AT_A_HUB = (
    "docs/audit.md",
    "docs/migrating.md",
    "docs/moving-over.md",
    "docs/operating.md",
    "docs/standard-clients.md",
)
RUN_HERE = {
    *((page, "sh") for page in AT_A_HUB),
    ("README.md", "sh"),
    ("CONTRIBUTING.md", "sh"),
    ("docs/keycloak.md", "sh"),
    ("docs/quickstart.md", "sh"),
    ("docs/quickstart.md", "python"),
    ("docs/switching.md", "sh"),
    ("docs/wrapping.md", "sh"),
    ("docs/wrapping.md", "python"),
    ("docs/adapters.md", "python"),
    ("docs/errors.md", "python"),
    ("docs/moving-over.md", "toml"),
    ("docs/metrics.md", "yaml"),
}
BUTTON = "Sign in with ACME ID"


# --- nobody is left out -------------------------------------------------------------------------------


def test_every_block_is_of_a_kind_that_somebody_runs() -> None:
    run = RUN_HERE | set(ELSEWHERE)
    left = [str(block) for block in ALL if block.kind not in READ and (block.page, block.kind) not in run]
    assert left == [], "nobody runs these: see tests/docs/blocks.py"
    assert run <= {(block.page, block.kind) for block in ALL}


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_every_fence_is_closed_and_no_block_hides(page: Path) -> None:
    fences = re.findall(r"^ *(?:```|~~~)", page.read_text("utf-8"), re.MULTILINE)
    assert len(fences) == 2 * len(list(blocks.blocks_of(page)))


@pytest.mark.parametrize("page", sorted(page for page, kind in RUN_HERE if kind == "sh"))
def test_every_line_is_one_that_is_typed_below(page: str) -> None:
    for block in blocks.of(page, "sh"):
        for line in typed(block):
            first = line.words[0].partition("=")[0]
            assert first in ("linkmw", "make", "pip", "python", "LINKMW_MODE", "LINKMW_WHEN_AWAY", "PYTHONPATH"), line


def test_what_is_run_elsewhere_is_taken_from_the_page_there() -> None:
    for (page, _), path in ELSEWHERE.items():
        assert Path(page).name in (ROOT / path).read_text("utf-8"), path
    of_clients = blocks.of("docs/standard-clients.md", "python")
    markers = re.findall(r"<!-- ([\w-]+):begin -->", (ROOT / "docs/standard-clients.md").read_text("utf-8"))
    runner = "".join(path.read_text("utf-8") for path in (ROOT / "tests/e2e").glob("standard_*.py"))
    assert len(markers) == len(of_clients)
    assert [marker for marker in markers if f'"{marker}"' not in runner] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_every_page_and_picture_that_is_linked_to_is_there(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", page.read_text("utf-8")):
        assert (page.parent / target).exists(), target


def test_the_readme_leads_to_every_page() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    assert [path.name for path in (ROOT / "docs").glob("*.md") if f"(docs/{path.name})" not in readme] == []


def test_every_test_that_is_named_as_showing_what_is_preserved_exists() -> None:
    page = (ROOT / "docs/what-is-preserved.md").read_text("utf-8")
    named = re.findall(r"`([\w/]+\.py)::(test_\w+)`", page)
    assert len(named) > 20
    for path, name in named:
        assert re.search(rf"def {name}\(", (ROOT / "tests" / path).read_text("utf-8")), name
    rows = [row for row in page.splitlines() if row.startswith("| ") and not row.startswith("| |")]
    assert [row for row in rows if "::test_" not in row] == []


# --- settings -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("block", blocks.of("docs/moving-over.md", "toml"), ids=str)
def test_p04_the_tables_on_the_page_are_settings(block: Block, tmp_path: Path) -> None:
    whole = block.text.replace('"..."', json.dumps("s" * 43))
    named = tomllib.loads(whole)
    basics = {"hub_url", "redis_url", "hosts"} & named.keys()
    file = tmp_path / "linkmw.toml"
    file.touch(mode=0o600)
    file.write_text(whole if basics else _complete(whole))
    settings = load({}, {"LINKMW_CONFIG": str(file)})
    assert settings.problems == ()
    if "hosts" in named:
        assert {host: own.on for host, own in settings.hosts} == dict.fromkeys(
            ("orders.globex.example", "orders.acme.example", "orders-acme.internal"), True
        )
    else:
        assert dict(settings.login_modes) == named["login_modes"]


def _complete(more: str) -> str:
    values = {name: f"https://{name.replace('_', '-')}.example" for name in ("hub_url", "public_url")}
    values |= {"organization_id": "acme", "client_id": "orders-1", "client_secret": "s" * 43}
    values |= {"redis_url": "redis://localhost:6379/0"}
    return "".join(f"{name} = {json.dumps(value)}\n" for name, value in values.items()) + more


def test_ops3_what_prometheus_is_told_names_our_routes_and_settings() -> None:
    (block,) = blocks.of("docs/metrics.md", "yaml")
    jobs = yaml.safe_load(block.text)["scrape_configs"]
    assert [job.get("metrics_path", "/metrics") for job in jobs] == ["/metrics", "/.linkmw/metrics"]
    for job in jobs:
        assert job.keys() <= {"job_name", "metrics_path", "authorization", "static_configs", "scheme"}
        assert job["authorization"].keys() == {"credentials_file"}
        assert all(config.keys() == {"targets"} for config in job["static_configs"])


def test_cf09_the_logging_on_the_page_writes_json() -> None:
    (block,) = blocks.of("docs/errors.md", "python")
    more = "import logging.config\nlogging.config.dictConfig(LOGGING)\nlogging.getLogger('linkmw').warning('seen')\n"
    done = subprocess.run([sys.executable, "-c", block.text + more], capture_output=True, text=True, check=True)
    assert json.loads(done.stderr)["message"] == "seen"


# --- code ---------------------------------------------------------------------------------------------


def test_the_first_lines_of_writing_an_adapter(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"application": lambda environ, start: [], "MyProduct": object}
    _, first, _ = blocks.of("docs/adapters.md", "python")  # the example before it: tests/adapters/test_outside_hooks.py
    exec(first.text, names)
    assert isinstance(names["application"], linkmw.wsgi.LinkMiddleware)


def test_an_adapter_of_ones_own_asks_whether_a_session_stands(redis_server: str) -> None:
    from linkmw.gate.guard import MARKER

    *_, block = blocks.of("docs/adapters.md", "python")
    values = {f"LINKMW_{name.upper()}": value for name, value in tomllib.loads(_complete("")).items()}
    settings = load({}, {**values, "LINKMW_REDIS_URL": redis_server, "LINKMW_CONFIG": "/nowhere"})
    gone, native = {MARKER: ["of-no-session", 4_000_000_000], "user": 1}, {"user": 1}
    for session in (gone, native):
        exec(block.text, {"settings": settings, "session": session})
    assert (gone, native) == ({}, {"user": 1})


def test_linkmw_run_hands_over_to_what_is_typed_behind_it(tmp_path: Path, registered: dict[str, str]) -> None:
    """The servers here are programs that say how they were called. What pip installs is this project's own folder."""
    for server in ("gunicorn", "uvicorn"):
        (tmp_path / server).write_text('#!/bin/sh\necho "$0 $*" "$LINKMW_RUN_PATH"\n')
        (tmp_path / server).chmod(0o755)
    (tmp_path / "serve.py").write_text("import os; print('serve.py', os.environ['LINKMW_RUN_PATH'])")
    bin_folder = Path(sys.executable).parent
    environ = child_environment({**registered, "PATH": f"{tmp_path}:{bin_folder}:/usr/bin:/bin"})
    lines = [line for block in blocks.of("docs/wrapping.md", "sh") for line in block.text.splitlines()]
    for line in (line.replace("/opt/linkmw", str(ROOT / "src")) for line in lines if "linkmw run -- " in line):
        done = subprocess.run(
            ["/bin/sh", "-c", line], cwd=tmp_path, env=environ, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        called, _, folder = done.stdout.strip().rpartition(" ")
        assert called.removeprefix(f"{tmp_path}/") == line.partition(" -- ")[2].removeprefix("python ")
        assert (Path(folder) / "linkmw").is_dir()


def test_wrap_finds_what_it_wraps(monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType("mysite.wsgi")
    module.application = application = Flask("mysite")  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "mysite", types.ModuleType("mysite"))
    monkeypatch.setitem(sys.modules, "mysite.wsgi", module)
    names: dict[str, Any] = {}
    exec(blocks.of("docs/wrapping.md", "python")[0].text, names)
    assert WsgiClient(names["application"]).get("/").status_code == WsgiClient(application).get("/").status_code == 404


PROGRAMS = {block.under: block for block in blocks.of("docs/quickstart.md", "python")}


@pytest.fixture
def registered(stage: Stage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, str]:
    """In the environment: what `linkmw hub product add` printed for a product of the stage."""
    lines = {
        name: value
        for name, value in stage.products["wiki"].environment().items()
        if name.startswith("LINKMW_") and name not in ("LINKMW_MODE", "LINKMW_REDIS_PREFIX")
    }
    monkeypatch.chdir(tmp_path)
    for name, value in lines.items():
        monkeypatch.setenv(name, value)
    return lines


def program(under: str) -> dict[str, Any]:
    """What the page's blocks below this heading define; those it goes on from come first."""
    names: dict[str, Any] = {"__name__": "orders"}
    page = (ROOT / "docs/quickstart.md").read_text("utf-8")
    first = re.search(rf"## {under}\n(?:(?!\n## ).)*?<!-- goes on from: ([^>]+) -->", page, re.DOTALL)
    wanted = {under, first[1]} if first else {under}
    for block in blocks.of("docs/quickstart.md", "python"):
        if block.under in wanted and not (block.under != under and "wrap(own" in block.text):
            exec(block.text, names)
    return names


@pytest.mark.usefixtures("registered")
@pytest.mark.parametrize("under", ["Flask", "Any WSGI application"])
def test_p02_a_program_of_the_quick_start_under_wsgi_has_the_button(under: str) -> None:
    names = program(under)
    application = names["app"].wsgi_app if under == "Flask" else names["application"]
    answer = WsgiClient(application).get("/login")
    assert BUTTON in answer.text
    assert 'name="password"' in answer.text


@pytest.mark.usefixtures("registered")
@pytest.mark.parametrize("under", ["Starlette", "Any ASGI application"])
def test_p02_a_program_of_the_quick_start_under_asgi_has_the_button(under: str) -> None:
    answer = TestClient(program(under)["app"]).get("/login")
    assert BUTTON in answer.text
    assert 'name="password"' in answer.text


def test_p02_the_django_project_of_the_quick_start_has_the_button(registered: dict[str, str]) -> None:
    asks = (
        "\nfrom django.core.management import call_command\nfrom django.test import Client\n"
        "call_command('migrate', verbosity=0)\nprint(Client().get('/admin/login/').content.decode())\n"
    )
    Path("orders.py").write_text(PROGRAMS["Django"].text + asks)
    done = subprocess.run(
        [sys.executable, "orders.py"], env=child_environment(registered), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert BUTTON in done.stdout
    assert 'name="password"' in done.stdout


def test_the_adapter_of_the_quick_start_keeps_its_promises() -> None:
    from linkmw.http import Request

    names = program("Any WSGI application")
    product: Product = names["MyProduct"]()
    nobody = Request("POST", "/login")
    assert product.verify_password(nobody, "ada", "wrong") is None
    assert product.verify_password(nobody, "nobody", "analytical") is None
    assert product.verify_password(nobody, "ada", "analytical") == Account("1", "ada", "ada@acme.example")
    ((_, cookie),) = product.start_session(nobody, "1", None)
    signed_in = Request("GET", "/", headers={"cookie": cookie.partition(";")[0]})
    assert product.current_account(signed_in) == Account("1", "ada", "ada@acme.example")
    product.end_session(signed_in)
    assert product.current_account(signed_in) is None


# --- commands -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Typed:
    """One line of a block. to: the file its output goes to, or ""."""

    words: tuple[str, ...]
    to: str = ""


def typed(block: Block) -> Iterator[Typed]:
    for line in block.text.replace("\\\n", "").splitlines():
        if words := shlex.split(line, comments=True):
            command, _, to = "\0".join(words).partition("\0>\0")
            yield Typed(tuple(command.split("\0")), to)


@dataclass
class Office:
    """A hub of its own in a folder, with the tenant acme of the real Keycloak and one product. instead: of what stands
    on the pages, what there is here."""

    folder: Path
    instead: dict[str, str] = field(default_factory=dict)

    def __call__(self, *words: str, answers: str = "y\n") -> Result:
        return CliRunner().invoke(main, words, input=answers)

    def types(self, block: Block) -> Iterator[tuple[str, Result]]:
        """The lines of `linkmw`, run."""
        for line in typed(block):
            if line.words[0] == "linkmw":
                words = [self._here(word) for word in line.words[1:]]
                done = self(*words)
                if line.to:
                    Path(line.to).write_text(done.stdout)
                yield " ".join(words), done

    def _here(self, word: str) -> str:
        for there, here in self.instead.items():
            word = word.replace(there, here)
        return word

    def stores(self) -> SqlStores:
        settings = tomllib.loads(Path("linkmw-hub.toml").read_text())
        return SqlStores.open("sqlite:///linkmw-hub.db", settings["key"])


@pytest.fixture
def office(
    stage: Stage, redis_server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, new_postgresql: Callable[[], str]
) -> Office:
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("LINKMW_")]:
        monkeypatch.delenv(name)
    (tmp_path / "acme.secret").write_text(str(stage.hub.keycloak_secret))
    (tmp_path / "secrets").mkdir()
    found = Office(tmp_path)
    keycloak = stage.keycloak
    made = found(
        "hub", "init", "--public-url", "https://hub.acme.example", "--redis-url", redis_server,
        "--smtp-url", stage.smtp.url, "--mail-from", "id@acme.example",
        "--tenant", "acme", "--brand", "ACME ID", "--issuer", keycloak.issuer, "--internal-issuer",
        keycloak.internal_issuer_of("acme"), "--keycloak-client-id", "linkmw-hub",
        "--keycloak-client-secret-file", "acme.secret",
    )  # fmt: skip
    assert made.exit_code == 0, made.output
    added = found("hub", "product", "add", "--tenant", "acme", "--name", "Desk", "--url", "https://desk.example.com")
    (client,) = re.findall(r"^client id +(\S+)$", added.stdout, re.MULTILINE)
    used("a client secret", *re.findall(r"^client secret +(\S+)$", added.stdout, re.MULTILINE))
    found.instead = {"CLIENT_ID": client, "postgresql://hub@db/hub": new_postgresql(), "ada@acme.example": "subject-1"}
    return found


def _linked(office: Office, client_id: str, issuer: str) -> None:
    """Two accounts of one identity, under the ids that the page names."""
    identity = Identity(issuer, "subject-1")
    stores = office.stores()
    with stores.database.engine.begin() as connection:
        for number in (4711, 4712):
            connection.exec_driver_sql(
                "INSERT INTO links (link_id, client_id, account_id, username, email, issuer, subject, identity_email,"
                " flow_hash, unlink_token_hash, proof, amr, created, position, language)"
                f" VALUES ({number}, '{client_id}', 'account-{number}', 'ada.{number}', '', '{identity.issuer}',"
                f" '{identity.subject}', '', 'f{number}', 't{number}', 'form', '', 1, {number}, 'en')"
            )
    stores.close()


# Exit codes that are none of a failure, with why.
OTHERWISE = {
    ("docs/operating.md", "hub apply hub.toml --dry-run"): 10,  # something would change
    # The identity is nobody at this Keycloak, and no product says who is staff: rows and links are left alone (PR27).
    ("docs/operating.md", "hub links import links.csv --dry-run"): 1,
    ("docs/operating.md", "hub links import links.csv"): 1,
    ("docs/operating.md", "hub links unlink 4711 4712"): 1,
    ("docs/audit.md", "hub audit tail --follow --tenant acme"): 1,  # until Ctrl-C
}


@pytest.mark.parametrize("page", AT_A_HUB)
def test_ops04_ops05_every_command_of_the_page_does_what_it_says(
    page: str, office: Office, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    if page == "docs/audit.md":
        monkeypatch.setattr(time, "sleep", _enough)
    Path("links.csv").write_text("client_id,account_id,sub\n")
    Path("audit.jsonl").write_text("")
    if page == "docs/operating.md":
        (declared,) = blocks.of(page, "toml")
        text = declared.text.replace("https://sso.acme.example/realms/acme", stage.keycloak.issuer)
        Path("hub.toml").write_text(text.replace('keycloak_client_id = "linkmw"', 'keycloak_client_id = "linkmw-hub"'))
    said = {}
    for block in blocks.of(page, "sh"):
        if "links find" in block.text:
            _linked(office, "orders", stage.keycloak.issuer)
        if "keys retire" in block.text:
            keys = office.stores()
            office.instead["KEY"] = next(key.kid for key in keys.admin.signing_keys() if key.algorithm == "RS256")
            keys.close()
        said |= dict(office.types(block))
    codes = {line: done.exit_code for line, done in said.items()}
    assert codes == {line: OTHERWISE.get((page, line), 0) for line in said}, [done.output for done in said.values()]
    if page == "docs/operating.md":
        assert {row.split(",")[0] for row in Path("links.csv").read_text().splitlines()} >= {"orders"}
        assert Path("links.csv.rejects.csv").read_text().count("Keycloak knows no such identity") == 2
        assert "is staff" in said["hub links unlink 4711 4712"].output
        assert len(json.loads(Path("ada.json").read_text())["links"]) == 2
        assert "2  links removed" in said["hub identity erase subject-1"].output


def _enough(_seconds: float) -> None:
    raise KeyboardInterrupt  # as somebody ends `tail --follow`


def test_ops07_the_line_on_the_page_of_keycloak(office: Office, keycloak: Keycloak) -> None:
    (block,) = blocks.of("docs/keycloak.md", "sh")
    Path("secret.txt").write_text(Path("acme.secret").read_text())
    Path("admin.txt").write_text(keycloak.admin_password)
    (line,) = typed(block)
    words = [word.replace("https://sso.acme.example/realms/acme", keycloak.issuer) for word in line.words[1:]]
    more = ("--internal-issuer", keycloak.internal_issuer_of("acme"), "--admin-password-file", "admin.txt", "--dry-run")
    done = office(*words, *more)
    assert (done.exit_code, done.output.splitlines()[-1]) == (0, "Nothing was changed."), done.output
    assert "redirectUris" in done.output  # of the hub that the tests share


@pytest.mark.parametrize("page", ["README.md", "docs/quickstart.md"])
def test_ops04_a_product_is_registered_as_the_page_says(page: str, office: Office) -> None:
    lines = [line for block in blocks.of(page, "sh") for line in typed(block) if line.words[1:3] == ("hub", "product")]
    (line,) = lines
    done = office(*line.words[1:])
    used("a client secret", *re.findall(r"^client secret +(\S+)$", done.stdout, re.MULTILINE))
    assert (done.exit_code, "LINKMW_CLIENT_SECRET=" in done.stdout) == (0, True)


def test_every_make_on_these_pages_is_a_target_and_every_extra_exists() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    for page in ("README.md", "CONTRIBUTING.md"):
        for block in blocks.of(page, "sh"):
            for line in typed(block):
                assert line.words[0] in ("make", "linkmw", "pip")
                assert line.words[0] != "make" or line.words[1] in targets
    text = "".join(path.read_text("utf-8") for path in PAGES)
    extras = set(re.findall(r"pip install '?linkmw\[([\w,]+)\]", text))
    assert extras <= project["optional-dependencies"].keys()


def test_p03_the_lines_for_a_products_environment_are_settings() -> None:
    lines = [line.words for block in blocks.of("docs/moving-over.md", "sh") for line in typed(block)]
    given = dict(word.split("=", 1) for (word,) in (words for words in lines if words[0].startswith("LINKMW_")))
    values = {f"LINKMW_{name.upper()}": value for name, value in tomllib.loads(_complete("")).items()}
    settings = load({}, {**values, **given, "LINKMW_CONFIG": "/nowhere"})
    assert (settings.problems, settings.mode, settings.when_away) == ((), "replace", "native")


def test_dis01_dis07_the_commands_of_switching(stage: Stage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    product = stage.products["orders-wsgi"]
    known = product.environment()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LINKMW_HUB_INTERNAL_URL", stage.hub.internal_url)
    secret = tmp_path / "linkmw-secret"
    secret.write_text(known["LINKMW_CLIENT_SECRET"])
    answers = "".join(f"{known[f'LINKMW_{name.upper()}']}\n" for name in REQUIRED)
    instead = {
        "/run/secrets/linkmw": str(secret),
        "orders-1": known["LINKMW_CLIENT_ID"],
        "https://id.acme.example": stage.hub.url,
        "redis://localhost:6379/0": known["LINKMW_REDIS_URL"],
    }
    said = []
    for block in blocks.of("docs/switching.md", "sh"):
        for line in typed(block):
            words = list(line.words)
            for there, here in instead.items():
                words = [word.replace(there, here) for word in words]
            if words[0] == "linkmw":
                done = CliRunner().invoke(main, words[1:], input=answers)
                assert done.exit_code == 0, done.output
                said.append(done.stdout.splitlines()[0])
    assert said == ["Federated sign-in is enabled.", "Federated sign-in is enabled.", "Federated sign-in is disabled."]


def test_dis07_the_project_mails_who_has_no_password_as_the_page_says(stage: Stage, tmp_path: Path) -> None:
    product, mailbox = stage.products["orders-wsgi"], Mailbox()
    smtp = SmtpServer(mailbox, free_port())
    smtp.start()
    lines = [line.words for block in blocks.of("docs/switching.md", "sh") for line in typed(block)]
    environment = {
        **product.environment(),
        "DJANGO_SETTINGS_MODULE": "linkmw.demo.products.orders.settings",
        "DEMO_DATABASE": str(product.database),
        "DEMO_SMTP": f"127.0.0.1:{smtp.port}",
    }
    try:
        for words in (words for words in lines if words[:2] == ("python", "manage.py")):
            done = subprocess.run(
                [sys.executable, "-m", "django", *words[2:]],
                env=child_environment(environment), cwd=tmp_path, capture_output=True, text=True, check=False,
            )  # fmt: skip
            assert done.returncode == 0, done.stdout + done.stderr
        mail = mailbox.wait_for(lambda message: message.to == "ada@acme.example", 10)
    finally:
        smtp.stop()
    assert product.url in mail.text
