"""How linkmw stands in a Django project: its middleware, its checks, its settings."""

from __future__ import annotations

import logging
import threading

import pytest
from asgiref.sync import async_to_sync, iscoroutinefunction
from django.core.exceptions import MiddlewareNotUsed
from django.http import HttpResponse, JsonResponse, StreamingHttpResponse
from django.test import AsyncClient, AsyncRequestFactory, Client, RequestFactory, override_settings

from linkmw.http import Decorate, Response, set_cookie
from linkmw_django import LinkMiddleware, checks, translate

PAGE = "<!doctype html><html><body><form><input type=password name=p></form></body></html>"


@pytest.fixture(autouse=True)
def _django(_migrated):
    """Django is set up."""


@pytest.fixture
def on(complete):
    with override_settings(LINKMW={**complete, "LOGIN_PATHS": ["/login/"]}):
        yield


def view(request):
    return HttpResponse(f"the product: {request.path} {request.POST.get('field', '')}")


async def async_view(request):
    return HttpResponse(f"the product in {threading.get_ident()}")


def test_p1_django_leaves_the_middleware_out_where_only_a_restart_can_switch_it_on(monkeypatch):
    monkeypatch.setenv("LINKMW_ENABLED", "off")
    with pytest.raises(MiddlewareNotUsed):
        LinkMiddleware(view)


def test_p1_every_answer_is_the_projects_own_while_linkmw_is_off():
    middleware = LinkMiddleware(view)
    for path in ("/login", "/.linkmw/login", "/orders/"):
        request = RequestFactory().get(path)
        assert middleware(request).content == view(request).content


def test_dis12_an_unknown_setting_breaks_no_boot_and_is_said_in_the_log(complete, caplog):
    with override_settings(LINKMW={**complete, "HUB_ULR": "x"}):
        assert LinkMiddleware(view)(RequestFactory().get("/login")).content == b"the product: /login "
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert "hub_ulr in the configuration is no setting: did you mean hub_url?" in record.message


def test_dis12_the_environment_switches_off_what_settings_switch_on(on, monkeypatch):
    LinkMiddleware(view)
    monkeypatch.setenv("LINKMW_ENABLED", "off")
    with pytest.raises(MiddlewareNotUsed):
        LinkMiddleware(view)


def test_a_request_that_is_not_ours_is_the_products(on):
    assert LinkMiddleware(view)(RequestFactory().get("/orders/")).content == b"the product: /orders/ "


def test_no_thread_hop_is_added_to_a_request_that_is_not_ours(on):
    """What comes back is the product's own coroutine: nothing of ours runs between it and the server."""
    middleware = LinkMiddleware(async_view)
    assert iscoroutinefunction(middleware)
    coroutine = middleware(AsyncRequestFactory().get("/orders/"))
    assert coroutine.cr_code is async_view.__code__
    threads = []

    async def watched():
        threads.append(threading.get_ident())
        return await coroutine

    response = async_to_sync(watched)()
    assert response.content.decode() == f"the product in {threads[0]}"


def test_no_thread_hop_is_added_by_a_whole_middleware_chain_of_async_parts(on):
    """Django wraps what it takes for blocking in a thread; a middleware of both kinds it does not."""
    from django.core.handlers.base import BaseHandler

    with override_settings(MIDDLEWARE=["linkmw_django.LinkMiddleware"], ROOT_URLCONF=__name__):
        handler = BaseHandler()
        handler.load_middleware(is_async=True)
        threads = []

        async def asked():
            threads.append(threading.get_ident())
            return await handler._middleware_chain(AsyncRequestFactory().get("/thread/"))

        assert async_to_sync(asked)().content.decode() == f"the product in {threads[0]}"


SESSION, CSRF = "django.contrib.sessions.middleware.SessionMiddleware", "django.middleware.csrf.CsrfViewMiddleware"
AUTH, LINK = "django.contrib.auth.middleware.AuthenticationMiddleware", "linkmw_django.LinkMiddleware"


@pytest.mark.parametrize("middleware", [[SESSION, CSRF, AUTH, LINK], [SESSION, AUTH, LINK, CSRF]])
@pytest.mark.parametrize("is_async", [False, True])
def test_our_post_routes_are_not_stopped_by_djangos_csrf_middleware(on, is_async, middleware):
    """In front of ours or behind it: Django's check runs when a view was found, and ours answers before that."""
    with override_settings(MIDDLEWARE=middleware, ROOT_URLCONF=__name__):
        client = AsyncClient(enforce_csrf_checks=True) if is_async else Client(enforce_csrf_checks=True)
        post = async_to_sync(client.post) if is_async else client.post
        ours = post("/.linkmw/prove", "record=x", content_type="application/x-www-form-urlencoded")
        products = post("/orders/", "field=x", content_type="application/x-www-form-urlencoded")
    assert ours["Content-Security-Policy"].startswith("default-src 'none'")
    assert b"CSRF verification failed" not in ours.content
    assert products.status_code == 403


@pytest.mark.parametrize("is_async", [False, True])
def test_p5_the_login_page_is_the_products_own_while_the_hub_is_away(on, is_async):
    if is_async:
        response = async_to_sync(LinkMiddleware(async_view))(AsyncRequestFactory().get("/login/"))
    else:
        response = LinkMiddleware(view)(RequestFactory().get("/login/"))
    assert response.content.startswith(b"the product")


def test_a_post_to_the_products_login_keeps_its_body(on):
    request = RequestFactory().post("/login/", {"field": "as typed"})
    assert LinkMiddleware(view)(request).content == b"the product: /login/ as typed"


