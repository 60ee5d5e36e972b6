"""Who must be linked with whom, and which mails must have come: read from SQL and SMTP once the weather is over."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Engine, create_engine, text
from tests.faults.people import Pair
from tests.faults.stage import Weathered

_CLAIMED_SECONDS = 12  # after a fault nobody is at a mail for longer: who had claimed it is dead
SETTLES_SECONDS = 90  # a mail server that held what was said to it may have to time out first


@dataclass(frozen=True, slots=True)
class Findings:
    """What is not as it must be; all empty is well. repeats: the same mail (the same Message-ID) once more."""

    links_lost: tuple[str, ...]
    links_doubled: tuple[str, ...]
    wrong_links: tuple[str, ...]
    mails_lost: tuple[str, ...]
    mails_doubled: tuple[str, ...]
    links: int
    mails: int
    repeats: int


class Ledger:
    """Compares what people were told with what is there."""

    def __init__(self, stage: Weathered) -> None:
        self._stage = stage
        self._engine: Engine = create_engine(
            stage.database_url.replace("postgresql://", "postgresql+psycopg://"), pool_pre_ping=True
        )
        self._seen: dict[int, tuple[str, str]] = {}

    def settled(self) -> None:
        """Every mail that was committed has been sent or given up; what waits for its next try is due at once."""
        began, pause = time.monotonic(), threading.Event()
        while self._waiting() and (waited := time.monotonic() - began) < SETTLES_SECONDS:
            self._an_hour_passes("" if waited > _CLAIMED_SECONDS else "AND (reason <> '' OR tries = 0)")
            pause.wait(1.0 if waited > _CLAIMED_SECONDS else 0.2)

    def _waiting(self) -> int:
        with self._engine.connect() as connection:
            return int(connection.execute(text("SELECT count(*) FROM outbox WHERE due IS NOT NULL")).scalar_one())

    def _an_hour_passes(self, which: str) -> None:
        """For what was put off; what somebody has claimed stays theirs, until nobody can be at it any more."""
        with self._engine.begin() as connection:
            connection.execute(text(f"UPDATE outbox SET due = due - 3600 WHERE due IS NOT NULL {which}"))

    def compared(self, pairs: dict[str, Pair], told: Iterable[str]) -> Findings:
        """pairs: everybody who ever tried, by username. told: "username client_id" of who was told of a link."""
        with self._engine.connect() as connection:
            rows = connection.execute(text("SELECT link_id, client_id, username, identity_email FROM links")).fetchall()
        now = {(username, client_id): email for _, client_id, username, email in rows}
        counted = Counter((username, client_id) for _, client_id, username, _ in rows)
        kept = {row[0] for row in rows}
        gone = [f"{username}" for link_id, (username, _) in self._seen.items() if link_id not in kept]
        self._seen = {link_id: (username, client_id) for link_id, client_id, username, _ in rows}
        untold = [one for one in told if tuple(one.split(" ")) not in now]
        wrong = [
            username
            for (username, _), email in now.items()
            if username in pairs and pairs[username].identity.email != email
        ]
        return Findings(
            links_lost=(*gone, *untold),
            links_doubled=tuple(name for (name, _), many in counted.items() if many > 1),
            wrong_links=tuple(wrong),
            links=len(rows),
            **self._mails([pairs[username] for username, _ in now if username in pairs]),
        )

    def _mails(self, linked: list[Pair]) -> dict:  # type: ignore[type-arg]
        """Each link has one mail to the account's address and one to the identity's."""
        arrived = self._stage.smtp.arrived  # type: ignore[attr-defined]
        once = Counter(recipient for recipient, _ in set(arrived))
        expected = {address for pair in linked for address in (pair.account.email, pair.identity.email)}
        return {
            "mails_lost": tuple(sorted(expected - once.keys())),
            "mails_doubled": tuple(sorted(name for name, many in once.items() if many > 1)),
            "mails": sum(once.values()),
            "repeats": len(arrived) - len(set(arrived)),
        }

    def close(self) -> None:
        self._engine.dispose()
