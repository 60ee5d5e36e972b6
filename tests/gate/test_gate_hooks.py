"""What hooks say of an account, and what nobody says."""

from __future__ import annotations

import pytest

from linkmw.errors import LinkRefused
from linkmw.gate.hooks import HookedAccounts
from linkmw.http import Request

USER = {"id": 7, "username": "ada", "email": "ada@orders.example", "is_staff": True}


@pytest.mark.parametrize(
    ("hooks", "staff"),
    [({}, None), ({"is_staff": lambda user: user["is_staff"]}, True), ({"is_staff": lambda _: False}, False)],
)
def test_pr27_who_is_staff_is_asked_of_the_hook_and_of_nothing_else(hooks: dict, staff: bool | None) -> None:
    accounts = HookedAccounts({"verify_password": lambda *_: None, "load": lambda _: USER, **hooks})  # type: ignore[typeddict-item]
    found = accounts.find("7")
    assert found is not None
    assert found.staff is staff


def test_bc10_bc11_hooks_that_find_too_much_open_no_other_account() -> None:
    """As one that looks for `int(account_id)`, or in a database that compares loosely."""
    accounts = HookedAccounts({"load": lambda _: USER, "find": lambda _: USER, "owns_password": lambda _: True})
    found = accounts.find("7")
    assert found is not None
    assert accounts.entering("7") is USER
    for other in ("07", " 7", "7\n", "\u0667", "+7", "ada", ""):
        assert accounts.find(other) is None, other
        assert accounts.owns_password(other) is False, other
        for refused in (accounts.entering, lambda one: accounts.second_factor(Request("GET", "/"), one)):
            with pytest.raises(LinkRefused):
                refused(other)
    for name in ("Ada", "ada ", "ADA@orders.example", "7", ""):
        assert accounts.find_by_name(name) is None, name
    assert [accounts.find_by_name(name) == found for name in ("ada", "ada@orders.example")] == [True, True]
