"""A tenant's Keycloak, as far as the hub's own client can tell, and as far as an administrator can.

Most of it is tried, not read: a client's settings are shown to administrators alone, but what it may do, anybody can
ask for who knows its name. `prompt=none` asks without a page.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2

from linkmw.cli.doctor import catalogue as checks
from linkmw.cli.doctor.findings import Check, Finding
from linkmw.cli.keycloak import client_of, wanted_of
from linkmw.errors import LinkmwError, ProtocolError
from linkmw.http import with_query
from linkmw.hub.settings import HubSettings
from linkmw.keycloak import FLOOR, SERVICE_ROLES, Administrator, HubClient, Realm, is_old, is_release
from linkmw.keycloak.settings import required_names
from linkmw.model import Tenant
from linkmw.oidc import base64url
from linkmw.oidc.authorize import code_challenge
from linkmw.oidc.client_auth import write_basic
from linkmw.oidc.metadata import ProviderMetadata, read_provider
from linkmw.oidc.strict_json import read_object
from linkmw.setting_values import MIN_SECRET, read_public_url

SECONDS = 5
NOBODY = "linkmw-doctor"  # a user that nobody is, and a path that nothing has
_CHALLENGE = code_challenge("linkmw-doctor-has-no-secret-to-prove-anything-by")
# What Keycloak gives with `view-users` by itself.
_COMES_ALONG = frozenset(("query-groups",))


def findings(
    tenant: Tenant, settings: HubSettings, administrator: Administrator | None, *, now: Callable[[], float] = time.time
) -> Iterator[Finding]:
    """administrator: of this Keycloak, if there is one to ask as."""
    of = tenant.organization_id
    yield _issuer(tenant)
    client = client_of(wanted_of(tenant, settings))
    with httpx2.Client(timeout=SECONDS, follow_redirects=False) as http:
        try:
            metadata = _metadata(http, tenant)
        except LinkmwError as error:
            yield checks.KEYCLOAK.wrong(str(error), of=of)
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
            yield checks.KEYCLOAK.wrong(f"does not answer: {type(error).__name__}", of=of)
        else:
            yield _promises(metadata, of)
            with suppress(httpx2.HTTPError, OSError):  # answered a moment ago: what was not asked is not said
                yield from _as_client(http, tenant, metadata, now)
                yield from _as_anybody(http, tenant, metadata, client, settings.public_url)
    yield from _as_administrator(tenant, settings, administrator)


def _issuer(tenant: Tenant) -> Finding:
    try:
        read_public_url(tenant.issuer)
    except ValueError as error:
        return checks.ISSUER.wrong(f"{tenant.issuer} {error}", of=tenant.organization_id)
    return checks.ISSUER.ok(tenant.issuer, of=tenant.organization_id)


def _metadata(http: httpx2.Client, tenant: Tenant) -> ProviderMetadata:
    answer = http.get(f"{_back(tenant)}/.well-known/openid-configuration")
    if answer.status_code != 200:
        said = "there is no such realm, or it is disabled" if answer.status_code == 404 else "that is no answer"
        raise ProtocolError(f"discovery answers HTTP {answer.status_code}: {said}")
    try:
        document: object = read_object(answer.content)
    except ValueError:
        document = None
    return read_provider(document, tenant.issuer, internal_issuer=tenant.internal_issuer)


def _back(tenant: Tenant) -> str:
    return tenant.internal_issuer or tenant.issuer


def _promises(metadata: ProviderMetadata, of: str) -> Finding:
    if not metadata.iss_promised:
        return checks.KEYCLOAK.warning("its answers carry no `iss` (RFC 9207)", of=of)
    return checks.KEYCLOAK.ok("answers as the issuer, with S256 and `iss`", of=of)


def _as_client(
    http: httpx2.Client, tenant: Tenant, metadata: ProviderMetadata, now: Callable[[], float]
) -> Iterator[Finding]:
    """As the hub signs in for itself: its secret, its roles, Keycloak's clock, and what its roles let it see."""
    of, asked = tenant.organization_id, now()
    answer = _token(http, tenant, metadata, grant_type="client_credentials")
    token = _object(answer).get("access_token")
    if answer.status_code == 403 and _object(answer).get("error") == "access_denied":
        yield checks.KEYCLOAK.wrong(_refusal(answer), "enable the realm at Keycloak, or `linkmw keycloak setup`", of=of)
        return
    if answer.status_code != 200 or not isinstance(token, str):
        yield checks.KEYCLOAK_SECRET.wrong(_refusal(answer), of=of)
        return
    if len(tenant.keycloak_client_secret) < MIN_SECRET:
        yield checks.KEYCLOAK_SECRET.warning(
            "is right, and short",
            "have Keycloak make a new one, and give it to the hub: `linkmw hub tenant secret`",
            of=of,
        )
    else:
        yield checks.KEYCLOAK_SECRET.ok(tenant.keycloak_client_id, of=of)
    claims = _claims(token)
    yield _roles(claims, of)
    issued = claims.get("iat")
    if isinstance(issued, int):
        yield checks.KEYCLOAK_CLOCK.apart(issued + 0.5 - (asked + now()) / 2, of=of)
    yield _realm(http, tenant, token)


