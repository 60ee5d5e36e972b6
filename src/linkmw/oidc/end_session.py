"""Logout that a client asks for (OpenID Connect RP-Initiated Logout 1.0, 2 and 3)."""

from __future__ import annotations

from dataclasses import dataclass, field

from linkmw.errors import RequestRefused
from linkmw.http import Params, with_query
from linkmw.oidc.authorize import read_state

PARAMETERS = ("id_token_hint", "logout_hint", "client_id", "post_logout_redirect_uri", "state", "ui_locales")


@dataclass(frozen=True, slots=True)
class EndSessionRequest:
    """What a client asks for. then: where the browser goes afterwards, `state` included; "" when it does not say."""

    id_token_hint: str = field(repr=False)
    logout_hint: str = field(repr=False)
    then: str = field(repr=False)


def read_request(query: Params, client_id: str, registered: str) -> EndSessionRequest:
    """The request of `client_id`, whose one post-logout redirect URI is `registered` ("" for none).

    Raises RequestRefused for another client, another URI (compared exactly, FC22) and a state that can't be echoed.
    Hints are believed by whoever verifies them.
    """
    if query.get("client_id", client_id) != client_id:
        raise RequestRefused("the request is for another client", code="client_mismatch")
    wanted, state = query.get("post_logout_redirect_uri"), read_state(query)
    if wanted and wanted != registered:
        raise RequestRefused("the post-logout redirect URI is not the registered one", code="redirect_uri_mismatch")
    then = with_query(wanted, state=state) if wanted and state else wanted
    return EndSessionRequest(query.get("id_token_hint"), query.get("logout_hint"), then)
