"""Every setting of a product. Standard library only.

A value comes from the environment, else from the framework's own configuration (the `LINKMW` dictionary of Django,
`app.config` of Flask, arguments), else from the file `LINKMW_CONFIG` (TOML), else it is the default.
`NAME_FILE` in the environment names a file that holds the value, for secrets in containers; both at once is an error.

The gate never stops a product from booting: what is wrong becomes `Settings.problems`, and it behaves as off (DIS-12).
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, ClassVar, Literal

from linkmw.errors import SettingsError
from linkmw.secret import Secret
from linkmw.setting_sources import names_of, read_file, read_values, setting
from linkmw.setting_values import (
    one_of,
    read_adapter,
    read_fraction,
    read_hosts,
    read_list,
    read_login_modes,
    read_mode,
    read_moment,
    read_networks,
    read_number,
    read_on_or_off,
    read_path,
    read_paths,
    read_prefix,
    read_public_url,
    read_remote_user,
    read_secret,
    read_session_extra,
    read_session_key,
    read_text,
    read_url,
)
from linkmw.switch import Mode

CREDENTIALS = ("organization_id", "client_id", "client_secret")
REQUIRED = ("hub_url", "public_url", "organization_id", "client_id", "client_secret", "redis_url")
# What a host among `hosts` says itself: it is a client of its own at the hub.
REQUIRED_OF_HOST = ("public_url", "organization_id", "client_id", "client_secret")


@dataclass(frozen=True, slots=True)
class Settings:
    """The gate's settings. Names in the environment: `LINKMW_` and the field in capitals."""

    ENVIRONMENT: ClassVar = "LINKMW_"

    enabled: bool | None = setting(read_on_or_off, None, "on or off, whatever the file says; unset: on once complete")
    hub_url: str = setting(read_public_url, "", "the hub, as browsers see it")
    hub_internal_url: str = setting(read_url, "", "the hub, as this machine reaches it, when that differs")
    public_url: str = setting(read_public_url, "", "this product, as browsers see it")
    organization_id: str = setting(read_text, "", "the tenant, as `linkmw hub product add` printed it")
    client_id: str = setting(read_text, "", "this product's client id, as printed")
    client_secret: Secret = setting(read_secret, Secret(""), "this product's client secret, as printed", secret=True)
    redis_url: str = setting(
        read_text,
        "",
        "the product's own Redis, for instance redis://localhost:6379/0; a Cluster or Sentinels: see deploying.md",
        secret=True,
    )
    redis_prefix: str = setting(read_text, "linkmw:", "what every key of ours begins with")
    mode: Mode = setting(read_mode, "beside", "off, beside or replace")
    button: Literal["page", "interstitial"] = setting(
        one_of("page", "interstitial"),
        "page",
        "in `beside`: the button is in the login page (`page`), or on a page of ours before it (`interstitial`)",
    )
    when_away: Literal["native", "closed"] = setting(
        one_of("native", "closed"),
        "native",
        "in `replace`, while the hub, Redis or Keycloak is away: the product's own login opens (`native`), or not",
    )
    native_session_seconds: int = setting(
        read_number,
        28800,
        "in `replace`: how long sessions from before the switch-on and from while away last",
        unit="seconds",
    )
    break_glass: str = setting(
        read_text,
        "linkmw-break-glass.json",
        "the file of `linkmw break-glass`; a relative path is beside the TOML file",
    )
    login_paths: tuple[str, ...] = setting(read_paths, ("/login",), "the login routes, as the application sees them")
    login_modes: tuple[tuple[str, Mode], ...] = setting(
        read_login_modes,
        (),
        "login routes with a mode of their own, like `/admin/login/=replace,/login=beside`; a table in TOML",
    )
    hosts: tuple[tuple[str, Settings], ...] = setting(
        read_hosts,
        (),
        "host names with settings of their own, as a table for each (JSON in the environment); see moving-over.md",
    )
    prefix: str = setting(read_prefix, "/.linkmw/", "where our own routes live")
    adapter: str = setting(
        read_adapter, "", "what knows the application, like `/etc/linkmw/adapter.py:Adapter`; see adapters.md"
    )
    session_key: str = setting(
        read_session_key,
        "",
        "where Starlette's or Flask's session keeps the account's id, like `user_id`; `user_id:int` if it is a number",
    )
    session_extra: str = setting(
        read_session_extra,
        "",
        "what its own login puts into a session besides the account, as a table (JSON in the environment); "
        "`{random}` in a value is 256 random bits, new in each session",
        secret=True,
    )
    remote_user: str = setting(
        read_remote_user,
        "",
        "where an application that trusts a server in front of it reads who somebody is: `REMOTE_USER` (WSGI), or a "
        "header like `X-Remote-User`. linkmw keeps the session then, and says it there; see wrapping.md",
    )
    remote_user_cookies: tuple[str, ...] = setting(
        read_list, (), "with it: the cookies of a session that the application keeps besides; it ends with linkmw's"
    )
    remote_user_sign_out: str = setting(
        read_path, "", "with it: the path that signs out, as the application sees it; need not be a page of it"
    )
    second_factor_help: str = setting(read_text, "", "its page about the second factor, as the application sees it")
    forgot_password: str = setting(read_text, "", "its page for a forgotten password, as the application sees it")
    proof: Literal["", "form", "native"] = setting(
        one_of("form", "native"),
        "",
        "how people prove an account: `form` (linkmw's own page asks for the password) or `native` (they sign in by "
        "the product's own login, and linkmw watches); unset: `form` where the adapter can check passwords",
    )
    signed_in_path: str = setting(
        read_path,
        "",
        "for the native proof: a page that answers 200 only to who is signed in, every second factor shown; needed "
        "where the adapter cannot tell",
    )
    after_sign_in: str = setting(
        read_path, "/", "where a sign-in ends that was going nowhere, as the application sees it"
    )
    trusted_proxies: tuple[str, ...] = setting(read_networks, (), "networks whose X-Forwarded-For is believed")
    sign_in_seconds: int = setting(read_number, 1800, "how long a sign-in may take", unit="seconds")
    proof_seconds: int = setting(read_number, 1800, "how long a proof may take, once it has arrived", unit="seconds")
    session_seconds: int = setting(
        read_number, 28800, "how long a session opened through a link may last", unit="seconds"
    )
    probe_seconds: float = setting(
        read_fraction, 1.0, "how long the hub's word on this product is kept", unit="seconds"
    )
    probe_timeout: float = setting(read_fraction, 0.5, "how long the hub may take to say it", unit="seconds")
    hub_timeout: float = setting(read_fraction, 5.0, "how long any other call to the hub may take", unit="seconds")
    redis_timeout: float = setting(read_fraction, 0.5, "how long Redis may take for one command", unit="seconds")
    password_tries: int = setting(
        read_number, 5, "wrong passwords per account within five minutes; keep it below the product's own lock-out"
    )
    address_tries: int = setting(
        read_number,
        10,
        "wrong passwords per IP address (IPv6: /64) within a minute; behind a proxy, name it as trusted",
    )
    identity_tries: int = setting(read_number, 20, "wrong passwords per identity within a day")
    code_tries: int = setting(read_number, 5, "wrong verification codes in one proof or sign-in")
    stop_tries: int = setting(
        read_number, 100, "wrong passwords or codes per account without a right one, then none for a month"
    )
    second_factor_at_sign_in: Literal["identity", "linked", "always"] = setting(
        one_of("identity", "linked", "always"),
        "identity",
        "when an account's own second factor is asked for at later sign-ins: `identity` (unless the identity's sign-in "
        "showed one), `linked` (only when linking), `always`",
    )
    sign_out: Literal["everywhere", "product"] = setting(
        one_of("everywhere", "product"),
        "everywhere",
        "what the product's own sign-out ends: `everywhere` (the identity too), or `product`",
    )
    carry_password: bool = setting(
        read_on_or_off,
        True,
        "may a password of this product become the identity's, as a hash, at the first sign-in of `replace`?",
    )
    # Where the limits on guesses are counted: those of one product's accounts, whichever host they are guessed at.
    limits_prefix: str = ""
    enabled_at: int = setting(
        read_moment,
        0,
        "when `linkmw enable` was; it writes this itself. In `replace` older sessions have their time from then on",
        unit="a time",
    )
    disabled_at: int = setting(read_moment, 0, "when `linkmw disable` was; it writes this itself", unit="a time")
    sessions_since: int = setting(
        read_moment,
        0,
        "sessions opened through linkmw before this have ended; `linkmw disable --end-sessions` writes it",
        unit="a time",
    )
    monitor_token: Secret = setting(
        read_secret,
        Secret(""),
        "bearer token for `health` and `metrics` under the prefix; without it neither is there",
        secret=True,
    )
    problems: tuple[str, ...] = ()

    @property
    def on(self) -> bool:
        """Is linkmw to do anything at all? (DIS-12)"""
        return self.enabled is not False and not self.problems and self.mode != "off"

    def mode_of(self, login_path: str) -> Mode:
        """The most that the mode of this login route may be (P-4)."""
        return dict(self.login_modes).get(login_path, self.mode)

    @property
    def replaces(self) -> bool:
        """Is the mode of any login route `replace`?"""
        return any(self.mode_of(path) == "replace" for path in self.login_paths)

    @property
    def closes(self) -> bool:
        """Is it that of every one? A session may come from any of them, so that only then it needs a marker (P-3)."""
        return all(self.mode_of(path) == "replace" for path in self.login_paths)

    @property
    def has_ended_sessions(self) -> bool:
        """While off: did the sessions that were opened through linkmw end when it was switched off? (DIS-10)"""
        return self.sessions_since != 0 and self.sessions_since >= self.disabled_at

    @property
    def issuer(self) -> str:
        """This client's own issuer at the hub (PR09)."""
        return f"{self.hub_url}/o/{self.client_id}"

    @property
    def hub_back_channel(self) -> str:
        return self.hub_internal_url or self.hub_url

    @property
    def redirect_uri(self) -> str:
        return f"{self.public_url}{self.prefix}callback"


