"""The manager: products and accounts, adding, ordering, removing, and what it says of the last act (MIM-9..28)."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest
from tests.hub.test_hub_choose import ids
from tests.hub.world import ADA, EVE, HUB, REALM, Person, World, form_of, product, query_of

from linkmw.errors import TokenRejected, Unavailable
from linkmw.hub.app import ROUTES
from linkmw.hub.browser import SESSION
from linkmw.model import Identity

MANAGER = f"{HUB}/t/acme/"


def text_of(html: str) -> str:
    """What is read on a page, on one line."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


def names(page: Any) -> list[str]:
    """The accounts of the page, in its order."""
    return re.findall(r'<div class="account"><strong><bdi>([^<]*)</bdi>', page.text)


def order_form(page: Any, client_id: str = "orders") -> dict[str, str]:
    """The fields of the form that the arrows of that product post."""
    forms = re.findall(r'<form [^>]*action="/t/acme/order"[^>]*>(.*?)</form>', page.text, re.DOTALL)
    found = [dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form)) for form in forms]
    return next(form for form in found if form["client_id"] == client_id)


def told(answer: Any) -> dict[str, str]:
    """What the manager's address says, once an act has led there."""
    assert answer.status_code == 303
    where, _, _ = answer.headers["location"].partition("?")
    assert where == MANAGER
    return query_of(answer.headers["location"])


@pytest.fixture
def ada(world: World) -> Person:
    """Ada, signed in at the manager, with the accounts 7, 8 and 9."""
    for account_id in ("7", "8", "9"):
        world.add_link(account_id)
    person = world.person()
    world.in_manager(person)
    return person


# What there is to see


def test_mim10_every_product_has_its_title_and_its_button_with_its_name(world: World, ada: Person) -> None:
    page = ada.get("/t/acme/")
    assert re.findall(r"<h2 id=\"product-\d+\">([^<]+)</h2>", page.text) == ["Orders", "Stock"]
    assert re.findall(r'aria-label="(Add an account of [^"]+)">\+ Add', page.text) == [
        "Add an account of Orders",
        "Add an account of Stock",
    ]
    assert page.text.count("<table") == 1  # without links, title and button only
    assert names(page) == ["u7", "u8", "u9"]


def test_mim10_a_product_that_cannot_prove_accounts_has_no_button(world: World, ada: Person) -> None:
    world.register(product("legacy", proof="none"))
    world.forget_registry()
    assert "Add an account of Legacy" not in ada.get("/t/acme/").text
    assert ada.get("/t/acme/add/legacy").status_code == 404
    assert ada.post("/t/acme/add/legacy", {}).status_code == 404


def test_mim09_the_sessions_of_this_person_are_listed_and_this_browsers_is_marked(world: World, ada: Person) -> None:
    other, eve = world.person(), world.person()
    other.http.headers["user-agent"] = (
        "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1 Version/19.0 Mobile Safari/604.1"
    )
    eve.http.headers["user-agent"] = "Mozilla/5.0 (Windows NT 10.0) Gecko/20100101 Firefox/144.0"
    world.in_manager(other)
    world.in_manager(eve, EVE)
    page = ada.get("/t/acme/")
    text = text_of(page.text)
    assert "Firefox on Linux This browser" in text
    assert "Safari on iPhone" in text
    assert "Windows" not in text
    assert len(re.findall(r'action="/t/acme/end"', page.text)) == 1  # this browser has its own "Sign out"
    assert 'action="/t/acme/end-all"' in page.text


def test_sc11_each_session_names_the_products_it_opened(world: World) -> None:
    ada, other = world.person(), world.person()
    for client_id in ("stock", "orders"):
        ada.submit(ada.get(world.link(ada, "7", client_id=client_id).headers["location"]), "/continue")
    world.in_manager(other)
    page = ada.get("/t/acme/").text
    here, there = re.findall(r'<li class="session">(.*?)</li>', page, re.DOTALL)
    if "This browser" not in here:
        here, there = there, here
    assert "Orders, Stock · " in text_of(here)
    assert "Orders" not in there
    assert "Stock" not in there


