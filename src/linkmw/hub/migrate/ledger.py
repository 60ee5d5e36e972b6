"""What a migration has made, kept so that it can go on after a kill, and take itself back."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from linkmw.model import Identity


@dataclass(frozen=True, slots=True)
class Entry:
    """A user that was begun; identity: None until Keycloak's answer was written down. link_id: of the link made."""

    account_id: str
    email: str
    reference: str = field(repr=False)
    identity: Identity | None = None
    link_id: int | None = None


@dataclass(frozen=True, slots=True)
class Made:
    """A user that Keycloak has made. link: is the account to be linked to it?"""

    account_id: str
    username: str
    account_email: str
    email: str
    identity: Identity
    link: bool


class Ledger(Protocol):
    """By product and account id. Blocking. Raises Unavailable."""

    def of_accounts(self, client_id: str, account_ids: Collection[str]) -> dict[str, Entry]: ...

    def linked(self, client_id: str, account_ids: Collection[str]) -> set[str]:
        """Which of the accounts have an identity, whoever linked them."""

    def begin(self, client_id: str, entries: Sequence[Entry]) -> None:
        """Written down before Keycloak is asked: what is made after that is known to be ours."""

    def finish(self, organization_id: str, client_id: str, made: Sequence[Made]) -> set[str]:
        """The identities and their links, in one transaction; the ids of accounts that somebody linked meanwhile."""

    def drop(self, client_id: str, account_ids: Collection[str]) -> None: ...

    def after(self, client_id: str, account_id: str, limit: int) -> list[Entry]:
        """The next entries by account id."""

    def unlink(self, organization_id: str, client_id: str, entry: Entry) -> None:
        """The link that the migration made is gone, if it is still there; its product is going to be told."""

    def has_links(self, identity: Identity) -> bool: ...
