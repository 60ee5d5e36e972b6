"""Many at once through the hub's own routes: one wins, and everybody is told what is.

On SQLite with one Redis, and on PostgreSQL with a Cluster.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from functools import partial
from typing import Any

from tests.hub.first import form_of_inbox, goes_on, links_in, moved, presses, to_inbox
from tests.hub.test_hub_manager import order_form
from tests.hub.world import REALM, Person, World, query_of
from tests.races.conftest import PER_PAIR
from tests.races.racing import MANY, at_once, rounds

from linkmw.model import Client, Identity
from linkmw.oidc import jose
from linkmw.run import run_now
from linkmw.stores.sql.keys import LEAD_SECONDS
from linkmw.whence import same_network

HALF = MANY // 2
RS256 = frozenset(("RS256",))


def identity(name: str, who: str = "ada") -> Identity:
    return Identity(REALM, f"{who}{name}-sub")


def kinds(world: World) -> Counter[str]:
    return Counter(mail.kind for mail in world.mails())


def copies(world: World, person: Person, many: int = MANY) -> list[Person]:
    """So many tabs of that person's browser."""
    tabs = [world.person() for _ in range(many)]
    for tab in tabs:
        tab.http.cookies.update(person.http.cookies)
    return tabs


def proved(world: World, person: Person, who: Identity, account: str) -> str:
    """Where this person's browser goes, having proven that account to the product."""
    transaction = world.ask_proof(world.sign_in(person, who))
    return f"/proved?code={world.push(transaction, account).json()['code']}"


def link_ids(world: World, *accounts: str) -> list[int]:
    found = (asyncio.run(world.ports.links.of_account("orders", account)) for account in accounts)
    return [link.link_id for link in found if link]


def chooser(world: World, person: Person, who: Identity) -> Any:
    """The page that asks which account."""
    return person.get(world.sign_in(person, who).headers["location"])


def clients(world: World) -> dict[str, Client]:
    return {client.client_id: client for client in world.sql.admin.clients()}


def test_rc01_mim16_of_two_identities_that_prove_one_account_one_gets_it(world: World) -> None:
    """Both know the account's password, and have proven it twice. Whoever is first has it; the other is told, and not
    by whom."""
    for name in rounds("RC01", PER_PAIR):
        ada, eve = identity(name), identity(name, "eve")
        people = [(world.person(), who) for who in (ada, eve) for _ in range(2)]
        paths = [proved(world, person, who, name) for person, who in people]
        tabs = [(tab, who, path) for (p, who), path in zip(people, paths, strict=True) for tab in copies(world, p, 4)]
        answers = at_once([partial(tab.get, path) for tab, _, path in tabs])
        assert sorted([*world.links(ada), *world.links(eve)]) == [f"orders/{name}"]
        winner, loser = (ada, eve) if world.links(ada) else (eve, ada)
        for (_, who, _), answer in zip(tabs, answers, strict=True):
            if answer.status_code == 303:
                where = answer.headers["location"]
                assert ("/linked?" in where) is (who == winner), where
            if who == loser:
                assert f"{winner.subject.partition('-')[0]}@" not in answer.text
        assert kinds(world) == {"linked": 1, "linked_for_identity": 1}
        led = {who: person.get(path).headers["location"] for (person, who), path in zip(people, paths, strict=True)}
        assert "/linked?" in led[winner]
        assert "/linked?" not in led[loser]


def test_rc02_one_identity_sends_its_proof_sixteen_times_and_has_one_link_and_one_mail(world: World) -> None:
    for name in rounds("RC02", PER_PAIR):
        person, before = world.person(), Counter(world.audit())["linked", ""]
        path = proved(world, person, identity(name), name)
        answers = at_once([partial(tab.get, path) for tab in copies(world, person)])
        assert world.links(identity(name)) == [f"orders/{name}"]
        assert kinds(world) == {"linked": 1, "linked_for_identity": 1}
        assert Counter(world.audit())["linked", ""] == before + 1
        assert {answer.status_code for answer in answers} <= {303, 400}
        assert "/linked?" in person.get(path).headers["location"]


def test_rc03_of_sixteen_redeems_of_one_code_one_gets_an_id_token(world: World) -> None:
    for name in rounds("RC03", PER_PAIR):
        world.add_link(name, identity(name))
        location = world.sign_in(world.person(), identity(name)).headers["location"]
        answers = [answer.json() for answer in at_once([partial(world.redeem, location)] * MANY)]
        assert Counter("id_token" in answer for answer in answers) == {True: 1, False: MANY - 1}
        assert {answer["error"] for answer in answers if "error" in answer} == {"invalid_grant"}
        (token,) = (answer["access_token"] for answer in answers if "access_token" in answer)
        told = world.person().http.get("/o/orders/userinfo", headers={"authorization": f"Bearer {token}"})
        assert told.status_code == 401  # a code that was used twice is worth nothing to whoever had it first


