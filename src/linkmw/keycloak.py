"""Keycloak's Admin API through python-keycloak, which this module alone imports (design 1; libraries, section 3).

The hub's client in a realm, made or repaired, what the realm's sign-in says of itself, a person's sessions ended, and
the realm's users. Blocking: for the command line, for setting up a demo, and for the hub in a thread.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from keycloak import KeycloakAdmin, KeycloakOpenIDConnection
from keycloak.exceptions import KeycloakError

from linkmw.errors import KeycloakRefused, Unavailable
from linkmw.model import Identity, Secret, Tenant

T = TypeVar("T")

TIMEOUT_SECONDS = 5

# What the hub may do at Keycloak besides signing people in: nothing that changes realms or clients (design 1).
SERVICE_ROLES = ("manage-users", "view-users", "query-users")


# What an ID token says of each step of a sign-in (RFC 8176). A stock realm says nothing: without a reference on the
# steps and the mapper on the client `amr` is missing or empty, and `acr` is "1" with and without a one-time code.
REFERENCES = {
    "auth-username-password-form": "pwd",
    "auth-otp-form": "otp",
    "auth-recovery-authn-code-form": "otp",
    "webauthn-authenticator": "hwk",
}
AMR_MAPPER: dict[str, Any] = {
    "name": "amr",
    "protocol": "openid-connect",
    "protocolMapper": "oidc-amr-mapper",
    "config": {"id.token.claim": "true", "access.token.claim": "false"},
}
# The support page goes by realm roles (docs/support.md). Of these the client sees only what is in its scope.
ROLES_MAPPER: dict[str, Any] = {
    "name": "realm roles",
    "protocol": "openid-connect",
    "protocolMapper": "oidc-usermodel-realm-role-mapper",
    "config": {
        "claim.name": "realm_access.roles",
        "jsonType.label": "String",
        "multivalued": "true",
        "id.token.claim": "true",
        "access.token.claim": "false",
    },
}
_REFERENCE, _MAX_AGE = "default.reference.value", "default.reference.maxAge"  # Keycloak's names for the two


@dataclass(frozen=True, slots=True)
class Administrator:
    """Who asks. server: Keycloak's own address, without a realm. user_realm: where this administrator signs in."""

    server: str
    username: str
    password: Secret = field(repr=False)
    user_realm: str = "master"


@dataclass(frozen=True, slots=True)
class HubClient:
    """The hub as a client of a realm. redirect_uris, signed_out_uris: exact, no wildcard (CF06).

    logout_url: where Keycloak tells of sessions that have ended, as it reaches the hub; "" for nowhere. name: what
    people read at Keycloak; given to a client that is made, left alone in one that is there.
    """

    client_id: str
    secret: Secret
    redirect_uris: tuple[str, ...]
    signed_out_uris: tuple[str, ...] = ()
    logout_url: str = ""
    name: str = "linkmw hub"


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a realm's sign-in. provider: its kind. settings: AuthenticatorConfigRepresentation, {} for none."""

    step_id: str
    provider: str
    settings: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that is not as it should be. was, becomes: never a secret."""

    what: str
    was: str
    becomes: str

    def __str__(self) -> str:
        return f"{self.what}: {self.was} → {self.becomes}"


def representation(client: HubClient) -> dict[str, Any]:
    """The client as it should be (Admin REST API, ClientRepresentation): the code flow with PKCE, nothing else."""
    return {
        "clientId": client.client_id,
        "name": client.name,
        "enabled": True,
        "protocol": "openid-connect",
        "publicClient": False,
        "clientAuthenticatorType": "client-secret",
        "secret": str(client.secret),
        "standardFlowEnabled": True,
        "implicitFlowEnabled": False,
        "directAccessGrantsEnabled": False,
        "serviceAccountsEnabled": True,
        "fullScopeAllowed": False,
        "redirectUris": list(client.redirect_uris),
        "webOrigins": [],
        "frontchannelLogout": False,  # it would keep Keycloak from using the back channel
        "attributes": {
            "pkce.code.challenge.method": "S256",
            "post.logout.redirect.uris": "##".join(client.signed_out_uris) or "-",  # Keycloak's words for many and none
            "backchannel.logout.url": client.logout_url,
            "backchannel.logout.session.required": "true",  # its tokens name the session, not the person alone
        },
        "protocolMappers": [AMR_MAPPER, ROLES_MAPPER],
    }


def without_reference(steps: Sequence[Mapping[str, Any]], configured: Mapping[str, Mapping[str, Any]]) -> list[Step]:
    """The steps of a flow that say nothing of themselves and should. configured: by the id that a step names.

    A reference that is there already is left as it is, whatever it says: Keycloak shows it as stars.
    """
    known = [step for step in steps if step.get("providerId") in REFERENCES]
    settings = {str(step["id"]): configured.get(str(step.get("authenticationConfig")), {}) for step in known}
    return [
        Step(str(step["id"]), str(step["providerId"]), settings[str(step["id"])])
        for step in known
        if not settings[str(step["id"])].get("config", {}).get(_REFERENCE)
    ]


def referring(step: Step, seconds: int) -> dict[str, Any]:
    """The step's settings (AuthenticatorConfigRepresentation) with its reference, good for `seconds`."""
    found = step.settings
    said = {_REFERENCE: REFERENCES[step.provider], _MAX_AGE: str(seconds)}
    return {
        **found,
        "alias": found.get("alias", f"linkmw {step.provider}"),
        "config": {**found.get("config", {}), **said},
    }


