"""Every setting of both halves, and the one reader of the environment. Standard library only.

A value comes from the environment, else from the framework's own configuration (the `LINKMW` dictionary of Django,
`app.config` of Flask, arguments), else from the file `LINKMW_CONFIG` (TOML), else it is the default.
`NAME_FILE` in the environment names a file that holds the value, for secrets in containers; both at once is an error.

The gate never stops a product from booting: what is wrong becomes `Settings.problems`, and it behaves as off (DIS-12).
The hub refuses to start instead.
"""

from __future__ import annotations

import ipaddress
import json
import os
import re
import stat
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, TypeVar, cast

from linkmw.errors import SettingsError
from linkmw.model import Mode, SecondFactorAtSignIn, Secret

_HOST = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")
_ON = frozenset(("1", "true", "yes", "on"))
_OFF = frozenset(("0", "false", "no", "off"))
_LOOPBACK = re.compile(r"http://(localhost|127\.0\.0\.1|\[::1\]|([a-z0-9-]+\.)+localhost)(:\d+)?(/|\Z)")
_URL = re.compile(r"https?://[a-z0-9.\-\[\]:]+(/[\x21-\x7e]*)?\Z", re.IGNORECASE)
# A client secret that somebody typed instead of copying: refused by both halves (CF05).
_WEAK_SECRETS = frozenset(("changeme", "secret", "password", "test"))
MIN_SECRET = 32  # characters: 256 random bits in Base64url are 43, in hex 64; anything under 32 was typed


def read_switch(text: str) -> bool | None:
    """True for 1/true/yes/on, False for 0/false/no/off, in any case; None for anything else."""
    word = text.strip().lower()
    return True if word in _ON else False if word in _OFF else None


def _text(value: object) -> str:
    return str(value).strip()


def _secret(value: object) -> Secret:
    text = str(value).strip("\r\n")
    if len(text) < MIN_SECRET or text.lower() in _WEAK_SECRETS:
        raise ValueError(f"is too short to be a secret: {MIN_SECRET} characters or more, as it was printed")
    return Secret(text)


def _url(value: object) -> str:
    text = str(value).strip().rstrip("/")
    if not _URL.match(text):
        raise ValueError("is not a URL like https://orders.example.com")
    return text


def _public_url(value: object) -> str:
    text = _url(value)
    if text.startswith("http:") and not _LOOPBACK.match(text):
        raise ValueError("must begin with https:// (plain http is for localhost and *.localhost only)")
    return text


def read_public_url(text: str) -> str:
    """`text` without a slash at its end. Raises ValueError unless https, or http on localhost and *.localhost."""
    return _public_url(text)


def read_internal_url(text: str) -> str:
    """As `read_public_url`, for a back channel: http is fine anywhere."""
    return _url(text)


def _switch(value: object) -> bool:
    found = value if isinstance(value, bool) else read_switch(str(value))
    if found is None:
        raise ValueError("is neither on (1, true, yes, on) nor off (0, false, no, off)")
    return found


def _mode(value: object) -> Mode:
    text = _text(value).lower()
    if text not in ("off", "beside", "replace"):
        raise ValueError("is none of off, beside, replace")
    return cast(Mode, text)


def _second_factor(value: object) -> SecondFactorAtSignIn:
    text = _text(value).lower()
    if text not in ("identity", "linked", "always"):
        raise ValueError("is none of identity, linked, always")
    return cast(SecondFactorAtSignIn, text)


def _sign_out(value: object) -> Literal["everywhere", "product"]:
    text = _text(value).lower()
    if text not in ("everywhere", "product"):
        raise ValueError("is neither everywhere nor product")
    return cast(Literal["everywhere", "product"], text)


def _button(value: object) -> Literal["page", "interstitial"]:
    text = _text(value).lower()
    if text not in ("page", "interstitial"):
        raise ValueError("is neither page nor interstitial")
    return cast(Literal["page", "interstitial"], text)


def _when_away(value: object) -> Literal["native", "closed"]:
    text = _text(value).lower()
    if text not in ("native", "closed"):
        raise ValueError("is neither native nor closed")
    return cast(Literal["native", "closed"], text)


def _proof(value: object) -> Literal["form", "native"]:
    text = _text(value).lower()
    if text not in ("form", "native"):
        raise ValueError("is neither form nor native")
    return cast(Literal["form", "native"], text)


def _log(value: object) -> Literal["text", "json"]:
    text = _text(value).lower()
    if text not in ("text", "json"):
        raise ValueError("is neither text nor json")
    return cast(Literal["text", "json"], text)


