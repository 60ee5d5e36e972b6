"""The support page: who may see it, what it shows, what it may do, and that all of it is written down."""

from __future__ import annotations

import asyncio
import inspect
import re
from dataclasses import replace
from typing import Any

import pytest
from tests.hub.test_hub_shape import HOSTILE
from tests.hub.world import ACME, ADA, EVE, HUB, REALM, SETTINGS, Person, World, form_of, product

from linkmw.hub import rules
from linkmw.hub.app import ROUTES, build_app
from linkmw.hub.flows import rollout, support
from linkmw.hub.relying_party import read_sign_in
from linkmw.model import Identity

GRACE = Identity(REALM, "grace-sub")
WRITE, READ = "linkmw-support", "linkmw-support-read"
DESK = "/t/acme/support"
ADAS = f"{DESK}/person/ada-sub"
HOUR = 3600


def worker(world: World, *roles: str, identity: Identity = GRACE) -> Person:
    """Somebody with these roles, signed in at the hub just now."""
    person = world.person()
    to_keycloak = person.get(DESK).headers["location"]
    person.get(world.keycloak.signs_in(to_keycloak, identity, world.clock(), roles=roles))
    return person


def find(worker: Person, name: str) -> Any:
    return worker.submit(worker.get(DESK), DESK, name=name)


def trail(world: World, event: str) -> list[tuple[str, str, str, str]]:
    """subject, code, actor and ip of each event of that kind."""
    rows = world._rows("SELECT event, subject, code, actor, ip FROM audit ORDER BY audit_id")
    return [tuple(row[1:]) for row in rows if row[0] == event]


@pytest.fixture
def linked(world: World) -> World:
    """Ada has the account 7 of Orders; its product says that it is nobody's of the staff."""
    world.link(world.person())
    world.accounts.staff = False
    return world


# ---- who may


def test_pr27_who_signs_in_comes_back_to_the_desk(world: World) -> None:
    person = world.person()
    to_keycloak = person.get(DESK).headers["location"]
    back = person.get(world.keycloak.signs_in(to_keycloak, GRACE, world.clock(), roles=(WRITE,)))
    assert back.headers["location"] == HUB + DESK
    assert "<h1>Find somebody</h1>" in person.get(DESK).text


@pytest.mark.parametrize(
    "roles", [(), ("admin",), ("linkmw-support-",), ("LINKMW-SUPPORT",), ("linkmw-support-globex",)]
)
def test_pr27_without_the_role_there_is_no_such_page(linked: World, roles: tuple[str, ...]) -> None:
    person = worker(linked, *roles)
    for path in (DESK, f"{DESK}/rollout", ADAS, f"{ADAS}/remove/1"):
        assert person.get(path).status_code == 404
    for path in (DESK, f"{ADAS}/end", f"{ADAS}/resend", f"{ADAS}/remove/1"):
        assert person.post(path, {"name": "ada", "mail": "1", "csrf": "x"}).status_code == 404
    assert linked.links() == ["orders/7"]
    assert trail(linked, "support_refused") == [("", "not_found", "support:grace-sub", "testclient")]


def test_pr27_a_session_that_a_proof_began_has_no_role(linked: World) -> None:
    session = replace(_session(linked), by_proof="orders", support="write")
    assert not rules.opens(session, ACME)


def _session(world: World) -> Any:
    person = worker(world, WRITE)
    sid = person.http.cookies["__Host-linkmw-hub-session"]
    return asyncio.run(world.ports.sessions.get(sid, 60))


