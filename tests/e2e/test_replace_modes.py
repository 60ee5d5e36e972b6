"""Mode `replace` in a browser and on the wire: which doors it closes, where, for whom, and when they open (P-3 to P-7).

Each product is one process that serves several hosts: its own, where everything is closed, and those of `hosts` below.
"""

from __future__ import annotations

import json
import re
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest
from playwright.sync_api import expect
from tests.e2e.houses import one_of
from tests.e2e.moving import Globex
from tests.e2e.person import Person
from tests.houses import wire
from tests.secrets_in_logs import used

from linkmw.demo.catalogue import GLOBEX
from linkmw.demo.parts.realm import Person as Identity
from linkmw.demo.parts.realm import user
from linkmw.demo.product import ProductServer
from linkmw.demo.products.people import Person as Account
from linkmw.gate.browser import Browser, in_share
from linkmw.hub.registration import new_client

HOUSES = ["shop", "notes"]
EACH = one_of("notes", "shop")  # what does not depend on whose session it is
NATIVE_SECONDS = 8  # how long sessions from before and from while away last here
SESSION = {"shop": "orders_session", "notes": "wiki_session"}


@dataclass
class Host:
    """One of the hosts of a product's process."""

    house: str
    name: str
    port: int
    login_path: str

    @property
    def url(self) -> str:
        return f"http://{self.name}:{self.port}"

    @property
    def login_url(self) -> str:
        return self.url + self.login_path


class Doors:
    """Globex, whose products serve more hosts than one."""

    def __init__(self, world) -> None:
        self.world = world
        self.globex = Globex(world)
        self.products = self.globex.products
        for product in self.products.values():
            product.stop()
            product.settings.update(
                LINKMW_HOSTS=json.dumps(self._hosts(product)),
                LINKMW_NATIVE_SESSION_SECONDS=str(NATIVE_SECONDS),
                DEMO_SMTP=f"127.0.0.1:{world.stage.smtp.port}",
            )
            product.start()
            world.until(product.offers_sign_in, 30)
        self._accounts = {house: self._new_accounts(product) for house, product in self.products.items()}

    def account(self, house: str, which: int = 0) -> Account:
        """One of three in the product, without an identity at first."""
        return self._accounts[house][which]

    def _new_accounts(self, product: ProductServer) -> list[Account]:
        """All at once, for each call starts a process."""
        names = [f"user-{secrets.token_hex(4)}" for _ in range(3)]
        made = [Account(name, secrets.token_urlsafe(12), f"{name}@globex.example", "Kim Example") for name in names]
        product.add_accounts(made)
        used("a password", *(account.password for account in made))
        return made

    def _hosts(self, product: ProductServer) -> dict[str, dict[str, object]]:
        """plain: off. acme: another tenant's, in `beside`. The others try the doors of Globex with other settings."""
        at = self.at(product.key, "acme")
        client = new_client("acme", f"ACME {product.name}", at.url, internal_url=f"http://localhost:{at.port}")
        acme = self.world.register(f"acme-{product.key}", client)
        own = product.environment()
        same = {name: own[f"LINKMW_{name.upper()}"] for name in ("organization_id", "client_id", "client_secret")}
        routes = {product.plan.login_path: "replace", "/": "beside"}
        return {
            self.at(product.key, "plain").name: {**_registered(acme), "mode": "off"},
            f"{at.name}, localhost": {**_registered(acme), "mode": "beside"},
            self.at(product.key, "unlisted").name: {**same, "public_url": product.url, "login_paths": "/elsewhere"},
            self.at(product.key, "routes").name: {**same, "public_url": product.url, "login_modes": routes},
            self.at(product.key, "shut").name: {**same, "public_url": product.url, "when_away": "closed"},
        }

    def at(self, house: str, kind: str = "") -> Host:
        product = self.products[house]
        port = urlsplit(product.url).port
        assert port
        return Host(house, f"{kind}-{product.host}" if kind else product.host, port, product.plan.login_path)

    def new_identity(self) -> Identity:
        person = Identity(f"kim-{secrets.token_hex(4)}@globex.example", secrets.token_urlsafe(12), "Kim", "Example")
        with self.world._admin() as admin:
            admin.post(f"/admin/realms/{GLOBEX.key}/users", json=user(person)).raise_for_status()
        used("a password", person.password)
        return person

    @contextmanager
    def percent(self, house: str, percent: int) -> Iterator[None]:
        admin, client_id = self.world.hub._admin(), self.products[house].client_id
        admin.change_client(client_id, percent=percent)
        try:
            yield
        finally:
            admin.change_client(client_id, percent=100)
            self.world.until(lambda: self._leads_everybody(self.at(house)))

    @staticmethod
    def _leads_everybody(host: Host) -> bool:
        """Each of these is another browser: of a share, some would see the page itself."""
        return all(status(host, "GET", host.login_path) == 303 for _ in range(12))