def _number(value: object) -> int:
    text = str(value).strip()
    if isinstance(value, bool) or not re.fullmatch(r"[0-9]{1,9}", text):
        raise ValueError("is not a whole number")
    return int(text)


def _fraction(value: object) -> float:
    text = str(value).strip()
    if isinstance(value, bool) or not re.fullmatch(r"[0-9]{1,4}(\.[0-9]{1,6})?", text):
        raise ValueError("is not a number of seconds")
    return float(text)


def _moment(value: object) -> int:
    try:
        found = value if isinstance(value, datetime) else datetime.fromisoformat(str(value).strip())
    except ValueError:
        raise ValueError("is no time like 2026-05-01T12:00:00Z") from None
    return int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp())


def _list(value: object) -> tuple[str, ...]:
    if not isinstance(value, str | list | tuple | set | frozenset):
        raise ValueError("is neither a list nor text with commas")
    items: Iterable[object] = value.split(",") if isinstance(value, str) else value
    return tuple(text for item in items if (text := str(item).strip()))


def _paths(value: object) -> tuple[str, ...]:
    paths = _list(value)
    for path in paths:
        if not path.startswith("/"):
            raise ValueError(f"holds {path!r}: a path begins with /")
    return paths


LoginModes = tuple[tuple[str, Mode], ...]


def _login_modes(value: object) -> LoginModes:
    """From a table of modes by path, or from text like "/admin/login/=replace,/login=beside"."""
    if isinstance(value, Mapping):
        pairs = [(str(path), mode) for path, mode in value.items()]
    else:
        pairs = [(path, mode) for path, _, mode in (text.rpartition("=") for text in _list(value))]
    if not all(path.startswith("/") for path, _ in pairs):
        raise ValueError("is not like /admin/login/=replace,/login=beside")
    return tuple((path, _mode(mode)) for path, mode in pairs)


def _hosts(value: object) -> tuple[tuple[str, Mapping[str, object]], ...]:
    """Each host name and the table of settings that holds there; a table may be for several names. Text is JSON."""
    try:
        tables = json.loads(value) if isinstance(value, str) else value
    except RecursionError:
        raise ValueError("is nested too deeply") from None
    if not isinstance(tables, Mapping) or not all(isinstance(table, Mapping) for table in tables.values()):
        raise ValueError("is not a table for each host")
    found = tuple((name.lower(), table) for names, table in tables.items() for name in _list(str(names)))
    if len(dict(found)) < len(found):
        raise ValueError("holds a host twice")
    for name, _ in found:
        if not _HOST.fullmatch(name):
            raise ValueError(f"holds {name!r}: a host is a name like orders.example.com, without port")
    return found


def _path(value: object) -> str:
    text = _text(value)
    if not re.fullmatch(r"/(?!/)[\x21-\x5b\x5d-\x7e]*", text):
        raise ValueError("is not a path of this site, like /home")
    return text


def _prefix(value: object) -> str:
    text = _text(value)
    if not re.fullmatch(r"/[A-Za-z0-9._~/-]*[A-Za-z0-9_~-]/", text):
        raise ValueError("is not a path like /.linkmw/ (a slash at both ends)")
    return text


def _adapter(value: object) -> str:
    text = _text(value)
    path, separator, name = text.rpartition(":")
    if not path.endswith(".py") or not separator or not name.isidentifier():
        raise ValueError("is not like /etc/linkmw/adapter.py:Adapter")
    return text


_NO_PLACE = frozenset(("AUTHORIZATION", "CONNECTION", "CONTENT-LENGTH", "CONTENT-TYPE", "COOKIE", "HOST"))


def read_remote_user(value: object) -> str:
    """`REMOTE_USER`, or a header by its name: X-Remote-User, which Django calls HTTP_X_REMOTE_USER."""
    text = _text(value)
    if text == "REMOTE_USER":
        return text
    name = text.removeprefix("HTTP_").replace("_", "-")
    if not re.fullmatch(r"[A-Za-z0-9]+(-[A-Za-z0-9]+)*", name) or name.upper() in _NO_PLACE:
        raise ValueError("is neither REMOTE_USER nor a header of its own, like X-Remote-User")
    return name


def _session_key(value: object) -> str:
    text = _text(value)
    if not re.fullmatch(r"[^:\s]+(:int)?", text):
        raise ValueError("is not the key of a session, like user_id or user_id:int")
    return text


