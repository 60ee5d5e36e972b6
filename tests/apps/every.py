"""Every application that the story is told of, in the order of the table."""

from __future__ import annotations

from tests.apps.application import Application
from tests.apps.datasette import Datasette, DatasettePlugin
from tests.apps.pgadmin import PgAdmin
from tests.apps.pretix import Pretix, PretixWithSecondFactor
from tests.apps.spirit import Spirit
from tests.apps.superset import Superset
from tests.apps.wagtail import WagtailAsgi, WagtailMiddleware, WagtailWsgi

APPLICATIONS: tuple[Application, ...] = (
    WagtailWsgi(),
    WagtailAsgi(),
    WagtailMiddleware(),
    Pretix(),
    PretixWithSecondFactor(),
    Spirit(),
    Superset(),
    PgAdmin(),
    Datasette(),
    DatasettePlugin(),
)
