"""Keycloak on this machine: found or fetched, built and set up once, kept in the cache.

`kc.sh build` and the first start, which makes some hundred tables, take half a minute and do not depend on the run.
So their result is kept: the built tree, and in it the database as that first start left it. A start from there takes
7 to 10 s on an idle machine.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import shutil
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from linkmw.demo.parts import cache, java
from linkmw.demo.parts.answering import status
from linkmw.demo.parts.processes import PartFailed, Process, Processes, free_port
from linkmw.demo.parts.progress import Say, steps

VERSION = "26.7.3"  # the floor: older ones have holes through which accounts were taken over (docs/security.md)
START_SECONDS = 240
_SHA256 = "27a6535553c3cdcd083872ba40629efafb3475e3b758e0c6f691395561dd0f1f"
_BUILD = ("--db=dev-file", "--health-enabled=true")
_BUILD_SECONDS = 300
_KEPT = "1"  # raised when what is kept in the tree changes
# Compiled once and quickly is right for a server that lives for minutes: it starts in three quarters of the time.
_JVM = "-XX:TieredStopAtLevel=1"


@dataclass(frozen=True, slots=True)
class Installation:
    """A built Keycloak. tree: never written to. runtime: the `java` it runs with."""

    tree: Path
    runtime: Path

    @property
    def admin_password(self) -> str:
        """Of `admin` in the realm `master` of the prepared database."""
        return (self.tree / "admin-password").read_text("utf-8")

    def prepare_home(self, home: Path) -> None:
        """`home` can be started: links to the tree, and a `data` folder of its own, which stays if it is there."""
        (home / "data").mkdir(parents=True, exist_ok=True)
        for name in ("lib", "providers", "themes", "conf"):
            link = home / name
            link.unlink(missing_ok=True)
            link.symlink_to(self.tree / name, target_is_directory=True)
        if (self.tree / "h2").is_dir() and not (home / "data" / "h2").exists():
            shutil.copytree(self.tree / "h2", home / "data" / "h2")

    def start(
        self, processes: Processes, home: Path, log: Path, *, port: int, health_port: int, url: str, admin_password: str
    ) -> Process:
        """Started in `home`, importing what realms are in its data folder. url: what tokens and browsers say."""
        options = [
            "--optimized",
            "--import-realm",
            "--cache=local",
            "--http-enabled=true",
            "--http-host=127.0.0.1",
            f"--http-port={port}",
            "--http-management-host=127.0.0.1",
            f"--http-management-port={health_port}",
            f"--hostname={url}",
            "--hostname-backchannel-dynamic=true",
        ]
        return processes.start(
            "keycloak",
            [self.tree / "bin" / "kc.sh", f"-Dkc.home.dir={home}", "start", *options],
            log=log,
            env={
                **self.environment(),
                "KC_BOOTSTRAP_ADMIN_USERNAME": "admin",
                "KC_BOOTSTRAP_ADMIN_PASSWORD": admin_password,
            },
        )

    def environment(self) -> dict[str, str]:
        return {"JAVA": str(self.runtime), "JAVA_OPTS_APPEND": _JVM}


def is_ready(health_port: int) -> bool:
    """Has the server with this management port finished starting?"""
    return status(f"http://127.0.0.1:{health_port}/health/ready") == 200


def find(processes: Processes, logs: Path, say: Say) -> Installation:
    """A Keycloak ready to be started, from the cache or made now. Raises PartFailed, Stopping."""
    runtime = java.find()
    home = os.environ.get("KC_HOME", "")
    version = version_of(Path(home)) if home else VERSION
    kept = hashlib.sha256(" ".join((*_BUILD, _KEPT)).encode()).hexdigest()[:8]

    def make(target: Path) -> None:
        if home:
            say(f"copying {version}")
            shutil.copytree(home, target, dirs_exist_ok=True, symlinks=True, ignore=shutil.ignore_patterns("data"))
        else:
            archive = fetched_zip(processes, say)
            say("unpacking")
            unpack(archive, target)
        installation = Installation(target, runtime)
        _build(installation, processes, logs, say)
        _prepare_database(installation, processes, logs, say)

    return Installation(cache.tree(f"keycloak-{version}-{kept}", make), runtime)


def _build(installation: Installation, processes: Processes, logs: Path, say: Say) -> None:
    say("building, once (about 20 s)")
    processes.run(
        "kc.sh build",
        [installation.tree / "bin" / "kc.sh", "build", *_BUILD],
        log=logs / "keycloak-build.log",
        seconds=_BUILD_SECONDS,
        env=installation.environment(),
    )


def _prepare_database(installation: Installation, processes: Processes, logs: Path, say: Say) -> None:
    say("making its database, once (about 15 s)")
    tree, password, health_port = installation.tree, secrets.token_urlsafe(32), free_port()
    home = tree / "first"
    installation.prepare_home(home)
    process = installation.start(
        processes,
        home,
        logs / "keycloak-first.log",
        port=free_port(),
        health_port=health_port,
        url="http://keycloak.localhost",
        admin_password=password,
    )
    processes.wait(lambda: is_ready(health_port), what="Keycloak", seconds=START_SECONDS, process=process)
    process.stop()
    (home / "data" / "h2").rename(tree / "h2")
    shutil.rmtree(home)
    secret = tree / "admin-password"
    secret.touch(mode=0o600)
    secret.write_text(password, "utf-8")


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
