"""A proof, a code and a mail's link count for the person, the product and the browser they were made for."""

from __future__ import annotations

import re

import pytest
from tests.hub.world import ADA, EVE, VERIFIER, Person, World, query_of


def pushed(world: World, person: Person, account_id: str = "7") -> str:
    """The code with which this person would go back to the hub."""
    transaction = world.ask_proof(world.sign_in(person))
    return str(world.push(transaction, account_id).json()["code"])


def test_lt06_what_was_proven_for_ada_is_not_eves_in_the_same_browser(world: World) -> None:
    """Same browser, same product, same account: the proof was made for another identity."""
    person = world.person()
    adas = pushed(world, person)
    eves = world.ask_proof(world.sign_in(person, EVE))  # somebody else sits down and signs in
    world.push(eves)
    assert person.get(f"/proved?code={adas}").status_code == 403
    assert world.links(ADA) == world.links(EVE) == []


def test_lt06_nor_in_another_browser(world: World) -> None:
    adas = pushed(world, world.person())
    eve = world.person()
    world.push(world.ask_proof(world.sign_in(eve, EVE)))
    assert eve.get(f"/proved?code={adas}").status_code == 400
    assert world.links(EVE) == []


def test_lt06_a_proof_names_its_account_and_no_later_word_changes_it(world: World) -> None:
    person = world.person()
    transaction = world.ask_proof(world.sign_in(person))
    code = world.push(transaction, "7").json()["code"]
    assert world.push(transaction, "8").status_code == 409
    assert person.get(f"/proved?code={code}").status_code == 400
    assert world.links() == []


def test_lt07_the_mails_link_names_what_it_is_about_and_waits_for_a_press(world: World) -> None:
    """Somebody who linked a victim's account cannot have the victim's click do more than the victim reads."""
    world.link(world.person())
    path = world.unlink_path()
    victim = world.person()
    victim.get(path)
    page = victim.get("/unlink")
    assert "<strong>" in page.text
    assert "u7" in page.text
    assert "Orders" in page.text
    assert re.search(r"15 Jan 2027 at \d\d:\d\d", page.text)  # when it was linked
    assert world.links() == ["orders/7"]
    assert victim.submit(page, "/unlink").status_code == 303
    assert world.links() == []


def test_lt07_the_waiting_tab_of_another_browser_gains_nothing_by_the_press(world: World) -> None:
    attacker = world.person()
    done = attacker.get(world.link(attacker).headers["location"])
    victim = world.person()
    victim.get(world.unlink_path())
    victim.submit(victim.get("/unlink"), "/unlink")
    answer = attacker.submit(done, "/continue")
    assert answer.status_code in (400, 303)
    assert "code=" not in answer.headers.get("location", "").partition("?")[2].replace("error", "")
    assert world.links() == []


def test_lt07_a_press_from_a_page_of_somebody_else_removes_nothing(world: World) -> None:
    world.link(world.person())
    path = world.unlink_path()
    victim = world.person()
    victim.get(path)
    page = victim.get("/unlink")
    elsewhere = {"origin": "https://evil.example", "sec-fetch-site": "cross-site"}
    csrf = re.search(r'name="csrf" value="([^"]+)"', page.text)
    assert csrf
    assert victim.post("/unlink", {"csrf": csrf[1]}, **elsewhere).status_code == 403
    assert world.person().post("/unlink", {"csrf": csrf[1]}).status_code in (403, 404)
    assert world.links() == ["orders/7"]


def test_lt08_the_hubs_own_forms_refuse_another_origin(world: World) -> None:
    person = world.person()
    done = person.get(world.link(person).headers["location"])
    fields = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', done.text))
    for headers in ({"origin": "https://evil.example"}, {"sec-fetch-site": "same-site"}, {"origin": "null"}):
        assert person.post("/continue", fields, **headers).status_code == 403


def test_bc10_an_account_id_counts_for_its_own_product_only(world: World) -> None:
    """A hostile product says that it proved account 7; whose account 7 elsewhere is, is another matter."""
    world.link(world.person(), "7", ADA, "orders")
    world.link(world.person(), "7", EVE, "stock")
    assert (world.links(ADA), world.links(EVE)) == (["orders/7"], ["stock/7"])
    location = world.sign_in(world.person(), EVE, "stock").headers["location"]
    said = world.redeem(location, "stock").json()
    assert "id_token" in said
    assert (
        world.sign_in(world.person(), EVE, "orders")
        .headers["location"]
        .startswith("https://orders.example/.linkmw/prove")
    )


def test_bc11_who_has_a_recycled_name_has_no_link_by_it(world: World) -> None:
    """Account 7 was called ada; now 8 is. The link is of 7, and 8 is proven and linked like any other."""
    person = world.person()
    person.get(f"/proved?code={_named(world, person, '7', 'ada')}")
    assert world.links(ADA) == ["orders/7"]
    eve = world.person()
    assert eve.get(f"/proved?code={_named(world, eve, '8', 'ada', EVE)}").status_code == 303
    assert (world.links(ADA), world.links(EVE)) == (["orders/7"], ["orders/8"])


def _named(world: World, person: Person, account_id: str, username: str, identity: object = ADA) -> str:
    transaction = world.ask_proof(world.sign_in(person, identity))  # type: ignore[arg-type]
    return str(world.push(transaction, account_id, username=username).json()["code"])


@pytest.mark.parametrize(
    ("client", "changed"),
    [
        ("stock", {"redirect_uri": "https://orders.example/.linkmw/callback"}),
        ("orders", {"code_verifier": "w" * 43}),
        ("orders", {"code_verifier": ""}),
    ],
)
def test_bc13_bc14_a_misused_code_is_burnt_and_stands_in_the_audit_trail(
    world: World, client: str, changed: dict[str, str]
) -> None:
    world.add_link("7")
    location = world.sign_in(world.person()).headers["location"]
    assert query_of(location)["code"]
    assert world.redeem(location, client, **changed).json() == {"error": "invalid_grant"}
    assert world.redeem(location, "orders", code_verifier=VERIFIER).json() == {"error": "invalid_grant"}
    rows = world._rows("SELECT code, client_id, account_id, actor FROM audit WHERE event = 'code_refused'")
    assert [tuple(row) for row in rows] == [("invalid_grant", "orders", "7", client)]


def test_bf02_the_proof_request_names_the_person_by_one_pairwise_word(world: World) -> None:
    words = set()
    for identity, email in ((ADA, "ada@acme.example"), (ADA, "countess@acme.example"), (EVE, "ada@acme.example")):
        handle = query_of(world.sign_in(world.person(), identity, email=email).headers["location"])["handle"]
        said = world.back_channel("/proof-requests", {"handle": handle}).json()
        assert identity.subject not in str(said)
        words.add((identity, said["identity"]))
    assert len(words) == 2
    assert len({word for _, word in words}) == 2


def test_pr07_how_somebody_signed_in_at_keycloak_reaches_the_product(world: World) -> None:
    from linkmw.oidc.jose import KeySet, verify_signature

    world.add_link("7")
    for amr in (("pwd",), ("pwd", "otp"), ()):
        location = world.sign_in(world.person(), amr=amr).headers["location"]
        token = world.redeem(location).json()["id_token"]
        keys = KeySet.read(world.person().get("/o/orders/jwks").json())
        claims = verify_signature(token, keys, algorithms=frozenset({"RS256"}), types=frozenset(("jwt", "")))
        assert claims.get("amr", []) == list(amr)
