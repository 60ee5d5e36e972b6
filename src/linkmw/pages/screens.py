"""Every page as a function from values to HTML. Words live in `templates/`; here is what each page has to be told.

URLs that a page links to come from settings or are our own paths; what is neither a path, http(s) nor an e-mail
address is not made a link. Everything else is text and is escaped. Nothing inline: the policy is
`linkmw.http.content_security_policy`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from html import escape
from typing import Literal

from linkmw.pages import language
from linkmw.pages.dashboard import AccountRow as AccountRow
from linkmw.pages.dashboard import ActivityRow as ActivityRow
from linkmw.pages.dashboard import Flash as Flash
from linkmw.pages.dashboard import Moved as Moved
from linkmw.pages.dashboard import ProductPanel as ProductPanel
from linkmw.pages.dashboard import RemoveDialog as RemoveDialog
from linkmw.pages.dashboard import SessionRow as SessionRow
from linkmw.pages.dashboard import dashboard as dashboard
from linkmw.pages.first_sign_in import AddressProblem as AddressProblem
from linkmw.pages.first_sign_in import JoinRow as JoinRow
from linkmw.pages.first_sign_in import PairProblem as PairProblem
from linkmw.pages.first_sign_in import address_conflict as address_conflict
from linkmw.pages.first_sign_in import confirm_address as confirm_address
from linkmw.pages.first_sign_in import confirm_mail as confirm_mail
from linkmw.pages.first_sign_in import door_closed as door_closed
from linkmw.pages.first_sign_in import forgot as forgot
from linkmw.pages.first_sign_in import have_identity as have_identity
from linkmw.pages.first_sign_in import identify as identify
from linkmw.pages.first_sign_in import inbox as inbox
from linkmw.pages.first_sign_in import join_accounts as join_accounts
from linkmw.pages.first_sign_in import link_old_account as link_old_account
from linkmw.pages.first_sign_in import login as login
from linkmw.pages.first_sign_in import mail_confirmed as mail_confirmed
from linkmw.pages.first_sign_in import reset_sent as reset_sent
from linkmw.pages.look import Look
from linkmw.pages.moment import moment
from linkmw.pages.problems import Problem
from linkmw.pages.render import Form as Form
from linkmw.pages.render import link_target as link_target
from linkmw.pages.render import render
from linkmw.reference import Reference

_WHERE_TO = "/linkmw-goes-on-to-this-address"  # stands for the address in a page that is rendered once

CodeProblem = Literal["wrong", "used", "no_code", "too_many"]


def link_account(
    *,
    look: Look,
    form: Form,
    identity_email: str,
    not_you: str = "",
    username: str = "",
    problem: PairProblem | None = None,
    wait_seconds: int = 0,
    forgot_password: str = "",
    cancel: str = "",
    reference: Reference | None = None,
) -> str:
    """MIM-4. Posts `username`, `password`. username: what was typed, or the hint; the password is never sent back."""
    return render(
        "link_account.html",
        look=look,
        form=form,
        identity_email=identity_email,
        not_you=not_you,
        username=username,
        problem=problem,
        wait_seconds=wait_seconds,
        forgot_password=forgot_password,
        cancel=cancel,
        reference=reference,
    )


def native_proof(*, look: Look, form: Form, identity_email: str, not_you: str = "", cancel: str = "") -> str:
    """The native proof, before the product's own login: whose identity it is for. Posts nothing but the form's own."""
    return render(
        "native_proof.html", look=look, form=form, identity_email=identity_email, not_you=not_you, cancel=cancel
    )


def second_factor(
    *,
    look: Look,
    form: Form,
    problem: CodeProblem | None = None,
    wait_seconds: int = 0,
    help_url: str = "",
    cancel: str = "",
    reference: Reference | None = None,
) -> str:
    """MIM-5. Posts `code`, which may hold spaces and dashes."""
    return render(
        "second_factor.html",
        look=look,
        form=form,
        problem=problem,
        wait_seconds=wait_seconds,
        help=help_url,
        cancel=cancel,
        reference=reference,
    )


def unknown_second_factor(
    *,
    look: Look,
    account: str,
    native_login: str,
    reference: Reference,
    start_again: str = "",
    help_url: str = "",
    purpose: Literal["link", "sign_in"] = "link",
) -> str:
    """MIM-5, OT08: a second factor that cannot be checked stops a proof, or a sign-in through a link.

    native_login: "" while that is closed; then `start_again` is the way on.
    """
    return render(
        "unknown_second_factor.html",
        look=look,
        account=account,
        native_login=native_login,
        start_again=start_again,
        reference=reference,
        help=help_url,
        purpose=purpose,
    )


def going_on(*, look: Look, url: str, to: Literal["brand", "product"]) -> str:
    """A 200 page that goes on by itself to `url`, a path of this origin (PR18, PR19)."""
    rendered = _going_on(look, look.brand if to == "brand" else look.product, language.current(), language.switch())
    return rendered.replace(_WHERE_TO, escape(link_target(url)))


@lru_cache(maxsize=64)  # each sign-in shows it, and nothing but its address is anybody's own
def _going_on(look: Look, where: str, _language: str, _switch: language.Switch | None) -> str:
    return render("going_on.html", look=look, url=_WHERE_TO, where=where)


def confirm_start(*, look: Look, url: str) -> str:
    """FC17: another site began this sign-in. url: the sign-in route of this origin."""
    return render("confirm_start.html", look=look, url=url)


def sign_in(*, look: Look, url: str, native_login: str) -> str:
    """P-2, where the product's own page can't carry the button. url: the sign-in route of this origin."""
    return render("sign_in.html", look=look, url=url, native_login=native_login)


def still_signed_in(
    *, look: Look, form: Form, account: str, purpose: Literal["link", "add"] = "link", cancel: str = ""
) -> str:
    """MIM-12, LT12. Posts `sign_out=1`."""
    return render("still_signed_in.html", look=look, form=form, account=account, purpose=purpose, cancel=cancel)


def switch_account(*, look: Look, form: Form, signed_in_as: str, sign_in_for: str) -> str:
    """MIM-14. Posts `choice`: `switch` or `stay`."""
    return render("switch_account.html", look=look, form=form, signed_in_as=signed_in_as, sign_in_for=sign_in_for)


def switch_identity(*, look: Look, form: Form, identity_email: str, cancel: str = "") -> str:
    """Not you? Posts nothing but the form's own fields."""
    return render("switch_identity.html", look=look, form=form, identity_email=identity_email, cancel=cancel)


