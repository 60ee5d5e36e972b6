"""How often somebody may guess in our own pages. The native login is never locked by it (BF06).

A try is counted before it is made, so that a hundred at once are no more than the limit allows (BF03). Figures:
docs/security.md, section 3.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from linkmw.gate.ports import Limit, Ports
from linkmw.model import ProofRequest
from linkmw.settings import Settings
from linkmw.whence import same_network as same_network

PASSWORD_SECONDS = 300
PASSWORD_WAITS = (60, 120, 240, 480, 900)
ADDRESS_SECONDS = 60
IDENTITY_SECONDS = 86_400
CODE_SECONDS = 900
ACCOUNT_CODES = 10  # codes for one account within CODE_SECONDS, whichever proof they belong to (OT06)
MAIL_HOUR = 3600
MAIL_DAY = 86_400
ADDRESS_MAILS = 5  # reset mails to one address within MAIL_HOUR
ADDRESS_MAILS_A_DAY = 20
NETWORK_MAILS = 20  # asked for from one network within MAIL_HOUR

_UNSEEN = frozenset("MZC")  # marks, separators, control and format characters: Unicode general categories


def same_name(username: str) -> str:
    """One spelling for all that a product, or the database under it, may take for one name (BF05).

    Case as upper-casing sees it (dotless i is an I to many databases), accents, spaces, dots, Unicode's other forms
    and what cannot be seen at all make no difference.
    """
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", username).upper().casefold())
    return "".join(char for char in folded if char != "." and unicodedata.category(char)[0] not in _UNSEEN)


@dataclass(frozen=True, slots=True)
class Guess:
    """A username and a password, typed by somebody. name: of this very try."""

    username: str
    address: str
    identity: str
    name: str


def identity_of(request: ProofRequest) -> str:
    """Whose proof it is: the hub's pairwise word for the identity, where it says one."""
    return request.identity or request.identity_email.casefold() or request.transaction


Counter = tuple[str, str, str, Limit]  # purpose, value, part, limit: as `Tries` takes them


def _counters(settings: Settings, guess: Guess) -> tuple[Counter, ...]:
    """The guesser's own come first: a guess that they refuse costs the account's owner nothing.

    An account's tries are told apart by what was typed, for two names that look alike here may be two accounts there,
    and the owner of one must not wipe out the guesses at the other (BF04).
    """
    by_account = Limit(settings.password_tries, PASSWORD_SECONDS, PASSWORD_WAITS, settings.stop_tries)
    return (
        ("password-address", same_network(guess.address), guess.name, Limit(settings.address_tries, ADDRESS_SECONDS)),
        ("password-identity", guess.identity, guess.name, Limit(settings.identity_tries, IDENTITY_SECONDS)),
        ("password-account", same_name(guess.username), guess.username, by_account),
    )


async def may_try_password(ports: Ports, settings: Settings, guess: Guess) -> int:
    """0: this password may be tried. Else the seconds until one may be."""
    counters = _counters(settings, guess)
    for counter in counters:
        wait = await ports.tries.attempt(*counter)
        if wait:
            await _forgive(ports, counters[1:2])  # no guess was made: it does not shorten the identity's day
            return wait
    return 0


async def password_was_right(ports: Ports, settings: Settings, guess: Guess) -> None:
    """The account's count begins anew; of address and identity this one try is taken back, and no other (BF04)."""
    await _forgive(ports, _counters(settings, guess))


async def _forgive(ports: Ports, counters: tuple[Counter, ...]) -> None:
    for counter in counters:
        await ports.tries.forgive(*counter)


def _codes_of_record(settings: Settings) -> Limit:
    return Limit(settings.code_tries, settings.proof_seconds)


def _codes_of_account(settings: Settings) -> Limit:
    return Limit(ACCOUNT_CODES, CODE_SECONDS, stop=settings.stop_tries)


async def may_send_reset(ports: Ports, email: str, address: str) -> int:
    """0: one more reset mail may be asked for. Else the seconds until one may be, whoever has that e-mail (BF08)."""
    name = same_name(email)  # spellings of one mailbox are one (LT15)
    for purpose, value, limit in (
        ("reset-network", same_network(address), Limit(NETWORK_MAILS, MAIL_HOUR)),
        ("reset-address", name, Limit(ADDRESS_MAILS, MAIL_HOUR)),
        ("reset-address-day", name, Limit(ADDRESS_MAILS_A_DAY, MAIL_DAY)),
    ):
        wait = await ports.tries.attempt(purpose, value, "", limit)
        if wait:
            return wait
    return 0


async def may_try_code_of_record(ports: Ports, settings: Settings, record_id: str) -> int:
    """0: one more code in this proof or sign-in. Else it is over, whatever the code (OT06, OT07)."""
    return await ports.tries.attempt("code-record", record_id, "", _codes_of_record(settings))


async def may_try_code_of_account(ports: Ports, settings: Settings, account_id: str) -> int:
    """0: one more code for this account, over all proofs. Else the seconds until one may be."""
    return await ports.tries.attempt("code-account", account_id, "", _codes_of_account(settings))


async def code_was_right(ports: Ports, settings: Settings, account_id: str) -> None:
    await ports.tries.forgive("code-account", account_id, "", _codes_of_account(settings))
