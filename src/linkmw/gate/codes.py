"""A verification code that somebody typed, judged: within the limits, right, and not used before (MIM-5).

The same for a proof and for a sign-in: one limit and one replay mark for each account, wherever its codes are typed.
"""

from __future__ import annotations

from dataclasses import dataclass

from linkmw.errors import TooMany
from linkmw.gate import answers, limits, places, second_factor
from linkmw.gate.ports import OwnCheck, Ports, SecondFactor, Totp
from linkmw.http import Request, Response
from linkmw.pages import screens
from linkmw.pages.screens import CodeProblem, Form
from linkmw.settings import Settings

REPLAY_STEPS = 4  # for so many periods a used code is remembered: until no window reaches it any more (OT01)


@dataclass(frozen=True, slots=True)
class Typed:
    """A code, in which proof or sign-in, and for whom."""

    record_id: str
    account_id: str
    text: str

    def __repr__(self) -> str:
        return f"Typed({self.record_id[:6]}…)"


@dataclass(frozen=True, slots=True)
class Verdict:
    """problem: None when the code is right, and used up now. wait: seconds, after too many for the account."""

    problem: CodeProblem | None = None
    wait: int = 0

    @property
    def is_guess(self) -> bool:
        """Was a code refused? One for the audit trail."""
        return self.problem not in (None, "no_code")


async def factor_of(ports: Ports, request: Request, account_id: str) -> SecondFactor:
    """What the account needs besides its password, asked of the product anew (OT09)."""
    return second_factor.readable(await ports.call(ports.product.second_factor, request, account_id))


async def judge(ports: Ports, settings: Settings, request: Request, factor: Totp | OwnCheck, typed: Typed) -> Verdict:
    """Raises TooMany when this proof or sign-in had its share of codes: the caller ends it (OT06)."""
    code = second_factor.read_code(typed.text, factor.digits if isinstance(factor, Totp) else 6)
    if code is None:
        return Verdict("no_code")
    over = await limits.may_try_code_of_record(ports, settings, typed.record_id)
    if over:
        raise TooMany(limits.CODE_SECONDS, "too many codes in one proof")
    wait = await limits.may_try_code_of_account(ports, settings, typed.account_id)
    if wait:
        return Verdict("too_many", wait)
    problem = await _problem(ports, request, factor, typed.account_id, code)
    if problem is None:
        await limits.code_was_right(ports, settings, typed.account_id)
    return Verdict(problem)


async def _problem(
    ports: Ports, request: Request, factor: Totp | OwnCheck, account_id: str, code: str
) -> CodeProblem | None:
    if isinstance(factor, OwnCheck):
        right = await ports.call(ports.product.verify_second_factor, request, account_id, code)
        return None if right else "wrong"
    step = second_factor.matching_step(factor, code, ports.now())
    if step is None:
        return "wrong"
    first = await ports.marks.first_use("totp", f"{account_id}:{step}", REPLAY_STEPS * factor.period)
    return None if first else "used"


async def page(
    ports: Ports, settings: Settings, request: Request, form: Form, cancel: str, verdict: Verdict | None = None
) -> Response:
    """MIM-5: "Two-factor authentication". cancel: where somebody goes who leaves."""
    problem, wait = (verdict.problem, verdict.wait) if verdict else (None, 0)
    over = problem == "too_many"
    html = screens.second_factor(
        look=await answers.look_of(ports, settings),
        form=form,
        problem=problem,
        wait_seconds=wait,
        help_url=places.own(settings, settings.second_factor_help),
        cancel=cancel,
        reference=answers.noted(settings, request, TooMany(wait, "too many codes")) if over else None,
    )
    return answers.step_page(settings, html, problem, wait)
