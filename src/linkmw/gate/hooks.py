"""A product told by callables: what adapters share whose framework has no user model of its own (Flask, Starlette).

`HookedAccounts` answers the account half of `Product` from the hooks; the adapter adds the session half.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any, TypedDict, TypeVar

from linkmw.errors import LinkRefused, SettingsError
from linkmw.gate.ports import AccountFacts, Joining, SecondFactor, Totp
from linkmw.http import Request
from linkmw.model import Account

T = TypeVar("T")


class Hooks(TypedDict, total=False):
    """What a product tells about its accounts. `user` is whatever the product itself calls one.

    A user is described by its attributes, or its keys where it is a mapping: `id`; `username`, else `name`, else
    `email`; `email`; `is_active` (no such attribute: active). Where that does not fit, `account` does it.
    """

    # (username, password as typed) → user | None; takes as long for a name that nobody has (BF07): hash there too. Not
    # given: accounts are proven by the product's own login (`proof = "native"`)
    verify_password: Callable[[str, str], Any]
    load: Callable[[str], Any]  # account id → user | None, for ids of any shape
    find: Callable[[str], Any]  # exactly this username, else exactly this e-mail → user | None
    totp_secret: Callable[[Any], str | SecondFactor]  # user → Base32 secret, None, or another kind of factor
    verify_code: Callable[[Any, str], bool]  # (user, six digits): asked when `totp_secret` says OwnCheck
    account: Callable[[Any], Account]  # user → Account; its id must never change hands
    has_password: Callable[[Any], bool]  # user → could it sign in by password? Not given: yes
    sign_in_name: Callable[[Any], str]  # user → what `verify_password` takes; not given: the account's username
    # e-mail → [(user, may it be joined?, last used in seconds since the epoch or None)]: True only for who is active,
    # no staff, was here before, and has had this very address verified here (PR06). Not given: nobody is
    joining: Callable[[str], Iterable[tuple[Any, bool, int | None]]]
    owns_password: Callable[[Any], bool]  # user → is its password kept here, and in no directory? Not given: no
    is_staff: Callable[[Any], bool]  # user → may it do more here than others? Not given: not known (PR27)
    # e-mail → sends the product's own reset mail, links of the public URL only (PR23); for an address that nobody has
    # in the same time (BF08): put it in a queue there too
    send_reset: Callable[[str], object]
    extra: Callable[[Request, Any], Mapping[str, Any]]  # what its own login puts into a session besides the user
    without_password: Callable[[], Iterable[Any]]  # the active users that have none. Not given: nobody can say


def read(user: Any, name: str, default: Any = None) -> Any:
    """Attribute `name` of a user object, or that key of a mapping or a database row."""
    keys = getattr(user, "keys", None)
    if not callable(keys):
        return getattr(user, name, default)
    return user[name] if name in tuple(keys()) else default  # a database row contains its values, not its keys


def account_of(user: Any) -> Account:
    """The account a user is, told by its attributes. Raises SettingsError for what has no id.

    So a coroutine that an `async def` hook left behind, which is true, is never taken for a user.
    """
    account_id = read(user, "id")
    if account_id is None:
        raise SettingsError(f"a {type(user).__name__} has no id: give linkmw's Product an account=…")
    email = read(user, "email") or ""
    name = read(user, "username") or read(user, "name") or email
    return Account(str(account_id), str(name), str(email))


def is_active(user: Any) -> bool:
    return bool(read(user, "is_active", True))


class HookedAccounts:
    """The account half of `Product` (see its contract), answered by hooks."""

    def __init__(self, hooks: Hooks) -> None:
        self.hooks = hooks

    def inside(self, request: Request | None) -> AbstractContextManager[object]:  # noqa: ARG002  (for adapters)
        """Where hooks run: the framework's own context, for adapters whose framework has one."""
        return nullcontext()

    def load(self, account_id: str) -> Any:
        """The user with exactly this account id, or None."""
        user = self.hooks["load"](account_id)
        return user if user and self.account(user).account_id == account_id else None

    def account(self, user: Any) -> Account:
        return self.hooks.get("account", account_of)(user)

    def entering(self, account_id: str) -> Any:
        """The user who may sign in now; raises LinkRefused for one who may not (BC12)."""
        user = self.load(account_id)
        if not user:
            raise LinkRefused("the product does not know this account", code="account_gone")
        if not is_active(user):
            raise LinkRefused("this account may not sign in", code="account_inactive")
        return user

    def session_of(self, request: Request, user: Any) -> Mapping[str, Any]:
        """What a session that names `user` holds besides, so that the application takes it for one of its own."""
        return self.hooks.get("extra", _no_extra)(request, user)

    def verify_password(self, request: Request, username: str, password: str) -> Account | None:
        with self.inside(request):
            user = self.hooks.get("verify_password", _nothing_fits)(username, password)
            return self.account(user) if user and is_active(user) else None

    def second_factor(self, request: Request, account_id: str) -> SecondFactor:
        with self.inside(request):
            factor = self.hooks.get("totp_secret", _no_factor)(self.entering(account_id))
            return Totp(factor) if isinstance(factor, str) and factor else factor or None

    def verify_second_factor(self, request: Request, account_id: str, code: str) -> bool:
        with self.inside(request):
            return bool(self.hooks["verify_code"](self.entering(account_id), code))

    def reference(self, request: Request) -> str:  # noqa: ARG002  (the contract)
        """Nothing: a session that is all in its cookie has no name. An adapter that keeps sessions says which."""
        return ""

    def end_referenced(self, reference: str) -> None:
        """Nothing to end."""

    def find(self, account_id: str) -> AccountFacts | None:
        with self.inside(None):
            user = self.load(account_id)
            return self._facts(user) if user else None

    def find_by_name(self, name: str) -> AccountFacts | None:
        with self.inside(None):
            user = self.hooks.get("find", _nobody)(name)
            facts = self._facts(user) if user else None
            return facts if facts and name in (facts.account.username, facts.account.email) else None

    def joining(self, email: str) -> list[Joining]:
        with self.inside(None):
            found = self.hooks.get("joining", _none)(email)
            rows = [Joining(self.account(user), bool(allowed), last_used) for user, allowed, last_used in found]
            return [row for row in rows if row.account.email == email]

    def owns_password(self, account_id: str) -> bool:
        with self.inside(None):
            user = self.load(account_id)
            return bool(user and self.hooks.get("owns_password", _never)(user))

    def send_reset(self, request: Request, email: str) -> bool:
        if "send_reset" not in self.hooks:
            return False
        with self.inside(request):
            self.hooks["send_reset"](email)
            return True

    def without_password(self) -> list[Account] | None:
        if "without_password" not in self.hooks:
            return None
        with self.inside(None):
            return [self.account(user) for user in self.hooks["without_password"]()]

    def send_reset_to(self, account: Account) -> bool:
        if "send_reset" not in self.hooks:
            return False
        with self.inside(None):
            self.hooks["send_reset"](account.email)
            return True

    def _facts(self, user: Any) -> AccountFacts:
        has_password = self.hooks.get("has_password", _always)
        account = self.account(user)
        name = str(self.hooks["sign_in_name"](user)) if "sign_in_name" in self.hooks else account.username
        staff = bool(self.hooks["is_staff"](user)) if "is_staff" in self.hooks else None
        return AccountFacts(account, is_active(user), bool(has_password(user)), name, staff)


def _no_extra(_request: Request, _user: Any) -> Mapping[str, Any]:
    return {}


def _no_factor(_user: Any) -> None:
    return None


def _nothing_fits(_username: str, _password: str) -> None:
    return None


def _nobody(_name: str) -> None:
    return None


def _none(_email: str) -> tuple[()]:
    return ()


def _always(_user: Any) -> bool:
    return True


def _never(_user: Any) -> bool:
    return False
