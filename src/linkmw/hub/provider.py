"""The hub as OpenID Provider towards products, an issuer for each (protocol, section 4)."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from linkmw.errors import RequestRefused, TenantNotEnabled, Unavailable
from linkmw.http import Params, Request, Response, json_answer, redirect, with_query
from linkmw.hub import audit, place, rules
from linkmw.hub.client_authentication import authenticate
from linkmw.hub.place import Place
from linkmw.hub.ports import Flow, Grant, Ports
from linkmw.hub.settings import HubSettings
from linkmw.model import AuthorizationRequest, Client, Link
from linkmw.oidc import authorize, id_token, metadata
from linkmw.pages.language import LANGUAGES

ID_TOKEN_SECONDS = 300
ACCESS_TOKEN_SECONDS = 300  # Authlib takes one with a minute left for expired

# What a client may be told of Keycloak's refusal; anything else is trouble of ours, not of its own.
PASSED_ON = frozenset(
    (
        "access_denied",
        "login_required",
        "interaction_required",
        "consent_required",
        "account_selection_required",
        "temporarily_unavailable",
    )
)


# Front channel: the browser comes with a request and leaves with an answer


async def accept_client(ports: Ports, client_id: str) -> Place:
    """The client of an authorization request. Raises RequestRefused, 400: nowhere to redirect to."""
    try:
        return await place.of_client(ports, client_id)
    except TenantNotEnabled as error:
        raise RequestRefused(str(error), code=error.code) from None


def read_request(query: Params, client: Client) -> AuthorizationRequest:
    """What the product asks for. Raises RequestRefused, and RedirectableError for what it is told itself.

    A gate always sends state and nonce; that another client may leave them out is no reason to take it from a gate.
    """
    asked = authorize.read_request(query, client)
    if client.proof != "none" and not (asked.state and asked.nonce):
        raise authorize.RedirectableError("invalid_request", "state and nonce are required")
    return asked


def refuse(settings: HubSettings, client: Client, state: str, error: str, description: str) -> Response:
    """Back to the product with an OAuth 2.0 error."""
    return redirect(refusal_url(settings, client, state, error, description))


def refusal_url(settings: HubSettings, client: Client, state: str, error: str, description: str) -> str:
    """Where an OAuth 2.0 error leads (RFC 6749, 4.1.2.1)."""
    return _answer_url(settings, client, state, error=error, error_description=description)


def _answer_url(settings: HubSettings, client: Client, state: str, **answer: str) -> str:
    """The registered redirect URI with an answer, the state it echoes, and who answers (RFC 9207)."""
    echo = {"state": state} if state else {}
    return with_query(client.redirect_uri, **answer, **echo, iss=place.issuer(settings, client.client_id))


async def grant(
    ports: Ports, settings: HubSettings, request: Request, where: Place, flow: Flow, link: Link
) -> Response:
    """Back to the product with an authorization code for the account of `link`."""
    asked = flow.request
    if asked is None or link.identity != flow.identity or link.client_id != where.product.client_id:
        raise RequestRefused("the link is not this flow's", code="wrong_step")
    code = ports.token()
    await ports.grants.put(code, _grant(flow, asked.redirect_uri, link), settings.code_seconds)
    with suppress(Unavailable):  # for the manager's list alone
        await ports.sessions.note_opened(link.identity, flow.hub_sid, link.client_id, settings.session_seconds)
    event = audit.of_link("signed_in", link, where, ports.now(), request, flow=flow)
    await ports.links.used(link.link_id, link.username, event)
    return redirect(_answer_url(settings, where.product, asked.state, code=code))


def _grant(flow: Flow, redirect_uri: str, link: Link) -> Grant:
    asked = flow.request
    return Grant(
        client_id=link.client_id,
        redirect_uri=redirect_uri,
        code_challenge=asked.code_challenge if asked else "",
        nonce=asked.nonce if asked else "",
        scope=asked.scope if asked else (),
        account_id=link.account_id,
        username=link.username,
        identity=link.identity,
        email=flow.identity_email if flow.email_verified else "",
        auth_time=flow.auth_time,
        amr=flow.amr,
        hub_sid=flow.hub_sid,
        link_id=link.link_id,
    )


# Back channel: the product's own OpenID Connect client asks


async def discovery(ports: Ports, settings: HubSettings, _request: Request, client_id: str) -> Response:
    """GET …/.well-known/openid-configuration (OpenID Connect Discovery 1.0, 3)."""
    where = await place.of_client(ports, client_id)
    return json_answer(metadata.provider_document(place.issuer(settings, where.product.client_id), LANGUAGES))


async def jwks(ports: Ports, _settings: HubSettings, _request: Request, client_id: str) -> Response:
    """GET …/jwks: the hub's public keys, the same for every client."""
    await place.of_client(ports, client_id)
    return json_answer(await ports.keys.public())


