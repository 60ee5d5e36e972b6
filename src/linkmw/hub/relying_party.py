"""The hub as Keycloak's one client: discovery, keys, the code exchange (design 1; protocol, section 6)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import httpx2

from linkmw import metrics, tracing
from linkmw.errors import LinkmwError, ProviderRefused, RequestRefused, TokenRejected, Unavailable
from linkmw.http import with_query
from linkmw.hub.ports import EndedAtProvider, KeycloakSignIn
from linkmw.hub.web import read, read_json, timeout_of
from linkmw.model import Claims, Identity, SignIn, Tenant
from linkmw.oidc import authorize, claims, id_token, logout_token
from linkmw.oidc.client_auth import write_basic
from linkmw.oidc.jose import KeySet
from linkmw.oidc.keys import FRESH_SECONDS, STALE_SECONDS, KeyCache
from linkmw.oidc.metadata import ProviderMetadata, read_provider
from linkmw.run import in_thread
from linkmw.secret import Secret

SCOPE = "openid email profile"
RENEW_SHARE = 0.2  # of a time-out: so long is newer metadata waited for when there is some to go on with
# RFC 6749, 5.2. Keycloak says the second for a wrong secret and for a client that is switched off.
_NOT_THE_CLIENT = ("invalid_client", "unauthorized_client")


# Ends that session of a person through the Admin API, for "" every one: blocking, within so many seconds.
# Raises Unavailable.
EndSessions = Callable[[Tenant, Identity, str, float], None]


@dataclass(frozen=True, slots=True)
class _Kept:
    metadata: ProviderMetadata
    fetched: int


class Realm:
    """What is known of one Keycloak realm: its metadata and its keys, each asked for seldom."""

    def __init__(self, http: httpx2.AsyncClient, tenant: Tenant, now: Callable[[], int]) -> None:
        self._http = http
        self._timeout = timeout_of(http)
        self._issuer = tenant.issuer
        self._internal = tenant.internal_issuer
        self._now = now
        self._kept: _Kept | None = None
        self._asking = asyncio.Lock()
        self._answered = (-1, False)  # in which second discovery was last asked for, and whether it answered
        self.keys = KeyCache(self._fetch_keys, now)

    async def metadata(self) -> ProviderMetadata:
        """The realm's metadata: an hour old at most, or a day while Keycloak does not answer (KF01)."""
        if fresh := self._not_older_than(FRESH_SECONDS):
            return fresh
        usable = self._not_older_than(STALE_SECONDS)
        try:
            async with asyncio.timeout(self._timeout * RENEW_SHARE if usable else None), self._asking:
                return self._not_older_than(FRESH_SECONDS) or await self._fetch_metadata()
        except (Unavailable, TimeoutError):
            if not usable:
                raise
            return usable

    async def healthy(self) -> bool:
        """Does discovery answer as it should? Asked once in each second."""
        async with self._asking:
            if self._answered[0] != self._now():
                self._answered = (self._now(), False)
                try:
                    await self._fetch_metadata()
                except LinkmwError:
                    return False
                self._answered = (self._answered[0], True)
            return self._answered[1]

    def _not_older_than(self, seconds: int) -> ProviderMetadata | None:
        return self._kept.metadata if self._kept and self._now() - self._kept.fetched < seconds else None

    async def _fetch_metadata(self) -> ProviderMetadata:
        url = f"{self._internal or self._issuer}/.well-known/openid-configuration"
        status, document = await read_json(self._http, "keycloak", "GET", url)
        if status != 200:
            raise Unavailable(f"discovery answered {status}")
        found = read_provider(document, self._issuer, internal_issuer=self._internal)
        self._kept = _Kept(found, self._now())
        return found

    async def _fetch_keys(self) -> KeySet:
        status, body = await read(self._http, "keycloak", "GET", (await self.metadata()).jwks_uri)
        if status != 200:
            raise Unavailable(f"the key set answered {status}")
        return KeySet.from_json(body)


