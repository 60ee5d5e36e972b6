"""Settings: where a value comes from, and that what is wrong is said instead of guessed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from linkmw.errors import SettingsError
from linkmw.hub.settings import load_hub
from linkmw.settings import load

COMPLETE = {
    "LINKMW_HUB_URL": "https://id.acme.example",
    "LINKMW_PUBLIC_URL": "https://orders.acme.example/",
    "LINKMW_ORGANIZATION_ID": "acme",
    "LINKMW_CLIENT_ID": "orders-1",
    "LINKMW_CLIENT_SECRET": "s" * 43,
    "LINKMW_REDIS_URL": "redis://localhost:6379/0",
    "LINKMW_CONFIG": "/nonexistent/linkmw.toml",
}
HUB = {
    "LINKMW_HUB_PUBLIC_URL": "https://id.acme.example",
    "LINKMW_HUB_REDIS_URL": "redis://localhost:6379/1",
    "LINKMW_HUB_KEY": "k" * 43,
    "LINKMW_HUB_CONFIG": "/nonexistent/linkmw-hub.toml",
}


def test_dis12_complete_configuration_is_on_without_a_word() -> None:
    settings = load(environ=COMPLETE)
    assert settings.on
    assert settings.problems == ()
    assert settings.redirect_uri == "https://orders.acme.example/.linkmw/callback"
    assert settings.issuer == "https://id.acme.example/o/orders-1"


def test_dis12_nothing_configured_is_off_and_no_problem() -> None:
    settings = load(environ={"LINKMW_CONFIG": "/nonexistent/linkmw.toml"})
    assert not settings.on
    assert settings.problems == ()


@pytest.mark.parametrize("word", ["1", "true", "yes", "on", "ON", "True", "Yes "])
def test_dis12_cf01_words_for_on(word: str) -> None:
    assert load(environ={**COMPLETE, "LINKMW_ENABLED": word}).on


@pytest.mark.parametrize("word", ["0", "false", "no", "off", "OFF", "False", "FALSE "])
def test_dis12_cf01_words_for_off(word: str) -> None:
    settings = load(environ={**COMPLETE, "LINKMW_ENABLED": word})
    assert not settings.on
    assert settings.problems == ()


@pytest.mark.parametrize("word", ["flase", "disabled", "2", "-", "enable", "tru"])
def test_cf01_dis12_a_typo_is_off_and_is_said(word: str) -> None:
    settings = load(environ={**COMPLETE, "LINKMW_ENABLED": word})
    assert not settings.on
    assert any("LINKMW_ENABLED" in problem for problem in settings.problems)


@pytest.mark.parametrize("missing", sorted(set(COMPLETE) - {"LINKMW_CONFIG"}))
def test_dis12_incomplete_configuration_is_off_and_names_what_is_missing(missing: str) -> None:
    settings = load(environ={name: value for name, value in COMPLETE.items() if name != missing})
    assert not settings.on
    assert settings.problems == (f"{missing} is not set",)


def test_environment_wins_over_configuration_wins_over_file(tmp_path: Path) -> None:
    file = tmp_path / "linkmw.toml"
    file.write_text('mode = "off"\nsession_seconds = 60\nproof_seconds = 60\n')
    environ = {**COMPLETE, "LINKMW_CONFIG": str(file), "LINKMW_PROOF_SECONDS": "300"}
    settings = load({"MODE": "beside", "proof_seconds": 200}, environ)
    assert (settings.mode, settings.session_seconds, settings.proof_seconds) == ("beside", 60, 300)


def test_secret_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("f" * 43 + "\n")
    environ = {name: value for name, value in COMPLETE.items() if name != "LINKMW_CLIENT_SECRET"}
    assert load(environ={**environ, "LINKMW_CLIENT_SECRET_FILE": str(tmp_path / "secret")}).client_secret == "f" * 43
    missing = load(environ={**environ, "LINKMW_CLIENT_SECRET_FILE": str(tmp_path / "none")})
    assert not missing.on
    assert "LINKMW_CLIENT_SECRET_FILE cannot be read" in missing.problems[0]


def test_unknown_key_is_a_problem_with_the_nearest_name() -> None:
    settings = load({"login_path": ["/login"]}, COMPLETE)
    assert not settings.on
    assert "did you mean login_paths?" in settings.problems[0]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LINKMW_CLIENT_SECRET", "changeme"),
        ("LINKMW_CLIENT_SECRET", "hunter2"),
        ("LINKMW_PUBLIC_URL", "http://orders.acme.example"),
        ("LINKMW_PUBLIC_URL", "http://localhost.evil.example"),
        ("LINKMW_HUB_URL", "ftp://id.acme.example"),
        ("LINKMW_MODE", "besides"),
        ("LINKMW_PREFIX", "linkmw"),
        ("LINKMW_LOGIN_PATHS", "login"),
        ("LINKMW_PROOF_SECONDS", "-1"),
        ("LINKMW_PROBE_TIMEOUT", "nan"),
        ("LINKMW_TRUSTED_PROXIES", "10.0.0.300"),
    ],
)
def test_cf01_a_value_that_cannot_be_is_off_and_is_named_but_not_shown(name: str, value: str) -> None:
    settings = load(environ={**COMPLETE, name: value})
    assert not settings.on
    assert settings.problems[0].startswith(name)
    if "SECRET" in name:
        assert value not in settings.problems[0]


@pytest.mark.parametrize(
    "url", ["http://localhost:8000", "http://orders.localhost:1", "http://127.0.0.1", "http://[::1]:9"]
)
def test_plain_http_is_for_loopback_names(url: str) -> None:
    assert load(environ={**COMPLETE, "LINKMW_PUBLIC_URL": url}).on


def test_secret_is_starred_in_any_repr() -> None:
    assert "s" * 43 not in repr(load(environ=COMPLETE))


def test_dis12_the_hub_refuses_to_start_and_names_everything() -> None:
    assert load_hub(HUB).public_url == "https://id.acme.example"
    with pytest.raises(SettingsError, match="LINKMW_HUB_REDIS_URL is not set; LINKMW_HUB_KEY is not set"):
        load_hub({"LINKMW_HUB_PUBLIC_URL": "https://id.acme.example", "LINKMW_HUB_CONFIG": "/nonexistent/x"})
    with pytest.raises(SettingsError, match="LINKMW_HUB_PUBLIC_URL must begin with https"):
        load_hub({**HUB, "LINKMW_HUB_PUBLIC_URL": "http://id.acme.example"})


# ---- login routes with a mode of their own, hosts with settings of their own (P-4)

HOST = {
    "public_url": "https://shop.globex.example",
    "organization_id": "globex",
    "client_id": "shop-1",
    "client_secret": "g" * 43,
    "mode": "replace",
}


def test_p04_login_modes_are_login_routes_with_a_mode_of_their_own() -> None:
    for written in ("/admin/login/=replace, /login=beside", {"/admin/login/": "replace", "/login": "beside"}):
        settings = load({"login_modes": written}, COMPLETE)
        assert settings.login_paths == ("/admin/login/", "/login")
        assert [settings.mode_of(path) for path in ("/admin/login/", "/login", "/other")] == [
            "replace",
            "beside",
            "beside",
        ]
        assert (settings.replaces, settings.closes) == (True, False)
    listed = load({"login_modes": {"/admin/login/": "off"}, "login_paths": "/login"}, COMPLETE)
    assert listed.login_paths == ("/login", "/admin/login/")


@pytest.mark.parametrize(
    ("mode", "login_modes", "replaces", "closes"),
    [
        ("beside", {}, False, False),
        ("replace", {}, True, True),
        ("replace", {"/a": "beside"}, False, False),
        ("beside", {"/a": "replace"}, True, True),
        ("beside", {"/a": "replace", "/b": "replace"}, True, True),
        ("replace", {"/a": "replace", "/b": "off"}, True, False),
    ],
)
def test_p04_p03_doors_are_closed_where_every_route_is(mode, login_modes, replaces, closes) -> None:
    settings = load({"mode": mode, "login_modes": login_modes}, COMPLETE)
    assert (settings.replaces, settings.closes) == (replaces, closes)


@pytest.mark.parametrize("value", ["/login", "login=beside", "/login=besides", "=beside", {"login": "beside"}, 7])
def test_p04_dis12_a_login_mode_that_is_none_is_off_and_said(value) -> None:
    settings = load({"login_modes": value}, COMPLETE)
    assert not settings.on
    assert "LINKMW_LOGIN_MODES" in settings.problems[0]


def test_p04_a_host_has_its_own_registration_and_inherits_the_rest(tmp_path: Path) -> None:
    file = tmp_path / "linkmw.toml"
    file.write_text(
        'probe_seconds = 0.5\nredis_prefix = "shop:"\n[hosts."shop.globex.example, globex.internal"]\n'
        + "".join(f'{name} = "{value}"\n' for name, value in HOST.items())
    )
    settings = load(environ={**COMPLETE, "LINKMW_CONFIG": str(file)})
    assert (settings.on, settings.mode, settings.client_id) == (True, "beside", "orders-1")
    hosts = dict(settings.hosts)
    assert list(hosts) == ["shop.globex.example", "globex.internal"]
    shop = hosts["shop.globex.example"]
    assert (shop.on, shop.mode, shop.probe_seconds) == (True, "replace", 0.5)
    assert shop.redirect_uri == "https://shop.globex.example/.linkmw/callback"
    assert shop.issuer == "https://id.acme.example/o/shop-1"
    # Sessions of its own, but one count of the guesses at an account that both open.
    assert (shop.redis_prefix, shop.limits_prefix) == ("shop:shop-1:", "shop:")
    assert HOST["client_secret"] not in repr(settings)


@pytest.mark.parametrize("own", ["public_url", "organization_id", "client_id", "client_secret"])
def test_p04_dis12_a_host_never_borrows_a_registration(own: str) -> None:
    table = {name: value for name, value in HOST.items() if name != own}
    settings = load({"hosts": {"shop.globex.example": table}}, COMPLETE)
    assert settings.on
    assert settings.hosts[0][1].problems == (f"shop.globex.example: LINKMW_{own.upper()} is not set",)
    assert not settings.hosts[0][1].on


def test_p04_where_only_hosts_are_named_all_others_are_off_and_no_problem() -> None:
    shared = {name: COMPLETE[name] for name in ("LINKMW_HUB_URL", "LINKMW_REDIS_URL", "LINKMW_CONFIG")}
    written = json.dumps({"shop.globex.example": HOST})
    for more in ({}, {"LINKMW_ENABLED": "on"}):
        settings = load(environ={**shared, "LINKMW_HOSTS": written, **more})
        assert (settings.on, settings.problems) == (False, ())
        assert settings.hosts[0][1].on


@pytest.mark.parametrize("word", ["off", "flase"])
def test_p04_dis12_the_switch_is_one_for_every_host(word: str) -> None:
    table = {**HOST, "enabled": True}
    settings = load({"hosts": {"shop.globex.example": table}}, {**COMPLETE, "LINKMW_ENABLED": word})
    assert not settings.hosts[0][1].on


@pytest.mark.parametrize(
    "value",
    ["no JSON", "[]", {"h": 7}, {"shop.example:80": HOST}, {"https://shop.example": HOST}, {"a.b, A.b": HOST}],
)
def test_p04_dis12_hosts_that_are_none_are_off_and_said(value) -> None:
    settings = load({"hosts": value}, COMPLETE)
    assert not settings.on
    assert settings.hosts == ()
    assert settings.problems[0].startswith("LINKMW_HOSTS ")
    assert HOST["client_secret"] not in settings.problems[0]


def test_p04_a_host_says_what_is_wrong_with_its_table() -> None:
    settings = load({"hosts": {"a.example": {**HOST, "cleint_id": "x"}, "b.example": {**HOST, "hosts": {}}}}, COMPLETE)
    a, b = (own for _, own in settings.hosts)
    assert a.problems == ("a.example: cleint_id in the file is no setting: did you mean client_id?",)
    assert b.problems == ("b.example: hosts cannot hold hosts",)
    assert settings.on
