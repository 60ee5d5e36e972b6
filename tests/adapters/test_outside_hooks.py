"""An application that only the operator's file knows: the example of docs/adapters.md, run as it stands there."""

from __future__ import annotations

import asyncio
import re
import sys
from http.cookies import SimpleCookie
from pathlib import Path
from types import ModuleType

import pytest
from itsdangerous import BadSignature, URLSafeSerializer

from linkmw.gate.guard import Guard
from linkmw.http import Request
from linkmw.model import Account, Marker
from linkmw.outside import adapter_file, hooked_asgi, hooked_wsgi, markers
from linkmw.outside.adapter_file import Adapter
from linkmw.outside.hooks import HookedProduct, marker_in, text_of
from linkmw.run import in_place
from linkmw.settings import load
from linkmw.testing.conformance import SessionConformance
from linkmw.wsgi import wrap

PAGE = Path(__file__).resolve().parents[2] / "docs" / "adapters.md"
EXAMPLE = re.search(r"<!-- adapter:begin -->\n```python\n(.*?)```\n<!-- adapter:end -->", PAGE.read_text(), re.S)[1]
SIGNER = URLSafeSerializer("the shop's own secret")
USERS: dict[str, dict[str, object]] = {}


def read(text):
    try:
        return SIGNER.loads(text)
    except BadSignature:
        return {}


@pytest.fixture
def shop(monkeypatch):
    """The application that the example is about: its modules, and nobody in it."""
    USERS.clear()
    for name, members in (
        ("shop", {}),
        ("shop.cookies", {"read": read, "write": SIGNER.dumps}),
        ("shop.users", {"by_id": USERS.get}),
    ):
        module = ModuleType(name)
        vars(module).update(members)
        monkeypatch.setitem(sys.modules, name, module)


@pytest.fixture
def example(shop, tmp_path):
    (tmp_path / "adapter.py").write_text(EXAMPLE)
    return adapter_file.read(f"{tmp_path}/adapter.py:Adapter")


def test_the_example_has_twenty_lines_at_most():
    assert len([line for line in EXAMPLE.splitlines() if line.strip()]) <= 20


class ShopStage:
    """The shop: a cookie, and nothing behind it."""

    def __init__(self, adapter):
        self.product = HookedProduct(adapter, secure=False)

    def add(self, person):
        account_id = str(len(USERS) + 1)
        USERS[account_id] = {
            "id": account_id, "username": person.username, "email": person.email, "is_active": person.active
        }  # fmt: skip
        return account_id

    def visit(self, jar, do):
        answer = do(asked(jar))
        for name, value in answer if isinstance(answer, tuple) else ():
            assert name == "Set-Cookie"
            keep(jar, value)
        return answer

    def marker(self, jar):
        return marker_in(read(jar.get("shop_session", "")).get("linkmw", ""))

    def remember(self, jar, key, value):
        jar["shop_session"] = SIGNER.dumps({**read(jar.get("shop_session", "")), key: value})

    def recall(self, jar, key):
        return read(jar.get("shop_session", "")).get(key)


def asked(jar):
    return Request("GET", "/", headers={"cookie": "; ".join(f"{name}={value}" for name, value in jar.items())})


def keep(jar, header):
    for name, cookie in SimpleCookie(header).items():
        jar[name] = cookie.value
        if cookie["max-age"] == "0":
            del jar[name]


class TestHooks(SessionConformance):
    @pytest.fixture
    def stage(self, example):
        return ShopStage(example)


def cookie_of(user, marker=None):
    return f"shop_session={SIGNER.dumps({'user': user, 'linkmw': text_of(marker)})}"


MARKER = Marker("sid-of-linkmw", 2_000_000_000)


class Sessions:
    """The allow-list, in memory."""

    def __init__(self, *standing):
        self.standing = set(standing)

    async def get(self, sid):
        return Standing() if sid in self.standing else None

    def recall(self, sid):
        """Nothing is certain here."""

    def forget(self, sid):
        """Nothing is remembered."""

    async def end(self, sid):
        self.standing.discard(sid)