def test_ops02_recent_activity_is_this_persons_with_account_place_and_browser(world: World) -> None:
    ada, eve = world.person(), world.person()
    linked = ada.get(world.link(ada, "7").headers["location"])
    ada.submit(linked, "/continue")
    world.link(eve, "8", EVE)
    text = text_of(ada.get("/t/acme/").text).partition("Recent activity")[2]
    assert "Signed in to Orders as u7" in text
    assert "Linked u7 in Orders" in text
    assert text.index("Signed in") < text.index("Linked")
    assert "Firefox on Linux" in text
    assert "u8" not in text


def test_ops02_a_removed_account_keeps_its_name_in_recent_activity(world: World, ada: Person) -> None:
    remove(ada, ids(world)["8"])
    text = text_of(ada.get("/t/acme/").text).partition("Recent activity")[2]
    assert "Removed u8 from Orders" in text


def test_ops02_what_a_mail_removed_is_told_as_that(world: World) -> None:
    ada, reader = world.person(), world.person()
    world.link(ada)
    reader.get(world.unlink_path())
    reader.submit(reader.get("/unlink"), "/unlink")
    text = text_of(ada.get("/t/acme/").text).partition("Recent activity")[2]
    assert re.search(r"Removed u7 from Orders [^·]*· by e-mail link", text)


def test_xs05_what_was_typed_into_an_address_is_said_nowhere(world: World, ada: Person) -> None:
    for done in ("moved", "removed", "gone", "order_changed", "session_ended", "x-evil"):
        page = ada.get(f"/t/acme/?done={done}&client_id=x-evil&link=x-evil&arrow=x-evil&account=x-evil&flow=x-evil")
        assert page.status_code == 200
        assert "x-evil" not in page.text.partition("<footer")[0]
    world.add_link("5", EVE)
    assert "u5" not in ada.get(f"/t/acme/?done=moved&link={ids(world)['5']}&arrow=up").text


# Adding (MIM-11, MIM-13)


def add(world: World, person: Person, client_id: str = "orders") -> Any:
    """+ Add, Continue: where that leads."""
    path = f"/t/acme/add/{client_id}"
    return person.submit(person.get(path), path)


def prove(world: World, person: Person, answer: Any, account_id: str, **account: Any) -> Any:
    code = world.push(world.ask_proof(answer), account_id, **account).json()["code"]
    return person.get(f"/proved?code={code}")


def test_mim11_the_page_before_says_what_to_do_and_starts_nothing(world: World, ada: Person) -> None:
    page = ada.get("/t/acme/add/stock")
    text = text_of(page.text)
    assert "Add an account of Stock" in text
    assert "Sign out of Stock first" in text
    assert re.search(r'<form method="get" action="/t/acme/"><button[^>]*>Cancel', page.text)
    assert "form-action 'self' https://stock.example https://kc.example;" in page.headers["content-security-policy"]


def test_mim13_the_account_is_in_the_list_and_the_mail_on_its_way(world: World, ada: Person) -> None:
    answer = add(world, ada)
    assert answer.headers["location"].startswith("https://orders.example/.linkmw/prove?handle=")
    page = ada.get(prove(world, ada, answer, "5").headers["location"])
    text = text_of(page.text)
    assert "u5 in Orders is linked. A confirmation is on its way to u5@shop.example ." in text
    assert names(page) == ["u7", "u8", "u9", "u5"]
    assert {mail.recipient for mail in world.mails()} == {"u5@shop.example", "ada@acme.example"}
    assert ("linked", "") in world.audit()


def test_mim13_the_gate_is_told_that_it_is_an_addition_and_for_whom(world: World, ada: Person) -> None:
    handle = query_of(add(world, ada).headers["location"])["handle"]
    content = world.back_channel("/proof-requests", {"handle": handle}).json()
    assert (content["purpose"], content["identity_email"]) == ("add", "ada@acme.example")
    assert content["identity"]


