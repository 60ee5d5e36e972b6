"""The native proof: the product's own login is shown, and the session is watched as it becomes somebody's (PR04, PR05).

Armed by a press on our page, which names product and identity; good in this browser only, once, for ten minutes.
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from linkmw import log
from linkmw.errors import LinkmwError, RequestRefused
from linkmw.gate import answers, audit, native_rules, places, shown
from linkmw.gate.after import account_after, account_before, answered, empty_session
from linkmw.gate.browser import known
from linkmw.gate.ports import ARMED, Arming, Ports, ProofRecord
from linkmw.gate.proof_kind import cookie_name
from linkmw.gate.proof_pages import Proving, not_linked_yet
from linkmw.http import Decorate, Headers, Request, Response, redirect, set_cookie
from linkmw.pages import negotiation, screens
from linkmw.settings import Settings

if TYPE_CHECKING:
    from linkmw.model import Account

# A GET inside the application, as the browser would send it next: the status of its answer.
Visit = Callable[[Request], Awaitable[int]]


async def show(proving: Proving) -> Response:
    """Our page: whose identity it is for, and the way to the product's own login."""
    settings = proving.settings
    html = screens.native_proof(
        look=await proving.look(),
        form=proving.form(),
        identity_email=proving.record.request.identity_email,
        not_you=places.at_hub(settings, "switch-identity", handle=proving.record.request.transaction),
        cancel=proving.url("cancel"),
    )
    return answers.form_page(settings, html)


async def arm(proving: Proving) -> Response:
    """The press: from now on this browser's next whole sign-in counts. What was half-typed before is gone (PR05)."""
    ports, settings, record = proving.ports, proving.settings, proving.record
    login = await proving.native_login()
    if not login:
        raise RequestRefused("the product's own login is closed", code="no_proof", status=409)
    seconds = min(record.expires - ports.now(), native_rules.ARMED_SECONDS)
    arming = Arming(ports.token(), record.record_id, ports.now() + seconds)
    await ports.armings.put(proving.browser.key, arming, seconds)
    emptied = await ports.call(empty_session, ports.product, proving.request)
    return redirect(login, (*emptied, set_cookie(cookie_name(settings.client_id), arming.secret, seconds=seconds)))


async def cancel(ports: Ports, settings: Settings, request: Request) -> Response:
    """GET cancel?record=…: no sign-in of this browser counts any more, and back to where the person came from.

    A link, for the notice stands in a page of the product's whose policy may forbid any form of ours. Who knows the
    record is its own browser.
    """
    browser, record_id = known(settings, request), request.query.get("record")
    record = await ports.proofs.get(browser.key, record_id) if browser and record_id else None
    if browser is None or record is None:
        return redirect(places.landing(settings), (_no_cookie(settings),))
    arming = await ports.armings.get(browser.key, ARMED)
    if arming is not None and arming.proof == record_id:
        await ports.armings.drop(browser.key, ARMED)
    proving = Proving(ports, settings, request, browser, record)
    return redirect(proving.back(await proving.native_login() or places.landing(settings)), (_no_cookie(settings),))


def _no_cookie(settings: Settings) -> tuple[str, str]:
    return set_cookie(cookie_name(settings.client_id), "", seconds=0)


async def notice(ports: Ports, settings: Settings, request: Request) -> Decorate | None:
    """What a login page carries in place of the button; None for a browser whose proof is not armed."""
    found = await _armed(ports, settings, request)
    if found is None:
        return None
    proving = found[0]
    look, email, cancel = await proving.look(), proving.record.request.identity_email, proving.url("cancel")
    return Decorate(
        button=screens.native_notice(look=look, identity_email=email, cancel=cancel),
        marked_button=screens.native_notice(look=look, identity_email=email, cancel=cancel, placement="marker"),
        fixed_button=screens.native_notice(look=look, identity_email=email, cancel=cancel, placement="fixed"),
        stylesheet=look.button_stylesheet,
        head=request.method == "HEAD",
    )


@dataclass(frozen=True, slots=True)
class Watching:
    """A request of an armed browser that may be the one that counts: nobody was signed in, wholly, when it came.

    request: its `raw` is a copy, from before the product had it. half: whom the session named all the same.
    """

    proving: Proving
    arming: Arming
    visit: Visit
    half: str = ""

    @property
    def ports(self) -> Ports:
        return self.proving.ports

    @property
    def settings(self) -> Settings:
        return self.proving.settings

    @property
    def request(self) -> Request:
        return self.proving.request


async def begin(ports: Ports, settings: Settings, request: Request, visit: Visit) -> Watching | Response | None:
    """What a request of a browser with the arming cookie is: to be watched, to be answered by us, or nothing to us.

    Answered by us: the page that a person opens next after a script has signed them in, and so proven the account.
    """
    if request.path.startswith(settings.prefix):
        return None
    with log.one_request(), negotiation.answering(request):
        found = await _begin(ports, settings, request, visit)
        return negotiation.labelled(found) if isinstance(found, Response) else found


