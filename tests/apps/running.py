"""An application, running: as it comes, or with linkmw in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.apps.application import Application

from linkmw.demo.parts.answering import status
from linkmw.demo.parts.processes import Processes, free_port

START_SECONDS = 120


@dataclass
class Running:
    """One application at one address. It may be started again and again; its data stays."""

    application: Application
    processes: Processes
    folder: Path
    linkmw: Path  # where `pip install --target` put it
    port: int
    site: Path
    client_id: str = ""

    @classmethod
    def prepared(cls, application: Application, processes: Processes, folder: Path, linkmw: Path) -> Running:
        """With its own copy of the site; not started."""
        return cls(application, processes, folder, linkmw, free_port(), application.site(folder))

    @property
    def name(self) -> str:
        """What the hub calls the product."""
        return self.application.name

    @property
    def host(self) -> str:
        return f"{self.application.name}.localhost"

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    @property
    def internal_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def login_url(self) -> str:
        return self.url + self.application.login_path

    @property
    def log(self) -> Path:
        return self.folder / f"{self.name}.{'access' if self.application.writes_addresses else 'log'}"

    @contextmanager
    def started(self, settings: Mapping[str, str] | None = None) -> Iterator[None]:
        """Its login page answers. settings: `LINKMW_…`, and linkmw is in it; None: the application as it comes."""
        environment = self.application.environment()
        command = self.application.command(environment, self.site, self.port)
        env = dict(self.application.settings_of_its_own(self.site, self.url))
        if settings is not None:
            command, env = self.application.with_linkmw(self.linkmw, self.site, command, {**env, **settings})
        process = self.processes.start(
            self.name, command, log=self.log, env=env, cwd=self.application.folder(self.site)
        )
        try:
            self.processes.wait(
                lambda: status(self.internal_url + self.application.login_path, f"{self.host}:{self.port}") == 200,
                what=f"{self.name} to answer",
                seconds=START_SECONDS,
                process=process,
            )
            yield
        finally:
            process.stop()
