"""Removing a link from its mail."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from tests.hub.world import ADA, HUB, Person, World

from linkmw.hub.browser import UNLINK


def linked(world: World) -> str:
    """The path in the mail about a new link."""
    world.link(world.person())
    return world.unlink_path()


def opened(world: World, path: str) -> tuple[Person, object]:
    reader = world.person()
    assert reader.get(path).headers["location"] == f"{HUB}/unlink"
    return reader, reader.get("/unlink")


def test_mim23_the_mails_link_names_the_account_and_one_button_removes_it(world: World) -> None:
    reader, page = opened(world, linked(world))
    assert "u7" in page.text
    assert "Remove link" in page.text
    answer = reader.submit(page, "/unlink")
    assert answer.status_code == 303
    end = reader.get(answer.headers["location"])
    assert "The link has been removed" in end.text
    assert "https://orders.example/login" in end.text
    assert world.links() == []


def test_um01_opening_it_any_number_of_times_changes_nothing(world: World) -> None:
    path = linked(world)
    for _ in range(50):
        scanner = world.person()
        scanner.http.head(path)
        scanner.get(path)
        scanner.get("/unlink")
    assert world.links() == ["orders/7"]
    reader, page = opened(world, path)
    assert reader.submit(page, "/unlink").status_code == 303


def test_um12_the_token_leaves_the_address_bar(world: World) -> None:
    path = linked(world)
    reader, page = opened(world, path)
    assert path.removeprefix("/unlink/") not in page.text
    assert page.headers["referrer-policy"] == "same-origin"
    assert reader.http.cookies[UNLINK]


def test_mim24_the_removal_is_confirmed_to_the_address_the_account_had(world: World) -> None:
    reader, page = opened(world, linked(world))
    reader.submit(page, "/unlink")
    (mail,) = world.mails()
    assert (mail.kind, mail.recipient) == ("unlinked", "u7@shop.example")
    assert ("unlinked", "") in world.audit()


def test_um03_used_twice_it_says_that_it_is_removed_already(world: World) -> None:
    path = linked(world)
    reader, page = opened(world, path)
    assert reader.submit(page, "/unlink").status_code == 303
    for again in (reader.submit(page, "/unlink"), reader.get("/unlink"), world.person().get(path)):
        assert again.status_code == 404
        assert "gone already" in again.text
    assert [mail.kind for mail in world.mails()] == ["unlinked"]


def test_um03_the_mail_of_an_older_link_does_not_remove_the_newer(world: World) -> None:
    old = linked(world)
    reader, page = opened(world, old)
    reader.submit(page, "/unlink")
    world.clock.move(1)
    world.link(world.person())
    for replaced in (world.person().get(old), reader.submit(page, "/unlink"), reader.get("/unlink")):
        assert replaced.status_code == 404
        assert "This link was replaced by a newer one" in replaced.text
    assert world.links() == ["orders/7"]
    newer, page = opened(world, world.unlink_path())
    newer.submit(page, "/unlink")
    for path in (old, *newer.http.cookies.values()):
        assert "gone already" in world.person().get(path if path.startswith("/") else f"/unlink/{path}").text


def test_um03_another_account_that_was_linked_since_replaces_nothing(world: World) -> None:
    old = linked(world)
    reader, page = opened(world, old)
    reader.submit(page, "/unlink")
    world.add_link("8")
    world.add_link("7", client_id="stock")
    assert "gone already" in world.person().get(old).text


def test_um04_a_mutilated_link_says_what_is_the_case(world: World) -> None:
    path = linked(world)
    for spoilt in (path[:-1], path + ".", path + "=0A", "/unlink/x", "/unlink/" + "%00" * 3, "/unlink/" + "aB3" * 900):
        page = world.person().get(spoilt)
        assert page.status_code == 404
        assert "help@acme.example" in page.text
    assert world.person().get(path + "?utm_source=mail").status_code == 303


def test_um05_who_has_the_mail_can_remove_and_nothing_else(world: World) -> None:
    reader, page = opened(world, linked(world))
    assert "ada@acme.example" not in page.text
    assert reader.get("/t/acme/").status_code == 303


def test_um07_an_account_without_a_password_is_warned_of(world: World) -> None:
    path = linked(world)
    assert "no password" not in opened(world, path)[1].text
    world.accounts.usable_password = False
    assert "no password" in opened(world, path)[1].text
    world.accounts.away = True
    assert opened(world, path)[1].status_code == 200


def test_rc05_of_eight_presses_at_once_one_removes(world: World) -> None:
    path = linked(world)
    readers = [opened(world, path) for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda pair: pair[0].submit(pair[1], "/unlink").status_code, readers))
    assert sorted(answers) == [303] + [404] * 7
    assert [mail.kind for mail in world.mails()] == ["unlinked"]


def test_mim27_what_was_removed_can_be_linked_again(world: World) -> None:
    reader, page = opened(world, linked(world))
    reader.submit(page, "/unlink")
    world.link(world.person())
    assert world.links() == ["orders/7"]


def test_rc07_a_code_from_before_the_removal_is_refused(world: World) -> None:
    person = world.person()
    done = person.get(world.link(person).headers["location"])
    code = person.submit(done, "/continue").headers["location"]
    reader, page = opened(world, world.unlink_path())
    reader.submit(page, "/unlink")
    assert world.redeem(code).json() == {"error": "invalid_grant"}


def test_lt04_a_pending_change_of_address_outlives_neither_link_nor_removal(world: World) -> None:
    person = world.person()
    world.realm.pending.add(ADA)
    world.link(person)
    assert world.realm.pending == set()
    world.realm.pending.add(ADA)
    person.get(world.unlink_path())
    person.submit(person.get("/unlink"), "/unlink")
    assert (world.links(), world.realm.pending) == ([], set())
    assert [event for event, _ in world.audit()].count("email_change_cancelled") == 2


def test_lt04_a_keycloak_that_is_away_keeps_nobody_from_linking_or_unlinking(world: World) -> None:
    person = world.person()
    world.realm.away = True
    world.link(person)
    assert world.links() == ["orders/7"]
    person.get(world.unlink_path())
    person.submit(person.get("/unlink"), "/unlink")
    assert world.links() == []
