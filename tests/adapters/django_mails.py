"""Where a Django project's mails are kept in a test: settings that change their name with Django 6.1."""

from __future__ import annotations

from typing import Any

import django

_BACKEND = "django.core.mail.backends.locmem.EmailBackend"

IN_MEMORY: dict[str, Any] = (
    {"MAILERS": {"default": {"BACKEND": _BACKEND}}} if django.VERSION >= (6, 1) else {"EMAIL_BACKEND": _BACKEND}
)
