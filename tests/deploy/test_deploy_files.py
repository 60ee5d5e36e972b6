"""The files under deploy/ name what there is: settings, commands, routes, extras; and give nothing more than needed."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import stat
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from redis.exceptions import RedisError
from tests.stores.clusters import ask
from tests.stores.servers import free_port, server_program, until

from linkmw.cli import main
from linkmw.demo.parts.keycloak_install import VERSION as KEYCLOAK
from linkmw.hub.app import ROUTES
from linkmw.hub.settings import HubSettings, load_hub
from linkmw.setting_sources import names_of
from linkmw.settings import Settings
from linkmw.signed import Seal
from linkmw.stores.redis import connect

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
PAGE = ROOT / "docs" / "deploying.md"
FILES = [path for path in sorted(DEPLOY.rglob("*")) if path.is_file()]
SETTINGS = {*names_of(HubSettings).values(), *names_of(Settings).values(), "LINKMW_CONFIG", "LINKMW_HUB_CONFIG"}
SECRETS = {"LINKMW_HUB_KEY", "LINKMW_HUB_DATABASE_URL", "LINKMW_HUB_REDIS_URL", "LINKMW_HUB_SMTP_URL"}
NO_SYSTEM = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def manifests() -> list[dict[str, Any]]:
    found = [yaml.safe_load_all(path.read_text()) for path in sorted((DEPLOY / "kubernetes").glob("*.yaml"))]
    return [document for documents in found for document in documents]


def manifest(kind: str) -> dict[str, Any]:
    [found] = [one for one in manifests() if one["kind"] == kind]
    return found


def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((DEPLOY / "compose" / "compose.yaml").read_text())
    return loaded


def pods() -> Iterator[dict[str, Any]]:
    for one in manifests():
        if one["kind"] in ("Deployment", "Job"):
            yield one["spec"]["template"]["spec"]


def containers() -> list[dict[str, Any]]:
    return [one for pod in pods() for one in (*pod.get("initContainers", ()), *pod["containers"])]


# --- they name what there is -------------------------------------------------------------------------


@pytest.mark.parametrize("path", [*FILES, PAGE], ids=name)
def test_every_variable_is_a_setting_that_exists(path: Path) -> None:
    for found in re.findall(r"\bLINKMW_[A-Z_]+[A-Z]\b", path.read_text()):
        assert found in SETTINGS or found.removesuffix("_FILE") in SETTINGS, found


def commands() -> Iterator[tuple[str, list[str]]]:
    """Every command of linkmw in these files: where it stands, and its words."""
    for service in compose()["services"].values():
        if service.get("command", [""])[0] == "hub":
            yield "compose.yaml", service["command"]
    for container in containers():
        yield "kubernetes", container["args"]
    [started] = re.findall(r"^ExecStart=/opt/linkmw/bin/linkmw (.*)$", unit(), re.MULTILINE)
    yield "systemd", shlex.split(started)
    [default] = re.findall(r"^CMD (\[.*\])$", containerfile(), re.MULTILINE)
    yield "Containerfile", json.loads(default)
    for line in re.findall(r"\blinkmw (hub [^`\n\\|&]*|keycloak [^`\n\\|&]*)", PAGE.read_text()):
        yield "deploying.md", shlex.split(line.partition("#")[0])


def test_every_command_and_each_of_its_options_exists() -> None:
    found = list(commands())
    assert {where for where, _ in found} == {"compose.yaml", "kubernetes", "systemd", "Containerfile", "deploying.md"}
    for where, words in found:
        command: Any = main
        rest = list(words)
        while isinstance(command, click.Group) and rest:
            assert rest[0] in command.commands, (where, words)
            command = command.commands[rest.pop(0)]
        known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
        assert {word for word in rest if word.startswith("--")} <= {*known, "--help"}, (where, words)


def test_ops03_the_probes_ask_for_routes_that_exist() -> None:
    known = {route.path for route in ROUTES if route.method == "GET"}
    [hub] = manifest("Deployment")["spec"]["template"]["spec"]["containers"]
    probes = {what: hub[what]["httpGet"] for what in ("startupProbe", "livenessProbe", "readinessProbe")}
    assert {what: probe["path"] for what, probe in probes.items()} == {
        "startupProbe": "/healthz",
        "livenessProbe": "/healthz",
        "readinessProbe": "/readyz",
    }
    assert {probe["path"] for probe in probes.values()} <= known
    assert {probe["port"] for probe in probes.values()} == {port["name"] for port in hub["ports"]}
    assert "http://127.0.0.1:8080/healthz" in containerfile()


def containerfile() -> str:
    return (DEPLOY / "Containerfile").read_text().replace("\\\n", " ")


def unit() -> str:
    return (DEPLOY / "systemd" / "linkmw-hub.service").read_text()


# --- they give nothing more than needed --------------------------------------------------------------


def test_the_image_is_built_apart_from_what_runs_and_runs_as_nobody() -> None:
    _, build, runs = re.split(r"^FROM ", containerfile(), flags=re.MULTILINE)
    assert " AS build" in build
    assert re.search(r"^USER (\d+):\1$", runs, re.MULTILINE)
    assert not re.search(r"^(ENV|ARG) .*(KEY|SECRET|PASSWORD|_URL)", runs, re.MULTILINE)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = set(re.findall(r"--extra (\w+)", build))
    assert {"hub", "postgres"} <= extras <= set(project["optional-dependencies"])
    copied = {word for line in re.findall(r"^COPY (?!--from)(.*)$", build, re.MULTILINE) for word in line.split()[:-1]}
    kept = {line[1:] for line in (ROOT / ".containerignore").read_text().splitlines() if line.startswith("!")}
    assert copied == kept
    assert all((ROOT / one).exists() for one in copied)
    assert (ROOT / ".containerignore").read_text() == (ROOT / ".dockerignore").read_text()


def test_cf05_no_secret_is_in_an_environment_and_each_is_a_file_that_is_mounted() -> None:
    example = manifest("Secret")["stringData"]
    for container in containers():
        [mounted] = [one["mountPath"] for one in container["volumeMounts"] if one["readOnly"]]
        files = {one["name"].removesuffix("_FILE"): one["value"] for one in container["env"]}
        assert {"LINKMW_HUB_KEY", "LINKMW_HUB_DATABASE_URL", "LINKMW_HUB_REDIS_URL"} <= files.keys() <= SECRETS
        assert {path.removeprefix(f"{mounted}/") for path in files.values()} <= example.keys()
    assert not SECRETS & manifest("ConfigMap")["data"].keys()
    hub = compose()["services"]["hub"]
    files = {name: path for name, path in hub["environment"].items() if name.endswith("_FILE")}
    assert {path.removeprefix("/run/secrets/") for path in files.values()} == set(hub["secrets"])
    assert not SECRETS & hub["environment"].keys()
    for named, credential in re.findall(r"^Environment=(\w+)_FILE=%d/([\w-]+)$", unit(), re.MULTILINE):
        assert named in SECRETS
        assert f"LoadCredential={credential}:" in unit()
    assert len(re.findall(r"^LoadCredential=", unit(), re.MULTILINE)) == len(SECRETS)


def test_every_container_runs_as_nobody_on_a_read_only_root() -> None:
    assert containers()
    for container in containers():
        assert container["securityContext"] == NO_SYSTEM
    for pod in pods():
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert f"USER {pod['securityContext']['runAsUser']}:" in containerfile()
        assert pod["automountServiceAccountToken"] is False
    for key in ("hub", "hub-init"):
        service = compose()["services"][key]
        assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
    assert all(line in unit() for line in ("DynamicUser=yes", "ProtectSystem=strict", "NoNewPrivileges=yes"))


def test_two_replicas_of_which_one_stays_and_each_has_time_to_finish() -> None:
    from linkmw.cli.serving import STOP_SECONDS

    deployment, budget, service = (manifest(kind) for kind in ("Deployment", "PodDisruptionBudget", "Service"))
    spec = deployment["spec"]
    labels = spec["template"]["metadata"]["labels"]
    assert spec["replicas"] >= 2 > budget["spec"]["minAvailable"] >= 1
    assert spec["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    assert labels == spec["selector"]["matchLabels"]
    assert labels == budget["spec"]["selector"]["matchLabels"] == service["spec"]["selector"]
    assert spec["template"]["spec"]["terminationGracePeriodSeconds"] > STOP_SECONDS + 3
    assert compose()["services"]["hub"]["stop_grace_period"] == f"{STOP_SECONDS + 5}s"
    assert f"TimeoutStopSec={STOP_SECONDS + 5}" in unit()


def test_df04_the_schema_is_brought_up_by_a_job_and_no_hub_starts_before() -> None:
    jobs = [one["spec"]["template"]["spec"]["containers"][0]["args"] for one in manifests() if one["kind"] == "Job"]
    assert sorted(jobs) == [["hub", "db", "upgrade"], ["hub", "init"]]
    [waits] = manifest("Deployment")["spec"]["template"]["spec"]["initContainers"]
    assert waits["args"] == ["hub", "db", "current"]
    hub = compose()["services"]["hub"]
    assert hub["depends_on"]["hub-init"] == {"condition": "service_completed_successfully"}


def test_compose_has_every_part_of_a_version_that_is_good_enough() -> None:
    services = compose()["services"]
    assert services.keys() == {"hub", "hub-init", "redis", "postgres", "keycloak"}
    assert services["keycloak"]["image"].endswith(f":{KEYCLOAK}")
    for service in services.values():
        assert ":" in service["image"]
        assert not service["image"].endswith(":latest")
        for published in service.get("ports", ()):
            assert published.startswith("127.0.0.1:")
        assert set(service.get("secrets", ())) <= compose()["secrets"].keys()


def test_rf05_what_the_script_makes_is_a_hub_that_can_start_and_a_redis_that_evicts_nothing(tmp_path: Path) -> None:
    shutil.copy(DEPLOY / "compose" / "secrets.sh", tmp_path)
    printed = [subprocess.check_output([tmp_path / "secrets.sh"], text=True) for _ in range(2)]
    assert printed[0] == printed[1]  # what is there stays
    folder = tmp_path / "secrets"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700  # the files in it are read by the containers' own users
    hub = compose()["services"]["hub"]
    environment = {
        name: str(folder / value.removeprefix("/run/secrets/")) if name.endswith("_FILE") else value
        for name, value in hub["environment"].items()
    }
    assert {Path(one["file"]).name for one in compose()["secrets"].values()} <= {one.name for one in folder.iterdir()}
    settings = load_hub({**environment, "LINKMW_HUB_PUBLIC_URL": "https://hub.acme.example",
                         "LINKMW_HUB_MAIL_FROM": "id@acme.example", "LINKMW_HUB_TRUSTED_PROXIES": ""})  # fmt: skip
    Seal.read(settings.key)
    connect(settings.redis_url)
    password = (folder / "redis_password").read_text()
    port = free_port()
    with subprocess.Popen([server_program(), folder / "redis.conf", "--port", str(port), "--dir", tmp_path],
                          stdout=subprocess.DEVNULL) as server:  # fmt: skip
        try:
            said = until(lambda: _policy(port, password))
        finally:
            server.terminate()
    assert said == "noeviction"


def _policy(port: int, password: str) -> str:
    try:
        return str(ask(port, "INFO", "memory", password=password)["maxmemory_policy"])
    except RedisError:
        return ""


@pytest.mark.parametrize("path", [path for path in FILES if path.suffix == ".sh"], ids=name)
def test_every_script_can_be_read_by_sh(path: Path) -> None:
    subprocess.run(["sh", "-n", path], check=True)


def test_the_page_names_every_file(tmp_path: Path) -> None:
    page = PAGE.read_text()
    missing = [one.name for one in FILES if one.name not in page]
    assert missing == []