def test_mim13_reload_and_back_show_the_same_and_link_nothing_again(world: World, ada: Person) -> None:
    code = world.push(world.ask_proof(add(world, ada)), "5").json()["code"]
    first, second = (ada.get(f"/proved?code={code}").headers["location"] for _ in range(2))
    assert first == second
    assert "is linked" in text_of(ada.get(first).text)
    assert len([mail for mail in world.mails() if mail.kind == "linked"]) == 1
    flow = query_of(first)["flow"]
    assert ada.get(f"/choose?flow={flow}").headers["location"] == first  # no product waits for a choice


def test_mim08_an_added_account_of_another_identity_is_refused_in_the_manager(world: World, ada: Person) -> None:
    world.add_link("5", EVE)
    page = ada.get(prove(world, ada, add(world, ada), "5").headers["location"])
    assert "That Orders account belongs to another ACME ID." in text_of(page.text)
    assert "Continue to Orders" not in page.text  # no product waits
    assert names(page) == ["u7", "u8", "u9"]
    assert world.links(EVE) == ["orders/5"]


def test_mim07_adding_what_is_linked_already_says_so_and_sends_nothing(world: World, ada: Person) -> None:
    world.mails()
    page = ada.get(prove(world, ada, add(world, ada), "7").headers["location"])
    assert names(page) == ["u7", "u8", "u9"]
    assert world.mails() == []


def test_mim13_too_late_the_manager_says_that_nothing_was_linked(world: World, ada: Person) -> None:
    transaction = world.ask_proof(add(world, ada))
    for _ in range(2):
        world.clock.move(880)
        ada.get("/t/acme/")  # the hub session lives on
    code = world.push(transaction, "5").json()["code"]
    world.clock.move(45)
    page = ada.get(ada.get(f"/proved?code={code}").headers["location"])
    assert "Your Orders account is not linked yet." in text_of(page.text)
    assert names(page) == ["u7", "u8", "u9"]


