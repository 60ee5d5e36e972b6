"""The authorization request and its answer, from both sides (RFC 6749 4.1, OpenID Connect Core 1.0 3.1.2, RFC 9207).

The relying party's side: `new_sign_in`, `request_url`, `read_answer`. The provider's: `read_request`, and at the token
endpoint `verify_code`. PKCE (RFC 7636) is S256 and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from hmac import compare_digest

from linkmw.errors import ProtocolError, ProviderRefused, RequestRefused, StateMismatch
from linkmw.http import Params, with_query
from linkmw.model import AuthorizationRequest, Client, SignIn
from linkmw.oidc import base64url
from linkmw.secret import Secret

MAX_PARAMETER = 512  # characters of state, nonce and the like
MAX_CODE = 2048  # Keycloak's are about 110
MAX_DESCRIPTION = 200  # characters of a provider's own words that we keep

_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")  # RFC 7636, 4.1
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")  # a SHA-256 in base64url
_VISIBLE = re.compile(r"[\x20-\x7e]*")  # VSCHAR (RFC 6749, appendix A)
_SECONDS = re.compile(r"[0-9]{1,9}")
_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,3}")  # of a BCP 47 tag, what languages of pages go by
MAX_LANGUAGES = 10

SCOPES = ("openid", "profile", "email")
PROMPTS = frozenset(("none", "login", "consent", "select_account"))

# Ways to hand parameters over that we don't offer, each with the error that says so (OpenID Connect Core 1.0, 3.1.2.6).
_NOT_SUPPORTED = {
    "request": "request_not_supported",
    "request_uri": "request_uri_not_supported",
    "registration": "registration_not_supported",
}


class RedirectableError(ProtocolError):
    """A request whose fault the client is told at its redirect URI, with its own `state` (RFC 6749, 4.1.2.1)."""

    code = "authorization_error"

    def __init__(self, error: str, description: str) -> None:
        super().__init__(f"{error}: {description}")
        self.error = error
        self.description = description


# ---- the relying party


def code_challenge(verifier: str) -> str:
    """The S256 challenge of `verifier` (RFC 7636, 4.2). Raises ValueError for one that is too short (FC16)."""
    if not _VERIFIER.fullmatch(verifier):
        raise ValueError("a code verifier has 43 to 128 unreserved characters")
    return base64url.sha256(verifier.encode("ascii"))


def new_sign_in(token: Callable[[], str], then: str, now: int, flow: str = "") -> SignIn:
    """A sign-in that begins now, with a state, a nonce and a code verifier of its own.

    token: a maker of 32 random bytes in base64url. then: where to go afterwards, judged already.
    """
    return SignIn(token(), Secret(token()), Secret(token()), then, now, flow)


def request_url(
    endpoint: str,
    *,
    client_id: str,
    redirect_uri: str,
    state: str,
    nonce: str,
    verifier: str,
    scope: str = "openid",
    **extra: str,
) -> str:
    """Where to send the browser. extra: `prompt`, `max_age` and the like; empty ones are left out."""
    optional = {name: value for name, value in extra.items() if value}
    own = {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": redirect_uri,
        "scope": scope,
        "state": state,
        "nonce": nonce,
        "code_challenge": code_challenge(verifier),
        "code_challenge_method": "S256",
    }
    return with_query(endpoint, **{**optional, **own})


def read_answer(query: Params, expected: SignIn | None, issuer: str, iss_promised: bool) -> str:
    """The authorization code in the provider's answer to `expected`.

    expected: the sign-in that this very browser began with this state, None if there is none. iss_promised: does the
    provider's metadata say that it sends `iss`?
    Raises StateMismatch; RequestRefused for an answer without state, given twice, from another issuer (RFC 9207, 2.4),
    or without a code; ProviderRefused when the answer is an error, `code` or no `code` beside it (FC11).
    """
    state = query.get("state")
    if not state:
        raise RequestRefused("the answer has no state", code="state_missing")
    if expected is None or not compare_digest(state.encode(), expected.state.encode()):
        raise StateMismatch("no sign-in of this browser waits for this answer")
    _check_issuer(query, issuer, iss_promised)
    code, error = query.get("code"), query.get("error")
    if error:
        raise ProviderRefused(_plain(error, 64), _plain(query.get("error_description"), MAX_DESCRIPTION))
    if not code or len(code) > MAX_CODE or not _VISIBLE.fullmatch(code):
        raise RequestRefused("the answer has no code", code="code_missing")
    return code


def _check_issuer(query: Params, issuer: str, promised: bool) -> None:
    if "iss" not in query and not promised:
        return
    if not compare_digest(query.get("iss").encode(), issuer.encode()):
        raise RequestRefused("the answer is from another issuer", code="issuer_mismatch")


def _plain(text: str, limit: int) -> str:
    """Somebody else's words, for logs and pages: printable ASCII, cut short."""
    return "".join(letter for letter in text[:limit] if _VISIBLE.fullmatch(letter))


# ---- the provider


