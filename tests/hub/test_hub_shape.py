"""The hub's answers as a browser, a cache and an attacker see them: whatever a request says in whichever parameter."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

import pytest
from tests.hub.world import ACME, ADA, HUB, Person, World, form_of, product, query_of

from linkmw.http import with_query
from linkmw.hub.app import ROUTES
from linkmw.hub.browser import BROWSER, SESSION, UNLINK
from linkmw.hub.settings import HubSettings

EVIL = (
    "https://evil.example/",
    "//evil.example",
    "/\\evil.example",
    "https:evil.example",
    "javascript:alert(1)//evil.example",
    "/x\r\nLocation: https://evil.example",
    "https://orders.example/.linkmw/callback@evil.example",
    "https://orders.example.evil.example/.linkmw/callback",
    "https://orders.example/.linkmw/callback?next=//evil.example",
)
PARAMETERS = (
    *("client_id", "redirect_uri", "state", "nonce", "scope", "prompt", "login_hint", "ui_locales", "request_uri"),
    *("code", "iss", "error", "error_description", "error_uri", "session_state", "flow", "handle", "csrf"),
    *("next", "return_to", "post_logout_redirect_uri", "id_token_hint", "target_link_uri", "lang", "response_mode"),
    *("then", "done", "link", "arrow", "choice", "seen", "order", "up", "down"),
)
HOSTS = {"hub.example", "kc.example", "orders.example", "stock.example", ""}  # "" is mailto:
BROWSER_ROUTES = [route for route in ROUTES if route.to == "browser"]
OTHERS = [route for route in ROUTES if route.to == "client"]


class Page(HTMLParser):
    """Where a page may lead, by itself or by a press; its tags, its text, and whom each piece of text is inside."""

    LEADING = ("href", "src", "action", "formaction", "data", "poster", "srcset")

    def __init__(self, html: str) -> None:
        super().__init__()
        self.targets: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.texts: list[tuple[str, tuple[str, ...]]] = []
        self._open: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append(tag)
        self._open.append(tag)
        named = {name: value or "" for name, value in attrs}
        self.attributes += named.items()
        self.targets += [named[name] for name in self.LEADING if name in named]
        if named.get("http-equiv", "").lower() == "refresh":
            self.targets.append(named["content"].partition("url=")[2])

    def handle_endtag(self, tag: str) -> None:
        if tag in self._open:
            del self._open[len(self._open) - 1 - self._open[::-1].index(tag) :]

    def handle_data(self, data: str) -> None:
        self.texts.append((data, tuple(self._open)))


def hosts(answer: Any) -> set[str]:
    """Every host that the answer sends a browser to, or offers it."""
    targets = [answer.headers[name] for name in ("location", "refresh", "link") if name in answer.headers]
    targets += Page(answer.text).targets if "html" in answer.headers.get("content-type", "") else []
    return {urlsplit(urljoin(HUB, target)).hostname or "" for target in targets}


def path_of(route: Any, **given: str) -> str:
    """The route's path with its parameters filled in."""
    known = {
        "client_id": "orders",
        "organization_id": "acme",
        "link_id": "1",
        "subject": "ada-sub",
        "token": "t" * 43,
        "name": "look.css",
    }
    right = {**known, **given}
    return re.sub(r"\{(\w+)\}", lambda found: quote(right[found[1]], safe=""), route.path)


@pytest.fixture
def busy(world: World) -> tuple[World, Person]:
    """Ada is signed in at the hub, has a link, and is on her way to another one."""
    person = world.person()
    world.link(person)
    world.sign_in(person, client_id="stock")
    return world, person