def test_df01_with_sql_away_at_the_commit_adding_is_offered_again(
    world: World, ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = world.push(world.ask_proof(add(world, ada)), "5").json()["code"]

    async def away(*_: Any) -> None:
        raise Unavailable("SQL is away")

    monkeypatch.setattr(type(world.ports.links), "add", away)
    page = ada.get(f"/proved?code={code}")
    assert "not linked yet" in page.text
    assert f"{HUB}/t/acme/add/orders" in page.text
    assert "https://orders.example" in page.text
    assert "error=access_denied" not in page.text  # the product asked for nothing


def test_lt09_begun_as_ada_and_proven_as_eve_adds_nothing(world: World, ada: Person) -> None:
    code = world.push(world.ask_proof(add(world, ada)), "5").json()["code"]
    world.in_manager(ada, EVE)
    assert ada.get(f"/proved?code={code}").status_code == 403
    assert world.links(EVE) == []
    assert len(world.links(ADA)) == 3


def test_design3_another_browser_of_the_same_person_adds_nothing(world: World, ada: Person) -> None:
    code = world.push(world.ask_proof(add(world, ada)), "5").json()["code"]
    other = world.person()
    world.in_manager(other)
    assert other.get(f"/proved?code={code}").status_code == 400
    assert len(world.links(ADA)) == 3


def test_lt08_adding_takes_a_form_of_ours(world: World, ada: Person) -> None:
    form = form_of(ada.get("/t/acme/add/orders").text, "/t/acme/add/orders")
    elsewhere = {"origin": "https://evil.example", "sec-fetch-site": "cross-site"}
    assert ada.post("/t/acme/add/orders", form, **elsewhere).status_code == 403
    assert ada.post("/t/acme/add/orders", {"x": "y"}).status_code == 403
    assert ada.post("/t/acme/add/orders", {"csrf": "0" * 43}).status_code == 403


@pytest.mark.parametrize("page", ["add/orders", "remove/1"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_mim09_without_a_session_keycloak_comes_first_and_leads_back(world: World, page: str, method: str) -> None:
    world.add_link("7")
    person = world.person()
    answer = person.get(f"/t/acme/{page}") if method == "GET" else person.post(f"/t/acme/{page}", {})
    assert answer.headers["location"].startswith(REALM)
    back = world.keycloak.signs_in(answer.headers["location"], ADA, world.clock())
    assert [person.get(back).headers["location"] for _ in range(2)] == [f"{MANAGER}{page}"] * 2
    assert person.get(f"/t/acme/{page}").status_code == 200


def test_pr08_products_of_other_tenants_and_unknown_ones_are_not_there(world: World, ada: Person) -> None:
    for client_id in ("nobody", "%00", "orders%2F..", "x" * 300):
        assert ada.get(f"/t/acme/add/{client_id}").status_code == 404


def test_mim28_where_the_tenant_wants_it_adding_begins_with_a_fresh_sign_in(world: World, ada: Person) -> None:
    strict(world)
    world.clock.move(1000)
    to_keycloak = add(world, ada).headers["location"]
    assert query_of(to_keycloak)["max_age"] == "900"
    answer = ada.get(world.keycloak.signs_in(to_keycloak, ADA, world.clock()))
    page = ada.get(prove(world, ada, answer, "5").headers["location"])
    assert names(page) == ["u7", "u8", "u9", "u5"]


def test_mim28_a_sign_in_of_just_now_is_fresh_enough(world: World, ada: Person) -> None:
    strict(world)
    world.clock.move(600)
    assert add(world, ada).headers["location"].startswith("https://orders.example/.linkmw/prove")


def test_fc19_who_comes_back_as_somebody_else_adds_nothing(world: World, ada: Person) -> None:
    strict(world)
    world.clock.move(1000)
    to_keycloak = add(world, ada).headers["location"]
    answer = ada.get(world.keycloak.signs_in(to_keycloak, EVE, world.clock()))
    assert answer.headers["location"] == MANAGER
    page = ada.get("/t/acme/")
    assert "eve@acme.example" in page.text
    assert names(page) == []


def strict(world: World) -> None:
    with world.sql.database.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE tenants SET fresh_sign_in = 1")
    world.forget_registry()


# Ordering (MIM-19)


def test_mim19_an_arrow_moves_an_account_and_the_page_says_so(world: World, ada: Person) -> None:
    form, moved = order_form(ada.get("/t/acme/")), ids(world)["9"]
    answer = ada.post("/t/acme/order", form | {"up": str(moved)})
    assert told(answer) == {"done": "moved", "link": str(moved), "arrow": "up"}
    page = ada.get(answer.headers["location"])
    assert names(page) == ["u7", "u9", "u8"]
    assert "u9 is now second of 3" in text_of(page.text)


def test_mim19_the_drop_down_has_the_new_order(world: World, ada: Person) -> None:
    form = order_form(ada.get("/t/acme/"))
    ada.post("/t/acme/order", form | {"down": str(ids(world)["7"])})
    chooser = ada.get(world.sign_in(ada).headers["location"])
    assert re.findall(r'<option value="\d+">([^<]+)</option>', chooser.text) == ["u8", "u7", "u9"]


def test_mim19_dragging_posts_the_whole_order_and_is_told_it(world: World, ada: Person) -> None:
    form, by_account = order_form(ada.get("/t/acme/")), ids(world)
    wanted = [by_account[account] for account in ("9", "7", "8")]
    body = form | {"order": ",".join(map(str, wanted))}
    answer = ada.post("/t/acme/order", body, accept="application/json")
    assert (answer.status_code, answer.json()) == (200, {"order": wanted})
    assert names(ada.get("/t/acme/")) == ["u9", "u7", "u8"]


def test_rc06_two_windows_at_once_the_second_is_told_the_order_that_holds(world: World, ada: Person) -> None:
    form, by_account = order_form(ada.get("/t/acme/")), ids(world)
    ada.post("/t/acme/order", form | {"up": str(by_account["9"])})
    late = ada.post("/t/acme/order", form | {"down": str(by_account["7"])})
    assert told(late) == {"done": "order_changed"}
    page = ada.get(late.headers["location"])
    assert "The list was changed in another window." in text_of(page.text)
    assert names(page) == ["u7", "u9", "u8"]
    dragged = ada.post("/t/acme/order", form | {"order": form["seen"]}, accept="application/json")
    assert dragged.status_code == 409
    assert dragged.json() == {"order": [by_account[account] for account in ("7", "9", "8")]}


def test_rc06_an_account_that_was_removed_meanwhile_does_not_come_back(world: World, ada: Person) -> None:
    form, by_account = order_form(ada.get("/t/acme/")), ids(world)
    remove(ada, by_account["8"])
    assert told(ada.post("/t/acme/order", form | {"up": str(by_account["8"])})) == {"done": "order_changed"}
    assert names(ada.get("/t/acme/")) == ["u7", "u9"]


def test_mim19_an_arrow_at_its_end_of_the_list_changes_nothing(world: World, ada: Person) -> None:
    form = order_form(ada.get("/t/acme/"))
    answer = ada.post("/t/acme/order", form | {"up": str(ids(world)["7"])})
    assert told(answer)["done"] == "moved"
    assert names(ada.get("/t/acme/")) == ["u7", "u8", "u9"]


def test_lt14_nobody_orders_anothers_accounts(world: World, ada: Person) -> None:
    form, eve = order_form(ada.get("/t/acme/")), world.person()
    for account_id in ("5", "6"):
        world.add_link(account_id, EVE)
    world.in_manager(eve, EVE)
    own = order_form(eve.get("/t/acme/"))
    wanted = ",".join(reversed(form["seen"].split(",")))
    foreign = own | {"seen": form["seen"], "order": wanted}
    answer = eve.post("/t/acme/order", foreign, accept="application/json")
    assert (answer.status_code, answer.json()) == (409, {"order": [int(one) for one in own["seen"].split(",")]})
    assert eve.post("/t/acme/order", own | {"up": str(ids(world)["8"])}).status_code == 404
    assert names(ada.get("/t/acme/")) == ["u7", "u8", "u9"]


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"seen": ""}, 400),
        ({"seen": "1,,2"}, 400),
        ({"order": "1;2"}, 400),
        ({}, 400),
        ({"up": "x"}, 400),
        ({"client_id": "nobody", "up": "1"}, 404),
        ({"csrf": "0" * 43, "up": "1"}, 403),
    ],
)
def test_mim19_what_is_no_order_is_refused(world: World, ada: Person, change: dict[str, str], status: int) -> None:
    form = order_form(ada.get("/t/acme/"))
    assert ada.post("/t/acme/order", form | change).status_code == status
    assert names(ada.get("/t/acme/")) == ["u7", "u8", "u9"]