async def token(ports: Ports, settings: HubSettings, request: Request, client_id: str) -> Response:
    """POST …/token: an ID token for an authorization code (RFC 6749, 4.1.3; OpenID Connect Core 1.0, 3.1.3)."""
    where = await authenticate(ports, request, client_id)
    form = request.form
    if form.get("grant_type") != "authorization_code":
        raise RequestRefused("only authorization codes", code="unsupported_grant_type")
    code = form.get("code")
    granted = await ports.grants.take(code) if code else None  # burnt by any attempt, right or wrong (BC13, BC14)
    if granted is None:
        raise RequestRefused("no such code", code="invalid_grant")
    try:
        _check_use(granted, where.product, form.get("redirect_uri"), form.get("code_verifier"))
    except RequestRefused:
        await ports.audit.write(audit.of_grant("code_refused", granted, where, ports.now(), request))
        raise
    if not rules.is_live(granted, await ports.links.of_account(client_id, granted.account_id)):
        raise RequestRefused("the link was removed meanwhile", code="invalid_grant")  # RC07
    access_token = ports.token()
    await ports.grants.put_token(access_token, code, granted, ACCESS_TOKEN_SECONDS)
    answer = {
        "access_token": access_token,
        "token_type": "Bearer",
        "expires_in": ACCESS_TOKEN_SECONDS,
        "id_token": await _id_token(ports, settings, where, granted, access_token),
        "scope": " ".join(granted.scope),
    }
    return json_answer(answer)


def _check_use(granted: Grant, client: Client, redirect_uri: str, verifier: str) -> None:
    given = authorize.CodeUse(client.client_id, redirect_uri)
    bound_to = authorize.CodeUse(granted.client_id, granted.redirect_uri)
    authorize.verify_code(given, bound_to, verifier=verifier, challenge=granted.code_challenge)


async def _person(ports: Ports, where: Place, granted: Grant) -> dict[str, Any]:
    """The claims about who signed in; `sub` is the account id in that product (PR09)."""
    claims: dict[str, Any] = {
        "sub": granted.account_id,
        "identity": await ports.keys.pairwise(where.tenant.organization_id, granted.identity),
        "preferred_username": granted.username,
    }
    if granted.email and "email" in granted.scope:
        claims |= {"email": granted.email, "email_verified": True}
    return claims


async def _id_token(ports: Ports, settings: HubSettings, where: Place, granted: Grant, access_token: str) -> str:
    now, client = ports.now(), where.product
    claims = await _person(ports, where, granted) | {
        "iss": place.issuer(settings, client.client_id),
        "aud": client.client_id,
        "azp": client.client_id,
        "iat": now,
        "exp": now + ID_TOKEN_SECONDS,
        "auth_time": granted.auth_time,
        "at_hash": id_token.at_hash(access_token),
        "sid": granted.hub_sid,
    }
    claims |= {"nonce": granted.nonce} if granted.nonce else {}
    claims |= {"amr": list(granted.amr)} if granted.amr else {}
    return await ports.keys.sign(client.signing_algorithm, "JWT", claims)


async def userinfo(ports: Ports, _settings: HubSettings, request: Request, client_id: str) -> Response:
    """GET or POST …/userinfo: the ID token's claims about the person (OpenID Connect Core 1.0, 5.3)."""
    scheme, _, access_token = request.headers.get("authorization", "").partition(" ")
    granted = await ports.grants.of_token(access_token) if scheme.lower() == "bearer" and access_token else None
    if granted is None or granted.client_id != client_id:
        raise RequestRefused("no such access token", code="invalid_token", status=401)
    if not rules.is_live(granted, await ports.links.of_account(client_id, granted.account_id)):
        raise RequestRefused("the link was removed meanwhile", code="invalid_token", status=401)  # RC07
    where = await place.of_client(ports, client_id)
    return json_answer(await _person(ports, where, granted))
