"""What an adapter may offer besides `Product`: a way back for who has no password, for `linkmw send-reset` (DIS-7)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, runtime_checkable

from linkmw.model import Account


@runtime_checkable
class Recovery(Protocol):
    """Asked by a command, outside of any request. Blocking, like `Product`."""

    def without_password(self) -> Iterable[Account] | None:
        """The active accounts whose password is unusable; None where the product cannot say."""

    def send_reset_to(self, account: Account) -> bool:
        """Send the product's own mail to its own reset page, also to an account whose password is unusable.

        False where the product has no such mail. Its links are of the product's public URL (PR23).
        """
