"""Every application that the story is told of."""

from __future__ import annotations

from tests.apps.application import Application
from tests.apps.wagtail import WagtailAsgi, WagtailWsgi

APPLICATIONS: tuple[Application, ...] = (WagtailWsgi(), WagtailAsgi())
