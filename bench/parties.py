"""The relying parties whose whole sign-in is measured: linkmw in its frameworks, and what people would take instead."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from bench.stand import FAST, PEOPLE, PLAIN, Hub, Party, Stand, environment_of

from linkmw.demo.parts.processes import Process, free_port

Start = Callable[[Stand, str], Party]
MODULE = Path("/usr/lib/apache2/modules/mod_auth_openidc.so")
_APACHE = Path(__file__).parent / "peers" / "apache.conf"


def starlette_with_linkmw(kind: str) -> Start:
    def started(around: Stand, name: str) -> Party:
        hub, port, env = _hub_of(around, f"hub-{kind}", 1 if kind == FAST else 2, kind)
        shop = around.uvicorn(name, "bench.peers.linkmw_starlette_shop:app", port, env, kind)
        return party_of(name, hub, shop, env)

    return started


def flask_with_linkmw(around: Stand, name: str) -> Party:
    hub, port, env = _hub_of(around, "hub-flask", 3, FAST)
    return party_of(name, hub, around.gunicorn(name, "bench.peers.linkmw_flask_shop:app", port, env), env)


def _hub_of(around: Stand, name: str, redis: int, kind: str) -> tuple[Process, int, Mapping[str, str]]:
    """A hub that runs, and the port and environment of its product, all of whose accounts are linked."""
    port = free_port()
    hub = Hub(around, name, redis=redis, kind=kind)
    client, secret = hub.register("Shop", f"http://shop.localhost:{port}", f"http://127.0.0.1:{port}")
    hub.link(client, range(PEOPLE))
    return hub.start(), port, environment_of(hub, client, secret, around.redis_url(redis))


def party_of(name: str, hub: Process, shop: Process, env: Mapping[str, str]) -> Party:
    url = env["LINKMW_PUBLIC_URL"]
    return Party(name, (shop, hub), f"{url}/.linkmw/login?next=/done", f"{url}/me", '"user":')


def authlib_starlette(store: str, redis: int, *, tuned: bool = False) -> Start:
    def started(around: Stand, name: str) -> Party:
        port = free_port()
        env = _environment(around, port, redis) | {"STORE": store} | ({"TUNED": "yes"} if tuned else {})
        return _peer(name, around.uvicorn(name, "bench.peers.authlib_starlette:app", port, env), port, "/login", "sub")

    return started


def authlib_flask(around: Stand, name: str) -> Party:
    port = free_port()
    run = around.gunicorn(name, "bench.peers.authlib_flask:app", port, _environment(around, port, 6))
    return _peer(name, run, port, "/login", "sub")


def django_client(kind: str, redis: int, path: str) -> Start:
    def started(around: Stand, name: str) -> Party:
        port = free_port()
        env = _environment(around, port, redis) | {"KIND": kind, "DATABASE": str(around.folder / f"{kind}.db")}
        return _peer(name, around.gunicorn(name, "bench.peers.django_clients:app", port, env), port, path, '"user"')

    return started


def mod_auth_openidc(around: Stand, name: str) -> Party:
    """Apache before a page of its own; as Debian packages it."""
    port, folder = free_port(), around.folder / "apache"
    (folder / "pages").mkdir(parents=True)
    around.folder.chmod(0o711)  # its workers are another user
    (folder / "pages" / "me").write_text("hello from Apache")
    redis = urlsplit(around.redis.url)
    env = {
        "PORT": str(port),
        "FOLDER": str(folder),
        "ISSUER": around.issuer,
        "REDIS_SERVER": f"127.0.0.1:{redis.port}",
        "REDIS_PASSWORD": redis.password or "",
    }
    command = ("/usr/sbin/apache2", "-d", "/usr/lib/apache2", "-f", _APACHE, "-D", "FOREGROUND")
    run = around.start(name, command, env, f"http://127.0.0.1:{port}/")
    return _peer(name, run, port, "/done", "hello from Apache")


def _environment(around: Stand, port: int, redis: int) -> dict[str, str]:
    return {"ISSUER": around.issuer, "URL": f"http://127.0.0.1:{port}", "REDIS": around.redis_url(redis)}


def _peer(name: str, process: Process, port: int, path: str, wanted: str) -> Party:
    url = f"http://127.0.0.1:{port}"
    return Party(name, (process,), f"{url}{path}", f"{url}/me", wanted)


BEST = "Authlib on Starlette, Redis, one SSL context"
OURS = "linkmw, Starlette"
LINKMW: dict[str, Start] = {
    OURS: starlette_with_linkmw(FAST),
    "linkmw, Starlette, no uvloop": starlette_with_linkmw(PLAIN),
    "linkmw, Flask": flask_with_linkmw,
}
PEERS: dict[str, Start] = {
    BEST: authlib_starlette("redis", 5, tuned=True),
    "Authlib on Flask, Redis": authlib_flask,
    "mozilla-django-oidc": django_client("mozilla", 7, "/oidc/authenticate/"),
    "django-allauth": django_client("allauth", 8, "/accounts/oidc/kc/login/"),
    "Authlib on Starlette, cookie, as documented": authlib_starlette("cookie", 9),
    **({"mod_auth_openidc, Redis": mod_auth_openidc} if MODULE.exists() else {}),
}