def agree(*, look: Look, form: Form, account: str, identity_email: str) -> str:
    """Link this account to this identity? Posts `choice`: `link` or `cancel` (PR05)."""
    return render("agree.html", look=look, form=form, account=account, identity_email=identity_email)


def not_linked_yet(
    *, look: Look, try_again: str, go_on: str, reference: Reference, reason: Literal["away", "expired"] = "away"
) -> str:
    """The account is proven and signed in, the link is not made: the hub is away, or it took too long (PR22)."""
    return render(
        "not_linked_yet.html", look=look, try_again=try_again, go_on=go_on, reference=reference, reason=reason
    )


def error(
    *,
    look: Look,
    problem: Problem,
    reference: Reference,
    start_again: str = "",
    try_again: str = "",
    manager: str = "",
    native_login: str = "",
    account: str = "",
    wait_seconds: int = 0,
    lifetime_seconds: int = 1800,
) -> str:
    """What went wrong and the best way on: the first of `start_again`, `try_again`, `manager`; then `native_login`."""
    return render(
        "error.html",
        look=look,
        problem=problem,
        reference=reference,
        start_again=start_again,
        try_again=try_again,
        manager=manager,
        native_login=native_login,
        account=account,
        wait_seconds=wait_seconds,
        lifetime_seconds=lifetime_seconds,
    )


