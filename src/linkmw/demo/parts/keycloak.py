"""A real Keycloak: found or fetched, built once into the cache, started with a data folder of its own.

`kc.sh build` takes some 20 s and its result does not depend on the run, so the built tree is kept; a start from it
takes 8 to 15 s. A run's own home holds links to that tree and its own `data`.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2

from linkmw.demo.parts import cache, java
from linkmw.demo.parts.processes import PartFailed, Process, Processes
from linkmw.demo.parts.progress import Say, silent, steps
from linkmw.demo.parts.realm import REALM

VERSION = "26.7.3"  # the floor: older ones have holes through which accounts were taken over (docs/security.md)
_SHA256 = "27a6535553c3cdcd083872ba40629efafb3475e3b758e0c6f691395561dd0f1f"
_BUILD = ("--db=dev-file", "--health-enabled=true")
_BUILD_SECONDS = 300
_START_SECONDS = 240
# Compiled once and quickly is right for a server that lives for minutes: it starts in three quarters of the time.
_JVM = "-XX:TieredStopAtLevel=1"


class Keycloak:
    """One server with one realm. `start` and `stop` may alternate; its data stays until the folder goes.

    url: what browsers and tokens say. internal_url: how Python reaches it, which need not resolve *.localhost.
    """

    def __init__(
        self,
        processes: Processes,
        folder: Path,
        realm: Mapping[str, Any],
        *,
        port: int,
        health_port: int,
        admin_password: str,
    ) -> None:
        self.process: Process | None = None
        self.admin_password = admin_password
        self._processes = processes
        self._folder = folder
        self._realm = realm
        self._port = port
        self._health_port = health_port

    @property
    def url(self) -> str:
        return f"http://keycloak.localhost:{self._port}"

    @property
    def internal_url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def issuer(self) -> str:
        return f"{self.url}/realms/{REALM}"

    @property
    def internal_issuer(self) -> str:
        return f"{self.internal_url}/realms/{REALM}"

    def start(self, say: Say = silent) -> None:
        """The realm answers. Raises PartFailed, Stopping."""
        runtime = java.find()
        built = built_tree(self._processes, runtime, self._folder, say)
        home = self._home(built)
        say("starting")
        self.process = self._processes.start(
            "keycloak", self._command(built, home), log=self._folder / "keycloak.log", env=self._environment(runtime)
        )
        self._processes.wait(self.answers, what="Keycloak's realm", seconds=_START_SECONDS, process=self.process)
        say("ready")

    def stop(self) -> None:
        if self.process:
            self.process.stop()

    def answers(self) -> bool:
        """Is the server ready, and the realm there?"""
        health = f"http://127.0.0.1:{self._health_port}/health/ready"
        return _ok(health) and _ok(f"{self.internal_issuer}/.well-known/openid-configuration")

    def _home(self, built: Path) -> Path:
        home = self._folder / "home"
        imports = home / "data" / "import"
        imports.mkdir(parents=True, exist_ok=True)
        for name in ("lib", "providers", "themes", "conf"):
            link = home / name
            link.unlink(missing_ok=True)
            link.symlink_to(built / name, target_is_directory=True)
        path = imports / f"{REALM}-realm.json"
        path.touch(mode=0o600)
        path.write_text(json.dumps(self._realm), "utf-8")
        return home

    def _command(self, built: Path, home: Path) -> list[str | Path]:
        return [
            built / "bin" / "kc.sh",
            f"-Dkc.home.dir={home}",
            "start",
            "--optimized",
            "--import-realm",
            "--cache=local",
            "--http-enabled=true",
            "--http-host=127.0.0.1",
            f"--http-port={self._port}",
            "--http-management-host=127.0.0.1",
            f"--http-management-port={self._health_port}",
            f"--hostname={self.url}",
            "--hostname-backchannel-dynamic=true",
        ]

    def _environment(self, runtime: Path) -> dict[str, str]:
        return {
            **_java_environment(runtime),
            "KC_BOOTSTRAP_ADMIN_USERNAME": "admin",
            "KC_BOOTSTRAP_ADMIN_PASSWORD": self.admin_password,
        }


def built_tree(processes: Processes, runtime: Path, logs: Path, say: Say) -> Path:
    """An installation on which `kc.sh build` has been run, from the cache or made now. Never KC_HOME itself.

    Raises PartFailed, Stopping.
    """
    home = os.environ.get("KC_HOME", "")
    version = version_of(Path(home)) if home else VERSION
    options = hashlib.sha256(" ".join(_BUILD).encode()).hexdigest()[:8]

    def make(target: Path) -> None:
        if home:
            say(f"copying {version}")
            shutil.copytree(home, target, dirs_exist_ok=True, symlinks=True, ignore=shutil.ignore_patterns("data"))
        else:
            archive = fetched_zip(processes, say)
            say("unpacking")
            unpack(archive, target)
        say("building, once (about 20 s)")
        processes.run(
            "kc.sh build",
            [target / "bin" / "kc.sh", "build", *_BUILD],
            log=logs / "keycloak-build.log",
            seconds=_BUILD_SECONDS,
            env=_java_environment(runtime),
        )

    return cache.tree(f"keycloak-{version}-{options}", make)


def version_of(home: Path) -> str:
    """What the installation's `version.txt` says. Raises PartFailed when it says nothing, or too old a version."""
    try:
        text = (home / "version.txt").read_text("utf-8")
    except OSError as error:
        raise PartFailed(f"KC_HOME is no Keycloak: version.txt cannot be read ({error.strerror})") from None
    found = re.search(r"\d+\.\d+\.\d+", text)
    version = found[0] if found else "0"
    if [int(part) for part in version.split(".")] < [int(part) for part in VERSION.split(".")]:
        raise PartFailed(f"KC_HOME holds Keycloak {version}; linkmw needs {VERSION} or newer")
    return version