def file_of(environ: Mapping[str, str]) -> Path:
    """A product's configuration file, there or not."""
    return Path(environ.get("LINKMW_CONFIG", "linkmw.toml"))


def _open_to_all(path: Path, file: Mapping[str, object]) -> list[str]:
    """A file with a secret in it that anybody on this machine can read keeps none (CF05)."""
    secret = {item.name for item in fields(Settings) if item.metadata.get("secret")}
    if secret.isdisjoint(key.lower() for key in file) or not stat.S_IMODE(path.stat().st_mode) & 0o007:
        return []
    return [f"{path.name} holds secrets and others on this machine can read it: chmod 600 {path}"]


def load(
    configured: Mapping[str, object] | None = None,
    environ: Mapping[str, str] | None = None,
    discovered: Mapping[str, object] | None = None,
) -> Settings:
    """The gate's settings; whatever is wrong is said in `problems`, never raised.

    discovered: what was found out about the application, where nothing else says otherwise.
    """
    environ = os.environ if environ is None else environ
    path = file_of(environ)
    try:
        file = read_file(path)
        unreadable = _open_to_all(path, file)
    except (SettingsError, OSError) as error:
        file, unreadable = {}, [str(error)]
    values, problems = read_values(Settings, environ, configured or {}, {**(discovered or {}), **file})
    tables = values.pop("hosts", ())
    hosts = tuple((host, _of_host(host, table, values, unreadable + problems)) for host, table in tables)
    # What was switched off by name, as `linkmw disable` does it, lacks nothing.
    missing = [] if values.get("enabled") is False else _missing(values)
    # Nothing set at all is simply off, and so are the other hosts where only some are named; a half-done configuration
    # is a problem to be said.
    unset = set(REQUIRED_OF_HOST if hosts else REQUIRED) <= set(missing)
    if unset and not problems and not unreadable and (hosts or values.get("enabled") is not True):
        return _made({**values, "enabled": False, "hosts": hosts})
    problems = unreadable + problems + [f"{name} is not set" for name in _named(missing)]
    return _made({**values, "hosts": hosts, "problems": tuple(problems)})


