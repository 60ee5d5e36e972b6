"""What a session costs on every request, in this process: peers and linkmw around one "hello" (G1, G2).

Run in the environment of peers/requirements.txt; prints JSON: for each framework the variants' microseconds, round by
round. Every answer is looked at before it is timed.
"""

import asyncio
import json
import logging
import os
import sys
import time

REDIS = os.environ["REDIS"]
SECRET = "x" * 32
ROUNDS, NUMBER = int(sys.argv[1]), int(sys.argv[2])


def rounds(variants, numbers):
    """CPU microseconds for each request, interleaved. variants: name -> callable that runs so many."""
    taken = {name: [] for name in variants}
    for name, many in variants.items():
        many(max(10, numbers[name] // 20))
    for _ in range(ROUNDS):
        for name, many in variants.items():
            began = time.process_time()
            many(numbers[name])
            taken[name].append((time.process_time() - began) / numbers[name] * 1e6)
    return taken


def starlette_variants(loop):
    import redis.asyncio
    from bench.unclaimed import NOBODY, ON
    from itsdangerous import TimestampSigner
    from starlette.applications import Starlette
    from starlette.middleware.base import BaseHTTPMiddleware
    from starlette.middleware.sessions import SessionMiddleware
    from starlette.responses import PlainTextResponse
    from starlette.routing import Route
    from starsessions import InMemoryStore, SessionAutoloadMiddleware
    from starsessions import SessionMiddleware as StarSessions
    from starsessions.stores.redis import RedisStore

    from linkmw import asgi

    async def hello(_request):
        return PlainTextResponse("hello")

    async def hello_session(request):
        return PlainTextResponse(request.session["user"])

    def app(view=hello):
        return Starlette(routes=[Route("/hello", view)])

    async def untouched(request, call_next):
        return await call_next(request)

    import base64

    signed = TimestampSigner(SECRET).sign(base64.b64encode(json.dumps({"user": "hello", "id": 17}).encode())).decode()
    client = redis.asyncio.Redis.from_url(REDIS)
    kept = RedisStore(connection=client)
    loop.run_until_complete(kept.write("abc", json.dumps({"user": "hello"}).encode(), 3600, 3600))
    stars = StarSessions(SessionAutoloadMiddleware(app(hello_session)), store=kept, lifetime=3600)
    in_memory = StarSessions(app(), store=InMemoryStore(), lifetime=3600)
    found = {
        "Starlette": (app(), ""),
        "the same again (control)": (app(), ""),
        "+ linkmw, a request that is not ours": (asgi.wrap(app(), product=NOBODY, settings=ON), ""),
        "+ SessionMiddleware, no cookie": (SessionMiddleware(app(), secret_key=SECRET), ""),
        "+ SessionMiddleware, its cookie": (
            SessionMiddleware(app(hello_session), secret_key=SECRET),
            f"session={signed}",
        ),
        "+ starsessions, not loaded": (in_memory, ""),
        "+ starsessions in Redis, loaded": (stars, "session=abc"),
        "+ BaseHTTPMiddleware that does nothing": (BaseHTTPMiddleware(app(), dispatch=untouched), ""),
    }
    return {name: awaited(loop, *one) for name, one in found.items()}


def awaited(loop, app, cookie):
    headers = [(b"host", b"orders.example"), (b"cookie", f"theme=dark; {cookie}".rstrip("; ").encode())]
    sent = []

    def scope():
        return {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": "/hello",
            "raw_path": b"/hello",
            "query_string": b"",
            "root_path": "",
            "headers": headers,
            "client": ("192.0.2.1", 50000),
            "server": ("orders.example", 80),
        }

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def remember(message):
        sent.append(message)

    async def send(message):
        pass

    async def many(number):
        for _ in range(number):
            await app(scope(), receive, send)

    loop.run_until_complete(app(scope(), receive, remember))
    body = b"".join(message.get("body", b"") for message in sent)
    assert (sent[0]["status"], body) == (200, b"hello"), sent
    return lambda number: loop.run_until_complete(many(number))


def flask_variants():
    import flask_login
    import redis
    from bench.unclaimed import NOBODY, ON
    from flask import Flask, session
    from flask.sessions import SecureCookieSessionInterface
    from flask_session import Session

    from linkmw import wsgi

    def made(view):
        app = Flask(__name__)
        app.secret_key = SECRET
        app.add_url_rule("/hello", "hello", view)
        return app

    def hello():
        return "hello"

    def hello_session():
        return session["user"]

    bare, signed, logged = made(hello), made(hello_session), made(lambda: flask_login.current_user.name)
    manager = flask_login.LoginManager(logged)

    class User(flask_login.UserMixin):
        id, name = "17", "hello"

    manager.user_loader(lambda _user_id: User())
    serializer = SecureCookieSessionInterface().get_signing_serializer(signed)
    cookie = "session=" + serializer.dumps({"user": "hello"})
    fresh = "session=" + serializer.dumps({"_user_id": "17", "_fresh": True, "_id": None})
    manager.session_protection = None
    in_redis, untouched = made(hello_session), made(hello)
    for app in (in_redis, untouched):
        app.config.update(SESSION_TYPE="redis", SESSION_REDIS=redis.Redis.from_url(REDIS))
        Session(app)
    in_redis.session_interface.client.set(
        "session:abc", in_redis.session_interface.serializer.encode({"user": "hello"})
    )
    found = {
        "Flask": (bare, ""),
        "the same again (control)": (bare, ""),
        "+ linkmw, a request that is not ours": (wsgi.wrap(bare, product=NOBODY, settings=ON), ""),
        "+ its own signed session, read": (signed, cookie),
        "+ Flask-Login, current_user": (logged, fresh),
        "+ Flask-Session in Redis, untouched": (untouched, "session=abc"),
        "+ Flask-Session in Redis, read": (in_redis, "session=abc"),
    }
    return {name: called(*one) for name, one in found.items()}


def django_variants():
    import types

    import django
    from django.conf import settings

    base = "django.contrib."
    sessions, auth = f"{base}sessions.middleware.SessionMiddleware", f"{base}auth.middleware.AuthenticationMiddleware"
    settings.configure(
        SECRET_KEY=SECRET,
        ALLOWED_HOSTS=["*"],
        ROOT_URLCONF="bench_urls",
        LOGGING_CONFIG=None,
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": sys.argv[3], "CONN_MAX_AGE": None}},
        INSTALLED_APPS=[f"{base}{name}" for name in ("auth", "contenttypes", "sessions")],
        CACHES={"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS}},
        SESSION_ENGINE=f"{base}sessions.backends.cache",
    )
    django.setup()
    from bench.unclaimed import NOBODY, ON
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user_model
    from django.contrib.sessions.backends.cache import SessionStore
    from django.core.handlers.wsgi import WSGIHandler
    from django.core.management import call_command
    from django.http import HttpResponse
    from django.test.utils import override_settings
    from django.urls import path

    from linkmw import wsgi

    urls = types.ModuleType("bench_urls")
    urls.urlpatterns = [
        path("hello", lambda _request: HttpResponse("hello")),
        path("user", lambda request: HttpResponse("hello" if request.user.is_authenticated else "nobody")),
    ]
    sys.modules["bench_urls"] = urls
    call_command("migrate", verbosity=0)
    user = get_user_model().objects.create_user("ada", "ada@example.test", "pw")
    store = SessionStore()
    store[SESSION_KEY], store[HASH_SESSION_KEY] = str(user.pk), user.get_session_auth_hash()
    store[BACKEND_SESSION_KEY] = f"{base}auth.backends.ModelBackend"
    store.save()
    cookie = f"sessionid={store.session_key}"

    def handler(*middleware):
        with override_settings(MIDDLEWARE=list(middleware)):
            return WSGIHandler()

    bare = handler()
    found = {
        "Django": (bare, "", "/hello"),
        "the same again (control)": (bare, "", "/hello"),
        "+ linkmw, a request that is not ours": (wsgi.wrap(bare, product=NOBODY, settings=ON), "", "/hello"),
        "+ sessions in Redis and auth, untouched": (handler(sessions, auth), cookie, "/hello"),
        "+ sessions in Redis and auth, request.user": (handler(sessions, auth), cookie, "/user"),
    }
    return {name: called(*one) for name, one in found.items()}


def called(app, cookie, path="/hello"):
    import io

    def environ():
        return {
            "REQUEST_METHOD": "GET",
            "SCRIPT_NAME": "",
            "PATH_INFO": path,
            "QUERY_STRING": "",
            "SERVER_NAME": "orders.example",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "192.0.2.1",
            "HTTP_HOST": "orders.example",
            "HTTP_COOKIE": f"theme=dark; {cookie}".rstrip("; "),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(),
            "wsgi.errors": sys.stderr,
            "wsgi.version": (1, 0),
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }

    def once():
        started = []
        answer = app(environ(), lambda status, *_: started.append(status))
        body = b"".join(answer)
        if hasattr(answer, "close"):
            answer.close()
        return started[0][:3], body

    assert once() == ("200", b"hello"), once()

    def many(number):
        for _ in range(number):
            once()

    return many


def numbers_of(variants):
    """Fewer of what asks Redis, so that no variant takes all the time."""
    dear = ("Redis", "BaseHTTP")
    return {name: NUMBER // 8 if any(word in name for word in dear) else NUMBER for name in variants}


def main():
    import uvloop

    logging.disable()
    loop = uvloop.new_event_loop()
    asyncio.set_event_loop(loop)
    found = {}
    for kind, make in (
        ("Starlette", lambda: starlette_variants(loop)),
        ("Flask", flask_variants),
        ("Django", django_variants),
    ):
        variants = make()
        found[kind] = rounds(variants, numbers_of(variants))
    print(json.dumps(found))


if __name__ == "__main__":
    main()
