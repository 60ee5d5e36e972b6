"""Values sealed for one purpose."""

from __future__ import annotations

import pytest

from linkmw.errors import SettingsError
from linkmw.oidc import base64url
from linkmw.signed import Seal, Unopenable, new_key


def test_a_value_opens_for_its_purpose_and_with_its_key_only() -> None:
    seal = Seal.read(new_key())
    sealed = seal.close(b"value", "table:row:column")
    assert seal.open(sealed, "table:row:column") == b"value"
    for other, purpose in ((seal, "table:row2:column"), (Seal.read(new_key()), "table:row:column")):
        with pytest.raises(Unopenable):
            other.open(sealed, purpose)


def test_one_value_is_never_sealed_alike_twice() -> None:
    seal = Seal.read(new_key())
    assert len({seal.close(b"value", "p") for _ in range(100)}) == 100


def test_every_changed_octet_is_noticed() -> None:
    seal = Seal.read(new_key())
    raw = base64url.decode(seal.close(b"value", "p")[1:])
    for place in range(len(raw)):
        changed = raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :]
        with pytest.raises(Unopenable):
            seal.open("1" + base64url.encode(changed), "p")


@pytest.mark.parametrize("sealed", ["", "1", "1abc", "2" + "A" * 80, "1" + "!" * 80, "1" + "A" * 80, "\ud800"])
def test_what_was_never_sealed_does_not_open(sealed: str) -> None:
    with pytest.raises(Unopenable):
        Seal.read(new_key()).open(sealed, "p")


def test_two_keys_the_newest_seals_and_both_open() -> None:
    old, new = new_key(), new_key()
    before, both, after = Seal.read(old), Seal.read(f"{new}, {old}"), Seal.read(new)
    assert both.open(before.close(b"1", "p"), "p") == b"1"
    assert after.open(both.close(b"2", "p"), "p") == b"2"


def test_i9_keys_are_not_in_the_repr() -> None:
    key = new_key()
    assert repr(Seal.read(key)) == "Seal()"
    assert len(base64url.decode(key)) == 32


def _key(data: bytes) -> str:
    return base64url.encode(data)


@pytest.mark.parametrize(
    ("text", "is_key"),
    [
        (_key(bytes(range(200, 232))), True),
        (f" {_key(bytes(range(200, 232)))}= ,{_key(bytes(range(100, 132)))}", True),
        (_key(bytes(range(32))), True),  # ASCII, and no text
        (_key(bytes(range(200, 231))), False),
        (_key(bytes(range(200, 233))), False),
        (_key(bytes(range(200, 216)) * 2), True),
        (_key(bytes(range(200, 215)) * 2 + b"\xff\xff"), True),  # 16 different ones
        (_key(bytes(range(200, 215)) * 2 + b"\xc8\xc9"), False),  # 15
        (_key(bytes(32)), False),
        (_key(b"a passphrase of 32 letters, typed"[:32]), False),
        (f"{_key(bytes(range(200, 232)))},", False),
        (f"{_key(bytes(range(200, 232)))},{_key(bytes(32))}", False),
        ("", False),
        ("no base64url!", False),
    ],
)
def test_cf05_a_key_is_32_random_bytes(text: str, is_key: bool) -> None:
    if is_key:
        assert len(Seal.read(text).keys) == text.count(",") + 1
        return
    with pytest.raises(SettingsError) as refused:
        Seal.read(text)
    assert "linkmw hub init" in str(refused.value)


@pytest.mark.parametrize("size", [0, 1, 3, 300])
def test_a_sealed_value_is_as_long_as_columns_expect(size: int) -> None:
    sealed = Seal.read(new_key()).close(b"x" * size, "p")
    assert (sealed[0], len(sealed)) == ("1", 1 + -(-(size + 28) * 4 // 3))
    assert sealed.isascii()
