"""OPS-6 when things go wrong: a Keycloak that stops answering, a link made meanwhile, a million rows."""

from __future__ import annotations

import tracemalloc
from collections.abc import Mapping, Sequence
from io import StringIO
from pathlib import Path
from threading import Lock
from typing import Any

import pytest
from sqlalchemy import func, select
from tests.hub.test_hub_credentials import PHC
from tests.hub.world import ACME, World

from linkmw.errors import KeycloakRefused, Unavailable
from linkmw.hub.migrate.addresses import counted
from linkmw.hub.migrate.ledger import Made
from linkmw.hub.migrate.report import Report
from linkmw.hub.migrate.rows import Row
from linkmw.hub.migrate.run import BATCH, Migration, Options
from linkmw.hub.migrate.sources import CsvFile
from linkmw.model import Identity
from linkmw.stores.sql import schema
from linkmw.stores.sql.migrated import SqlMigrated

HASH = "argon2" + PHC
MAILED: Sequence[str] = ("UPDATE_PASSWORD",)


class Users:
    """A realm. lost: at how many users its answers stop to arrive, though it makes them all the same."""

    def __init__(self) -> None:
        self.made: dict[str, dict[str, Any]] = {}
        self.mailed: list[str] = []
        self.lost: int | None = None
        self.no_mail = False
        self._lock = Lock()

    def create(self, representation: Mapping[str, Any]) -> str | None:
        with self._lock:
            if representation["email"] in {user["email"] for user in self.made.values()}:
                return None
            if "refused" in representation["email"]:
                raise KeycloakRefused("no", 400)
            subject = f"sub-{len(self.made)}"
            self.made[subject] = dict(representation) | {"id": subject}
            if self.lost is not None and len(self.made) > self.lost:
                raise Unavailable("Keycloak did not answer")
            return subject

    def having(self, name: str, value: str) -> list[dict[str, Any]]:
        return [user for user in self.made.values() if user[name] == value.lower()]

    def credentials(self, subject: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.made[subject]["credentials"]
        return found

    def delete(self, subject: str) -> None:
        self.made.pop(subject, None)

    def mail_actions(self, subject: str, actions: Sequence[str]) -> None:
        assert tuple(actions) == MAILED
        if self.no_mail:
            raise Unavailable("no SMTP server")
        self.mailed.append(self.made[subject]["email"])


class Office:
    def __init__(self, world: World) -> None:
        self.world, self.users = world, Users()
        self.ledger = SqlMigrated(world.sql.database, world.clock)
        (self.client,) = [one for one in world.sql.admin.clients() if one.client_id == "orders"]

    def work(self, **options: bool) -> tuple[Migration, Report, StringIO]:
        text = StringIO()
        report = Report(text)
        return Migration(ACME, self.client, self.users, self.ledger, Options(**options), report), report, text

    def run(self, rows: Sequence[Row], **options: bool) -> tuple[dict[str, int], str]:
        work, report, text = self.work(**options)
        with counted(rows) as addresses:
            work.run(rows, addresses, lambda _: None)
        return dict(report.counts), text.getvalue()

    def links(self) -> int:
        query = select(func.count()).select_from(schema.links)
        return int(self.world.sql.database.read_now(lambda connection: connection.execute(query).scalar_one()))


@pytest.fixture
def office(world: World) -> Office:
    return Office(world)


def people(number: int) -> list[Row]:
    return [Row(n, str(n), f"P{n}@acme.example", f"p{n}", HASH) for n in range(1, number + 1)]


def test_mg01_an_answer_that_is_lost_makes_no_second_user(office: Office) -> None:
    office.users.lost = BATCH + BATCH // 2
    rows = people(2 * BATCH + 7)
    with pytest.raises(Unavailable):
        office.run(rows)
    assert office.links() == BATCH + BATCH // 2
    assert len(office.users.made) == 2 * BATCH  # half of the second batch is there without the hub knowing who
    office.users.lost = None
    counts, _ = office.run(rows)
    assert counts == {"already": BATCH + BATCH // 2, "made": BATCH // 2 + 7}
    assert len(office.users.made) == office.links() == len(rows)


def test_ops06_undo_finds_users_whose_answer_was_lost_and_keeps_who_was_there(office: Office) -> None:
    office.users.create({"email": "p3@acme.example", "username": "p3@acme.example", "credentials": []})
    office.users.lost = 5
    with pytest.raises(Unavailable):
        office.run(people(9))
    work, report, _ = office.work()
    work.undo(lambda _: None)
    assert [user["email"] for user in office.users.made.values()] == ["p3@acme.example"]
    assert (office.links(), report.counts["undone"]) == (0, 8)


def test_ops06_undo_keeps_an_identity_that_has_other_links_by_now(office: Office) -> None:
    office.run(people(1))
    (subject,) = office.users.made
    of_person = Made("s-1", "p1", "", "p1@acme.example", Identity(ACME.issuer, subject), link=True)
    assert office.ledger.finish("acme", "stock", [of_person]) == set()
    work, report, text = office.work()
    work.undo(lambda _: None)
    assert (report.counts["kept"], "has other links" in text.getvalue()) == (1, True)
    assert list(office.users.made) == [subject]
    assert office.links() == 1


def test_rc09_an_account_that_its_owner_links_meanwhile_gets_no_second_identity(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(office.ledger, "linked", lambda *_: set())  # looked before the owner came
    office.world.link(office.world.person(), account_id="1")
    counts, text = office.run(people(1))
    assert (counts, "linked by its owner meanwhile" in text) == ({"not_asked_for": 1}, True)
    assert office.users.made == {}
    assert office.ledger.of_accounts("orders", ["1"]) == {}


def test_mg03_pr27_notify_mails_who_has_no_password_and_nobody_is_mailed_without(office: Office) -> None:
    rows = [Row(1, "1", "a@acme.example"), Row(2, "2", "b@acme.example", password_hash=HASH)]
    office.run(rows)
    assert office.users.mailed == []
    office.work()[0].undo(lambda _: None)
    office.run(rows, notify=True)
    assert office.users.mailed == ["a@acme.example"]
    office.work()[0].undo(lambda _: None)
    office.users.no_mail = True
    counts, text = office.run(rows, notify=True)
    assert (counts["made"], "no mail: no SMTP server" in text) == (2, True)


def test_mg04_a_row_that_keycloak_refuses_is_reported_and_its_neighbours_are_made(office: Office) -> None:
    rows = [*people(3), Row(4, "4", "refused@acme.example", password_hash=HASH)]
    counts, text = office.run(rows)
    assert counts == {"made": 3, "left_out": 1}
    assert "Keycloak refuses the user" in text
    assert office.run(rows)[0] == {"already": 3, "left_out": 1}


def test_pr27_staff_is_included_when_asked_for(office: Office) -> None:
    boss = [Row(1, "1", "boss@acme.example", password_hash=HASH, staff=True)]
    assert office.run(boss)[0] == {"not_asked_for": 1}
    assert office.run(boss, include_staff=True)[0] == {"made": 1}


def peak_of(file: Path, rows: int) -> int:
    """Bytes in memory at most, while so many rows are counted and read."""
    with file.open("w") as text:
        text.write("account_id,email,password_hash\n")
        text.writelines(f'{n},{n}@acme.example,"{HASH}"\n' for n in range(rows))
    source = CsvFile(file)
    tracemalloc.start()
    with counted(source.rows()) as addresses:
        assert sum(addresses.times(row) for row in source.rows()) == addresses.rows == rows
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def test_mg04_more_rows_need_no_more_memory(tmp_path: Path) -> None:
    few, many = peak_of(tmp_path / "few.csv", 10_000), peak_of(tmp_path / "many.csv", 40_000)
    assert many < few * 1.2