def test_mim19_who_is_signed_out_by_now_signs_in_first(world: World, ada: Person) -> None:
    form = order_form(ada.get("/t/acme/")) | {"order": ""}
    ada.http.cookies.delete(SESSION)
    dragged = ada.post("/t/acme/order", form, accept="application/json", **{"sec-fetch-dest": "empty"})
    assert (dragged.status_code, dragged.json()) == (401, {"error": "login_required"})
    assert ada.post("/t/acme/order", form).headers["location"].startswith(REALM)


# Removing (MIM-20, MIM-24, MIM-27, MIM-28)


def remove(person: Person, link_id: int) -> Any:
    """The trash icon, then "Yes - Delete"."""
    path = f"/t/acme/remove/{link_id}"
    return person.submit(person.get(path), path)


def test_mim20_the_trash_opens_a_dialog_that_changes_nothing(world: World, ada: Person) -> None:
    link_id = ids(world)["8"]
    assert f'<form method="get" action="/t/acme/remove/{link_id}"' in ada.get("/t/acme/").text
    for _ in range(3):
        page = ada.get(f"/t/acme/remove/{link_id}")
        assert page.status_code == 200
    text = text_of(page.text)
    assert "Remove u8 from ACME ID?" in text
    assert "Yes - Delete" in text
    assert "Cancel" in text
    assert len(world.links()) == 3
    assert names(ada.get("/t/acme/")) == ["u7", "u8", "u9"]


