"""Keycloak's administrator, for the commands that need one: from a file, the environment or a prompt, never kept."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from linkmw.cli.files import text_of
from linkmw.errors import KeycloakRefused
from linkmw.secret import Secret

if TYPE_CHECKING:
    from linkmw.keycloak import Administrator, Realm

PASSWORD_VARIABLE = "LINKMW_KEYCLOAK_ADMIN_PASSWORD"  # noqa: S105  (its name)

_OPTIONS = (
    click.option("--admin", default="admin", show_default=True, help="Keycloak's administrator."),
    click.option("--admin-realm", default="master", show_default=True, help="The realm where they sign in."),
    click.option(
        "--admin-password-file",
        "admin_password",
        type=text_of,
        metavar="FILE",
        help=f"A file with their password, or - for standard input; else {PASSWORD_VARIABLE} is it.",
    ),
)


def options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The command takes `admin`, `admin_realm` and `admin_password`. There is none for the password itself: everybody
    on the machine may read a command line.
    """
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def given(issuer: str, admin: str, admin_realm: str, admin_password: str | None) -> Administrator | None:
    """The administrator of the issuer's Keycloak; None without a password. issuer: as this machine reaches it."""
    password = (os.environ.get(PASSWORD_VARIABLE) if admin_password is None else admin_password) or ""
    password = password.strip("\r\n")
    return _administrator(issuer, admin, admin_realm, password) if password else None


def given_or_asked(issuer: str, admin: str, admin_realm: str, admin_password: str | None) -> Administrator:
    """As `given`, the password asked for at a prompt that does not show it."""
    found = given(issuer, admin, admin_realm, admin_password)
    if found is not None:
        return found
    password = click.prompt(f"Password of {admin} at Keycloak", hide_input=True, err=True)
    return _administrator(issuer, admin, admin_realm, password)


def _administrator(issuer: str, admin: str, admin_realm: str, password: str) -> Administrator:
    from linkmw.keycloak import Administrator

    server, _, _ = issuer.rpartition("/realms/")
    return Administrator(server, admin, Secret(password), admin_realm)


def sign_in(realm: Realm, admin: str, admin_realm: str) -> None:
    """The administrator is known at Keycloak. Raises KeycloakRefused, saying what to look at."""
    try:
        realm.sign_in()
    except KeycloakRefused as error:
        said = f"Keycloak does not let {admin} of the realm {admin_realm} in with this password"
        raise KeycloakRefused(said, error.status) from None


def clearer(error: KeycloakRefused, admin: str, admin_realm: str) -> KeycloakRefused:
    """The refusal, with what the operator can do about it."""
    if error.status == 403:
        return KeycloakRefused(f"{error}: {admin} of the realm {admin_realm} may not do that", error.status)
    return error
