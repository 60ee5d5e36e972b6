"""An operator enables and disables linkmw under a running product of two workers, and people come through it.

DIS-1, 2, 5 to 11, CF03, CF04, PR25: real servers, hub, Keycloak, mails and browsers; everything by the commands.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import expect
from tests.e2e.person import Person
from tests.e2e.world import World

from linkmw.demo.parts.answering import page, status
from linkmw.demo.product import ProductServer
from linkmw.demo.products.people import Person as Account
from linkmw.gate.in_force import LOOK_SECONDS

FOLLOWS_SECONDS = 5.0  # DIS-2
FIRST_SECONDS = 60.0  # the first page with a button loads what no process need hold before
AT_ONCE = 6  # requests, so that both workers of a server get some


@dataclass
class Operator:
    """Types commands on a product's machine. command: what stands in front of their arguments."""

    product: ProductServer
    command: tuple[str, ...]
    behind: tuple[str, ...] = ()

    def types(self, *arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
        own = {
            name: value for name, value in os.environ.items() if not name.startswith(("LINKMW_", "DJANGO_", "DEMO_"))
        }
        environment = {**own, **self.product.environment(), "DEMO_DATABASE": str(self.product.database)}
        return subprocess.run(
            [*self.command, *arguments, *self.behind],
            env={**environment, "DJANGO_SETTINGS_MODULE": "linkmw.demo.products.orders.settings"},
            cwd=self.product.folder,
            input=given,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    def enables(self) -> None:
        product = self.product
        values = ("--organization-id", "acme", "--client-id", product.client_id, "--client-secret-file", "-")
        done = self.types("enable", *values, given=f"{product.secret!s}\n")
        assert (done.returncode, done.stdout.splitlines()[0]) == (0, "Federated sign-in is enabled."), done.stderr


MANAGE = (sys.executable, "-m", "django", "linkmw")
LINKMW = (sys.executable, "-c", "from linkmw.cli import main; main()")
WIKI = ("--app", "linkmw.demo.products.wiki:asgi_application")


@contextmanager
def run_by_file(world: World, house: str, folder: Path, command: tuple[str, ...], *behind: str) -> Iterator[Operator]:
    """The product under two workers, with its three values in no place but the file; not enabled yet."""
    file = folder / "linkmw.toml"
    values = {f"LINKMW_{name}": "" for name in ("ORGANIZATION_ID", "CLIENT_ID", "CLIENT_SECRET")}
    patient = {"LINKMW_PROBE_TIMEOUT": "5", "LINKMW_REDIS_TIMEOUT": "5"}
    with world.settings(house, **values, **patient, LINKMW_CONFIG=str(file), DEMO_WORKERS="2") as product:
        yield Operator(product, command, behind)


def login_pages(product: ProductServer) -> list[str]:
    """The login page as many browsers at once get it."""
    host = product.url.removeprefix("http://")
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(lambda _: page(product.internal_url + product.plan.login_path, host), range(AT_ONCE)))


def follows(world: World, product: ProductServer, *, on: bool, seconds: float = FOLLOWS_SECONDS) -> None:
    """Every worker is as the switch is: all answers say so, for longer than a worker goes without a look."""
    streak = [0.0]

    def looked() -> bool:
        as_it_should = {"/.linkmw/login" in text for text in login_pages(product)} == {on}
        streak[0] = (streak[0] or time.monotonic()) if as_it_should else 0.0
        return as_it_should and time.monotonic() - streak[0] > LOOK_SECONDS

    world.until(looked, seconds + LOOK_SECONDS)


def answers_to_nobody(product: ProductServer) -> int:
    return status(f"{product.internal_url}/.linkmw/login", product.url.removeprefix("http://"))


def under_way(person: Person, product: ProductServer) -> None:
    """Sent to the product's own login, and nobody there."""
    expect(person.page).to_have_url(re.compile(re.escape(product.login_url)))
    expect(person.page.locator("input[name=password]")).to_be_visible()
    assert not person.sees_button()
    person.is_nobody_at(product.url)


def make_unusable(operator: Operator, account: Account) -> None:
    code = (
        "import django; django.setup(); from django.contrib.auth.models import User;"
        f"user = User.objects.get(username={account.username!r}); user.set_unusable_password(); user.save()"
    )
    done = Operator(operator.product, (sys.executable, "-c", code)).types()
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("house", "command", "behind"),
    [
        pytest.param("orders-wsgi", MANAGE, (), id="django under gunicorn -w 2"),
        pytest.param("wiki", LINKMW, WIKI, id="starlette under uvicorn --workers 2", marks=pytest.mark.matrix),
    ],
)
def test_dis01_dis02_dis05_dis06_dis08_dis09_dis10_dis11_pr25_cf03_off_and_on_under_a_running_product(
    world, new_browser, tmp_path, house, command, behind
) -> None:
    identity, account, other = world.new_identity(), world.new_account(house), world.new_account(house)
    person, returning, proving = (Person.sits_down(new_browser()) for _ in range(3))
    with run_by_file(world, house, tmp_path, command, *behind) as operator:
        product = operator.product
        assert {"/.linkmw/login" in text for text in login_pages(product)} == {False}
        operator.enables()
        follows(world, product, on=True, seconds=FIRST_SECONDS)
        person.links(product, identity, account)
        person.is_signed_in_as(account.username, product.url)

        returning.opens(product.login_url)
        returning.presses_sign_in()  # now at Keycloak's page
        proving.opens(product.login_url)
        proving.presses_sign_in()
        proving.signs_in_at_keycloak(*_typed(world))
        expect(proving.page.get_by_role("heading", name="Link your account")).to_be_visible()

        done = operator.types("disable")
        assert (done.returncode, done.stdout.splitlines()[0]) == (0, "Federated sign-in is disabled."), done.stderr
        follows(world, product, on=False)
        assert str(product.secret) not in (tmp_path / "linkmw.toml").read_text()
        assert answers_to_nobody(product) == 404

        returning.signs_in_at_keycloak(identity.email, identity.password)
        under_way(returning, product)
        proving.proves(other.username, other.password)
        under_way(proving, product)

        person.is_signed_in_as(account.username, product.url)  # sessions go on unless they were to end
        person.signs_out_of_product(product.url)
        person.opens(product.login_url)
        assert not person.sees_button()
        person.signs_in_natively(product.login_url, account.username, "")
        person.is_nobody_at(product.url)
        person.signs_in_natively(product.login_url, account.username, account.password)
        person.is_signed_in_as(account.username, product.url)

        again = operator.types("disable")
        assert again.stdout.splitlines()[0] == "Federated sign-in is already disabled."
        operator.enables()
        follows(world, product, on=True)
        returning.opens(product.login_url)
        returning.presses_sign_in()
        signed_in = returning.page.get_by_text(f"Signed in as {account.username}")
        expect(signed_in).to_be_visible()  # the link was never touched, and Keycloak asks for nothing

        ended = operator.types("disable", "--end-sessions")
        assert ended.returncode == 0, ended.stderr
        follows(world, product, on=False)
        world.until(lambda: _is_nobody(returning, product), FOLLOWS_SECONDS)
        person.is_signed_in_as(account.username, product.url)  # a session of the product's own