class Certain(Sessions):
    """One that is told of every end by itself. asked: about whom it was asked all the same."""

    def __init__(self, *standing):
        super().__init__(*standing)
        self.asked = []

    async def get(self, sid):
        self.asked.append(sid)
        return await super().get(sid)

    def recall(self, sid):
        return Standing() if sid in self.standing else None


class Standing:
    started, expires = 1, MARKER.expires


@pytest.fixture
def settings(complete):
    return load(complete)


@pytest.fixture(params=["wsgi", "asgi"])
def send(request, example, settings):
    """`send(path, cookie, answer headers, sessions)` → the cookies the shop saw, and the headers of the answer."""

    def sent(path, cookie, headers=(), *, sessions, product=None, spoils=False):
        seen = {"spoils": spoils}
        product = product or HookedProduct(example, secure=False)
        shell = {"wsgi": hooked_wsgi, "asgi": hooked_asgi}[request.param].HookedMiddleware
        through = {"wsgi": through_wsgi, "asgi": through_asgi}[request.param]
        made = shell(through.app(seen, headers), product=product, settings=settings)
        ports = Ports(sessions)
        made._guarded = Guard(sessions, lambda: 1)
        made._world = (lambda: (settings, ports)) if request.param == "wsgi" else awaited((settings, ports))
        return through(made, path, cookie), seen["cookie"], seen["path"]

    return sent


class Ports:
    """What of a gate's ports is asked for here."""

    call = staticmethod(in_place)

    def __init__(self, sessions):
        self.sessions = sessions


def awaited(value):
    async def answer():
        return value

    return answer


class through_wsgi:  # noqa: N801  (called like a function)
    def __new__(cls, made, path, cookie):
        given = []
        environ = {"REQUEST_METHOD": "GET", "PATH_INFO": path, "HTTP_COOKIE": cookie}
        body = made(environ, lambda status, headers, *_: given.append((status, headers)))
        text = b"".join(body)
        getattr(body, "close", lambda: None)()
        return given[0][0][:3], given[0][1], text

    @staticmethod
    def app(seen, headers):
        def app(environ, start_response):
            seen.update(cookie=environ.get("HTTP_COOKIE", ""), path=environ["PATH_INFO"])
            if seen["spoils"]:
                environ.clear()
            start_response("200 OK", [("Content-Type", "text/plain"), *headers])
            return [b"the shop's own"]

        return app


class through_asgi:  # noqa: N801
    def __new__(cls, made, path, cookie):
        messages = []

        async def send(message):
            messages.append(message)

        scope = {"type": "http", "method": "GET", "path": path, "headers": [(b"cookie", cookie.encode("latin-1"))]}
        asyncio.run(made(scope, None, send))
        headers = [(name.decode(), value.decode()) for name, value in messages[0]["headers"]]
        return str(messages[0]["status"]), headers, b"".join(one.get("body", b"") for one in messages[1:])

    @staticmethod
    def app(seen, headers):
        async def app(scope, receive, send):
            given = dict(scope["headers"])
            seen.update(cookie=given.get(b"cookie", b"").decode("latin-1"), path=scope["path"])
            if seen["spoils"]:
                scope["headers"].clear()
                scope.clear()
            pairs = [(name.encode(), value.encode()) for name, value in (("content-type", "text/plain"), *headers)]
            await send({"type": "http.response.start", "status": 200, "headers": pairs})
            await send({"type": "http.response.body", "body": b"the shop's own"})

        return app


def test_pr13_a_session_that_stands_is_the_shops_own_business(send):
    cookie = cookie_of("1", MARKER)
    (status, _, body), seen, _ = send("/", cookie, sessions=Sessions(MARKER.sid))
    assert (status, body, seen) == ("200", b"the shop's own", cookie)


