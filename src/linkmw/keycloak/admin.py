"""The connection to the Admin API, and how its answers are read: the only importer of python-keycloak."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import quote

from keycloak import KeycloakAdmin, KeycloakOpenIDConnection
from keycloak.exceptions import KeycloakDeleteError, KeycloakError, raise_error_from_response

from linkmw.errors import KeycloakRefused, Unavailable
from linkmw.secret import Secret

T = TypeVar("T")

TIMEOUT_SECONDS = 5
SETUP_SECONDS = 60  # keys of a realm that is made take their time, and an operator waits rather than begins again


@dataclass(frozen=True, slots=True)
class Administrator:
    """Who asks. server: Keycloak's own address, without a realm. user_realm: where this administrator signs in."""

    server: str
    username: str
    password: Secret = field(repr=False)
    user_realm: str = "master"


def as_administrator(administrator: Administrator, realm: str) -> KeycloakAdmin:
    """The Admin API of `realm`. Nothing is asked yet."""
    # user_realm_name: without it the administrator would sign in at the realm that is administered.
    return _api(
        server_url=administrator.server,
        realm_name=realm,
        username=administrator.username,
        password=str(administrator.password),
        user_realm_name=administrator.user_realm,
        client_id="admin-cli",
        timeout=SETUP_SECONDS,
    )


def as_service_account(issuer: str, client_id: str, secret: Secret, seconds: float) -> KeycloakAdmin:
    """The Admin API of the issuer's realm for a client of it. Nothing is asked yet."""
    server, _, realm = issuer.rpartition("/realms/")
    return _api(
        server_url=server,
        realm_name=realm,
        client_id=client_id,
        client_secret_key=str(secret),
        timeout=math.ceil(seconds),
    )


def _api(**connection: Any) -> KeycloakAdmin:
    # max_retries: by default python-keycloak sends a POST twice when an answer is lost.
    return KeycloakAdmin(connection=KeycloakOpenIDConnection(max_retries=0, **connection))


def delete(admin: KeycloakAdmin, *path: str) -> None:
    """DELETE what is at `path` below the realm, for what python-keycloak has no method. Raises KeycloakError."""
    below = "/".join(quote(part, safe="") for part in path)
    realm = quote(admin.connection.realm_name, safe="")
    answer = admin.connection.raw_delete(f"admin/realms/{realm}/{below}")
    raise_error_from_response(answer, KeycloakDeleteError, expected_codes=[204])


def asked(what: str, question: Callable[..., T], *arguments: Any) -> T:
    """The answer. By status, not by class: which class a refusal has differs between versions of Keycloak."""
    try:
        return question(*arguments)
    except KeycloakError as error:
        status = error.response_code
        if status is None or status >= 500:
            raise Unavailable(f"Keycloak did not answer when asked to {what}") from error
        raise KeycloakRefused(f"Keycloak refused to {what}: HTTP {status}", status) from error
    except (TypeError, ValueError, LookupError, AttributeError) as error:
        # What python-keycloak makes of an answer that is not Keycloak's: a proxy's page, an object for a list (KF01).
        raise Unavailable(f"something else than Keycloak answered when asked to {what}") from error


def unless(status: int, what: str, question: Callable[..., T], *arguments: Any) -> T | None:
    """The answer; None when it is a refusal of this status."""
    try:
        return asked(what, question, *arguments)
    except KeycloakRefused as error:
        if error.status != status:
            raise
        return None
