"""What handling many links asks of SQL."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from linkmw.hub.ports import AuditEvent, Mail, NewLink
from linkmw.model import Identity, Link

Key = tuple[str, str]  # client id, account id


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which links: each that is given narrows it down. who: an e-mail, account id, username or subject of the link.

    identities: with `who`, theirs as well; without it, theirs alone.
    """

    client_ids: Sequence[str] | None = None
    account: str = ""
    who: str = ""
    identities: Sequence[Identity] = ()


@dataclass(frozen=True, slots=True)
class Made:
    """A link to be made, with what tells of it."""

    link: NewLink
    mails: Sequence[Mail]
    audit: AuditEvent

    @property
    def key(self) -> Key:
        return self.link.client_id, self.link.account.account_id


class Bulk(Protocol):
    """Many links. Raises Unavailable."""

    async def page(self, wanted: Wanted, after: int, limit: int) -> list[Link]:
        """The next links by their id."""

    async def owners(self, keys: Collection[Key]) -> dict[Key, Identity]:
        """Whose the accounts are that are linked."""

    async def add(self, made: Sequence[Made]) -> set[Key]:
        """All of them in one transaction, but for those that somebody has linked meanwhile, which are answered."""
