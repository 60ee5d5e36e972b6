"""What the hub's client has to be in a realm, and what would have to change. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from linkmw.secret import Secret

# What the hub may do at Keycloak besides signing people in: nothing that changes realms or clients (design 1).
SERVICE_ROLES = ("manage-users", "view-users", "query-users")
# Ways in that a client may also have, which are off where nothing is said of them.
_OFF_UNLESS_SAID = (
    "oauth2.device.authorization.grant.enabled",
    "oidc.ciba.grant.enabled",
    "standard.token.exchange.enabled",
)
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


@dataclass(frozen=True, slots=True)
class HubClient:
    """The hub as a client of a realm. redirect_uris, signed_out_uris: exact, no wildcard (CF06).

    secret: "" leaves the one that is there. logout_url: where Keycloak tells of sessions that have ended, as it reaches
    the hub; "" for nowhere. name: what people read at Keycloak; given to a client that is made, left alone in one that
    is there. support_roles: the realm's roles that its ID tokens show, for the support page (docs/support.md).
    """

    client_id: str
    secret: Secret
    redirect_uris: tuple[str, ...]
    signed_out_uris: tuple[str, ...] = ()
    logout_url: str = ""
    name: str = "linkmw hub"
    support_roles: tuple[str, ...] = ()


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
    wanted: dict[str, Any] = {
        "clientId": client.client_id,
        "name": client.name,
        "enabled": True,
        "protocol": "openid-connect",
        "publicClient": False,
        "clientAuthenticatorType": "client-secret",
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
            **dict.fromkeys(_OFF_UNLESS_SAID, "false"),
        },
        "protocolMappers": [AMR_MAPPER, ROLES_MAPPER],
    }
    return wanted | ({"secret": str(client.secret)} if client.secret else {})


def changes(found: Mapping[str, Any] | None, wanted: Mapping[str, Any]) -> list[Change]:
    """What has to change for `found` (None: no such client) to be as `wanted`; lists are compared without order."""
    if found is None:
        return [Change("client", "missing", str(wanted["clientId"]))]
    apart = ("name", "attributes", "protocolMappers")
    pairs = [(name, found.get(name), value) for name, value in wanted.items() if name not in apart]
    attributes = dict.fromkeys(_OFF_UNLESS_SAID, "false") | dict(found.get("attributes", {}))
    pairs += [(name, attributes.get(name), value) for name, value in wanted["attributes"].items()]
    missing = [Change("mapper", "missing", mapper["name"]) for mapper in missing_mappers(found, wanted)]
    bent = [Change(f"mapper {was['name']}", "changed", "as it was made") for was, _ in bent_mappers(found, wanted)]
    differing = [_change(name, was, value) for name, was, value in pairs if _comparable(was) != _comparable(value)]
    return differing + missing + bent


def missing_mappers(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[dict[str, Any]]:
    there = {mapper.get("protocolMapper") for mapper in found.get("protocolMappers") or ()}
    return [mapper for mapper in wanted["protocolMappers"] if mapper["protocolMapper"] not in there]


def bent_mappers(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Mappers that are there and put nothing, or something else, into the ID token; each with what it has to be.

    One of a kind that does its work is enough, whatever else somebody has made.
    """
    bent = []
    for mapper in wanted["protocolMappers"]:
        alike = [
            one for one in found.get("protocolMappers") or () if one.get("protocolMapper") == mapper["protocolMapper"]
        ]
        if alike and not any(_works_as(one, mapper) for one in alike):
            config = {**alike[0].get("config", {}), **mapper["config"]}
            bent.append((alike[0], {**alike[0], "config": config}))
    return bent


def _works_as(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Does it say the same in the ID token? Of other tokens it may say what it likes."""
    has = found.get("config", {})
    others = "access.token.claim"
    return all(has.get(name) == value for name, value in wanted["config"].items() if name != others)


def missing_support_roles(wanted: HubClient, of_realm: Collection[str], of_client: Collection[str]) -> list[Change]:
    """The roles of the support page that the realm has not, or has and the client's tokens don't show."""
    missing = [Change("realm role", "missing", name) for name in wanted.support_roles if name not in of_realm]
    hidden = [
        Change("realm role in the client's scope", "missing", name)
        for name in wanted.support_roles
        if name in of_realm and name not in of_client
    ]
    return missing + hidden


def repaired(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """`found` made as `wanted`; what somebody added besides, and the name, stay."""
    attributes = {**found.get("attributes", {}), **wanted["attributes"]}
    mappers = [*(found.get("protocolMappers") or ()), *missing_mappers(found, wanted)]
    name = found.get("name", wanted["name"])
    return {**found, **wanted, "name": name, "attributes": attributes, "protocolMappers": mappers}


def _change(name: str, was: object, becomes: object) -> Change:
    if name == "secret":
        return Change(name, "another", "as given")
    return Change(name, str(was), str(becomes))


def _comparable(value: Any) -> Any:
    """Lists without order; Keycloak leaves an empty attribute out."""
    return sorted(value) if isinstance(value, list) else value or None if isinstance(value, str) else value
