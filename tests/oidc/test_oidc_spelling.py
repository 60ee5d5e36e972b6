"""TV16 to TV18: one spelling of bytes, and JSON that two readers cannot read differently, to the last digit."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode

import pytest

from linkmw.oidc import base64url, strict_json


@pytest.mark.parametrize("length", range(1, 50))
def test_tv17_bytes_of_any_length_are_written_and_read(length):
    data = bytes(range(250 - length, 250))
    text = urlsafe_b64encode(data).decode().rstrip("=")
    assert base64url.encode(data) == text
    assert base64url.decode(text) == data


@pytest.mark.parametrize(
    "text",
    [
        *("", "A", "AAAAA", "AA==", "AAA=", "A+", "A/", "A A", "AA\n"),
        *("AB", "A0"),  # four spare bits: the right spelling is AA, Aw
        *("AAB", "AA-"),  # two: AAA, AA8
    ],
)
def test_tv17_another_spelling_is_none(text):
    with pytest.raises(ValueError):
        base64url.decode(text)


def test_a_digest_in_base64url():
    assert base64url.sha256(b"") == "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        '{"a":' * 8 + "1" + "}" * 8,
        '{"a":' + "[" * 7 + "]" * 7 + "}",
        '{"a":[],"b":[],"c":[],"d":{},"e":[[]],"f":[],"g":[],"h":[],"i":[],"j":[]}',
        '{"a":"[[[[[[[[[[{{{{{{\\"[[[[\\\\"}',
        '{"a":18446744073709551615,"b":-9999999999999999999}',
        '{"a":1e308,"b":-0.5}',
        '{"a":"\\ud83d\\ude00","b":"Zoë"}',
    ],
)
def test_tv18_plain_json_is_read(text):
    assert strict_json.read_object(text.encode()) == json.loads(text)


@pytest.mark.parametrize(
    "text",
    [
        '{"a":' * 9 + "1" + "}" * 9,
        '{"a":' + "[" * 8 + "]" * 8 + "}",
        '{"a":[{},{},{},' + "[" * 7 + "]" * 7 + "]}",
        '{"a":184467440737095516150}',
        '{"a":-99999999999999999999}',
        '{"a":1e309}',
        '{"a":NaN}',
        '{"a":Infinity}',
        '{"a":"\\ud83d"}',
        '{"a":1,"a":1}',
        '{"a":[{"b":1,"\\u0062":2}]}',
        "[]",
        "1",
    ],
)
def test_tv16_tv18_json_that_readers_disagree_about_is_not(text):
    with pytest.raises(ValueError):
        strict_json.read_object(text.encode())
