"""The Django application: no models, no URLs; its presence registers the checks."""

from __future__ import annotations

from django.apps import AppConfig
from django.core.checks import Tags, register


class LinkmwConfig(AppConfig):
    name = "linkmw_django"
    verbose_name = "linkmw"

    def ready(self) -> None:
        from linkmw_django import checks

        register(checks.middleware_order, Tags.security)
        register(checks.settings_complete, Tags.security)
        register(checks.login_routes, Tags.urls)
        register(checks.second_factors, Tags.security)
