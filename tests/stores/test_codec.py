"""Records read back exactly, or not at all (RF09)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.stores.values import ACCOUNT, IDENTITY, flow, grant, hub_session, pending, proof_record, session, sign_in

from linkmw.errors import RequestRefused
from linkmw.gate.ports import ProofRecord
from linkmw.hub.ports import Flow, Grant, HubSession, PendingProof
from linkmw.model import Session, SignIn
from linkmw.secret import Secret
from linkmw.stores import session_record
from linkmw.stores.codec import MAX_BYTES, Codec

FULL_FLOW = replace(flow(), identity=IDENTITY, account=ACCOUNT, amr=("mfa",), proven_amr=("pwd",), link_id=3)
VALUES = [
    sign_in(),
    proof_record(account=ACCOUNT),
    flow(),
    FULL_FLOW,
    pending(),
    grant(),
    grant(link_id=7),
    hub_session(),
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_a_record_reads_back_as_it_was(value: Any) -> None:
    codec = Codec(type(value))
    found = codec.read(codec.write(value))
    assert found == value
    assert [type(getattr(found, name)) for name in value.__slots__] == [
        type(getattr(value, name)) for name in value.__slots__
    ]


def test_the_secret_that_is_the_key_is_not_in_the_record() -> None:
    codec = Codec(HubSession, without=("sid",))
    data = codec.write(hub_session("top-secret"))
    assert b"top-secret" not in data
    assert codec.read(data, sid=Secret("top-secret")) == hub_session("top-secret")


def poisoned() -> dict[str, bytes]:
    good = json.loads(Codec(SignIn).write(sign_in()))
    return {
        "empty": b"",
        "not JSON": b"\x80\x04\x95pickle",
        "not UTF-8": b'{"v":1,"state":"\xff"}',
        "another shape": b"[1]",
        "no version": json.dumps({key: item for key, item in good.items() if key != "v"}).encode(),
        "an older version": json.dumps({**good, "v": 0}).encode(),
        "a newer version": json.dumps({**good, "v": 2}).encode(),
        "a field missing": json.dumps({key: item for key, item in good.items() if key != "nonce"}).encode(),
        "a field too many": json.dumps({**good, "admin": True}).encode(),
        "a number for a text": json.dumps({**good, "nonce": 1}).encode(),
        "a text for a number": json.dumps({**good, "started": "1"}).encode(),
        "true for a number": json.dumps({**good, "started": True}).encode(),
        "null": json.dumps({**good, "then": None}).encode(),
        "a number of 5000 digits": b'{"v":1,"started":' + b"9" * 5000 + b"}",
        "a deep bomb": b"[" * 60_000,
        "a bomb": b'{"v":1,"x":"' + b"a" * MAX_BYTES + b'"}',
    }


@pytest.mark.parametrize("data", poisoned().values(), ids=poisoned().keys())
def test_rf09_a_poisoned_record_is_no_record(data: bytes) -> None:
    assert Codec(SignIn).read(data) is None


@pytest.mark.parametrize(
    "poison",
    [
        {"step": "root"},
        {"step": ["linked"]},
        {"amr": "pwd"},
        {"amr": [1]},
        {"identity": {"issuer": "x"}},
        {"identity": "ann"},
        {"request": {"max_age": "soon"}},
        {"link_id": "3"},
    ],
    ids=str,
)
def test_rf09_poison_inside_a_record_is_no_record(poison: Mapping[str, Any]) -> None:
    good = json.loads(Codec(Flow).write(FULL_FLOW))
    assert Codec(Flow).read(json.dumps(good).encode()) == FULL_FLOW
    assert Codec(Flow).read(json.dumps({**good, **poison}).encode()) is None


def test_kf05_a_flow_that_an_older_version_wrote_goes_on_without_what_was_added_since() -> None:
    """As in a rolling update. The other way about a field too many is no record, and the person begins anew (RF09)."""
    added = {item.name: item.default for item in fields(Flow) if item.default is not MISSING}
    written = json.loads(Codec(Flow).write(FULL_FLOW))
    older = {name: value for name, value in written.items() if name not in added}
    assert Codec(Flow).read(json.dumps(older).encode()) == replace(FULL_FLOW, **added)


@given(st.binary(max_size=300))
def test_rf09_no_bytes_crash_a_reader(data: bytes) -> None:
    for kind in (SignIn, ProofRecord, Flow, PendingProof, Grant, HubSession):
        assert Codec(kind).read(data) is None
    session_record.unpack("sid", data)


def test_i10_a_value_no_honest_request_makes_so_large_is_refused() -> None:
    with pytest.raises(RequestRefused) as refused:
        Codec(SignIn).write(sign_in(flow="a" * MAX_BYTES))
    assert (refused.value.code, refused.value.status) == ("too_large", 413)


def test_a_field_no_codec_can_keep_shows_at_start() -> None:
    @dataclass(frozen=True)
    class Odd:
        value: object

    with pytest.raises(TypeError):
        Codec(Odd)


texts = st.text(max_size=80) | st.binary(min_size=32, max_size=32).map(session_record._token)
times = st.integers(min_value=0, max_value=2**32 - 1)


@given(st.builds(Session, st.just("sid"), texts, texts, texts, times, times, texts))
def test_a_session_reads_back_as_it_was(value: Session) -> None:
    data = session_record.pack(value)
    assert session_record.unpack("sid", data) == value
    assert session_record.unpack("sid", data + b"x") is None
    assert session_record.unpack("sid", data[:-1]) is None


def test_a_session_from_before_there_were_names_of_native_ones_reads_as_one_without() -> None:
    written = bytes.fromhex("016ab13b806ab1ac0000023432000169000168")
    assert session_record.unpack("sid", written) == Session("sid", "42", "i", "h", 0x6AB13B80, 0x6AB1AC00)


def test_rf09_a_session_of_another_version_is_no_session() -> None:
    data = session_record.pack(session(expires=1_790_028_800))
    assert session_record.unpack("sid", b"\x02" + data[1:]) is None
    assert session_record.unpack("sid", b"") is None
    assert session_record.unpack("sid", None) is None


def test_g7_a_session_with_three_tokens_is_under_a_hundred_bytes() -> None:
    assert len(session_record.pack(session(expires=1_790_028_800))) <= 90


def test_i10_a_session_with_an_endless_text_is_refused() -> None:
    with pytest.raises(RequestRefused):
        session_record.pack(session(expires=1, account_id="a" * 40_000))
