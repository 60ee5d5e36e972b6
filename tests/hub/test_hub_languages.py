"""In which language the hub's pages and mails are, and what it hands on to Keycloak."""

from __future__ import annotations

from typing import Any

import pytest
from tests.hub.world import HUB, Person, World, query_of

from linkmw.pages.negotiation import COOKIE

DE = "de-CH, de;q=0.9, en;q=0.1"


def lang_of(answer: Any) -> str:
    return str(answer.text.partition('<html lang="')[2].partition('"')[0])


def tenant_speaks(world: World, tag: str) -> None:
    with world.sql.database.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE tenants SET language = ?", (tag,))
    world.forget_registry()


def signed_out(person: Person, **headers: str) -> Any:
    return person.get("/t/acme/signed-out", **headers)


def test_the_order_is_product_then_choice_then_browser_then_tenant(world: World) -> None:
    tenant_speaks(world, "es")
    person = world.person()
    assert lang_of(signed_out(person)) == "es"
    assert lang_of(signed_out(person, **{"accept-language": "pt, *;q=0.1"})) == "es"
    assert lang_of(signed_out(person, **{"accept-language": DE})) == "de"
    person.post("/language", {"lang": "fr"})
    assert lang_of(signed_out(person, **{"accept-language": DE})) == "fr"
    asked = person.get("/t/acme/signed-out?ui_locales=pt+ja+en", **{"accept-language": DE})
    assert (lang_of(asked), asked.headers["content-language"]) == ("ja", "ja")


def test_a_page_says_its_language_and_is_kept_by_no_cache(world: World) -> None:
    answer = signed_out(world.person(), **{"accept-language": DE})
    assert "Sie sind abgemeldet" in answer.text
    assert answer.headers["content-language"] == "de"
    assert answer.headers["cache-control"] == "no-store"


def test_what_a_product_asks_for_holds_for_the_pages_that_follow(world: World) -> None:
    person = world.person()
    to_keycloak = person.get(world.authorize_url(ui_locales="xx fr-CA en"))
    assert person.http.cookies[COOKIE] == "fr"
    assert query_of(to_keycloak.headers["location"])["ui_locales"] == "fr xx fr-CA en"
    assert lang_of(signed_out(person)) == "fr"


def test_a_language_that_was_chosen_goes_on_to_the_proof_and_comes_back_from_it(world: World) -> None:
    person = world.person()
    person.post("/language", {"lang": "ja"})
    asked = world.sign_in(person)
    assert query_of(asked.headers["location"])["ui_locales"] == "ja"
    code = world.push(world.ask_proof(asked)).json()["code"]
    person.get(f"/proved?code={code}&ui_locales=fr")  # chosen there, meanwhile
    assert world.mails()[0].subject == "Votre compte Orders a été associé à ACME ID"
    assert person.http.cookies[COOKIE] == "fr"


def test_what_a_browser_prefers_is_handed_on_by_the_browser(world: World) -> None:
    person = world.person()
    person.http.headers["accept-language"] = DE
    assert "ui_locales" not in query_of(world.sign_in(person).headers["location"])


def test_fc17_a_picture_of_the_start_changes_no_language(world: World) -> None:
    person = world.person()
    assert person.get(world.authorize_url(ui_locales="fr"), **{"sec-fetch-dest": "image"}).status_code == 204
    assert COOKIE not in person.http.cookies


def test_keycloak_is_told_the_language_of_our_pages(world: World) -> None:
    tenant_speaks(world, "ja")
    person = world.person()
    assert query_of(person.get("/t/acme/sign-in").headers["location"])["ui_locales"] == "ja"
    asked = person.get(world.authorize_url(), **{"accept-language": DE})
    assert query_of(asked.headers["location"])["ui_locales"] == "de"


@pytest.mark.parametrize("asked", ["x" * 1025, "de " * 400, "<script>", "", "de\x00"])
def test_ui_locales_that_say_nothing_are_left_out(world: World, asked: str) -> None:
    person = world.person()
    answer = person.get(world.authorize_url(ui_locales=asked))
    assert answer.status_code == 303
    assert query_of(answer.headers["location"])["ui_locales"].startswith(("en", "de"))


