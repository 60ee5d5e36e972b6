"""What hooks say of an account, and what nobody says."""

from __future__ import annotations

import pytest

from linkmw.gate.hooks import HookedAccounts

USER = {"id": 7, "username": "ada", "is_staff": True}


@pytest.mark.parametrize(
    ("hooks", "staff"),
    [({}, None), ({"is_staff": lambda user: user["is_staff"]}, True), ({"is_staff": lambda _: False}, False)],
)
def test_pr27_who_is_staff_is_asked_of_the_hook_and_of_nothing_else(hooks: dict, staff: bool | None) -> None:
    accounts = HookedAccounts({"verify_password": lambda *_: None, "load": lambda _: USER, **hooks})  # type: ignore[typeddict-item]
    found = accounts.find("7")
    assert found is not None
    assert found.staff is staff
