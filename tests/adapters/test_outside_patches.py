"""What `linkmw run` puts into frameworks, where it could go wrong without a sound."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType

from linkmw.outside import patches

AT_ONCE = 16


def test_of_many_first_requests_one_sets_flask_up_and_all_go_through_it(monkeypatch):
    """A second set-up would find the application covered, and leave it bare for as long as the process lives."""
    made, barrier, slow = [], threading.Barrier(AT_ONCE), threading.Event()

    def around(app, inner):
        made.append(app)
        slow.wait(0.05)  # the others come meanwhile
        return (lambda environ, start_response: "covered") if len(made) == 1 else inner

    class Flask:
        def wsgi_app(self, environ, start_response):
            return "bare"

    module = ModuleType("flask.app")
    module.Flask = Flask
    monkeypatch.setattr(patches, "_around_flask", around)
    patches._flask(module)
    app = Flask()

    def first(_):
        barrier.wait()
        return app.wsgi_app({}, None)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        assert set(pool.map(first, range(AT_ONCE))) == {"covered"}
    assert made == [app]
    assert app.wsgi_app({}, None) == "covered"


def test_dis12_a_module_that_cannot_be_followed_is_loaded_all_the_same(monkeypatch, caplog):
    class Odd:
        __slots__ = ()

        def exec_module(self, module):
            """A loader that lets nobody change it."""

    class Finder:
        @staticmethod
        def find_spec(name, path, target=None):
            return patches.importlib.machinery.ModuleSpec(name, Odd())

    monkeypatch.setattr(patches.sys, "meta_path", [Finder])
    spec = patches._Finder().find_spec("flask.app", None)
    assert isinstance(spec.loader, Odd)
    assert "cannot follow" in caplog.text