def fetched_zip(processes: Processes, say: Say) -> Path:
    """Keycloak's distribution, from the cache or by its Maven coordinates. Raises PartFailed, Stopping."""
    return cache.file(f"keycloak-{VERSION}.zip", _SHA256, lambda scratch: _download(processes, scratch, say))


def _download(processes: Processes, scratch: Path, say: Say) -> Path:
    try:
        from jgo.maven import MavenContext, PythonResolver
    except ImportError:
        raise PartFailed("Keycloak is fetched with jgo: pip install 'linkmw[demo]', or set KC_HOME") from None

    @contextmanager
    def progress(_: str, total: int) -> Iterator[Callable[[int], None]]:
        count = steps(say, f"downloading {total // 2**20} MiB:", total)

        def update(amount: int) -> None:
            processes.go_on()
            count(amount)

        yield update

    say("downloading")
    # jgo writes under the final name and only logs a wrong checksum: hence the scratch folder, and our own check.
    context = MavenContext(resolver=PythonResolver(progress_callback=progress), repo_cache=scratch, timeout=60)
    component = context.project("org.keycloak", "keycloak-quarkus-dist").at_version(VERSION)
    try:
        return Path(component.artifact(packaging="zip").resolve())
    except (OSError, RuntimeError) as error:  # requests' errors are OSErrors
        raise PartFailed(f"Keycloak {VERSION} cannot be downloaded: {error}") from error


def unpack(archive: Path, target: Path) -> None:
    """The archive's one top folder, unpacked as `target`, executables still executable (zipfile forgets that)."""
    with zipfile.ZipFile(archive) as zipped:
        for member in zipped.infolist():
            inside = member.filename.partition("/")[2]
            if not inside or member.is_dir():
                continue
            path = target / inside
            path.parent.mkdir(parents=True, exist_ok=True)
            with zipped.open(member) as source, path.open("wb") as file:
                shutil.copyfileobj(source, file)
            path.chmod((member.external_attr >> 16) & 0o777 or 0o644)


def _java_environment(runtime: Path) -> dict[str, str]:
    return {"JAVA": str(runtime), "JAVA_OPTS_APPEND": _JVM}


def _ok(url: str) -> bool:
    try:
        return httpx2.get(url, timeout=5).status_code == 200
    except httpx2.HTTPError:
        return False