def _roles(claims: dict[str, Any], of: str) -> Finding:
    access = claims.get("resource_access")
    access = access if isinstance(access, dict) else {}
    held = {role for client in access.values() for role in (client.get("roles") or ())}
    of_realm = claims.get("realm_access")
    held |= set(of_realm.get("roles") or ()) if isinstance(of_realm, dict) else set()
    missing, extra = set(SERVICE_ROLES) - held, held - set(SERVICE_ROLES) - _COMES_ALONG
    if missing:
        return checks.KEYCLOAK_ROLES.wrong(f"lacks {', '.join(sorted(missing))}", of=of)
    if extra:
        return checks.KEYCLOAK_ROLES.wrong(f"has more than it needs: {', '.join(sorted(extra))}", of=of)
    return checks.KEYCLOAK_ROLES.ok(", ".join(SERVICE_ROLES), of=of)


def _realm(http: httpx2.Client, tenant: Tenant, token: str) -> Finding:
    of = tenant.organization_id
    server, _, name = _back(tenant).rpartition("/realms/")
    headers = {"Authorization": f"Bearer {token}"}
    realm = _object(http.get(f"{server}/admin/realms/{name}", headers=headers))
    profile = _object(http.get(f"{server}/admin/realms/{name}/users/profile", headers=headers))
    said = ["guesses are not limited"] if realm.get("bruteForceProtected") is False else []
    said += [f"{attribute} is asked of everybody" for attribute in required_names(profile)]
    return checks.REALM.warning("; ".join(said), of=of) if said else checks.REALM.ok("as it should be", of=of)


def _as_anybody(
    http: httpx2.Client, tenant: Tenant, metadata: ProviderMetadata, client: HubClient, hub_url: str
) -> Iterator[Finding]:
    """What is granted and refused to whoever uses the hub's client id."""
    of = tenant.organization_id
    ask = _Asking(http, tenant, metadata, client)
    yield _redirect(ask, of)
    yield _wildcard(ask, of, hub_url)
    unproven = ask(code_challenge="", code_challenge_method="")
    plain = ask(code_challenge="v" * 43, code_challenge_method="plain")
    yield _refused(checks.PKCE, (unproven, plain), "a request without S256 is taken", of)
    implicit = (ask(response_type="token"), ask(response_type="id_token"))
    yield _refused(checks.IMPLICIT, implicit, "a token is given out in the address", of)
    answer = _token(http, tenant, metadata, grant_type="password", username=NOBODY, password=NOBODY)
    if _object(answer).get("error") == "unauthorized_client":
        yield checks.PASSWORD_GRANT.ok("refused", of=of)
    else:
        yield checks.PASSWORD_GRANT.wrong("whoever has the secret may try people's passwords", of=of)


class _Asking:
    """Authorization requests of the hub, each a little different. What comes back: HTTP status, and OAuth's `error`."""

    def __init__(self, http: httpx2.Client, tenant: Tenant, metadata: ProviderMetadata, client: HubClient) -> None:
        self.client = client
        self._http = http
        self._tenant = tenant
        self._metadata = metadata

    def __call__(self, **changed: str) -> tuple[int, str]:
        asked = {
            "client_id": self.client.client_id,
            "redirect_uri": self.client.redirect_uris[0],
            "response_type": "code",
            "scope": "openid",
            "state": NOBODY,
            "nonce": NOBODY,
            "prompt": "none",
            "code_challenge": _CHALLENGE,
            "code_challenge_method": "S256",
            **changed,
        }
        query = {name: value for name, value in asked.items() if value}
        answer = self._http.get(with_query(self.inside(self._metadata.authorization_endpoint), **query))
        parts = urlsplit(answer.headers.get("location", ""))
        said = parse_qs(parts.query) | parse_qs(parts.fragment)
        return answer.status_code, next(iter(said.get("error", ())), "")

    def signed_out(self) -> int:
        """HTTP status of a sign-out that would return to the hub."""
        query = {"client_id": self.client.client_id, "post_logout_redirect_uri": self.client.signed_out_uris[0]}
        return self._http.get(with_query(self.inside(self._metadata.end_session_endpoint), **query)).status_code

    def inside(self, url: str) -> str:
        """An endpoint for browsers, as this machine reaches it."""
        return _back(self._tenant) + url.removeprefix(self._tenant.issuer)


