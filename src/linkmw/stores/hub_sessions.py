"""What the two stores of hub sessions agree on."""

from __future__ import annotations

from collections.abc import Iterable

from linkmw.hub.ports import LOGOUT_SECONDS, HubSession, OpenSession

# A new sign-in of the same person changes the session's secret. Pages that load at the same moment still send the one
# before, or change it too, and any of the new ones may be the browser's last: none of them is signed out (RC12).
PARALLEL_SECONDS = 30
# A Keycloak session that ended opens nothing any more; its codes are dead, so what is under way is soon over (RC11).
TOMBSTONE_SECONDS = 600
# A product's session outlives the hub's that opened it, and ends with Keycloak's all the same (OPS-8).
OPENED_SECONDS = LOGOUT_SECONDS
# Of one person at once: whoever begins one more ends the one that was begun first (DS05). It ends nothing in a product.
MOST_SESSIONS = 100


def opened(session: HubSession) -> OpenSession:
    """What the owner of `session` may see of it."""
    return OpenSession(
        session.public_sid, session.user_agent, session.ip, session.started, keycloak_sid=session.keycloak_sid
    )


def newest_first(sessions: Iterable[OpenSession]) -> list[OpenSession]:
    """One for each public name, as it was last begun."""
    latest: dict[str, OpenSession] = {}
    for session in sorted(sessions, key=lambda session: session.started):
        latest[session.public_sid] = session
    return sorted(latest.values(), key=lambda session: (session.started, session.public_sid), reverse=True)