def _registered(lines: Mapping[str, str]) -> dict[str, object]:
    names = ("public_url", "organization_id", "client_id", "client_secret")
    return {name: lines[f"LINKMW_{name.upper()}"] for name in names}


@pytest.fixture(scope="module")
def doors(world) -> Iterator[Doors]:
    opened = Doors(world)
    yield opened
    opened.globex.stop()


# ---- on the wire


def ask(host: Host, method: str, target: str, body: bytes = b"", **headers: str) -> wire.Answer:
    """The bytes of one request to that host, and the answer."""
    lines = [f"Host: {host.name}:{host.port}", "Connection: close", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in {"accept": "text/html", **headers}.items()]
    head = f"{method} {target} HTTP/1.1\r\n" + "\r\n".join(lines) + "\r\n\r\n"
    return wire.read(wire.exchange(host.port, head.encode("latin-1") + body), method)


def status(host: Host, method: str, target: str, **headers: str) -> int:
    return ask(host, method, target, **headers).status


def types_password(host: Host, account: Account, target: str = "", method: str = "POST", **headers: str) -> wire.Answer:
    """The product's own login form, filled in rightly, wherever it is sent to."""
    token = "t" * 32  # Django compares the field with the cookie, and asks no more
    fields = {"username": account.username, "password": account.password, "csrfmiddlewaretoken": token}
    sent = {"content_type": "application/x-www-form-urlencoded", "cookie": f"orders_csrf={token}", **headers}
    return ask(host, method, target or host.login_path, urlencode(fields).encode(), **sent)


def session_in(host: Host, answer: wire.Answer) -> str:
    """The product's session cookie that this answer sets; "" for none."""
    found = re.findall(rf"{SESSION[host.house]}=([^;,\s\"]+)[^,]*", answer.header("set-cookie"))
    return found[-1] if found and found[-1] != "null" else ""


def who(host: Host, session: str) -> str:
    """Whom the product says this session is; "" for nobody."""
    page = ask(host, "GET", "/", cookie=f"{SESSION[host.house]}={session}").body.decode()
    found = re.search(r"Signed in as <strong>([^<]+)", page)
    return found[1] if found else ""


SPELLINGS = {
    "shop": [
        ("ht01", "POST", "/%6cogin/", True),
        ("ht01", "POST", "/lo%67in/", True),
        ("ht01", "POST", "/%6C%6F%67%69%6E%2f", True),
        ("ht02", "POST", "//login/", False),
        ("ht03", "POST", "/login/%0a", False),
        ("ht04", "POST", "/login/#f", True),
        ("ht04", "POST", "http://evil.example/login/", True),
        ("ht05", "POST", "/LOGIN/", False),
        ("ht05", "POST", "/x/../login/", False),
        ("ht05", "POST", "/login/;x", False),
        ("ht06", "post", "/login/", False),
        ("pr15", "POST", "/login/?native=1", True),
    ],
    "notes": [
        ("ht01", "POST", "/%6cogin", True),
        ("ht01", "POST", "/lo%67in", True),
        ("ht02", "POST", "//login", False),
        ("ht03", "POST", "/login%0a", True),
        ("ht04", "POST", "http://evil.example/login", False),
        ("ht05", "POST", "/LOGIN", False),
        ("ht05", "POST", "/login/", False),
        ("ht05", "POST", "/x/../login", False),
        ("ht06", "post", "/login", False),
        ("pr15", "POST", "/login?native=1", True),
    ],
}


