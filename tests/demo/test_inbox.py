"""The inbox shows what a real SMTP server was sent."""

from __future__ import annotations

import smtplib
from collections.abc import Iterator
from email.message import EmailMessage

import httpx2
import pyotp
import pytest

from linkmw.demo.parts.inbox import CodeHolder, InboxServer, build_app, code_at, with_base
from linkmw.demo.parts.processes import free_port
from linkmw.demo.parts.smtp import Mailbox, SmtpServer

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


@pytest.fixture
def smtp() -> Iterator[SmtpServer]:
    server = SmtpServer(Mailbox(), free_port())
    server.start()
    yield server
    server.stop()


@pytest.fixture
def inbox(smtp: SmtpServer) -> Iterator[httpx2.Client]:
    server = InboxServer(build_app(smtp.mailbox, [CodeHolder("Orders", "mel", SECRET)]), free_port())
    server.start()
    with httpx2.Client(base_url=server.url) as client:
        yield client
    server.stop()


def send(smtp: SmtpServer, *, html: str = "<p>Hello <b>Ada</b></p>", to: str = "ada@acme.example") -> None:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "ACME ID <id@acme.example>", to, "Grüße: linked <now>"
    mail["Date"] = "Sat, 21 Nov 2026 08:02:00 +0100"
    mail.set_content("Go to http://hub.localhost/unlink/abc?x=<1>\nnow.")
    mail.add_alternative(html, subtype="html")
    with smtplib.SMTP("127.0.0.1", smtp.port, timeout=10) as client:
        client.send_message(mail)


def test_what_was_sent_is_to_be_had_as_json(smtp: SmtpServer, inbox: httpx2.Client) -> None:
    assert inbox.get("/messages.json").json() == []
    send(smtp)
    (message,) = inbox.get("/messages.json").json()
    assert set(message) == {"to", "from", "subject", "text", "html", "date"}
    assert message["to"] == "ada@acme.example"
    assert message["from"] == "ACME ID <id@acme.example>"
    assert message["subject"] == "Grüße: linked <now>"
    assert message["text"] == "Go to http://hub.localhost/unlink/abc?x=<1>\nnow.\n"
    assert message["html"].strip() == "<p>Hello <b>Ada</b></p>"
    assert message["date"] == "Sat, 21 Nov 2026 08:02:00 +0100"


def test_the_page_lists_the_newest_first(smtp: SmtpServer, inbox: httpx2.Client) -> None:
    assert "Nothing yet" in inbox.get("/").text
    send(smtp, to="first@acme.example")
    send(smtp, to="second@acme.example")
    page = inbox.get("/").text
    assert page.index("second@acme.example") < page.index("first@acme.example")
    assert "linked &lt;now&gt;" in page


def test_a_mails_text_is_shown_as_text_with_its_links(smtp: SmtpServer, inbox: httpx2.Client) -> None:
    send(smtp)
    page = inbox.get("/messages/0").text
    assert 'href="http://hub.localhost/unlink/abc?x="' in page
    assert "&lt;1&gt;" in page
    assert "<b>Ada</b>" not in page  # the HTML part is in its own frame


def test_a_mails_html_can_run_nothing_and_opens_links_in_a_new_tab(smtp: SmtpServer, inbox: httpx2.Client) -> None:
    send(smtp, html="<html><head><title>t</title></head><script>steal()</script></html>")
    assert 'sandbox="allow-popups allow-popups-to-escape-sandbox"' in inbox.get("/messages/0").text
    answer = inbox.get("/messages/0/html")
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "sandbox" in policy
    assert "allow-scripts" not in policy
    assert '<head><base target="_blank"><title>' in answer.text


def test_a_mail_without_a_head_opens_links_in_a_new_tab_too() -> None:
    assert with_base("<p>x</p>") == '<base target="_blank"><p>x</p>'


def test_no_such_message(inbox: httpx2.Client) -> None:
    assert inbox.get("/messages/0").status_code == 404
    assert inbox.get("/messages/0/html").status_code == 404


def test_codes_are_what_an_authenticator_shows(inbox: httpx2.Client) -> None:
    before = pyotp.TOTP(SECRET).now()
    page = inbox.get("/codes").text
    after = pyotp.TOTP(SECRET).now()
    assert before in page or after in page
    assert SECRET not in page


def test_codes_of_old_short_secrets_are_shown_too() -> None:
    assert code_at("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", 59) == "287082"  # RFC 6238, appendix B, its last six digits
    assert len(code_at("JBSWY3DPEHPK3PXP", 59)) == 6


def test_waiting_for_a_mail(smtp: SmtpServer) -> None:
    with pytest.raises(TimeoutError, match="what came: nothing"):
        smtp.mailbox.wait_for(lambda message: True, 0)
    send(smtp)
    assert smtp.mailbox.wait_for(lambda message: message.to == "ada@acme.example", 10).subject.startswith("Grüße")
    with pytest.raises(TimeoutError, match="Grüße"):
        smtp.mailbox.wait_for(lambda message: message.to == "grace@acme.example", 0)


def test_the_smtp_server_comes_back_on_its_port(smtp: SmtpServer) -> None:
    smtp.stop()
    with pytest.raises(OSError):
        send(smtp)
    smtp.start()
    send(smtp)
    assert len(smtp.mailbox.all()) == 1
