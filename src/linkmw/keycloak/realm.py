"""One realm and the hub's client in it, asked and told through the Admin API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from linkmw.keycloak.admin import Administrator, as_administrator, asked, unless
from linkmw.keycloak.client import (
    SERVICE_ROLES,
    Change,
    HubClient,
    bent_mappers,
    changes,
    missing_mappers,
    missing_support_roles,
    repaired,
    representation,
)
from linkmw.keycloak.floor import check_version, version_in
from linkmw.keycloak.settings import RealmSettings, nameless, new_realm, realm_changes, repair, required_names
from linkmw.keycloak.steps import REFERENCES, Step, referring, session_seconds, without_reference

_AS_IT_IS = RealmSettings()


class Realm:
    """One realm, asked through the Admin API. Raises Unavailable, KeycloakRefused."""

    def __init__(self, administrator: Administrator, realm: str) -> None:
        self.name = realm
        self._administrator = administrator
        self._admin = as_administrator(administrator, realm)

    def sign_in(self) -> None:
        """The administrator is known there. Anything else asked does this by itself, and says less when it fails."""
        asked("sign in its administrator", self._admin.connection.get_token)

    def version(self) -> str:
        """Keycloak's own; "" where this administrator may not know."""
        return version_in(asked("say its version", self._admin.get_server_info))

    def plan(self, client: HubClient, settings: RealmSettings = _AS_IT_IS) -> list[Change]:
        """What `set_up` would change; nothing is changed. Raises KeycloakTooOld."""
        check_version(asked("say its version", self._admin.get_server_info))
        realm = self._realm()
        if realm is None:
            roles = [Change("role", "missing", role) for role in SERVICE_ROLES]
            support = missing_support_roles(client, (), ())
            return [Change("realm", "missing", self.name), *changes(None, representation(client)), *roles, *support]
        found = self._found(client.client_id)
        names = [Change(f"profile {name}", "required", "optional") for name in required_names(self._profile())]
        missing = [Change("role", "missing", role) for role in self._missing_roles(found)]
        extra = [Change("role", role["name"], "taken away") for role in self._extra_roles(found)]
        silent = [
            Change(f"reference of {step.provider}", "missing", REFERENCES[step.provider]) for step in self._silent()
        ]
        of_realm = realm_changes(realm, settings)
        support = self._missing_support_roles(client, found)
        return of_realm + names + changes(found, representation(client)) + missing + extra + silent + support

    def set_up(self, client: HubClient, settings: RealmSettings = _AS_IT_IS) -> list[Change]:
        """The realm and the client are there and as they should be, with the client's roles; what changed. Repeatable.

        settings: what the operator decides; everything else about a realm that is there stays as it is.
        """
        planned = self.plan(client, settings)
        self._set_up_realm(settings)
        self._set_up_client(client)
        found = self._found(client.client_id)
        self._add_roles(found, self._missing_roles(found))
        self._take_roles(found, self._extra_roles(found))
        self.add_references()
        self._add_support_roles(client, found)
        return planned

    def _set_up_realm(self, settings: RealmSettings) -> None:
        realm = self._realm()
        if realm is None:
            asked("make the realm", self._admin.create_realm, new_realm(self.name, settings))
            self._admin = as_administrator(self._administrator, self.name)  # the token of before knows nothing of it
        elif realm_changes(realm, settings):
            asked("repair the realm", self._admin.update_realm, self.name, repair(realm, settings))
        profile = self._profile()
        if required_names(profile):
            asked("let people have no names", self._admin.update_realm_users_profile, nameless(profile))

    def _set_up_client(self, client: HubClient) -> None:
        wanted, found = representation(client), self._found(client.client_id)
        if found is None:
            asked("create the client", self._admin.create_client, wanted)
        elif changes(found, wanted):
            asked("repair the client", self._admin.update_client, found["id"], repaired(found, wanted))
            if changes(self._found(client.client_id), wanted):  # Keycloak 26 leaves mappers out of an update
                self._mend_mappers(client.client_id, wanted)

    def secret_of(self, client_id: str) -> str:
        """The client's secret; "" for one that is not there. Never for a log."""
        found = self._found(client_id)
        if found is None:
            return ""
        return str(asked("read the client's secret", self._admin.get_client_secrets, found["id"]).get("value", ""))

    def logout_url_of(self, client_id: str) -> str:
        """Where Keycloak tells this client of sessions that have ended; "" for nowhere, and for no client."""
        if self._realm() is None:
            return ""
        found = self._found(client_id) or {}
        return str(found.get("attributes", {}).get("backchannel.logout.url", ""))

    def add_references(self) -> list[Step]:
        """Each step of the browser flow says in `amr` what it is (MIM-5); those that said nothing. Repeatable."""
        silent = self._silent()
        if silent:
            seconds = session_seconds(asked("read the realm", self._admin.get_realm, self.name))
            for step in silent:
                self._refer(step, seconds)
        return silent

    def _refer(self, step: Step, seconds: int) -> None:
        settings = referring(step, seconds)
        if "id" in settings:
            asked("set a reference", self._admin.update_authenticator_config, settings, settings["id"])
        else:
            asked("add a reference", self._admin.create_execution_config, step.step_id, settings)

    def _silent(self) -> list[Step]:
        """The steps of the realm's browser flow without a reference."""
        flow = asked("read the realm", self._admin.get_realm, self.name)["browserFlow"]
        steps = asked("read its sign-in", self._admin.get_authentication_flow_executions, flow)
        ids = [step["authenticationConfig"] for step in steps if step.get("authenticationConfig")]
        configured = {one: asked("read a step", self._admin.get_authenticator_config, one) for one in ids}
        return without_reference(steps, configured)

    def _realm(self) -> dict[str, Any] | None:
        found: dict[str, Any] | None = unless(404, "read the realm", self._admin.get_realm, self.name)
        return found

    def _profile(self) -> dict[str, Any]:
        found: dict[str, Any] = asked("read the user profile", self._admin.get_realm_users_profile)
        return found

    def _mend_mappers(self, client_id: str, wanted: Mapping[str, Any]) -> None:
        found = self._found(client_id) or {}
        for mapper in missing_mappers(found, wanted):
            asked("add a mapper", self._admin.add_mapper_to_client, found["id"], mapper)
        for _, mapper in bent_mappers(found, wanted):
            asked("repair a mapper", self._admin.update_client_mapper, found["id"], mapper["id"], mapper)

    def _missing_support_roles(self, client: HubClient, found: Mapping[str, Any] | None) -> list[Change]:
        if not client.support_roles:
            return []
        of_realm = asked("read the realm's roles", self._admin.get_realm_roles)
        shown = [] if found is None else self._shown_roles(found)
        return missing_support_roles(client, {role["name"] for role in of_realm}, {role["name"] for role in shown})

    def _shown_roles(self, found: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The realm's roles that the client's tokens show of whoever has them."""
        shown: list[dict[str, Any]] = asked(
            "read the client's scope", self._admin.get_realm_roles_of_client_scope, found["id"]
        )
        return shown

    def _add_support_roles(self, client: HubClient, found: Mapping[str, Any] | None) -> None:
        """The roles are there and shown; nobody has them but who is given them."""
        planned = self._missing_support_roles(client, found)
        for change in planned:
            if change.what == "realm role":
                asked("make a role", self._admin.create_realm_role, {"name": change.becomes})
        if planned and found is not None:
            names = [change.becomes for change in planned]
            roles = [asked(f"find the role {name}", self._admin.get_realm_role, name) for name in names]
            asked("let its tokens show them", self._admin.assign_realm_roles_to_client_scope, found["id"], roles)

    def _found(self, client_id: str) -> dict[str, Any] | None:
        internal_id = asked("look for the client", self._admin.get_client_id, client_id)
        return None if internal_id is None else asked("read the client", self._admin.get_client, internal_id)

    def _service_user(self, found: Mapping[str, Any]) -> str:
        user = asked("find the service account", self._admin.get_client_service_account_user, found["id"])
        return str(user["id"])

    def _realm_management(self) -> str:
        return str(asked("find realm-management", self._admin.get_client_id, "realm-management"))

    def _held_roles(self, found: Mapping[str, Any] | None) -> list[dict[str, Any]]:
        """What the client's service account may do in the realm by itself."""
        if found is None or not found.get("serviceAccountsEnabled"):
            return []
        held: list[dict[str, Any]] = asked(
            "read the service account's roles",
            self._admin.get_client_roles_of_user,
            self._service_user(found),
            self._realm_management(),
        )
        return held

    def _missing_roles(self, found: Mapping[str, Any] | None) -> Sequence[str]:
        names = {role["name"] for role in self._held_roles(found)}
        return [role for role in SERVICE_ROLES if role not in names]

    def _extra_roles(self, found: Mapping[str, Any] | None) -> list[dict[str, Any]]:
        return [role for role in self._held_roles(found) if role["name"] not in SERVICE_ROLES]

    def _add_roles(self, found: Mapping[str, Any] | None, missing: Sequence[str]) -> None:
        if found is None or not missing:
            return
        management = self._realm_management()
        roles = [asked(f"find the role {name}", self._admin.get_client_role, management, name) for name in missing]
        user, admin = self._service_user(found), self._admin
        asked("give the service account its roles", admin.assign_client_role, user, management, roles)
        # With fullScopeAllowed off a role is in the client's tokens only when the client's scope lists it too.
        asked("let its tokens hold them", admin.assign_client_roles_to_client_scope, found["id"], management, roles)

    def _take_roles(self, found: Mapping[str, Any] | None, extra: list[dict[str, Any]]) -> None:
        """A hub whose secret is stolen must not be able to change the realm (CF06, MG06)."""
        if found is not None and extra:
            user, management = self._service_user(found), self._realm_management()
            asked("take roles away", self._admin.delete_client_roles_of_user, user, management, extra)
