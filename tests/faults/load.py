"""A steady load of people, whatever the weather, and a tally of what became of each.

At every tick somebody comes: six in ten sign in by the button, two natively, two link an account. Beside them some who
are signed in look at a page once a second. Nobody is held back by those before: what is slow piles up, as it would.
"""

from __future__ import annotations

import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from urllib.parse import urlsplit

import httpx2
from tests.e2e.person import BRAND
from tests.e2e.walker import Answered, Gone, Walker
from tests.faults.people import Pair, People
from tests.faults.stage import Weathered

from linkmw.demo.web import Stuck

MIX = ("sign-in", "native", "sign-in", "link", "sign-in", "sign-in", "native", "sign-in", "link", "sign-in")
CROWD = 64  # who can be under way at once
RESIDENTS = 40  # people with a link who come back again and again
WATCHERS = 8  # of those who are signed in and stay
_ACTS = 12
_MOVES_IN_SECONDS = 60
_OURS = (200, 204, 303, 400, 403, 404, 409, 422, 429, 503)
_SIGNED_IN = re.compile(r"Signed in as <strong>([^<]+)</strong>")


@dataclass(slots=True)
class Tally:
    """What came of everybody under one fault. slowest: seconds and the step, of a request to a part that was there."""

    counts: Counter[str] = field(default_factory=Counter)
    slowest: tuple[float, str] = (0.0, "")
    wrong: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    signed_out: list[str] = field(default_factory=list)
    told_linked: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, *what: str) -> None:
        with self._lock:
            self.counts.update(what)

    def answered(self, answered: Answered, where: str, *, ours: bool) -> None:
        with self._lock:
            self.slowest = max(self.slowest, (answered.seconds, f"{answered.step or 'a page'} {where}"))
            if answered.status not in _OURS if ours else answered.status >= 500:
                self.broken.append(f"{answered.status} at {answered.step or where}")

    def notes(self, list_of: str, what: str) -> None:
        with self._lock:
            getattr(self, list_of).append(what)


class Frozen:
    """Which hosts a browser finds hanging or gone because the fault is theirs: nothing of it is counted as slow."""

    def __init__(self) -> None:
        self._spans: dict[str, tuple[float, float]] = {}
        self._lock = threading.Lock()

    def begins(self, hosts: set[str]) -> None:
        with self._lock:
            self._spans.update(dict.fromkeys(hosts, (time.monotonic(), float("inf"))))

    def ends(self, hosts: set[str]) -> None:
        with self._lock:
            self._spans.update({host: (self._spans[host][0], time.monotonic() + 2) for host in hosts})

    def touches(self, host: str, began: float) -> bool:
        """Was this host away at any moment since `began`?"""
        with self._lock:
            first, last = self._spans.get(host, (float("inf"), 0.0))
        return began <= last and time.monotonic() >= first


class Visitor(Walker):
    """A walker who writes down what it meets, instead of failing."""

    def __init__(self, pair: Pair, stage: Weathered, load: Load) -> None:
        super().__init__(pair.product, stage.hub.url, pair.identity, pair.account)
        self.pair, self._load = pair, load
        self._began = 0.0

    @property
    def tally(self) -> Tally:
        return self._load.tally

    def _send(self, method: str, url: str, body: dict[str, str] | None, origin: str) -> httpx2.Response:
        """As browsers do, once more where a kept connection has ended; a part that is there must answer then."""
        host = urlsplit(url).hostname or ""
        for again in (True, False):
            self._began = time.monotonic()
            self.frozen = host if self._load.frozen.touches(host, self._began) else ""
            try:
                return super()._send(method, url, body, origin)
            except Gone as gone:
                if self._load.frozen.touches(host, self._began):
                    raise
                if not again or time.monotonic() - self._began > 1:
                    self.tally.notes("broken", f"no answer at {gone}")
                    raise
        raise AssertionError

    def _check(self, answered: Answered, url: str, text: str) -> None:
        self.answers.append(answered)
        parts = urlsplit(url)
        if not self._load.frozen.touches(parts.hostname or "", self._began):
            self.tally.answered(answered, f"{parts.hostname}{parts.path}", ours=self._is_ours(url))

    @property
    def signed_in_as(self) -> str:
        found = _SIGNED_IN.search(self.page.text)
        name = found[1] if found and self.page.url.startswith(self.pair.product.url) else ""
        if name and name != self.pair.account.username:
            self.tally.notes("wrong", f"{self.pair.account.username} is {name}")
        return name

    @property
    def is_signed_in(self) -> bool:
        return bool(self.signed_in_as)

    @property
    def may_not(self) -> bool:
        """An honest no: a page of ours that says so, or the login page without the button."""
        return self.is_refused or (self.offers_native_login and f"Sign in with {BRAND}" not in self.page.links)

    # --- what people do ---------------------------------------------------------------------------

    def signs_in(self) -> str:
        """What came of it: "served", "refused", "gone" (the browser has a page of its own), else what led nowhere."""
        self.comes_back_later()
        return self._ends(self._goes)

    def links(self) -> str:
        told = f"{self.pair.account.username} {self.pair.product.client_id}"

        def goes() -> str:
            self.comes()
            for _ in range(_ACTS):
                if "Your accounts are linked" in self.page.headings:
                    self.tally.told_linked.add(told)
                    self.acts()
                    return "served"
                if self.may_not:
                    return "refused"
                if self.is_signed_in:  # the link is made later, or not at all: the ledger knows
                    return "refused"
                self.acts()
            return f"stuck at {self.page}"

        return self._ends(goes)

    def signs_in_natively(self) -> str:
        self.comes_back_later()
        return self._ends(self._natively)

    def looks(self) -> str:
        """At a page for people who are signed in, being one."""

        def goes() -> str:
            self.comes()
            return "served" if self.is_signed_in else "signed out"

        return self._ends(goes)

    def _goes(self) -> str:
        self.comes()
        for _ in range(_ACTS):
            if self.is_signed_in:
                return "served"
            if self.may_not:
                return "refused"
            self.acts()
        return f"stuck at {self.page}"

    def _natively(self) -> str:
        account = self.pair.account
        page = self.open(self.pair.product.login_url)
        self.submit(page.form_with("password"), username=account.username, password=account.password)
        return "served" if self.is_signed_in else f"not signed in at {self.page}"

    def _ends(self, goes: Callable[[], str]) -> str:
        try:
            return goes()
        except Gone:
            return "gone"
        except (Stuck, AssertionError, IndexError) as error:
            return f"stuck: {str(error)[:200]}"


