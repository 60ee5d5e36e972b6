"""The support page as functions from values to HTML: finding somebody, and what one person has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

from linkmw.pages.look import Look
from linkmw.pages.moment import moment
from linkmw.pages.render import Form, render

Told = Literal["removed", "gone", "ended", "ended_here", "resent", "staff", "staff_unknown"]


@dataclass(frozen=True, slots=True)
class Head:
    """What every page of the support begins with. worker: the e-mail of who works here."""

    worker: str
    sign_out: Form
    people: str
    rollout: str


@dataclass(frozen=True, slots=True)
class Found:
    """An identity that was found. accounts: by which."""

    name: str
    accounts: tuple[str, ...]
    url: str


@dataclass(frozen=True, slots=True)
class EventRow:
    """A line of the audit trail. event, code: as the trail has them, for they are looked up there."""

    event: str
    ok: bool
    code: str
    at: int
    product: str = ""
    account: str = ""
    flow: str = ""
    ip: str = ""


@dataclass(frozen=True, slots=True)
class Who:
    """Whom the page is about. state: what the identity provider says; `away` when it could not be asked."""

    email: str
    subject: str
    state: Literal["enabled", "disabled", "unknown", "away"]
    verified: bool = False


@dataclass(frozen=True, slots=True)
class LinkRow:
    """remove: where the question is asked; "" where the role only looks."""

    product: str
    username: str
    account_id: str
    linked: int
    last_used: int | None
    remove: str = ""


@dataclass(frozen=True, slots=True)
class SessionRow:
    browser: str
    ip: str
    started: int


@dataclass(frozen=True, slots=True)
class MailRow:
    """A mail by its kind. resend: posts that it is sent now; None where it was, or the role only looks."""

    kind: str
    state: Literal["sent", "waiting", "given_up"]
    at: int
    tries: int
    reason: str = ""
    resend: Form | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """Whether the link of that account is to be removed. cancel: back to the person."""

    account: str
    product: str
    form: Form
    cancel: str


def search(
    *,
    look: Look,
    head: Head,
    form: Form,
    now: int,
    zone: str = "UTC",
    name: str = "",
    found: Sequence[Found] | None = None,
    events: Sequence[EventRow] = (),
) -> str:
    """Posts `name`. found: None before anything was looked for. events: what was written under the reference `name`."""
    return render(
        "support.html",
        look=look,
        head=head,
        form=form,
        now=moment(now, zone),
        at=partial(moment, zone=zone),
        name=name,
        found=found,
        events=events,
    )


def person(
    *,
    look: Look,
    head: Head,
    now: int,
    who: Who,
    links: Sequence[LinkRow],
    sessions: Sequence[SessionRow],
    mails: Sequence[MailRow],
    events: Sequence[EventRow],
    end: Form | None = None,
    zone: str = "UTC",
    told: Told | None = None,
    question: Question | None = None,
) -> str:
    """end: posts that every session of the person ends; None where the role only looks."""
    return render(
        "support_person.html",
        look=look,
        head=head,
        now=moment(now, zone),
        at=partial(moment, zone=zone),
        who=who,
        links=links,
        sessions=sessions,
        mails=mails,
        events=events,
        end=end,
        told=told,
        question=question,
    )
