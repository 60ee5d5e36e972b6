"""What is read of a query or a form, and how much of it (DS02, XS02)."""

from __future__ import annotations

import pytest

from linkmw.errors import RequestRefused
from linkmw.http import read_form, read_query

FORM = "application/x-www-form-urlencoded"


def pairs(count: int, value: str = "x") -> str:
    return "&".join(f"f{number}={value}" for number in range(count))


def test_ds02_fifty_fields_and_64_kib_are_read() -> None:
    assert len(list(read_form(pairs(50).encode(), FORM))) == len(list(read_query(pairs(50)))) == 50
    assert len(read_form(b"a=" + b"x" * (64 * 1024 - 2), f"{FORM}; charset=utf-8").get("a")) == 64 * 1024 - 2
    assert len(read_query("a=" + "x" * (16 * 1024 - 2)).get("a")) == 16 * 1024 - 2


@pytest.mark.parametrize(
    ("body", "content_type", "code", "status"),
    [
        (pairs(51), FORM, "too_many_fields", 413),
        (pairs(10_000, ""), FORM, "too_large", 413),
        ("&" * 60_000, FORM, "too_many_fields", 413),
        ("f=&" * 10_000, FORM, "too_many_fields", 413),
        ("a=" + "x" * (64 * 1024 - 1), FORM, "too_large", 413),
        ("a=" + "x" * 1_000_000, FORM, "too_large", 413),
        ('--b\r\nContent-Disposition: form-data; name="a"\r\n\r\nx\r\n' * 900 + "--b--", "", "content_type", 415),
        ("--b--", "multipart/form-data; boundary=b", "content_type", 415),
        ('{"a": "x"}', "application/json", "content_type", 415),
        ("a=x", "text/plain", "content_type", 415),
        ("a=é", FORM, "form_encoding", 400),
        ("a=%ff", FORM, "parameter_encoding", 400),
    ],
)
def test_ds02_xs02_what_is_too_much_or_no_form_is_refused(body: str, content_type: str, code: str, status: int) -> None:
    with pytest.raises(RequestRefused) as refused:
        read_form(body.encode(), content_type)
    assert (refused.value.code, refused.value.status) == (code, status)


def test_ds02_a_query_has_the_same_fields_and_16_kib() -> None:
    for query, code in ((pairs(51), "too_many_fields"), ("a=" + "x" * (16 * 1024 - 1), "too_large")):
        with pytest.raises(RequestRefused) as refused:
            read_query(query)
        assert (refused.value.code, refused.value.status) == (code, 413)