def test_pr13_one_that_has_ended_is_taken_off_the_request_and_nothing_else_is(send):
    cookie = f"theme=dark; {cookie_of('1', MARKER)}; shop_session_other=x"
    _, seen, _ = send("/", cookie, sessions=Sessions())
    assert seen == "theme=dark; shop_session_other=x"


def test_pr13_one_without_a_marker_costs_no_question(send):
    asked = []
    sessions = Sessions()
    sessions.get = sessions.recall = asked.append
    cookie = cookie_of("1")
    _, seen, _ = send("/", cookie, sessions=sessions)
    assert (seen, asked) == (cookie, [])


def ended():
    return cookie_of("1", MARKER).partition("=")[2]


# How the cookie of a session that has ended may be sent so that linkmw reads none, and some parser does.
HIDDEN = {
    "twice": lambda: f"shop_session=junk; shop_session={ended()}",
    "twice, the other way round": lambda: f"shop_session={ended()}; shop_session=junk",
    "in quotes": lambda: f'shop_session="{ended()}"',
    "a space before the sign": lambda: f"shop_session ={ended()}",
    "behind a no-break space": lambda: f"\xa0shop_session={ended()}",
    "behind an en quad in UTF-8": lambda: f"\u2000shop_session={ended()}".encode().decode("latin-1"),
    "behind the value of another": lambda: f"theme=dark shop_session={ended()}",
    "behind a comma, as two headers are joined": lambda: f"theme=dark,shop_session={ended()}",
}


@pytest.mark.parametrize("spelling", HIDDEN)
def test_pr13_sc02_sc03_sc04_one_that_has_ended_is_not_hidden_by_its_spelling(send, spelling):
    _, seen, _ = send("/", f"lang=de; {HIDDEN[spelling]()}", sessions=Sessions())
    assert "shop_session" not in seen
    assert seen.startswith("lang=de")


def test_pr13_sc03_nor_beside_one_that_is_plain(send):
    plain = cookie_of("1", MARKER)
    _, seen, _ = send("/", f"lang=de; \xa0{plain}; {plain}", sessions=Sessions())
    assert seen == "lang=de"


@pytest.mark.parametrize("other", ["x-shop_session=1", "my.shop_session=1", "shop_session_2=1", "next=/shop_session"])
def test_a_cookie_of_another_name_is_left_alone(send, other):
    cookie = f"{other}; {cookie_of('1')}"
    _, seen, _ = send("/", cookie, sessions=Sessions())
    assert seen == cookie


@pytest.fixture
def self_contained(example):
    """The shop by a file that says that its cookie is all of a session. `told.read`: how often that was opened."""

    class SelfContained(type(example.told)):
        self_contained = True
        read = 0

        def marker_of(self, request):
            self.read += 1
            return super().marker_of(request)

    return HookedProduct(Adapter(SelfContained), secure=False)


@pytest.mark.parametrize("kind", [Sessions, Certain])
def test_g2_mim27_the_same_cookie_is_read_once_and_its_session_asked_about_each_time(send, self_contained, kind):
    cookie, sessions = cookie_of("1", MARKER), kind(MARKER.sid)
    for _ in range(3):
        assert send("/", cookie, sessions=sessions, product=self_contained)[1] == cookie
    sessions.standing.clear()
    for _ in range(2):
        assert send("/", cookie, sessions=sessions, product=self_contained)[1] == ""
    assert self_contained.adapter.told.read == 1


@pytest.mark.parametrize("kind", [Sessions, Certain])
def test_g2_sc02_sc03_another_cookie_is_read_anew_however_alike(send, self_contained, kind):
    cookie, sessions = cookie_of("1", MARKER), kind(MARKER.sid)
    send("/", cookie, sessions=sessions, product=self_contained)
    other = Marker("b" * 43, MARKER.expires)
    for ended in (cookie_of("1", other), f"shop_session=junk; {cookie}"):
        assert send("/", ended, sessions=sessions, product=self_contained)[1] == ""


