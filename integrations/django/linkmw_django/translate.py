"""Django's requests and responses from and to the values of `linkmw.http`."""

from __future__ import annotations

import logging

from django.http import HttpRequest, HttpResponse
from django.http.request import HttpHeaders
from django.http.response import HttpResponseBase

from linkmw import http
from linkmw.gate.reread import reread
from linkmw.http import MAX_FORM, Decorate

log = logging.getLogger("linkmw")

SEEN = "linkmw.seen"  # as in the environment (WSGI) and the scope (ASGI) that linkmw's other shells hand on


def request(django_request: HttpRequest, body: bytes = b"") -> http.Request:
    """The request as a flow sees it. Leaves Django's own cached properties alone: others may still change META."""
    meta = django_request.META
    return http.Request(
        method=django_request.method or "",
        path=django_request.path_info,
        query_string=meta.get("QUERY_STRING", ""),
        headers=_headers(django_request),
        body=body,
        client=meta.get("REMOTE_ADDR", ""),
        root_path=meta.get("SCRIPT_NAME", ""),
        raw=django_request,
    )


def _headers(django_request: HttpRequest) -> dict[str, str]:
    headers = {name.lower(): value for name, value in HttpHeaders(django_request.META).items()}
    scope = getattr(django_request, "scope", None)
    if (
        scope is not None
    ):  # ASGI: Django joins the crumbs of a cookie with ",", their own joint is "; " (RFC 9113, 8.2.3)
        crumbs = [value.decode("latin-1") for name, value in scope["headers"] if name.lower() == b"cookie"]
        headers["cookie"] = "; ".join(crumbs)
    return headers


def body(django_request: HttpRequest) -> bytes:
    """The body, or the first bytes past MAX_FORM of a longer one: `routes` refuses it by its length.

    Put back for the project's own views, which may answer after all (HT14): a request that was read from has no
    `body` and no `POST` for them.
    """
    data: bytes = django_request.read(MAX_FORM + 1)
    django_request._stream = reread(data, django_request._stream)
    django_request._read_started = False
    return data


def is_seen(django_request: HttpRequest) -> bool:
    """Does another linkmw in front put its button into this page already? (HT08)"""
    return SEEN in django_request.META or SEEN in getattr(django_request, "scope", ())


def response(answer: http.Response) -> HttpResponse:
    """Our answer as Django's; middleware outside ours may still add its headers and the session's cookie."""
    made = HttpResponse(answer.body, status=answer.status)
    del made["Content-Type"]
    for name, value in answer.headers:
        if name.lower() == "set-cookie":
            _set_cookie(made, value)
        else:
            made[name] = value
    made["Content-Length"] = str(len(answer.body))
    return made


def instead(product: HttpResponseBase, answer: http.Response) -> HttpResponse:
    """Our answer in place of the product's, whose cookies are set and whose work is finished all the same."""
    made = response(answer)
    for name, morsel in product.cookies.items():
        made.cookies[name] = morsel
    made._resource_closers.extend(product._resource_closers)
    return made


def _set_cookie(made: HttpResponse, header: str) -> None:
    """A Set-Cookie header into Django's jar, whose plain headers cannot repeat a name."""
    pair, _, attributes = header.partition(";")
    name, _, value = pair.partition("=")
    made.cookies[name] = value
    for attribute in attributes.split(";"):
        key, separator, setting = attribute.strip().partition("=")
        made.cookies[name][key] = setting if separator else True


def asking_for_plain_html(django_request: HttpRequest) -> HttpRequest:
    """Without the headers that bring an answer we cannot read: compressed, partial, or "not modified"."""
    from linkmw.gate.button import DROPPED_REQUEST_HEADERS

    for name in DROPPED_REQUEST_HEADERS:
        django_request.META.pop(f"HTTP_{name.upper().replace('-', '_')}", None)
    django_request.META[SEEN] = True
    return django_request


def put_button(page: HttpResponse, answer: Decorate) -> None:
    """Put the button into the product's page, if it is one that `button` understands."""
    from linkmw.gate import button

    try:
        headers = tuple(page.items())
        found = button.understands(page.status_code, headers) and button.decorate(headers, page.content, answer)
    except Exception:
        log.exception("no button on this page")  # a fault of ours costs the button, never the product's page
        return
    if found:
        kept, page.content = found
        for name in list(page.headers):
            del page[name]
        for name, value in kept:
            if name == "Set-Cookie":
                _set_cookie(page, value)
            else:
                page[name] = value
