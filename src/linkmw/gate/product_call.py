"""The product's adapter as a part that may be away: its database, its directory, its own defects."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from linkmw.errors import LinkmwError, Unavailable
from linkmw.run import Call

P = ParamSpec("P")
T = TypeVar("T")

log = logging.getLogger("linkmw.gate")


def answering(call: Call) -> Call:
    """As `call`, but whatever the adapter raises besides a LinkmwError is Unavailable: the product did not answer."""

    async def asked(function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return await call(function, *args, **kwargs)
        except LinkmwError:
            raise
        except Exception as error:
            name = getattr(function, "__name__", "adapter")
            # The traceback is for whoever runs the product; its message may quote a value, so the page's line doesn't.
            log.exception("the product's %s failed", name)
            raise Unavailable(f"the product's {name} failed: {type(error).__name__}") from None

    return asked