def test_mim20_yes_leads_to_the_dashboard_without_it(world: World, ada: Person) -> None:
    answer = remove(ada, ids(world)["8"])
    assert told(answer) == {"done": "removed", "client_id": "orders"}
    page = ada.get(answer.headers["location"])
    assert "ACME ID no longer opens u8 in Orders." in text_of(page.text)
    assert names(page) == ["u7", "u9"]
    rows = world._rows("SELECT actor, account_id, username FROM audit WHERE event = 'unlinked'")
    assert rows == [("manager", "8", "u8")]


def test_mim24_um06_the_mail_goes_to_the_address_of_then_and_to_the_one_of_now(world: World) -> None:
    ada = world.person()
    world.link(ada)
    world.mails()
    world.accounts.email = "new@shop.example"
    remove(ada, ids(world)["7"])
    mails = world.mails()
    assert {mail.recipient for mail in mails} == {"u7@shop.example", "new@shop.example"}
    assert {mail.kind for mail in mails} == {"unlinked"}


def test_um06_one_mail_when_the_address_is_the_same_or_the_product_is_away(world: World) -> None:
    ada = world.person()
    for account_id, email, away in (("7", "U7@shop.example", False), ("8", "new@shop.example", True)):
        world.accounts.away = False
        ada.get(prove(world, ada, start_adding(world, ada), account_id).headers["location"])
        world.mails()
        world.accounts.email, world.accounts.away = email, away
        remove(ada, ids(world)[account_id])
        assert [mail.recipient for mail in world.mails()] == [f"u{account_id}@shop.example"]


def start_adding(world: World, person: Person) -> Any:
    world.in_manager(person)
    return add(world, person)


def test_mim27_what_was_removed_can_be_linked_again(world: World, ada: Person) -> None:
    remove(ada, ids(world)["8"])
    page = ada.get(prove(world, ada, add(world, ada), "8").headers["location"])
    assert names(page) == ["u7", "u9", "u8"]


def test_um07_the_dialog_warns_where_no_password_is_left(world: World, ada: Person) -> None:
    world.accounts.usable_password = False
    assert "This account has no password." in text_of(ada.get(f"/t/acme/remove/{ids(world)['8']}").text)
    world.accounts.away = True  # a product that cannot be asked accuses nobody
    assert "no password" not in text_of(ada.get(f"/t/acme/remove/{ids(world)['8']}").text)


def test_lt14_anothers_link_is_not_there(world: World, ada: Person) -> None:
    world.add_link("5", EVE)
    for link_id in (ids(world)["5"], 999, 0, -1, "9" * 30, "1%0d%0aX:y", "٣"):
        assert ada.get(f"/t/acme/remove/{link_id}").status_code == 404
        form = form_of(ada.get("/t/acme/").text, "/t/acme/sign-out")
        assert [ada.post(f"/t/acme/remove/{link_id}", form).status_code for _ in range(2)] == [404, 404]
    assert world.links(EVE) == ["orders/5"]
    assert world.mails() == []


