"""The manager as a function from values to HTML: products and accounts, sessions, what happened lately, the dialog."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

from linkmw.pages.look import Logo, Look
from linkmw.pages.moment import moment
from linkmw.pages.render import Form, render


@dataclass(frozen=True, slots=True)
class AccountRow:
    """An account in the manager. linked, last_used: seconds since the epoch. remove: where the dialog is (MIM-20)."""

    username: str
    linked: int
    last_used: int | None = None
    link_id: int = 0
    remove: str = ""


@dataclass(frozen=True, slots=True)
class ProductPanel:
    """A product in the manager, with this identity's accounts in their owner's order.

    add: where "+ Add" leads. order: what the arrows post, with `client_id` and `seen` (MIM-19); None: no arrows.
    """

    name: str
    logo: Logo
    accounts: tuple[AccountRow, ...] = ()
    add: str = ""
    order: Form | None = None


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A hub session of this identity. browser: in fixed words. products: what it opened. end: posts its end."""

    browser: str
    ip: str
    started: int
    products: tuple[str, ...] = ()
    this: bool = False
    end: Form | None = None


@dataclass(frozen=True, slots=True)
class ActivityRow:
    """Something that happened. account, product: "" where it concerned none. how: from where, or by what."""

    what: Literal["signed_in", "linked", "unlinked", "signed_out", "refused"]
    account: str
    product: str
    at: int
    how: str = ""


@dataclass(frozen=True, slots=True)
class Flash:
    """What the manager says once. go_on: the flow that waits for "Continue to {product}" (MIM-8)."""

    kind: Literal[
        "linked", "account_taken", "expired", "removed", "order_changed", "session_ended", "session_ended_here", "gone"
    ]
    product: str = ""
    account: str = ""
    mailed_to: str = ""
    go_on: Form | None = None


@dataclass(frozen=True, slots=True)
class Moved:
    """The arrow that was pressed: it keeps the focus, and the account's place now is announced (MIM-19)."""

    link_id: int
    arrow: Literal["up", "down"]


@dataclass(frozen=True, slots=True)
class RemoveDialog:
    """MIM-20: the question over the manager. cancel: the manager's own address."""

    account: str
    product: str
    form: Form
    cancel: str
    has_password: bool = True


def dashboard(
    *,
    look: Look,
    identity_email: str,
    products: Sequence[ProductPanel],
    sign_out: Form,
    now: int,
    zone: str = "UTC",
    flash: Flash | None = None,
    sessions: Sequence[SessionRow] = (),
    sign_out_everywhere: Form | None = None,
    activity: Sequence[ActivityRow] = (),
    dialog: RemoveDialog | None = None,
    moved: Moved | None = None,
) -> str:
    """MIM-9, 10, 15, 19, 20: "{brand} manager". zone: the tenant's, in which times are written.

    The page has a script of its own, for dragging: serve it with `page(…, scripts=True)`.
    """
    return render(
        "dashboard.html",
        look=look,
        identity_email=identity_email,
        products=products,
        sign_out=sign_out,
        now=moment(now, zone),
        at=partial(moment, zone=zone),
        flash=flash,
        sessions=sessions,
        sign_out_everywhere=sign_out_everywhere,
        activity=activity,
        dialog=dialog,
        moved=moved,
    )
