"""Does a password break the realm's rules? Only the gate ever sees it; the hub is told yes or no (AKE-15). Pure."""

from __future__ import annotations

import re
import unicodedata

from linkmw.gate.names import is_address
from linkmw.model import Account, PasswordRules

_ADDRESS = re.compile(r"[^\s@]@[^\s@]")
_LAST_OF_ONE = "\uffff"  # Keycloak counts UTF-16: what lies above is two signs to it, of no kind


def falls_short(rules: PasswordRules | None, password: str, account: Account) -> bool | None:
    """Would Keycloak refuse this password if it were new? None without rules.

    In doubt it would: which address the identity gets as its name is decided later, so any address in a password may
    be that one. Counted as Keycloak counts (Java, UTF-16); never more of a kind than Keycloak would find.
    """
    if rules is None:
        return None
    size = len(password.encode("utf-16-le", "surrogatepass")) // 2
    return (
        size < rules.length
        or 0 < rules.max_length < size
        or _has_too_few(rules, password)
        or _tells_who(rules, password, account)
    )


def _has_too_few(rules: PasswordRules, password: str) -> bool:
    kinds = [unicodedata.category(sign) for sign in password if sign <= _LAST_OF_ONE]
    special = [kind for kind in kinds if not kind.startswith("L") and kind != "Nd"]
    return (
        kinds.count("Nd") < rules.digits
        or kinds.count("Lu") < rules.upper_case
        or kinds.count("Ll") < rules.lower_case
        or len(special) < rules.special_chars
    )


def _tells_who(rules: PasswordRules, password: str, account: Account) -> bool:
    """Is it, or does it hold, a name of this person?"""
    names = {name.casefold() for name in (account.username, account.email) if name}
    typed = password.casefold()
    if rules.not_contains_username and (_ADDRESS.search(password) or any(name in typed for name in names)):
        return True
    return (rules.not_username or rules.not_email) and (is_address(password) or typed in names)