def test_rc05_of_two_presses_one_removes_and_the_other_says_that_it_is_done(world: World, ada: Person) -> None:
    path = f"/t/acme/remove/{ids(world)['8']}"
    dialog = ada.get(path)
    first, second = ada.submit(dialog, path), ada.submit(dialog, path)
    assert told(first)["done"] == "removed"
    assert told(second) == {"done": "gone"}
    assert "That is gone already." in text_of(ada.get(second.headers["location"]).text)
    assert ("unlinked", "") in world.audit()
    assert world.audit().count(("unlinked", "")) == 1


def test_rc07_a_code_from_before_the_removal_is_worth_nothing(world: World) -> None:
    world.add_link("7")
    person = world.person()
    code = world.sign_in(person).headers["location"]
    remove(person, ids(world)["7"])
    assert world.redeem(code).json() == {"error": "invalid_grant"}


def test_xs01_removing_takes_a_form_of_ours(world: World, ada: Person) -> None:
    path = f"/t/acme/remove/{ids(world)['8']}"
    form = form_of(ada.get(path).text, path)
    elsewhere = {"origin": "https://evil.example", "sec-fetch-site": "cross-site"}
    assert ada.post(path, form, **elsewhere).status_code == 403
    assert ada.post(path, {"csrf": "0" * 43}).status_code == 403
    assert len(world.links()) == 3


def test_mim28_after_fifteen_minutes_keycloak_asks_anew_and_leads_back_to_the_dialog(world: World, ada: Person) -> None:
    path = f"/t/acme/remove/{ids(world)['8']}"
    dialog = ada.get(path)
    world.clock.move(961)
    posted = ada.submit(dialog, path)
    assert posted.headers["location"].startswith(REALM)
    assert len(world.links()) == 3
    to_keycloak = ada.get(path).headers["location"]
    assert query_of(to_keycloak)["max_age"] == "900"
    back = ada.get(world.keycloak.signs_in(to_keycloak, ADA, world.clock()))
    assert back.headers["location"] == f"{HUB}{path}"
    assert told(ada.submit(ada.get(path), path))["done"] == "removed"


def test_mim28_the_age_is_that_of_the_sign_in_and_not_of_the_hub_session(world: World) -> None:
    world.add_link("7")
    person = world.person()
    world.in_manager(person, auth_time=world.clock() - 1000)  # silently, by an old session of Keycloak's
    assert person.get(f"/t/acme/remove/{ids(world)['7']}").headers["location"].startswith(REALM)


def test_tv24_mim28_an_answer_that_is_not_fresh_after_all_is_refused(world: World, ada: Person) -> None:
    path = f"/t/acme/remove/{ids(world)['8']}"
    world.clock.move(1000)
    to_keycloak = ada.get(path).headers["location"]
    stale = world.keycloak.signs_in(to_keycloak, ADA, world.clock(), auth_time=world.clock() - 1000)
    assert ada.get(stale).status_code == 400
    assert len(world.links()) == 3


def test_fc19_another_person_comes_back_to_their_own_dashboard_and_removes_nothing(world: World, ada: Person) -> None:
    path = f"/t/acme/remove/{ids(world)['8']}"
    before = ada.http.cookies[SESSION]
    world.clock.move(1000)
    answer = world.keycloak.signs_in(ada.get(path).headers["location"], EVE, world.clock())
    assert [ada.get(answer).headers["location"] for _ in range(2)] == [MANAGER] * 2
    assert ada.http.cookies[SESSION] != before
    assert "eve@acme.example" in ada.get("/t/acme/").text
    assert ada.get(path).status_code == 404
    assert len(world.links(ADA)) == 3


def test_mim28_what_was_looked_at_lately_asks_for_nothing(world: World, ada: Person) -> None:
    world.clock.move(890)
    assert told(remove(ada, ids(world)["8"]))["done"] == "removed"


# Accounts and identities that are gone (LT19), and links without a proof (PR27)


def test_lt19_an_account_that_its_product_deleted_is_written_down_as_gone(world: World, ada: Person) -> None:
    world.accounts.gone.add("8")
    remove(ada, ids(world)["8"])
    assert ("account_gone", "") in world.audit()
    page = ada.get("/t/acme/")
    assert names(page) == ["u7", "u9"]
    assert "the account was deleted" in text_of(page.text)