@pytest.mark.parametrize("route", BROWSER_ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_xs07_no_parameter_leads_to_another_site(busy: tuple[World, Person], route: Any) -> None:
    world, person = busy
    right = query_of(world.authorize_url()) if route.path.endswith("authorize") else {}
    for parameter in PARAMETERS:
        for evil in EVIL if parameter == "redirect_uri" else EVIL[:2]:
            asked = {**right, parameter: evil}
            if route.method == "GET":
                answers = [person.get(with_query(path_of(route), **asked))]
            else:
                answers = [person.post(path_of(route), asked), person.post(with_query(path_of(route), **asked), {})]
            for answer in answers:
                assert hosts(answer) <= HOSTS, (parameter, evil)
                assert answer.status_code < 500


@pytest.mark.parametrize("evil", EVIL)
def test_xs07_no_path_leads_to_another_site(busy: tuple[World, Person], evil: str) -> None:
    _, person = busy
    for route in BROWSER_ROUTES:
        for name in re.findall(r"\{(\w+)\}", route.path):
            path = path_of(route, **{name: evil})
            answer = person.get(path) if route.method == "GET" else person.post(path, {})
            assert hosts(answer) <= HOSTS
            assert answer.status_code in (303, 400, 404, 405)


def test_xs07_the_continue_button_goes_where_the_product_is_registered(world: World) -> None:
    for more in (
        {"redirect_uri": "https://evil.example/cb"},
        {"redirect_uri": "https://orders.example/.linkmw/callback/x"},
    ):
        answer = world.person().get(world.authorize_url(**more))
        assert answer.status_code == 400
        assert "evil" not in answer.text
        assert "location" not in answer.headers


# ---- what every answer says


def answers(world: World) -> Iterator[tuple[str, Any]]:
    """One answer of every kind that a browser gets."""
    person = world.person()
    yield "nobody", person.get("/t/acme/")
    yield "front", person.get("/")
    yield "unknown page", person.get("/nothing")
    yield "wrong method", person.http.request("DELETE", "/linked")
    yield "no sign-in begun", person.get("/t/acme/callback?state=x&code=y")
    yield "start", person.get(world.authorize_url())
    yield "bad redirect", person.get(world.authorize_url(redirect_uri="https://evil.example"))
    yield "unknown product", person.get(world.authorize_url("nobody"))
    transaction = world.ask_proof(world.sign_in(person))
    yield "not you", person.get(f"/switch-identity?handle={transaction}")
    code = world.push(transaction).json()["code"]
    proved = person.get(f"/proved?code={code}")
    yield "proved", proved
    linked = person.get(proved.headers["location"])
    yield "linked", linked
    yield "continue", person.submit(linked, "/continue")
    yield "used twice", person.get(f"/proved?code={code}")
    yield "csrf", person.post("/continue", {"flow": "x", "csrf": "y"})
    manager = person.get("/t/acme/")
    yield "manager", manager
    unlink = world.unlink_path()
    swapped = person.get(unlink)
    yield "mail link", swapped
    preview = person.get("/unlink")
    yield "preview", preview
    yield "removed", person.submit(preview, "/unlink")
    yield "unlinked", person.get("/unlinked?client_id=orders")
    yield "gone", person.get(unlink)
    yield "unknown link", person.get(f"/unlink/{'t' * 43}")
    yield "signed out", person.submit(manager, "/t/acme/sign-out")
    yield "signed-out page", person.get("/t/acme/signed-out")
    world.keycloak.away = True
    yield "away", person.get(world.authorize_url())
    world.keycloak.away = False


def test_xs11_xs10_sc08_every_answer_to_a_browser_is_kept_by_nobody(world: World) -> None:
    kinds = dict(answers(world))
    assert len(kinds) == 24
    for kind, answer in kinds.items():
        assert answer.headers["cache-control"] == "no-store", kind
        assert answer.headers["x-content-type-options"] == "nosniff", kind
        assert answer.headers["referrer-policy"] == "same-origin", kind
        assert answer.headers["cross-origin-opener-policy"] == "same-origin", kind
        assert answer.status_code < 500 or kind == "away", kind


def test_xs04_xs03_xs05_the_policy_of_every_page(world: World) -> None:
    pages = 0
    for kind, answer in answers(world):
        if answer.status_code == 303:
            continue
        pages += 1
        directives = answer.headers["content-security-policy"].split(";")
        policy = dict(part.strip().partition(" ")[::2] for part in directives)
        assert policy["default-src"] == policy["base-uri"] == policy["frame-ancestors"] == "'none'", kind
        assert policy["style-src"] == policy["img-src"] == "'self'", kind
        scripts = "'self'" if "<script" in answer.text else "'none'"
        assert policy["script-src"] == policy["connect-src"] == scripts, kind
        assert "unsafe" not in str(policy), kind
        assert "*" not in str(policy), kind
        ends = set(policy["form-action"].split()) - {"'self'"}
        assert ends <= {"https://kc.example", "https://orders.example"}, kind
        page = Page(answer.text)
        assert not {"style", "iframe", "object", "embed", "base"} & set(page.tags), kind
        assert not [name for name, _ in page.attributes if name == "style" or name.startswith("on")], kind
    assert pages >= 14


def test_xs04_a_form_whose_redirects_end_elsewhere_names_where(world: World) -> None:
    """Chrome applies form-action to what a POST is redirected to."""
    kinds = dict(answers(world))
    for kind, origin in (("linked", "https://orders.example"), ("not you", "https://kc.example")):
        assert origin in kinds[kind].headers["content-security-policy"].partition("form-action")[2].split(";")[0]


def test_xs11_the_back_channel_is_kept_by_nobody_either(world: World) -> None:
    person = world.person()
    for route in OTHERS:
        answer = person.http.request(route.method, path_of(route))
        assert answer.headers["cache-control"] == "no-store", route.path
        assert "set-cookie" not in answer.headers, route.path
    for call in ("/proof-requests", "/proofs"):
        assert world.back_channel(call, {}).headers["cache-control"] == "no-store"


def test_xs11_only_files_named_by_their_content_may_be_kept(world: World) -> None:
    person = world.person()
    page = person.get("/nothing-here").text + person.get("/t/acme/signed-out").text
    names = set(re.findall(r'"/assets/([^"]+)"', page))
    assert names
    for name in names:
        answer = person.get(f"/assets/{name}")
        assert "immutable" in answer.headers["cache-control"]
        assert "set-cookie" not in answer.headers
    assert person.get("/assets/look.00000000.css").headers["cache-control"] == "no-store"


def test_sc05_sc06_three_cookies_at_most_small_and_host_bound(world: World) -> None:
    """On plain http too: `__Host-` and Secure work on *.localhost, and there is no weaker mode (docs/decisions.md)."""
    set_by = [cookie for _, answer in answers(world) for cookie in answer.headers.get_list("set-cookie")]
    assert {cookie.partition("=")[0] for cookie in set_by} == {BROWSER, SESSION, UNLINK}
    for cookie in set_by:
        assert cookie.startswith("__Host-linkmw-hub")
        assert len(cookie) < 300
        assert {"Path=/", "Secure", "HttpOnly", "SameSite=Lax"} <= set(cookie.split("; "))
    assert HubSettings.__dataclass_fields__.keys() & {"cookie_name", "cookie_secure", "insecure"} == set()


@pytest.mark.parametrize(
    "cookie",
    [
        "A" * 43,
        "=" + "A" * 43,
        f'$Version=1; {BROWSER}="{"A" * 43}"',
        f"{BROWSER}={'A' * 8192}",
        f"{BROWSER}={'A' * 43}; {BROWSER}={'B' * 43}",
        f"a=b,{BROWSER}={'A' * 43}",
        "; ".join(f"c{number}=v" for number in range(200)),
        ";;;=;,",
    ],
    ids=lambda cookie: repr(cookie[:24]),
)
def test_sc04_sc05_odd_cookies_are_none_and_a_sign_in_begins_anew(world: World, cookie: str) -> None:
    answer = world.person().get(world.authorize_url(), cookie=cookie)
    assert answer.status_code == 303
    [made] = [value for value in answer.headers.get_list("set-cookie") if value.startswith(BROWSER)]
    assert "A" * 43 not in made
    assert world.person().get("/linked?flow=x", cookie=cookie).status_code == 400


def test_fc12_xs02_an_answer_by_post_is_refused_and_takes_nothing(world: World) -> None:
    """form_post from another site: we asked for the query alone, and SameSite=Lax keeps our cookie back."""
    person = world.person()
    url = world.keycloak.signs_in(person.get(world.authorize_url()).headers["location"], ADA, world.clock())
    path, _, query = url.removeprefix(HUB).partition("?")
    posted = person.http.post(path, data=query_of(f"?{query}"), headers={"origin": "https://kc.example"})
    assert posted.status_code == 405
    assert "<h1" in posted.text
    assert posted.headers["allow"]
    override = person.get(f"{path}?_method=POST", **{"x-http-method-override": "POST"})
    assert override.status_code == 400
    assert person.get(f"{path}?{query}").status_code == 303  # nothing was taken: the right answer still counts


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("text/plain", "flow=x&csrf="),
        ("application/json", '{"flow":"x"}'),
        ("multipart/form-data; boundary=b", "--b--"),
        ("application/x-www-form-urlencoded-not", "flow=x"),
        ("", "flow=x"),
    ],
)
def test_xs02_a_form_is_a_form_to_the_letter(busy: tuple[World, Person], content_type: str, body: str) -> None:
    _, person = busy
    own = {"origin": HUB, "sec-fetch-site": "same-origin", "content-type": content_type}
    for path in ("/continue", "/switch-identity", "/t/acme/sign-out", "/unlink"):
        answer = person.http.post(path, content=body, headers=own)
        assert answer.status_code in (400, 415), path
    assert person.get("/t/acme/").status_code == 200  # still signed in


