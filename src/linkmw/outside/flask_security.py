"""Flask-Security(-Too): what its sessions keep is made to change, so that an account is its primary key.

Imported once an application has it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Flask
from flask_security.utils import login_user, logout_user

from linkmw.gate.hooks import read
from linkmw.model import Account
from linkmw.outside.adapter_file import Adapter
from linkmw.outside.flask import OutsideProduct
from linkmw.outside.session_key import is_number
from linkmw_flask import sessions


def product(flask: Flask, adapter: Adapter | None) -> tuple[OutsideProduct, str]:
    """The accounts of the data store; sessions begin as Flask-Security's own login begins them (`fs_cc`, `fs_paa`)."""
    datastore = flask.extensions["security"].datastore
    name, kind = primary_key(datastore.user_model)

    def account(user: Any) -> Account:
        email = read(user, "email") or ""
        return Account(str(read(user, name)), str(read(user, "username") or email), str(email))

    def sign_in(user: Any) -> None:
        login_user(user, remember=False, authn_via=["linkmw"])
        datastore.commit()  # what it tracks of sign-ins; its own views do so after the request

    made = OutsideProduct(
        adapter,
        account=account,
        load=_loader(datastore, name, kind),
        **session_hooks(flask, sign_in),
    )
    return made, f"Flask-Security {datastore.user_model.__name__}.{name}"


def session_hooks(flask: Flask, sign_in: Callable[[Any], None]) -> dict[str, Any]:
    """Flask-Login's session, begun and ended as Flask-Security does."""
    native = sessions.flask_login(flask)
    return {"native": sessions.NativeSession(native.user_of, sign_in, logout_user, native.key, flask)}


def primary_key(model: Any) -> tuple[str, Callable[[str], Any]]:
    """The attribute that holds it, and what makes one of text. Raises ValueError there for text that is none.

    Of a model of SQLAlchemy's as it says; of any other, `id`, a number if it looks like one.
    """
    mapper = getattr(model, "__mapper__", None)
    if mapper is None:
        return "id", lambda text: int(text) if is_number(text) else text
    column = mapper.primary_key[0]
    kind = column.type.python_type
    return mapper.get_property_by_column(column).key, _whole_number if kind is int else kind


def _whole_number(text: str) -> int:
    if not is_number(text):
        raise ValueError(text)
    return int(text)


def _loader(datastore: Any, name: str, kind: Callable[[str], Any]) -> Callable[[str], Any]:
    def load(account_id: str) -> Any:
        try:
            wanted = kind(account_id)
        except (TypeError, ValueError):
            return None
        return datastore.find_user(**{name: wanted})

    return load
