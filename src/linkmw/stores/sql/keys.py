"""The hub's signing keys and its pairwise key, sealed in SQL, opened once per process."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, RowMapping, insert, or_, select, update

from linkmw.errors import RegistrationRefused, SettingsError
from linkmw.model import Identity
from linkmw.oidc import base64url, jose
from linkmw.oidc.keys import FRESH_SECONDS
from linkmw.signed import Seal
from linkmw.stores.sql import schema
from linkmw.stores.sql.engine import Database
from linkmw.stores.sql.recent import Recent

ALGORITHMS = ("RS256", "ES256")
PAIRWISE = "pairwise"
_PAIRWISE_PURPOSE = f"secrets:{PAIRWISE}:value"
# So long a new key is published before it signs: whoever keeps our keys as long as may be has it by then (RC14).
LEAD_SECONDS = FRESH_SECONDS + 60
# So long a key stays published after the next one signs: what it signed last has expired long before.
AFTER_SECONDS = FRESH_SECONDS


def _key_purpose(kid: str) -> str:
    return f"signing_keys:{kid}:private_key"


def make_missing(connection: Connection, seal: Seal, now: int) -> list[str]:
    """A signing key for each algorithm that has none, and the pairwise key; the names of what was made."""
    table = schema.signing_keys
    known = set(connection.execute(select(table.c.algorithm).where(table.c.gone.is_(None))).scalars())
    missing = [algorithm for algorithm in ALGORITHMS if algorithm not in known]
    for algorithm in missing:
        _add_signing_key(connection, seal, algorithm, now)
    return missing + _make_pairwise(connection, seal)


def _add_signing_key(connection: Connection, seal: Seal, algorithm: str, signs_from: int) -> str:
    """Its key id."""
    key = jose.PrivateKey.generate(algorithm)
    row = {
        "kid": key.kid,
        "algorithm": algorithm,
        "private_key": seal.close(key.pem().encode(), _key_purpose(key.kid)),
        "public_jwk": json.dumps(key.public_jwk()),
        "signs_from": signs_from,
    }
    connection.execute(insert(schema.signing_keys).values(row))
    return key.kid


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key of the JWK Set. stands: signs now, waits to, or only verifies. gone: when it leaves the set."""

    kid: str
    algorithm: str
    stands: str
    signs_from: int
    gone: int | None


def published(connection: Connection, now: int) -> list[SigningKey]:
    """The keys of the JWK Set, by algorithm, the newest first."""
    table = schema.signing_keys
    ordered = _here(now).order_by(table.c.algorithm, table.c.signs_from.desc(), table.c.kid)
    found, signing = [], set()
    for row in connection.execute(ordered).mappings():
        stands = "waits" if row["signs_from"] > now else "verifies" if row["algorithm"] in signing else "signs"
        signing |= {row["algorithm"]} if stands == "signs" else set()
        found.append(SigningKey(row["kid"], row["algorithm"], stands, row["signs_from"], row["gone"]))
    return found


def rotate(connection: Connection, seal: Seal, algorithm: str, now: int, lead: int) -> SigningKey:
    """A new key that is published now and signs in `lead` seconds. Those before it go AFTER_SECONDS later.

    Raises RegistrationRefused while one waits already: two would come in an order that nobody meant.
    """
    if waiting := [one.kid for one in _of(connection, algorithm, now) if one.stands == "waits"]:
        raise RegistrationRefused(f"the key {waiting[0]} waits already to sign {algorithm}")
    before = [one.kid for one in _of(connection, algorithm, now) if one.gone is None]
    kid = _add_signing_key(connection, seal, algorithm, now + lead)
    _set(connection, before, gone=now + lead + AFTER_SECONDS)
    return next(one for one in _of(connection, algorithm, now) if one.kid == kid)


