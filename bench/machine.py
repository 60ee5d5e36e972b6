"""What a figure was measured on."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime

from tests.apps.environment import Environment

_NAMED = (
    *("starlette", "uvicorn", "uvloop", "httptools", "flask", "django", "gunicorn", "redis", "hiredis", "sqlalchemy"),
    *("cryptography", "python-jose", "httpx2", "authlib", "mozilla-django-oidc", "django-allauth", "starsessions"),
    *("flask-session", "flask-login"),
)


def described(python: Environment) -> str:
    """Date, machine, load and versions, on two lines."""
    versions = ", ".join(f"{name} {python.version(name)}" for name in _NAMED)
    load = "/".join(f"{one:.1f}" for one in os.getloadavg())
    when = datetime.now(UTC).strftime("%Y-%m-%d")
    return f"{when}, Python {platform.python_version()}, {os.cpu_count()} cores, load {load}\n{versions}"
