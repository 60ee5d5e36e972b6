"""What pages say and hold, without a browser."""

import gzip
import re
from html.parser import HTMLParser

import pytest
from tests.pages import gallery, pictures

from linkmw import errors
from linkmw.pages import language, screens
from linkmw.pages.article import with_article
from linkmw.pages.assets import BUTTON_CSS, LOOK_CSS, hashed, logo_tile, stands_on_any_ground
from linkmw.pages.browsers import describe
from linkmw.pages.look import dress
from linkmw.pages.moment import moment
from linkmw.pages.problems import problem_of
from linkmw.pages.screens import link_target

OUR_SCRIPTS = (gallery.HUB.look.manager_script, gallery.HUB.look.inbox_script)
EVIL = "\"><script>alert(1)</script>'"


class Page(HTMLParser):
    """The tags of a page with their attributes, and its text."""

    def __init__(self, html):
        super().__init__()
        self.tags = []
        self.words = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self):
        return re.sub(r"\s+", " ", "".join(self.words))

    def all(self, tag):
        return [attrs for name, attrs in self.tags if name == tag]


@pytest.fixture(params=sorted(gallery.SCREENS))
def screen(request):
    return Page(gallery.SCREENS[request.param]())


def test_xs05_no_page_has_inline_style_or_script(screen):
    for tag, attrs in screen.tags:
        assert tag not in ("style", "iframe", "object", "base")
        assert tag != "script" or attrs in [{"type": "module", "src": url} for url in OUR_SCRIPTS]
        assert not [name for name in attrs if name == "style" or name.startswith("on")]


def test_every_page_has_one_heading_and_is_titled_by_it(screen):
    assert len(screen.all("h1")) == 1
    assert len([title for title in screen.all("title") if not title]) == 1  # a drawing's has an id
    assert len(screen.all("main")) == 1
    assert screen.all("html")[0]["lang"] == "en"


def test_xs01_every_form_posts_with_a_csrf_token(screen):
    forms = screen.all("form")
    tokens = [field for field in screen.all("input") if field.get("name") == "csrf"]
    native = [form for form in forms if form.get("id") == "login"]
    leading = [form for form in forms if form["method"] == "get"]  # buttons that only open another page
    languages = [form for form in forms if form.get("class") == "languages"]  # how a page is read: nobody's session
    assert all(form["method"] in ("get", "post") for form in forms)
    assert len(tokens) == len(forms) - len(native) - len(leading) - len(languages)


def test_xs10_text_from_elsewhere_is_escaped():
    look = dress(owner="product", assets_url="/a/", brand=EVIL, product=EVIL, contact=EVIL, help_url=EVIL).look
    form = screens.Form(EVIL, EVIL, ((EVIL, EVIL),))
    pages = [
        screens.link_account(look=look, form=form, identity_email=EVIL, not_you=EVIL, username=EVIL, cancel=EVIL),
        screens.switch_account(look=look, form=form, signed_in_as=EVIL, sign_in_for=EVIL),
        screens.linked(look=look, form=form, account=EVIL, identity_email=EVIL, manager=EVIL),
        screens.error(look=look, problem="account_closed", reference=gallery.REF, account=EVIL, start_again=EVIL),
        screens.unlink(look=look, form=form, account=EVIL, linked=0),
        screens.sign_in_button(look=look, url=EVIL, placement="fixed"),
        screens.native_proof(look=look, form=form, identity_email=EVIL, not_you=EVIL, cancel=EVIL),
        screens.native_notice(look=look, identity_email=EVIL, cancel=EVIL, placement="fixed"),
        screens.agree(look=look, form=form, account=EVIL, identity_email=EVIL),
        logo_tile(EVIL, "#0f5c4d"),
    ]
    for page in pages:
        assert "<script" not in page


@pytest.mark.parametrize(
    ("where", "target"),
    [
        ("/.linkmw/login?next=%2F", "/.linkmw/login?next=%2F"),
        ("https://orders.example/", "https://orders.example/"),
        ("help@acme.example", "mailto:help@acme.example"),
        ("javascript:alert(1)", ""),
        ("data:text/html,x", ""),
        ("//evil.example", ""),
        ("/\\evil.example", ""),
        ("https:evil.example", ""),
        (" https://evil.example", ""),
        ("/a\nb", ""),
        ("Ring 4711", ""),
    ],
)
def test_xs07_only_paths_http_and_addresses_become_links(where, target):
    assert link_target(where) == target