# ---- names that want to be more than names

HOSTILE = "\"><x-evil onclick=alert(1)>'</title></script>"
RTL = "\u202eevil\u202c"


def test_xs10_lt16_hostile_names_are_text_on_every_page(world: World) -> None:
    world.sql.admin.add_tenant(
        replace(ACME, organization_id="evil", brand=f"Brand{HOSTILE}", contact=f"contact{HOSTILE}")
    )
    world.register(replace(product("shop", "evil"), name=f"Shop{HOSTILE}"))
    person = world.person()
    mail = f"mail{HOSTILE}{RTL}@acme.example"
    transaction = world.ask_proof(world.sign_in(person, client_id="shop", email=mail), "shop")
    seen = [person.get(f"/switch-identity?handle={transaction}")]
    code = world.push(transaction, client_id="shop", username=f"ada{HOSTILE}").json()["code"]
    proved = person.get(f"/proved?code={code}")
    seen += [person.get(proved.headers["location"]), person.get("/t/evil/"), person.get("/t/evil/signed-out")]
    person.get(world.unlink_path())
    preview = person.get("/unlink")
    seen += [preview, person.get(f"/proved?code={code}")]
    seen += [person.get(person.submit(preview, "/unlink").headers["location"])]
    seen += [person.get(world.authorize_url("shop", redirect_uri="https://evil.example"))]
    for answer in seen:
        page = Page(answer.text)
        assert "x-evil" not in page.tags
        assert not [name for name, _ in page.attributes if name.startswith("on")]
        for text, inside in page.texts:
            assert "\u202e" not in text or "bdi" in inside
    whole = "".join(answer.text for answer in seen)
    for word in ("Brand", "Shop", "ada", "mail"):
        assert f"{word}&#34;&gt;&lt;x-evil" in whole, word
    assert whole.count("\u202e") >= 3