def _redirect(ask: _Asking, of: str) -> Finding:
    status, _ = ask()
    if status not in (302, 303):
        return checks.REDIRECT.wrong(f"{ask.client.redirect_uris[0]} is refused: HTTP {status}", of=of)
    if ask.signed_out() >= 400:
        return checks.REDIRECT.wrong(f"{ask.client.signed_out_uris[0]} is refused after signing out", of=of)
    return checks.REDIRECT.ok(ask.client.redirect_uris[0], of=of)


def _wildcard(ask: _Asking, of: str, hub_url: str) -> Finding:
    callback = ask.client.redirect_uris[0]
    others = (f"{callback}/{NOBODY}", f"{hub_url}/{NOBODY}", f"http://localhost/{NOBODY}", f"https://{NOBODY}.example/")
    taken = [other for other in others if ask(redirect_uri=other)[0] != 400]
    if taken:
        return checks.WILDCARD.wrong(f"{taken[0]} is taken as well", of=of)
    return checks.WILDCARD.ok("any other is refused", of=of)


def _refused(check: Check, answers: tuple[tuple[int, str], ...], otherwise: str, of: str) -> Finding:
    """`login_required` says that all was well but for nobody being signed in."""
    taken = any(error in ("", "login_required", "interaction_required") and status < 400 for status, error in answers)
    return check.wrong(otherwise, of=of) if taken else check.ok("refused", of=of)


def _as_administrator(tenant: Tenant, settings: HubSettings, administrator: Administrator | None) -> Iterator[Finding]:
    of = tenant.organization_id
    if administrator is None:
        yield checks.KEYCLOAK_VERSION.warning("Keycloak tells it to administrators alone", of=of)
        return
    realm = Realm(administrator, tenant.issuer.rpartition("/realms/")[2])
    try:
        yield _version(realm.version(), of)
        wanted = wanted_of(tenant, settings)
        planned = realm.plan(client_of(wanted, realm.logout_url_of(wanted.client_id)))
    except LinkmwError as error:
        yield checks.KEYCLOAK_SETUP.wrong(str(error), "is the administrator's password right?", of=of)
        return
    changes = [str(change) for change in planned]
    if changes:
        yield checks.KEYCLOAK_SETUP.wrong(f"{len(changes)} to change", of=of, details=changes)
    else:
        yield checks.KEYCLOAK_SETUP.ok("nothing to do", of=of)


def _version(version: str, of: str) -> Finding:
    if not version:
        return checks.KEYCLOAK_VERSION.warning("this administrator may not know it", of=of)
    if is_old(version):
        return checks.KEYCLOAK_VERSION.wrong(f"{version}, older than {FLOOR}", of=of)
    if not is_release(version):
        return checks.KEYCLOAK_VERSION.wrong(f"{version}, which is no release", of=of)
    return checks.KEYCLOAK_VERSION.ok(version, of=of)


def _token(http: httpx2.Client, tenant: Tenant, metadata: ProviderMetadata, **form: str) -> httpx2.Response:
    basic = write_basic(tenant.keycloak_client_id, tenant.keycloak_client_secret)
    return http.post(metadata.token_endpoint, data=form, headers={"Authorization": basic})


def _object(answer: httpx2.Response) -> dict[str, Any]:
    try:
        return read_object(answer.content)
    except ValueError:
        return {}


def _refusal(answer: httpx2.Response) -> str:
    """Keycloak's own words, which name no secret."""
    said = _object(answer)
    return f"HTTP {answer.status_code}: {said.get('error_description') or said.get('error') or 'no answer of Keycloak'}"


def _claims(token: str) -> dict[str, Any]:
    """What the token says, which came from Keycloak itself a moment ago: nothing rests on it."""
    try:
        return read_object(base64url.decode(token.split(".")[1]))
    except (ValueError, IndexError):
        return {}