def test_g2_without_that_word_each_request_reads_it(send, example, monkeypatch):
    product, read = HookedProduct(example, secure=False), []
    monkeypatch.setattr(example, "marker_of", lambda request: read.append(1) or text_of(MARKER))
    for _ in range(2):
        send("/", cookie_of("1", MARKER), sessions=Sessions(MARKER.sid), product=product)
    assert len(read) == 2


def test_g2_what_was_read_is_kept_for_a_while_and_of_so_many(monkeypatch):
    monkeypatch.setattr(markers, "KEPT_MANY", 2)
    now = [100.0]
    kept = markers.Markers(clock=lambda: now[0])
    for name in ("a", "b", "a", "c"):
        kept.keep(name, MARKER)
    assert [kept.of(name) for name in "abc"] == [MARKER, None, MARKER]
    now[0] += markers.KEPT_SECONDS
    assert kept.of("c") is None


@pytest.fixture(params=["asked about", "certain", "certain, its request taken apart"])
def standing(request, send, self_contained):
    """`standing(path, cookie, answer headers)` → the answer, and the allow-list afterwards, on which the session was.

    In each way in which it may be known; and the application may do what it likes to the request it was handed.
    """

    def sent(path, cookie, headers=()):
        if request.param == "asked about":
            sessions = Sessions(MARKER.sid)
            return send(path, cookie, headers, sessions=sessions)[0], sessions
        sessions = Certain(MARKER.sid)
        send("/", cookie, sessions=sessions, product=self_contained)
        spoils = request.param.endswith("apart")
        answer = send(path, cookie, headers, sessions=sessions, product=self_contained, spoils=spoils)[0]
        assert self_contained.adapter.told.read == (3 if headers and not path.startswith("/.linkmw") else 1)
        assert sessions.asked == []
        return answer, sessions

    return sent


def test_pr13_a_session_made_anew_without_the_marker_ends(standing, caplog):
    USERS["1"] = {"id": "1", "username": "ada"}
    anew = ("Set-Cookie", f"{cookie_of('1')}; Path=/")
    (_, headers, _), sessions = standing("/profile", cookie_of("1", MARKER), [anew])
    cookies = [value for name, value in headers if name.lower() == "set-cookie"]
    jar = {}
    for header in cookies:
        keep(jar, header)
    assert jar == {}
    assert MARKER.sid not in sessions.standing
    assert "/profile made its session anew without linkmw's marker" in caplog.text


def test_pr13_a_session_that_keeps_the_marker_goes_on(standing):
    USERS["1"] = {"id": "1", "username": "ada"}
    kept = ("Set-Cookie", f"{cookie_of('1', MARKER)}; Path=/")
    (_, headers, _), sessions = standing("/profile", cookie_of("1", MARKER), [kept])
    assert [value for name, value in headers if name.lower() == "set-cookie"] == [kept[1]]
    assert MARKER.sid in sessions.standing


def test_pr13_an_answer_that_sets_no_cookie_passes_as_it_is(standing):
    (status, headers, body), sessions = standing("/profile", cookie_of("1", MARKER))
    assert (status, body, len(headers)) == ("200", b"the shop's own", 1)
    assert MARKER.sid in sessions.standing


def test_what_is_under_our_own_prefix_is_no_sign_out(standing):
    anew = ("Set-Cookie", f"{cookie_of('1')}; Path=/")
    (_, headers, _), sessions = standing("/.linkmw/of-nobody", cookie_of("1", MARKER), [anew])
    assert anew[1] in [value for _, value in headers]
    assert MARKER.sid in sessions.standing