def _session_extra(value: object) -> str:
    """JSON text, as the environment has it; the file may have a table."""
    try:
        table = json.loads(value) if isinstance(value, str) else value
        if isinstance(table, Mapping):
            return json.dumps(table)
    except (RecursionError, TypeError):  # TypeError: of TOML's dates
        raise ValueError("holds what a session cannot") from None
    raise ValueError("is not a table (JSON in the environment)")


def _networks(value: object) -> tuple[str, ...]:
    networks = _list(value)
    for network in networks:
        ipaddress.ip_network(network, strict=False)
    return networks


def _any_text(value: object) -> str:
    return str(value)


Reader = Callable[[object], Any]


def setting(reader: Reader, default: object, what: str, *, unit: str = "", secret: bool = False) -> Any:
    """One setting: how it is read, its default, what it is for (the documentation's words), its unit."""
    return field(
        default=default, repr=not secret, metadata={"reader": reader, "what": what, "unit": unit, "secret": secret}
    )


@dataclass(frozen=True, slots=True)
class Settings:
    """The gate's settings. Names in the environment: `LINKMW_` and the field in capitals."""

    enabled: bool | None = setting(_switch, None, "on or off, whatever the file says; unset: on once complete")
    hub_url: str = setting(_public_url, "", "the hub, as browsers see it")
    hub_internal_url: str = setting(_url, "", "the hub, as this machine reaches it, when that differs")
    public_url: str = setting(_public_url, "", "this product, as browsers see it")
    organization_id: str = setting(_text, "", "the tenant, as `linkmw hub product add` printed it")
    client_id: str = setting(_text, "", "this product's client id, as printed")
    client_secret: Secret = setting(_secret, Secret(""), "this product's client secret, as printed", secret=True)
    redis_url: str = setting(
        _text,
        "",
        "the product's own Redis, for instance redis://localhost:6379/0; a Cluster or Sentinels: see deploying.md",
        secret=True,
    )
    redis_prefix: str = setting(_text, "linkmw:", "what every key of ours begins with")
    mode: Mode = setting(_mode, "beside", "off, beside or replace")
    button: Literal["page", "interstitial"] = setting(
        _button,
        "page",
        "in `beside`: the button is in the login page (`page`), or on a page of ours before it (`interstitial`)",
    )
    when_away: Literal["native", "closed"] = setting(
        _when_away,
        "native",
        "in `replace`, while the hub, Redis or Keycloak is away: the product's own login opens (`native`), or not",
    )
    native_session_seconds: int = setting(
        _number,
        28800,
        "in `replace`: how long sessions from before the switch-on and from while away last",
        unit="seconds",
    )
    break_glass: str = setting(
        _text, "linkmw-break-glass.json", "the file of `linkmw break-glass`; a relative path is beside the TOML file"
    )
    login_paths: tuple[str, ...] = setting(_paths, ("/login",), "the login routes, as the application sees them")
    login_modes: LoginModes = setting(
        _login_modes,
        (),
        "login routes with a mode of their own, like `/admin/login/=replace,/login=beside`; a table in TOML",
    )
    hosts: tuple[tuple[str, Settings], ...] = setting(
        _hosts,
        (),
        "host names with settings of their own, as a table for each (JSON in the environment); see moving-over.md",
    )
    prefix: str = setting(_prefix, "/.linkmw/", "where our own routes live")
    adapter: str = setting(
        _adapter, "", "what knows the application, like `/etc/linkmw/adapter.py:Adapter`; see adapters.md"
    )
    session_key: str = setting(
        _session_key,
        "",
        "where Starlette's or Flask's session keeps the account's id, like `user_id`; `user_id:int` if it is a number",
    )
    session_extra: str = setting(
        _session_extra,
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
        _list, (), "with it: the cookies of a session that the application keeps besides; it ends with linkmw's"
    )
    remote_user_sign_out: str = setting(
        _path, "", "with it: the path that signs out, as the application sees it; need not be a page of it"
    )
    second_factor_help: str = setting(_text, "", "its page about the second factor, as the application sees it")
    forgot_password: str = setting(_text, "", "its page for a forgotten password, as the application sees it")
    proof: Literal["", "form", "native"] = setting(
        _proof,
        "",
        "how people prove an account: `form` (linkmw's own page asks for the password) or `native` (they sign in by "
        "the product's own login, and linkmw watches); unset: `form` where the adapter can check passwords",
    )
    signed_in_path: str = setting(
        _path,
        "",
        "for the native proof: a page that answers 200 only to who is signed in, every second factor shown; needed "
        "where the adapter cannot tell",
    )
    after_sign_in: str = setting(_path, "/", "where a sign-in ends that was going nowhere, as the application sees it")
    trusted_proxies: tuple[str, ...] = setting(_networks, (), "networks whose X-Forwarded-For is believed")
    sign_in_seconds: int = setting(_number, 1800, "how long a sign-in may take", unit="seconds")
    proof_seconds: int = setting(_number, 1800, "how long a proof may take, once it has arrived", unit="seconds")
    session_seconds: int = setting(_number, 28800, "how long a session opened through a link may last", unit="seconds")
    probe_seconds: float = setting(_fraction, 1.0, "how long the hub's word on this product is kept", unit="seconds")
    probe_timeout: float = setting(_fraction, 0.5, "how long the hub may take to say it", unit="seconds")
    hub_timeout: float = setting(_fraction, 5.0, "how long any other call to the hub may take", unit="seconds")
    redis_timeout: float = setting(_fraction, 0.5, "how long Redis may take for one command", unit="seconds")
    password_tries: int = setting(
        _number, 5, "wrong passwords per account within five minutes; keep it below the product's own lock-out"
    )
    address_tries: int = setting(
        _number, 10, "wrong passwords per IP address (IPv6: /64) within a minute; behind a proxy, name it as trusted"
    )
    identity_tries: int = setting(_number, 20, "wrong passwords per identity within a day")
    code_tries: int = setting(_number, 5, "wrong verification codes in one proof or sign-in")
    stop_tries: int = setting(
        _number, 100, "wrong passwords or codes per account without a right one, then none for a month"
    )
    second_factor_at_sign_in: SecondFactorAtSignIn = setting(
        _second_factor,
        "identity",
        "when an account's own second factor is asked for at later sign-ins: `identity` (unless the identity's sign-in "
        "showed one), `linked` (only when linking), `always`",
    )
    sign_out: Literal["everywhere", "product"] = setting(
        _sign_out, "everywhere", "what the product's own sign-out ends: `everywhere` (the identity too), or `product`"
    )
    carry_password: bool = setting(
        _switch,
        True,
        "may a password of this product become the identity's, as a hash, at the first sign-in of `replace`?",
    )
    # Where the limits on guesses are counted: those of one product's accounts, whichever host they are guessed at.
    limits_prefix: str = ""
    enabled_at: int = setting(
        _moment,
        0,
        "when `linkmw enable` was; it writes this itself. In `replace` older sessions have their time from then on",
        unit="a time",
    )
    disabled_at: int = setting(_moment, 0, "when `linkmw disable` was; it writes this itself", unit="a time")
    sessions_since: int = setting(
        _moment,
        0,
        "sessions opened through linkmw before this have ended; `linkmw disable --end-sessions` writes it",
        unit="a time",
    )
    monitor_token: Secret = setting(
        _secret,
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


@dataclass(frozen=True, slots=True)
class HubSettings:
    """The hub's settings. Names in the environment: `LINKMW_HUB_` and the field in capitals."""

    public_url: str = setting(_public_url, "", "the hub, as browsers see it")
    database_url: str = setting(_text, "sqlite:///linkmw-hub.db", "SQLAlchemy URL: SQLite or PostgreSQL", secret=True)
    redis_url: str = setting(_text, "", "the hub's own Redis, as above", secret=True)
    redis_prefix: str = setting(_text, "linkmw-hub:", "what every key of the hub begins with")
    key: Secret = setting(_secret, Secret(""), "32 random bytes, base64url: seals keys and mail bodies", secret=True)
    smtp_url: str = setting(_any_text, "smtp://localhost:25", "smtp:// or smtps://user:password@host:port", secret=True)
    mail_from: str = setting(_text, "", "sender of mails, when the tenant names none")
    sign_in_seconds: int = setting(_number, 1800, "how long a flow may take", unit="seconds")
    code_seconds: int = setting(_number, 60, "life of an authorization code and of a proof code", unit="seconds")
    session_idle_seconds: int = setting(_number, 1800, "a hub session ends when unused for this long", unit="seconds")
    session_seconds: int = setting(_number, 28800, "a hub session ends after this long", unit="seconds")
    http_timeout: float = setting(_fraction, 5.0, "how long Keycloak or a product may take", unit="seconds")
    redis_timeout: float = setting(_fraction, 0.5, "how long Redis may take for one command", unit="seconds")
    outbox_seconds: float = setting(_fraction, 1.0, "how often the outbox is looked through", unit="seconds")
    audit_days: int = setting(_number, 400, "how long audit rows are kept", unit="days")
    trusted_proxies: tuple[str, ...] = setting(_networks, (), "networks whose X-Forwarded-For is believed")
    fresh_seconds: int = setting(
        _number, 900, "how old a sign-in may be when a link is removed in the manager", unit="seconds"
    )
    monitor_token: Secret = setting(
        _secret, Secret(""), "bearer token for `/metrics`; without it there is none", secret=True
    )
    support_role: str = setting(
        _text,
        "linkmw-support",
        "the realm role of who may look people up on the support page, unlink, end sessions, send mails again; "
        "`{tenant}` in it stands for the organization id",
    )
    support_read_role: str = setting(
        _text, "linkmw-support-read", "the realm role of who may look people up there and no more; as above"
    )
    log: Literal["text", "json"] = setting(_log, "text", "how `linkmw hub serve` writes its log: text or json")


CREDENTIALS = ("organization_id", "client_id", "client_secret")
REQUIRED = ("hub_url", "public_url", "organization_id", "client_id", "client_secret", "redis_url")
# What a host among `hosts` says itself: it is a client of its own at the hub.
REQUIRED_OF_HOST = ("public_url", "organization_id", "client_id", "client_secret")
HUB_REQUIRED = ("public_url", "redis_url", "key")

S = TypeVar("S", Settings, HubSettings)


def names_of(kind: type[Settings] | type[HubSettings]) -> dict[str, str]:
    """Field name → environment variable, for each setting of `kind`."""
    prefix = "LINKMW_" if kind is Settings else "LINKMW_HUB_"
    return {f.name: prefix + f.name.upper() for f in fields(kind) if "reader" in f.metadata}


def unknown(key: str, source: str, names: Iterable[str]) -> str:
    """That `key` is no setting, and which one was probably meant."""
    near = get_close_matches(key.lower(), names, 1)
    return f"{key} in the {source} is no setting" + (f": did you mean {near[0]}?" if near else "")


def _from_environment(environ: Mapping[str, str], name: str) -> str | None:
    path = environ.get(name + "_FILE")
    if name in environ:
        if path is not None:
            raise ValueError(f"and {name}_FILE are both set: keep one of them")
        return environ[name]
    return None if path is None else Path(path).read_text(encoding="utf-8").strip("\r\n")


def _read(
    kind: type[S], environ: Mapping[str, str], configured: Mapping[str, object], file: Mapping[str, object]
) -> tuple[dict[str, Any], list[str]]:
    values: dict[str, Any] = {}
    problems: list[str] = []
    names = names_of(kind)
    for source, keys in (("configuration", configured), ("file", file)):
        problems += [unknown(key, source, names) for key in keys if key.lower() not in names]
    by_case = {key.lower(): value for key, value in (*file.items(), *configured.items())}
    for item in fields(kind):
        name = names.get(item.name)
        if name is None:
            continue
        try:
            raw: object = _from_environment(environ, name)
            if raw is None:
                raw = by_case.get(item.name)
            if raw is not None and raw != "":
                values[item.name] = item.metadata["reader"](raw)
        except OSError as error:
            problems.append(f"{name}_FILE cannot be read: {error.strerror}")
        except UnicodeDecodeError:
            problems.append(f"{name}_FILE is not text in UTF-8")
        except ValueError as error:
            problems.append(f"{name} {error}")
    return values, problems


def read_file(path: Path) -> dict[str, object]:
    """The tables of a TOML configuration file; {} when there is none. Raises SettingsError when it is not TOML."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:  # ValueError: not UTF-8, not TOML, a number of 5000 digits
        raise SettingsError(f"{path.name} cannot be read: {error}") from None


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
    values, problems = _read(Settings, environ, configured or {}, {**(discovered or {}), **file})
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
    own, wrong = _read(Settings, {}, {}, table)
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


def load_hub(environ: Mapping[str, str] | None = None) -> HubSettings:
    """The hub's settings. Raises SettingsError naming everything that is wrong: the hub refuses to start."""
    environ = os.environ if environ is None else environ
    file = read_file(Path(environ.get("LINKMW_HUB_CONFIG", "linkmw-hub.toml")))
    values, problems = _read(HubSettings, environ, {}, file)
    names = names_of(HubSettings)
    problems += [f"{names[name]} is not set" for name in HUB_REQUIRED if not values.get(name)]
    if problems:
        raise SettingsError("; ".join(problems))
    return HubSettings(**values)
