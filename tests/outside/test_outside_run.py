"""`linkmw run`: real servers, started as an operator would, with an application that has never heard of linkmw."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import textwrap
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from linkmw.cli.run import BOOTSTRAP, OWN, environment
from linkmw.demo.parts.processes import free_port

BIN = Path(sys.executable).parent
FLASK = """
    from flask import Flask
    from flask_login import LoginManager

    app = Flask(__name__)
    app.secret_key = "not a secret"
    manager = LoginManager(app)
    manager.login_view = "login"
    manager.user_loader(lambda account_id: None)

    @app.route("/login")
    def login():
        return "the product's own"

    def create_app():
        return app

    if __name__ == "__main__":
        import sys
        app.run(port=int(sys.argv[1]))
"""
DJANGO = """
    import os, sys
    from django.conf import settings

    settings.configure(
        SECRET_KEY="not a secret", ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__,
        INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions"],
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
        SESSION_ENGINE="django.contrib.sessions.backends.signed_cookies", SESSION_COOKIE_NAME="own",
        MIDDLEWARE=["django.contrib.sessions.middleware.SessionMiddleware",
                    "django.contrib.auth.middleware.AuthenticationMiddleware"],
    )
    import django
    django.setup()
    from django.contrib.auth.views import LoginView
    from django.http import HttpResponse
    from django.urls import path

    urlpatterns = [path("login", lambda request: HttpResponse("the product's own")),
                   path("enter/", LoginView.as_view(), name="enter")]

    from django.core.asgi import get_asgi_application
    from django.core.wsgi import get_wsgi_application

    wsgi, asgi = get_wsgi_application(), get_asgi_application()
"""
STARLETTE = """
    from starlette.applications import Starlette
    from starlette.middleware import Middleware
    from starlette.middleware.sessions import SessionMiddleware
    from starlette.responses import PlainTextResponse
    from starlette.routing import Route

    async def login(request):
        return PlainTextResponse("the product's own")

    app = Starlette(
        routes=[Route("/login", login)],
        middleware=[Middleware(SessionMiddleware, secret_key="not a secret")],
    )
"""


@pytest.fixture
def site(tmp_path, complete):
    """A folder with applications, and an environment in which linkmw is on."""
    for name, text in (("shop", FLASK), ("site_of_django", DJANGO), ("api", STARLETTE)):
        (tmp_path / f"{name}.py").write_text(textwrap.dedent(text))
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("LINKMW_", "DJANGO_"))}
    environ |= {f"LINKMW_{name}": value for name, value in complete.items()}
    environ |= {"LINKMW_SESSION_KEY": "user_id"}
    return tmp_path, environ


class Served:
    """A command that serves an application on a port, until it is left."""

    def __init__(self, site, *command, **more):
        folder, environ = site
        self.port = free_port()
        self.log = folder / "log.txt"
        self._command = [str(word).replace("PORT", str(self.port)) for word in command]
        self._folder, self._environ = folder, {**environ, **more}

    def __enter__(self):
        with self.log.open("w") as log:
            self._process = subprocess.Popen(
                [BIN / "linkmw", "run", "--", *self._command],
                cwd=self._folder, env=self._environ, stdout=log, stderr=log,
            )  # fmt: skip
        for _ in range(300):
            assert self._process.poll() is None, self.log.read_text()
            try:
                self.get("/login")
            except urllib.error.URLError:
                time.sleep(0.05)
            else:
                return self
        raise AssertionError(self.log.read_text())

    def __exit__(self, *_):
        self._process.terminate()
        self._process.wait(20)

    def get(self, path):
        try:
            answer = urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=60)  # the first one imports
        except urllib.error.HTTPError as error:
            answer = error
        with answer:
            return answer.status, answer.headers, answer.read().decode()

    def is_ours(self):
        """Does linkmw answer below its prefix?"""
        return "form-action" in self.get("/.linkmw/callback?state=x")[1].get("Content-Security-Policy", "")


COMMANDS = {
    "gunicorn and Flask": (BIN / "gunicorn", "-b", "127.0.0.1:PORT", "shop:create_app()"),
    "gunicorn and Django": (BIN / "gunicorn", "-b", "127.0.0.1:PORT", "site_of_django:wsgi"),
    "uvicorn and Django": (BIN / "uvicorn", "--port", "PORT", "--lifespan", "off", "site_of_django:asgi"),
    "uvicorn and Starlette": (BIN / "uvicorn", "--port", "PORT", "api:app"),
    "its own main": (sys.executable, "shop.py", "PORT"),
}


@pytest.mark.parametrize("kind", COMMANDS)
def test_each_server_and_framework_is_covered_by_the_environment_alone(site, kind):
    with Served(site, *COMMANDS[kind]) as served:
        assert served.is_ours()
        assert "the product's own" in served.get("/login")[2]
    said = served.log.read_text()
    assert said.count("linkmw recognised") == 1
    assert "linkmw is OFF" not in said


BARE_APPLICATION = """
    def wsgi(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"the product's own"]

    async def asgi(scope, receive, send):
        if scope["type"] != "http":
            raise NotImplementedError
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
        await send({"type": "http.response.body", "body": b"the product's own"})

    def by_cheroot(port):
        from cheroot import wsgi as cheroot
        cheroot.Server(("127.0.0.1", port), wsgi).start()

    def by_gevent(port):
        from gevent.pywsgi import WSGIServer
        WSGIServer(("127.0.0.1", port), wsgi).serve_forever()

    if __name__ == "__main__":
        import sys
        globals()[sys.argv[1]](int(sys.argv[2]))