def test_rc04_rc05_of_sixteen_presses_with_the_mails_token_and_in_the_manager_one_removes(world: World) -> None:
    for name in rounds("RC04, RC05", PER_PAIR):
        person = world.person()
        world.link(person, name, identity(name))
        path, (link_id,) = world.unlink_path(), link_ids(world, name)
        reader, dialog = world.person(), f"/t/acme/remove/{link_id}"
        reader.get(path)
        page, asked = reader.get("/unlink"), person.get(dialog)
        works = [partial(tab.submit, page, "/unlink") for tab in copies(world, reader, HALF)]
        works += [partial(tab.submit, asked, dialog) for tab in copies(world, person, HALF)]
        answers = at_once(works)
        assert Counter(answer.status_code for answer in answers[:HALF]) in ({303: 1, 404: HALF - 1}, {404: HALF})
        by_mail = [answer.status_code for answer in answers[:HALF]].count(303)
        told = Counter(query_of(answer.headers.get("location", "?done=unknown"))["done"] for answer in answers[HALF:])
        assert told["removed"] + by_mail == 1
        assert by_mail or told["unknown"] == 0  # whoever removed it is told at the second press that it is done
        assert kinds(world) == {"unlinked": 1}


def test_rc06_reorder_beside_link_and_unlink_leaves_an_order_of_the_survivors(world: World) -> None:
    """Whoever comes with an order that holds no more is told so (409), and nothing that was removed comes back."""
    for name in rounds("RC06", PER_PAIR):
        ann, person, other = identity(name), world.person(), world.person()
        accounts = [f"{name}-{n}" for n in range(4)]
        for account in accounts:
            world.add_link(account, ann)
        by_account = dict(zip(accounts, link_ids(world, *accounts), strict=True))
        form = order_form(world.in_manager(person, ann))
        gone, seen = by_account[accounts[1]], form["seen"].split(",")
        dialog = f"/t/acme/remove/{gone}"
        asked = person.get(dialog)
        transaction = world.ask_proof(other.submit(chooser(world, other, ann), "/choose", choice="add"))
        path = f"/proved?code={world.push(transaction, f'{name}-new').json()['code']}"
        dragged = form | {"order": ",".join(reversed(seen))}
        drag = [
            partial(tab.post, "/t/acme/order", dragged, accept="application/json")
            for tab in copies(world, person, MANY - 2)
        ]
        removed, linked, *told = at_once([partial(person.submit, asked, dialog), partial(other.get, path), *drag])
        assert query_of(removed.headers["location"])["done"] == "removed"
        assert "/linked?" in linked.headers["location"]
        now = [link.link_id for link in asyncio.run(world.ports.links.of_identity(ann, ["orders"]))]
        assert sorted(now) == sorted({*by_account.values(), *link_ids(world, f"{name}-new")} - {gone})
        kept = [link_id for link_id in now if str(link_id) in seen]
        assert kept in (survivors := [int(one) for one in seen if int(one) != gone], survivors[::-1])
        assert {answer.status_code for answer in told} <= {200, 409}
        assert all(answer.status_code == 409 for answer in told) or kept == survivors[::-1]


def test_rc07_a_code_from_before_an_unlink_is_redeemed_before_it_or_not_at_all(world: World) -> None:
    """Whoever was in time is going to be told of a logout, with everything else that the account has open."""
    for name in rounds("RC07", PER_PAIR):
        ann, person = identity(name), world.person()
        world.add_link(name, ann)
        codes = [world.sign_in(person, ann).headers["location"] for _ in range(4)]
        (link_id,) = link_ids(world, name)
        dialog = f"/t/acme/remove/{link_id}"
        asked = person.get(dialog)
        works: list[Any] = [partial(world.redeem, code) for code in codes[1:] for _ in range(5)]
        answers = at_once([partial(person.submit, asked, dialog), *works])
        assert query_of(answers[0].headers["location"])["done"] == "removed"
        assert {answer.status_code for answer in answers[1:]} <= {200, 400}
        assert all("id_token" in answer.json() for answer in answers[1:] if answer.status_code == 200)
        assert world.redeem(codes[0]).json() == {"error": "invalid_grant"}
        due = asyncio.run(world.sql.logouts.claim(world.clock(), 1000))
        assert [item.logout.account_id for item in due].count(name) == 1