def linked(
    *,
    look: Look,
    form: Form,
    account: str,
    identity_email: str,
    manager: str,
    mailed: bool = True,
    sign_in: str = "",
    closed: bool = False,
) -> str:
    """MIM-6. mailed: is a confirmation on its way? (An account may have no address.)

    sign_in: the product's own sign-in page, for somebody who went on and came back (PR24). closed: is there none, in
    `replace`? Then its password opens nothing any more.
    """
    return render(
        "linked.html",
        look=look,
        form=form,
        account=account,
        identity_email=identity_email,
        manager=manager,
        mailed=mailed,
        sign_in=sign_in,
        closed=closed,
    )


def add_account(*, look: Look, form: Form, cancel: str) -> str:
    """MIM-11: what happens next. Posts nothing but the form's own fields; cancel: the manager's address."""
    return render("add_account.html", look=look, form=form, cancel=cancel)


@dataclass(frozen=True, slots=True)
class Option:
    """An account to choose. value: what is posted for it."""

    value: str
    name: str
    last_used: bool = False


def choose(
    *,
    look: Look,
    form: Form,
    identity_email: str,
    not_you: str,
    options: Sequence[Option],
    problem: bool = False,
    order_url: str = "",
) -> str:
    """MIM-17, MIM-18. Posts `choice`: an option's value, or `add` for another account. options: in their owner's order.

    problem: nothing that can be chosen was posted. order_url: where the order is changed.
    """
    return render(
        "choose.html",
        look=look,
        form=form,
        identity_email=identity_email,
        not_you=not_you,
        options=options,
        problem=problem,
        order_url=order_url,
    )


def unlink(
    *,
    look: Look,
    form: Form,
    account: str,
    linked: int,
    zone: str = "UTC",
    has_password: bool = True,
    closed: bool = False,
) -> str:
    """MIM-23: what the mail's link opens. Shows, changes nothing; the button posts.

    closed: the product takes no password, in `replace`; the button leads to a sign-in of the link's owner (PR11).
    """
    return render(
        "unlink.html",
        look=look,
        form=form,
        account=account,
        linked=moment(linked, zone),
        has_password=has_password,
        closed=closed,
    )


def unlinked(*, look: Look, account: str = "", sign_in: str = "", closed: bool = False) -> str:
    """MIM-23. sign_in: the product's own sign-in page. closed: it takes no password, in `replace`."""
    return render("unlinked.html", look=look, account=account, sign_in=sign_in, closed=closed)


def unlink_gone(
    *,
    look: Look,
    reason: Literal["removed", "replaced", "unknown"],
    reference: Reference,
    removed: int | None = None,
    zone: str = "UTC",
    manager: str = "",
) -> str:
    """MIM-23: an old, used, replaced or mutilated link says what is the case."""
    return render(
        "unlink_gone.html",
        look=look,
        reason=reason,
        reference=reference,
        removed=None if removed is None else moment(removed, zone),
        manager=manager,
    )


def sign_out_question(*, look: Look, form: Form, cancel: str = "") -> str:
    """Whoever asks to end this browser's session cannot show that it is theirs. Posts the form's own fields (FC22)."""
    return render("sign_out_question.html", look=look, form=form, cancel=cancel)


def signed_out(
    *, look: Look, sign_in: str, scope: Literal["everywhere", "product", "manager"], brand_away: bool = False
) -> str:
    """What one is signed out of, and the way back in (P-7). brand_away: all but the identity provider's own session.

    everywhere: product and identity on this browser; without a product in `look`, the identity on every browser.
    product: that product alone. manager: the identity, and what it opened, on this browser.
    """
    return render("signed_out.html", look=look, sign_in=sign_in, scope=scope, brand_away=brand_away)


def sign_in_button(*, look: Look, url: str, placement: Literal["after_form", "marker", "fixed"] = "after_form") -> str:
    """The link for a product's own login page (P-2), to stand beside `look.button_stylesheet`. A fragment."""
    return render("sign_in_button.html", look=look, url=url, placement=placement)


def native_notice(
    *, look: Look, identity_email: str, cancel: str, placement: Literal["after_form", "marker", "fixed"] = "after_form"
) -> str:
    """What a sign-in on a product's own login page is for, while a native proof waits for it. A fragment, as above."""
    return render(
        "native_notice.html", look=look, identity_email=identity_email, cancel=cancel, placement=placement
    ).strip()
