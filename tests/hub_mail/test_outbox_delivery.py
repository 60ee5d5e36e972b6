"""From the outbox through a real SMTP server into a mailbox: once, whatever goes down in between."""

from __future__ import annotations

import asyncio
import logging
import ssl
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from linkmw.errors import SettingsError, Unavailable
from linkmw.hub.mail.address import read_recipient, read_sender
from linkmw.hub.mail.outbox import RETRIES, Delivery
from linkmw.hub.mail.smtp import SmtpServer, compose
from linkmw.hub.ports import AuditEvent, Mail, NewLink, OutboxItem
from linkmw.hub.registration import new_client
from linkmw.model import Account, Identity, Tenant
from linkmw.run import in_thread
from linkmw.signed import new_key
from linkmw.stores.sql import SqlStores

NOW = 1_800_000_000
ISSUER = "https://sso.example.com/realms/acme"
PASSWORD = "smtp-password-of-the-hub"


def mail(recipient: str = "ann@example.com", **changes: str) -> Mail:
    values = {
        "kind": "linked",
        "recipient": recipient,
        "sender": "ACME ID <id@acme.example>",
        "subject": "Your Bücher account has been linked from an ACME ID",
        "text": "ann is linked.\nRemove Link: https://hub.example.com/unlink/x\n",
        "html": "<p><b>ann</b> is linked.</p>",
    }
    return Mail(**{**values, **changes})


class Mailbox:
    """A real SMTP server that can be stopped and started on one port, and what it has taken."""

    def __init__(self, host: str = "127.0.0.1", **options: Any) -> None:
        self.messages: list[EmailMessage] = []
        self.recipients: list[list[str]] = []
        self.arrived = threading.Semaphore(0)
        self.answer = "250 OK"
        self.passwords: list[bytes] = []
        self._host, self._options, self.port = host, options, 0
        self._controller: Controller | None = None

    async def handle_DATA(self, _server: SMTP, _session: object, envelope: Any) -> str:
        if self.answer.startswith("2"):
            self.messages.append(message_from_bytes(envelope.content, policy=policy.default))
            self.recipients.append(envelope.rcpt_tos)
            self.arrived.release()
        return self.answer

    def authenticate(self, _server: object, _session: object, _envelope: object, _way: str, data: Any) -> AuthResult:
        self.passwords.append(data.password)
        return AuthResult(success=True)

    def start(self) -> None:
        options = {"ready_timeout": 10, **self._options}
        self._controller = Controller(
            self, self._host, self.port or free_port(), authenticator=self.authenticate, **options
        )
        self._controller.start()
        self.port = self._controller.port

    def stop(self) -> None:
        if self._controller:
            self._controller.stop()
            self._controller = None


def free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    box = Mailbox()
    box.start()
    yield box
    box.stop()


class Clock:
    now = NOW

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def stores(tmp_path: Path, clock: Clock) -> Iterator[SqlStores]:
    stores = SqlStores.open(f"sqlite:///{tmp_path / 'hub.db'}", new_key(), clock)
    stores.admin.prepare()
    stores.admin.add_tenant(Tenant("acme", "ACME ID", ISSUER, "linkmw"))
    yield stores
    stores.close()


def commit(stores: SqlStores, *mails: Mail) -> None:
    """A link, and its mails with it."""
    client = new_client("acme", "Orders", "https://orders.example.com")
    stores.admin.add_client(client, "https://hub.example.com")
    account = Account("7", "ann")
    link = NewLink(client.client_id, account, Identity(ISSUER, "ann"), "", "flow", "0" * 64, "form", ("pwd",), NOW)
    asyncio.run(stores.links.add(link, mails, AuditEvent("linked", "ok", NOW)))


def delivery(stores: SqlStores, mailbox: Mailbox, clock: Clock) -> Delivery:
    server = SmtpServer.read(f"smtp://127.0.0.1:{mailbox.port}")
    return Delivery(stores.outbox, server.send, clock, every=0.05)


def test_mim07_a_committed_mail_arrives_with_both_parts(stores: SqlStores, mailbox: Mailbox, clock: Clock) -> None:
    commit(stores, mail())
    assert asyncio.run(delivery(stores, mailbox, clock).deliver()) == 1
    (got,) = mailbox.messages
    assert mailbox.recipients == [["ann@example.com"]]
    assert (got["From"], got["To"]) == ("ACME ID <id@acme.example>", "ann@example.com")
    assert got["Subject"] == mail().subject
    assert got["Date"].datetime == datetime.fromtimestamp(NOW, UTC)
    assert got["Auto-Submitted"] == "auto-generated"
    parts = {part.get_content_type(): part.get_content().replace("\r\n", "\n") for part in got.iter_parts()}  # type: ignore[attr-defined]
    assert parts == {"text/plain": mail().text, "text/html": mail().html + "\n"}