async def _begin(ports: Ports, settings: Settings, request: Request, visit: Visit) -> Watching | Response | None:
    opens_page = request.method == "GET" and native_rules.shows_page(request)
    if not opens_page and request.method != "POST" and not _may_follow(request):
        return None
    found = await _armed(ports, settings, request)
    if found is None:
        return None
    proving, arming = found
    if proving.record.proven_at:
        return await _on(proving) if opens_page else None
    if not native_rules.may_prove(settings, request, arming, ports.now()):
        return None
    if request.method == "POST":
        arming = replace(arming, hops=0)
    else:
        await _keep(proving, replace(arming, path="", until=0))  # where it was sent to comes once
    before = await ports.call(account_before, ports.product, request)
    if before is not None and not await _waits_for_more(settings, request, arming, before, visit):
        return None
    if await proving.takes_over():
        return None
    return Watching(proving, arming, visit, before.account_id if before else "")


async def _waits_for_more(settings: Settings, request: Request, arming: Arming, before: Account, visit: Visit) -> bool:
    """Was it this proof's own sign-in that named them, and does the application not let them in yet? (PR04)"""
    if not settings.signed_in_path or arming.half != before.account_id:
        return False
    return 300 <= await visit(answered(request, (), settings.signed_in_path)) < 500


def _may_follow(request: Request) -> bool:
    """Is it a script's GET, by which a redirect may be followed? Images and stylesheets are none."""
    return request.method == "GET" and request.headers.get("sec-fetch-dest", "empty") == "empty"


async def answer(watching: Watching, status: int, headers: Headers) -> Response | None:
    """What is answered in place of the product's answer, once that has begun; its cookies go along. None: it stands.

    status, headers: the product's. One that failed has kept no session, whatever it says.
    """
    if status >= 500:
        return None
    with log.one_request(), negotiation.answering(watching.request):
        log.follow(watching.proving.record.request.flow)
        account = await watching.ports.call(account_after, watching.ports.product, watching.request, headers)
        if account is None or not await _lets_in(watching, account, headers):
            await _follow(watching, status, headers, account.account_id if account else "")
            return None
        if watching.ports.is_over():  # switched off meanwhile (RC08)
            return None
        found = await _proven(watching, account)
        return None if found is None else negotiation.labelled(found)


async def _lets_in(watching: Watching, account: Account, headers: Headers) -> bool:
    """Is it all of a sign-in, and nobody else's than the half that was there? Where a page tells, it is asked."""
    settings = watching.settings
    if watching.half not in ("", account.account_id):
        return False
    if not settings.signed_in_path:
        return True
    return await watching.visit(answered(watching.request, headers, settings.signed_in_path)) == 200


async def _follow(watching: Watching, status: int, headers: Headers, half: str) -> None:
    """An application may sign in on the GET that its answer to the password leads to: that one is watched, too.

    half: whom the session names now, half signed in; the code that is still to come completes that.
    """
    arming = replace(watching.arming, half=half)
    path = native_rules.sent_on(watching.settings, watching.request, arming, status, headers)
    if path:
        until, hops = watching.ports.now() + native_rules.CHAIN_SECONDS, arming.hops + 1
        await _keep(watching.proving, replace(arming, path=path, until=until, hops=hops))
    elif arming.hops or arming.path or half != watching.arming.half:
        await _keep(watching.proving, replace(arming, path="", until=0, hops=0))


async def _keep(proving: Proving, arming: Arming) -> None:
    await proving.ports.armings.put(proving.browser.key, arming, arming.expires - proving.ports.now())


async def _proven(watching: Watching, account: Account) -> Response | None:
    """The account is proven. A page goes on into the flow; a script's answer stands, and the next page does."""
    ports, settings, request = watching.ports, watching.settings, watching.request
    proving = watching.proving.having(account=account, amr=(), native=True, proven_at=ports.now())
    await proving.keep()
    await shown.note(ports, settings, proving.browser, account.account_id)
    audit.note(ports, settings, request, "proof", "ok", account_id=account.account_id)
    return await _on(proving) if native_rules.shows_page(request) else None


async def _on(proving: Proving) -> Response:
    """On into the flow: disarmed, and the hub told on the way there."""
    ports, settings = proving.ports, proving.settings
    headers = (_no_cookie(settings),)
    try:
        await ports.armings.drop(proving.browser.key, ARMED)
    except LinkmwError as error:
        return await not_linked_yet(proving, error, headers)
    return await answers.going_on(ports, settings, proving.url("go"), "brand", headers)


async def _armed(ports: Ports, settings: Settings, request: Request) -> tuple[Proving, Arming] | None:
    """This browser's arming and its proof; None for a cookie that arms nothing, or nothing any more."""
    browser, secret = known(settings, request), request.cookie(cookie_name(settings.client_id))
    arming = await ports.armings.get(browser.key, ARMED) if browser and secret else None
    if browser is None or not secret or arming is None or arming.expires <= ports.now():
        return None
    if not hmac.compare_digest(arming.secret, secret):
        return None
    record: ProofRecord | None = await ports.proofs.get(browser.key, arming.proof)
    if record is None or record.expires <= ports.now():
        return None
    log.follow(record.request.flow)
    return Proving(ports, settings, request, browser, record), arming
