"""Every application that the story is told of."""

from __future__ import annotations

from tests.apps.application import Application
from tests.apps.wagtail import WagtailAsgi, WagtailMiddleware, WagtailWsgi

APPLICATIONS: tuple[Application, ...] = (WagtailWsgi(), WagtailAsgi(), WagtailMiddleware())