def test_rc12_a_sign_in_beside_fifteen_loading_pages_signs_none_of_them_out(world: World) -> None:
    for name in rounds("RC12", PER_PAIR):
        ann, person = identity(name), world.person()
        world.add_link(name, ann)
        world.in_manager(person, ann, session_state=f"kc-{name}")
        pages = copies(world, person, MANY - 1)
        answers = at_once(
            [
                partial(world.sign_in, person, ann, session_state=f"kc-{name}"),
                *(partial(p.get, "/t/acme/") for p in pages),
            ]
        )
        assert [answer.status_code for answer in answers] == [303] + [200] * (MANY - 1)
        assert [tab.get("/t/acme/").status_code for tab in (person, pages[0])] == [200, 200]
        assert len(asyncio.run(world.ports.sessions.of_identity(ann))) == 1


def _an_hour_has_passed(world: World) -> None:
    """What was kept of the keys for a second is read anew."""
    world.sql.keys.__init__(world.sql.database, world.sql.keys._seal, world.clock)  # type: ignore[misc]


def test_rc14_a_key_is_rotated_and_the_old_one_retired_while_fifteen_redeem(world: World) -> None:
    """What is signed meanwhile can be verified with the keys that are published then."""
    world.add_link("rotating", identity("rotating"))
    for name in rounds("RC14", PER_PAIR):
        locations = [world.sign_in(world.person(), identity("rotating")).headers["location"] for _ in range(3)]
        turn = partial(world.sql.admin.rotate_key, "RS256", LEAD_SECONDS)
        new, *answers = at_once([turn, *[partial(world.redeem, one) for one in locations for _ in range(5)]])
        tokens = [answer.json()["id_token"] for answer in answers if answer.status_code == 200]
        assert len(tokens) == len(locations), name
        published = jose.KeySet.read(asyncio.run(world.ports.keys.public()))
        for token in tokens:
            jose.verify_signature(token, published, algorithms=RS256, types=frozenset(("jwt", "")))
        world.clock.move(LEAD_SECONDS)
        retired = [key for key in world.sql.admin.signing_keys() if key.algorithm == "RS256" and key.kid != new.kid]
        for key in retired:
            world.sql.admin.retire_key(key.kid)
        _an_hour_has_passed(world)


def test_rc16_rc13_clicked_beside_another_mail_and_expiry_the_newest_counts(world: World) -> None:
    """The link is pressed, a mail to another address is asked for, and the link expires, all at once."""
    if "wiki" not in clients(world):
        world.register(moved("wiki"))
        world.forget_registry()
    for name in rounds("RC16, RC13", PER_PAIR):
        for limit in ("find", "mail-network"):  # all of these people have one address
            run_now(world.ports.marks.reset(limit, same_network("testclient")))
        person, reader, first, email = world.person(), world.person(), f"a{name}@acme.example", f"b{name}@acme.example"
        inbox = to_inbox(world, person, email=first, account_id=name, name=f"ann{name}", username=f"ann{name}")
        (path,) = links_in(world)
        reader.get(path)
        page = reader.get("/confirm-email")
        world.clock.move(400)
        works: list[Any] = [partial(tab.submit, page, "/confirm-email") for tab in copies(world, reader, 6)]
        works += [
            partial(tab.post, "/confirm", form_of_inbox(inbox) | {"email": email}) for tab in copies(world, person, 6)
        ]
        works += [partial(world.clock.move, 60)] * 4  # after the last of these the first link has expired
        answers = at_once(works)
        assert {answer.status_code for answer in answers[:6]} <= {200, 400}
        assert {answer.status_code for answer in answers[6:12]} == {303}
        (again,) = links_in(world)  # of six one was sent
        assert world.person().get(path).status_code == 400
        presses(person, again)
        assert world.enters(goes_on(person, inbox), "wiki") == name
        made = [new.email for new in world.realm.created]
        assert (made.count(first), made.count(email)) == (0, 1)


def test_rc17_an_account_is_added_at_the_chooser_while_the_last_one_is_removed(world: World) -> None:
    for name in rounds("RC17", PER_PAIR):
        ann, person = identity(name), world.person()
        accounts = [f"{name}-{n}" for n in range(2)]
        for account in accounts:
            world.add_link(account, ann)
        page = chooser(world, person, ann)
        transaction = world.ask_proof(person.submit(page, "/choose", choice="add"))
        path = f"/proved?code={world.push(transaction, f'{name}-new').json()['code']}"
        dialogs = [f"/t/acme/remove/{link_id}" for link_id in link_ids(world, *accounts)]
        asked = [(dialog, person.get(dialog)) for dialog in dialogs]
        works = [partial(tab.submit, one, dialog) for dialog, one in asked for tab in copies(world, person, 7)]
        answers = at_once([partial(tab.get, path) for tab in copies(world, person, 2)] + works)
        assert {answer.status_code for answer in answers} <= {303, 400}
        assert world.links(ann) == [f"orders/{name}-new"]
        linked = person.get(person.get(path).headers["location"])
        assert world.enters(person.submit(linked, "/continue")) == f"{name}-new"