def test_bc08_what_is_no_route_of_ours_is_the_products_own_404(on):
    assert LinkMiddleware(view)(RequestFactory().get("/.linkmw/nothing")).content.startswith(b"the product")


def test_a_failure_of_ours_ends_in_the_products_own_page(complete, caplog):
    with override_settings(LINKMW={**complete, "REDIS_URL": "no scheme at all"}):
        response = LinkMiddleware(view)(RequestFactory().get("/.linkmw/login"))
    assert response.content.startswith(b"the product")
    assert "linkmw failed, the product answers instead" in caplog.messages


def test_every_cookie_of_an_answer_reaches_the_browser():
    cookies = (set_cookie("__Host-a", "1"), set_cookie("__Host-b", "2", seconds=0))
    response = translate.response(Response(303, (("Location", "/x"), *cookies), b""))
    assert (response.status_code, response["Location"]) == (303, "/x")
    lines = sorted(cookie.OutputString() for cookie in response.cookies.values())
    assert lines == [
        "__Host-a=1; HttpOnly; Path=/; SameSite=Lax; Secure",
        "__Host-b=2; HttpOnly; Max-Age=0; Path=/; SameSite=Lax; Secure",
    ]
    assert "Content-Type" not in response


def test_sc02_cookie_crumbs_of_asgi_are_joined_as_cookies():
    request = AsyncRequestFactory().get("/")
    request.scope["headers"] = [(b"cookie", b"a=1"), (b"cookie", b"b=2")]
    assert translate.request(request).headers["cookie"] == "a=1; b=2"


def test_p2_the_button_is_put_into_the_page_and_its_length_is_right():
    response = HttpResponse(PAGE, headers={"ETag": '"x"', "X-Product": "kept"})
    translate.put_button(response, decoration())
    assert b"</form>" in response.content
    assert b"the button" in response.content
    assert int(response["Content-Length"]) == len(response.content)
    assert ("ETag" in response, response["X-Product"]) == (False, "kept")


@pytest.mark.parametrize(
    "response", [JsonResponse({"a": "<form>"}), HttpResponse(PAGE, status=302), HttpResponse("text/plain")]
)
def test_xs09_a_page_we_do_not_understand_is_left_as_it_is(response):
    before = (response.content, dict(response.items()))
    translate.put_button(response, decoration())
    assert (response.content, dict(response.items())) == before


def test_streaming_passes_untouched():
    from linkmw_django.middleware import _decorated

    response = StreamingHttpResponse([PAGE])
    assert _decorated(response, decoration()) is response
    assert b"".join(response.streaming_content) == PAGE.encode()


def decoration():
    fields = dict.fromkeys(Decorate.__dataclass_fields__, "<p>the button</p>")
    return Decorate(**{**fields, "stylesheet": "/.linkmw/assets/button.css", "headers": ()})


def test_the_page_is_asked_for_in_a_form_that_can_be_read():
    request = RequestFactory().get("/login/", headers={"Accept-Encoding": "gzip", "If-None-Match": '"x"', "X": "kept"})
    plain = translate.asking_for_plain_html(request)
    assert {"HTTP_ACCEPT_ENCODING", "HTTP_IF_NONE_MATCH"}.isdisjoint(plain.META)
    assert plain.META["HTTP_X"] == "kept"


def test_check_w001_says_that_the_middleware_is_missing():
    with override_settings(MIDDLEWARE=[]):
        assert [message.id for message in checks.middleware_order()] == ["linkmw.W001"]


def test_check_e001_says_that_the_order_is_wrong():
    with override_settings(MIDDLEWARE=[checks.MIDDLEWARE, *checks.NEEDED_BEFORE]):
        assert [message.id for message in checks.middleware_order()] == ["linkmw.E001", "linkmw.E001"]
    with override_settings(MIDDLEWARE=[*checks.NEEDED_BEFORE, checks.MIDDLEWARE]):
        assert checks.middleware_order() == []


def test_check_w002_names_every_setting_that_keeps_linkmw_off(complete):
    with override_settings(LINKMW={**complete, "CLIENT_SECRET": "typed"}):
        found = checks.settings_complete()
    assert {message.id for message in found} == {"linkmw.W002"}
    assert any("LINKMW_CLIENT_SECRET" in message.msg for message in found)
    assert "typed" not in str(found)


def test_the_checks_are_part_of_manage_py_check():
    from django.core.checks import run_checks

    with override_settings(MIDDLEWARE=[]):
        assert "linkmw.W001" in [message.id for message in run_checks()]


def _urls():
    from django.urls import path

    return [path("thread/", async_view), path("<path:rest>", lambda request, rest: view(request))]


urlpatterns = _urls()


ORDER = [
    "django.middleware.gzip.GZipMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    checks.MIDDLEWARE,
]


@pytest.mark.parametrize(
    ("middleware", "said"),
    [
        (ORDER, []),
        (ORDER[:3], ["linkmw.W001"]),
        ([ORDER[3], *ORDER[:3]], ["linkmw.E001", "linkmw.E001", "linkmw.W003"]),
        ([*ORDER, checks.MIDDLEWARE], ["linkmw.E002"]),
        ([*ORDER, "django.middleware.http.ConditionalGetMiddleware"], ["linkmw.W003"]),
    ],
)
def test_ops01_what_stands_in_the_wrong_place_is_said_by_djangos_own_check(middleware, said):
    with override_settings(MIDDLEWARE=middleware):
        assert [message.id for message in checks.middleware_order()] == said
