"""Many at once, through the hub's own routes, on SQLite and on PostgreSQL: one wins, and everybody is told what is."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from tests.hub.world import ADA, EVE, Clock, Person, World

from linkmw.signed import new_key
from linkmw.stores.sql import SqlStores

MANY = 16


@pytest.fixture(params=["sqlite", "postgresql"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    on_file = request.param == "sqlite"
    url = f"sqlite:///{tmp_path / 'hub.db'}" if on_file else request.getfixturevalue("new_postgresql")()
    clock = Clock()
    sql = SqlStores.open(url, new_key(), clock)
    sql.admin.prepare()
    yield World(sql, clock)
    sql.close()


def at_once(works: list[Callable[[], Any]]) -> list[Any]:
    """What each of `works` answers, all begun at the same moment."""
    barrier = threading.Barrier(len(works))

    def one(work: Callable[[], Any]) -> Any:
        barrier.wait()
        return work()

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(one, works))


def kinds(world: World) -> Counter[str]:
    return Counter(mail.kind for mail in world.mails())


def proved(world: World, person: Person, identity: Any) -> str:
    """Where this person's browser goes, having proven account 7 to the product."""
    transaction = world.ask_proof(world.sign_in(person, identity))
    return f"/proved?code={world.push(transaction, '7').json()['code']}"


def test_rc01_mim16_of_sixteen_attempts_by_two_identities_one_identity_gets_the_account(world: World) -> None:
    """Both know the account's password. Whoever is first has it; the other is told, and not by whom."""
    people = [(world.person(), identity) for _ in range(MANY // 2) for identity in (ADA, EVE)]
    paths = [proved(world, person, identity) for person, identity in people]
    answers = at_once(
        [lambda p=person, path=path: p.get(path) for (person, _), path in zip(people, paths, strict=True)]
    )
    assert sorted([*world.links(ADA), *world.links(EVE)]) == ["orders/7"]
    winner, loser = (ADA, EVE) if world.links(ADA) else (EVE, ADA)
    for (person, identity), answer in zip(people, answers, strict=True):
        assert answer.status_code == 303
        where = answer.headers["location"]
        assert ("/linked?" in where) is (identity == winner), where
        if identity == loser:
            assert f"{winner.subject.partition('-')[0]}@" not in person.get(where).text
    assert kinds(world) == {"linked": 1, "linked_for_identity": 1}
    assert Counter(world.audit())["link_refused", "account_taken"] == MANY // 2


def test_rc02_one_identity_sends_its_proof_sixteen_times_and_has_one_link_and_one_mail(world: World) -> None:
    person = world.person()
    path = proved(world, person, ADA)
    cookies = dict(person.http.cookies)
    copies = [world.person() for _ in range(MANY)]
    for copy in copies:
        copy.http.cookies.update(cookies)
    answers = at_once([lambda copy=copy: copy.get(path) for copy in copies])
    assert world.links(ADA) == ["orders/7"]
    assert kinds(world) == {"linked": 1, "linked_for_identity": 1}
    assert Counter(event for event, _ in world.audit())["linked"] == 1
    assert {answer.status_code for answer in answers} <= {303, 400}
    assert "/linked?" in person.get(path).headers["location"]


def test_rc03_of_sixteen_redeems_of_one_code_one_gets_an_id_token(world: World) -> None:
    world.add_link("7")
    location = world.sign_in(world.person()).headers["location"]
    answers = at_once([lambda: world.redeem(location).json() for _ in range(MANY)])
    assert Counter("id_token" in answer for answer in answers) == {True: 1, False: MANY - 1}
    assert {answer["error"] for answer in answers if "error" in answer} == {"invalid_grant"}


def test_rc04_of_sixteen_presses_with_one_mails_token_one_removes(world: World) -> None:
    world.link(world.person())
    path = world.unlink_path()
    readers = [world.person() for _ in range(MANY)]
    for reader in readers:
        reader.get(path)
    pages = [reader.get("/unlink") for reader in readers]
    pairs = zip(readers, pages, strict=True)
    answers = at_once([lambda r=reader, page=page: r.submit(page, "/unlink") for reader, page in pairs])
    assert Counter(answer.status_code for answer in answers) == {303: 1, 404: MANY - 1}
    assert kinds(world) == {"unlinked": 1}
    assert Counter(event for event, _ in world.audit())["unlinked"] == 1
