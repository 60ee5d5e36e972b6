"""Back-channel logout: what the hub signs ends what it names, and nothing else ends anything."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import httpx2
import pytest
from tests.gate.world import ADA, BOB, SETTINGS, Browser, World, header, location, streamed

from linkmw.errors import Unavailable
from linkmw.gate.hub_client import HubClient
from linkmw.gate.product_call import answering
from linkmw.gate.wire import BlockingWire
from linkmw.http import Request, Response
from linkmw.model import Marker
from linkmw.oidc import logout_token
from linkmw.oidc.jose import PrivateKey, sign
from linkmw.run import in_place

KEY = PrivateKey.generate("RS256")
STRANGER = PrivateKey.generate("RS256")
FORM = "application/x-www-form-urlencoded"
GONE: Any = ...


class Keys:
    """The hub's keys; how often they were asked for."""

    def __init__(self) -> None:
        self.asked = 0
        self.keys = [KEY]

    def __call__(self, _: httpx2.Request) -> httpx2.Response:
        self.asked += 1
        return streamed(httpx2.Response(200, json={"keys": [key.public_jwk() for key in self.keys]}))


@pytest.fixture
def keys() -> Keys:
    return Keys()


@pytest.fixture
def world(keys: Keys) -> World:
    """A gate whose hub's tokens are verified as they are in life; the rest of its hub answers at once."""
    world = World()
    wire = BlockingWire(httpx2.MockTransport(keys))
    real = HubClient(SETTINGS, wire, clock=lambda: 0.0, now=world.clock, token=world.token)
    world.hub.verify_logout_token = real.verify_logout_token  # type: ignore[method-assign]
    return world


def signed(world: World, key: PrivateKey = KEY, typ: str = logout_token.TYP, **changes: Any) -> str:
    claims = logout_token.claims_for(
        issuer=SETTINGS.issuer, audience="orders", now=world.clock(), jti=world.token(), subject=ADA.account_id
    )
    kept = {name: value for name, value in {**claims, **changes}.items() if value is not GONE}
    return sign(kept, key, typ=typ)


def unsigned(world: World) -> str:
    head = base64.urlsafe_b64encode(b'{"alg":"none","typ":"logout+jwt"}').rstrip(b"=").decode()
    return f"{head}.{signed(world).split('.')[1]}."


def tells(world: World, token: str | None, **request: Any) -> Response:
    fields = {} if token is None else {"logout_token": token}
    asked = {"method": "POST", "path": "/.linkmw/logout", "body": urlencode(fields).encode()}
    answer = world.answer(Request(**{"headers": {"content-type": FORM}, **asked, **request}))
    assert isinstance(answer, Response)
    assert header(answer, "Cache-Control") == "no-store"
    assert b"<html" not in answer.body
    return answer


def signs_in(world: World, account: Any = ADA, sid: str = "hub-sid") -> Browser:
    person = world.browser()
    world.hub.claims = {"sub": account.account_id, "sid": sid, "iat": world.clock(), "identity": "pairwise"}
    assert location(person.returns(person.starts()["state"])) == "/orders"
    assert person.account == account.account_id
    return person


def marker_of(world: World, person: Browser) -> Marker:
    marker = world.product.sessions[person.cookies["session"]][1]
    assert marker is not None
    return marker


def stands(world: World, marker: Marker) -> bool:
    return world.run(world.ports.sessions.get(marker.sid)) is not None


def test_tv26_a_token_with_sub_alone_ends_all_sessions_of_that_account_and_no_others(world: World) -> None:
    adas = [signs_in(world, ADA, sid) for sid in ("one", "two", "two")]
    bobs = signs_in(world, BOB, "two")
    markers = [marker_of(world, person) for person in adas]
    assert tells(world, signed(world)).status == 200
    assert [stands(world, marker) for marker in markers] == [False] * 3
    assert [person.account for person in (*adas, bobs)] == ["", "", "", BOB.account_id]
    assert stands(world, marker_of(world, bobs))


def test_tv26_a_token_with_a_sid_ends_what_that_hub_session_opened_for_the_account(world: World) -> None:
    one, two = signs_in(world, ADA, "one"), signs_in(world, ADA, "two")
    bobs = signs_in(world, BOB, "one")
    assert tells(world, signed(world, sid="one")).status == 200
    assert [person.account for person in (one, two, bobs)] == ["", ADA.account_id, BOB.account_id]


