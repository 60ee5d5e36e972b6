"""One line for each part: redrawn on a terminal, a line per change elsewhere."""

from __future__ import annotations

import io

from linkmw.demo.parts.progress import Board, steps


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_elsewhere_each_change_is_a_plain_line() -> None:
    out = io.StringIO()
    board = Board(out)
    board.of("Redis")("starting")
    board.of("Redis")("starting")
    board.of("Keycloak")("starting")
    board.of("Redis")("ready")
    lines = out.getvalue().splitlines()
    assert [line.split()[:2] for line in lines] == [["Redis", "starting"], ["Keycloak", "starting"], ["Redis", "ready"]]
    assert "\x1b" not in out.getvalue()


def test_on_a_terminal_the_lines_are_redrawn() -> None:
    out = Terminal()
    board = Board(out)
    board.of("Redis")("starting")
    board.of("Keycloak")("starting")
    board.of("Redis")("ready")
    assert "\x1b[2F  Redis      ready" in out.getvalue()


def test_a_counter_speaks_at_each_step_only() -> None:
    said: list[str] = []
    count = steps(said.append, "downloading", total=1000, step=25)
    for _ in range(1000):
        count(1)
    assert said == ["downloading 0 %", "downloading 25 %", "downloading 50 %", "downloading 75 %", "downloading 100 %"]