def session_seconds(realm: Mapping[str, Any]) -> int:
    """How long a session of the realm can last: as long a silent sign-in still says how it began."""
    return max(int(realm.get(name) or 0) for name in ("ssoSessionMaxLifespan", "ssoSessionMaxLifespanRememberMe"))


def changes(found: Mapping[str, Any] | None, wanted: Mapping[str, Any]) -> list[Change]:
    """What has to change for `found` (None: no such client) to be as `wanted`; lists are compared without order."""
    if found is None:
        return [Change("client", "missing", str(wanted["clientId"]))]
    apart = ("name", "attributes", "protocolMappers")
    pairs = [(name, found.get(name), value) for name, value in wanted.items() if name not in apart]
    attributes = found.get("attributes", {})
    pairs += [(name, attributes.get(name), value) for name, value in wanted["attributes"].items()]
    missing = [Change("mapper", "missing", mapper["name"]) for mapper in _missing_mappers(found, wanted)]
    return [_change(name, was, value) for name, was, value in pairs if _comparable(was) != _comparable(value)] + missing


def _missing_mappers(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[dict[str, Any]]:
    there = {mapper.get("protocolMapper") for mapper in found.get("protocolMappers") or ()}
    return [mapper for mapper in wanted["protocolMappers"] if mapper["protocolMapper"] not in there]


def repaired(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """`found` made as `wanted`; what somebody added besides, and the name, stay."""
    attributes = {**found.get("attributes", {}), **wanted["attributes"]}
    mappers = [*(found.get("protocolMappers") or ()), *_missing_mappers(found, wanted)]
    name = found.get("name", wanted["name"])
    return {**found, **wanted, "name": name, "attributes": attributes, "protocolMappers": mappers}


def _change(name: str, was: object, becomes: object) -> Change:
    if name == "secret":
        return Change(name, "another", "as given")
    return Change(name, str(was), str(becomes))


def _comparable(value: Any) -> Any:
    """Lists without order; Keycloak leaves an empty attribute out."""
    return sorted(value) if isinstance(value, list) else value or None if isinstance(value, str) else value


class Realm:
    """One realm, asked through the Admin API. Raises Unavailable, KeycloakRefused."""

    def __init__(self, administrator: Administrator, realm: str) -> None:
        self.name = realm
        # max_retries: by default python-keycloak sends a POST twice when an answer is lost. user_realm_name: without
        # it the administrator would sign in at the realm that is administered.
        self._admin = KeycloakAdmin(
            connection=KeycloakOpenIDConnection(
                server_url=administrator.server,
                username=administrator.username,
                password=str(administrator.password),
                realm_name=realm,
                user_realm_name=administrator.user_realm,
                client_id="admin-cli",
                timeout=TIMEOUT_SECONDS,
                max_retries=0,
            )
        )

    def plan(self, client: HubClient) -> list[Change]:
        """What `set_up` would change; nothing is changed."""
        found = self._found(client.client_id)
        missing = [Change("role", "missing", role) for role in self._missing_roles(found)]
        silent = [
            Change(f"reference of {step.provider}", "missing", REFERENCES[step.provider]) for step in self._silent()
        ]
        return changes(found, representation(client)) + missing + silent

    def set_up(self, client: HubClient) -> list[Change]:
        """The client is there and as it should be, its service account has its roles; what changed. Repeatable."""
        planned, wanted = self.plan(client), representation(client)
        found = self._found(client.client_id)
        if found is None:
            _asked("create the client", self._admin.create_client, wanted)
            found = self._found(client.client_id)
        elif changes(found, wanted):
            _asked("repair the client", self._admin.update_client, found["id"], repaired(found, wanted))
            if changes(self._found(client.client_id), wanted):  # Keycloak 26 leaves mappers out of an update
                self._add_mappers(client.client_id, wanted)
        self._add_roles(found, self._missing_roles(found))
        self.add_references()
        return planned

    def add_references(self) -> list[Step]:
        """Each step of the browser flow says in `amr` what it is (MIM-5); those that said nothing. Repeatable."""
        silent = self._silent()
        if silent:
            seconds = session_seconds(_asked("read the realm", self._admin.get_realm, self.name))
            for step in silent:
                self._refer(step, seconds)
        return silent

    def _refer(self, step: Step, seconds: int) -> None:
        settings = referring(step, seconds)
        if "id" in settings:
            _asked("set a reference", self._admin.update_authenticator_config, settings, settings["id"])
        else:
            _asked("add a reference", self._admin.create_execution_config, step.step_id, settings)

    def _silent(self) -> list[Step]:
        """The steps of the realm's browser flow without a reference."""
        flow = _asked("read the realm", self._admin.get_realm, self.name)["browserFlow"]
        steps = _asked("read its sign-in", self._admin.get_authentication_flow_executions, flow)
        ids = [step["authenticationConfig"] for step in steps if step.get("authenticationConfig")]
        configured = {one: _asked("read a step", self._admin.get_authenticator_config, one) for one in ids}
        return without_reference(steps, configured)

    def _add_mappers(self, client_id: str, wanted: Mapping[str, Any]) -> None:
        found = self._found(client_id) or {}
        for mapper in _missing_mappers(found, wanted):
            _asked("add a mapper", self._admin.add_mapper_to_client, found["id"], mapper)

    def _found(self, client_id: str) -> dict[str, Any] | None:
        internal_id = _asked("look for the client", self._admin.get_client_id, client_id)
        return None if internal_id is None else _asked("read the client", self._admin.get_client, internal_id)

    def _service_user(self, found: Mapping[str, Any]) -> str:
        user = _asked("find the service account", self._admin.get_client_service_account_user, found["id"])
        return str(user["id"])

    def _realm_management(self) -> str:
        return str(_asked("find realm-management", self._admin.get_client_id, "realm-management"))

    def _missing_roles(self, found: Mapping[str, Any] | None) -> Sequence[str]:
        if found is None or not found.get("serviceAccountsEnabled"):
            return SERVICE_ROLES
        held = _asked(
            "read the service account's roles",
            self._admin.get_client_roles_of_user,
            self._service_user(found),
            self._realm_management(),
        )
        names = {role["name"] for role in held}
        return [role for role in SERVICE_ROLES if role not in names]

    def _add_roles(self, found: Mapping[str, Any] | None, missing: Sequence[str]) -> None:
        if found is None or not missing:
            return
        management = self._realm_management()
        roles = [_asked(f"find the role {name}", self._admin.get_client_role, management, name) for name in missing]
        user, admin = self._service_user(found), self._admin
        _asked("give the service account its roles", admin.assign_client_role, user, management, roles)
        # With fullScopeAllowed off a role is in the client's tokens only when the client's scope lists it too.
        _asked("let its tokens hold them", admin.assign_client_roles_to_client_scope, found["id"], management, roles)


def _asked(what: str, question: Callable[..., T], *arguments: Any) -> T:
    """The answer. By status, not by class: which class a refusal has differs between versions of Keycloak."""
    try:
        return question(*arguments)
    except KeycloakError as error:
        status = error.response_code
        if status is None or status >= 500:
            raise Unavailable(f"Keycloak did not answer when asked to {what}") from error
        raise KeycloakRefused(f"Keycloak refused to {what}: HTTP {status}", status) from error


class Users:
    """A realm's users, asked for as a service account. Raises Unavailable, KeycloakRefused.

    issuer: as this machine reaches the realm. A representation is Keycloak's (Admin REST API, UserRepresentation).
    """

    def __init__(self, issuer: str, client_id: str, secret: Secret, seconds: float = TIMEOUT_SECONDS) -> None:
        server, _, realm = issuer.rpartition("/realms/")
        self._admin = KeycloakAdmin(
            connection=KeycloakOpenIDConnection(
                server_url=server,
                realm_name=realm,
                client_id=client_id,
                client_secret_key=str(secret),
                timeout=math.ceil(seconds),
                max_retries=0,
            )
        )

    @classmethod
    def of(cls, tenant: Tenant, seconds: float = TIMEOUT_SECONDS) -> Users:
        """As the hub's own client in the tenant's realm."""
        issuer = tenant.internal_issuer or tenant.issuer
        return cls(issuer, tenant.keycloak_client_id, tenant.keycloak_client_secret, seconds)

    def having(self, name: Literal["email", "username"], value: str) -> list[dict[str, Any]]:
        """Users with exactly this e-mail, or username; Keycloak keeps both in small letters."""
        query = {name: value.lower(), "exact": "true", "briefRepresentation": "true", "max": 10}
        found: list[dict[str, Any]] = _asked("look for a user", self._admin.get_users, query)
        return found

    def get(self, subject: str) -> dict[str, Any] | None:
        """None for one who is not there."""
        return _unless(404, "read a user", self._admin.get_user, subject)

    def create(self, representation: Mapping[str, Any]) -> str | None:
        """The new user's id; None when somebody has the username or the e-mail."""
        return _unless(409, "create a user", self._admin.create_user, dict(representation))

    def delete(self, subject: str) -> None:
        """The user is gone, also when there was none."""
        _unless(404, "delete a user", self._admin.delete_user, subject)

    def credentials(self, subject: str) -> list[dict[str, Any]]:
        """What the user signs in with, without its secrets (CredentialRepresentation); [] for one who is not there."""
        return _unless(404, "read a user's credentials", self._admin.get_credentials, subject) or []

    def mail_actions(self, subject: str, actions: Sequence[str]) -> None:
        """Keycloak mails the user a link by which to do these required actions."""
        _asked("mail a user", self._admin.send_update_account, subject, list(actions))

    def end_sessions(self, subject: str) -> None:
        """Every session of the user has ended; one who is not there has none. Keycloak tells its clients of each."""
        _unless(404, "end a person's sessions", self._admin.user_logout, subject)


def _unless(status: int, what: str, question: Callable[..., T], *arguments: Any) -> T | None:
    """The answer; None when it is a refusal of this status."""
    try:
        return _asked(what, question, *arguments)
    except KeycloakRefused as error:
        if error.status != status:
            raise
        return None


def end_sessions(tenant: Tenant, identity: Identity, seconds: float) -> None:
    """Every session of this person at Keycloak has ended, asked for as the hub's own service account.

    Raises Unavailable, KeycloakRefused.
    """
    Users.of(tenant, seconds).end_sessions(identity.subject)
