"""One mail to one SMTP server, blocking: the outbox runs it in a thread."""

from __future__ import annotations

import smtplib
import ssl
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Literal
from urllib.parse import unquote, urlsplit

from linkmw import metrics, tracing
from linkmw.errors import SettingsError, Unavailable
from linkmw.hub.mail.address import read_recipient, read_sender
from linkmw.hub.ports import Mail
from linkmw.secret import Secret

# At most seven waits of the first kind (connect, greeting, EHLO twice, STARTTLS, AUTH twice) and three of the second
# (MAIL, RCPT, the message): under the five minutes for which the outbox has a mail to itself.
CONNECT_SECONDS = 10
# A server that has the message may think long before it says so; who gives up early sends it twice (RFC 5321, 4.5.3.2).
ANSWER_SECONDS = 60

_LOOPBACK = frozenset(("localhost", "127.0.0.1", "::1"))
_PORTS = {"smtp": 25, "smtps": 465}


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """Where mails go. tls: from the first byte; else STARTTLS, which only a server on this machine may lack to be
    given a password."""

    host: str
    port: int
    tls: bool = False
    username: str = ""
    password: Secret = field(default=Secret(""))

    @classmethod
    def read(cls, url: str) -> SmtpServer:
        """The server of `smtp://host:25` or `smtps://user:password@host:465`. Raises SettingsError."""
        try:
            parts = urlsplit(url.strip())
            port = parts.port or _PORTS[parts.scheme]
        except (ValueError, KeyError):
            parts, port = urlsplit(""), 0
        if not parts.hostname or parts.path not in ("", "/"):
            raise SettingsError("LINKMW_HUB_SMTP_URL is not a URL like smtp://localhost:25")
        password = Secret(unquote(parts.password or ""))
        return cls(parts.hostname, port, parts.scheme == "smtps", unquote(parts.username or ""), password)

    def send(self, mail: Mail, reference: str, now: int) -> None:
        """The server has taken the mail. Raises Unavailable with a reason that names neither address nor content.

        reference: names this mail; the same in every try, so that a mailbox can tell a repeat (RFC 5322, 3.6.4).
        """
        try:
            message = compose(mail, reference, now)
            with tracing.span("smtp"), metrics.timed("smtp"):
                self._hand_in(message, read_sender(mail.sender).domain)
        except (OSError, smtplib.SMTPException, ValueError) as error:
            raise Unavailable(_reason(error)) from None

    def _hand_in(self, message: EmailMessage, client_name: str) -> None:
        with self._connect(client_name) as connection:
            connection.send_message(message)

    def greet(self, client_name: str) -> bool:
        """The server takes our name and, if there is one, our password; is the connection TLS? Raises Unavailable.

        No mail is sent. client_name: the sender's domain.
        """
        try:
            with self._connect(client_name) as connection:
                connection.noop()
                return isinstance(connection.sock, ssl.SSLSocket)
        except (OSError, smtplib.SMTPException, ValueError) as error:
            raise Unavailable(_reason(error)) from None

    def _connect(self, client_name: str) -> smtplib.SMTP:
        # Given a name, smtplib does not ask the DNS for ours, which can take longer than any of our time-outs.
        at = (self.host, self.port, client_name)
        connection = (
            smtplib.SMTP_SSL(*at, timeout=CONNECT_SECONDS, context=ssl.create_default_context())
            if self.tls
            else smtplib.SMTP(*at, timeout=CONNECT_SECONDS)
        )
        try:
            self._secure(connection)
            if self.username:
                connection.login(self.username, self.password)
            if connection.sock is not None:
                connection.sock.settimeout(ANSWER_SECONDS)
        except BaseException:
            connection.close()
            raise
        return connection

    def _secure(self, connection: smtplib.SMTP) -> None:
        connection.ehlo_or_helo_if_needed()
        if self.tls or self.host in _LOOPBACK:  # a local server's certificate names nobody we could check
            return
        if connection.has_extn("starttls"):
            connection.starttls(context=ssl.create_default_context())
        elif self.username:
            raise smtplib.SMTPNotSupportedError("no STARTTLS")  # or whoever listens gets the password


def compose(mail: Mail, reference: str, now: int) -> EmailMessage:
    """The message as it is sent: text and HTML, one recipient. Raises ValueError for what no header may hold (UM09)."""
    sender = read_sender(mail.sender)
    message = EmailMessage(SMTP)
    message["From"] = sender
    message["To"] = read_recipient(mail.recipient)
    message["Subject"] = mail.subject
    message["Date"] = format_datetime(datetime.fromtimestamp(now, UTC))
    message["Message-ID"] = f"<{reference}@{sender.domain}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no absence notice in answer
    message.set_content(mail.text)
    message.add_alternative(mail.html, subtype="html")
    return message


def _reason(error: Exception) -> str:
    """Kind and SMTP status only: servers quote the address in their text."""
    status: int | Literal[""] = ""
    if isinstance(error, smtplib.SMTPResponseException):
        status = error.smtp_code
    elif isinstance(error, smtplib.SMTPRecipientsRefused):
        status = next((code for code, _ in error.recipients.values()), "")
    return f"{type(error).__name__} {status}".rstrip()