"""
KNOWN = """
    class Adapter:
        cookies = ("theirs",)
        def user_of(self, request): return None
        def marker_of(self, request): return None
        def start(self, request, user, marker): return {"theirs": user["id"]}
"""
# What hands its callable over in each server's own way: nothing of a framework is there to be recognised.
SERVERS = {
    "gunicorn": (BIN / "gunicorn", "-b", "127.0.0.1:PORT", "bare:wsgi"),
    "uvicorn": (BIN / "uvicorn", "--port", "PORT", "--lifespan", "off", "bare:asgi"),
    "hypercorn": (BIN / "hypercorn", "-b", "127.0.0.1:PORT", "bare:asgi"),
    "hypercorn and WSGI": (BIN / "hypercorn", "-b", "127.0.0.1:PORT", "bare:wsgi"),
    "waitress": (BIN / "waitress-serve", "--listen", "127.0.0.1:PORT", "bare:wsgi"),
    "granian": (BIN / "granian", "--port", "PORT", "--interface", "asgi", "bare:asgi"),
    "granian and WSGI": (BIN / "granian", "--port", "PORT", "--interface", "wsgi", "bare:wsgi"),
    "cheroot": (sys.executable, "bare.py", "by_cheroot", "PORT"),
    "gevent": (sys.executable, "bare.py", "by_gevent", "PORT"),
}
IN_THE_DEFAULT_RUN = "hypercorn"


@pytest.mark.parametrize(
    "server",
    [pytest.param(one, marks=() if one == IN_THE_DEFAULT_RUN else pytest.mark.matrix) for one in SERVERS],
)
def test_the_callable_that_a_server_is_handed_is_wrapped(site, server):
    folder, _ = site
    for name, text in (("bare", BARE_APPLICATION), ("known", KNOWN)):
        (folder / f"{name}.py").write_text(textwrap.dedent(text))
    with Served(site, *SERVERS[server], LINKMW_ADAPTER=f"{folder}/known.py:Adapter") as served:
        assert served.is_ours()
        assert "the product's own" in served.get("/login")[2]
    said = served.log.read_text()
    assert said.count("linkmw recognised") == 1
    assert "linkmw is OFF" not in said


def test_switched_off_the_command_runs_as_if_it_had_been_typed_alone(site):
    with Served(site, *COMMANDS["gunicorn and Flask"], LINKMW_ENABLED="off") as served:
        assert not served.is_ours()
    assert "linkmw" not in served.log.read_text()


SHOWS = "import os, sys; print(os.environ.get('PYTHONPATH'), 'linkmw.outside.patches' in sys.modules)"


def shown(site, program, **more):
    folder, environ = site
    done = subprocess.run(
        [BIN / "linkmw", "run", "--", sys.executable, "-c", program],
        cwd=folder, env={**environ, **more}, capture_output=True, text=True,
    )  # fmt: skip
    return done.returncode, done.stdout.split(), done.stderr


def test_nothing_configured_nothing_is_touched(site):
    folder, environ = site
    bare = {name: value for name, value in environ.items() if not name.startswith("LINKMW_")}
    code, words, _ = shown((folder, bare), SHOWS)
    assert (code, words) == (0, ["None", "False"])
    code, words, _ = shown(site, SHOWS, LINKMW_ENABLED="off", PYTHONPATH="/their/own")
    assert (code, words) == (0, ["/their/own", "False"])


def test_its_exit_code_is_the_commands(site):
    code, words, _ = shown(site, f"{SHOWS}; sys.exit(7)", PYTHONPATH="/their/own")
    assert code == 7
    assert words == [f"{BOOTSTRAP}{os.pathsep}/their/own", "True"]


def test_of_a_library_that_both_bring_the_applications_own_is_taken(site):
    """linkmw in a mounted folder, which no Python knows of by itself."""
    folder, environ = site
    for where in ("mounted", "theirs"):
        (folder / where).mkdir()
        (folder / where / "brought.py").write_text(f"where = {where!r}")
    shutil.copytree(Path(OWN) / "linkmw", folder / "mounted" / "linkmw")
    bootstrap = folder / "mounted" / "linkmw" / "outside" / "bootstrap"
    program = "import brought, sys; print(brought.where, sys.path[-1], 'linkmw.outside.patches' in sys.modules)"
    for theirs, taken in ((str(folder / "theirs"), "theirs"), ("", "mounted")):
        done = subprocess.run(
            [sys.executable, "-S", "-c", f"import site; site.execsitecustomize(); {program}"],
            cwd=folder, capture_output=True, text=True,
            env={**environ, "PYTHONPATH": f"{bootstrap}{os.pathsep}{theirs}",
                 "LINKMW_RUN_PATH": str(folder / "mounted")},
        )  # fmt: skip
        assert done.stdout.split() == [taken, str(folder / "mounted"), "True"], done.stderr


def test_a_sitecustomize_that_was_there_is_loaded_too(site):
    folder, _ = site
    (folder / "theirs").mkdir()
    (folder / "theirs" / "sitecustomize.py").write_text("import builtins; builtins.theirs = True")
    code, words, errors = shown(site, "print(theirs)", PYTHONPATH=str(folder / "theirs"))
    assert (code, words, errors) == (0, ["True"], "")


def test_whatever_is_wrong_with_linkmw_the_command_starts(site):
    folder, _ = site
    (folder / "broken.py").write_text("raise RuntimeError('broken')")
    with Served(site, *COMMANDS["gunicorn and Flask"], LINKMW_ADAPTER=f"{folder}/broken.py:Adapter") as served:
        assert not served.is_ours()
    assert "broken.py cannot be used: RuntimeError: broken" in served.log.read_text()


BARE = """
from django.conf import settings
settings.configure(SECRET_KEY="x", ROOT_URLCONF=__name__, MIDDLEWARE=[{middleware}])
import django
django.setup()
from django.core.wsgi import get_wsgi_application
get_wsgi_application()
print("it starts")
"""


@pytest.mark.parametrize("middleware", ["", "'no.such.middleware'"])
def test_a_project_without_users_starts_as_ever_and_fails_as_ever(site, middleware):
    code, words, errors = shown(site, f"urlpatterns = []{BARE.format(middleware=middleware)}")
    assert (code, words) == ((1, []) if middleware else (0, ["it", "starts"]))
    assert "linkmw is OFF, the application is as ever" in errors


def test_a_command_that_is_not_there_is_said(site):
    _, environ = site
    done = subprocess.run([BIN / "linkmw", "run", "--", "no-such-server"], env=environ, capture_output=True, text=True)
    assert done.returncode == 2
    assert "there is no command no-such-server" in done.stderr


def test_a_mounted_folder_goes_from_the_front_of_the_path_to_its_end():
    given = {"PYTHONPATH": os.pathsep.join((OWN, "/their/own")), "HOME": "/home/them"}
    assert environment(given, wanted=True) == {
        "HOME": "/home/them",
        "PYTHONPATH": os.pathsep.join((BOOTSTRAP, "/their/own")),
        "LINKMW_RUN_PATH": OWN,
    }
    assert environment(given, wanted=False) == {"HOME": "/home/them", "PYTHONPATH": "/their/own"}
    assert environment({"PYTHONPATH": OWN}, wanted=False) == {}
