"""The back channel: what goes out, how answers are read, and what no answer can do to us."""

from __future__ import annotations

import asyncio
import base64
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qsl

import httpx2
import pytest
from tests.gate.world import HUB, NOW, SETTINGS, FakeProduct, streamed

from linkmw.errors import LinkmwError, ProviderRefused, RequestRefused, TokenRejected, Unavailable
from linkmw.gate.build import build, token
from linkmw.gate.hub_client import HubClient, written_proof
from linkmw.gate.kept import Kept
from linkmw.gate.wire import MAX_ANSWER, AwaitedWire, BlockingWire, Call
from linkmw.model import Account, PasswordRules, Proof
from linkmw.oidc.jose import PrivateKey, sign
from linkmw.run import run_now
from linkmw.secret import Secret

STATE = {
    "v": 1,
    "mode": "beside",
    "percent": 100,
    "healthy": True,
    "branding": {"brand": "ACME ID", "product": "Orders", "primary": "#3b4cc0", "news": 5},
}


class Server:
    """Answers as told, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[httpx2.Request] = []
        self.answers: Callable[[httpx2.Request], httpx2.Response] = lambda _: httpx2.Response(200, json=STATE)
        self.time = 0.0

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.asked.append(request)
        return streamed(self.answers(request))

    def says(self, status: int, value: object) -> None:
        self.answers = lambda _: httpx2.Response(status, json=value)

    def client(self) -> HubClient:
        wire = BlockingWire(httpx2.MockTransport(self))
        return HubClient(SETTINGS, wire, clock=lambda: self.time, now=lambda: NOW, token=token)


@pytest.fixture
def server() -> Server:
    return Server()


def test_every_call_of_ours_carries_the_clients_credentials(server: Server) -> None:
    run_now(server.client().state())
    [request] = server.asked
    assert str(request.url) == f"{HUB}/gate?v=1"
    credentials = base64.b64decode(request.headers["authorization"].removeprefix("Basic ")).decode()
    assert credentials == f"orders:{'s' * 43}"


def test_p05_the_hubs_word_is_kept_for_a_second_its_silence_as_well(server: Server) -> None:
    client = server.client()
    for _ in range(3):
        assert run_now(client.state()).branding.brand == "ACME ID"
    assert len(server.asked) == 1
    server.time = 1.0
    server.says(503, {})
    for _ in range(3):
        with pytest.raises(Unavailable):
            run_now(client.state())
    assert len(server.asked) == 2
    server.time = 2.0
    server.says(200, STATE)
    assert run_now(client.state()).healthy


def test_pages_keep_the_brand_while_the_hub_is_away(server: Server) -> None:
    client = server.client()
    server.says(500, {})
    assert run_now(client.branding()).product == "orders.example"
    server.time = 1.0
    server.says(200, STATE)
    run_now(client.state())
    server.time = 2.0
    server.says(500, {})
    assert run_now(client.branding()).brand == "ACME ID"


@pytest.mark.parametrize(
    ("status", "value", "error"),
    [
        (401, {"error": "invalid_client"}, RequestRefused),
        (500, STATE, Unavailable),
        (302, STATE, Unavailable),
        (200, {**STATE, "v": 9}, Unavailable),
        (200, {**STATE, "mode": "on"}, Unavailable),
        (200, {**STATE, "percent": True}, Unavailable),
        (200, {**STATE, "branding": []}, Unavailable),
        (200, ["no object"], Unavailable),
    ],
)
def test_kf07_an_answer_that_is_none_is_never_a_yes(
    server: Server, status: int, value: object, error: type[LinkmwError]
) -> None:
    server.says(status, value)
    with pytest.raises(error):
        run_now(server.client().state())


def test_kf07_a_page_of_some_proxy_is_no_answer(server: Server) -> None:
    server.answers = lambda _: httpx2.Response(200, html="<html>sign in to the Wi-Fi</html>")
    with pytest.raises(Unavailable):
        run_now(server.client().state())


def test_fc16_the_code_is_redeemed_with_its_verifier_once(server: Server) -> None:
    server.says(200, {"id_token": "a.b.c", "access_token": "x", "token_type": "Bearer"})
    assert run_now(server.client().redeem("the code", "v" * 43, SETTINGS.redirect_uri)).id_token == "a.b.c"
    [request] = server.asked
    assert str(request.url) == f"{HUB}/o/orders/token"
    assert dict(parse_qsl(request.content.decode())) == {
        "grant_type": "authorization_code",
        "code": "the code",
        "redirect_uri": "https://orders.example/.linkmw/callback",
        "code_verifier": "v" * 43,
    }


def test_kf02_a_lost_answer_is_not_asked_for_again(server: Server) -> None:
    def lost(request: httpx2.Request) -> httpx2.Response:
        raise httpx2.ReadTimeout("lost", request=request)

    server.answers = lost
    with pytest.raises(Unavailable):
        run_now(server.client().redeem("code", "v" * 43, ""))
    assert len(server.asked) == 1


def falls_silent(server: Server) -> None:
    """Each call takes as long as it may, and nothing is heard."""

    def waits(request: httpx2.Request) -> httpx2.Response:
        server.time += request.extensions["timeout"]["read"]
        raise httpx2.ReadTimeout("nothing came")

    server.answers = waits


def redeemed(client: HubClient) -> str:
    return run_now(client.redeem("the code", "v" * 43, SETTINGS.redirect_uri)).id_token


def answers(request: httpx2.Request) -> httpx2.Response:
    token = {"id_token": "a.b.c", "access_token": "x", "token_type": "Bearer"}
    return httpx2.Response(200, json=STATE if request.url.path == "/gate" else token)


def test_kf01_for_a_silent_hub_one_waits_and_the_others_are_turned_away(server: Server) -> None:
    client = server.client()
    falls_silent(server)
    for _ in range(6):
        with pytest.raises(Unavailable):
            redeemed(client)
    # The first waited all its time; then one asks, for half a second, whether anybody is there, and for a second
    # its answer is everybody's.
    assert [request.url.path for request in server.asked] == ["/o/orders/token", "/gate"]
    assert server.time == SETTINGS.hub_timeout + SETTINGS.probe_timeout
    server.time += SETTINGS.probe_seconds
    with pytest.raises(Unavailable):
        redeemed(client)
    assert [request.url.path for request in server.asked[2:]] == ["/gate"]


@pytest.mark.parametrize("is_there", [True, False])
def test_kf01_of_a_slow_hub_the_next_caller_asks_first_whether_it_is_there(server: Server, *, is_there: bool) -> None:
    client = server.client()

    def slowly(request: httpx2.Request) -> httpx2.Response:
        server.time += 1.0
        return answers(request)

    server.answers = slowly
    assert redeemed(client) == "a.b.c"
    server.answers = answers
    if is_there:
        assert [redeemed(client) for _ in range(2)] == ["a.b.c"] * 2
        assert [request.url.path for request in server.asked[1:]] == ["/gate", *["/o/orders/token"] * 2]
    else:
        falls_silent(server)
        with pytest.raises(Unavailable):
            redeemed(client)
        assert [request.url.path for request in server.asked[1:]] == ["/gate"]


def test_kf01_a_hub_that_is_heard_again_is_asked_again(server: Server) -> None:
    client = server.client()
    falls_silent(server)
    with pytest.raises(Unavailable):
        redeemed(client)
    server.answers = answers
    assert redeemed(client) == "a.b.c"
    assert redeemed(client) == "a.b.c"
    tokens = "/o/orders/token"
    assert [request.url.path for request in server.asked] == [tokens, "/gate", tokens, tokens]


@pytest.mark.parametrize("status", [401, 404, 503])
def test_kf01_whatever_it_says_a_hub_that_answers_is_not_silent(server: Server, status: int) -> None:
    client = server.client()
    server.says(status, {"error": "invalid_client"})
    for _ in range(2):
        with pytest.raises(LinkmwError):
            redeemed(client)
    assert [request.url.path for request in server.asked] == ["/o/orders/token"] * 2


def test_kf01_a_refused_connection_cost_nothing_and_is_tried_again(server: Server) -> None:
    client = server.client()

    def refuses(_: httpx2.Request) -> httpx2.Response:
        raise httpx2.ConnectError("nobody listens")

    server.answers = refuses
    for _ in range(2):
        with pytest.raises(Unavailable):
            redeemed(client)
    assert [request.url.path for request in server.asked] == ["/o/orders/token"] * 2


def test_kf01_a_hub_that_no_longer_knows_us_has_answered(server: Server) -> None:
    client = server.client()
    falls_silent(server)
    with pytest.raises(Unavailable):
        redeemed(client)
    server.says(401, {"error": "invalid_client"})
    with pytest.raises(ProviderRefused):
        redeemed(client)


def test_fc20_a_redirect_is_not_followed(server: Server) -> None:
    server.answers = lambda _: httpx2.Response(307, headers={"Location": "https://evil.example/token"})
    with pytest.raises(Unavailable):
        run_now(server.client().redeem("code", "v" * 43, ""))
    assert len(server.asked) == 1


def test_the_token_endpoints_refusal_is_the_providers(server: Server) -> None:
    server.says(400, {"error": "invalid_grant"})
    with pytest.raises(ProviderRefused) as caught:
        run_now(server.client().redeem("code", "v" * 43, ""))
    assert caught.value.error == "invalid_grant"


def test_a_proof_request_is_read_and_an_unknown_one_is_none(server: Server) -> None:
    answer = {
        "v": 1,
        "transaction": "t",
        "purpose": "link",
        "identity_email": "ada@acme.example",
        "hint": "",
        "expires": 5,
    }
    server.says(200, answer)
    found = run_now(server.client().proof_request("h"))
    assert found is not None
    assert (found.transaction, found.identity_email) == ("t", "ada@acme.example")
    assert json.loads(server.asked[0].content) == {"v": 1, "handle": "h"}
    server.says(200, {**answer, "identity_email": ""})  # an identity need not have an address
    assert run_now(server.client().proof_request("h")).identity_email == ""
    server.says(404, {"error": "unknown_handle"})
    assert run_now(server.client().proof_request("h")) is None
    server.says(200, {**answer, "purpose": "everything"})
    with pytest.raises(Unavailable):
        run_now(server.client().proof_request("h"))


@pytest.mark.parametrize(
    ("told", "rules"),
    [
        ({"length": 12, "not_email": True}, PasswordRules(length=12, not_email=True)),
        ({}, PasswordRules()),
        (None, None),
        ("length(12)", None),
        ({"length": "12"}, None),
        ({"length": True}, None),
        ({"not_email": 1}, None),
        ({"length": 12, "of_a_newer_hub": 1}, None),  # not half of the rules
    ],
)
def test_ake15_the_rules_for_a_password_are_read_whole_or_not_at_all(
    server: Server, told: object, rules: PasswordRules | None
) -> None:
    answer = {"v": 1, "transaction": "t", "purpose": "first_sign_in", "expires": 5, "password_rules": told}
    server.says(200, answer)
    found = run_now(server.client().proof_request("h"))
    assert found is not None
    assert found.password_rules == rules


@pytest.mark.parametrize("said", [True, False, None])
def test_ake15_the_push_says_yes_no_or_nothing_of_the_password(said: bool | None) -> None:
    pushed = written_proof(Proof(Secret("t"), Account("1", "a"), (), NOW, said), "j")
    assert pushed.get("falls_short") is said
    assert ("falls_short" in pushed) is (said is not None)


def test_lt19_an_account_that_is_gone_is_named_by_its_id(server: Server) -> None:
    server.says(200, {"v": 1})
    run_now(server.client().account_gone("17"))
    assert server.asked[0].url.path.endswith("/accounts/gone")
    assert json.loads(server.asked[0].content) == {"v": 1, "account_id": "17"}
    server.says(503, {})
    with pytest.raises(Unavailable):
        run_now(server.client().account_gone("17"))


def test_a_proof_says_who_how_and_when_with_a_jti_of_its_own(server: Server) -> None:
    server.says(200, {"v": 1, "code": "c"})
    proof = Proof(Secret("t"), Account("17", "ada", "a@x.example", True), ("pwd", "otp"), NOW)
    client = server.client()
    assert run_now(client.push_proof(proof)) == "c"
    run_now(client.push_proof(proof))
    bodies = [json.loads(request.content) for request in server.asked]
    assert bodies[0]["account"] == {
        "account_id": "17",
        "username": "ada",
        "email": "a@x.example",
        "email_verified": True,
    }
    assert (bodies[0]["transaction"], bodies[0]["amr"], bodies[0]["proven_at"]) == ("t", ["pwd", "otp"], NOW)
    assert bodies[0]["jti"] != bodies[1]["jti"]


@pytest.mark.parametrize(
    ("status", "word"), [(400, "invalid_proof"), (404, "unknown_transaction"), (409, "other_account")]
)
def test_pr17_a_refused_proof_says_why(server: Server, status: int, word: str) -> None:
    server.says(status, {"error": word})
    with pytest.raises(RequestRefused) as caught:
        run_now(server.client().push_proof(Proof(Secret("t"), Account("1", "a"), (), NOW)))
    assert caught.value.code == word


def test_no_secret_is_in_what_is_printed() -> None:
    call = Call("POST", HUB, 1, {"Authorization": "Basic c2VjcmV0"}, b"code=secret")
    assert "secret" not in repr(call)
    assert "c2VjcmV0" not in repr(call)


def test_an_id_token_is_verified_for_this_client_and_keys_are_fetched_once(server: Server) -> None:
    key = PrivateKey.generate("RS256")
    server.says(200, {"keys": [key.public_jwk()]})
    claims = {"iss": SETTINGS.issuer, "aud": "orders", "sub": "17", "nonce": "n", "iat": NOW, "exp": NOW + 300}
    client = server.client()
    for _ in range(2):
        assert run_now(client.verify_id_token(sign(claims, key, typ="JWT"), "n"))["sub"] == "17"
    for wrong in ({"aud": "wiki"}, {"iss": f"{HUB}/o/wiki"}, {"nonce": "other"}):
        with pytest.raises(TokenRejected):
            run_now(client.verify_id_token(sign({**claims, **wrong}, key, typ="JWT"), "n"))
    assert [str(request.url) for request in server.asked] == [f"{HUB}/o/orders/jwks"]


# ---- the wire itself, against a real socket


class Slow:
    """A server on a real socket that answers with `parts`, `pause` seconds between them."""

    def __init__(self, parts: list[bytes], pause: float = 0) -> None:
        self.parts, self.pause = parts, pause
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}/"
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            with connection:
                connection.recv(65536)
                for part in self.parts:
                    try:
                        connection.sendall(part)
                    except OSError:
                        break
                    if self.stop.wait(self.pause):
                        return

    def close(self) -> None:
        self.stop.set()
        self.socket.shutdown(socket.SHUT_RDWR)  # wakes `accept`
        self.socket.close()
        self.thread.join(2)


@pytest.fixture
def slow() -> Iterator[Callable[..., Slow]]:
    made: list[Slow] = []

    def make(*given: Any) -> Slow:
        made.append(Slow(*given))
        return made[-1]

    yield make
    for one in made:
        one.close()


def blocking(call: Call) -> Any:
    return run_now(BlockingWire().send(call))


def awaited(call: Call) -> Any:
    return asyncio.run(AwaitedWire().send(call))


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


@pytest.mark.parametrize("send", [blocking, awaited])
def test_both_wires_bring_the_answer(slow: Callable[..., Slow], send: Callable[[Call], Any]) -> None:
    reply = send(Call("GET", slow([HEAD + b"Content-Length: 2\r\n\r\n{}"]).url, 2))
    assert (reply.status, reply.body) == (200, b"{}")


@pytest.mark.parametrize("send", [blocking, awaited])
def test_p05_a_drip_of_bytes_does_not_hold_the_page_up(slow: Callable[..., Slow], send: Callable[[Call], Any]) -> None:
    dripping = slow([HEAD + b"Content-Length: 100\r\n\r\n", *[b"x"] * 100], 0.1)
    began = time.monotonic()
    with pytest.raises(Unavailable):
        send(Call("GET", dripping.url, 0.5))
    assert time.monotonic() - began < 5  # of the ten that it drips


@pytest.mark.parametrize("send", [blocking, awaited])
def test_kf01_a_late_head_leaves_the_body_less_time(slow: Callable[..., Slow], send: Callable[[Call], Any]) -> None:
    late = slow([b"", HEAD + b"Content-Length: 2\r\n\r\n", b"{}"], 2)
    began = time.monotonic()
    with pytest.raises(Unavailable):
        send(Call("GET", late.url, 2.5))
    assert time.monotonic() - began < 3.9  # the body would be there after four


@pytest.mark.parametrize("send", [blocking, awaited])
def test_fc20_an_answer_over_1_mib_or_packed_is_refused(slow: Callable[..., Slow], send: Callable[[Call], Any]) -> None:
    large = slow([HEAD + b"\r\n", *[b"x" * 65536] * (MAX_ANSWER // 65536 + 2)])
    with pytest.raises(Unavailable):
        send(Call("GET", large.url, 5))
    packed = slow([HEAD + b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}"])
    with pytest.raises(Unavailable):
        send(Call("GET", packed.url, 5))


@pytest.mark.parametrize("send", [blocking, awaited])
def test_a_refused_connection_is_unavailable(send: Callable[[Call], Any]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(Unavailable):
        send(Call("GET", f"http://127.0.0.1:{port}/", 1))


def test_one_awaited_wire_serves_one_event_loop_after_another(slow: Callable[..., Slow]) -> None:
    wire = AwaitedWire()
    call = Call("GET", slow([HEAD + b"Content-Length: 2\r\n\r\n{}"]).url, 2)
    for _ in range(2):
        assert asyncio.run(wire.send(call)).body == b"{}"


# ---- one question at a time


def test_p05_of_sixteen_threads_one_asks() -> None:
    asked: list[int] = []

    async def ask() -> int:
        asked.append(1)
        together.wait(2)
        return 5

    together = threading.Event()
    kept = Kept(ask, 1.0, lambda: 0.0)
    found: list[int] = []
    threads = [threading.Thread(target=lambda: found.append(run_now(kept.get()))) for _ in range(16)]
    for thread in threads:
        thread.start()
    together.set()
    for thread in threads:
        thread.join()
    assert (found, len(asked)) == ([5] * 16, 1)


def test_p05_of_sixteen_coroutines_one_asks_also_when_that_one_is_cancelled() -> None:
    asked: list[int] = []

    async def story() -> list[int]:
        async def ask() -> int:
            asked.append(1)
            await release.wait()
            return 5

        release = asyncio.Event()
        kept = Kept(ask, 1.0, lambda: 0.0)
        first = asyncio.create_task(kept.get())
        await asyncio.sleep(0)
        others = [asyncio.create_task(kept.get()) for _ in range(15)]
        await asyncio.sleep(0)
        first.cancel()
        release.set()
        return await asyncio.gather(*others)

    assert asyncio.run(story()) == [5] * 15
    assert len(asked) == 2


# ---- put together


@pytest.mark.parametrize("kind", [True, False])
def test_building_connects_to_nothing_and_a_dead_redis_says_so(kind: bool) -> None:
    ports = build(SETTINGS, FakeProduct(), blocking=kind)
    with pytest.raises(Unavailable):
        run_now(ports.ping()) if kind else asyncio.run(_awaited(ports.ping))  # type: ignore[arg-type]
    assert len(ports.token()) == 43
    assert abs(ports.now() - time.time()) < 2


async def _awaited(ask: Callable[[], Any]) -> Any:
    return await ask()