def test_pr27_mim28_an_old_sign_in_has_to_be_made_anew(linked: World) -> None:
    person = worker(linked, WRITE)
    assert person.get(ADAS).status_code == 200
    linked.clock.move(HOUR // 4 + 61)
    for path in (DESK, ADAS, f"{DESK}/rollout"):
        answer = person.get(path)
        assert (answer.status_code, "max_age=900" in answer.headers["location"]) == (303, True)
    form = form_of(worker(linked, WRITE).get(ADAS).text, f"{ADAS}/end")
    answer = person.post(f"{ADAS}/end", form)
    assert answer.headers["location"].startswith(REALM)
    assert linked.keycloak.signed_out == []


def test_pr27_the_role_is_the_tenants_own_where_its_name_says_so(world: World) -> None:
    settings = replace(SETTINGS, support_role="support-{tenant}")
    world.app = build_app(world.ports, settings)
    assert worker(world, "support-globex").get(DESK).status_code == 404
    assert worker(world, "support-acme").get(DESK).status_code == 200


def test_pr27_the_role_that_only_looks_sees_everything_and_does_nothing(linked: World) -> None:
    person = worker(linked, READ)
    page = person.get(ADAS).text
    assert "u7" in page
    assert set(re.findall(r'action="([^"]+)"', page)) == {"/t/acme/sign-out", "/language"}
    forms = worker(linked, WRITE)
    for path in ("/end", "/resend", "/remove/1"):
        answer = person.post(ADAS + path, form_of(forms.get(ADAS).text, f"{ADAS}/end"))
        assert answer.status_code == 403
    assert person.get(f"{ADAS}/remove/1").status_code == 403
    assert (linked.links(), linked.keycloak.signed_out) == (["orders/7"], [])
    assert [code for _, code, *_ in trail(linked, "support_refused")] == ["read_only"]


def test_pr27_no_route_of_the_support_makes_a_link() -> None:
    assert "links.add" not in inspect.getsource(support) + inspect.getsource(rollout)
    paths = {route.path.rpartition("support")[2] for route in ROUTES if "/support" in route.path}
    assert paths == {
        "",
        "/rollout",
        *(f"/person/{{subject}}{act}" for act in ("", "/end", "/resend", "/remove/{link_id}")),
    }


# ---- finding


@pytest.mark.parametrize("name", ["ada@acme.example", "ADA@acme.example", "u7@shop.example", "u7", "7", " u7 "])
def test_pr27_somebody_is_found_by_what_is_written_exactly(linked: World, name: str) -> None:
    person = worker(linked, READ)
    answer = find(person, name)
    assert answer.headers["location"] == HUB + ADAS
    person.get(ADAS)
    assert trail(linked, "support_looked") == [("ada-sub", "", "support:grace-sub", "testclient")]


@pytest.mark.parametrize("name", ["", "ada", "u", "%", "ada@acme", "x" * 5000, "\0", "u7'--", HOSTILE])
def test_pr27_nobody_is_found_by_anything_else_and_that_is_written_down_too(linked: World, name: str) -> None:
    answer = find(worker(linked, READ), name)
    assert answer.status_code == 200
    assert "Nobody was found" in answer.text
    assert trail(linked, "support_looked") == [("", "", "support:grace-sub", "testclient")]
    assert "ada-sub" not in answer.text


def test_pr27_one_who_is_at_keycloak_alone_is_found_by_the_address(world: World) -> None:
    identity = world.realm.add("new@acme.example", verified=False)
    person = worker(world, READ)
    answer = find(person, "new@acme.example")
    assert answer.headers["location"] == f"{HUB}{DESK}/person/{identity.subject}"
    page = person.get(answer.headers["location"]).text
    assert "the e-mail address is not verified" in page
    world.realm.away = True
    assert "Nobody was found" in find(person, "new@acme.example").text


def test_pr27_several_of_one_name_are_listed(linked: World) -> None:
    linked.add_link("u7", identity=EVE, client_id="stock")
    page = find(worker(linked, READ), "u7").text
    assert "2 people" in page
    assert {f'href="{DESK}/person/{who}"' in page for who in ("ada-sub", "eve-sub")} == {True}


def test_pr08_pr27_another_tenants_people_are_not_there(linked: World) -> None:
    linked.sql.admin.add_tenant(replace(ACME, organization_id="globex"))
    linked.register(product("shop", "globex"))
    linked.add_link("99", identity=EVE, client_id="shop")
    person = worker(linked, WRITE)
    assert "Nobody was found" in find(person, "u99").text
    assert person.get(f"{DESK}/person/eve-sub").status_code == 404
    assert person.get("/t/globex/support").status_code == 303  # a session is of one tenant


def test_ake29_a_reference_is_found_with_what_is_written_under_it(linked: World) -> None:
    visitor = linked.person()
    to_keycloak = visitor.get(linked.authorize_url()).headers["location"]
    back = linked.keycloak.signs_in(to_keycloak, ADA, linked.clock())
    linked.keycloak.codes.clear()
    reference = re.search(r'class="reference">([^<]+)<', visitor.get(back).text)
    assert reference
    page = find(worker(linked, READ), reference[1].lower()).text
    assert "<code>sign_in_failed</code>" in page
    assert f"What has the reference {reference[1].lower()}" in page


def test_xs02_a_search_is_a_form_of_this_very_session(linked: World) -> None:
    person = worker(linked, WRITE)
    assert person.post(DESK, {"name": "u7", "csrf": "x"}).status_code == 403
    other = form_of(worker(linked, WRITE, identity=EVE).get(DESK).text, DESK)
    assert person.post(DESK, {"name": "u7", **other}).status_code == 403


# ---- one person


def test_pr27_i12_the_page_shows_what_there_is_and_no_secret(linked: World) -> None:
    linked.mails()
    page = worker(linked, WRITE).get(ADAS).text
    for shown in (
        "u7",
        "Orders",
        "<code>linked</code>",
        "<code>linked_for_identity</code>",
        "sent",
        "Firefox on Linux",
    ):
        assert shown in page, shown
    for token in re.findall(r"/unlink/(\S+)", linked.stored()):
        assert token not in page
    assert "/unlink/" not in page


def test_kf01_the_page_is_there_while_keycloak_is_away(linked: World) -> None:
    linked.realm.away = True
    page = worker(linked, READ).get(ADAS).text
    assert "The identity provider did not answer" in page
    assert "u7" in page


@pytest.mark.parametrize("subject", ["nobody", "%00", "a%20b", "x" * 300, "..%2f..", "%E2%80%AE"])
def test_lt14_somebody_who_is_not_there_is_404(linked: World, subject: str) -> None:
    person = worker(linked, WRITE)
    assert person.get(f"{DESK}/person/{subject}").status_code == 404


def test_pr27_every_look_is_written_down(linked: World) -> None:
    person = worker(linked, READ)
    for _ in range(3):
        person.get(ADAS)
    assert len(trail(linked, "support_looked")) == 3


# ---- what it does


def remove(world: World, person: Person, link_id: int = 1) -> Any:
    path = f"{ADAS}/remove/{link_id}"
    asked = person.get(path)
    return person.submit(asked, path) if asked.status_code == 200 else asked


def test_pr27_mim24_a_link_is_removed_with_its_mail_and_its_sessions(linked: World) -> None:
    linked.mails()
    person = worker(linked, WRITE)
    question = person.get(f"{ADAS}/remove/1")
    assert 'role="alertdialog"' in question.text
    assert linked.links() == ["orders/7"]
    answer = person.submit(question, f"{ADAS}/remove/1")
    assert answer.headers["location"] == f"{HUB}{ADAS}?done=removed"
    assert "The link was removed" in person.get(answer.headers["location"]).text
    assert linked.links() == []
    [mail] = linked.mails()
    assert (mail.kind, mail.recipient) == ("unlinked", "u7@shop.example")
    assert "By: ACME ID support" in mail.text
    assert "testclient" not in mail.text + mail.html
    assert trail(linked, "unlinked") == [("ada-sub", "", "support:grace-sub", "testclient")]
    assert linked._rows("SELECT count(*) FROM logouts") == [(1,)]
    again = person.submit(question, f"{ADAS}/remove/1")
    assert again.headers["location"] == f"{HUB}{ADAS}?done=gone"
    assert (linked.mails(), len(trail(linked, "unlinked"))) == ([], 1)


def test_pr27_ops02_whose_it_was_reads_by_whom(linked: World) -> None:
    remove(linked, worker(linked, WRITE))
    page = linked.in_manager(linked.person()).text
    assert "by the support" in page
    assert "grace" not in page
    assert "Firefox on Linux" in page  # the owner's own browser, where the owner did something


@pytest.mark.parametrize(
    ("staff", "away", "done"), [(True, False, "staff"), (None, False, "staff_unknown"), (False, True, "staff_unknown")]
)
def test_pr27_staff_are_left_alone(linked: World, staff: bool | None, away: bool, done: str) -> None:
    person = worker(linked, WRITE)
    form = form_of(person.get(f"{ADAS}/remove/1").text, f"{ADAS}/remove/1")
    linked.accounts.staff, linked.accounts.away = staff, away
    for answer in (person.get(f"{ADAS}/remove/1"), person.post(f"{ADAS}/remove/1", form)):
        assert answer.headers["location"] == f"{HUB}{ADAS}?done={done}"
    assert "Nothing was changed" in person.get(f"{ADAS}?done={done}").text
    assert linked.links() == ["orders/7"]
    assert trail(linked, "support_refused")[-1][:3] == ("ada-sub", done, "support:grace-sub")


def test_pr27_a_link_whose_account_is_gone_is_nobodys_of_the_staff(linked: World) -> None:
    linked.accounts.gone.add("7")
    remove(linked, worker(linked, WRITE))
    assert linked.links() == []
    assert trail(linked, "account_gone")[0][2] == "support:grace-sub"


@pytest.mark.parametrize("link_id", ["2", "0", "-1", "1x", "9" * 30])
def test_lt14_only_links_of_that_very_person(linked: World, link_id: str) -> None:
    linked.add_link("8", identity=EVE)
    person = worker(linked, WRITE)
    assert person.get(f"{ADAS}/remove/{link_id}").status_code == 404
    form = form_of(person.get(f"{ADAS}/remove/1").text, f"{ADAS}/remove/1")
    answer = person.post(f"{ADAS}/remove/{link_id}", form)
    assert (answer.status_code, linked.links(EVE)) == (303, ["orders/8"])


def test_ops8_pr27_every_session_of_the_person_ends(linked: World) -> None:
    ada = linked.person()
    assert linked.in_manager(ada).status_code == 200
    person = worker(linked, WRITE)
    answer = person.submit(person.get(ADAS), f"{ADAS}/end")
    assert answer.headers["location"] == f"{HUB}{ADAS}?done=ended"
    assert ada.get("/t/acme/").status_code == 303
    assert linked.keycloak.signed_out == [ADA]
    assert linked._rows("SELECT count(*) FROM logouts WHERE hub_sid = ''") == [(1,)]
    assert trail(linked, "signed_out") == [("ada-sub", "", "support:grace-sub", "testclient")]
    assert person.get(DESK).status_code == 200  # its own goes on


def test_kf01_the_rest_has_ended_while_keycloak_is_away(linked: World) -> None:
    ada = linked.person()
    linked.in_manager(ada)
    person = worker(linked, WRITE)
    page = person.get(ADAS)
    linked.keycloak.away = True
    answer = person.submit(page, f"{ADAS}/end")
    assert answer.headers["location"] == f"{HUB}{ADAS}?done=ended_here"
    linked.keycloak.away = False
    assert ada.get("/t/acme/").status_code == 303


def test_pr27_a_mail_that_waits_or_was_given_up_goes_out_now_to_where_it_was_going(linked: World) -> None:
    first, second = asyncio.run(linked.sql.outbox.claim(linked.clock(), 10))
    asyncio.run(linked.sql.outbox.failed(first.item_id, "550", None))
    asyncio.run(linked.sql.outbox.sent(second.item_id, linked.clock()))
    person = worker(linked, WRITE)
    page = person.get(ADAS)
    assert ("given up" in page.text, page.text.count('name="mail"')) == (True, 1)
    answer = person.submit(page, f"{ADAS}/resend")
    assert answer.headers["location"] == f"{HUB}{ADAS}?done=resent"
    assert linked.mails() == [first.mail]
    assert trail(linked, "mail_resent") == [("ada-sub", "", "support:grace-sub", "testclient")]
    form = form_of(page.text, f"{ADAS}/resend")
    for item in (form["mail"], str(second.item_id), "99", "x"):  # sent by now, sent before, not this person's
        answer = person.post(f"{ADAS}/resend", {**form, "mail": item})
        assert answer.headers["location"].endswith("done=gone")
    assert linked.mails() == []


@pytest.mark.parametrize("act", ["end", "resend", "remove/1"])
def test_xs02_an_act_is_a_form_of_this_very_session(linked: World, act: str) -> None:
    person = worker(linked, WRITE)
    for form in ({}, {"csrf": "x"}, form_of(worker(linked, WRITE).get(DESK).text, DESK)):
        assert person.post(f"{ADAS}/{act}", {"mail": "1", **form}).status_code == 403
    assert (linked.links(), linked.keycloak.signed_out) == (["orders/7"], [])


# ---- the roll-out page


def test_ops2_the_rollout_page_counts_what_the_trail_has(linked: World) -> None:
    person = linked.person()
    transaction = linked.ask_proof(linked.sign_in(person, EVE))
    code = linked.push(transaction).json()["code"]
    person.get(f"/proved?code={code}")  # account 7 is Ada's
    page = worker(linked, READ).get(f"{DESK}/rollout?days=90").text
    text = re.sub(r"<[^>]+>|\s+", " ", page)
    assert "The last 90 days" in text
    assert re.search(r"Asked for the old account\s+2\s+100%", text)
    assert re.search(r"Account proven\s+2\s+100%", text)
    assert re.search(r"Linked\s+1\s+50%", text)
    assert re.search(r"account_taken\s+link_refused\s+1", text)
    assert "1 now; 1 more than at the start" in text
    assert "Mail to confirm" not in text
    for drawing in re.findall(r"<svg viewBox.*?</svg>", page, re.DOTALL)[-2:]:
        assert re.search(r'role="img" aria-labelledby="(\w+)-title \1-text"', drawing)
        assert "style=" not in drawing


@pytest.mark.parametrize("days", ["", "0", "-1", "1000000", "x"])
def test_ds02_nobody_asks_for_more_days_than_there_are(linked: World, days: str) -> None:
    assert "The last 30 days" in worker(linked, READ).get(f"{DESK}/rollout?days={days}").text


# ---- where the roles come from


def test_pr27_roles_are_those_of_the_id_token_and_no_odd_shape_is_any() -> None:
    said = {"iss": REALM, "sub": "x", "auth_time": 1}
    odd: list[Any] = [None, [], "linkmw-support", {"roles": "linkmw-support"}, {"roles": None}, {"roles": [1, {}]}]
    for access in odd:
        assert read_sign_in({**said, "realm_access": access}).roles == ()
    assert read_sign_in({**said, "realm_access": {"roles": [1, "a"]}}).roles == ("a",)
