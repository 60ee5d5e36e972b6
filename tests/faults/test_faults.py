"""Faults under a load of sign-ins: a few in every run of the tests, all of them by `make faults` (docs/faults.md)."""

from __future__ import annotations

import socket
import socketserver
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from tests.faults import page
from tests.faults.faults import FAULTS, SHORT, Fault
from tests.faults.ledger import Findings, Ledger
from tests.faults.load import Load, Tally
from tests.faults.outcome import Outcome, play
from tests.faults.proxy import RUBBISH, Proxies, Proxy
from tests.faults.stage import Postgres, Weathered
from tests.secrets_in_logs import LEDGER

from linkmw.demo.parts.processes import free_port
from linkmw.demo.parts.progress import Board

RATE = 4  # sign-ins a second, on whatever machine this is
RESIDENTS = 12
SECONDS = 2.0  # for each fault
LOSSES = ("wrong user", "links lost, doubled", "mails lost, doubled", "500s, dead ends")


@pytest.fixture(scope="module")
def load(
    tmp_path_factory: pytest.TempPathFactory, postgresql_server: Any, new_postgresql: Callable[[], str]
) -> Iterator[Load]:
    """People under way on a stage with proxies, the fast stand-in for Keycloak, and PostgreSQL."""
    postgres = Postgres(postgresql_server, new_postgresql())
    with Weathered(tmp_path_factory.mktemp("faults"), real=False, postgres=postgres) as stage:
        stage.start(Board())
        LEDGER.used("secret of the stage", *stage.kept.secrets())
        load = Load(stage, RATE, RESIDENTS)
        load.settle_in()
        yield load
        load.close()


@pytest.fixture(scope="module")
def ledger(load: Load) -> Iterator[Ledger]:
    ledger = Ledger(load.stage)
    yield ledger
    ledger.close()


@pytest.mark.parametrize("title", SHORT)
def test_i4_i11_rf01_rf06_df01_kf06_nothing_gets_lost_in_a_fault_under_load(
    load: Load, ledger: Ledger, title: str
) -> None:
    """How long requests may take is for `make faults`, on a machine that does nothing else."""
    outcome = play(FAULTS[title], load, ledger, SECONDS)
    assert outcome.lost() == [], page.Row.of(outcome, RATE).line()
    refused = outcome.tally.counts["sign-ins refused"] + outcome.tally.counts["links refused"]
    assert refused or title == "smtp cuts"  # the fault was felt; nobody who signs in waits for a mail


# ---- what judges is judged

WELL = Outcome(
    Fault("some fault", lambda stage: stage.misbehaving("hub", "cuts")),
    Tally(Counter({"sign-ins": 9, "sign-ins served": 5, "native": 3, "native served": 3})),
    Findings((), (), (), (), (), 4, 8, 0),
    0.5,
)


def test_all_is_well_when_nothing_is_lost() -> None:
    assert (WELL.lost(), WELL.late()) == ([], [])


@pytest.mark.parametrize(
    ("what", "of"),
    [
        ("native logins failed", replace(WELL, tally=Tally(Counter({"sign-ins": 9, "native": 3, "native served": 2})))),
        ("wrong user", replace(WELL, tally=replace(WELL.tally, wrong=["ann is ben"]))),
        ("led nowhere", replace(WELL, tally=replace(WELL.tally, lost=["stuck"]))),
        ("broken answers", replace(WELL, tally=replace(WELL.tally, broken=["500 at callback"]))),
        ("signed out", replace(WELL, tally=replace(WELL.tally, signed_out=["ann"]))),
        ("nobody came", replace(WELL, tally=Tally())),
        ("nobody could", replace(WELL, back=60.0)),
        *(
            (name.replace("_", " "), replace(WELL, findings=replace(WELL.findings, **{name: ("ann",)})))
            for name in ("links_lost", "links_doubled", "wrong_links", "mails_lost", "mails_doubled")
        ),
    ],
)
def test_whatever_is_lost_is_said(what: str, of: Outcome) -> None:
    assert any(what in sentence for sentence in of.lost())


def test_whatever_is_late_is_said() -> None:
    assert replace(WELL, back=5.1).late()
    assert replace(WELL, tally=replace(WELL.tally, slowest=(6.1, "commit"))).late()


def test_only_a_fault_that_empties_the_store_may_sign_people_out() -> None:
    out = replace(WELL, tally=replace(WELL.tally, signed_out=["ann"]))
    assert replace(out, fault=replace(WELL.fault, flushes=True)).lost() == []


# ---- the proxy


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    """Before a server that says back what it is told."""

    class Echo(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with suppress(OSError):
                while said := self.request.recv(1000):
                    self.request.sendall(said)

    proxies = Proxies()
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Echo) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield proxies.before(server.server_address[1], free_port())
        proxies.stop()
        server.shutdown()
        thread.join()


def opened(proxy: Proxy) -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxy.port), 10)


def test_the_proxy_passes_on_refuses_and_passes_on_again(proxy: Proxy) -> None:
    with opened(proxy) as connection:
        connection.sendall(b"hello")
        assert connection.recv(100) == b"hello"
        proxy.becomes("refuses")
        with pytest.raises(ConnectionResetError):
            connection.recv(100)
    with pytest.raises(ConnectionRefusedError):
        opened(proxy)
    proxy.becomes("passes")
    with opened(proxy) as connection:
        connection.sendall(b"hello")
        assert connection.recv(100) == b"hello"


def test_the_proxys_black_hole_keeps_what_was_said_until_it_is_over(proxy: Proxy) -> None:
    with opened(proxy) as connection:
        proxy.becomes("black hole")
        connection.sendall(b"hello")
        connection.settimeout(0.1)
        with pytest.raises(TimeoutError):
            connection.recv(100)
        proxy.becomes("passes")
        connection.settimeout(10)
        assert connection.recv(100) == b"hello"


def test_the_proxy_cuts_a_reply_in_the_middle_and_answers_rubbish(proxy: Proxy) -> None:
    with opened(proxy) as connection:
        connection.sendall(b"x")
        connection.recv(1)
        proxy.becomes("cuts")
        connection.sendall(b"hello!")
        got = b""
        with suppress(ConnectionResetError):  # a reset may take what came before it along
            while said := connection.recv(100):
                got += said
        assert got in (b"", b"hel")
    proxy.becomes("rubbish")
    with opened(proxy) as connection:
        connection.sendall(b"hello")
        assert connection.recv(1000) == RUBBISH


# ---- the page


def test_the_page_tells_of_every_fault_and_of_no_loss() -> None:
    text = page.PAGE.read_text("utf-8")
    rows = page.rows_of(text)
    assert page.written(text, []) == text, "run: make faults"
    assert rows
    for title, row in rows.items():
        told = dict(zip(page.HEAD, row, strict=True))
        assert not any(set(told[column]) & set("123456789?") for column in LOSSES), (title, told)
        tried, served = told["native: served"].partition(" (")[0].split(": ")
        product = told["native: served"].partition(" (")[2].partition(" ")[0]
        assert int(tried) == int(served) + int(product or 0), (title, told)


def test_the_page_tells_of_people_signed_out_only_where_a_store_was_emptied_or_a_clock_went_back() -> None:
    told = {
        title: row[page.HEAD.index("signed out")] for title, row in page.rows_of(page.PAGE.read_text("utf-8")).items()
    }
    out = {title for title, cell in told.items() if not cell.startswith("0 of ") and "store was emptied" not in cell}
    assert out == {"product clock -150 s"}  # test_signed_sessions.py: the same without linkmw
