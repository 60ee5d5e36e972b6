"""The pages of a first sign-in in a tenant that moves over, as functions from values to HTML (AKE-7 to AKE-27)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

from linkmw.pages.look import Logo, Look
from linkmw.pages.moment import moment
from linkmw.pages.render import Form, render
from linkmw.reference import Reference

PairProblem = Literal["wrong_pair", "no_username", "no_password", "too_many"]
AddressProblem = Literal["empty", "no_address", "too_many"]

RESENDS = 3
MAIL_SECONDS = 600
_BAR_STEP = 5  # seconds from one start of the wait bar to the next; look.css has the classes, up to a minute
_BAR_MOST = 60


def identify(
    *,
    look: Look,
    form: Form,
    problem: Literal["unknown", "empty", "too_many"] | None = None,
    typed: str = "",
    product: str = "",
    wait_seconds: int = 0,
    reference: Reference | None = None,
) -> str:
    """AKE-7, AKE-8, AKE-9. Posts `email`, which may be a username of the product that was opened.

    product: its name, "" where none was. typed: what nobody has, or what waits.
    """
    return render(
        "identify.html",
        look=look,
        form=form,
        problem=problem,
        typed=typed,
        product=product or look.product,
        wait_seconds=wait_seconds,
        reference=reference,
    )


def login(
    *,
    look: Look,
    form: Form,
    account: str,
    problem: PairProblem | None = None,
    wait_seconds: int = 0,
    forgot: str = "",
    not_you: str = "",
    reference: Reference | None = None,
) -> str:
    """AKE-10: on the product's own origin. Posts `password`; account: what was typed at the hub, given and fixed."""
    return render(
        "login.html",
        look=look,
        form=form,
        account=account,
        problem=problem,
        wait_seconds=wait_seconds,
        forgot=forgot,
        not_you=not_you,
        reference=reference,
    )


def confirm_address(
    *,
    look: Look,
    form: Form,
    email: str = "",
    problem: AddressProblem | None = None,
    wait_seconds: int = 0,
    reference: Reference | None = None,
) -> str:
    """AKE-11. Posts `email`; email: the account's own, or what was typed."""
    return render(
        "confirm_address.html",
        look=look,
        form=form,
        email=email,
        problem=problem,
        wait_seconds=wait_seconds,
        reference=reference,
    )


def inbox(
    *,
    look: Look,
    form: Form,
    resend: Form | None,
    email: str,
    left: int,
    wait_seconds: int = 0,
    another: str = "",
    start_again: str = "",
    problem: Literal["not_yet", "wrong_code"] | None = None,
    ask_code: bool = False,
    state_url: str = "",
    resends: int = RESENDS,
    lifetime_seconds: int = MAIL_SECONDS,
) -> str:
    """AKE-12, AKE-13, AKE-25. `form` posts nothing but its own fields, or `code` if it is asked for.

    resend: None when no more mails are sent. left: of `resends`. wait_seconds: until the next one. another: where the
    address is changed, as long as a mail is left for it. start_again: where all of it begins anew. state_url: what the
    page's script asks; with one, serve it with `page(…, scripts=True)`.
    """
    return render(
        "inbox.html",
        look=look,
        form=form,
        resend=resend,
        email=email,
        left=left,
        resends=resends,
        wait_seconds=wait_seconds,
        bar=_bar(wait_seconds),
        another=another,
        start_again=start_again,
        problem=problem,
        ask_code=ask_code,
        state_url="" if ask_code else state_url,
        lifetime_seconds=lifetime_seconds,
    )


def _bar(seconds: int) -> int:
    """Where the wait bar starts, in whole steps; 0 for no bar: nothing to wait for, or too long for one."""
    steps = -(-seconds // _BAR_STEP) * _BAR_STEP
    return steps if 0 < steps <= _BAR_MOST else 0


def confirm_mail(
    *, look: Look, form: Form, product: str, account: str, started: int, where: str, zone: str = "UTC"
) -> str:
    """AKE-13, AKE-24: what the mail's link opens. Shows, changes nothing; the button posts.

    started: seconds since the epoch, written in `zone`. where: browser and address, in words.
    """
    at = moment(started, zone)
    return render("confirm_mail.html", look=look, form=form, product=product, account=account, started=at, where=where)


def mail_confirmed(*, look: Look, code: str = "", continue_url: str = "") -> str:
    """AKE-13: after the press. code: 8 characters for the waiting window, when this is another browser.

    continue_url: the waiting sign-in, when it is this one.
    """
    return render("mail_confirmed.html", look=look, code=code, continue_url=continue_url)


@dataclass(frozen=True, slots=True)
class JoinRow:
    """An account with the confirmed address. value: what is posted for it. last_used: seconds since the epoch.

    fixed: no box; with `checked` it was just proven, without it is to be proven at its own product first.
    """

    value: str
    username: str
    product: str
    logo: Logo
    last_used: int | None = None
    checked: bool = True
    fixed: bool = False


def join_accounts(
    *, look: Look, form: Form, rows: Sequence[JoinRow], now: int, email: str = "", zone: str = "UTC"
) -> str:
    """AKE-6. Posts `account` once for each box that is checked. email: the address that all of them have."""
    return render(
        "join_accounts.html",
        look=look,
        form=form,
        rows=rows,
        email=email,
        now=moment(now, zone),
        at=partial(moment, zone=zone),
    )


def have_identity(*, look: Look, form: Form, email: str) -> str:
    """AKE-14: the address is an identity's already. Posts the form's own fields, to sign in there."""
    return render("have_identity.html", look=look, form=form, email=email)


def address_conflict(
    *, look: Look, reference: Reference, email: str = "", another: str = "", start_again: str = ""
) -> str:
    """AKE-14, PR01: an identity holds the address without having confirmed it. another: to confirm another address;
    where it is too late for that, `start_again` is the way on."""
    return render(
        "address_conflict.html",
        look=look,
        reference=reference,
        email=email,
        another=another,
        start_again=start_again,
    )


def link_old_account(
    *,
    look: Look,
    form: Form,
    identity_email: str = "",
    typed: str = "",
    problem: PairProblem | None = None,
    wait_seconds: int = 0,
    forgot: str = "",
    cancel: str = "",
    reference: Reference | None = None,
) -> str:
    """AKE-16, AKE-17. Posts `username` (labelled "Email"), `password`. typed: what was; else the identity's address."""
    return render(
        "link_old_account.html",
        look=look,
        form=form,
        username=typed or ("" if problem == "no_username" else identity_email),
        problem=problem,
        wait_seconds=wait_seconds,
        forgot=forgot,
        cancel=cancel,
        reference=reference,
    )


def forgot(
    *,
    look: Look,
    form: Form,
    email: str = "",
    back: str = "",
    problem: AddressProblem | None = None,
    wait_seconds: int = 0,
) -> str:
    """AKE-19. Posts `email`, to which the product sends its own reset mail if it knows it."""
    return render(
        "forgot.html", look=look, form=form, email=email, back=back, problem=problem, wait_seconds=wait_seconds
    )


def reset_sent(*, look: Look, back: str) -> str:
    """AKE-20, AKE-21: the same whether the address is known or not. back: the form, with the address filled in."""
    return render("reset_sent.html", look=look, back=back)


def door_closed(*, look: Look, url: str) -> str:
    """AKE-8: a password was sent to the product's own form, which opens nothing any more. url: our sign-in route."""
    return render("door_closed.html", look=look, url=url)
