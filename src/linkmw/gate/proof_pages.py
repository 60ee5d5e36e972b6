"""What a proof shows, step by step, and the record's way from one request to the next."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from linkmw.errors import LinkmwError, ProtocolError, TooMany, Unavailable
from linkmw.gate import answers, audit, codes, native_login, places, proof_kind
from linkmw.gate.browser import Browser
from linkmw.gate.codes import Verdict
from linkmw.gate.ports import Ports, ProofRecord, UnknownFactor
from linkmw.http import Headers, Request, Response, page, redirect
from linkmw.model import Account
from linkmw.pages import first_sign_in, screens
from linkmw.pages.look import Look
from linkmw.pages.problems import problem_of
from linkmw.pages.screens import PairProblem
from linkmw.reference import Reference
from linkmw.settings import Settings


@dataclass(frozen=True, slots=True)
class Proving:
    """One request of a proof: the world, the browser, and the record as it stands."""

    ports: Ports
    settings: Settings
    request: Request
    browser: Browser
    record: ProofRecord

    def having(self, **changes: Any) -> Proving:
        """The same with other values in its record."""
        return replace(self, record=replace(self.record, **changes))

    async def keep(self) -> None:
        """The record waits for this browser's next request, no longer than it was given to begin with."""
        seconds = self.record.expires - self.ports.now()
        await self.ports.proofs.put(self.browser.key, self.record, seconds)

    def url(self, name: str) -> str:
        return places.ours(self.settings, name, record=self.record.record_id)

    def again(self, headers: Headers = ()) -> Response:
        """On to the step that is next."""
        return redirect(self.url("prove"), headers)

    @property
    def is_first(self) -> bool:
        """Is it somebody's first sign-in, by an account that the hub was given the name of (AKE-10)?"""
        return self.record.request.purpose == "first_sign_in"

    async def takes_over(self) -> bool:
        """Does linkmw stand in the place of the product's login? Then a proof starts no session (PR03).

        A hub that does not say may have said so before: while the product's own setting is `replace`, it holds.
        """
        if self.is_first:
            return True
        if not self.settings.closes:
            return False
        try:
            return (await self.ports.hub.state()).mode == "replace"
        except (ProtocolError, Unavailable):
            return True

    async def kind(self) -> proof_kind.Kind | None:
        """How the account is proven; None: not at all, as things are. Raises Unavailable while the hub is away."""
        ports, settings = self.ports, self.settings
        if not proof_kind.is_native(settings, ports.product):
            return proof_kind.kind(settings, ports.product, takes_over=False, hub_asks=False)
        asks = "native" in (await ports.hub.state()).proofs
        return proof_kind.kind(settings, ports.product, takes_over=await self.takes_over(), hub_asks=asks)

    def refused(self, code: str, account: Account | None = None) -> None:
        """A line for the audit trail."""
        whose = {"account_id": account.account_id} if account else {}
        audit.note(self.ports, self.settings, self.request, "proof", "refused", code=code, **whose)

    def noted(self, error: Exception) -> Reference:
        """A reference for the page, which is in the log."""
        return answers.noted(self.settings, self.request, error)

    async def look(self) -> Look:
        return await answers.look_of(self.ports, self.settings)

    async def native_login(self) -> str:
        """The product's own login page; "" while it is closed."""
        return await native_login.url(self.ports, self.settings, self.request)

    def back(self, here: str) -> str:
        """Where somebody goes who leaves: to the manager, if the proof came from there (MIM-11), else to `here`."""
        return places.manager(self.settings) if self.record.request.purpose == "add" else here

    def form(self) -> screens.Form:
        return answers.form(self.settings, self.browser, "prove", self.record.record_id)


