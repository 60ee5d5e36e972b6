"""Tenants and products as a file declares them, and what has to change for the hub to be so (OPS-4). No I/O.

What is not in the file is left alone: a tenant, a product, and each of their fields.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from difflib import get_close_matches
from typing import Any, Literal, get_args
from urllib.parse import urlsplit

from linkmw.errors import RegistrationRefused
from linkmw.hub.registration import check_client, check_logo, check_moving, check_tenant
from linkmw.model import Client, Tenant
from linkmw.secret import Secret
from linkmw.switch import Mode

Fields = Mapping[str, Any]  # by the names of the model; `logo_svg` besides
Kind = Literal["tenant", "product"]
Sign = Literal["+", "~", "-"]

_LOGO, _SECRET = "logo_svg", "keycloak_client_secret"
_FILES = {_LOGO: "logo_file", _SECRET: "keycloak_client_secret_file"}
# Where the file's word is not the model's own.
_WORDS: Mapping[Kind, Mapping[str, str]] = {
    "tenant": {**_FILES, "credential_at_first": "first_password"},
    "product": {**_FILES, "organization_id": "tenant", "public_url": "url", "pkce_required": "pkce"},
}
_CHOICES: Mapping[str, tuple[str, ...]] = {
    "unknown_user": ("say", "hide"),
    "credential_at_first": ("carry", "set"),
    "proof": ("form", "native", "none"),
    "signing_algorithm": ("RS256", "ES256"),
    "mode": get_args(Mode),
}
_NEEDED: Mapping[Kind, tuple[str, ...]] = {
    "tenant": ("brand", "issuer", "keycloak_client_id", _SECRET),
    "product": ("organization_id", "name", "public_url"),
}
_TYPES: Mapping[type, str] = {str: "a text", bool: "true or false", int: "a whole number"}
# What is next to the product's own URL unless the file says otherwise.
_NEXT_TO_URL = {"redirect_uri": "/.linkmw/callback", "login_url": "/login"}


def _key_field(kind: Kind) -> str:
    return "organization_id" if kind == "tenant" else "client_id"


def _defaults(kind: Kind) -> dict[str, Any]:
    """Every field that a file may name, with a value of its type."""
    model: type[Tenant] | type[Client] = Tenant if kind == "tenant" else Client
    own = {one.name: one.default if isinstance(one.default, str | int) else "" for one in fields(model)}
    return {name: value for name, value in {**own, _LOGO: ""}.items() if name != _key_field(kind)}


def _word(kind: Kind, name: str) -> str:
    return _WORDS[kind].get(name, name)


@dataclass(frozen=True, slots=True)
class Declared:
    """What the file says, by organization id and by client id."""

    tenants: Mapping[str, Fields] = field(default_factory=dict, repr=False)
    products: Mapping[str, Fields] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Known:
    """What is registered now, each with its logo."""

    tenants: Mapping[str, tuple[Tenant, str]]
    products: Mapping[str, tuple[Client, str]]


@dataclass(frozen=True, slots=True)
class Change:
    """One tenant or product that is not as declared.

    of: its organization id or client id. fields: name, what it was, what it becomes; never a secret.
    """

    sign: Sign
    kind: Kind
    of: str
    fields: tuple[tuple[str, str, str], ...]
    value: Tenant | Client = field(repr=False)
    logo: str = field(default="", repr=False)

    def __str__(self) -> str:
        note = " (disabled: it is not in the file)" if self.sign == "-" else ""
        return "\n".join((f"{self.sign} {self.kind} {self.of}{note}", *(_told(self.sign, *one) for one in self.fields)))


def _told(sign: Sign, name: str, was: str, becomes: str) -> str:
    return f"    {name}: {becomes}" if sign == "+" else f"    {name}: {was} → {becomes}"


# Reading


def read(tables: Mapping[str, Any], text_of: Callable[[str], str]) -> Declared:
    """The file's tables, `[tenants.ID]` and `[products.CLIENT_ID]`. text_of: what stands in a file that it names.

    Raises RegistrationRefused with everything that is wrong, a line each.
    """
    problems = [
        _unknown("the file", key, ("tenants", "products")) for key in tables if key not in ("tenants", "products")
    ]
    tenants = _read_all("tenant", tables.get("tenants", {}), text_of, problems)
    products = _read_all("product", tables.get("products", {}), text_of, problems)
    _refuse(problems)
    return Declared(tenants, products)


def _read_all(
    kind: Kind, table: object, text_of: Callable[[str], str], problems: list[str]
) -> Mapping[str, Mapping[str, Any]]:
    if not isinstance(table, Mapping):
        problems.append(f"{kind}s is a table of tables: [{kind}s.ID]")
        return {}
    return {key: _read_one(kind, key, said, text_of, problems) for key, said in table.items()}


def _read_one(kind: Kind, key: str, said: object, text_of: Callable[[str], str], problems: list[str]) -> dict[str, Any]:
    where = f"{kind} {key}"
    if not isinstance(said, Mapping):
        problems.append(f"{where} is a table: [{kind}s.{key}]")
        return {}
    known = {_word(kind, name): name for name in _defaults(kind)}
    values: dict[str, Any] = {}
    for word, value in said.items():
        if word not in known:
            problems.append(_unknown(where, word, tuple(known)))
        elif problem := _wrong(kind, known[word], value):
            problems.append(f"{where}: {word} {problem}")
        else:
            values[known[word]] = _from_file(where, word, value, text_of, problems) if word.endswith("_file") else value
    return values


def _unknown(where: str, word: str, known: Sequence[str]) -> str:
    near = get_close_matches(word, known, 1)
    return f"{where} has no {word}" + (f": did you mean {near[0]}?" if near else "")


def _wrong(kind: Kind, name: str, value: object) -> str:
    wanted = type(_defaults(kind)[name])
    if wanted is Secret:
        wanted = str
    if type(value) is not wanted:
        return f"is {_TYPES[wanted]}"
    if name in _CHOICES and value not in _CHOICES[name]:
        return f"is one of {', '.join(_CHOICES[name])}"
    return ""


def _from_file(where: str, word: str, path: str, text_of: Callable[[str], str], problems: list[str]) -> str:
    try:
        text = text_of(path)
    except (OSError, UnicodeDecodeError) as error:
        problems.append(f"{where}: {word} {path} cannot be read: {getattr(error, 'strerror', None) or 'not UTF-8'}")
        return ""
    if word != _FILES[_SECRET]:
        return text
    if not text.strip():
        problems.append(f"{where}: {word} {path} is empty")
    return Secret(text.strip())


# Comparing


def plan(declared: Declared, known: Known, hub_url: str, *, prune: bool = False) -> list[Change]:
    """What has to change, tenants first. prune: what is not in the file is disabled, and never deleted.

    Raises RegistrationRefused with everything that is wrong, a line each.
    """
    problems: list[str] = []
    tenants = _compared("tenant", declared.tenants, known.tenants, hub_url, problems)
    there = {**known.tenants, **declared.tenants}
    for key, said in declared.products.items():
        if said.get("organization_id", next(iter(there), "")) not in there:
            problems.append(f"product {key}: there is no tenant {said['organization_id']}")
    products = _compared("product", declared.products, known.products, hub_url, problems)
    pruned = [*_left("tenant", declared.tenants, known.tenants), *_left("product", declared.products, known.products)]
    changes = [*tenants, *products, *(pruned if prune else ())]
    _check_hosts(declared, known, changes, problems)
    _refuse(problems)
    return changes


def _compared(
    kind: Kind, declared: Mapping[str, Fields], known: Mapping[str, tuple[Any, str]], hub_url: str, problems: list[str]
) -> list[Change]:
    changes = []
    for key, said in declared.items():
        try:
            change = _change(kind, key, said, known.get(key), hub_url)
        except RegistrationRefused as refused:
            problems.append(f"{kind} {key}: {refused}")
        else:
            changes += [change] if change else []
    return changes


def _change(kind: Kind, key: str, said: Fields, known: tuple[Any, str] | None, hub_url: str) -> Change | None:
    value, logo = _wanted(kind, key, {"enabled": True, **said}, known)
    _check(value, logo, hub_url)
    if known is None:
        stated = [_word(kind, name) for name in said]
        told = [
            (_word(kind, name), "", _shown(name, new))
            for name, new in _pairs(value, logo)
            if _word(kind, name) in stated
        ]
        return Change("+", kind, key, tuple(told), value, logo)
    if kind == "product" and value.organization_id != known[0].organization_id:
        raise RegistrationRefused("a product stays with its tenant, as its links do: register it anew")
    if kind == "tenant" and value.issuer != known[0].issuer:
        raise RegistrationRefused("a tenant keeps its issuer, which its links name: register it anew")
    pairs = zip(_pairs(*known), _pairs(value, logo), strict=True)
    differ = tuple(
        (_word(kind, name), _shown(name, was), _shown(name, new)) for (name, was), (_, new) in pairs if was != new
    )
    return Change("~", kind, key, differ, value, logo) if differ else None


def _wanted(kind: Kind, key: str, said: Fields, known: tuple[Any, str] | None) -> tuple[Any, str]:
    """The tenant or product as it shall be, and its logo."""
    values = {name: value for name, value in said.items() if name != _LOGO}
    for name in ("public_url", "internal_url", "issuer", "internal_issuer"):
        if name in values:
            values[name] = values[name].rstrip("/")
    if kind == "product":
        values = {**_next_to(values, known[0] if known else None), **values}
        if values.get("self_sign_up") and "trusted_email" not in values:
            values["trusted_email"] = False
    if known:
        return replace(known[0], **values), said.get(_LOGO, known[1])
    if missing := [_word(kind, name) for name in _NEEDED[kind] if not values.get(name)]:
        raise RegistrationRefused(f"a new {kind} needs {' and '.join(missing)}")
    if values.get("proof") == "none" and "redirect_uri" not in said:
        raise RegistrationRefused("a product without a gate needs redirect_uri: its own OpenID Connect callback")
    model: type[Any] = Tenant if kind == "tenant" else Client
    return model(**{_key_field(kind): key}, **values), said.get(_LOGO, "")


def _next_to(values: Fields, known: Client | None) -> dict[str, str]:
    """Addresses that go where the product's own URL goes, unless they were somewhere else before."""
    url = values.get("public_url", "")
    if not url:
        return {}
    return {
        name: url + path
        for name, path in _NEXT_TO_URL.items()
        if known is None or getattr(known, name) == known.public_url + path
    }