def test_mim07_mails_are_in_the_language_the_link_was_made_in(world: World) -> None:
    person = world.person()
    person.post("/language", {"lang": "de"})
    world.link(person)
    mails = world.mails()
    assert [mail.subject for mail in mails] == [
        "Ihr Konto in Orders wurde mit ACME ID verknüpft",
        "Ein Konto in Orders wurde mit ACME ID verknüpft",
    ]
    assert "Europe/Berlin" in mails[0].text


def test_mim24_the_mail_of_a_removal_is_in_the_links_language_whoever_removes_it(world: World) -> None:
    person = world.person()
    person.post("/language", {"lang": "es"})
    world.link(person)
    stranger = world.person()
    stranger.http.headers["accept-language"] = "ja"
    stranger.get(world.unlink_path())
    shown = stranger.get("/unlink")
    assert lang_of(shown) == "ja"
    stranger.submit(shown, "/unlink")
    (mail,) = world.mails()
    assert mail.subject == "Su cuenta de Orders ya no está vinculada a ACME ID"
    assert '<html lang="es">' in mail.html


def test_mails_about_a_link_from_before_are_in_the_tenants_language(world: World) -> None:
    tenant_speaks(world, "fr")
    world.link(world.person())
    assert world.mails()[0].subject == "Votre compte Orders a été associé à ACME ID"


def test_error_pages_are_in_the_language_too(world: World) -> None:
    person = world.person()
    for path, status in (("/nowhere", 404), ("/t/acme/callback?state=x&code=y", 400), ("/unlink/" + "x" * 43, 404)):
        answer = person.get(path, **{"accept-language": DE})
        assert (answer.status_code, lang_of(answer)) == (status, "de")
        assert 'action="/language"' in answer.text
        assert "Referenz" in answer.text
    assert lang_of(person.post("/continue", {"flow": "x"}, **{"accept-language": DE})) == "de"


def test_the_switch_comes_back_to_the_page_it_is_on(world: World) -> None:
    person = world.person()
    done = world.link(person)
    shown = person.get(done.headers["location"])
    back = done.headers["location"].removeprefix(HUB)
    assert f'<input type="hidden" name="next" value="{back}">' in shown.text
    answer = person.submit(shown, "/language", lang="fr")
    assert (answer.status_code, answer.headers["location"]) == (303, back)
    assert "Vos comptes sont associés" in person.get(back).text


def test_pr11_the_way_back_holds_no_token_and_no_code(world: World) -> None:
    person = world.person()
    for path in ("/unlink/" + "t0ken" * 8 + "xyz", "/t/acme/callback?state=t0ken&code=t0ken", "/proved?code=t0ken"):
        answer = person.get(path)
        assert 'action="/language"' in answer.text
        assert "t0ken" not in answer.text


@pytest.mark.parametrize("evil", ["https://evil.example/", "//evil.example", "/\\evil.example", "/x\r\nSet-Cookie: a"])
def test_xs07_the_switch_leads_nowhere_else(world: World, evil: str) -> None:
    assert world.person().post("/language", {"lang": "de", "next": evil}).headers["location"] == "/"
    answer = world.person().post("/language", {"lang": "de"}, referer=evil)
    assert answer.headers["location"] == "/"


def test_xs01_another_site_changes_no_language(world: World) -> None:
    person = world.person()
    assert person.post("/language", {"lang": "de"}, origin="https://evil.example").status_code == 403
    assert person.post("/language", {"lang": "de"}, **{"sec-fetch-site": "same-site"}).status_code == 403
    assert COOKIE not in person.http.cookies


def test_a_language_that_there_is_not_is_refused(world: World) -> None:
    assert world.person().post("/language", {"lang": "tlh"}).status_code == 400


def test_clients_get_codes_and_no_language(world: World) -> None:
    answer = world.person().get("/gate?v=1", **{"accept-language": DE})
    assert answer.status_code == 401
    assert "content-language" not in answer.headers