def test_mim04_the_proof_page_asks_for_username_and_password_and_names_identity_and_product():
    page = Page(gallery.SCREENS["link-account"]())
    fields = {field["name"]: field for field in page.all("input")}
    assert fields["record"]["value"] == "r3c0rd"
    assert fields["username"]["autocomplete"] == "username"
    assert (fields["password"]["type"], fields["password"]["autocomplete"]) == ("password", "current-password")
    for words in ("Link your account", "ada@acme.example", "Orders", "not you?", "Forgot your Orders password?"):
        assert words in page.text


def test_mim04_after_a_wrong_pair_the_username_stays_and_the_password_is_asked_again():
    page = Page(gallery.SCREENS["link-account-wrong-pair"]())
    fields = {field["name"]: field for field in page.all("input")}
    assert fields["username"]["value"] == "ada.l"
    assert "value" not in fields["password"]
    assert "autofocus" in fields["password"]
    assert fields["password"]["aria-invalid"] == "true"
    assert "That username and password don’t match." in page.text
    assert page.text.lstrip().startswith("Error: Link your account – Orders")


def test_dis08_an_empty_password_is_answered_with_words():
    assert "Enter your Orders password." in Page(gallery.SCREENS["link-account-no-password"]()).text


def test_bf_too_many_tries_say_how_long_to_wait():
    assert "Too many tries. Wait 5 minutes" in Page(gallery.SCREENS["link-account-too-many"]()).text
    assert "Wait 30 seconds" in Page(gallery.SCREENS["second-factor-too-many"]()).text


def test_mim05_the_code_field_takes_pasted_and_filled_codes():
    page = Page(gallery.SCREENS["second-factor"]())
    code = next(field for field in page.all("input") if field["name"] == "code")
    assert (code["inputmode"], code["autocomplete"], code["dir"]) == ("numeric", "one-time-code", "ltr")
    assert int(code["maxlength"]) > 6  # spaces and dashes are the server's to forgive
    assert "Help with two-factor in Orders" in page.text


def test_pr18_pr19_going_on_names_its_target_twice_and_waits_for_nothing():
    page = Page(screens.going_on(look=gallery.ORDERS.look, url="/.linkmw/go?record=a&b=c", to="brand"))
    refresh = [meta for meta in page.all("meta") if meta.get("http-equiv") == "refresh"]
    assert [meta["content"] for meta in refresh] == ["0; url=/.linkmw/go?record=a&b=c"]
    assert "/.linkmw/go?record=a&b=c" in [link["href"] for link in page.all("a")]


@pytest.mark.parametrize("url", ["/.linkmw/go?a=%22&b=" + EVIL, "javascript:alert(1)", "/ä?" + "x" * 3000, ""])
@pytest.mark.parametrize("spoken", ["en", "de"])
def test_xs05_going_on_is_rendered_once_and_the_same_as_if_it_were_each_time(url, spoken):
    look = gallery.ORDERS.look
    with language.speaking(spoken):
        for switch in (None, language.Switch("/.linkmw/language", "/.linkmw/prove?record=a")):
            if switch:
                language.offer(switch)
            each_time = screens.render("going_on.html", look=look, url=url, where=look.product)
            for _ in range(2):
                html = screens.going_on(look=look, url=url, to="product")
                assert Page(html).tags == Page(each_time).tags
                assert Page(html).text == Page(each_time).text
            assert "<script>" not in html


def test_mim06_both_accounts_are_named():
    page = Page(gallery.SCREENS["linked"]())
    assert "ada.l in Orders now opens with your ACME ID ada@acme.example." in page.text
    assert "Open ACME ID manager" in page.text


def test_mim08_the_manager_says_that_the_account_belongs_to_another_and_goes_on():
    page = Page(gallery.SCREENS["dashboard-account-taken"]())
    assert "That Orders account belongs to another ACME ID. Nothing was linked." in page.text
    assert "Continue to Orders" in page.text
    assert {"name": "flow", "type": "hidden", "value": "fl0w"} in page.all("input")