def read_request(query: Params, client: Client) -> AuthorizationRequest:
    """What `client` asks for, checked.

    client: found by the path, enabled. Raises RequestRefused for what must end on a page of ours, the client, its
    redirect URI or the state to echo being wrong (RFC 6749, 4.1.2.1), and RedirectableError for everything else.
    """
    _check_client(query, client)
    state = read_state(query)
    _check_form(query)
    request = AuthorizationRequest(
        client_id=client.client_id,
        redirect_uri=client.redirect_uri,
        state=state,
        nonce=_nonce(query),
        code_challenge=_challenge(query, client),
        scope=_scope(query),
        prompt=_prompt(query),
        max_age=_max_age(query),
        ui_locales=_ui_locales(query),
    )
    # Gates send both always; a client in another language may do without (docs/protocol.md, 4).
    if client.proof != "none" and not (request.state and request.nonce):
        raise RedirectableError("invalid_request", "state and nonce are required")
    return request


@dataclass(frozen=True, slots=True)
class CodeUse:
    """Who uses a code and where: what a token request shows, or what the code was made for."""

    client_id: str
    redirect_uri: str


def verify_code(given: CodeUse, granted: CodeUse, *, verifier: str, challenge: str) -> None:
    """The code is used by the client it was made for, at its redirect URI, by whoever began (RFC 6749, 4.1.3).

    verifier: the token request's. challenge: the authorization request's.
    Raises RequestRefused (`invalid_grant`). A verifier for a code without a challenge is refused as well: somebody took
    the challenge out of the request (RFC 9700, 4.8.2).
    """
    if given != granted or not _proves(verifier, challenge):
        raise RequestRefused("the code is not good for this request", code="invalid_grant")


def _proves(verifier: str, challenge: str) -> bool:
    if not challenge or not _VERIFIER.fullmatch(verifier):
        return not challenge and not verifier
    return compare_digest(code_challenge(verifier), challenge)


def _check_client(query: Params, client: Client) -> None:
    """Exact comparison: no prefix, no other port, no normalising (RFC 9700, 2.1). `get` refuses what is given twice."""
    if query.get("client_id") != client.client_id:
        raise RequestRefused("the request is for another client", code="client_mismatch")
    if query.get("redirect_uri") != client.redirect_uri:
        raise RequestRefused("the redirect URI is not the registered one", code="redirect_uri_mismatch")


def read_state(query: Params) -> str:
    """The state to echo. What cannot be echoed as it came is a defect or an attack: nothing is sent on."""
    state = query.get("state")
    if len(state) > MAX_PARAMETER or not _VISIBLE.fullmatch(state):
        raise RequestRefused("state is too long, or not plain", code="state_malformed")
    return state


def _check_form(query: Params) -> None:
    names = [name for name, _ in query]
    if len(set(names)) != len(names):
        raise RedirectableError("invalid_request", "a parameter is given twice")
    for name, error in _NOT_SUPPORTED.items():
        if name in query:
            raise RedirectableError(error, f"{name} is not supported")
    if "response_type" not in query:
        raise RedirectableError("invalid_request", "response_type is missing")
    if query.get("response_type") != "code":
        raise RedirectableError("unsupported_response_type", "response_type is code")
    if query.get("response_mode", "query") != "query":
        raise RedirectableError("invalid_request", "response_mode is query")


def _nonce(query: Params) -> str:
    nonce = query.get("nonce")
    if len(nonce) > MAX_PARAMETER or not _VISIBLE.fullmatch(nonce):
        raise RedirectableError("invalid_request", "nonce is too long, or not plain")
    return nonce


def _challenge(query: Params, client: Client) -> str:
    """The S256 challenge; "" only from a client whose registration excuses it. `plain` is what no method means."""
    challenge, method = query.get("code_challenge"), query.get("code_challenge_method")
    if not challenge and not method and not client.pkce_required:
        return ""
    if method != "S256" or not _CHALLENGE.fullmatch(challenge):
        raise RedirectableError("invalid_request", "PKCE with S256 is required")
    return challenge


def _scope(query: Params) -> tuple[str, ...]:
    """The scopes we know, in our order; others are ignored (OpenID Connect Core 1.0, 3.1.2.1)."""
    asked = query.get("scope").split(" ")
    if "openid" not in asked:
        raise RedirectableError("invalid_scope", "scope holds openid")
    return tuple(scope for scope in SCOPES if scope in asked)


def _prompt(query: Params) -> str:
    asked = query.get("prompt").split()
    if not PROMPTS.issuperset(asked) or ("none" in asked and len(asked) > 1):
        raise RedirectableError("invalid_request", "prompt is not understood")
    return " ".join(asked)


def _max_age(query: Params) -> int | None:
    text = query.get("max_age")
    if text and not _SECONDS.fullmatch(text):
        raise RedirectableError("invalid_request", "max_age is a number of seconds")
    return int(text) if text else None


def _ui_locales(query: Params) -> str:
    """Languages in order of preference; whatever is no tag of one is ignored, it is never an error (3.1.2.1)."""
    tags = [tag for tag in query.get("ui_locales").split() if _LANGUAGE.fullmatch(tag)]
    return " ".join(tags[:MAX_LANGUAGES])
