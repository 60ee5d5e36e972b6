"""Mail addresses, read strictly: one to a mail, nothing that could become a second header (UM09, LT15)."""

from __future__ import annotations

from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP

MAX_ADDRESS = 320  # characters


def read_recipient(text: str) -> Address:
    """A bare address, `ann@example.com`. Raises ValueError for a name, a list, spaces and control characters."""
    if len(text) > MAX_ADDRESS or not text.isprintable() or " " in text or text.count("@") != 1:
        raise ValueError("not one mail address")
    try:
        address = Address(addr_spec=text)
    except (ValueError, IndexError, MessageError):  # what the parser of the standard library raises for odd text
        raise ValueError("not one mail address") from None
    if not address.username or not address.domain:
        raise ValueError("not one mail address")
    return address


def read_sender(text: str) -> Address:
    """`ACME ID <id@example.com>` or a bare address. Raises ValueError."""
    if len(text) > MAX_ADDRESS or not text.isprintable():
        raise ValueError("not one mail address")
    header = EmailMessage(SMTP)
    header["From"] = text
    addresses = header["From"].addresses
    if len(addresses) != 1:
        raise ValueError("not one mail address")
    return Address(addresses[0].display_name, addr_spec=read_recipient(addresses[0].addr_spec).addr_spec)