def test_mim10_a_product_without_links_is_title_only():
    page = Page(gallery.SCREENS["dashboard"]())
    assert [section["aria-labelledby"] for section in page.all("section")] == [
        "product-1",
        "product-2",
        "product-3",
        "sessions",
        "activity",
    ]
    assert len(page.all("table")) == 2


def test_mim12_it_says_where_one_is_still_signed_in_and_as_whom():
    page = Page(gallery.SCREENS["still-signed-in"]())
    assert "You are still signed in to Orders as ada.l. To add another account, sign out of Orders first." in page.text
    assert {"type": "submit", "name": "sign_out", "value": "1", "class": "button"} in page.all("button")


def test_mim14_it_says_as_whom_and_offers_both():
    page = Page(gallery.SCREENS["switch-account"]())
    assert "Switch to ada.l" in page.text
    assert "Stay signed in as ada.admin" in page.text
    assert [button.get("value") for button in page.all("button")] == ["switch", "stay"]


def test_mim23_the_page_warns_of_an_account_without_a_password():
    assert "This account has no password." in Page(gallery.SCREENS["unlink-no-password"]()).text
    assert "This account has no password." not in Page(gallery.SCREENS["unlink"]()).text
    assert (
        "ada.l in Orders was linked to an ACME ID on 20 Nov 2026 at 09:12 CET."
        in Page(gallery.SCREENS["unlink"]()).text
    )


def test_mim23_a_link_that_is_gone_says_what_is_the_case():
    assert "It was removed on 20 Nov 2026, 09:12 CET." in Page(gallery.SCREENS["unlink-gone-removed"]()).text
    assert "replaced by a newer one" in Page(gallery.SCREENS["unlink-gone-replaced"]()).text
    assert "This link is not known" in Page(gallery.SCREENS["unlink-gone-unknown"]()).text
    assert "You can close this window" in Page(gallery.SCREENS["unlinked"]()).text


def test_p2_the_button_is_a_link_of_that_name():
    fragment = Page(screens.sign_in_button(look=gallery.ORDERS.look, url="/.linkmw/login", placement="marker"))
    assert fragment.text.strip() == "Sign in with ACME ID"
    assert [link["href"] for link in fragment.all("a")] == ["/.linkmw/login"]


def test_mim26_each_product_wears_its_own_name_logo_and_colours():
    orders, wiki = gallery.ORDERS.look, gallery.WIKI.look
    assert orders.stylesheets[0] == wiki.stylesheets[0]
    assert orders.stylesheets[1] != wiki.stylesheets[1]
    assert orders.product_logo != wiki.product_logo
    assert "Wiki" in gallery.SCREENS["link-account-wiki"]()


def test_a_look_names_only_files_that_it_brings():
    for worn in gallery.DRESSES:
        look = worn.look
        urls = (*look.stylesheets, look.button_stylesheet, look.brand_logo.url, look.product_logo.url)
        own = [look.manager_script, look.inbox_script, look.support_stylesheet] if look.owner == "brand" else []
        assert {url.rpartition("/")[2] for url in (*urls, *own)} == set(worn.assets)


def test_an_asset_may_be_kept_because_its_name_changes_with_it():
    assert hashed("brand", "css", "a").name != hashed("brand", "css", "b").name
    headers = dict(LOOK_CSS.response.headers)
    assert "immutable" in headers["Cache-Control"]
    assert headers["Content-Type"].startswith("text/css")
    assert len(gzip.compress(LOOK_CSS.body)) < 5 * 1024  # what a first visit waits for
    assert len(BUTTON_CSS.body) < 4 * 1024


def test_xs10_a_logo_opened_by_itself_runs_nothing():
    headers = dict(hashed("logo", "svg", "<svg/>").response.headers)
    assert headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert "sandbox" in headers["Content-Security-Policy"]


def test_a_logo_that_needs_white_behind_it_gets_a_plate():
    assert stands_on_any_ground(logo_tile("Wiki", "#a3480b"))
    plated = dress(owner="brand", assets_url="/a/", brand="A", brand_logo="<svg viewBox='0 0 1 1'></svg>").look
    assert plated.brand_logo.plate
    assert not plated.product_logo.plate