@pytest.mark.parametrize("house", HOUSES)
def test_p03_p04_ht01_ht02_ht03_ht04_ht05_ht06_pr15_every_spelling_is_open_at_one_host_and_closed_at_the_other(
    doors, house
) -> None:
    """One process, two tenants: what signs somebody in where linkmw is off signs nobody in where it is on."""
    account, plain, own = doors.account(house), doors.at(house, "plain"), doors.at(house)
    for promise, method, target, reaches in SPELLINGS[house]:
        opened = session_in(plain, types_password(plain, account, target, method))
        assert bool(opened and who(plain, opened)) is reaches, (promise, target, "the attack itself")
        answer = types_password(own, account, target, method)
        assert session_in(own, answer) == "", (promise, target)
        if reaches:
            assert (answer.status, b"was not used" in answer.body) == (403, True), (promise, target)


@pytest.mark.parametrize("house", EACH)
def test_p06_scripts_get_401_and_a_link_and_no_other_origin(doors, new_browser, house) -> None:
    own = doors.at(house)
    person = Person.sits_down(new_browser())
    person.opens(own.url)
    asks = """async ([url, method, type]) => {
        const answer = await fetch(url, {method, headers: {"Content-Type": type, "Accept": "application/json"}});
        return [answer.status, answer.redirected, answer.headers.get("Link"), await answer.json()];
    }"""
    for method, kind in (("POST", "application/json"), ("PUT", "application/json"), ("POST", "text/plain")):
        found = person.page.evaluate(asks, [own.login_path, method, kind])
        wanted = {"error": "sign_in_required", "sign_in": "/.linkmw/login"}
        assert found == [401, False, '</.linkmw/login>; rel="login"', wanted]


# ---- sessions


@pytest.mark.parametrize("house", HOUSES)
def test_p03_pr03_only_a_session_that_linkmw_opened_counts(doors, new_browser, house) -> None:
    account = doors.account(house)
    own, plain, unlisted, routes = (doors.at(house, kind) for kind in ("", "plain", "unlisted", "routes"))
    # A login that nobody listed shows its form, takes the password, and leaves nobody signed in.
    person = Person.sits_down(new_browser())
    person.signs_in_natively(unlisted.login_url, account.username, account.password)
    person.is_nobody_at(unlisted.url)
    # A session from before has its time, counted from the switch-on, and none after it.
    old = session_in(plain, types_password(plain, account))
    assert who(plain, old) == account.username
    doors.world.until(lambda: who(own, old) == "", NATIVE_SECONDS + 5)
    assert old in (session_in(plain, types_password(plain, account)), old)
    # Where another login route is not closed, a session may have come by that one (P-4).
    fresh = session_in(plain, types_password(plain, account))
    assert who(routes, fresh) == account.username
    assert who(own, fresh) == ""


@pytest.mark.parametrize("house", ["shop"])
def test_pr26_p03_a_new_password_by_the_products_own_mail_signs_nobody_in(doors, new_browser, house) -> None:
    account, own = doors.account(house, 2), doors.at(house)
    person, new = Person.sits_down(new_browser()), secrets.token_urlsafe(12)
    used("a password", new)
    person.opens(f"{own.url}/password-reset/")
    person.page.locator("input[name=email]").fill(account.email)
    person.page.locator("input[name=email]").press("Enter")
    mail = doors.globex.inbox.wait_for(to=account.email, subject="assword")
    found = re.search(r"http\S+/password-reset/\S+", mail["text"])
    assert found
    used("a mail's token", found[0].rstrip("/").rpartition("/")[2])
    person.opens(found[0])
    for name in ("new_password1", "new_password2"):
        person.page.locator(f"input[name={name}]").fill(new)
    person.page.locator("input[name=new_password2]").press("Enter")
    expect(person.page).to_have_url(re.compile("/password-reset/done/"))
    person.is_nobody_at(own.url)
    assert types_password(own, Account(account.username, new, account.email, "Kim")).status == 403
    plain = doors.at(house, "plain")
    assert session_in(plain, types_password(plain, Account(account.username, new, account.email, "Kim")))