class Load:
    """The people of one stage. `residents` have their link before any weather begins."""

    def __init__(self, stage: Weathered, rate: float, residents: int = RESIDENTS) -> None:
        self.stage, self.rate, self._residents = stage, rate, residents
        self.tally, self.frozen = Tally(), Frozen()
        self.people = People(stage)
        self.linked: dict[str, Pair] = {}  # all who are known to be linked, or have tried to
        self._free: SimpleQueue[Visitor] = SimpleQueue()
        self._watchers: list[Visitor] = []
        self.probe: Visitor  # who tries whether all is well again
        self._pool = ThreadPoolExecutor(CROWD, "people")

    def settle_in(self) -> None:
        """The residents and the watchers link their accounts, in good weather."""
        many = self._residents + WATCHERS + 1
        self.people.stock(many)
        with ThreadPoolExecutor(4) as pool:
            everybody = list(pool.map(lambda _: self._moves_in(), range(many)))
        self.probe, *everybody = everybody
        self._watchers = everybody[:WATCHERS]
        for visitor in everybody[WATCHERS:]:
            self._free.put(visitor)

    def _moves_in(self) -> Visitor:
        visitor = self._visitor(self.people.next())
        deadline, pause = time.monotonic() + _MOVES_IN_SECONDS, threading.Event()
        came = visitor.links()
        while came != "served":  # a busy machine: the button is gone where the hub took half a second
            assert time.monotonic() < deadline, (came, visitor.page.text[:500], visitor.answers[-20:])
            pause.wait(0.1)
            came = visitor.signs_in()  # from the start: the first time may have ended signed in, and not linked yet
        return visitor

    def is_back(self) -> None:
        """Whoever watches is signed in: an emptied store before this fault is none of its doing."""
        deadline, pause = time.monotonic() + _MOVES_IN_SECONDS, threading.Event()
        for watcher in self._watchers:
            while watcher.looks() != "served":
                assert time.monotonic() < deadline, f"{watcher.pair.account.username} does not come in again"
                watcher.links()
                pause.wait(0.1)

    def _visitor(self, pair: Pair | None) -> Visitor:
        assert pair, "no more people"
        self.linked[pair.account.username] = pair
        return Visitor(pair, self.stage, self)

    @contextmanager
    def running(self) -> Iterator[Tally]:
        """People come while the block runs; at its end everybody has come to an end."""
        self.tally = tally = Tally()
        home = threading.Event()
        keepers = [threading.Thread(target=one, args=(home,)) for one in (self._comes, self._look)]
        for keeper in keepers:
            keeper.start()
        try:
            yield tally
        finally:
            home.set()
            for keeper in keepers:
                keeper.join()
            self._pool.shutdown(wait=True)
            self._pool = ThreadPoolExecutor(CROWD, "people")

    def _comes(self, home: threading.Event) -> None:
        began, number = time.monotonic(), 0
        while not home.wait(max(0.0, began + number / self.rate - time.monotonic())):
            kind = MIX[number % len(MIX)]
            number += 1
            self._pool.submit({"sign-in": self._signs_in, "native": self._native, "link": self._links}[kind])

    def _look(self, home: threading.Event) -> None:
        while not home.wait(1.0):
            for watcher in self._watchers:
                came = watcher.looks()
                self.tally.count("looks", f"looks {came}" if came in ("served", "gone") else "looks other")
                if came == "signed out":
                    self.tally.notes("signed_out", watcher.pair.account.username)
                    watcher.links()  # comes in again, if that can be
                elif came not in ("served", "gone"):
                    self.tally.notes("lost", f"a look: {came}")

    def _resident(self, goes: Callable[[Visitor], str], what: str) -> None:
        try:
            visitor = self._free.get(timeout=10)
        except Empty:
            self.tally.count("nobody free")
            return
        try:
            self._counts(what, goes(visitor))
        finally:
            self._free.put(visitor)

    def _signs_in(self) -> None:
        self._resident(Visitor.signs_in, "sign-ins")

    def _native(self) -> None:
        self._resident(Visitor.signs_in_natively, "native")

    def _links(self) -> None:
        pair = self.people.next()
        if pair is None:
            self.tally.count("nobody new")
            return
        with self._visitor(pair) as visitor:
            self._counts("links", visitor.links())

    def _counts(self, what: str, came: str) -> None:
        known = came in ("served", "refused", "gone")
        self.tally.count(what, f"{what} {came if known else 'other'}")
        if not known:
            self.tally.notes("lost", f"{what}: {came}")

    def close(self) -> None:
        self._pool.shutdown()
        for visitor in self._watchers:
            visitor.__exit__()
