"""Senders and recipients as the standard library's mail package wants them: one each, nothing hidden (UM09)."""

from __future__ import annotations

from contextlib import suppress
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP

from linkmw.hub.mail.names import is_address

_MAX_SENDER = 320  # characters, a name included


def read_recipient(text: str) -> Address:
    """A bare address, `ann@example.com`. Raises ValueError for a name, a list and control characters."""
    with suppress(Exception):  # the standard library's parser raises what it runs into, RecursionError included
        if is_address(text):
            return Address(addr_spec=text)
    raise ValueError("is not one mail address")


def read_sender(text: str) -> Address:
    """`ACME ID <id@example.com>` or a bare address. Raises ValueError."""
    if len(text) > _MAX_SENDER or not text.isprintable():
        raise ValueError("is not one mail address")
    header = EmailMessage(SMTP)
    try:
        header["From"] = text
        (address,) = header["From"].addresses
        return Address(address.display_name, addr_spec=read_recipient(address.addr_spec).addr_spec)
    except Exception:
        raise ValueError("is not one mail address") from None
