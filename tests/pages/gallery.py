"""Every screen in every state, by name: what the browser tests walk through and `make screenshots` draws."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from linkmw import http
from linkmw.hub.mail import messages
from linkmw.model import Client, Tenant
from linkmw.pages import language, rollout, screens, support
from linkmw.pages.look import Dress, dress
from linkmw.pages.screens import (
    AccountRow,
    ActivityRow,
    Flash,
    Form,
    JoinRow,
    Moved,
    Option,
    ProductPanel,
    RemoveDialog,
    SessionRow,
)
from linkmw.reference import Reference

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = {
    "executable_path": "/usr/bin/chromium",
    "headless": True,
    "args": [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
    ],
}
NOW = 1795162320  # 20 November 2026, 09:12 in Berlin
LONG_NAME = "wolfeschlegelsteinhausenbergerdorff.hubert.blaine.the.senior"  # 60 characters
LONG_PRODUCT = "Warenwirtschaft und Lagerverwaltung Nord"  # 40 characters
assert len(LONG_NAME) == 60
assert len(LONG_PRODUCT) == 40


def _logo(name: str) -> str:
    return (ROOT / "src/linkmw/demo/logos" / f"{name}.svg").read_text()


def _dress(owner: str, product: str = "Orders", **more: str) -> Dress:
    values = {
        "owner": owner,
        "assets_url": "/assets/",
        "brand": "ACME ID",
        "product": product,
        "brand_primary": "#0f5c4d",
        "product_primary": "#3b4cc0",
        "brand_logo": _logo("acme"),
        "product_logo": _logo("orders"),
        "contact": "help@acme.example",
        "help_url": "/help",
        "privacy_url": "https://acme.example/privacy",
    }
    return dress(**{**values, **more})


ORDERS = _dress("product")
HUB = _dress("brand")
WIKI = _dress("product", "Wiki", product_primary="#a3480b", product_logo=_logo("wiki"))
LONG = _dress("product", LONG_PRODUCT, product_logo="", brand="Vereinigte Verkehrsbetriebe Konto-ID")
SOUTH = _dress("product", "Instandhaltung und Anlagenbuchhaltung Süd", product_logo="")
LONG_HUB = _dress("brand", LONG_PRODUCT, product_logo="", brand="Vereinigte Verkehrsbetriebe Konto-ID", brand_logo="")
NOVA = _dress("brand", brand="Nova Pass", brand_primary="#f2c94c", ground="#2b2412", brand_logo="")
STRONG = _dress("brand", ground="#0f3d35", help_url="", privacy_url="")
BARE = _dress("brand", "")
DRESSES = (ORDERS, HUB, WIKI, LONG, LONG_HUB, NOVA, STRONG, BARE, SOUTH)
ASSETS = {name: asset for each in DRESSES for name, asset in each.assets.items()}

REF = Reference("7Q4K-M2XD")
PROVE = Form("/stay", "csrf-token", (("record", "r3c0rd"),))
FLOW = Form("/stay", "csrf-token", (("flow", "fl0w"),))
ADA = "ada@acme.example"
HELPDESK_LOGO = _dress("product", "Helpdesk", product_logo=_logo("helpdesk"))
WIKI_LOGO = WIKI
ASSETS |= HELPDESK_LOGO.assets
POST = Form("/stay", "csrf-token")


def _panel(worn: Dress, *accounts: AccountRow) -> ProductPanel:
    seen = ",".join(str(account.link_id) for account in accounts)
    order = Form("/order", "csrf-token", (("client_id", "a-product"), ("seen", seen)))
    return ProductPanel(worn.look.product, worn.look.product_logo, accounts, add="/t/acme/add/a-product", order=order)


def _row(link_id: int, username: str, linked_days_ago: int, used_days_ago: int | None = None) -> AccountRow:
    used = None if used_days_ago is None else NOW - used_days_ago * 86400
    return AccountRow(username, NOW - linked_days_ago * 86400, used, link_id, f"/t/acme/remove/{link_id}")


PANELS = (
    _panel(ORDERS, _row(7, "ada.l", 90, 0), _row(9, "ada.admin", 80, 6), _row(12, "warehouse-7", 17)),
    _panel(HELPDESK_LOGO, _row(8, "ada.lovelace", 400, 1)),
    _panel(WIKI),
)
LONG_PANELS = (
    _panel(LONG, _row(1, LONG_NAME, 700, 500), _row(2, LONG_NAME[::-1], 30), _row(3, "ada", 2, 1)),
    _panel(SOUTH, _row(4, LONG_NAME, 700, 500)),
)
MANY = _panel(ORDERS, *(_row(number, f"shop-{number:02}", 100 - number) for number in range(1, 13)))
SESSIONS = (
    SessionRow("Firefox on Linux", "203.0.113.7", NOW - 600, ("Orders", "Helpdesk"), this=True),
    SessionRow("Safari on iPhone", "198.51.100.23", NOW - 86400, ("Orders",), end=POST),
)
ACTIVITY = (
    ActivityRow("signed_in", "ada.l", "Orders", NOW, "Firefox on Linux"),
    ActivityRow("linked", "warehouse-7", "Orders", NOW - 17 * 86400, "Firefox on Linux"),
    ActivityRow("unlinked", "a.king", "Helpdesk", NOW - 19 * 86400, "by e-mail link"),
    ActivityRow("refused", "", "Wiki", NOW - 20 * 86400, "Firefox on Linux"),
    ActivityRow("signed_out", "", "", NOW - 400 * 86400, "Safari on iPhone"),
)
DIALOG = RemoveDialog("ada.admin", "Orders", POST, "/t/acme/")
OPTIONS = (Option("7", "ada.l", last_used=True), Option("9", "ada.admin"), Option("12", "warehouse-7"))


def _link_account(worn: Dress = ORDERS, **more: object) -> str:
    values: dict[str, object] = {
        "look": worn.look,
        "form": PROVE,
        "identity_email": ADA,
        "not_you": "/switch-identity?handle=x",
        "forgot_password": "/forgotten",
        "cancel": "/login",
    }
    return screens.link_account(**{**values, **more})


def _second_factor(worn: Dress = ORDERS, **more: object) -> str:
    values: dict[str, object] = {"look": worn.look, "form": PROVE, "help_url": "/2fa", "cancel": "/login"}
    return screens.second_factor(**{**values, **more})


def _dashboard(worn: Dress = HUB, **more: object) -> str:
    values: dict[str, object] = {
        "look": worn.look,
        "identity_email": ADA,
        "products": PANELS,
        "sign_out": POST,
        "now": NOW,
        "zone": "Europe/Berlin",
        "sessions": SESSIONS,
        "sign_out_everywhere": POST,
        "activity": ACTIVITY,
    }
    return screens.dashboard(**{**values, **more})


def _with_languages(render: Callable[[], str]) -> str:
    """The page as it is when its language can be changed at its foot."""
    with language.speaking("en"):
        language.offer(language.Switch("/stay", "/here"))
        return render()


def _choose(worn: Dress = HUB, **more: object) -> str:
    values: dict[str, object] = {
        "look": worn.look,
        "form": FLOW,
        "identity_email": ADA,
        "not_you": "/switch-identity?flow=x",
        "options": OPTIONS,
        "order_url": "/t/acme/",
    }
    return screens.choose(**{**values, **more})


STATE_URL = "/inbox/state?flow=fl0w"
MAIL_CODE = "K7M4QXR2"


def _identify(worn: Dress = HUB, **more: object) -> str:
    return screens.identify(**{"look": worn.look, "form": FLOW, "product": worn.look.product, **more})


def _login(worn: Dress = ORDERS, **more: object) -> str:
    values: dict[str, object] = {"account": ADA, "forgot": "/forgotten", "not_you": "/begin"}
    return screens.login(**{"look": worn.look, "form": PROVE, **values, **more})


def _confirm_address(worn: Dress = HUB, **more: object) -> str:
    return screens.confirm_address(**{"look": worn.look, "form": FLOW, "email": ADA, **more})


def _inbox(worn: Dress = HUB, **more: object) -> str:
    values: dict[str, object] = {"resend": FLOW, "email": ADA, "left": 3, "another": "/confirm", "state_url": STATE_URL}
    return screens.inbox(**{"look": worn.look, "form": FLOW, "start_again": "/.linkmw/login", **values, **more})


def _confirm_mail(worn: Dress = HUB, **more: object) -> str:
    values: dict[str, object] = {
        "product": worn.look.product,
        "account": "ada.l",
        "started": NOW,
        "where": "Firefox on Linux, 203.0.113.7",
        "zone": "Europe/Berlin",
    }
    return screens.confirm_mail(**{"look": worn.look, "form": POST, **values, **more})


JOINED = (
    JoinRow("7", "ada.l", "Orders", ORDERS.look.product_logo, checked=True, fixed=True),
    JoinRow("8", "ada.lovelace", "Helpdesk", HELPDESK_LOGO.look.product_logo, NOW - 86400),
    JoinRow("9", "ada", "Wiki", WIKI.look.product_logo, NOW - 18 * 86400, checked=False),
    JoinRow("", "a.king", "Wiki", WIKI.look.product_logo, checked=False, fixed=True),
)


def _join(worn: Dress = HUB, **more: object) -> str:
    values: dict[str, object] = {"rows": JOINED, "now": NOW, "email": ADA, "zone": "Europe/Berlin"}
    return screens.join_accounts(**{"look": worn.look, "form": FLOW, **values, **more})


def _link_old(worn: Dress = WIKI, **more: object) -> str:
    values: dict[str, object] = {"identity_email": ADA, "forgot": "/forgotten", "cancel": "/login"}
    return screens.link_old_account(**{"look": worn.look, "form": PROVE, **values, **more})


def _forgot(worn: Dress = WIKI, **more: object) -> str:
    return screens.forgot(**{"look": worn.look, "form": PROVE, "email": ADA, "back": "/back", **more})


def _error(problem: str, worn: Dress = HUB, **more: object) -> str:
    return screens.error(look=worn.look, problem=problem, reference=REF, **more)


def _native_page(placement: str, style: str, notice: str = "") -> str:
    if notice:
        cancel = "/.linkmw/cancel?record=1"
        button = screens.native_notice(look=ORDERS.look, identity_email=notice, cancel=cancel, placement=placement)
    else:
        button = screens.sign_in_button(look=ORDERS.look, url="/.linkmw/login?next=/orders", placement=placement)
    inside, outside = (button, "") if placement != "fixed" else ("", button)
    return f"""<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Log in – Orders</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="/{style}.css"><link rel="stylesheet" href="{ORDERS.look.button_stylesheet}"></head>