def test_a_marker_is_read_as_it_was_written_and_as_nothing_else():
    assert marker_in(text_of(MARKER)) == MARKER
    assert text_of(None) == ""
    for other in ("", ".", "sid", "sid.", ".5", "sid.five", "sid.-5", "sid.٥", f"sid.{'9' * 5000}"):
        assert marker_in(other) is None, other


WRONG = {
    "no file": (None, "which is not there"),
    "an error in it": ("raise RuntimeError('of theirs')", "RuntimeError: of theirs"),
    "no such name": ("x = 1", "has no attribute 'Adapter'"),
    "a name that is almost one": ("class Adapter:\n    def users_of(self, request): ...", "did you mean user_of?"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_dis12_a_file_that_cannot_be_used_leaves_the_application_as_it_was(
    kind, tmp_path, complete, monkeypatch, caplog
):
    text, said = WRONG[kind]
    if text is not None:
        (tmp_path / "told.py").write_text(text)
    for name, value in (*complete.items(), ("ADAPTER", f"{tmp_path}/told.py:Adapter")):
        monkeypatch.setenv(f"LINKMW_{name}", value)

    def app(environ, start_response):
        return []

    assert wrap(app) is app
    assert said in caplog.text


def test_the_start_says_what_an_adapter_does_not_cover(complete, tmp_path, monkeypatch, caplog):
    (tmp_path / "told.py").write_text(
        "class Adapter:\n    cookies = ('s',)\n    def start(self, request, user, marker): return {}"
    )
    for name, value in (*complete.items(), ("ADAPTER", f"{tmp_path}/told.py:Adapter")):
        monkeypatch.setenv(f"LINKMW_{name}", value)
    wrap(lambda environ, start_response: [])
    for said in ("WSGI by ", "Set signed_in_path to a page", "no `marker_of`"):
        assert said in caplog.text


def test_pr05_a_file_that_names_no_cookies_is_refused(complete, tmp_path, monkeypatch, caplog):
    (tmp_path / "nameless.py").write_text("class Adapter:\n    def start(self, request, user, marker): return {}")
    for name, value in (*complete.items(), ("ADAPTER", f"{tmp_path}/nameless.py:Adapter")):
        monkeypatch.setenv(f"LINKMW_{name}", value)

    def app(environ, start_response):
        return []

    assert wrap(app) is app
    assert "does not name the `cookies`" in caplog.text


def test_pr05_nobody_is_found_in_a_cookie_that_is_hidden_also_without_a_marker(send):
    cookie = cookie_of("1")
    _, seen, _ = send("/login", f"shop_session=junk; {cookie}", sessions=Sessions())
    assert seen == ""


def test_where_the_file_does_not_load_users_an_id_is_an_account():
    class Ids:
        def user_of(self, request):
            return request.cookies.get("who")

        def start(self, request, user, marker):
            return [("Set-Cookie", f"who={user['id']}"), ("X-Also", "this")]

    product = HookedProduct(Adapter(Ids), secure=True)
    assert product.current_account(asked({"who": "alice"})) == Account("alice", "alice", "")
    assert product.current_account(asked({})) is None
    assert product.start_session(asked({}), "alice", None) == (("Set-Cookie", "who=alice"), ("X-Also", "this"))


def test_cookies_are_given_as_they_came_and_one_given_twice_is_none():
    """SC02, SC03: whatever another parser would forgive."""
    header = "a=1; b=2; a=3; c=4; c=4;\u00a0d=5; e ; =6; f=7=8"
    assert Request("GET", "/", headers={"cookie": header}).cookies == {
        "b": "2", "c": "4", "\u00a0d": "5", "f": "7=8"
    }  # fmt: skip


def test_the_cookie_is_for_https_where_the_application_is(example):
    for secure in (True, False):
        USERS["1"] = {"id": "1", "username": "ada"}
        [(_, cookie)] = HookedProduct(example, secure=secure).start_session(asked({}), "1", None)
        assert ("Secure" in cookie) is secure
        assert "HttpOnly; SameSite=Lax" in cookie
