"""A real SMTP server that keeps what it is sent, for the demo's inbox and for the tests."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller


@dataclass(frozen=True, slots=True)
class Message:
    """One mail as it arrived. to: whom the envelope named. date: its Date header."""

    to: str
    sender: str
    subject: str
    text: str
    html: str
    date: str

    def as_json(self) -> dict[str, str]:
        return {
            "to": self.to,
            "from": self.sender,
            "subject": self.subject,
            "text": self.text,
            "html": self.html,
            "date": self.date,
        }


class Mailbox:
    """What has arrived, oldest first. Safe to use from several threads."""

    def __init__(self) -> None:
        self._messages: list[Message] = []
        self._arrived = threading.Condition()

    def all(self) -> list[Message]:
        with self._arrived:
            return list(self._messages)

    def add(self, message: Message) -> None:
        with self._arrived:
            self._messages.append(message)
            self._arrived.notify_all()

    def wait_for(self, wanted: Callable[[Message], bool], seconds: float) -> Message:
        """The newest message that is `wanted`, waiting for it. Raises TimeoutError, naming what came instead."""
        with self._arrived:
            self._arrived.wait_for(lambda: any(map(wanted, self._messages)), seconds)
            for message in reversed(self._messages):
                if wanted(message):
                    return message
            came = ", ".join(f"{message.subject!r} to {message.to}" for message in self._messages) or "nothing"
            raise TimeoutError(f"no such mail within {seconds:.0f} s; what came: {came}")


class SmtpServer:
    """`start` and `stop` may alternate: the port stays, and so does what has arrived."""

    def __init__(self, mailbox: Mailbox, port: int) -> None:
        self.mailbox = mailbox
        self.port = port
        self._controller: Controller | None = None

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    def start(self) -> None:
        """It takes mail on `port`."""
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port)
        self._controller.start()

    def stop(self) -> None:
        """It takes no more connections. Stopping twice does nothing."""
        if self._controller:
            self._controller.stop()
            self._controller = None

    async def handle_DATA(self, _server: object, _session: object, envelope: Any) -> str:
        """Called by aiosmtpd, by this name, with each message."""
        self.mailbox.add(read_message(envelope.content, envelope.rcpt_tos))
        return "250 Message accepted for delivery"


def read_message(content: bytes, recipients: list[str]) -> Message:
    """The parts of a mail that somebody would look at."""
    mail = message_from_bytes(content, policy=policy.default)
    return Message(
        to=", ".join(recipients),
        sender=str(mail["From"] or ""),
        subject=str(mail["Subject"] or ""),
        text=_part(mail, "plain"),
        html=_part(mail, "html"),
        date=str(mail["Date"] or ""),
    )


def _part(mail: EmailMessage, kind: str) -> str:
    body = mail.get_body((kind,))
    # Lines end in CRLF on the wire (RFC 5321, 2.3.8); nobody who reads them wants that.
    return str(body.get_content()).replace("\r\n", "\n") if body else ""
