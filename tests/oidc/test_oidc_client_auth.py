"""HTTP Basic client authentication (RFC 6749, 2.3.1)."""

from __future__ import annotations

from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkmw.errors import RequestRefused
from linkmw.oidc.client_auth import read_basic, write_basic


def basic(pair: bytes) -> str:
    return "Basic " + b64encode(pair).decode()


@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=40), st.text(min_size=1, max_size=40))
def test_what_is_written_is_read(client_id, secret):
    secret = secret.encode("utf-8", "replace").decode()
    found = read_basic(write_basic(client_id, secret))
    assert (found.client_id, found.secret) == (client_id, secret)
    assert repr(secret) == "'***'" or f"{secret!r}" not in repr(found.secret)


def test_id_and_secret_are_form_encoded_first():
    assert write_basic("a:b", "c d%") == basic(b"a%3Ab:c+d%25")


def test_a_secret_is_starred_out():
    assert "s3cr3t" not in repr(read_basic(basic(b"shop:s3cr3t")))


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Basic",
        "Basic ",
        "Bearer c2hvcDpzZWNyZXQ=",
        "Basic c2hvcDpzZWNyZXQ= x",
        "Basic c2hvcDpzZWNyZXQ",
        "Basic c2hv\ncDpzZWNyZXQ=",
        "Basic ****",
        "Basic é",
        basic(b"shop"),
        basic(b"shop:"),
        basic(b":secret"),
        basic(b":"),
        basic(b"\xff:secret"),
        basic(b"%ff:secret"),
        basic("é:secret".encode()),
        basic(b"shop:" + b"x" * 2048),
        "Advanced c2hvcDpzZWNyZXQ=",
    ],
)
def test_bc01_credentials_that_are_none_have_one_answer(header):
    with pytest.raises(RequestRefused) as caught:
        read_basic(header)
    assert (caught.value.code, caught.value.status) == ("invalid_client", 401)
    assert str(caught.value) == "the client is not known by these credentials"


def test_bc01_a_header_has_2048_characters_at_most():
    """Spaces around the credentials are none of theirs."""
    longest = "Basic   " + b64encode(b"shop:" + b"x" * 1525).decode()
    assert (len(longest), read_basic(longest).client_id) == (2048, "shop")
    with pytest.raises(RequestRefused):
        read_basic(longest + " ")


@pytest.mark.parametrize("scheme", ["Basic", "basic", "BASIC"])
def test_the_scheme_is_read_in_any_case(scheme):
    assert read_basic(f"{scheme} c2hvcDpzZWNyZXQ=").client_id == "shop"


@given(st.one_of(st.text(max_size=100), st.binary(max_size=80).map(basic)))
def test_bc01_no_header_breaks_the_reader(header):
    try:
        found = read_basic(header)
    except RequestRefused:
        return
    assert found.client_id
    assert found.secret
