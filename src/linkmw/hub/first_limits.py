"""How often a first sign-in may ask and mail (security.md, section 3). Counted before the act, so that many at once
are no more than the limit allows (RC13)."""

from __future__ import annotations

from linkmw.hub import first_rules
from linkmw.hub.ports import Flow, Ports
from linkmw.whence import same_network

LOOK_UPS, LOOK_UP_SECONDS = 60, 60  # names that one network may ask for: a whole office may be behind one address
OTHERS = 20  # of those, how many may be asked of other products too (PR12)
MAILS_OF_NETWORK, MAILS_OF_ACCOUNT = 300, 10  # within an hour
MAILS_AN_HOUR, MAILS_A_DAY = 5, 20  # to one address (UM11)
HOUR, DAY = 3600, 86_400


async def may_look_up(ports: Ports, client: str) -> bool:
    """May this visitor ask for one more name? client: their IP address."""
    return await ports.marks.count("find", same_network(client), LOOK_UP_SECONDS) <= LOOK_UPS


async def may_ask_others(ports: Ports, client: str) -> bool:
    return await ports.marks.count("find-others", same_network(client), LOOK_UP_SECONDS) <= OTHERS


async def may_mail(ports: Ports, flow: Flow, email: str, client: str) -> bool:
    """May one more mail go there? A no is told to nobody: whoever asks learns nothing of the address (UM11)."""
    key = first_rules.limit_key(email)
    account = f"{flow.client_id} {flow.account.account_id if flow.account else ''}"
    limits = (
        ("mail-network", same_network(client), HOUR, MAILS_OF_NETWORK),
        ("mail-account", account, HOUR, MAILS_OF_ACCOUNT),
        ("mail-hour", key, HOUR, MAILS_AN_HOUR),
        ("mail-day", key, DAY, MAILS_A_DAY),
    )
    for purpose, value, seconds, most in limits:
        if await ports.marks.count(purpose, value, seconds) > most:
            return False
    return True
