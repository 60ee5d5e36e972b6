"""Provider metadata (OpenID Connect Discovery 1.0; RFC 8414): Keycloak's read, the hub's own written."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from linkmw.errors import ProtocolError
from linkmw.http import origin_of
from linkmw.oidc.authorize import SCOPES

MAX_URL = 2048  # characters

# After the origin: a path in printable ASCII. So no user information, no backslash, nothing a parser could differ on.
_PATH = re.compile(r"/[\x21-\x5b\x5d-\x7e]*")
# Plain http is for this machine alone (design: "the three parties").
_SAFE_ORIGIN = re.compile(r"https://.+|http://(?:localhost|127\.0\.0\.1|\[::1\]|[a-z0-9.-]+\.localhost)(?::[0-9]+)?")


@dataclass(frozen=True, slots=True)
class ProviderMetadata:
    """Where a provider's endpoints are, and what it promises.

    token_endpoint, jwks_uri, userinfo_endpoint: as the back channel reaches them. end_session_endpoint,
    userinfo_endpoint: "" when there is none. iss_promised: its answers carry `iss` (RFC 9207, 3).
    """

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str
    end_session_endpoint: str
    iss_promised: bool


def read_provider(document: object, issuer: str, *, internal_issuer: str = "") -> ProviderMetadata:
    """The metadata in a discovery document, once it is what the operator configured.

    issuer: as configured; the document must say exactly that (FC14). internal_issuer: the same realm by the back
    channel, or ""; token, key and userinfo endpoints move there, or may be there already.
    Raises ProtocolError: `metadata_malformed`, `metadata_issuer` (FC14), `metadata_endpoint` for one that is missing,
    elsewhere, or plain http off this machine (FC15), `metadata_pkce` without S256 (FC16), `metadata_code_flow`.
    """
    if not isinstance(document, Mapping):
        raise ProtocolError("the discovery document is no JSON object", code="metadata_malformed")
    if document.get("issuer") != issuer:
        raise ProtocolError("the discovery document names another issuer", code="metadata_issuer")
    _check_promise(document, "response_types_supported", "code", "metadata_code_flow")
    _check_promise(document, "code_challenge_methods_supported", "S256", "metadata_pkce")
    back = internal_issuer or issuer
    return ProviderMetadata(
        issuer=issuer,
        authorization_endpoint=_endpoint(document, "authorization_endpoint", issuer),
        token_endpoint=_back_endpoint(document, "token_endpoint", issuer, back),
        jwks_uri=_back_endpoint(document, "jwks_uri", issuer, back),
        userinfo_endpoint=_back_endpoint(document, "userinfo_endpoint", issuer, back, optional=True),
        end_session_endpoint=_endpoint(document, "end_session_endpoint", issuer, optional=True),
        iss_promised=document.get("authorization_response_iss_parameter_supported") is True,
    )


def _check_promise(document: Mapping[str, Any], name: str, needed: str, code: str) -> None:
    promised = document.get(name)
    if not isinstance(promised, list) or needed not in promised:
        raise ProtocolError(f"the provider's {name} lacks {needed}", code=code)


def _endpoint(document: Mapping[str, Any], name: str, issuer: str, *, optional: bool = False) -> str:
    """An endpoint that browsers visit: on the issuer's own origin."""
    if optional and name not in document:
        return ""
    url, origin = document.get(name), origin_of(issuer)
    if not isinstance(url, str) or not _is_on(url, origin) or not _SAFE_ORIGIN.fullmatch(origin):
        raise ProtocolError(f"the provider's {name} is missing, elsewhere or not https", code="metadata_endpoint")
    return url


def _back_endpoint(document: Mapping[str, Any], name: str, issuer: str, back: str, *, optional: bool = False) -> str:
    """An endpoint that we visit: where the operator said the back channel is."""
    url = document.get(name)
    if back != issuer and isinstance(url, str) and _is_on(url, origin_of(back)):
        return url  # Keycloak with hostname-backchannel-dynamic answers so
    url = _endpoint(document, name, issuer, optional=optional)
    return back + url.removeprefix(issuer) if url.startswith(f"{issuer}/") else url


def _is_on(url: str, origin: str) -> bool:
    """Is `url` a plain path on `origin`? `https://kc.example@evil.example/` and its like are not."""
    return len(url) <= MAX_URL and url.startswith(origin) and bool(_PATH.fullmatch(url[len(origin) :]))


def provider_document(issuer: str, languages: Iterable[str]) -> dict[str, Any]:
    """The discovery document of the hub for one client (docs/protocol.md, 4).

    issuer: `{hub}/o/{client_id}`. languages: of its pages, BCP 47 tags.
    """
    return {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/authorize",
        "token_endpoint": f"{issuer}/token",
        "userinfo_endpoint": f"{issuer}/userinfo",
        "jwks_uri": f"{issuer}/jwks",
        "end_session_endpoint": f"{issuer}/end_session",
        "scopes_supported": list(SCOPES),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256", "ES256"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic"],
        "code_challenge_methods_supported": ["S256"],
        "claims_supported": list(_CLAIMS),
        "claims_parameter_supported": False,
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
        "authorization_response_iss_parameter_supported": True,
        "ui_locales_supported": list(languages),
        "backchannel_logout_supported": True,
        "backchannel_logout_session_supported": True,
    }


_CLAIMS = (
    *("iss", "sub", "aud", "azp", "exp", "iat", "auth_time", "nonce", "at_hash", "sid", "amr"),
    *("identity", "preferred_username", "email", "email_verified"),
)
