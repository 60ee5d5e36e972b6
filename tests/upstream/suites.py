"""Whose own tests are run around linkmw, from which source distributions, and in which ways it is put around them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Known:
    """Tests that are known to fail with the adapter, and why. switched: only so; "" for either."""

    tests: tuple[str, ...]
    why: str
    switched: str = ""


@dataclass(frozen=True)
class Suite:
    """One project's tests. package, version: its source distribution, which has them in `tests/`.

    needs: what they want besides the package. wrapped: what is patched, and each way (see `inside/linkmw_wrapping.py`).
    labels: of Django's tests, those that are run; else pytest runs them all. known: tests that the adapter is known to
    fail, and why.
    """

    package: str
    version: str
    needs: tuple[str, ...]
    wrapped: str
    ways: tuple[str, ...]
    labels: tuple[str, ...] = ()
    known: tuple[Known, ...] = ()

    def known_of(self, way: str, switched: str) -> dict[str, str]:
        found = (one for one in self.known if way == "adapter" and one.switched in ("", switched))
        return {test: one.why for one in found for test in one.tests}

    @property
    def requirement(self) -> str:
        return f"{self.package}=={self.version}"


PYTEST = ("pytest<9",)  # what these were released with; later ones no longer have what Flask's import
SUITES = {
    suite.package.lower(): suite
    for suite in (
        Suite(
            "Django",
            "5.2.19",
            ("argon2-cffi", "bcrypt", "jinja2", "tblib", "tzdata"),
            "django",
            ("outside", "adapter"),
            (
                "auth_tests",
                "middleware",
                "sessions_tests",
                "middleware_exceptions",
                "csrf_tests",
                "messages_tests",
                "handlers",
                "wsgi",
                "asgi",
                "servers",
            ),
            known=(
                Known(
                    (
                        "middleware_exceptions.tests.MiddlewareNotUsedTests.test_async_and_sync_middleware_chain_async_call",
                        "middleware_exceptions.tests.MiddlewareNotUsedTests.test_log",
                        "middleware_exceptions.tests.MiddlewareNotUsedTests.test_log_custom_message",
                        "middleware_exceptions.tests.MiddlewareSyncAsyncTests.test_async_middleware",
                        "middleware_exceptions.tests.MiddlewareSyncAsyncTests.test_sync_middleware_async",
                    ),
                    "they read Django's own log of middleware that is left out: linkmw is, while it is off",
                    switched="disabled",
                ),
            ),
        ),
        Suite(
            "Flask",
            "3.1.3",
            (*PYTEST, "asgiref", "greenlet", "python-dotenv"),
            "flask",
            ("outside", "adapter"),
            known=(
                Known(
                    ("tests.test_basic.test_app_freed_on_zero_refcount",),
                    "`app.wsgi_app = Middleware(app.wsgi_app)`, Flask's way to add one, is a cycle, and freed as one",
                ),
            ),
        ),
        Suite(
            "Flask-Login", "0.6.3", (*PYTEST, "asgiref", "blinker", "semantic-version"), "flask", ("outside", "adapter")
        ),
        Suite(
            "Werkzeug",
            "3.1.9",
            (*PYTEST, "cffi", "cryptography", "ephemeral-port-reserve", "pytest-timeout"),
            "werkzeug",
            ("outside",),
        ),
        Suite(
            "starlette",
            "1.10.0",
            (
                *PYTEST,
                "httpx",
                "blockbuster",
                "httpx2[zstd]",
                "itsdangerous",
                "jinja2",
                "opentelemetry-sdk",
                "python-multipart",
                "pyyaml",
                "trio",
            ),
            "starlette",
            ("outside", "adapter"),
        ),
    )
}
