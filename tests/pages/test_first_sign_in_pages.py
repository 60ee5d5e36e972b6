"""What the pages of a first sign-in say and hold, without a browser."""

import re

import pytest
from tests.pages import gallery
from tests.pages.test_screens import Page

from linkmw.pages import screens
from linkmw.pages.look import dress

EVIL = "\"><script>alert(1)</script>'"


def shown(name):
    return Page(gallery.SCREENS[name]())


def field(page, name):
    return next(field for field in page.all("input") if field.get("name") == name)


def test_ake08_ake09_the_field_takes_an_address_or_a_username():
    email = field(shown("identify"), "email")
    assert (email["type"], email["autocomplete"], email["autocapitalize"]) == ("text", "username", "none")
    assert email["aria-describedby"] == "email-hint"
    assert "Your e-mail, or the username you have in Orders" in shown("identify").text


def test_ake07_who_is_unknown_keeps_what_was_typed_and_is_told_whom_to_ask():
    page = shown("identify-unknown")
    assert page.text.lstrip().startswith("Error: User not found – ACME ID")
    assert "There is no account for ada@acme.exmaple. Check the spelling, or contact your administrator." in page.text
    assert field(page, "email")["value"] == "ada@acme.exmaple"
    assert field(page, "email")["aria-invalid"] == "true"
    assert "problem" in field(page, "email")["aria-describedby"].split()
    assert "mailto:help@acme.example" in [link["href"] for link in page.all("a")]
    assert "7Q4K-M2XD" in page.text


def test_ake07_a_contact_that_is_no_link_is_no_button():
    look = dress(owner="brand", assets_url="/a/", brand="ACME ID", contact="Ring 4711").look
    page = Page(screens.identify(look=look, form=gallery.FLOW, problem="unknown", typed="x", reference=gallery.REF))
    assert page.all("a") == []
    assert "Ask Ring 4711" in page.text


def test_ake10_the_password_page_names_account_and_product_and_posts_the_password_alone():
    page = shown("login")
    assert "Use your Orders password." in page.text
    assert "Orders account ada@acme.example" in page.text
    posted = [field["name"] for field in page.all("input") if "name" in field]
    assert posted == ["csrf", "record", "password"]
    assert field(page, "password")["autocomplete"] == "current-password"


def test_ake10_a_password_manager_finds_the_username_and_nobody_else_does():
    (unseen,) = [field for field in shown("login").all("input") if field.get("autocomplete") == "username"]
    assert unseen["value"] == gallery.ADA
    assert (unseen["class"], unseen["tabindex"], unseen["aria-hidden"]) == ("unseen", "-1", "true")
    assert "readonly" in unseen


@pytest.mark.parametrize("name", ["login-wrong", "link-old-account-wrong-pair"])
def test_ake27_a_wrong_password_says_so_is_not_sent_back_and_offers_the_reset(name):
    page = shown(name)
    assert "match." in page.text
    assert "reset your" in page.text
    assert "value" not in field(page, "password")
    assert field(page, "password")["aria-invalid"] == "true"
    assert "/forgotten" in [link.get("href") for link in page.all("a")]


def test_ake11_the_address_is_filled_in():
    email = field(shown("confirm-address"), "email")
    assert (email["type"], email["autocomplete"], email["value"]) == ("email", "email", gallery.ADA)


def test_ake11_what_is_wrong_with_an_address_is_tied_to_its_field():
    for name in ("confirm-address-empty", "confirm-address-no-address", "forgot-empty"):
        page = shown(name)
        email = field(page, "email")
        assert (email["aria-invalid"], email["aria-describedby"]) == ("true", "problem"), name
        assert "problem" in [paragraph.get("id") for paragraph in page.all("p")], name


def test_ake12_wait_and_count_are_shown():
    page = shown("inbox")
    assert "2 of 3 resends left, the next in 42 seconds." in page.text
    assert "Didn’t receive the link?" in page.text
    button = page.all("button")[-1]
    assert (button["aria-disabled"], button["aria-describedby"]) == ("true", "early")
    assert "disabled" not in button
    assert "aria-disabled" not in shown("inbox-ready").all("button")[-1]


def test_ake12_without_resends_left_there_is_no_such_button():
    assert len(shown("inbox-no-more").all("button")) == 1
    no_more = shown("inbox-no-more")
    assert "There are no resends left: start again in a minute." in no_more.text
    assert "Use another address" not in no_more.text  # to which no mail would go either
    assert [link["href"] for link in no_more.all("a") if link["href"] == "/.linkmw/login"]


@pytest.mark.parametrize(
    ("seconds", "bar"), [(0, ""), (1, "from-5"), (42, "from-45"), (60, "from-60"), (61, ""), (3600, "")]
)
def test_ake12_the_bar_starts_where_the_wait_does(seconds, bar):
    bars = re.findall(r"from-\d+", gallery._inbox(left=2, wait_seconds=seconds))
    assert bars == ([bar] if bar else [])