def _typed(world: World) -> tuple[str, str]:
    stranger = world.new_identity("Lee")
    return stranger.email, stranger.password


def _is_nobody(person: Person, product: ProductServer) -> bool:
    person.opens(product.url)
    return person.page.get_by_text("Signed in as").count() == 0


def test_dis07_dis02_cf04_the_reset_flow_and_the_password_policy_are_the_products_own(
    world, new_browser, tmp_path
) -> None:
    forgetful, without = world.new_account("orders-wsgi"), world.new_account("orders-wsgi")
    person = Person.sits_down(new_browser())
    with run_by_file(world, "orders-wsgi", tmp_path, MANAGE) as operator:
        product = operator.product
        operator.enables()
        make_unusable(operator, without)
        follows(world, product, on=True, seconds=FIRST_SECONDS)
        product.redis.stop()  # disabling needs nobody
        try:
            done = operator.types("disable")
        finally:
            product.redis.start()
        assert done.returncode == 0, done.stderr
        assert re.search(r"Accounts without a password of their own: [1-9]", done.stdout)
        follows(world, product, on=False)

        person.opens(product.login_url)
        person.page.get_by_role("link", name="Forgotten your password?").click()
        person.page.get_by_label("Email").fill(forgetful.email)
        person.page.get_by_role("button", name="Send the link").click()
        _sets_password(world, person, product, forgetful, "a new password 1")

        sent = operator.types("send-reset", without.username)
        assert (sent.returncode, sent.stdout.splitlines()[-1]) == (0, "1 mail sent."), sent.stderr
        _sets_password(world, person, product, without, "another new one 2")


def _sets_password(world: World, person: Person, product: ProductServer, account: Account, password: str) -> None:
    """By the product's own mail and page; too short a password is refused there."""
    mail = world.inbox.wait_for(to=account.email, subject="")
    link = re.search(rf"{re.escape(product.url)}/password-reset/\S+", mail["text"])
    assert link, mail
    person.opens(link[0])
    for typed in ("short", password):
        person.page.get_by_label("New password").fill(typed)
        person.page.get_by_label("The same again").fill(typed)
        person.page.get_by_role("button", name="Set password").click()
        if typed == "short":
            expect(person.page.get_by_role("alert")).to_contain_text("too short")
    expect(person.page.get_by_role("heading", name="Your password is set")).to_be_visible()
    person.signs_in_natively(product.login_url, account.username, password)
    person.is_signed_in_as(account.username, product.url)
    person.signs_out_of_product(product.url)
