"""The steps of a flow, one table: it drives the flows and draws the diagram in the documentation."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any, Literal

from linkmw.errors import RequestRefused
from linkmw.hub.ports import Flow, Step

Event = Literal[
    "several",  # more than one link: the person chooses
    "entered",  # one link was there, or was chosen: on to the product
    "asked",  # no link: a proof is asked for
    "proved",  # the product told of a proof
    "proved_other",  # … of another account than before
    "linked",  # the link is committed
    "told",  # it was the product's own login that proved it: the person is asked first (PR05)
    "taken",  # the account is another identity's
    "failed",  # a store was silent, or it came too late: nothing was linked
    "dropped",  # "not you?", or the provider refused
    "left",  # on to the product
    "known",  # somebody Keycloak knows: the sign-in goes on there
    "mailed",  # a mail is on its way to the address
    "confirmed",  # its owner pressed the button behind its link, and there is more to decide
]


@dataclass(frozen=True, slots=True)
class Move:
    """From one step to the next, and on which event."""

    step: Step
    event: Event
    to: Step


STEPS: tuple[Move, ...] = (
    Move("identify", "known", "done"),  # on to Keycloak: a flow of its own
    Move("identify", "asked", "prove"),
    Move("identify", "dropped", "refused"),
    Move("prove", "confirmed", "confirm"),  # the account is proven; now its owner's address (AKE-11)
    Move("prove", "known", "done"),  # it is linked already: its identity signs in
    Move("confirm", "mailed", "inbox"),
    Move("inbox", "mailed", "inbox"),  # once more, or to another address
    Move("inbox", "confirmed", "join"),
    Move("inbox", "known", "done"),  # the address is an identity's: it signs in, and gets what waits (AKE-14)
    Move("inbox", "linked", "done"),
    Move("join", "known", "done"),
    Move("join", "linked", "done"),
    Move("confirm", "dropped", "refused"),
    Move("inbox", "dropped", "refused"),
    Move("join", "dropped", "refused"),
    Move("identity", "entered", "done"),
    Move("identity", "several", "choose"),
    Move("identity", "asked", "prove"),
    Move("identity", "dropped", "refused"),
    Move("choose", "entered", "done"),
    Move("choose", "asked", "prove"),  # "Add another account"
    Move("choose", "dropped", "refused"),
    Move("prove", "asked", "prove"),  # Back to Keycloak's page, which answers once more
    Move("prove", "proved", "prove"),
    Move("prove", "proved_other", "refused"),
    Move("prove", "entered", "done"),  # Back to the chooser, and on as one that was linked before
    Move("prove", "linked", "linked"),
    Move("prove", "told", "agree"),
    Move("agree", "linked", "linked"),
    Move("agree", "taken", "refused"),
    Move("agree", "failed", "refused"),
    Move("agree", "dropped", "refused"),
    Move("prove", "taken", "refused"),
    Move("prove", "failed", "refused"),
    Move("prove", "dropped", "refused"),
    Move("linked", "left", "done"),
    # The Back button and a second press: "Your accounts are linked" stays true, and its Continue goes on working.
    Move("done", "left", "done"),
    Move("done", "entered", "done"),  # the same for the chooser's Continue
)

_TO = {(move.step, move.event): move.to for move in STEPS}


def go(flow: Flow, event: Event, **changes: Any) -> Flow:
    """`flow` one step on, with `changes`. Raises RequestRefused when `event` cannot happen at its step."""
    to = _TO.get((flow.step, event))
    if to is None:
        raise RequestRefused(f"{event} cannot happen at step {flow.step}", code="wrong_step")
    return replace(flow, step=to, **changes)


BEGINNINGS: tuple[Step, ...] = ("identity", "identify")
# What belongs to one way alone: by the button, and a first sign-in in `replace`.
BY_THE_BUTTON: frozenset[Step] = frozenset(("identity", "choose", "prove", "agree", "linked", "done", "refused"))
FIRST_SIGN_IN: frozenset[Step] = frozenset(("identify", "prove", "confirm", "inbox", "join", "done", "refused"))


def diagram(of: Collection[Step] = BY_THE_BUTTON | FIRST_SIGN_IN) -> str:
    """The table as a Mermaid state diagram, or those of its moves that stay among the steps `of`."""
    moves = [move for move in STEPS if move.step in of and move.to in of]
    return "\n".join(
        [
            "stateDiagram-v2",
            *(f"    [*] --> {first}" for first in BEGINNINGS if first in of),
            *(f"    {move.step} --> {move.to}: {move.event}" for move in moves),
            "    done --> [*]",
            "    refused --> [*]",
        ]
    )