<body><main id="content"><h1>Log in to Orders</h1><form id="login" method="post" action="/stay">
<label for="u">Username</label><input id="u" name="u"><label for="p">Password</label><input id="p" type="password">
<button>Log in</button></form>{inside}</main>{outside}</body></html>"""


NATIVE = {
    # A page that would like to restyle every link it has.
    "native-light": """
body { font: 16px sans-serif; margin: 0; background: #f8f8f8; }
main { max-width: 20rem; margin: 4rem auto; padding: 1.5rem; background: #fff; border: 1px solid #ddd; }
input, form button { display: block; width: 100%; box-sizing: border-box; min-height: 2.75rem; margin: .25rem 0 1rem; }
form button { background: #2c6485; color: #fff; border: 0; }
#content a, a:hover { color: red; text-transform: uppercase; letter-spacing: 3px; background: #000; }
#content img { width: 100%; filter: invert(1); }
h1 { font-size: 1.2rem; }""",
    "native-dark": """
body { font: 18px serif; margin: 0; background: #2b1a2b; color: #f5e9f5; }
main { max-width: 20rem; margin: 8rem auto; padding: 1rem; }
input { display: block; width: 100%; box-sizing: border-box; min-height: 2.75rem; margin: .25rem 0 1rem; }
input { background: none; color: inherit; border: 0; border-bottom: 1px solid; }
form button { min-height: 2.75rem; padding: 0 1.5rem; border: 0; border-radius: 99px; background: #e8a9cf; }""",
}

TENANT = Tenant(
    organization_id="acme",
    brand="ACME ID",
    issuer="https://sso.acme.example/realms/acme",
    keycloak_client_id="hub",
    time_zone="Europe/Berlin",
    contact="help@acme.example",
    mail_from="ACME ID <id@acme.example>",
)
CLIENT = Client("orders", "acme", "Orders", "https://orders.acme.example", "https://orders.acme.example/cb")

_ORDERS_LOGIN = {"native_login": "/login"}

ENVELOPE = messages.Envelope(
    TENANT, CLIENT, "ACME ID <id@acme.example>", "ada@orders.example", logo_url=HUB.look.brand_logo.url
)
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"
HAPPENING = messages.Happening(NOW, FIREFOX, "203.0.113.7")
UNLINK_URL = "https://id.acme.example/unlink/Zk3vQm8xT1r0bW5uYc7JpLs2aHfEdG9iNoKqRtVyXwA"
CONFIRM_URL = "https://id.acme.example/confirm-email/Qm8xT1r0bW5uYc7JpLs2aHfEdG9iNoKqRtVyXwAZk3v"
MOVED = replace(ENVELOPE, client=replace(CLIENT, mode="replace"))
NEWLY = (
    messages.NewlyLinked("ada.l", "Orders", UNLINK_URL),
    messages.NewlyLinked("ada.lovelace", "Helpdesk", UNLINK_URL.replace("Zk3v", "Hd4w")),
)


def mails() -> dict[str, messages.Mail]:
    """Each mail, in the gallery's words."""
    return {
        "mail-linked": messages.linked(ENVELOPE, HAPPENING, account="ada.l", identity_email=ADA, unlink_url=UNLINK_URL),
        "mail-linked-for-identity": messages.linked_for_identity(ENVELOPE, HAPPENING, identity_email=ADA),
        "mail-linked-moved": messages.linked(
            MOVED, HAPPENING, account="ada.l", identity_email=ADA, unlink_url=UNLINK_URL
        ),
        "mail-several-linked": messages.several_linked(MOVED, HAPPENING, accounts=NEWLY, identity_email=ADA),
        "mail-verify-address": messages.verify_address(MOVED, HAPPENING, account="ada.l", url=CONFIRM_URL, seconds=600),
        "mail-unlinked": messages.unlinked(ENVELOPE, HAPPENING, account=LONG_NAME),
        "mail-unlinked-moved": messages.unlinked(MOVED, HAPPENING, account="ada.l"),
    }


SUPPORT = support.Head("grace@acme.example", POST, "/t/acme/support", "/t/acme/support/rollout")
EVENTS = [
    support.EventRow(
        "link_refused", False, "account_taken", NOW - 900, "Orders", "ada.l", "2b44ec84ca92", "203.0.113.7"
    ),
    support.EventRow("signed_in", True, "", NOW - 86400, "Orders", "ada.l", "91d2aa07c3fe", "203.0.113.7"),
    support.EventRow("linked", True, "", NOW - 90 * 86400, "Orders", "ada.l", "0c55a8b1d2e4", "2001:db8:85a3:8d3::1"),
]
LINKS = [
    support.LinkRow("Orders", "ada.l", "17", NOW - 90 * 86400, NOW - 86400, "/t/acme/support/person/ada/remove/7"),
    support.LinkRow("Orders", "ada.admin", "23", NOW - 80 * 86400, None, "/t/acme/support/person/ada/remove/9"),
]
MAIL_ROWS = [
    support.MailRow("unlinked", "waiting", NOW - 600, 3, "SMTPConnectError 421", POST),
    support.MailRow("linked", "given_up", NOW - 6 * 86400, 11, "SMTPRecipientsRefused 550", POST),
    support.MailRow("linked_for_identity", "sent", NOW - 90 * 86400, 1),
]
STEPS = {"proof_asked": 412, "proved": 371, "address_mailed": 24, "linked": 352}


def _find(worn: Dress = HUB, **more: object) -> str:
    return support.search(**{"look": worn.look, "head": SUPPORT, "form": POST, "now": NOW, **more})


def _support_person(worn: Dress = HUB, **more: object) -> str:
    values = {
        "look": worn.look,
        "head": SUPPORT,
        "now": NOW,
        "zone": "Europe/Berlin",
        "who": support.Who(ADA, "5f0c2b1e-7a34-4f7b-9f5e-2f6f0a4f6f10", "enabled", verified=True),
        "links": LINKS,
        "sessions": [support.SessionRow("Firefox on Linux", "203.0.113.7", NOW - 600)],
        "end": POST,
        "mails": MAIL_ROWS,
        "events": EVENTS,
    }
    return support.person(**{**values, **more})


def _rollout(worn: Dress = HUB, **more: object) -> str:
    values = {
        "look": worn.look,
        "head": SUPPORT,
        "days": 30,
        "spans": [(30, "?days=30"), (90, "?days=90"), (365, "?days=365")],
        "linked": {20400 + day: 120 + day * day // 3 - (day % 7) * 4 for day in range(30)},
        "steps": STEPS,
        "failures": [
            ("link_refused", "account_taken", 17),
            ("sign_in_failed", "expired", 9),
            ("email_conflict", "", 2),
        ],
    }
    return rollout.rollout(**{**values, **more})


SCREENS: dict[str, Callable[[], str]] = {
    "link-account": _link_account,
    "link-account-wrong-pair": lambda: _link_account(username="ada.l", problem="wrong_pair"),
    "link-account-no-password": lambda: _link_account(username="ada.l", problem="no_password"),
    "link-account-no-username": lambda: _link_account(problem="no_username"),
    "link-account-too-many": lambda: _link_account(
        username="ada.l", problem="too_many", wait_seconds=291, reference=REF
    ),
    "link-account-wiki": lambda: _link_account(WIKI, username="ada"),
    "link-account-bare": lambda: _link_account(identity_email="", forgot_password="", cancel="", not_you=""),
    "link-account-long": lambda: _link_account(LONG, username=LONG_NAME, identity_email=f"{LONG_NAME}@acme.example"),
    "second-factor": _second_factor,
    "second-factor-used": lambda: _second_factor(problem="used"),
    "second-factor-wrong": lambda: _second_factor(problem="wrong"),
    "second-factor-no-code": lambda: _second_factor(problem="no_code"),
    "second-factor-too-many": lambda: _second_factor(problem="too_many", wait_seconds=30, reference=REF),
    "second-factor-long": lambda: _second_factor(LONG),
    "unknown-second-factor": lambda: screens.unknown_second_factor(
        look=ORDERS.look, account="ada.l", native_login="/login", reference=REF, help_url="/2fa"
    ),
    "unknown-second-factor-sign-in": lambda: screens.unknown_second_factor(
        look=ORDERS.look, account="ada.l", native_login="/login", reference=REF, purpose="sign_in"
    ),
    "unknown-second-factor-closed": lambda: screens.unknown_second_factor(
        look=ORDERS.look, account="ada.l", native_login="", start_again="/.linkmw/login", reference=REF
    ),
    "unknown-second-factor-closed-sign-in": lambda: screens.unknown_second_factor(
        look=ORDERS.look,
        account="ada.l",
        native_login="",
        start_again="/.linkmw/login",
        reference=REF,
        purpose="sign_in",
    ),
    "going-on": lambda: screens.going_on(look=ORDERS.look, url="/stay", to="brand"),
    "going-on-hub": lambda: screens.going_on(look=HUB.look, url="/stay", to="product"),
    "sign-in": lambda: screens.sign_in(look=ORDERS.look, url="/.linkmw/login", native_login="/login"),
    "confirm-start": lambda: screens.confirm_start(look=ORDERS.look, url="/.linkmw/login?next=%2Forders"),
    "still-signed-in": lambda: screens.still_signed_in(
        look=ORDERS.look, form=PROVE, account="ada.l", purpose="add", cancel="/"
    ),
    "still-signed-in-long": lambda: screens.still_signed_in(
        look=LONG.look, form=PROVE, account=LONG_NAME, cancel="/login"
    ),
    "switch-account": lambda: screens.switch_account(
        look=ORDERS.look, form=PROVE, signed_in_as="ada.admin", sign_in_for="ada.l"
    ),
    "switch-account-long": lambda: screens.switch_account(
        look=LONG.look, form=PROVE, signed_in_as=LONG_NAME, sign_in_for=LONG_NAME[::-1]
    ),
    "native-proof": lambda: screens.native_proof(
        look=ORDERS.look, form=PROVE, identity_email=ADA, not_you="/switch", cancel="/.linkmw/cancel?record=r3c0rd"
    ),
    "native-proof-long": lambda: screens.native_proof(
        look=LONG.look, form=PROVE, identity_email=LONG_NAME, not_you="/switch", cancel="/login"
    ),
    "agree": lambda: screens.agree(look=HUB.look, form=FLOW, account="ada.l", identity_email=ADA),
    "agree-nameless": lambda: screens.agree(look=HUB.look, form=FLOW, account="ada.l", identity_email=""),
    "agree-long": lambda: screens.agree(look=LONG.look, form=FLOW, account=LONG_NAME, identity_email=LONG_NAME),
    "error-no-proof": lambda: _error("no_proof", ORDERS, start_again="/.linkmw/login", **_ORDERS_LOGIN),
    "switch-identity": lambda: screens.switch_identity(look=HUB.look, form=FLOW, identity_email=ADA, cancel="/back"),
    "not-linked-yet": lambda: screens.not_linked_yet(look=ORDERS.look, try_again="/again", go_on="/", reference=REF),
    "not-linked-yet-expired": lambda: screens.not_linked_yet(
        look=ORDERS.look, try_again="/again", go_on="/", reference=REF, reason="expired"
    ),
    "error-expired": lambda: _error("expired", ORDERS, start_again="/.linkmw/login", **_ORDERS_LOGIN),
    "error-link-expired": lambda: _error("link_expired", start_again="/.linkmw/login", lifetime_seconds=600),
    "error-not-begun-here": lambda: _error("not_begun_here", start_again="/again", **_ORDERS_LOGIN),
    "error-no-cookie": lambda: _error("no_cookie", ORDERS, start_again="/again", **_ORDERS_LOGIN),
    "error-cancelled": lambda: _error("cancelled", ORDERS, start_again="/again", **_ORDERS_LOGIN),
    "error-unavailable": lambda: _error("unavailable", ORDERS, try_again="/again", **_ORDERS_LOGIN),
    "error-too-many": lambda: _error("too_many", ORDERS, wait_seconds=60, **_ORDERS_LOGIN),
    "error-not-known": lambda: _error("not_known"),
    "error-other-identity": lambda: _error("other_identity", start_again="/again"),
    "error-account-closed": lambda: _error("account_closed", ORDERS, account="ada.l", **_ORDERS_LOGIN),
    "error-out-of-date": lambda: _error("out_of_date", manager="/t/acme/"),
    "error-not-found": lambda: _error("not_found", manager="/t/acme/"),
    "error-bad-request": lambda: _error("bad_request", STRONG),
    "error-failed": lambda: _error("failed", NOVA, try_again="/again"),
    "error-long": lambda: _error("account_closed", LONG, account=LONG_NAME, **_ORDERS_LOGIN),
    "linked": lambda: screens.linked(
        look=HUB.look, form=FLOW, account="ada.l", identity_email=ADA, manager="/t/acme/", mailed=True
    ),
    "linked-no-mail": lambda: screens.linked(
        look=HUB.look, form=FLOW, account="ada.l", identity_email=ADA, manager="/t/acme/", mailed=False
    ),
    "linked-moved": lambda: screens.linked(
        look=HUB.look, form=FLOW, account="ada.l", identity_email=ADA, manager="/t/acme/", closed=True
    ),
    "linked-come-back": lambda: screens.linked(
        look=HUB.look, form=FLOW, account="ada.l", identity_email=ADA, manager="/t/acme/", sign_in="/login"
    ),
    "linked-long": lambda: screens.linked(
        look=LONG_HUB.look, form=FLOW, account=LONG_NAME, identity_email=f"{LONG_NAME}@acme.example", manager="/t/a/"
    ),
    "dashboard": _dashboard,
    "dashboard-linked": lambda: _dashboard(flash=Flash("linked", "Orders", "warehouse-7", ADA)),
    "dashboard-account-taken": lambda: _dashboard(flash=Flash("account_taken", "Orders", go_on=FLOW)),
    "dashboard-expired": lambda: _dashboard(flash=Flash("expired", "Orders", go_on=FLOW)),
    "dashboard-removed": lambda: _dashboard(flash=Flash("removed", "Orders", "ada.admin", "ada@orders.example")),
    "dashboard-order-changed": lambda: _dashboard(flash=Flash("order_changed", "Orders")),
    "dashboard-session-ended": lambda: _dashboard(flash=Flash("session_ended"), sessions=SESSIONS[:1]),
    "dashboard-session-ended-here": lambda: _dashboard(flash=Flash("session_ended_here"), sessions=SESSIONS[:1]),
    "dashboard-gone": lambda: _dashboard(flash=Flash("gone")),
    "dashboard-moved": lambda: _dashboard(moved=Moved(7, "up")),
    "dashboard-remove": lambda: _dashboard(dialog=DIALOG),
    "dashboard-remove-no-password": lambda: _dashboard(dialog=replace(DIALOG, has_password=False)),
    "dashboard-remove-long": lambda: _dashboard(
        LONG_HUB, products=LONG_PANELS, dialog=replace(DIALOG, account=LONG_NAME, product=LONG_PRODUCT)
    ),
    "dashboard-empty": lambda: _dashboard(products=(), activity=(), sessions=SESSIONS[:1]),
    "dashboard-one-link": lambda: _dashboard(products=PANELS[1:2]),
    "dashboard-many": lambda: _dashboard(products=(MANY, PANELS[2])),
    "dashboard-long": lambda: _dashboard(
        LONG_HUB,
        products=LONG_PANELS,
        identity_email=f"{LONG_NAME}@acme.example",
        flash=Flash("account_taken", LONG_PRODUCT, go_on=FLOW),
        activity=(replace(ACTIVITY[0], account=LONG_NAME, product=LONG_PRODUCT),),
        sessions=(replace(SESSIONS[1], products=(LONG_PRODUCT, "Orders"), ip="2001:db8:85a3:8d3:1319:8a2e:370:7348"),),
    ),
    "dashboard-strong-ground": lambda: _dashboard(NOVA),
    "dashboard-languages": lambda: _with_languages(lambda: _dashboard(NOVA)),
    "choose": _choose,
    "choose-languages": lambda: _with_languages(_choose),
    "choose-problem": lambda: _choose(problem=True),
    "choose-long": lambda: _choose(
        LONG_HUB,
        identity_email=f"{LONG_NAME}@acme.example",
        options=(Option("1", LONG_NAME), Option("2", LONG_NAME[::-1], last_used=True)),
    ),
    "add-account": lambda: screens.add_account(look=HUB.look, form=POST, cancel="/t/acme/"),
    "add-account-long": lambda: screens.add_account(look=LONG_HUB.look, form=POST, cancel="/t/acme/"),
    "sign-out-question": lambda: screens.sign_out_question(look=HUB.look, form=POST, cancel="/"),
    "sign-out-question-bare": lambda: screens.sign_out_question(look=BARE.look, form=POST),
    "unlink": lambda: screens.unlink(look=HUB.look, form=FLOW, account="ada.l", linked=NOW, zone="Europe/Berlin"),
    "unlink-no-password": lambda: screens.unlink(
        look=HUB.look, form=FLOW, account="ada.l", linked=NOW, zone="Europe/Berlin", has_password=False
    ),
    "unlink-moved": lambda: screens.unlink(
        look=HUB.look, form=FLOW, account="ada.l", linked=NOW, zone="Europe/Berlin", closed=True
    ),
    "unlink-long": lambda: screens.unlink(look=LONG_HUB.look, form=FLOW, account=LONG_NAME, linked=NOW),
    "unlinked": lambda: screens.unlinked(look=HUB.look, account="ada.l", sign_in="https://orders.acme.example/login"),
    "unlinked-moved": lambda: screens.unlinked(
        look=HUB.look, account="ada.l", sign_in="https://orders.acme.example/login", closed=True
    ),
    "unlink-gone-removed": lambda: screens.unlink_gone(
        look=HUB.look, reason="removed", reference=REF, removed=NOW, zone="Europe/Berlin", manager="/t/acme/"
    ),
    "unlink-gone-replaced": lambda: screens.unlink_gone(look=HUB.look, reason="replaced", reference=REF),
    "unlink-gone-unknown": lambda: screens.unlink_gone(
        look=HUB.look, reason="unknown", reference=REF, manager="/t/acme/"
    ),
    "signed-out": lambda: screens.signed_out(look=ORDERS.look, sign_in="/login", scope="everywhere"),
    "signed-out-product": lambda: screens.signed_out(look=ORDERS.look, sign_in="/login", scope="product"),
    "signed-out-manager": lambda: screens.signed_out(look=HUB.look, sign_in="/t/acme/", scope="manager"),
    "signed-out-every-browser": lambda: screens.signed_out(look=BARE.look, sign_in="/t/acme/", scope="everywhere"),
    "identify": _identify,
    "identify-unknown": lambda: _identify(problem="unknown", typed="ada@acme.exmaple", reference=REF),
    "identify-empty": lambda: _identify(problem="empty"),
    "identify-long": lambda: _identify(LONG_HUB, problem="unknown", typed=f"{LONG_NAME}@acme.example", reference=REF),
    "login": _login,
    "login-wrong": lambda: _login(problem="wrong_pair"),
    "login-no-password": lambda: _login(problem="no_password"),
    "login-too-many": lambda: _login(problem="too_many", wait_seconds=291, reference=REF),
    "login-long": lambda: _login(LONG, account=f"{LONG_NAME}@acme.example", problem="wrong_pair", forgot=""),
    "confirm-address": _confirm_address,
    "confirm-address-no-address": lambda: _confirm_address(email="ada@acme", problem="no_address"),
    "confirm-address-empty": lambda: _confirm_address(email="", problem="empty"),
    "confirm-address-too-many": lambda: _confirm_address(problem="too_many", wait_seconds=1800, reference=REF),
    "inbox": lambda: _inbox(left=2, wait_seconds=42),
    "inbox-ready": _inbox,
    "inbox-not-yet": lambda: _inbox(left=1, wait_seconds=60, problem="not_yet"),
    "inbox-no-more": lambda: _inbox(resend=None, left=0),
    "inbox-long": lambda: _inbox(LONG_HUB, email=f"{LONG_NAME}@acme.example", left=1, wait_seconds=3000),
    "inbox-code": lambda: _inbox(ask_code=True),
    "inbox-wrong-code": lambda: _inbox(ask_code=True, problem="wrong_code"),
    "confirm-mail": _confirm_mail,
    "confirm-mail-long": lambda: _confirm_mail(
        LONG_HUB, account=LONG_NAME, where="2001:db8:85a3:8d3:1319:8a2e:370:7348"
    ),
    "email-confirmed": lambda: screens.mail_confirmed(look=HUB.look, continue_url="/inbox?flow=fl0w"),
    "email-confirmed-elsewhere": lambda: screens.mail_confirmed(look=HUB.look, code=MAIL_CODE),
    "join-accounts": _join,
    "join-accounts-long": lambda: _join(
        LONG_HUB,
        email=f"{LONG_NAME}@acme.example",
        rows=[replace(row, username=LONG_NAME, product=LONG_PRODUCT) for row in JOINED],
    ),
    "have-identity": lambda: screens.have_identity(look=HUB.look, form=FLOW, email=ADA),
    "address-conflict": lambda: screens.address_conflict(look=HUB.look, reference=REF, email=ADA, another="/confirm"),
    "address-conflict-bare": lambda: screens.address_conflict(look=BARE.look, reference=REF, start_again="/again"),
    "link-old-account": _link_old,
    "link-old-account-wrong-pair": lambda: _link_old(typed="ada", problem="wrong_pair"),
    "link-old-account-no-username": lambda: _link_old(problem="no_username"),
    "link-old-account-too-many": lambda: _link_old(problem="too_many", wait_seconds=291, reference=REF),
    "link-old-account-long": lambda: _link_old(LONG, identity_email=f"{LONG_NAME}@acme.example"),
    "forgot": _forgot,
    "forgot-empty": lambda: _forgot(email="", problem="empty"),
    "forgot-too-many": lambda: _forgot(problem="too_many", wait_seconds=600),
    "reset-sent": lambda: screens.reset_sent(look=WIKI.look, back="/back"),
    "door-closed": lambda: screens.door_closed(look=ORDERS.look, url="/.linkmw/login"),
    "button-after-form": lambda: _native_page("after_form", "native-light"),
    "button-at-marker": lambda: _native_page("marker", "native-dark"),
    "button-fixed": lambda: _native_page("fixed", "native-dark"),
    "native-notice-after-form": lambda: _native_page("after_form", "native-light", notice=ADA),
    "native-notice-fixed": lambda: _native_page("fixed", "native-dark", notice=f"{LONG_NAME}@acme.example"),
}


SCREENS |= {
    "support": _find,
    "support-nobody": lambda: _find(name="ada@acme.exmaple", found=[]),
    "support-several": lambda: _find(
        name="ada",
        found=[
            support.Found(ADA, ("Orders: ada", "Wiki: ada"), "/t/acme/support/person/ada"),
            support.Found(f"{LONG_NAME}@acme.example", (f"{LONG_PRODUCT}: {LONG_NAME}",), "/t/acme/support/person/b"),
        ],
    ),
    "support-reference": lambda: _find(name=str(REF), found=[], events=EVENTS[:1]),
    "support-person": _support_person,
    "support-person-read": lambda: _support_person(
        end=None,
        links=[replace(row, remove="") for row in LINKS],
        mails=[replace(row, resend=None) for row in MAIL_ROWS],
    ),
    "support-person-staff": lambda: _support_person(told="staff"),
    "support-person-empty": lambda: _support_person(
        who=support.Who("", "0b7c9a52-53c1-4a6e-9d2f-8c1d2e3f4a5b", "away"),
        links=[],
        sessions=[],
        mails=[],
        events=[],
        told="ended",
    ),
    "support-person-remove": lambda: _support_person(
        question=support.Question("ada.admin", "Orders", POST, "/t/acme/support/person/ada")
    ),
    "support-person-long": lambda: _support_person(
        LONG_HUB,
        who=support.Who(f"{LONG_NAME}@acme.example", "f" * 200, "enabled"),
        links=[replace(LINKS[0], product=LONG_PRODUCT, username=LONG_NAME, account_id="9" * 120)],
        told="staff_unknown",
    ),
    "support-rollout": _rollout,
    "support-rollout-empty": lambda: _rollout(
        NOVA, linked=dict.fromkeys(range(20400, 20430), 0), steps=dict.fromkeys(STEPS, 0), failures=[]
    ),
}

MAILS = mails()


class _Pages(BaseHTTPRequestHandler):
    """Serves the screens with the headers that the product of the same page would get."""

    def do_GET(self) -> None:
        answer = _answer(self.path.partition("?")[0])
        self.send_response(answer.status)
        for name, value in answer.headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.body)

    def log_message(self, *_: object) -> None:
        pass


def _answer(path: str) -> http.Response:
    name = path.rpartition("/")[2]
    if name in SCREENS:
        html = SCREENS[name]()
        return http.page(html, scripts="<script" in html)
    if name == "state":
        return http.json_answer({"confirmed": False})
    if name in MAILS:  # a mail program shows it without our policy
        return http.Response(200, (("Content-Type", "text/html; charset=utf-8"),), MAILS[name].html.encode())
    if name in ASSETS:
        return ASSETS[name].response
    if name.endswith(".css") and name[:-4] in NATIVE:
        return http.Response(200, (("Content-Type", "text/css"),), NATIVE[name[:-4]].encode())
    return http.Response(204)  # a page that goes on by itself stays where it is


@contextmanager
def served() -> Iterator[str]:
    """The address at which the screens are served, while it lasts."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Pages)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
