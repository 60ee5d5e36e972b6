"""A first sign-in at the hub, step by step, as a person goes through it."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from tests.hub.world import Person, World, product, query_of

from linkmw.hub.ports import AccountAnswer, JoinAnswer
from linkmw.model import Client, Tenant

EMAIL = "ann@acme.example"


def moved(client_id: str, organization_id: str = "acme", **more: Any) -> Client:
    """A product that has moved over."""
    return product(client_id, organization_id, mode="replace", **more)


def has_account(world: World, client_id: str, account_id: str, username: str, email: str = EMAIL) -> None:
    answer = AccountAnswer(True, username=username, email=email, account_id=account_id)
    known = world.accounts.known.setdefault(client_id, [])
    if answer not in known:
        known.append(answer)


def may_join(world: World, client_id: str, account_id: str, username: str, *, allowed: bool = True) -> None:
    has_account(world, client_id, account_id, username)
    world.accounts.joining.setdefault(client_id, []).append(JoinAnswer(account_id, username, allowed, 1_799_000_000))


def set_tenant(world: World, **changes: Any) -> None:
    """Other settings of tenant acme, from now on."""
    of_one = world.ports.registry.tenant

    async def tenant(organization_id: str) -> Tenant | None:
        found = await of_one(organization_id)
        return replace(found, **changes) if found else None

    world.ports.registry.tenant = tenant  # type: ignore[method-assign]


def arrive(world: World, person: Person, client_id: str = "wiki") -> Any:
    """The page "Sign in"."""
    answer = person.get(world.authorize_url(client_id))
    assert answer.status_code == 303
    assert "/sign-in?flow=" in answer.headers["location"]
    return person.get(answer.headers["location"])


def says(person: Person, page: Any, name: str) -> Any:
    """What "Continue" answers to that name."""
    return person.submit(page, "/sign-in", email=name)


def proves(world: World, person: Person, answer: Any, client_id: str = "wiki", **account: Any) -> Any:
    """The password was right at the product: what /proved answers."""
    transaction = world.ask_proof(answer, client_id)
    said: dict[str, Any] = {"account_id": "7", "username": "ann", "email": EMAIL} | account
    pushed = world.push(transaction, client_id=client_id, **said)
    assert pushed.status_code == 200, pushed.text
    return person.get(f"/proved?code={pushed.json()['code']}")


def to_confirm(world: World, person: Person, client_id: str = "wiki", name: str = "ann", **account: Any) -> Any:
    """The page "Confirm your email address"."""
    has_account(world, client_id, account.get("account_id", "7"), name)
    answer = proves(world, person, says(person, arrive(world, person, client_id), name), client_id, **account)
    assert "/confirm?flow=" in answer.headers["location"], answer.headers
    return person.get(answer.headers["location"])


def to_inbox(world: World, person: Person, client_id: str = "wiki", email: str = EMAIL, **account: Any) -> Any:
    """The page "Check your inbox", the mail sent."""
    page = to_confirm(world, person, client_id, **account)
    return person.get(person.submit(page, "/confirm", email=email).headers["location"])


def links_in(world: World) -> list[str]:
    """The paths of the verification mails' links that are due."""
    found = [re.search(r"/confirm-email/\S+", mail.text) for mail in world.mails() if mail.kind == "verify_address"]
    return [one[0] for one in found if one]


def presses(person: Person, path: str) -> Any:
    """The mail's link is opened, and its button pressed."""
    person.get(path)
    return person.submit(person.get("/confirm-email"), "/confirm-email")


def goes_on(person: Person, inbox: Any, **more: str) -> Any:
    """ "Continue" in the window that waits."""
    return person.post("/inbox", form_of_inbox(inbox) | more)


def form_of_inbox(inbox: Any) -> dict[str, str]:
    flow = re.search(r'name="flow" value="([^"]+)"', inbox.text)
    csrf = re.search(r'name="csrf" value="([^"]+)"', inbox.text)
    assert flow
    assert csrf
    return {"flow": flow[1], "csrf": csrf[1]}


def flow_of(answer: Any) -> str:
    return query_of(answer.headers["location"])["flow"]


def through(world: World, person: Person, client_id: str = "wiki", **account: Any) -> Any:
    """All of it in one browser: the answer that follows "Continue"."""
    inbox = to_inbox(world, person, client_id, **account)
    presses(person, links_in(world)[-1])
    return goes_on(person, inbox)
