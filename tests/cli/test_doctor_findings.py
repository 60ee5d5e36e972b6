"""The doctor's checks as values: standings, exit codes, how they print, what is starred out; versions and policies."""

from __future__ import annotations

import json

import pytest

from linkmw.cli.doctor import keycloak, values
from linkmw.cli.doctor.findings import Check, Finding, as_json, exit_code, lines, summary
from linkmw.hub.settings import HubSettings
from linkmw.keycloak import is_old
from linkmw.settings import Settings, load
from linkmw.stores.redis_state import evicting, is_patched

CHECK = Check("part.thing", "is it there?", "bring it")
OK, WARNING, WRONG = CHECK.ok("there"), CHECK.warning("half there"), CHECK.wrong("gone", of="acme")


@pytest.mark.parametrize(
    ("findings", "strict", "code"),
    [
        ([], False, 0),
        ([OK], True, 0),
        ([OK, WARNING], False, 0),
        ([OK, WARNING], True, 1),
        ([OK, WRONG], False, 1),
        ([WARNING, WRONG], True, 1),
    ],
)
def test_ops01_a_warning_fails_only_when_asked_to(findings: list[Finding], strict: bool, code: int) -> None:
    assert exit_code(findings, strict=strict) == code


def test_ops01_a_line_says_what_was_found_and_another_what_to_do() -> None:
    assert [line.split() for line in lines(WRONG)] == [
        ["wrong", "part.thing", "acme:", "gone"],
        ["→", "bring", "it"],
    ]
    assert len(lines(OK)) == 1
    assert summary([OK, WARNING, WRONG]) == "3 checks: 1 wrong, 1 to look at."


def test_ops01_the_same_as_json_for_scripts() -> None:
    found = json.loads(as_json([OK, WRONG]))
    assert found["ok"] is False
    assert [one["standing"] for one in found["findings"]] == ["ok", "wrong"]
    assert found["findings"][1] == {
        "check": "part.thing", "of": "acme", "standing": "wrong", "found": "gone", "advice": "bring it", "details": [],
    }  # fmt: skip
    assert json.loads(as_json([OK, WARNING]))["ok"] is True


@pytest.mark.parametrize(("seconds", "standing"), [(0, "ok"), (30, "ok"), (-30, "ok"), (31, "wrong"), (-31, "wrong")])
def test_cf10_half_a_minute_between_two_clocks_is_the_most(seconds: int, standing: str) -> None:
    found = CHECK.apart(seconds)
    assert found.standing == standing
    assert standing == "ok" or ("ahead" if seconds > 0 else "behind") in found.found


@pytest.mark.parametrize(
    ("version", "old"),
    [
        ("26.7.3", False), ("26.7.4", False), ("26.10.0", False), ("27.0.0", False), ("999.0.0-SNAPSHOT", False),
        ("26.7.2", True), ("26.6.9", True), ("25.9.9", True), ("", False), ("26.7", False), ("nightly", False),
    ],
)  # fmt: skip
def test_mg02_cf10_keycloak_has_a_floor(version: str, old: bool) -> None:
    assert is_old(version) is old


@pytest.mark.parametrize(
    ("version", "standing"), [("26.7.3", "ok"), ("26.7.2", "wrong"), ("26.7", "wrong"), ("nightly", "wrong")]
)
def test_cf10_a_keycloak_that_is_old_or_no_release_is_wrong(version: str, standing: str) -> None:
    assert keycloak._version(version, "acme").standing == standing


@pytest.mark.parametrize(
    ("kind", "version", "patched"),
    [
        ("redis", (7, 0, 15), False), ("redis", (8, 2, 2), False), ("redis", (8, 6, 2), False),
        ("redis", (8, 6, 3), True), ("redis", (8, 8, 0), True), ("redis", (), False),
        ("valkey", (7, 2, 10), False), ("valkey", (7, 2, 11), True), ("valkey", (8, 0, 5), False),
        ("valkey", (8, 0, 6), True), ("valkey", (8, 1, 3), False), ("valkey", (8, 1, 4), True),
        ("valkey", (9, 1, 2), True), ("valkey", (7, 0, 0), False),
    ],
)  # fmt: skip
def test_rf12_redis_has_a_floor_of_patches(kind: str, version: tuple[int, ...], patched: bool) -> None:
    assert is_patched(kind, version) is patched


@pytest.mark.parametrize(
    ("policies", "said"),
    [
        ({"noeviction"}, ""),
        ({"allkeys-lru"}, "allkeys-lru"),
        ({"noeviction", "volatile-ttl"}, "volatile-ttl"),  # one node of a cluster
        ({""}, "not told"),
        (set(), ""),
    ],
)
def test_rf05_every_server_has_to_keep_its_keys(policies: set[str], said: str) -> None:
    assert said in evicting(policies)
    assert bool(said) == bool(evicting(policies))


def test_ops01_cf09_settings_are_shown_with_their_source_and_without_secrets() -> None:
    secret, password = "s" * 43, "of-redis"
    environ = {"LINKMW_CLIENT_SECRET": secret, "LINKMW_HUB_URL": "https://hub.example"}
    file = {"redis_url": f"redis://user:{password}@r.example:6379/0?password={password}"}
    configured = {"LOGIN_PATHS": ["/in", "/admin/login"]}
    settings = load(configured | file, environ)
    shown = values.shown(settings, environ, ("the framework's configuration", configured), ("linkmw.toml", file))
    assert shown == [
        "LINKMW_HUB_URL = https://hub.example (environment)",
        "LINKMW_CLIENT_SECRET = *** (environment)",
        "LINKMW_REDIS_URL = redis://***@r.example:6379/0 (linkmw.toml)",
        "LINKMW_LOGIN_PATHS = /in,/admin/login (the framework's configuration)",
    ]
    from_file = values.shown(HubSettings(), {"LINKMW_HUB_KEY_FILE": "key.txt"})
    assert from_file == ["LINKMW_HUB_KEY =  (the file that LINKMW_HUB_KEY_FILE names)"]
    assert values.shown(Settings(), {}) == []
