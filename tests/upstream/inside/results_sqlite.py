"""Settings for Django's own `tests/runtests.py`: its SQLite ones, and a runner that writes down what each test did."""

from test_sqlite import *  # type: ignore[import-not-found]  # noqa: F403

TEST_RUNNER = "results_runner.Runner"
