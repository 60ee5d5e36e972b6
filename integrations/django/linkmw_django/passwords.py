"""The passwords of a Django project: are they its own, and the mail for who has forgotten one."""

from __future__ import annotations

import inspect
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from django.contrib import auth
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.forms import PasswordResetForm
from django.contrib.auth.hashers import identify_hasher
from django.contrib.auth.views import PasswordResetView
from django.core import mail
from django.http import HttpRequest
from django.urls import NoReverseMatch, resolve, reverse


def is_own(user: Any) -> bool:
    """Is this user's password kept by Django, and is nobody else asked about passwords here (PR10)?"""
    if not user.has_usable_password() or not all(map(_asks_nobody_else, auth.get_backends())):
        return False
    try:
        hasher = type(identify_hasher(user.password))
    except ValueError:
        return False
    return hasher.__module__ == "django.contrib.auth.hashers"


def _asks_nobody_else(backend: Any) -> bool:
    """Of several backends it can't be told which one took a password, so a directory's must not be among them."""
    return isinstance(backend, ModelBackend) or not _takes_passwords(backend)


def _takes_passwords(backend: Any) -> bool:
    """The question `django.contrib.auth.authenticate` asks a backend before it hands it a password."""
    name = auth.get_user_model().USERNAME_FIELD
    for names in ({"username": ""}, {name: ""}):
        try:
            inspect.signature(backend.authenticate).bind(None, password="", **names)
        except TypeError:
            continue
        return True
    return False


def send_reset(request: HttpRequest, email: str, public_url: str) -> bool:
    """The mail of the project's own `password_reset` page, False where it is not Django's.

    Its links are of the product's public URL, whatever the Host header says (PR23).
    """
    return _sent(_EqualSteps, email, public_url, request)


def send_reset_to(user: Any, public_url: str) -> bool:
    """The same mail to this very user, whether its password is usable or not: Django's own page skips those (DIS-7)."""
    email = getattr(user, user.get_email_field_name())
    return _sent(type("ToOne", (_ToOne,), {"user": user}), email, public_url, None)


def _sent(how: type[PasswordResetForm], email: str, public_url: str, request: HttpRequest | None) -> bool:
    """The mail of the project's page, by its own form, with `how` in front of that."""
    view = _reset_view()
    if view is None:
        return False
    form = type(how.__name__, (how, view.form_class), {})({"email": email})
    if form.is_valid():
        public = urlsplit(public_url)
        form.save(
            domain_override=public.netloc,
            use_https=public.scheme == "https",
            token_generator=view.token_generator,
            from_email=view.from_email,
            email_template_name=view.email_template_name,
            subject_template_name=view.subject_template_name,
            request=request,
            html_email_template_name=view.html_email_template_name,
            extra_email_context=view.extra_email_context,
        )
    return True


def _reset_view() -> PasswordResetView | None:
    """The view as the project's URLs configure it: its templates, sender and form are the project's own."""
    try:
        page = resolve(reverse("password_reset")).func
    except NoReverseMatch:
        return None
    kind = getattr(page, "view_class", None)
    if kind is None or not issubclass(kind, PasswordResetView) or not issubclass(kind.form_class, PasswordResetForm):
        return None
    return kind(**page.view_initkwargs)


class _EqualSteps(PasswordResetForm):
    """The same work for an address nobody has: a mail is written and the mail server greeted, nothing is sent (BF08).

    What the server does with a mail it takes is not repeated; a project where that is slow sends from a queue.
    """

    def get_users(self, email: str) -> list[Any]:
        return list(super().get_users(email)) or [auth.get_user_model()()]

    def send_mail(  # the base class's own argument names
        self,
        subject_template_name: str,
        email_template_name: str,
        context: dict[str, Any],
        from_email: str | None,
        to_email: str,
        html_email_template_name: str | None = None,
    ) -> None:
        known = not context["user"]._state.adding
        to = to_email if known else ""  # Django writes a mail to nobody, and does not send it
        super().send_mail(subject_template_name, email_template_name, context, from_email, to, html_email_template_name)
        if not known:
            with suppress(Exception), _mailer():  # as the base class's own `send_mail`, which goes on whatever happens
                pass


def _mailer() -> Any:
    """The project's mail server. From Django 6.1 on `get_connection` is deprecated."""
    mailers = getattr(mail, "mailers", None)
    return mailers.default if mailers else mail.get_connection()


class _ToOne(PasswordResetForm):
    """To `user` and nobody else."""

    user: Any

    def get_users(self, email: str) -> list[Any]:  # noqa: ARG002  (the base class's own argument)
        return [self.user]
