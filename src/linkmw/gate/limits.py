"""How often somebody may guess in our own pages. The native login is never locked by it (BF06).

A try is counted before it is made, so that a hundred at once are no more than the limit allows (BF03).
"""

from __future__ import annotations

import re
import unicodedata
from enum import Enum

from linkmw.gate.ports import Marks, ProofRecord

PASSWORD_SECONDS = 300
IDENTITY_SECONDS = 86_400
IDENTITY_TRIES = 20  # password tries of one identity a day (security.md, section 3)
CODE_SECONDS = 900
ACCOUNT_CODES = 10  # codes for one account within CODE_SECONDS, whichever proof they belong to (OT06)

_IGNORED = re.compile(r"[\s.]")


def same_name(username: str) -> str:
    """One spelling for all that a product may take for one name: case, spaces, dots, Unicode forms (BF05)."""
    return _IGNORED.sub("", unicodedata.normalize("NFKC", username).casefold())


async def may_try_password(marks: Marks, record: ProofRecord, username: str, tries: int) -> bool:
    """Count one try of `record`'s identity at the account called `username`; is it within both limits?"""
    if await marks.count("password-account", same_name(username), PASSWORD_SECONDS) > tries:
        return False
    identity = record.request.identity_email.casefold() or record.request.transaction
    return await marks.count("password-identity", identity, IDENTITY_SECONDS) <= IDENTITY_TRIES


async def password_was_right(marks: Marks, username: str) -> None:
    """That account's count begins anew, the identity's does not (BF04)."""
    await marks.reset("password-account", same_name(username))


class CodeTry(Enum):
    """May this code be looked at?"""

    YES = "yes"
    RECORD_USED_UP = "record"  # too many in this proof: it ends, the password is asked for again
    ACCOUNT_USED_UP = "account"  # too many for this account, over all proofs


async def may_try_code(marks: Marks, record: ProofRecord, account_id: str, tries: int) -> CodeTry:
    """Count one code in this proof and for this account."""
    if await marks.count("code-record", record.record_id, CODE_SECONDS * 2) > tries:
        return CodeTry.RECORD_USED_UP
    if await marks.count("code-account", account_id, CODE_SECONDS) > ACCOUNT_CODES:
        return CodeTry.ACCOUNT_USED_UP
    return CodeTry.YES


async def code_was_right(marks: Marks, account_id: str) -> None:
    await marks.reset("code-account", account_id)
