"""Keycloak's Admin API: the hub's client and its realm made or repaired, and the realm's users.

python-keycloak is imported by `admin` alone (design 1; libraries, section 3). What a realm and a client have to be is
pure: `client`, `steps`, `settings`, `floor`. `realm` and `users` ask and tell. Blocking: for the command line, for
setting up a demo, and for the hub in a thread.
"""

from __future__ import annotations

from linkmw.errors import KeycloakRefused
from linkmw.keycloak.admin import TIMEOUT_SECONDS, Administrator
from linkmw.keycloak.client import SERVICE_ROLES, Change, HubClient, changes, repaired, representation
from linkmw.keycloak.floor import FLOOR, check_version, is_old, is_release
from linkmw.keycloak.realm import Realm
from linkmw.keycloak.settings import RealmSettings, new_realm
from linkmw.keycloak.steps import REFERENCES, Step
from linkmw.keycloak.users import Users, end_sessions

__all__ = [
    "FLOOR",
    "REFERENCES",
    "SERVICE_ROLES",
    "TIMEOUT_SECONDS",
    "Administrator",
    "Change",
    "HubClient",
    "KeycloakRefused",
    "Realm",
    "RealmSettings",
    "Step",
    "Users",
    "changes",
    "check_version",
    "end_sessions",
    "is_old",
    "is_release",
    "new_realm",
    "repaired",
    "representation",
]
