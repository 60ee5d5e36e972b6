"""The project's user model, read the way its own login reads it. Works with every user model and backend."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

from django.contrib import auth
from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Q
from django.http import HttpRequest

from linkmw.gate.ports import AccountFacts
from linkmw.model import Account


def account_of(user: Any) -> Account:
    return Account(str(user.pk), user.get_username(), _email_of(user))


def facts_of(user: Any) -> AccountFacts:
    name = user.get_username()
    return AccountFacts(account_of(user), may_sign_in(user), user.has_usable_password(), name, is_staff(user))


def is_staff(user: Any) -> bool:
    """May this user do more here than others, as Django's own models say it?"""
    return bool(getattr(user, "is_staff", False) or getattr(user, "is_superuser", False))


def by_id(account_id: str) -> Any:
    """The user whose primary key reads exactly `account_id`, or None."""
    model = auth.get_user_model()
    try:
        user = model._default_manager.filter(pk=model._meta.pk.to_python(account_id)).first()
    except (ValidationError, ValueError, OverflowError):
        return None  # no key of this model looks like that
    return user if user is not None and str(user.pk) == account_id else None


def by_name(name: str) -> Any:
    """The one user with exactly this username, else exactly this e-mail; a database may compare more loosely."""
    model = auth.get_user_model()
    if not name or "\0" in name:
        return None
    for field, read in ((model.USERNAME_FIELD, model.get_username), (model.get_email_field_name(), _email_of)):
        if _has_field(model, field):
            found = [user for user in model._default_manager.filter(**{field: name})[:20] if read(user) == name]
            if found:
                return found[0] if len(found) == 1 else None
    return None


def by_email(email: str) -> list[Any]:
    """The users with exactly this e-mail, twenty at most; a database may compare more loosely (LT15)."""
    model = auth.get_user_model()
    field = model.get_email_field_name()
    if not email or "\0" in email or not _has_field(model, field):
        return []
    return [user for user in model._default_manager.filter(**{field: email})[:20] if _email_of(user) == email]


def without_password() -> Iterator[Any]:
    """The active users whose password Django calls unusable."""
    model = auth.get_user_model()
    found = model._default_manager.all()
    if _has_field(model, "password"):
        found = found.filter(Q(password__isnull=True) | Q(password__startswith=UNUSABLE_PASSWORD_PREFIX))
    return (user for user in found.iterator() if user.is_active and not user.has_usable_password())


def authenticate(request: HttpRequest, username: str, password: str) -> Any:
    """Whom the project's backends let in with this, as its login form would ask them; None for nobody.

    The username is read as Django's form field reads it (trimmed, NFKC), the password is not touched (BC17).
    """
    name = auth.get_user_model().normalize_username(username.strip())
    if "\0" in name:
        return None
    try:
        user = auth.authenticate(request, **{_name_of_the_name(): name, "password": password})
    except PermissionDenied:  # a receiver of `user_login_failed` locks out this way
        return None
    return user if user is not None and may_sign_in(user) else None


def may_sign_in(user: Any) -> bool:
    return user.is_active and backend_for(user) is not None


def backend_for(user: Any) -> str | None:
    """The first backend that will answer with this user when the session asks for it at the next request."""
    from django.conf import settings

    for path in settings.AUTHENTICATION_BACKENDS:
        get_user = getattr(auth.load_backend(path), "get_user", None)
        if get_user is not None and get_user(user.pk) is not None:
            return str(path)
    return None


def _name_of_the_name() -> str:
    """What backends call it: `username`, as Django's form does, unless none of them takes it by that name."""
    for backend in auth.get_backends():
        try:
            inspect.signature(backend.authenticate).bind(None, username="", password="")
        except TypeError:
            continue
        return "username"
    return str(auth.get_user_model().USERNAME_FIELD)


def _email_of(user: Any) -> str:
    return getattr(user, user.get_email_field_name(), "") or ""


def _has_field(model: Any, name: str) -> bool:
    return any(field.name == name for field in model._meta.get_fields())