@pytest.mark.parametrize("house", EACH)
def test_p03_break_glass_lets_one_account_in_until_it_is_revoked(doors, new_browser, house) -> None:
    product, own = doors.products[house], doors.at(house)
    account, other = doors.account(house), doors.account(house, 1)
    file = Path(product.database).with_name("linkmw-break-glass.json")

    def break_glass(*arguments: str) -> None:
        command = [str(Path(sys.executable).with_name("linkmw")), "break-glass", *arguments, "--file", str(file)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

    break_glass(account.username)
    try:
        doors.world.until(lambda: status(own, "GET", own.login_path) == 200, 3)
        person, stranger = Person.sits_down(new_browser()), Person.sits_down(new_browser())
        person.signs_in_natively(own.login_url, account.username, account.password)
        person.is_signed_in_as(account.username, own.url)
        stranger.signs_in_natively(own.login_url, other.username, other.password)
        stranger.is_nobody_at(own.url)
    finally:
        break_glass("--revoke")
    doors.world.until(lambda: status(own, "GET", own.login_path) == 303, 3)
    person.is_nobody_at(own.url)


# ---- which hosts, routes and browsers


@pytest.mark.parametrize("house", HOUSES)
def test_p04_one_process_serves_two_tenants_each_with_its_own(doors, new_browser, house) -> None:
    own, plain, acme = (doors.at(house, kind) for kind in ("", "plain", "acme"))
    assert ask(own, "GET", own.login_path).header("location") == "/.linkmw/login"
    without = ask(plain, "GET", plain.login_path)
    assert (without.status, b"linkmw" in without.body) == (200, False)
    assert status(plain, "GET", "/.linkmw/login") == 404
    # Whatever else calls itself a host of this process is served as the product's own address is.
    assert status(Host(house, "evil.localhost", own.port, own.login_path), "GET", own.login_path) == 303

    identity, account = doors.world.new_identity(), doors.account(house)
    person = Person.sits_down(new_browser())
    person.opens(acme.login_url)
    person.presses_sign_in()
    person.signs_in_at_keycloak(identity.email, identity.password)
    expect(person.page).to_have_url(re.compile(rf"^{re.escape(acme.url)}/\.linkmw/prove"))
    person.proves(account.username, account.password)
    person.sees_linked()
    person.continues()
    expect(person.page).to_have_url(re.compile(rf"^{re.escape(acme.url)}/(?!\.linkmw/)"))
    person.is_signed_in_as(account.username, acme.url)
    (session,) = [one["value"] for one in person.context.cookies(acme.url) if one["name"] == SESSION[house]]
    used("a cookie", session)
    assert who(own, session) == "", "what one tenant's link opened is none at another's host"


@pytest.mark.parametrize("house", EACH)
def test_p04_each_login_route_has_its_own_mode(doors, new_browser, house) -> None:
    routes = doors.at(house, "routes")
    person = Person.sits_down(new_browser())
    person.opens(routes.url)
    assert person.sees_button(doors.globex.brand)
    expect(person.page.get_by_role("link", name="Sign in", exact=True)).to_be_visible()
    assert ask(routes, "GET", routes.login_path).header("location") == "/.linkmw/login"
    assert types_password(routes, doors.account(house)).status == 403
    assert types_password(routes, doors.account(house), "/").status in (200, 405)  # the product's own answer


@pytest.mark.parametrize("house", EACH)
def test_p04_pr15_a_quarter_of_the_browsers_is_always_the_same_quarter(doors, new_browser, house) -> None:
    own, account = doors.at(house), doors.account(house)
    with doors.percent(house, 25):
        doors.world.until(lambda: status(own, "GET", own.login_path) == 200)
        led = {}
        for _ in range(40):
            found = re.search(r"(__Host-linkmw-\w+)=([\w-]+)", ask(own, "GET", own.login_path).header("set-cookie"))
            assert found
            used("a cookie", found[2])
            again = {status(own, "GET", own.login_path, cookie=found[0]) for _ in range(2)}
            assert len(again) == 1
            led[found[2]] = again == {303}
        assert led == {value: in_share(Browser(sha256(value.encode()).hexdigest()), 25) for value in led}
        assert set(led.values()) == {True, False}
        # Nothing is closed meanwhile, not even for who is led past it.
        inside = next(value for value, is_led in led.items() if is_led)
        name = f"{found[1]}={inside}"
        session = session_in(own, types_password(own, account, cookie=f"orders_csrf={'t' * 32}; {name}"))
        assert who(own, session) == account.username
        # In a real browser: whatever it is, it stays.
        person = Person.sits_down(new_browser())
        person.opens(own.login_url)
        seen = {person.page.goto(own.login_url).url.startswith(own.url) for _ in range(3)}  # type: ignore[union-attr]
        assert len(seen) == 1


# ---- away


@pytest.mark.parametrize("house", EACH)
def test_p05_pr02_pr03_the_hub_alone_opens_the_doors_and_closes_them_again(doors, new_browser, house) -> None:
    own, shut, account = doors.at(house), doors.at(house, "shut"), doors.account(house)
    person = Person.sits_down(new_browser())
    # What goes wrong for a visitor opens nothing (PR02).
    for target in ("/.linkmw/callback?state=x", "/.linkmw/callback?error=x", "/.linkmw/prove?record=x"):
        assert ask(own, "GET", target).status in (200, 400)
        assert types_password(own, account).status == 403
    person.opens(f"{own.url}/.linkmw/prove?record=x")
    expect(person.page.get_by_role("link", name="Start again")).to_be_visible()
    expect(person.page.get_by_role("link", name=re.compile("Sign in with your"))).to_have_count(0)
    expect(person.page.get_by_role("link", name=re.compile("help@globex"))).to_be_visible()
    status(shut, "GET", shut.login_path)
    with doors.world.hub_away():
        began = time.monotonic()
        doors.world.until(lambda: status(own, "GET", own.login_path) == 200, 5)
        assert time.monotonic() - began < 3  # a second, and what this machine takes for it
        person.signs_in_natively(own.login_url, account.username, account.password)
        person.is_signed_in_as(account.username, own.url)
        signed_in = time.monotonic()
        other = Person.sits_down(new_browser())
        other.opens(shut.login_url)
        expect(other.page.get_by_role("heading", name="Sign-in is not available right now")).to_be_visible()
        expect(other.page.get_by_role("link", name=re.compile("help@globex"))).to_be_visible()
        assert types_password(shut, account).status == 503
    doors.world.until(lambda: status(own, "GET", own.login_path) == 303, 5)
    doors.world.until(lambda: status(shut, "GET", shut.login_path) == 303, 5)
    assert types_password(own, account).status == 403
    (session,) = [one["value"] for one in person.context.cookies(own.url) if one["name"] == SESSION[house]]
    doors.world.until(lambda: who(own, session) == "", NATIVE_SECONDS + 5)
    assert time.monotonic() - signed_in > NATIVE_SECONDS - 2


# ---- signing out


@pytest.mark.parametrize("house", EACH)
def test_p07_pr20_who_signs_out_is_told_so_and_two_rounds_without_a_session_stop(doors, new_browser, house) -> None:
    own, identity, account = doors.at(house), doors.new_identity(), doors.account(house)
    person = Person.sits_down(new_browser())
    person.opens(own.login_url)
    expect(person.page.get_by_role("heading", name="Sign in", exact=True)).to_be_visible()
    person.page.get_by_role("textbox", name="Email").fill(identity.email)
    person.page.get_by_role("button", name="Continue", exact=True).click()
    person.signs_in_at_keycloak(identity.email, identity.password)
    expect(person.page.get_by_role("heading", name="Link your account")).to_be_visible()
    person.page.get_by_role("textbox", name="Email").fill(account.email)
    person.page.get_by_role("textbox", name="Password").fill(account.password)
    person.page.get_by_role("button", name="CONTINUE").click()
    expect(person.page).to_have_url(re.compile(rf"^{re.escape(own.url)}/(?!\.linkmw/)"))

    person.opens(own.url)
    person.page.get_by_role("button", name="Sign out").click()
    expect(person.page.get_by_role("heading", name="You are signed out")).to_be_visible()
    person.page.get_by_role("link", name=f"Sign in with {doors.globex.brand}").click()
    if urlsplit(person.page.url).hostname == "hub.localhost":
        person.page.get_by_role("textbox", name="Email").fill(identity.email)
        person.page.get_by_role("button", name="Continue", exact=True).click()
    person.signs_in_at_keycloak(identity.email, identity.password)
    expect(person.page).to_have_url(re.compile(rf"^{re.escape(own.url)}/(?!\.linkmw/)"))
    person.is_signed_in_as(account.username, own.url)
    # A product that keeps no session would lead round and round.
    for _ in range(2):
        person.context.clear_cookies(name=SESSION[house])
        person.opens(own.login_url)
    expect(person.page.get_by_role("heading", name=re.compile("stay signed in"))).to_be_visible()
    expect(person.page.get_by_role("link", name=re.compile("help@globex"))).to_be_visible()
    expect(person.page.get_by_role("link", name=re.compile("Sign in with your"))).to_have_count(0)
