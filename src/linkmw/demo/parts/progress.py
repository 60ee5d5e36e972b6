"""One line for each part that is being started: redrawn on a terminal, a line per change elsewhere."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from typing import TextIO

Say = Callable[[str], None]
_REDRAW = "\x1b[{lines}F"  # CPL: to the start of the line, so many lines up (ECMA-48, 8.3.13)
_ERASE = "\x1b[K"  # EL: the rest of the line


class Board:
    """The lines, in the order in which the parts first spoke. Safe to use from several threads."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stdout
        self._live = self._stream.isatty()
        self._lines: dict[str, str] = {}
        self._lock = threading.Lock()
        self._began = time.monotonic()

    def of(self, name: str) -> Say:
        """How the part `name` says what it is doing."""
        return lambda text: self._show(name, text)

    def _show(self, name: str, text: str) -> None:
        with self._lock:
            if self._lines.get(name) == text:
                return
            drawn = len(self._lines)
            self._lines[name] = text
            if self._live:
                self._redraw(drawn)
            else:
                print(self._line(name), file=self._stream, flush=True)

    def _redraw(self, drawn: int) -> None:
        up = _REDRAW.format(lines=drawn) if drawn else ""
        body = "".join(f"{self._line(name)}{_ERASE}\n" for name in self._lines)
        self._stream.write(up + body)
        self._stream.flush()

    def _line(self, name: str) -> str:
        seconds = time.monotonic() - self._began
        return f"  {name:<10} {self._lines[name]}" + ("" if self._live else f"  [{seconds:.1f} s]")


def silent(text: str) -> None:
    """Says nothing: for tests and for parts nobody watches."""


def steps(say: Say, what: str, total: int, step: int = 25) -> Callable[[int], None]:
    """A counter that says `what` with a percentage, every `step` percent: call it with each amount done."""
    done = 0
    said = -1

    def count(amount: int) -> None:
        nonlocal done, said
        done += amount
        percent = min(100, done * 100 // max(total, 1))
        if percent // step > said:
            said = percent // step
            say(f"{what} {said * step} %")

    return count