def test_tv26_a_token_without_sub_ends_what_the_hub_session_opened_for_anybody(world: World) -> None:
    people = [signs_in(world, ADA, "one"), signs_in(world, BOB, "one"), signs_in(world, ADA, "two")]
    assert tells(world, signed(world, sub=GONE, sid="one")).status == 200
    assert [person.account for person in people] == ["", "", ADA.account_id]


def test_tv26_an_unknown_sid_or_account_is_no_error(world: World) -> None:
    person = signs_in(world)
    assert tells(world, signed(world, sid="unknown")).status == 200
    assert tells(world, signed(world, sub="4711")).status == 200
    assert person.account == ADA.account_id


def test_tv26_a_logout_that_is_told_late_means_no_session_that_was_begun_since(world: World) -> None:
    before = signs_in(world)
    happened = world.clock()
    world.clock.time += 60
    since = signs_in(world)
    assert tells(world, signed(world, toe=happened)).status == 200
    assert (before.account, since.account) == ("", ADA.account_id)
    assert tells(world, signed(world, toe=world.clock() + 600)).status == 200  # of the future: by its `iat`
    assert since.account == ""
    world.clock.time += 1
    assert signs_in(world).account == ADA.account_id


TV25 = {
    "issuer": {"iss": "https://id.example/o/wiki"},
    "no issuer": {"iss": GONE},
    "audience": {"aud": "wiki"},
    "no audience": {"aud": GONE},
    "no event": {"events": GONE},
    "wrong event": {"events": {"http://schemas.openid.net/event/other": {}}},
    "event is a word": {"events": {logout_token.EVENT: "yes"}},
    "nonce": {"nonce": "n"},
    "no iat": {"iat": GONE},
    "iat is a word": {"iat": "now"},
    "no jti": {"jti": GONE},
    "no exp": {"exp": GONE},
    "nobody": {"sub": GONE},
    "empty sub": {"sub": ""},
}


@pytest.mark.parametrize("changes", TV25.values(), ids=TV25.keys())
def test_tv25_a_token_that_is_wrong_in_any_way_ends_nothing(world: World, changes: dict[str, Any]) -> None:
    person = signs_in(world)
    answer = tells(world, signed(world, **changes))
    assert (answer.status, json.loads(answer.body)) == (400, {"error": "invalid_request"})
    assert stands(world, marker_of(world, person))
    assert person.account == ADA.account_id


def test_tv25_neither_do_times_that_are_wrong(world: World) -> None:
    person = signs_in(world)
    now = world.clock()
    for changes in ({"exp": now + 181}, {"exp": now - 60, "iat": now - 120}, {"iat": now + 61, "exp": now + 120}):
        assert tells(world, signed(world, **changes)).status == 400
    assert person.account == ADA.account_id


def test_tv25_neither_does_what_nobody_or_a_stranger_signed(world: World) -> None:
    person = signs_in(world)
    for token in (unsigned(world), signed(world, STRANGER), signed(world)[:-3] + "AAA", "", "x", "a.b.c", None):
        assert tells(world, token).status == 400
    assert tells(world, signed(world, typ="linkmw-call+jwt")).status == 400
    assert person.account == ADA.account_id


def test_tv25_a_token_counts_once(world: World) -> None:
    token = signed(world)
    assert tells(world, token).status == 200
    world.clock.time += 1
    person = signs_in(world)
    assert tells(world, token).status == 400
    assert person.account == ADA.account_id


@pytest.mark.parametrize(
    "request_is",
    [
        {"headers": {"content-type": "application/json"}, "body": b"{}"},
        {"body": b"x" * 70_000},
        {"body": b"logout_token=a&logout_token=b"},
        {"body": b"logout_token=%ff"},
        {"headers": {"content-type": FORM, "content-length": "4000"}, "body": b"logout_token=cut"},
    ],
    ids=["json", "endless", "twice", "no utf-8", "cut short"],
)
def test_tv25_what_is_no_form_with_one_token_is_400_and_no_page(world: World, request_is: dict[str, Any]) -> None:
    assert tells(world, None, **request_is).status == 400