def _check(value: Tenant | Client, logo: str, hub_url: str) -> None:
    check_logo(logo)
    if isinstance(value, Tenant):
        check_tenant(value)
        return
    check_client(value, hub_url)
    check_moving(value)
    if value.proof != "none" and not value.pkce_required:
        raise RegistrationRefused("a gate always uses PKCE: pkce = false is for a product without one")
    if value.proof != "none" and (value.post_logout_redirect_uri or value.logout_uri):
        raise RegistrationRefused("a gate's own sign-out addresses are next to its redirect URI: leave the two out")


def _pairs(value: Tenant | Client, logo: str) -> list[tuple[str, Any]]:
    return [*((one.name, getattr(value, one.name)) for one in fields(value)), (_LOGO, logo)]


def _shown(name: str, value: object) -> str:
    if name == _SECRET:
        return "(a secret)"
    if name == _LOGO:
        return f"({len(str(value))} characters)"
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value) or '""'


def _left(kind: Kind, declared: Mapping[str, Fields], known: Mapping[str, tuple[Any, str]]) -> list[Change]:
    """What is enabled and not in the file."""
    return [
        Change("-", kind, key, (), replace(value, enabled=False), logo)
        for key, (value, logo) in known.items()
        if key not in declared and value.enabled
    ]


def _check_hosts(declared: Declared, known: Known, changes: Sequence[Change], problems: list[str]) -> None:
    """Cookies know no port: two products on one host name would be sent each other's sessions (PR16)."""
    after = {key: client for key, (client, _) in known.products.items()}
    after |= {change.of: change.value for change in changes if isinstance(change.value, Client)}
    seen: dict[str, str] = {}
    for key in sorted(after, key=lambda one: (one in declared.products, one)):
        host = urlsplit(after[key].public_url).hostname or ""
        if not after[key].enabled or not host:
            continue
        if host in seen and key in declared.products:
            problems.append(f"product {key}: {seen[host]} is on {host} already: each needs a host name of its own")
        seen.setdefault(host, key)


def _refuse(problems: Sequence[str]) -> None:
    if problems:
        raise RegistrationRefused("\n".join(problems))
