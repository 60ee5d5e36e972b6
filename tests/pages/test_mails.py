"""The mails about links and addresses."""

import re
from dataclasses import replace
from email.message import EmailMessage

import pytest
from tests.pages import gallery

from linkmw.errors import RequestRefused
from linkmw.hub.mail import messages
from linkmw.hub.mail.names import is_address, masked, unlinkable

URL = gallery.UNLINK_URL


def linked(envelope=gallery.ENVELOPE, **more):
    values = {"account": "ada.l", "identity_email": gallery.ADA, "unlink_url": URL, **more}
    return messages.linked(envelope, gallery.HAPPENING, **values)


def named(brand="ACME ID", product="Orders"):
    return replace(
        gallery.ENVELOPE, tenant=replace(gallery.TENANT, brand=brand), client=replace(gallery.CLIENT, name=product)
    )


def test_mim21_the_button_is_near_the_end_and_the_url_is_plain_text_under_it():
    mail = linked()
    button = mail.html.index(">Remove Link</a>")
    assert button > len(mail.html) * 0.6
    assert f'href="{URL}"' in mail.html[:button]
    assert f">{URL}</a>" in mail.html[button:]
    assert URL in mail.text.splitlines()
    assert mail.text.index("Remove Link:") > len(mail.text) / 2


def test_mim22_the_subject_names_product_and_brand_with_the_right_article():
    assert linked().subject == "Your Orders account has been linked from an ACME ID"
    assert linked(named("Nova Pass", "Wiki")).subject == "Your Wiki account has been linked from a Nova Pass"


def test_mim22_both_parts_say_what_when_from_where_and_mask_the_identity():
    mail = linked()
    assert "<strong>ada.l</strong>" in mail.html
    assert "<strong>a•••@acme.example</strong>" in mail.html
    for part in (mail.html, mail.text):
        assert gallery.ADA not in part
        assert "a•••@acme.example" in part
        assert "20 November 2026, 09:12 CET (Europe/Berlin)" in part
        assert "Firefox on Linux" in part
        assert "203.0.113.7" in part
        assert "Was this you?" in part
        assert "Not you?" in part
        assert "help@acme.example" in part


def test_mim22_the_text_part_keeps_to_72_columns_but_for_the_url():
    long = linked(
        named(product=gallery.LONG_PRODUCT), account=gallery.LONG_NAME, identity_email="x" * 60 + "@acme.example"
    )
    for mail in (linked(), long, *gallery.MAILS.values()):
        assert [line for line in mail.text.splitlines() if len(line) > 72 and not line.startswith("https://")] == []


def test_mim22_the_sender_is_the_configured_one():
    assert linked().sender == "ACME ID <id@acme.example>"
    assert linked().recipient == "ada@orders.example"


def test_mim22_without_an_address_the_identity_is_not_named():
    mail = linked(identity_email="")
    assert "can now be opened with an ACME ID." in mail.html
    assert "•" not in mail.text


def test_mim24_an_unlink_is_confirmed_naming_the_account():
    mail = gallery.MAILS["mail-unlinked"]
    assert mail.subject == "Your Orders account is no longer linked to an ACME ID"
    assert mail.kind == "unlinked"
    assert "unlink/" not in mail.html + mail.text


def test_ake06_mim07_one_mail_names_every_account_with_its_own_remove_link():
    mail = gallery.MAILS["mail-several-linked"]
    assert mail.subject == "Your accounts have been linked from an ACME ID"
    assert mail.html.count(">Remove Link</a>") == len(gallery.NEWLY)
    lines = mail.text.splitlines()
    for each in gallery.NEWLY:
        account = unlinkable(each.account)
        assert f"<strong>{account}</strong> in {each.product}" in mail.html
        assert f'href="{each.unlink_url}"' in mail.html
        at = lines.index(f"{account} in {each.product}")
        assert lines[at + 1 : at + 3] == ["Remove Link:", each.unlink_url]
    for part in (mail.html, mail.text):
        assert gallery.ADA not in part
        assert "a•••@acme.example" in part


def test_ake06_a_single_account_gets_the_mail_of_one():
    only = gallery.NEWLY[:1]
    mail = messages.several_linked(gallery.MOVED, gallery.HAPPENING, accounts=only, identity_email=gallery.ADA)
    assert mail == gallery.MAILS["mail-linked-moved"]
    other = gallery.NEWLY[1:]  # not of the product that was opened
    mail = messages.several_linked(gallery.MOVED, gallery.HAPPENING, accounts=other, identity_email=gallery.ADA)
    assert mail.subject == "Your Helpdesk account has been linked from an ACME ID"
    assert "Orders" not in mail.html + mail.text


def test_ake15_where_the_identity_took_over_no_mail_says_that_the_old_password_works():
    for name in ("mail-linked-moved", "mail-several-linked"):
        mail = gallery.MAILS[name]
        assert "still works" not in mail.html + mail.text, name
        assert "Not you? Remove the link" in mail.text, name
    assert "Your Orders password still works." in " ".join(gallery.MAILS["mail-linked"].text.split())
    removed = gallery.MAILS["mail-unlinked-moved"]
    for part in (removed.text, removed.html):
        assert "link the account once more" in " ".join(part.split())
        assert "Sign in to Orders with your Orders password" not in " ".join(part.split())