def test_mim07_the_loop_sends_what_is_committed_while_it_runs(
    stores: SqlStores, mailbox: Mailbox, clock: Clock
) -> None:
    async def story() -> bool:
        async with delivery(stores, mailbox, clock).running():
            await in_thread(commit, stores, *(mail(f"person{number}@example.com") for number in range(9)))
            return all([await in_thread(mailbox.arrived.acquire, timeout=10) for _ in range(9)])

    assert asyncio.run(story())
    assert sorted(mailbox.recipients) == [[f"person{number}@example.com"] for number in range(9)]


def test_kf06_smtp_down_then_back_delivers_once(
    stores: SqlStores, mailbox: Mailbox, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    commit(stores, mail())
    mailbox.stop()
    deliver = delivery(stores, mailbox, clock).deliver
    for wait in RETRIES[:3]:
        assert asyncio.run(deliver()) == 1
        clock.now += wait - 1
        assert asyncio.run(deliver()) == 0
        clock.now += 1
    mailbox.start()
    assert asyncio.run(deliver()) == 1
    clock.now += 10**8
    assert asyncio.run(deliver()) == 0
    assert len(mailbox.messages) == 1
    assert "mail 1 (linked) waits 60 s after try 1: ConnectionRefusedError" in caplog.text
    assert "ann@example.com" not in caplog.text


def test_kf06_a_mail_nobody_takes_is_given_up_after_days_and_said(
    stores: SqlStores, mailbox: Mailbox, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    mailbox.answer = "554 no such user ann@example.com"
    commit(stores, mail())
    deliver = delivery(stores, mailbox, clock).deliver
    for wait in RETRIES:
        assert asyncio.run(deliver()) == 1
        clock.now += wait
    assert asyncio.run(deliver()) == 1
    clock.now += 10**8
    assert asyncio.run(deliver()) == 0
    assert sum(RETRIES) > 4 * 86400
    assert "is given up after try 11: SMTPDataError 554" in caplog.text
    assert "ann@example.com" not in caplog.text


def test_kf06_one_bad_address_does_not_hold_up_the_others(stores: SqlStores, mailbox: Mailbox, clock: Clock) -> None:
    commit(stores, mail("nobody"), mail("a@example.com, b@example.com"), mail("ann@example.com"))
    asyncio.run(delivery(stores, mailbox, clock).deliver())
    assert mailbox.recipients == [["ann@example.com"]]


class ForgetfulOutbox:
    """SQL is away just when a mail was taken."""

    def __init__(self, fails: int) -> None:
        self.fails, self.noted, self.items = fails, 0, [OutboxItem(1, mail(), 1, "ab12")]

    async def claim(self, now: int, limit: int) -> list[OutboxItem]:
        taken, self.items = self.items, []
        return taken

    async def sent(self, item_id: int, now: int) -> None:
        self.fails -= 1
        if self.fails >= 0:
            raise Unavailable
        self.noted += 1

    async def failed(self, item_id: int, reason: str, next_try: int | None) -> None:
        raise AssertionError(reason)


def test_df02_a_mail_taken_while_sql_is_away_is_noted_when_it_is_back(mailbox: Mailbox, clock: Clock) -> None:
    outbox = ForgetfulOutbox(fails=3)
    send = SmtpServer.read(f"smtp://127.0.0.1:{mailbox.port}").send
    asyncio.run(Delivery(outbox, send, clock, every=0.01).deliver())
    assert (outbox.noted, len(mailbox.messages)) == (1, 1)


def test_df02_a_mail_under_way_is_finished_when_the_hub_stops(clock: Clock) -> None:
    outbox, begun, go_on = ForgetfulOutbox(fails=0), threading.Event(), threading.Event()

    def slow(_mail: Mail, _reference: str, _now: int) -> None:
        begun.set()
        assert go_on.wait(10)

    async def story() -> None:
        async with Delivery(outbox, slow, clock, every=0.01).running():
            await in_thread(begun.wait, 10)
            asyncio.get_running_loop().call_later(0.05, go_on.set)

    asyncio.run(story())
    assert outbox.noted == 1


def test_i11_a_mail_server_that_hangs_takes_no_thread_from_sql(clock: Clock) -> None:
    outbox, go_on = ForgetfulOutbox(fails=0), threading.Event()
    outbox.items = [OutboxItem(number, mail(), 1, "ab12") for number in range(4)]

    async def story() -> bool:
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
        sending = asyncio.create_task(Delivery(outbox, lambda *_: go_on.wait(10), clock, every=0.01).deliver())
        try:
            return await asyncio.wait_for(in_thread(lambda: not sending.done()), 5)
        finally:
            go_on.set()
            await sending

    assert asyncio.run(story())


class BrokenOutbox(ForgetfulOutbox):
    """Fails twice in ways of its own, then works."""

    errors: list[Exception]

    async def claim(self, now: int, limit: int) -> list[OutboxItem]:
        if self.errors:
            raise self.errors.pop()
        return await super().claim(now, limit)


def test_df01_the_loop_outlives_sql_and_defects(
    mailbox: Mailbox, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    outbox = BrokenOutbox(fails=0)
    outbox.errors = [ZeroDivisionError(), Unavailable("SQL did not answer")]
    send = SmtpServer.read(f"smtp://127.0.0.1:{mailbox.port}").send

    async def story() -> bool:
        async with Delivery(outbox, send, clock, every=0.01).running():
            return await in_thread(mailbox.arrived.acquire, timeout=10)

    assert asyncio.run(story())
    assert "the outbox stumbled" in caplog.text


def test_df02_every_try_of_a_mail_has_the_same_message_id() -> None:
    first, again = compose(mail(), "ab12", NOW), compose(mail(), "ab12", NOW + 60)
    assert first["Message-ID"] == again["Message-ID"] == "<ab12@acme.example>"


@pytest.mark.parametrize(
    "recipient",
    [
        "", "ann", "ann@", "@example.com", "a@b@c", "a@example.com,b@example.com", "a@example.com b@example.com",
        "ann@example.com\r\nBcc: eve@example.com", "Ann <ann@example.com>", "a" * 400 + "@example.com", "\ud800@x.y",
    ],
)  # fmt: skip
def test_um09_only_one_plain_address_is_a_recipient(recipient: str) -> None:
    with pytest.raises(ValueError, match="not one mail address"):
        read_recipient(recipient)
    with pytest.raises(ValueError):
        compose(mail(recipient), "ab12", NOW)


@pytest.mark.parametrize("sender", ["", "ACME ID", "a@x.example, b@x.example", "A <a@x.example>\r\nBcc: e@x.example"])
def test_um09_only_one_sender(sender: str) -> None:
    with pytest.raises(ValueError, match="not one mail address"):
        read_sender(sender)


def test_lt16_a_subject_never_becomes_a_second_header() -> None:
    with pytest.raises(ValueError):
        compose(mail(subject="Linked\r\nBcc: eve@example.com"), "ab12", NOW)


def test_i9_a_server_in_the_cloud_gets_no_password_without_tls() -> None:
    box = Mailbox("127.0.0.2", auth_require_tls=False)
    box.start()
    try:
        server = SmtpServer.read(f"smtp://hub:{PASSWORD}@127.0.0.2:{box.port}")
        with pytest.raises(Unavailable, match="SMTPNotSupportedError"):
            server.send(mail(), "ab12", NOW)
    finally:
        box.stop()
    assert (box.passwords, box.messages) == ([], [])


def test_i9_a_server_on_this_machine_gets_the_password() -> None:
    box = Mailbox(auth_require_tls=False)
    box.start()
    try:
        SmtpServer.read(f"smtp://hub:{PASSWORD}@127.0.0.1:{box.port}").send(mail(), "ab12", NOW)
    finally:
        box.stop()
    assert (box.passwords, len(box.messages)) == ([PASSWORD.encode()], 1)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Key and self-signed certificate of 127.0.0.2, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.2")])
    today = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(today - timedelta(days=1))
        .not_valid_after(today + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.2"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    pem, kind = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    path.write_bytes(key.private_bytes(pem, kind, serialization.NoEncryption()) + made.public_bytes(pem))
    return path


@pytest.mark.parametrize("way", ["smtp", "smtps"])
def test_kf07_tls_is_used_where_offered_and_its_certificate_checked(
    way: str, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    implicit = {"ssl_context": context, "auth_require_tls": False}  # aiosmtpd counts STARTTLS only as TLS
    options = implicit if way == "smtps" else {"tls_context": context, "require_starttls": True}
    box = Mailbox("127.0.0.2", **options)
    box.start()
    try:
        server = SmtpServer.read(f"{way}://hub:{PASSWORD}@127.0.0.2:{box.port}")
        with pytest.raises(Unavailable, match="SSLCertVerificationError"):
            server.send(mail(), "ab12", NOW)
        assert box.passwords == []
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        server.send(mail(), "ab12", NOW)
    finally:
        box.stop()
    assert (box.passwords, len(box.messages)) == ([PASSWORD.encode()], 1)


@pytest.mark.parametrize("url", ["", "localhost", "http://localhost", "smtp://", "smtp://host:port", "smtp://host/x"])
def test_cf01_an_smtp_url_that_is_none_is_refused_without_being_shown(url: str) -> None:
    with pytest.raises(SettingsError, match="LINKMW_HUB_SMTP_URL"):
        SmtpServer.read(url)


def test_cf09_the_servers_password_is_not_in_its_repr() -> None:
    server = SmtpServer.read("smtps://hub%40acme:p%2Fw@mail.example.com")
    assert (server.port, server.username, server.password, server.tls) == (465, "hub@acme", "p/w", True)
    assert "p/w" not in repr(server)


def test_kf06_a_log_line_tells_of_every_mail_sent(
    stores: SqlStores, mailbox: Mailbox, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "linkmw.mail")
    commit(stores, mail())
    asyncio.run(delivery(stores, mailbox, clock).deliver())
    said = [record.getMessage() for record in caplog.records if record.name == "linkmw.mail"]
    assert said == ["mail 1 (linked) was sent"]