async def password_page(proving: Proving, username: str, problem: PairProblem | None = None, wait: int = 0) -> Response:
    """MIM-4. What was typed stays, but for the password. wait: seconds, after too many tries."""
    reference = proving.noted(TooMany(wait, "too many passwords")) if problem == "too_many" else None
    asked = _Asked(username, problem, wait, reference)
    if proving.is_first and proving.record.request.hint:
        html = await _login(proving, asked)
    elif proving.record.request.purpose == "link" and await proving.takes_over():
        html = await _link_old_account(proving, asked)
    else:
        html = await _link_account(proving, asked)
    return answers.step_page(proving.settings, html, problem, wait)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the page that asks for a password shows of the try before."""

    username: str
    problem: PairProblem | None
    wait: int
    reference: Reference | None


async def _link_account(proving: Proving, asked: _Asked) -> str:
    settings = proving.settings
    return screens.link_account(
        look=await proving.look(),
        form=proving.form(),
        identity_email=proving.record.request.identity_email,
        not_you=places.at_hub(settings, "switch-identity", handle=proving.record.request.transaction),
        username=asked.username,
        problem=asked.problem,
        wait_seconds=asked.wait,
        forgot_password=places.own(settings, settings.forgot_password),
        cancel=proving.back(await proving.native_login()),
        reference=asked.reference,
    )


async def _login(proving: Proving, asked: _Asked) -> str:
    """AKE-10: for the account that was named at the hub. "Not you?" begins anew there."""
    return first_sign_in.login(
        look=await proving.look(),
        form=proving.form(),
        account=proving.record.request.hint,
        problem=asked.problem,
        wait_seconds=asked.wait,
        forgot=proving.url("forgot"),
        not_you=places.ours(proving.settings, "login"),
        reference=asked.reference,
    )


async def _link_old_account(proving: Proving, asked: _Asked) -> str:
    """AKE-16, AKE-17. There is no native login to go back to."""
    return first_sign_in.link_old_account(
        look=await proving.look(),
        form=proving.form(),
        identity_email=proving.record.request.identity_email,
        typed=asked.username,
        problem=asked.problem,
        wait_seconds=asked.wait,
        forgot=proving.url("forgot"),
        reference=asked.reference,
    )


async def code_page(proving: Proving, verdict: Verdict | None = None) -> Response:
    """MIM-5."""
    cancel = proving.back(await proving.native_login())
    return await codes.page(proving.ports, proving.settings, proving.request, proving.form(), cancel, verdict)


async def still_signed_in(proving: Proving, present: Account) -> Response:
    """MIM-12, LT12: says as whom, and offers to sign out and go on."""
    html = screens.still_signed_in(
        look=await proving.look(),
        form=proving.form(),
        account=present.username,
        purpose="add" if proving.record.request.purpose == "add" else "link",
        cancel=proving.back(places.landing(proving.settings)),
    )
    return answers.form_page(proving.settings, html)


async def unknown_factor(proving: Proving, account: Account, factor: UnknownFactor) -> Response:
    """OT08: a second factor that cannot be checked here ends the proof, it is never skipped."""
    proving.refused("second_factor_unknown", account)
    html = screens.unknown_second_factor(
        look=await proving.look(),
        account=account.username,
        native_login=await proving.native_login(),
        start_again=places.ours(proving.settings, "login"),
        reference=proving.noted(LinkmwError(f"second factor: {factor.kind}", code="second_factor_unknown")),
        help_url=places.own(proving.settings, proving.settings.second_factor_help),
    )
    return page(html, status=422)


async def not_linked_yet(proving: Proving, error: Exception, headers: Headers = ()) -> Response:
    """Proven and signed in, but the hub did not take it: the way to try again, and the way on (look.md, "Voice", 9)."""
    if await proving.takes_over():
        return await _not_told_yet(proving, error)
    over = isinstance(error, ProtocolError)
    html = screens.not_linked_yet(
        look=await proving.look(),
        try_again=proving.back(places.ours(proving.settings, "login")) if over else proving.url("go"),
        go_on=places.landing(proving.settings),
        reference=proving.noted(error),
        reason="expired" if over else "away",
    )
    return page(html, headers=headers)


async def _not_told_yet(proving: Proving, error: Exception) -> Response:
    """The same in `replace`, where nobody is signed in yet: once more, with nothing to be typed again."""
    if not isinstance(error, Unavailable):
        raise error  # it has to begin anew
    html = screens.error(
        look=await proving.look(),
        problem=problem_of(error),
        reference=proving.noted(error),
        try_again=proving.url("go"),
    )
    return page(html, status=error.status, headers=(("Retry-After", "1"),))
