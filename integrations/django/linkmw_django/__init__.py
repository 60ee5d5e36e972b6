"""linkmw for Django: "Sign in with ACME ID" beside the login that a project has. No models, no migrations, no URLs.

    INSTALLED_APPS = [..., "linkmw_django"]
    MIDDLEWARE = [..., "django.contrib.auth.middleware.AuthenticationMiddleware", "linkmw_django.LinkMiddleware", ...]
    LINKMW = {"LOGIN_PATHS": ["/accounts/login/"]}

Settings are `LINKMW_…` in the environment or keys of `LINKMW` (`docs/settings.md`). The accounts are those of the
project's user model and authentication backends, second factors those of django-otp; a project that keeps TOTP secrets
itself names `LINKMW["TOTP_SECRET"]`, the dotted path of a `callable(user) → Base32 secret | None`.
"""

from __future__ import annotations

from linkmw_django.middleware import LinkMiddleware
from linkmw_django.product import Product

__all__ = ["LinkMiddleware", "Product"]
