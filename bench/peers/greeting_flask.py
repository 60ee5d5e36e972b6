"""Flask that greets whom its signed session names; with linkmw where it is told of a Redis for that."""

import os

from bench.signed_in import flask_app

url = os.environ.get("LINKMW_REDIS_URL", "")
app = flask_app(url, linked=bool(url))