class RelyingParty:
    """Implements hub.ports.Provider."""

    def __init__(self, http: httpx2.AsyncClient, now: Callable[[], int], end_sessions: EndSessions) -> None:
        self._http = http
        self._timeout = timeout_of(http)
        self._now = now
        self._end_sessions = end_sessions
        self._realms: dict[tuple[str, str], Realm] = {}  # as many as tenants name

    def _realm(self, tenant: Tenant) -> Realm:
        where = (tenant.issuer, tenant.internal_issuer)
        if where not in self._realms:
            self._realms[where] = Realm(self._http, tenant, self._now)
        return self._realms[where]

    async def authorization_url(
        self,
        tenant: Tenant,
        sign_in: SignIn,
        redirect_uri: str,
        *,
        prompt: str = "",
        max_age: int | None = None,
        login_hint: str = "",
        ui_locales: str = "",
    ) -> str:
        async with self._in_time():
            metadata = await self._realm(tenant).metadata()
        return authorize.request_url(
            metadata.authorization_endpoint,
            client_id=tenant.keycloak_client_id,
            redirect_uri=redirect_uri,
            state=sign_in.state,
            nonce=sign_in.nonce,
            verifier=sign_in.verifier,
            scope=SCOPE,
            prompt=prompt,
            max_age="" if max_age is None else str(max_age),
            login_hint=login_hint,
            ui_locales=ui_locales,
        )

    async def redeem(
        self, tenant: Tenant, sign_in: SignIn, code: str, issuer: str, redirect_uri: str
    ) -> KeycloakSignIn:
        async with self._in_time():
            return await self._redeemed(tenant, sign_in, code, issuer, redirect_uri)

    @asynccontextmanager
    async def _in_time(self) -> AsyncIterator[None]:
        """What is asked of Keycloak in here is answered within one time-out: each call has it, and so have all.

        Who waits in the queue for a silent Keycloak is bounded too (KF01: the person is told within 6 s).
        """
        try:
            async with asyncio.timeout(self._timeout):
                yield
        except TimeoutError:
            raise Unavailable("Keycloak took too long") from None

    async def _redeemed(
        self, tenant: Tenant, sign_in: SignIn, code: str, issuer: str, redirect_uri: str
    ) -> KeycloakSignIn:
        realm = self._realm(tenant)
        metadata = await realm.metadata()
        if (issuer or metadata.iss_promised) and issuer != tenant.issuer:
            raise RequestRefused("the answer is from another issuer", code="issuer_mismatch")  # FC09, RFC 9207 2.4
        token, access_token = await self._exchange(metadata, tenant, sign_in, code, redirect_uri)

        def check(keys: KeySet) -> Claims:
            return id_token.verify(
                token,
                keys,
                issuer=tenant.issuer,
                audience=tenant.keycloak_client_id,
                nonce=sign_in.nonce,
                now=self._now(),
                access_token=access_token,
            )

        return replace(read_sign_in(await realm.keys.verified(check)), id_token=Secret(token))

    async def _exchange(
        self, metadata: ProviderMetadata, tenant: Tenant, sign_in: SignIn, code: str, redirect_uri: str
    ) -> tuple[str, str]:
        """ID token and access token for the code. Posted once: a second post would end the Keycloak session (KF02)."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": str(sign_in.verifier),
        }
        basic = write_basic(tenant.keycloak_client_id, tenant.keycloak_client_secret)
        status, answer = await read_json(
            self._http, "keycloak", "POST", metadata.token_endpoint, data=form, headers={"authorization": basic}
        )
        error, token, access_token = answer.get("error"), answer.get("id_token"), answer.get("access_token")
        if error in _NOT_THE_CLIENT:
            raise _wrong_secret(tenant)
        if status == 403 and error == "access_denied":  # to a client, about the realm: no person has been asked
            raise Unavailable(f"the realm {tenant.issuer} is disabled at Keycloak", code="keycloak_disabled")
        if status in (400, 401, 403) and isinstance(error, str):
            raise ProviderRefused(error[:64])
        if status != 200 or not isinstance(token, str) or not isinstance(access_token, str):
            raise Unavailable(f"the token endpoint answered {status}")
        return token, access_token

    async def end_session_url(self, tenant: Tenant, after: str, *, id_token: str = "", state: str = "") -> str:
        async with self._in_time():
            endpoint = (await self._realm(tenant).metadata()).end_session_endpoint
        if not endpoint:
            raise Unavailable("the provider has no end_session_endpoint")
        more = {"id_token_hint": id_token, "state": state}
        asked = {"client_id": tenant.keycloak_client_id, "post_logout_redirect_uri": after}
        return with_query(endpoint, **asked, **{name: value for name, value in more.items() if value})

    async def verify_logout_token(self, tenant: Tenant, token: str) -> EndedAtProvider:
        def check(keys: KeySet) -> Claims:
            return logout_token.verify(
                token, keys, issuer=tenant.issuer, audience=tenant.keycloak_client_id, now=self._now()
            )

        async with self._in_time():
            found = await self._realm(tenant).keys.verified(check)
        return EndedAtProvider(subject=found.get("sub", ""), sid=found.get("sid", ""), jti=found["jti"])

    async def end_sessions(self, tenant: Tenant, identity: Identity, keycloak_sid: str = "") -> None:
        async with self._in_time():
            with tracing.span("keycloak"), metrics.timed("keycloak"):
                await in_thread(self._end_sessions, tenant, identity, keycloak_sid, self._timeout)

    async def healthy(self, tenant: Tenant) -> bool:
        return await self._realm(tenant).healthy()


def _wrong_secret(tenant: Tenant) -> Unavailable:
    """Nothing the person could do about: the operator has to, and is told how (KF03)."""
    told = (
        f"Keycloak does not take the client {tenant.keycloak_client_id} with the secret that the hub has: compare them,"
        f" and give the hub the right one with: linkmw hub tenant secret --tenant {tenant.organization_id}"
    )
    return Unavailable(told, code="keycloak_credentials")


def read_sign_in(found: Claims) -> KeycloakSignIn:
    """What the claims of a verified ID token say. Raises TokenRejected.

    No `auth_time` means that nobody signed in: a service account or an administrator's impersonation (LT20).
    """
    if "auth_time" not in found:
        raise TokenRejected("nobody signed in", code="token_auth_time")
    amr = found.get("amr")
    return KeycloakSignIn(
        identity=Identity(claims.text(found, "iss"), claims.text(found, "sub")),
        email=_text(found, "email"),
        email_verified=found.get("email_verified") is True,  # the string "false" is true to Python (LT05)
        name=_text(found, "name"),
        auth_time=claims.time(found, "auth_time"),
        acr=_text(found, "acr"),
        amr=tuple(item for item in amr if isinstance(item, str)) if isinstance(amr, list) else (),
        session_state=_text(found, "sid"),
        roles=_roles(found),
    )


def _roles(found: Claims) -> tuple[str, ...]:
    """The realm roles, where Keycloak's mapper puts them into the ID token (`realm_access.roles`); else none."""
    access = found.get("realm_access")
    roles = access.get("roles") if isinstance(access, dict) else None
    return tuple(role for role in roles if isinstance(role, str)) if isinstance(roles, list) else ()


def _text(found: Claims, name: str) -> str:
    value = found.get(name)
    return value[:320] if isinstance(value, str) else ""