def test_lt19_a_gate_that_finds_no_account_ends_its_link(world: World) -> None:
    world.link(world.person(), "7")
    world.add_link("7", client_id="stock")
    world.mails()
    for _ in range(2):  # told again by the next who tries
        assert world.back_channel("/accounts/gone", {"account_id": "7"}).json() == {"v": 1}
    assert world.links() == ["stock/7"]  # of its own accounts only
    assert [mail.kind for mail in world.mails()] == ["unlinked"]
    rows = world._rows("SELECT actor, client_id, account_id FROM audit WHERE event = 'account_gone'")
    assert rows == [("orders", "orders", "7")]
    for odd in (None, 7, ["7"], "", "x" * 5000):
        assert world.back_channel("/accounts/gone", {"account_id": odd}).json() == {"v": 1}
    assert world.back_channel("/accounts/gone", {"account_id": "7"}, "stock", "wrong").status_code == 401
    assert world.links() == ["stock/7"]


def test_lt19_a_recreated_person_with_the_same_address_has_no_links(world: World, ada: Person) -> None:
    again = Identity(REALM, "ada-sub-2")
    person = world.person()
    page = world.in_manager(person, again, email="ada@acme.example")
    assert "ada@acme.example" in page.text
    assert names(page) == []
    answer = world.sign_in(person, again, email="ada@acme.example")
    assert answer.headers["location"].startswith("https://orders.example/.linkmw/prove")


def test_pr27_no_route_makes_a_link_without_a_proof(world: World, ada: Person) -> None:
    """Every route, with all that a signed-in person has: links come from /proved alone, after a product's push."""
    form = form_of(ada.get("/t/acme/").text, "/t/acme/sign-out")
    flow = query_of(world.sign_in(ada).headers["location"])["flow"]
    everything = form | {"flow": flow, "choice": "add", "client_id": "orders", "account_id": "5", "link_id": "5"}
    everything |= {"username": "u5", "handle": flow, "code": "c" * 43, "state": flow, "seen": "1", "order": "1"}
    right = {"organization_id": "acme", "client_id": "orders", "link_id": "5", "token": "t" * 43, "name": "look.css"}
    right["subject"] = "ada-sub"
    before = world.links()
    for route in ROUTES:
        if "end" in route.path or "sign-out" in route.path:
            continue
        path = re.sub(r"\{(\w+)\}", lambda found: right[found[1]], route.path)
        answer = ada.http.get(path, params=everything) if route.method == "GET" else ada.post(path, everything)
        assert answer.status_code < 500, route.path
    assert [link for link in world.links() if link not in before] == []
    makers = {route.path for route in ROUTES if route.handler.__qualname__ == "commit"}
    assert makers == {"/proved"}


@pytest.mark.parametrize("code", ["token_auth_time", "token_azp"])
def test_lt20_a_token_that_is_no_persons_sign_in_neither_adds_nor_removes(
    world: World, ada: Person, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    """No `auth_time`, or another `azp`: a service account, an impersonation, a token of another client."""
    strict(world)
    world.clock.move(1000)
    before = world.links()

    async def refuse(*_: Any) -> None:
        raise TokenRejected("nobody signed in", code=code)

    for start in (lambda: add(world, ada), lambda: ada.get(f"/t/acme/remove/{ids(world)['8']}")):
        answer = world.keycloak.signs_in(start().headers["location"], ADA, world.clock())
        with monkeypatch.context() as patch:
            patch.setattr(world.keycloak, "redeem", refuse)
            assert ada.get(answer).status_code == 400
        assert ada.get(answer).status_code in (303, 400)
        assert world.links() == before
    assert ada.get(f"/t/acme/remove/{ids(world)['8']}").headers["location"].startswith(REALM)  # no fresher than before