def test_ake25_no_mail_has_the_spam_folder_named():
    for name in ("inbox", "inbox-ready", "inbox-no-more", "reset-sent"):
        assert "spam folder" in shown(name).text, name


def test_ake13_only_a_page_that_waits_has_the_script():
    assert [script["src"] for script in shown("inbox").all("script")] == [gallery.HUB.look.inbox_script]
    assert shown("inbox-code").all("script") == []
    assert Page(gallery._inbox(state_url="")).all("script") == []


def test_ake13_the_code_of_another_device_is_asked_for_once():
    code = field(shown("inbox-wrong-code"), "code")
    assert (code["autocomplete"], code["dir"], code["aria-describedby"]) == ("one-time-code", "ltr", "problem")
    assert int(code["maxlength"]) > 8
    assert "inputmode" not in code  # it has letters
    assert "Resend" not in shown("inbox-code").text


def test_ake13_the_mails_page_shows_product_account_when_and_from_where():
    text = shown("confirm-mail").text
    for words in ("Orders", "ada.l", "20 Nov 2026, 09:12 CET", "Firefox on Linux, 203.0.113.7"):
        assert words in text


def test_ake24_the_mails_page_says_what_to_do_when_it_was_not_asked_for():
    assert "Don’t confirm. Close this window and tell your administrator" in shown("confirm-mail").text


def test_ake13_the_code_is_shown_in_groups_only_to_another_browser():
    assert "K7M4\u00a0QXR2" in gallery.SCREENS["email-confirmed-elsewhere"]().replace("&nbsp;", "\u00a0")
    assert shown("email-confirmed-elsewhere").all("a")[0]["href"] == "/help"
    assert "/inbox?flow=fl0w" in [link["href"] for link in shown("email-confirmed").all("a")]


def test_ake06_a_box_for_each_account_that_may_be_chosen():
    page = shown("join-accounts")
    boxes = [field for field in page.all("input") if field.get("type") == "checkbox"]
    assert [(box["name"], box["value"], "checked" in box) for box in boxes] == [
        ("account", "8", True),
        ("account", "9", False),
    ]
    for words in ("Orders, just proven", "Helpdesk, used yesterday", "Wiki, used 2 Nov", "asks for its password first"):
        assert words in page.text


def test_ake14_whom_an_address_belongs_to_is_told_with_the_right_article():
    assert "You already have an ACME ID" in shown("have-identity").text
    assert "Nothing was linked" in shown("address-conflict").text
    bare = shown("address-conflict-bare")
    assert "7Q4K-M2XD" in bare.text
    assert "/again" in {link["href"] for link in bare.all("a")}


def test_ake16_the_page_has_its_words_both_logos_and_both_fields():
    page = shown("link-old-account")
    assert (
        "Sign in with your Wiki login details one last time to merge your accounts. "
        "After that, your new unified ACME ID account takes over." in page.text
    )
    logos = {image["src"] for image in page.all("img")}
    assert logos == {gallery.WIKI.look.product_logo.url, gallery.WIKI.look.brand_logo.url}
    assert field(page, "username")["value"] == gallery.ADA
    assert field(page, "username")["autocomplete"] == "username"
    assert "autofocus" in field(page, "password")


def test_ake20_ake22_the_answer_to_a_reset_names_no_address():
    page = shown("reset-sent")
    assert (
        "A password reset email has been sent. Reset your password, then click below to link your account." in page.text
    )
    assert gallery.ADA not in page.text


def test_xs10_what_was_typed_is_escaped():
    form = screens.Form(EVIL, EVIL, ((EVIL, EVIL),))
    look = dress(owner="brand", assets_url="/a/", brand=EVIL, product=EVIL, contact=EVIL).look
    row = screens.JoinRow(EVIL, EVIL, EVIL, look.product_logo)
    pages = [
        screens.identify(look=look, form=form, problem="unknown", typed=EVIL),
        screens.login(look=look, form=form, account=EVIL, forgot=EVIL, not_you=EVIL),
        screens.confirm_address(look=look, form=form, email=EVIL),
        screens.inbox(look=look, form=form, resend=form, email=EVIL, left=1, another=EVIL),
        screens.confirm_mail(look=look, form=form, product=EVIL, account=EVIL, started=0, where=EVIL),
        screens.mail_confirmed(look=look, code=EVIL, continue_url=EVIL),
        screens.join_accounts(look=look, form=form, rows=[row], now=0, email=EVIL),
        screens.have_identity(look=look, form=form, email=EVIL),
        screens.address_conflict(look=look, reference=gallery.REF, email=EVIL, another=EVIL),
        screens.address_conflict(look=look, reference=gallery.REF, start_again=EVIL),
        screens.link_old_account(look=look, form=form, identity_email=EVIL, forgot=EVIL, cancel=EVIL),
        screens.forgot(look=look, form=form, email=EVIL, back=EVIL),
        screens.reset_sent(look=look, back=EVIL),
        screens.door_closed(look=look, url=EVIL),
    ]
    for page in pages:
        assert "<script" not in page
