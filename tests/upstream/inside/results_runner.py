"""Django's own test runner, writing each test's outcome into the file that `LINKMW_UPSTREAM_RESULTS` names."""

from __future__ import annotations

import json
import os
import unittest
from pathlib import Path
from typing import Any

from django.test.runner import DiscoverRunner

OUTCOMES: dict[str, str] = {}
# The worst that happened in a test, its subtests included, is its outcome.
_ORDER = ("passed", "skipped", "failed")


class Result(unittest.TextTestResult):
    def _note(self, test: Any, outcome: str) -> None:
        name = test.id()
        OUTCOMES[name] = max(outcome, OUTCOMES.get(name, outcome), key=_ORDER.index)

    def addSuccess(self, test: Any) -> None:
        super().addSuccess(test)
        self._note(test, "passed")

    def addFailure(self, test: Any, err: Any) -> None:
        super().addFailure(test, err)
        self._note(test, "failed")

    def addError(self, test: Any, err: Any) -> None:
        super().addError(test, err)
        self._note(test, "failed")

    def addSkip(self, test: Any, reason: str) -> None:
        super().addSkip(test, reason)
        self._note(test, "skipped")

    def addExpectedFailure(self, test: Any, err: Any) -> None:
        super().addExpectedFailure(test, err)
        self._note(test, "passed")

    def addUnexpectedSuccess(self, test: Any) -> None:
        super().addUnexpectedSuccess(test)
        self._note(test, "failed")

    def addSubTest(self, test: Any, subtest: Any, err: Any) -> None:
        super().addSubTest(test, subtest, err)
        if err is not None:
            self._note(test, "failed")


class Runner(DiscoverRunner):  # type: ignore[misc]  # Django is untyped
    def get_resultclass(self) -> type[Result]:
        return Result

    def run_suite(self, suite: Any, **kwargs: Any) -> Any:
        result = super().run_suite(suite, **kwargs)
        Path(os.environ["LINKMW_UPSTREAM_RESULTS"]).write_text(json.dumps(OUTCOMES), encoding="utf-8")
        return result