def test_ake11_ake13_the_mail_says_what_it_confirms_when_and_from_where():
    mail = gallery.MAILS["mail-verify-address"]
    assert mail.subject == "Confirm your email address for ACME ID"
    assert mail.kind == "verify_address"
    assert "<strong>ada.l</strong>" in mail.html
    button = mail.html.index(">Confirm this email</a>")
    assert f'href="{gallery.CONFIRM_URL}"' in mail.html[:button]
    assert f">{gallery.CONFIRM_URL}</a>" in mail.html[button:]
    assert gallery.CONFIRM_URL in mail.text.splitlines()
    for part in (mail.html, mail.text):
        assert "Orders" in part
        assert "20 November 2026, 09:12 CET (Europe/Berlin)" in part
        assert "Firefox on Linux" in part
        assert "203.0.113.7" in part
        assert "10 minutes" in part


def test_ake24_the_mail_says_what_to_do_when_it_was_not_asked_for():
    mail = gallery.MAILS["mail-verify-address"]
    words = " ".join(mail.text.split())
    assert "Not you? Don’t confirm, and tell your administrator." in words
    assert "As long as you don’t confirm, nothing changes." in words


def test_pr14_um09_names_in_the_new_mails_are_no_links_and_one_line():
    evil = messages.NewlyLinked("evil.example", "Orders", URL)
    mail = messages.several_linked(
        gallery.MOVED, gallery.HAPPENING, accounts=(evil, *gallery.NEWLY), identity_email=gallery.ADA
    )
    assert "evil.example" not in mail.html + mail.text
    with pytest.raises(RequestRefused):
        messages.several_linked(
            gallery.MOVED, gallery.HAPPENING, accounts=(replace(evil, account="a\nb"), evil), identity_email=""
        )
    with pytest.raises(RequestRefused):
        messages.verify_address(gallery.MOVED, gallery.HAPPENING, account="a\rb", url=URL, seconds=600)


def test_pr14_the_identitys_own_mail_has_neither_username_nor_button():
    mail = gallery.MAILS["mail-linked-for-identity"]
    assert mail.subject == "An Orders account has been linked to your ACME ID"
    for part in (mail.html, mail.text):
        assert "ada.l" not in part
        assert "Remove Link" not in part
        assert "unlink/" not in part


@pytest.mark.parametrize(
    "name",
    ["evil.example", "http://evil.example/x", "www.evil", "ada@evil.example", "a.b/c", "tel:112", "//evil", "x.io"],
)
def test_pr14_a_name_that_would_become_a_link_is_shown_broken(name):
    assert unlinkable(name) != name
    assert unlinkable(name).replace("\u200c", "") == name
    mail = linked(account=name)
    assert name not in mail.text.replace(URL, "")
    assert f"<strong>{name}</strong>" not in mail.html
    assert not re.search(r"[.:/@][^\s\u200c]", unlinkable(name))


@pytest.mark.parametrize("name", ["ada.l", "ada", "warehouse-7", "Ada Lovelace", "ада", "a.1", "x_y"])
def test_pr14_other_names_stay_as_they_are(name):
    assert unlinkable(name) == name


def test_xs10_names_are_escaped_in_the_html_part():
    mail = linked(named(product="<b>Orders"), account="<img src=x>", identity_email="<i>@acme.example")
    assert "<img src=x" not in mail.html
    assert "<b>Orders" not in mail.html
    assert "<i>" not in mail.html
    assert "<img src=x>" in mail.text


@pytest.mark.parametrize("bad", ["\r\nBcc: x@evil.example", "\n", "\r", "\x00", "\u2028", "\u202e", "\x85"])
def test_um09_what_would_break_a_header_is_refused(bad):
    with pytest.raises(RequestRefused):
        linked(named(brand="ACME" + bad))
    with pytest.raises(RequestRefused):
        linked(named(product="Orders" + bad))
    with pytest.raises(RequestRefused):
        linked(replace(gallery.ENVELOPE, sender="id@acme.example" + bad))
    with pytest.raises(RequestRefused):
        linked(replace(gallery.ENVELOPE, recipient="ada@acme.example" + bad))
    with pytest.raises(RequestRefused):
        linked(account="ada" + bad)


@pytest.mark.parametrize(
    "recipient",
    [
        "",
        "ada",
        "@b",
        "a@",
        "a@b@c",
        "a b@c.example",
        "<a@b.example>",
        '"a,b"@c.example',
        "a@b.example,c@d.example",
        "a@b.example;c@d.example",
        "a@b.example\n",
        "a" * 250 + "@b.example",
    ],
)
def test_um09_one_recipient_and_nothing_else(recipient):
    assert not is_address(recipient)
    with pytest.raises(RequestRefused):
        linked(replace(gallery.ENVELOPE, recipient=recipient))


def test_um09_the_standard_library_takes_every_header():
    for mail in gallery.MAILS.values():
        message = EmailMessage()
        message["Subject"], message["From"], message["To"] = mail.subject, mail.sender, mail.recipient
        assert "\n" not in str(message["Subject"])


def test_nothing_remote_is_fetched_but_the_logo():
    plain = linked(replace(gallery.ENVELOPE, logo_url=""))
    assert "<img" not in plain.html
    assert re.findall(r'src="([^"]*)"', linked().html) == [gallery.ENVELOPE.logo_url]
    assert "url(" not in plain.html
    assert "<table" not in plain.html


def test_masking_leaves_the_first_letter_and_the_domain():
    assert masked("ada@acme.example") == "a•••@acme.example"
    assert masked("a@acme.example") == "•••@acme.example"
    assert masked("") == ""
    assert masked("not an address") == ""


def test_an_address_that_is_no_address_is_not_repeated():
    mail = messages.linked(
        gallery.ENVELOPE,
        messages.Happening(gallery.NOW, "curl/8", "<b>1.2.3.4"),
        account="ada",
        identity_email="",
        unlink_url=URL,
    )
    assert "1.2.3.4" not in mail.html
    assert "IP address: unknown" in mail.text
