"""A fast OpenID Provider that signs everybody in at once: what stands in for Keycloak where its own CPU is not meant.

Loopback only. RS256 with 2048 bits, PKCE checked, claims as Keycloak writes them, each code good once. People come
in turn, so many as `--people` says: whoever has come round is a returning one. For a client whose id ends
in a number, as `bench-10000`, each comes by lot, out of so many. `/stats` tells how often which endpoint was
asked.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import secrets
import time
from base64 import urlsafe_b64encode
from collections import Counter
from dataclasses import dataclass
from itertools import count
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

Answer = tuple[int, dict[str, str], bytes]
_ALIVE_SECONDS = 36_000


def subject(number: int) -> str:
    """Person `number`, as every part of a benchmark knows them."""
    return str(UUID(bytes=hashlib.sha256(b"person %d" % number).digest()[:16]))


def _text(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


@dataclass(frozen=True, slots=True)
class _Grant:
    client: str
    redirect: str
    nonce: str
    challenge: str
    person: int


class Provider:
    def __init__(self, issuer: str, people: int) -> None:
        self.issuer = issuer
        self._people = people
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self._kid = secrets.token_urlsafe(9)  # new with every start, as the key is
        self._codes: dict[str, _Grant] = {}
        self._access: dict[int, str] = {}  # each person's access token, signed once
        self._turn = count()
        self._asked: Counter[str] = Counter()

    def answer(self, path: str, headers: dict[str, str], body: bytes) -> Answer:
        parts = urlsplit(path)
        word = parts.path.rpartition("/")[2]
        self._asked[word] += 1
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if word == "openid-configuration":
            return self._shown(self._document())
        if word == "certs":
            return self._shown({"keys": [self._jwk()]})
        if word == "auth":
            return self._authorize(query)
        if word == "token":
            return self._token({name: values[0] for name, values in parse_qs(body.decode()).items()}, headers)
        if word == "userinfo":
            return self._userinfo(headers.get("authorization", ""))
        if word == "stats":
            return self._shown(dict(self._asked))
        return 404, {}, b"no such page"

    @staticmethod
    def _shown(value: object, status: int = 200) -> Answer:
        return status, {"content-type": "application/json"}, _json(value)

    def _document(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/auth",
            "token_endpoint": f"{self.issuer}/token",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "end_session_endpoint": f"{self.issuer}/logout",
            "jwks_uri": f"{self.issuer}/certs",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
            "code_challenge_methods_supported": ["S256"],
            "scopes_supported": ["openid", "profile", "email"],
            "authorization_response_iss_parameter_supported": True,
        }

    def _jwk(self) -> dict[str, str]:
        modulus = _text(self._key.public_key().public_numbers().n.to_bytes(256))
        return {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": self._kid, "n": modulus, "e": "AQAB"}

    def _authorize(self, query: dict[str, str]) -> Answer:
        redirect = query.get("redirect_uri", "")
        if query.get("response_type") != "code" or ("//127.0.0.1:" not in redirect and ".localhost:" not in redirect):
            return 400, {}, b"bad request"
        person, code = self._next(query.get("client_id", "")), secrets.token_urlsafe(24)
        self._codes[code] = _Grant(
            query.get("client_id", ""), redirect, query.get("nonce", ""), query.get("code_challenge", ""), person
        )
        told = {"code": code, "state": query.get("state", ""), "session_state": subject(person), "iss": self.issuer}
        return 302, {"location": f"{redirect}?{urlencode(told)}"}, b""

    def _next(self, client: str) -> int:
        among = int(client.rpartition("-")[2]) if "-" in client else 0
        return secrets.randbelow(among) if among else next(self._turn) % self._people

    def _token(self, form: dict[str, str], headers: dict[str, str]) -> Answer:
        grant = self._codes.pop(form.get("code", ""), None)
        if grant is None or form.get("redirect_uri") != grant.redirect:
            return self._shown({"error": "invalid_grant"}, 400)
        if not headers.get("authorization", "").startswith("Basic ") and "client_secret" not in form:
            return self._shown({"error": "invalid_client"}, 401)
        verifier = form.get("code_verifier", "")
        if grant.challenge and _text(hashlib.sha256(verifier.encode()).digest()) != grant.challenge:
            return self._shown({"error": "invalid_grant", "error_description": "PKCE"}, 400)
        access = self._access_token(grant.person)
        claims = {
            **self._said(grant.person, "ID"),
            "aud": grant.client,
            "azp": grant.client,
            "jti": secrets.token_urlsafe(27),
            "at_hash": _text(hashlib.sha256(access.encode()).digest()[:16]),
            **({"nonce": grant.nonce} if grant.nonce else {}),
        }
        return self._shown(
            {
                "access_token": access,
                "expires_in": _ALIVE_SECONDS,
                "refresh_expires_in": _ALIVE_SECONDS,
                "refresh_token": secrets.token_urlsafe(500),
                "token_type": "Bearer",
                "id_token": self._signed(claims),
                "not-before-policy": 0,
                "session_state": claims["sid"],
                "scope": "openid profile email",
            }
        )

    def _access_token(self, person: int) -> str:
        if person not in self._access:
            if len(self._access) > 1000:
                self._access.clear()
            roles = ["default-roles-bench", "offline_access", "uma_authorization"]
            more = {"aud": "account", "realm_access": {"roles": roles}, "scope": "openid profile email"}
            self._access[person] = self._signed({**self._said(person, "Bearer"), **more})
        return self._access[person]

    def _said(self, person: int, typ: str) -> dict[str, Any]:
        now = int(time.time())
        return {
            **self._profile(person),
            "exp": now + _ALIVE_SECONDS,
            "iat": now,
            "auth_time": now,
            "iss": self.issuer,
            "typ": typ,
            "sid": str(UUID(int=person + (1 << 100))),
            "acr": "1",
        }

    @staticmethod
    def _profile(person: int) -> dict[str, Any]:
        return {
            "sub": subject(person),
            "email": f"user{person}@people.example",
            "email_verified": True,
            "name": f"Ada Lovelace {person}",
            "preferred_username": f"user{person}",
            "given_name": "Ada",
            "family_name": "Lovelace",
        }

    def _userinfo(self, authorization: str) -> Answer:
        token = authorization.removeprefix("Bearer ")
        person = next((person for person, known in self._access.items() if known == token), None)
        if person is None:
            return self._shown({"error": "invalid_token"}, 401)
        return self._shown(self._profile(person))

    def _signed(self, claims: dict[str, Any]) -> str:
        head = _json({"alg": "RS256", "typ": "JWT", "kid": self._kid})
        signed = f"{_text(head)}.{_text(_json(claims))}"
        return f"{signed}.{_text(self._key.sign(signed.encode(), padding.PKCS1v15(), SHA256()))}"


class _Wire(asyncio.Protocol):
    """As much of HTTP/1.1 as the clients here speak."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self._seen = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._seen += data
        while (end := self._seen.find(b"\r\n\r\n")) >= 0:
            first, *lines = self._seen[:end].decode("latin-1").split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            until = end + 4 + int(headers.get("content-length", 0))
            if len(self._seen) < until:
                return
            body, self._seen = self._seen[end + 4 : until], self._seen[until:]
            self._transport.write(_written(*self._provider.answer(first.split(" ")[1], headers, body)))


def _written(status: int, headers: dict[str, str], body: bytes) -> bytes:
    lines = [f"HTTP/1.1 {status} .", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, f"content-length: {len(body)}", "", ""]).encode("latin-1") + body


async def _serve(port: int, provider: Provider) -> None:
    server = await asyncio.get_running_loop().create_server(lambda: _Wire(provider), "127.0.0.1", port)
    await server.serve_forever()


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--port", type=int, required=True)
    options.add_argument("--people", type=int, default=50)
    given = options.parse_args()
    asyncio.run(_serve(given.port, Provider(f"http://127.0.0.1:{given.port}/realms/bench", given.people)))


if __name__ == "__main__":
    main()
