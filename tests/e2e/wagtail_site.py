"""A stock Wagtail site: installed from its package, made by `wagtail start`, given only the README's settings."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from linkmw.demo.parts.answering import status
from linkmw.demo.parts.processes import Processes, child_environment, free_port

ROOT = Path(__file__).resolve().parents[2]
EDITOR = ("edith", "Ed1th-writes-pages", "edith@acme.example")

_PEOPLE = """
from django.contrib.auth.models import Group, User
User.objects.create_superuser("admin", "admin@acme.example", "Adm1n-pass-phrase")
editor = User.objects.create_user({0!r}, {2!r}, {1!r})
editor.groups.add(Group.objects.get(name="Editors"))
"""


def readme_settings() -> str:
    """The lines that the README says to add: the test runs on exactly those."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    found = re.search(r"<!-- wagtail:begin -->\n```python\n(.*?)```", text, re.DOTALL)
    assert found
    return found.group(1)


def _run(*command: str | Path, cwd: Path | None = None, given: str | None = None) -> None:
    words, env = [str(part) for part in command], child_environment({})
    done = subprocess.run(words, cwd=cwd, input=given, env=env, capture_output=True, text=True)
    assert done.returncode == 0, f"{command}: {done.stdout[-2000:]}{done.stderr[-4000:]}"


def install(folder: Path) -> Path:
    """A virtual environment with Wagtail, gunicorn and linkmw's own wheel; the Python of it."""
    python = folder / "bin" / "python"
    if shutil.which("uv"):
        _run("uv", "venv", "--quiet", "--python", sys.executable, folder)
        pip: list[str | Path] = ["uv", "pip", "install", "--quiet", "--python", python]
    else:
        _run(sys.executable, "-m", "venv", folder)
        pip = [python, "-m", "pip", "install", "--quiet"]
    _run(*pip, "wagtail", "gunicorn", f"linkmw[django] @ {ROOT.as_uri()}")
    return python


def create(python: Path, folder: Path) -> Path:
    """`wagtail start`, an editor, the README's lines at the end of base.py, nothing else; the site's folder."""
    _run(python.with_name("wagtail"), "start", "mysite", cwd=folder)
    site = folder / "mysite"
    _run(python, "manage.py", "migrate", "--verbosity=0", cwd=site)
    _run(python, "manage.py", "shell", cwd=site, given=_PEOPLE.format(*EDITOR))
    base = site / "mysite" / "settings" / "base.py"
    base.write_text(base.read_text(encoding="utf-8") + "\n" + readme_settings(), encoding="utf-8")
    return site


@dataclass
class Site:
    """The site, running under gunicorn. files_at_start: what `wagtail start` made, but for the settings."""

    url: str
    host: str
    folder: Path
    files_at_start: dict[str, str]

    def files_now(self) -> dict[str, str]:
        return fingerprint(self.folder)


def fingerprint(site: Path) -> dict[str, str]:
    """Every file of the site but the settings and the database, by its hash."""
    return {
        str(path.relative_to(site)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(site.rglob("*"))
        if path.is_file() and "settings" not in path.parts and path.suffix not in (".pyc", ".sqlite3")
    }


@contextmanager
def running(folder: Path, environment_for: Callable[[str], Mapping[str, str]]) -> Iterator[Site]:
    """Installs, creates and starts the site. environment_for: the lines of `hub product add` for the site's URL."""
    python = install(folder / "venv")
    site = create(python, folder)
    files = fingerprint(site)
    port, host = free_port(), "wagtail.localhost"
    url = f"http://{host}:{port}"
    with Processes() as processes:
        server = processes.start(
            "wagtail",
            [str(python.with_name("gunicorn")), "--threads=4", f"--bind=127.0.0.1:{port}", "mysite.wsgi:application"],
            log=folder / "wagtail.log",
            env=dict(environment_for(url)),
            cwd=site,
        )
        processes.wait(
            lambda: status(f"http://127.0.0.1:{port}/admin/login/", f"{host}:{port}") == 200,
            what="Wagtail to answer",
            seconds=60,
            process=server,
        )
        yield Site(url, host, site, files)
