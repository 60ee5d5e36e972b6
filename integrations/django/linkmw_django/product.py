"""A Django project as linkmw's `Product`. `request.raw` is the Django request; SessionMiddleware writes cookies."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib import auth

from linkmw.errors import LinkRefused
from linkmw.gate.guard import MARKER
from linkmw.gate.ports import AccountFacts, Joining, SecondFactor, Totp
from linkmw.http import Headers, Request
from linkmw.model import Account, Marker
from linkmw_django import joining, native_session, second_factor, users
from linkmw_django.configuration import Configuration


class Product:
    """Any project on `django.contrib.auth`: its user model, its backends, its session engine, its second factor."""

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration

    def current_account(self, request: Request) -> Account | None:
        user = request.raw.user
        return users.account_of(user) if user.is_authenticated else None

    def is_complete(self, request: Request) -> bool:
        user = request.raw.user
        return bool(user.is_authenticated) and second_factor.is_shown(request.raw, user)

    def is_half(self, request: Request) -> bool:
        user = request.raw.user
        return bool(user.is_authenticated) and self._said(request, user) == "half"

    def account_after(self, request: Request, headers: Headers) -> Account | None:  # noqa: ARG002  (the contract)
        """By the session as the view has left it, whatever `request.user` was taken for before.

        A session that says nothing of the second factor counts where a page is asked next that does (PR04).
        """
        user = auth.get_user(request.raw)
        counts = ("whole", "nothing") if self._configuration.settings.signed_in_path else ("whole",)
        return users.account_of(user) if user.is_authenticated and self._said(request, user) in counts else None

    def _said(self, request: Request, user: Any) -> second_factor.Said:
        own_secret = bool(self._configuration.read_totp_secret(user))
        page = bool(self._configuration.settings.signed_in_path)
        return second_factor.said(request.raw, user, own_secret=own_secret, page=page)

    def verify_password(self, request: Request, username: str, password: str) -> Account | None:
        user = users.authenticate(request.raw, username, password)
        return None if user is None else users.account_of(user)

    def second_factor(self, request: Request, account_id: str) -> SecondFactor:  # noqa: ARG002  (the contract)
        return self._factor_of(_known(account_id))

    def _factor_of(self, user: Any) -> SecondFactor:
        secret = self._configuration.read_totp_secret(user)
        return Totp(secret) if secret else second_factor.of_devices(user)

    def verify_second_factor(self, request: Request, account_id: str, code: str) -> bool:
        return second_factor.verify(request.raw, _known(account_id), code)

    def start_session(self, request: Request, account_id: str, marker: Marker | None) -> Headers:
        user = _known(account_id)
        if not users.may_sign_in(user):
            raise LinkRefused("this account may not sign in", code="account_inactive")
        auth.login(request.raw, user, backend=users.backend_for(user))
        # Django keeps the session id of somebody who signs in again; linkmw never does (SC01).
        request.raw.session.cycle_key()
        second_factor.remember_device(request.raw)
        if marker is not None:
            request.raw.session[MARKER] = [marker.sid, marker.expires]
        return ()

    def end_session(self, request: Request) -> Headers:
        auth.logout(request.raw)
        return ()

    def reference(self, request: Request) -> str:
        return native_session.reference(request.raw.session)

    def end_referenced(self, reference: str) -> None:
        native_session.end(reference)

    def find(self, account_id: str) -> AccountFacts | None:
        return _facts(users.by_id(account_id))

    def joining(self, email: str) -> list[Joining]:
        found = users.by_email(email)
        return [self._joining(user, only=len(found) == 1) for user in found]

    def _joining(self, user: Any, *, only: bool) -> Joining:
        allowed = (
            only
            and joining.is_settled(user)
            and self._configuration.is_email_verified(user)
            and self._factor_of(user) is None
        )
        return Joining(users.account_of(user), allowed, joining.last_used(user))

    def owns_password(self, account_id: str) -> bool:
        from linkmw_django import passwords  # needs the models: Django imports us before those

        user = users.by_id(account_id)
        return user is not None and passwords.is_own(user)

    def send_reset(self, request: Request, email: str) -> bool:
        from linkmw_django import passwords

        return passwords.send_reset(request.raw, email, self._configuration.settings.public_url)

    def without_password(self) -> Iterable[Account]:
        return [users.account_of(user) for user in users.without_password()]

    def send_reset_to(self, account: Account) -> bool:
        from linkmw_django import passwords

        return passwords.send_reset_to(_known(account.account_id), self._configuration.settings.public_url)

    def find_by_name(self, name: str) -> AccountFacts | None:
        return _facts(users.by_name(name))


def _known(account_id: str) -> Any:
    user = users.by_id(account_id)
    if user is None:
        raise LinkRefused("the product does not know this account", code="account_gone")
    return user


def _facts(user: Any) -> AccountFacts | None:
    return None if user is None else users.facts_of(user)