@pytest.mark.parametrize(
    ("error", "problem"),
    [
        (errors.StateMismatch(), "not_begun_here"),
        (errors.Unavailable(), "unavailable"),
        (errors.TooMany(60), "too_many"),
        (errors.TenantNotEnabled(), "not_known"),
        (errors.IdentityChanged(), "other_identity"),
        (errors.LinkRefused(code="account_inactive"), "account_closed"),
        (errors.ProviderRefused("access_denied"), "cancelled"),
        (errors.ProviderRefused("server_error"), "failed"),
        (errors.RequestRefused(), "bad_request"),
        (errors.TokenRejected(code="token_audience"), "failed"),
    ],
)
def test_ake29_every_error_has_its_page(error, problem):
    assert problem_of(error) == problem


def test_ake29_every_error_page_has_contact_reference_and_a_way_on():
    for name, render in gallery.SCREENS.items():
        if name.startswith("error-"):
            page = Page(render())
            assert "7Q4K-M2XD" in page.text, name
            assert any("help@acme.example" in link.get("href", "") for link in page.all("a")), name


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        (gallery.FIREFOX, "Firefox on Linux"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605 Version/17.4 Safari/605", "Safari on Mac"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Safari/604.1", "Safari on iPhone"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537 Chrome/130.0 Safari/537 Edg/130.0", "Edge on Windows"),
        ("Mozilla/5.0 (X11; Linux x86_64) HeadlessChrome/156.0 Safari/537", "Chrome on Linux"),
        ("Mozilla/5.0 (Linux; Android 15) Chrome/130 Mobile Safari/537", "Chrome on Android"),
        ("<b>Firefox/1</b>\r\nBcc: x@y.example", "Firefox"),
        ("", "unknown"),
    ],
)
def test_mim22_a_browser_is_told_in_fixed_words(agent, words):
    assert describe(agent) == words


BRANDS = """an ACME ID, a Nova Pass, an SSO, a BMW Login, an NHS login, an IBM ID, a Unified ID, an Umbrella, a One ID,
an Orange ID, a European ID, an Hour Pass, a House Key, an 8bit ID, a Plum Key, a UN ID, an Öresund ID, a 1Pass,
an 11 Club, a University ID, an Unimpeded ID"""


@pytest.mark.parametrize("words", re.split(r",\s+", BRANDS))
def test_mim22_the_article_is_right_for_the_brand(words):
    article, _, name = words.partition(" ")
    assert with_article(name) == words, article


def test_mim22_times_carry_their_zone():
    berlin, india = moment(gallery.NOW, "Europe/Berlin"), moment(gallery.NOW, "Asia/Kathmandu")
    assert (berlin.clock, berlin.abbreviation) == ("09:12", "CET")
    assert (india.clock, india.abbreviation) == ("13:57", "UTC+05:45")
    assert moment(gallery.NOW, "Mars/Olympus").zone == "UTC"
    assert moment(gallery.NOW, "../../etc/passwd").zone == "UTC"


def test_every_screen_and_mail_has_its_picture():
    names = [*gallery.SCREENS, *gallery.MAILS]
    assert {file.name for file in pictures.OUT.iterdir()} == {"README.md", *(f"{name}.webp" for name in names)}
    assert (pictures.OUT / "README.md").read_text(encoding="utf-8") == pictures.readme(names)


@pytest.mark.parametrize("mailed", [True, False])
def test_p03_where_the_native_doors_are_closed_no_page_says_that_its_password_works(mailed: bool) -> None:
    def said(*, closed: bool) -> str:
        look, form = gallery.HUB.look, gallery.FLOW
        page = screens.linked(
            look=look, form=form, account="ada.l", identity_email=gallery.ADA, manager="/", mailed=mailed, closed=closed
        )
        return Page(page).text

    assert ("password" in said(closed=False), "password" in said(closed=True)) == (True, False)
    assert ("e-mailed you a confirmation" in said(closed=True)) is mailed
    removed = Page(screens.unlinked(look=gallery.HUB.look, account="ada.l", closed=True)).text
    assert ("password" in removed, "Tell your administrator" in removed) == (False, True)