def test_tv10_an_unknown_key_is_looked_up_anew_at_most_every_30_seconds(world: World, keys: Keys) -> None:
    assert tells(world, signed(world)).status == 200
    assert keys.asked == 1
    rotated = PrivateKey.generate("RS256")
    keys.keys = [rotated, KEY]
    world.clock.time += 31
    assert tells(world, signed(world, rotated)).status == 200
    for _ in range(5):
        assert tells(world, signed(world, STRANGER)).status == 400
    assert keys.asked == 2


def test_while_redis_is_silent_the_hub_is_asked_to_tell_it_again(world: World) -> None:
    person = signs_in(world)

    async def silent(*_: Any, **__: Any) -> Any:
        raise Unavailable("Redis: ConnectionError")

    for store, method in ((world.store.marks, "first_use"), (world.store.sessions, "end_all")):
        right = getattr(store, method)
        setattr(store, method, silent)
        assert tells(world, signed(world)).status == 503
        setattr(store, method, right)
    assert tells(world, signed(world)).status == 200
    assert person.account == ""


def test_a_product_that_is_away_keeps_the_hub_from_nothing(world: World) -> None:
    person = signs_in(world)
    marker = marker_of(world, person)
    world.having(call=answering(in_place))
    world.product.broken = True
    assert tells(world, signed(world)).status == 200
    world.product.broken = False
    assert not stands(world, marker)  # its guard ends it at the next request


def test_a_reference_from_before_the_secret_was_changed_is_none(world: World) -> None:
    person = signs_in(world)
    world.settings = replace(world.settings, client_secret=type(SETTINGS.client_secret)("t" * 43))
    assert tells(world, signed(world)).status == 200
    assert not stands(world, marker_of(world, person))


def test_sc07_what_ends_a_native_session_is_sealed_in_redis(world: World) -> None:
    person = signs_in(world)
    session = world.run(world.ports.sessions.get(marker_of(world, person).sid))
    assert session.native
    assert person.cookies["session"] not in repr(vars(world.store.sessions))
    assert person.cookies["session"] not in session.native


def test_ops2_each_session_that_ends_is_in_the_audit_trail(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "linkmw.audit")
    signs_in(world)
    signs_in(world)
    tells(world, signed(world))
    lines = [json.loads(record.message) for record in caplog.records if record.name == "linkmw.audit"]
    ended = [line for line in lines if line["event"] == "session_ended"]
    assert [(line["result"], line["code"], line["account_id"], line["sub"]) for line in ended] == [
        ("ok", "logout", ADA.account_id, "pairwise")
    ] * 2


def test_ds06_a_thousand_forged_tokens_are_one_line(world: World, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(50):
        tells(world, "forged")
    assert len([record for record in caplog.records if "logout" in record.message]) == 1


def test_bc08_a_get_is_no_route_of_ours(world: World) -> None:
    assert not isinstance(world.answer(Request("GET", "/.linkmw/logout")), Response)


def test_rc11_a_logout_that_comes_before_the_session_is_written_ends_it(world: World) -> None:
    """The hub answered the code, then the link was removed, and only then does the gate come to write it down."""
    person = world.browser()
    state = person.starts()["state"]
    world.hub.claims = {"sub": ADA.account_id, "sid": "hub-sid", "iat": world.clock()}
    right = world.hub.verify_id_token

    async def overtaken(token: str, nonce: str) -> Any:
        claims = await right(token, nonce)
        assert tells(world, signed(world)).status == 200
        return claims

    world.hub.verify_id_token = overtaken  # type: ignore[method-assign]
    answer = person.returns(state)
    assert answer.status == 400
    assert "has expired" in person.page
    assert (person.account, world.product.sessions) == ("", {})


def test_rc11_a_logout_between_the_native_session_and_its_name_ends_both(world: World) -> None:
    person = world.browser()
    state = person.starts()["state"]
    world.hub.claims = {"sub": ADA.account_id, "sid": "hub-sid", "iat": world.clock()}
    right = world.product.reference

    def overtaken(request: Request) -> str:
        assert tells(world, signed(world)).status == 200
        return right(request)

    world.product.reference = overtaken  # type: ignore[method-assign]
    assert person.returns(state).status == 400
    assert "session" not in person.cookies
    assert not any(world.store.sessions._sessions.keys_in_order())


def test_rc11_a_sign_in_that_began_after_the_logout_is_a_new_one(world: World) -> None:
    assert tells(world, signed(world)).status == 200
    world.clock.time += 1
    assert signs_in(world).account == ADA.account_id
