"""What may be a name or an address that somebody typed, at its bounds."""

from __future__ import annotations

import pytest

from linkmw.gate.names import is_address, is_name


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("", False),
        ("a", True),
        ("a" * 320, True),
        ("a" * 321, False),
        ("a b", True),
        ("Zoë.日本", True),
        ("a\0", False),
        ("a\n", False),
        ("a\u202eb", False),
        ("\ud800", False),
    ],
)
def test_lt16_a_name_can_be_typed_and_seen(text: str, right: bool) -> None:
    assert is_name(text) is right


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("a@b", True),
        ("a@b@c", False),
        ("@b", False),
        ("a@", False),
        ("a b@c", False),
        ("a" * 64 + "@" + "b" * 255, True),
        ("a" * 65 + "@b", False),
        ("a@" + "b" * 256, False),
        ("a@b\u202e", False),
    ],
)
def test_lt15_an_address_has_one_at_and_nothing_hidden(text: str, right: bool) -> None:
    assert is_address(text) is right
