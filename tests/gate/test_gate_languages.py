"""In which language the gate's pages and button are, and how a person changes it."""

from __future__ import annotations

from typing import Any

import pytest
from tests.gate.world import SITE, Browser, World, header, heading, location

from linkmw.http import Decorate, Request
from linkmw.pages.negotiation import COOKIE

DE = "de-CH, de;q=0.9, en;q=0.1"


def lang_of(page: str) -> str:
    return page.partition('<html lang="')[2].partition('"')[0]


def switches(person: Browser, tag: str = "de", **more: str) -> Any:
    """Presses a language at the foot of a page that was found at /orders."""
    fields = {"lang": tag, "next": "/.linkmw/sign-in", **more}
    return person.post("/.linkmw/language", {name: value for name, value in fields.items() if value})


def test_a_page_is_in_the_browsers_language_and_says_so(world: World) -> None:
    person = world.browser()
    answer = person.get("/.linkmw/sign-in", accept_language=DE)
    assert heading(person.page) == "In Orders anmelden"
    assert (lang_of(person.page), header(answer, "Content-Language")) == ("de", "de")
    assert header(answer, "Cache-Control") == "no-store"  # nothing to vary by
    person.get("/.linkmw/sign-in", accept_language="pt, *")
    assert heading(person.page) == "Sign in to Orders"


def test_what_was_chosen_goes_before_what_the_browser_prefers(world: World) -> None:
    person = world.browser()
    answer = switches(person, "ja")
    assert (answer.status, location(answer)) == (303, "/.linkmw/sign-in")
    [cookie] = [value for name, value in answer.headers if name == "Set-Cookie"]
    assert cookie == f"{COOKIE}=ja; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=31536000"
    person.get(location(answer), accept_language=DE)
    assert lang_of(person.page) == "ja"
    person.cookies[COOKIE] = "xx"
    person.get("/.linkmw/sign-in", accept_language=DE)
    assert lang_of(person.page) == "de"


def test_every_page_has_the_switch_and_comes_back_to_itself(world: World) -> None:
    person = world.browser()
    person.get("/.linkmw/sign-in")
    assert 'action="/.linkmw/language"' in person.page
    assert '<input type="hidden" name="next" value="/.linkmw/sign-in">' in person.page
    assert '<button type="submit" name="lang" value="fr" lang="fr">Français</button>' in person.page
    assert 'lang="en" aria-current="true">English' in person.page


def test_a_refused_form_comes_back_to_its_own_page(world: World) -> None:
    person = world.browser()
    person.arrives()
    shown = person.page.partition('name="record" value="')[2].partition('"')[0]
    person.submit(username="ada", password="no")
    assert f'name="next" value="/.linkmw/prove?record={shown}"' in person.page
    person.get(f"/.linkmw/prove?record={shown}", accept_language="es")
    assert heading(person.page) == "Vincule su cuenta"


def test_pr17_an_address_with_a_code_in_it_stands_in_no_page(world: World) -> None:
    person = world.browser()
    person.get("/.linkmw/callback?state=s3cr3t&code=c0d3&iss=x")
    assert 'action="/.linkmw/language"' in person.page
    assert 'name="next"' not in person.page
    assert "s3cr3t" not in person.page
    assert "c0d3" not in person.page


def test_without_a_word_where_to_it_is_the_page_the_browser_names(world: World) -> None:
    person = world.browser()
    answer = person.post("/.linkmw/language", {"lang": "de"}, referer=f"{SITE}/.linkmw/go?record=x")
    assert location(answer) == "/.linkmw/go?record=x"
    answer = person.post("/.linkmw/language", {"lang": "de"}, referer="https://evil.example/")
    assert location(answer) == "/"


@pytest.mark.parametrize("evil", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"])
def test_xs07_the_switch_leads_nowhere_else(world: World, evil: str) -> None:
    assert location(switches(world.browser(), next=evil)) == "/"


def test_xs01_another_site_changes_no_language(world: World) -> None:
    person = world.browser()
    for headers in ({"origin": "https://evil.example"}, {"sec_fetch_site": "cross-site"}):
        answer = person.post("/.linkmw/language", {"lang": "de"}, **headers)
        assert answer.status == 403
    assert COOKIE not in person.cookies


@pytest.mark.parametrize("tag", ["", "xx", "de-CH", "../de", "de\r\nSet-Cookie: a=b"])
def test_a_language_that_there_is_not_is_refused(world: World, tag: str) -> None:
    person = world.browser()
    assert person.post("/.linkmw/language", {"lang": tag}).status == 400
    assert COOKIE not in person.cookies


def test_an_error_page_is_in_the_language_too(world: World) -> None:
    world.hub.away = True
    person = world.browser()
    answer = person.get("/.linkmw/login", accept_language="fr")
    assert answer.status == 503
    assert heading(person.page) == "La connexion n’est pas disponible pour le moment"
    assert "Erreur\u00a0: " in person.page
    assert header(answer, "Content-Language") == "fr"


def test_p2_the_button_is_in_the_browsers_language(world: World) -> None:
    def button(accept: str) -> str:
        headers = {"accept": "text/html", "accept-language": accept}
        answer = world.answer(Request("GET", "/login", "", headers))
        assert isinstance(answer, Decorate)
        return answer.button

    assert "Mit ACME ID anmelden" in button(DE)
    assert 'lang="de"' in button(DE)
    assert "Sign in with ACME ID" in button("")


def test_fc18_only_a_language_that_was_chosen_goes_on_to_the_hub(world: World) -> None:
    person = world.browser()
    answer = person.get("/.linkmw/login?ui_locales=fr&lang=fr&next=/orders", accept_language=DE)
    assert answer.status == 303
    assert "ui_locales" not in location(answer)  # what the browser prefers it tells the hub itself
    switches(person, "es")
    assert person.starts()["ui_locales"] == "es"


def test_the_hubs_language_goes_on_at_the_proof_and_what_is_chosen_there_goes_back(world: World) -> None:
    person = world.browser()
    world.proof_arrives()
    person.follow(person.get("/.linkmw/prove?handle=handle&ui_locales=es", accept_language=DE))
    assert heading(person.page) == "Vincule su cuenta"
    answer = person.follow(person.submit(username="ada", password="correct horse"))
    assert location(answer).startswith("https://id.example/proved?code=")
    assert location(answer).endswith("&ui_locales=es")


def test_fc18_no_other_address_is_asked_for_a_language(world: World) -> None:
    person = world.browser()
    person.get("/.linkmw/sign-in?ui_locales=es")
    assert lang_of(person.page) == "en"
    assert COOKIE not in person.cookies


def test_the_language_of_one_request_is_not_that_of_the_next(world: World) -> None:
    one, other = world.browser(), world.browser()
    one.get("/.linkmw/sign-in", accept_language="ja")
    other.get("/.linkmw/sign-in")
    assert (lang_of(one.page), lang_of(other.page)) == ("ja", "en")