def _of_host(host: str, table: Mapping[str, object], shared: Mapping[str, Any], problems: list[str]) -> Settings:
    """What holds at one host: its table, and for the rest what holds for the product. Off where that is switched off.

    Its sessions are its own, under a prefix of its own: one that another tenant's link opened is none here.
    """
    own, wrong = read_values(Settings, {}, {}, table)
    if "hosts" in own:
        wrong.append("hosts cannot hold hosts")
    prefix = shared.get("redis_prefix", "linkmw:")
    inherited = {name: value for name, value in shared.items() if name not in (*REQUIRED_OF_HOST, "hosts")}
    values = {**inherited, "redis_prefix": f"{prefix}{own.get('client_id', '')}:", **own, "hosts": ()}
    if shared.get("enabled") is False:
        values["enabled"] = False
    missing = [] if values.get("enabled") is False else _missing(values)
    wrong += [f"{name} is not set" for name in _named(missing)]
    all_problems = (*problems, *(f"{host}: {problem}" for problem in wrong))
    return _made({**values, "limits_prefix": prefix, "problems": all_problems})


def _missing(values: Mapping[str, Any]) -> list[str]:
    return [name for name in REQUIRED if not values.get(name)]


def _named(missing: Iterable[str]) -> list[str]:
    return [names_of(Settings)[name] for name in missing]


def _made(values: Mapping[str, Any]) -> Settings:
    """The settings; a route with a mode of its own is a login route."""
    own_modes = [path for path, _ in values.get("login_modes", ())]
    if not own_modes:
        return Settings(**values)
    return Settings(**{**values, "login_paths": tuple(dict.fromkeys((*values.get("login_paths", ()), *own_modes)))})
