"""Every application that the story is told of."""

from __future__ import annotations

from tests.apps.application import Application
from tests.apps.datasette import Datasette
from tests.apps.pgadmin import PgAdmin
from tests.apps.superset import Superset
from tests.apps.wagtail import WagtailAsgi, WagtailMiddleware, WagtailWsgi

APPLICATIONS: tuple[Application, ...] = (
    WagtailWsgi(),
    WagtailAsgi(),
    WagtailMiddleware(),
    Superset(),
    PgAdmin(),
    Datasette(),
)
