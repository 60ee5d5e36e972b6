"""Values sealed for one purpose."""

from __future__ import annotations

import pytest

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
