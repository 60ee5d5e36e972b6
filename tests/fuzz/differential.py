"""Tokens of three kinds, damaged in every way there is, before our verifiers and joserfc: what we accept, it accepts.

The oracle is another library's, in tests alone (security.md, section 4). Where it is laxer than we are nothing is said.
"""

from __future__ import annotations

import json
import random
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet as TheirKeys
from tests.fuzz.edits import WORDS, drawn, edited
from tests.oidc.conftest import Forge, b64

from linkmw.errors import TokenRejected
from linkmw.oidc import base64url, call_token, id_token, logout_token
from linkmw.oidc.jose import KeySet, PrivateKey

NOW = 1_800_000_000
ISSUER, CLIENT, URL = "https://id.example/o/orders", "orders", "https://orders.example/.linkmw/accounts"
BOTH = frozenset({"RS256", "ES256"})
TOLD_EVERY = 100_000

Claims = dict[str, Any]


@dataclass(slots=True)
class Tally:
    """How many tokens were seen, what became of them, and those that joserfc would not have taken."""

    seen: int = 0
    accepted: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    worse: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        most = sorted(self.refused.items(), key=lambda one: -one[1])[:4]
        told = ", ".join(f"{code.removeprefix('token_')} {number:,}" for code, number in most)
        return f"accepted {self.accepted:,}, accepted by us alone {len(self.worse)}; refused for {told}, …"


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of token: its type, right claims, our verifier, and what theirs is to look at."""

    typ: str
    claims: Claims
    verify: Callable[[str, KeySet], Claims]
    needed: tuple[str, ...]


def _id_token(token: str, keys: KeySet) -> Claims:
    return id_token.verify(token, keys, issuer=ISSUER, audience=CLIENT, nonce="n" * 43, now=NOW, algorithms=BOTH)


def _logout_token(token: str, keys: KeySet) -> Claims:
    return logout_token.verify(token, keys, issuer=ISSUER, audience=CLIENT, now=NOW, algorithms=BOTH)


def _call_token(token: str, keys: KeySet) -> Claims:
    return call_token.verify(token, keys, issuer=ISSUER, audience=CLIENT, method="POST", url=URL, body=b"{}", now=NOW)


_WHO: Claims = {"iss": ISSUER, "aud": CLIENT, "iat": NOW, "exp": NOW + 60}
KINDS = (
    Kind("JWT", {**_WHO, "sub": "17", "nonce": "n" * 43, "auth_time": NOW, "sid": "s"}, _id_token, ("sub", "nonce")),
    Kind(
        logout_token.TYP,
        {**_WHO, "jti": "j" * 43, "sub": "17", "sid": "s", "events": {logout_token.EVENT: {}}},
        _logout_token,
        ("jti", "events"),
    ),
    Kind(
        call_token.TYP,
        call_token.claims_for(
            issuer=ISSUER, audience=CLIENT, method="POST", url=URL, body=b"{}", now=NOW, jti="j" * 43
        ),
        _call_token,
        ("jti", "htm", "htu", "digest"),
    ),
)

# ---- keys: sets as issuers publish them, sound and unsound; both sides are given the same document


@dataclass(frozen=True, slots=True)
class Issuer:
    """A key set as we read it, and as joserfc does: the keys it can read, which is how we do it, too."""

    ours: KeySet
    theirs: tuple[Any, ...]

    @classmethod
    def of(cls, document: dict[str, Any]) -> Issuer:
        read = []
        with warnings.catch_warnings(action="ignore"):  # of keys that are small, which is why they are here
            for item in document["keys"]:
                with suppress(JoseError, ValueError, TypeError, KeyError, AttributeError):
                    read += TheirKeys.import_key_set({"keys": [item]}).keys
        return cls(KeySet.read(document), tuple(read))


def _issuers(keys: list[PrivateKey], chance: random.Random) -> list[Issuer]:
    sound = [key.public_jwk() for key in keys]
    rsa, ec = sound[0], sound[1]
    changes: list[Claims] = [
        *({"kid": "other"}, {"use": "enc"}, {"alg": "RS512"}, {"alg": "ES384"}, {"key_ops": ["sign"]}, {"kty": "oct"}),
        *({"e": "AQ"}, {"e": "Aw"}, {"n": rsa["n"][:40]}, {"x": rsa["n"][:43]}, {"crv": "P-384"}, {"x": "A" * 43}),
    ]
    documents: list[list[Claims]] = [
        sound,
        [ec, rsa],
        [rsa],
        [ec],
        [],
        [{"kty": "oct", "k": "AAAA"}, *sound],
        [rsa, rsa],
    ]
    documents += [[{**item, **change} for item in sound] for change in changes]
    documents += [[{name: value for name, value in item.items() if name != "kid"} for item in sound]]
    documents += [[{**rsa, "kid": ec["kid"]}, ec]]
    chance.shuffle(documents)
    return [Issuer.of({"keys": document}) for document in [*documents, *[sound] * (3 * len(documents))]]


# ---- tokens


CHANGES: tuple[tuple[str, Any], ...] = (
    *(("exp", value) for value in (0, NOW, NOW - 59, NOW - 60, NOW - 61, NOW + 61, "1800000060", True, None, 1e300)),
    *(("iat", value) for value in (0, NOW - 600, NOW - 601, NOW + 60, NOW + 61, -1, float(NOW), [], {})),
    *(("nbf", value) for value in (NOW, NOW + 60, NOW + 61, "0", None, False)),
    *(("iss", value) for value in (ISSUER + "/", ISSUER.upper(), [ISSUER], None, "")),
    *(("aud", value) for value in ([CLIENT], [CLIENT, "wiki"], ["wiki"], [], "wiki", {CLIENT: 1}, [CLIENT, 1], None)),
    *(("azp", value) for value in (CLIENT, "wiki", [CLIENT], None)),
    *(("sub", value) for value in ("", 17, "a\n", "a" * 255, "a" * 256, None, ["17"], "\u202e")),
    *(("nonce", value) for value in ("", "n", ["n" * 43], None, "n" * 43)),
    *(("events", value) for value in ({}, [], {logout_token.EVENT: []}, {logout_token.EVENT: {}}, "x", None)),
    *(("jti", value) for value in ("", 1, None)),
    *(("typ", value) for value in ("ID", "Bearer", "Refresh", "Logout", 1)),
    *(("auth_time", value) for value in (0, NOW + 61, "0", True)),
    *(("sid", value) for value in ("", 1, None)),
    *(("htm", value) for value in ("GET", "post")),
    *(("htu", value) for value in (URL + "/", URL + "?a")),
    *(("digest", value) for value in ("", base64url.sha256(b"[]"))),
    *(("at_hash", value) for value in ("", 1, "x")),
)
HEADERS: tuple[tuple[str, Any], ...] = (
    *(("alg", value) for value in ("none", "None", "HS256", "RS256", "ES256", "PS256", "RS512", ["RS256"], 1, None)),
    *(("kid", value) for value in ("other", "", 5, None, ["x"])),
    *(("typ", value) for value in ("at+jwt", "JWT", "logout+jwt", "application/jwt", call_token.TYP, 1, None)),
    *(("crit", value) for value in ([], ["exp"], ["b64"])),
    *(("b64", value) for value in (False, True)),
    *(("zip", "DEF"), ("enc", "A128GCM"), ("jku", "https://evil.example"), ("x5c", []), ("cty", "JWT"), ("x", {})),
)
_GONE = object()


def _changed(members: Claims, changes: tuple[tuple[str, Any], ...], chance: random.Random) -> Claims:
    """None as a value is sometimes a null and sometimes an absence."""
    found = dict(members)
    for _ in range(chance.choice((0, 1, 1, 2, 3))):
        name, value = chance.choice(changes)
        found[name] = _GONE if value is None and chance.random() < 0.7 else value
    return {name: value for name, value in found.items() if value is not _GONE}


def _signed(kind: Kind, forge: Forge, chance: random.Random) -> str:
    """A token as a hostile issuer could sign it; one in three is right."""
    header = {**forge.header, "typ": kind.typ}
    if chance.random() < 0.34:
        return forge.raw(header, kind.claims)
    told: list[Any] = [_changed(header, HEADERS if chance.random() < 0.4 else (("typ", kind.typ),), chance)]
    told.append(_changed(kind.claims, CHANGES, chance))
    if chance.random() < 0.15:  # members given twice, numbers only JSON readers know, broken text
        at = chance.randrange(2)
        told[at] = edited(json.dumps(told[at]).encode(), drawn(chance, WORDS[:-6]))
    token = forge.raw(*told)
    if chance.random() < 0.05:  # a MAC of nothing, another key's signature, a signature in another form
        head, body, signature = token.split(".")
        other = chance.choice((b"", b"\0" * 64, base64url.decode(signature)[::-1], b"\x30\x06\x02\x01\x01\x02\x01\x01"))
        token = f"{head}.{body}.{b64(other)}"
    return token


_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def _damaged(token: str, others: list[str], chance: random.Random) -> str:
    """`token` in another spelling, cut, or put together with parts of another."""
    parts = token.split(".")
    which = chance.randrange(len(parts))
    text = parts[which]
    at = chance.randrange(len(text) + 1)
    way = chance.randrange(9)
    if way == 0:
        parts[which] = text[:at] + chance.choice(_LETTERS + "=+/. \n\u00e9\u212a") + text[at + 1 :]
    elif way == 1:
        parts[which] = text[:at] + chance.choice(_LETTERS + "=") + text[at:]
    elif way == 2:
        parts[which] = text[:at] + text[at + 1 :]
    elif way == 3:  # the last letter's spare bits (TV17)
        parts[which] = text[:-1] + chance.choice(_LETTERS)
    elif way == 4:
        parts[which] = text + chance.choice(("=", "==", " ", "\n", "\0"))
    elif way == 5:
        parts[which] = chance.choice(others).split(".")[min(which, 2)]
    elif way == 6:
        parts[which] = parts[chance.randrange(len(parts))]
    elif way == 7:
        parts.insert(at % 4, chance.choice(("", "e30", text)))
    else:
        try:
            octets = bytearray(base64url.decode(text))
        except ValueError:
            return token
        octets[chance.randrange(len(octets))] ^= 1 << chance.randrange(8)
        parts[which] = b64(bytes(octets))
    return ".".join(parts)


# ---- the comparison


# What joserfc refuses beyond the specification: members that nobody knows (RFC 7515, 4), headers over 512 bytes.
_THEIR_HEADERS = jws.JWSRegistry(algorithms=sorted(BOTH), strict_check_header=False)
_THEIR_HEADERS.max_header_length = 16 * 1024


def joserfc_accepts(token: str, kind: Kind, issuer: Issuer) -> bool:
    """Signature and every claim that its registry knows, at the same time and with the same leeway."""
    registry = jwt.JWTClaimsRegistry(
        now=NOW,
        leeway=60,
        iss={"essential": True, "value": ISSUER},
        aud={"essential": True, "value": CLIENT},
        exp={"essential": True},
        iat={"essential": True},
        **{name: {"essential": True} for name in kind.needed},
    )
    for keys in _their_keys(token, issuer):
        try:
            registry.validate(jwt.decode(token, keys, registry=_THEIR_HEADERS).claims)
        except (JoseError, ValueError, TypeError, KeyError):
            continue
        return True
    return False


def _their_keys(token: str, issuer: Issuer) -> Iterator[TheirKeys]:
    """As it is meant to be asked: the set by `kid`; without one, each key by itself."""
    header = json.loads(base64url.decode(token.split(".")[0]))
    if "kid" in header:
        yield TheirKeys(list(issuer.theirs))
    else:
        yield from (TheirKeys([key]) for key in issuer.theirs)


def run(seed: int, *, every: int = TOLD_EVERY) -> Iterator[Tally]:
    """Goes on for ever; the tally after every so many tokens, and at once when we accepted one alone."""
    chance = random.Random(seed)
    keys = [PrivateKey.generate("RS256"), PrivateKey.generate("ES256")]
    stranger = PrivateKey.generate("ES256")
    forges = [Forge(keys[0]), *[Forge(keys[1])] * 8, Forge(stranger)]
    issuers = _issuers(keys, chance)
    pool = [(kind, _signed(kind, chance.choice(forges), chance)) for kind in KINDS for _ in range(100)]
    tally = Tally()
    for number in count():
        if number % 4 == 0:
            kind = chance.choice(KINDS)
            pool[chance.randrange(len(pool))] = kind, _signed(kind, chance.choice(forges), chance)
        kind, token = chance.choice(pool)
        given = token if number % 5 == 0 else _damaged(token, [chance.choice(pool)[1]], chance)
        shown_to = kind if chance.random() < 0.9 else chance.choice(KINDS)  # TV21: one kind before another's verifier
        _compare(given, shown_to, chance.choice(issuers), tally)
        if tally.worse or tally.seen % every == 0:
            yield tally


def _compare(token: str, kind: Kind, issuer: Issuer, tally: Tally) -> None:
    tally.seen += 1
    try:
        kind.verify(token, issuer.ours)
    except TokenRejected as rejected:
        tally.refused[rejected.code] = tally.refused.get(rejected.code, 0) + 1
        return
    tally.accepted += 1
    if not joserfc_accepts(token, kind, issuer):
        tally.worse.append(token)