def test_lt16_hostile_names_are_text_in_every_mail(world: World) -> None:
    world.register(replace(product("shop"), name=f"Shop{HOSTILE}"))
    person = world.person()
    transaction = world.ask_proof(world.sign_in(person, client_id="shop"), "shop")
    code = world.push(transaction, client_id="shop", username=f"ada{HOSTILE}").json()["code"]
    assert person.get(f"/proved?code={code}").status_code == 303
    linked = world.mails()
    removed = world.person()
    removed.get(re.findall(r"/unlink/\S+", linked[0].text)[0])
    removed.submit(removed.get("/unlink"), "/unlink")
    mails = [*linked, *world.mails()]
    assert [mail.kind for mail in mails] == ["linked", "linked_for_identity", "unlinked"]
    for mail in mails:
        page = Page(mail.html)
        assert "x-evil" not in page.tags
        assert not [name for name, _ in page.attributes if name.startswith("on")]
        assert "Shop&#34;&gt;&lt;x-evil" in mail.html
        assert mail.subject.isprintable()


@pytest.mark.parametrize("name", [f"ada{RTL}", "ada\r\nBcc: eve@evil.example", "ada\u2028", "ada\0"])
def test_lt16_a_name_that_turns_the_line_round_or_breaks_it_is_not_linked_under(world: World, name: str) -> None:
    person = world.person()
    transaction = world.ask_proof(world.sign_in(person))
    assert world.push(transaction, username=name).json() == {"error": "invalid_proof"}
    assert (world.links(), world.mails()) == ([], [])


# ---- after sign-out


def test_sc08_signed_out_in_one_tab_the_other_does_nothing_more(world: World) -> None:
    person = world.person()
    linked = person.get(world.link(person).headers["location"])
    open_tab = person.get("/t/acme/")
    assert person.submit(person.get("/t/acme/"), "/t/acme/sign-out").status_code == 303
    assert SESSION not in person.http.cookies
    for request in ("/t/acme/", "/t/acme/?flow=x"):
        again = person.get(request)
        assert (again.status_code, again.headers["location"][:26]) == (303, "https://kc.example/realms/")
    twice = person.post("/t/acme/sign-out", form_of(open_tab.text, "/t/acme/sign-out"))
    assert twice.status_code == 303
    refused = person.submit(linked, "/continue")  # "Continue", still on the screen of the other tab
    assert refused.status_code == 403
    assert "code=" not in refused.headers.get("location", "")


def test_sc08_a_session_that_was_ended_is_ended_for_whoever_kept_its_cookie(world: World) -> None:
    person, thief = world.person(), world.person()
    world.link(person)
    thief.http.cookies.set(SESSION, person.http.cookies[SESSION], domain="hub.example")
    assert thief.get("/t/acme/").status_code == 200
    person.submit(person.get("/t/acme/"), "/t/acme/sign-out")
    assert thief.get("/t/acme/").status_code == 303
