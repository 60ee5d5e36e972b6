"""Which requests are ours: the truth table, and what is said where nothing is."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.gate.world import SETTINGS

from linkmw.gate.claim import Claim, relative
from linkmw.settings import Settings


def settings(*login_paths: str, **changes: object) -> Settings:
    return replace(SETTINGS, login_paths=login_paths, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("path", "ours"),
    [
        ("/login", True),
        ("/admin/login", True),
        ("/anmelden/für-alle", True),
        ("/anmelden/fÃ¼r-alle", True),  # as PEP 3333 hands it over
        ("/.linkmw/", True),
        ("/.linkmw/callback", True),
        ("/login/", False),
        ("/LOGIN", False),
        ("/login2", False),
        ("/x/login", False),
        ("/.linkmw", False),
        ("/x/.linkmw/callback", False),
        ("/", False),
        ("", False),
    ],
)
def test_i5_what_is_ours(path: str, ours: bool) -> None:
    claim = Claim(settings("/login", "/admin/login", "/anmelden/für-alle"))
    assert claim.on
    assert claim.claims(path) is ours


@pytest.mark.parametrize("path", ["/login", "/.linkmw/callback", "/", ""])
def test_dis01_nothing_is_ours_while_linkmw_is_off(path: str) -> None:
    claim = Claim(settings("/login", enabled=False))
    assert not claim.on
    assert claim.claims(path) is False


def test_dis02_what_a_file_may_switch_on_is_looked_at() -> None:
    claim = Claim(settings("/login", enabled=False), may_be_on=True)
    assert claim.on
    assert (claim.claims("/login"), claim.claims("/.linkmw/x"), claim.claims("/orders")) == (True, True, False)


def test_ht02_what_the_framework_takes_for_the_login_route_is_one() -> None:
    claim = Claim(settings("/login"), lambda path: path.replace("//", "/"))
    assert [claim.claims(path) for path in ("//login", "/login", "//.linkmw/x", "//orders")] == [
        True,
        True,
        True,
        False,
    ]


@pytest.mark.parametrize(
    ("path", "ours"),
    [
        ("/login", True),
        ("/login\n", True),
        ("/login\n\n", False),
        ("/\nlogin", False),
        ("/.linkmw/callback\n", True),
        ("/.linkmw/\n", True),
        ("/orders\n", False),
    ],
)
def test_ht03_what_a_framework_lets_a_path_end_in_is_claimed_with_it(path: str, ours: bool) -> None:
    assert Claim(settings("/login"), endings=("", "\n")).claims(path) is ours


@pytest.mark.parametrize(
    ("enabled", "problems", "said"),
    [
        (True, ("LINKMW_HUB_URL is missing",), True),
        (None, ("LINKMW_HUB_URL is missing", "LINKMW_REDIS_URL is missing"), True),
        (False, ("LINKMW_HUB_URL is missing",), False),  # off on purpose: nobody has to be told
        (True, (), False),
    ],
)
def test_dis12_what_is_wrong_is_said(
    enabled: bool | None, problems: tuple[str, ...], said: bool, caplog: pytest.LogCaptureFixture
) -> None:
    Claim(settings("/login", enabled=enabled, problems=problems))
    assert [record.levelname for record in caplog.records] == ["ERROR"] * said
    assert all(problem in caplog.text for problem in problems if said)


@pytest.mark.parametrize(
    ("path", "root", "inside"),
    [
        ("/shop/login", "/shop", "/login"),
        ("/shop/login", "/shop/", "/login"),
        ("/shop", "/shop", ""),
        ("/shopping/login", "/shop", "/shopping/login"),
        ("/login", "/shop", "/login"),  # older servers leave the mount out of the path
        ("/login", "", "/login"),
        ("/login", "/", "/login"),
        ("/a/b/login", "/a/b", "/login"),
    ],
)
def test_ht08_a_path_as_the_mounted_application_sees_it(path: str, root: str, inside: str) -> None:
    assert relative(path, root) == inside
