"""One fault under the load: what happened, and whether that is what may happen."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

from tests.faults.faults import Fault
from tests.faults.ledger import Findings, Ledger
from tests.faults.load import Load, Tally

MAX_SECONDS = 6.0  # for any one request (KF01)
RECOVERS_SECONDS = 5.0  # from the part's return to a sign-in that goes through
GIVES_UP_SECONDS = 60.0
_BEFORE, _AFTER = 1.0, 1.0  # of good weather around the bad


@dataclass(frozen=True, slots=True)
class Outcome:
    """back: seconds from the part's return to the first sign-in that went through."""

    fault: Fault
    tally: Tally
    findings: Findings
    back: float

    def lost(self) -> list[str]:
        """What must never happen, however slow the machine is; nothing is well."""
        tally, found, counts = self.tally, self.findings, self.tally.counts
        native = counts["native"] - counts["native served"]
        if "product" in self.fault.away:
            native -= counts["native gone"]
        said: list[tuple[object, str]] = [
            (native, f"{native} native logins failed"),
            (tally.wrong, f"wrong user: {tally.wrong[:3]}"),
            (tally.lost, f"led nowhere: {tally.lost[:3]}"),
            (tally.broken, f"broken answers: {tally.broken[:3]}"),
            (tally.signed_out and not self.fault.flushes, f"signed out: {tally.signed_out[:3]}"),
            (found.links_lost, f"links lost: {found.links_lost[:3]}"),
            (found.links_doubled, f"links doubled: {found.links_doubled[:3]}"),
            (found.wrong_links, f"wrong links: {found.wrong_links[:3]}"),
            (found.mails_lost, f"mails lost: {found.mails_lost[:3]}"),
            (found.mails_doubled, f"mails doubled: {found.mails_doubled[:3]}"),
            (self.back >= GIVES_UP_SECONDS, "nobody could sign in again"),
            (not (counts["sign-ins"] and counts["native"]), "nobody came"),
        ]
        return [sentence for is_so, sentence in said if is_so]

    def late(self) -> list[str]:
        """What took longer than it may."""
        seconds, where = self.tally.slowest
        said = [
            (seconds > MAX_SECONDS, f"a request took {seconds:.1f} s: {where}"),
            (self.back > RECOVERS_SECONDS, f"back after {self.back:.1f} s"),
        ]
        return [sentence for is_so, sentence in said if is_so]


def play(fault: Fault, load: Load, ledger: Ledger, seconds: float) -> Outcome:
    """The fault, for so long, under the load; then the recovery, and a look into the books."""
    stage = load.stage
    fault.prepare(stage)
    load.people.stock(int(load.rate * (seconds + 20) * 0.2))
    load.is_back()
    clock = threading.Event()
    hosts = {host for part in fault.away for host in stage.hosts(part)}
    with load.running() as tally:
        clock.wait(_BEFORE)
        load.frozen.begins(hosts)
        with fault.weather(stage):
            if fault.works:
                load.frozen.ends(hosts)
            within = _recovers(load) if fault.works else 0.0
            clock.wait(seconds)
            load.frozen.begins(hosts)
        load.frozen.ends(hosts)
        back = max(within, _recovers(load))
        clock.wait(_AFTER)
    ledger.settled()
    return Outcome(fault, tally, ledger.compared(load.linked, tally.told_linked), back)


def _recovers(load: Load) -> float:
    began, pause = time.monotonic(), threading.Event()
    visitor = load.probe
    while visitor.signs_in() != "served":
        if time.monotonic() - began > GIVES_UP_SECONDS:
            break
        pause.wait(0.1)
    return time.monotonic() - began
