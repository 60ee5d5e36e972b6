"""Decisions of a first sign-in in a tenant that moves over, pure: values in, a verdict out (AKE-4 to AKE-15)."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from linkmw.hub.mail.names import is_address
from linkmw.hub.ports import AccountAnswer, Flow, Joinable, KnownIdentity
from linkmw.hub.rules import mailable
from linkmw.model import Account

MAIL_SECONDS = 600  # how long a mail's link is good (security.md, section 3)
MAIL_KEPT_SECONDS = 86_400  # how long it is known what an old link was for
RESENDS = 3  # mails after the first one, to whichever address
PAUSE_SECONDS = 60  # from one mail to the next to the same address
CODE_TRIES = 3
HELD_DAYS = 30  # how long a proven account waits for its identity: an address may be given to somebody else (AKE-14)
MAX_NAME = 254  # characters: an address, or a username

# Eight of 32 signs, 40 bits: none that looks like another (0 and O, 1 and I).
_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
_CODE_SIGNS = 8


# What was typed


def read_name(typed: str) -> str:
    """An e-mail address or a username as products are asked for it; "" for what is neither."""
    name = typed.strip()
    plain = all(unicodedata.category(char) not in ("Cc", "Cs", "Zl", "Zp") for char in name)
    return name if len(name) <= MAX_NAME and plain else ""


def read_email(typed: str) -> str:
    """The address to be confirmed, in small letters; "" for what is none, or may look like another (LT15).

    ASCII alone: no dotless i, no full-width @; a domain of other letters is written as DNS has it. Small letters before
    the mail is sent, so that what its owner confirms is to the letter what is compared from then on: Keycloak keeps no
    others.
    """
    email = typed.strip()
    return email.lower() if email.isascii() and is_address(email) and not email.endswith(".") else ""


def limit_key(email: str) -> str:
    """One name for all spellings of an address that lead to one mailbox at most hosts: for limits alone (LT15)."""
    local, _, domain = email.lower().rpartition("@")
    return f"{local.partition('+')[0]}@{domain.rstrip('.')}"


# Whom a name is asked of (AKE-9, PR12)


@dataclass(frozen=True, slots=True)
class AtKeycloak:
    """Keycloak knows whoever this is."""


@dataclass(frozen=True, slots=True)
class AtProduct:
    """This product asks for the password."""

    client_id: str


@dataclass(frozen=True, slots=True)
class UserUnknown:
    """Nobody has that name (AKE-7)."""


Opened = Literal["linked", "unlinked", "unknown", "away"]


def whom_to_ask(
    client_id: str, opened: Opened, *, has_identity: bool, others: Sequence[str], hide: bool
) -> AtKeycloak | AtProduct | UserUnknown:
    """Who proves that this is somebody.

    opened: what the opened product (`client_id`) says of the name; it wins. others: products that have an account with
    exactly this address, in order. hide: nobody is told that a name is nobody's (AKE-28).
    """
    if opened == "linked":
        return AtKeycloak()
    if opened in ("unlinked", "away"):
        return AtProduct(client_id)
    if has_identity:
        return AtKeycloak()
    if hide:
        return AtProduct(client_id)
    return AtProduct(others[0]) if others else UserUnknown()


def may_ask_others(opened: Opened, name: str, *, has_identity: bool, hide: bool) -> bool:
    """Are other products asked? Only for an address, and only if the opened one has said no (PR12)."""
    return opened == "unknown" and is_address(name) and not has_identity and not hide


# Mails (AKE-12, UM10)


@dataclass(frozen=True, slots=True)
class Resend:
    """left: mails that this flow may still send. wait_seconds: until the next one to the same address."""

    left: int
    wait_seconds: int


def may_resend(flow: Flow, now: int) -> Resend:
    left = max(0, 1 + RESENDS - flow.mails)
    return Resend(left, max(0, flow.mailed + PAUSE_SECONDS - now) if flow.mails else 0)


def may_mail(flow: Flow, email: str, now: int) -> bool:
    """May a mail go to `email` now? Another address than before has not to wait."""
    resend = may_resend(flow, now)
    return resend.left > 0 and (email != flow.email or resend.wait_seconds == 0)


# The code that another browser shows (LT07)


def short_code(token: str) -> str:
    """Eight signs out of 256 random bits."""
    drawn = hashlib.sha256(b"linkmw mail code" + token.encode()).digest()
    return "".join(_ALPHABET[byte % len(_ALPHABET)] for byte in drawn[:_CODE_SIGNS])


def read_code(typed: str) -> str:
    """A code as people type it: in any case, with gaps."""
    return "".join(char for char in typed.upper() if char.isalnum())


# Once the address is confirmed (AKE-14, PR01)


@dataclass(frozen=True, slots=True)
class HasIdentity:
    """The address is this one's: it signs in, and gets what waits."""

    known: KnownIdentity


@dataclass(frozen=True, slots=True)
class Conflict:
    """Somebody has the address who has not confirmed it, or as a mere name: nothing is linked or created."""


@dataclass(frozen=True, slots=True)
class NewOne:
    """Nobody has it: an identity is created."""


def after_confirmation(email: str, found: Sequence[KnownIdentity]) -> HasIdentity | Conflict | NewOne:
    """What a confirmed address leads to. found: everybody who has it as an e-mail or as a username."""
    if not found:
        return NewOne()
    owners = [known for known in found if owns(known, email)]
    return HasIdentity(owners[0]) if len(owners) == len(found) == 1 else Conflict()


def owns(known: KnownIdentity, email: str) -> bool:
    """Is the address this identity's, verified there? Compared exactly (LT15)."""
    return known.email == email and known.email_verified is True and known.enabled


def is_unchanged(proven: Account, now: AccountAnswer) -> bool:
    """Is this still the account that was proven, at the address of then, by its product's word of now? (LT04)

    A change that somebody had asked for before may have come true since. A product that names no address has none to
    compare.
    """
    return now.found and now.active and (not now.email or mailable(now.email) == proven.email)


def to_join(joins: Sequence[Joinable], chosen: Sequence[str]) -> list[Joinable]:
    """The accounts whose boxes were checked, of those that may be joined; what else was posted is nobody's (LT03)."""
    return [join for number, join in enumerate(joins) if str(number) in chosen and join.allowed and not join.proven]