def retire(connection: Connection, kid: str, now: int) -> SigningKey | None:
    """The key is gone now. The key that follows it, if that has to sign earlier than it was meant to; else None."""
    meant = next((one for one in published(connection, now) if one.kid == kid), None)
    if meant is None:
        raise RegistrationRefused(f"no key {kid} is published")
    _set(connection, [kid], gone=now)
    left = _of(connection, meant.algorithm, now)
    if not left:
        raise RegistrationRefused(f"no other key could sign {meant.algorithm}: run `linkmw hub keys rotate` first")
    if meant.stands == "waits":  # it never was: what it was to follow goes on
        _set(connection, [left[0].kid], gone=None)
    elif meant.stands == "signs":
        _set(connection, [left[0].kid], signs_from=min(now, left[0].signs_from), gone=None)
        return left[0] if left[0].stands == "waits" else None
    return None


def _of(connection: Connection, algorithm: str, now: int) -> list[SigningKey]:
    return [one for one in published(connection, now) if one.algorithm == algorithm]


def _set(connection: Connection, kids: list[str], **values: int | None) -> None:
    table = schema.signing_keys
    connection.execute(update(table).where(table.c.kid.in_(kids)).values(values))


def _here(now: int) -> Any:
    table = schema.signing_keys
    return select(table).where(or_(table.c.gone.is_(None), table.c.gone > now))


def _make_pairwise(connection: Connection, seal: Seal) -> list[str]:
    if connection.execute(select(schema.secrets.c.name).where(schema.secrets.c.name == PAIRWISE)).first():
        return []
    sealed = seal.close(secrets.token_bytes(32), _PAIRWISE_PURPOSE)
    connection.execute(insert(schema.secrets).values(name=PAIRWISE, value=sealed))
    return [PAIRWISE]


class SqlKeys:
    """Implements hub.ports.Keys."""

    def __init__(self, database: Database, seal: Seal, now: Callable[[], int]) -> None:
        self._database = database
        self._seal = seal
        self._now = now
        self._rows: Recent[list[RowMapping]] = Recent()
        self._opened: dict[str, jose.PrivateKey] = {}  # by kid, which is the key's own thumbprint
        self._pairwise = b""

    async def _published(self) -> list[RowMapping]:
        """Keys that are in the JWK Set now, the newest first."""
        table = schema.signing_keys

        async def load() -> list[RowMapping]:
            query = _here(self._now()).order_by(table.c.signs_from.desc(), table.c.kid)
            return await self._database.read(lambda connection: list(connection.execute(query).mappings()))

        return await self._rows.get("", load)

    async def sign(self, algorithm: str, typ: str, claims: Mapping[str, Any]) -> str:
        """By the newest key whose time has come. Raises SettingsError when `linkmw hub init` made none."""
        now = self._now()
        for row in await self._published():
            if row["algorithm"] == algorithm and row["signs_from"] <= now:
                return jose.sign(claims, self._open(row), typ=typ)
        raise SettingsError(f"the hub has no key for {algorithm}: run `linkmw hub init`")

    def _open(self, row: RowMapping) -> jose.PrivateKey:
        kid = row["kid"]
        if kid not in self._opened:
            pem = self._seal.open(row["private_key"], _key_purpose(kid)).decode("ascii")
            self._opened[kid] = jose.PrivateKey.from_pem(pem)
        return self._opened[kid]

    async def public(self) -> dict[str, Any]:
        return {"keys": [json.loads(row["public_jwk"]) for row in await self._published()]}

    async def pairwise(self, organization_id: str, identity: Identity) -> str:
        """43 characters: HMAC-SHA256 over the three as a JSON list, so that no two triples spell the same."""
        name = json.dumps([organization_id, identity.issuer, identity.subject]).encode()
        return base64url.encode(hmac.new(await self._pairwise_key(), name, hashlib.sha256).digest())

    async def _pairwise_key(self) -> bytes:
        if not self._pairwise:
            query = select(schema.secrets.c.value).where(schema.secrets.c.name == PAIRWISE)
            sealed = await self._database.read(lambda connection: connection.execute(query).scalar())
            if sealed is None:
                raise SettingsError("the hub has no pairwise key: run `linkmw hub init`")
            self._pairwise = self._seal.open(sealed, _PAIRWISE_PURPOSE)
        return self._pairwise
