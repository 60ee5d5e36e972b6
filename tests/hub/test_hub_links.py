"""Links from files and into them (OPS-5): what is made, and what is left out and why (PR27)."""

from __future__ import annotations

import asyncio
import csv
import tracemalloc
from collections.abc import Sequence
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.hub.world import ADA, REALM, SETTINGS, World, product

from linkmw.errors import Unavailable
from linkmw.hub.cells import escaped, unescaped
from linkmw.hub.links import rows
from linkmw.hub.links.load import BATCH, Load, Options
from linkmw.hub.links.rows import CsvFile, FileRefused, Row, Unreadable
from linkmw.hub.links.store import Wanted
from linkmw.hub.ports import AccountAnswer
from linkmw.model import Identity

ACTOR = "linkmw hub links import by root"


class Desk:
    """An operator's table: a file in, rejects out."""

    def __init__(self, world: World, folder: Path) -> None:
        self.world, self.path = world, folder / "links.csv"
        self.ada = world.realm.add("ada@acme.example")
        world.accounts.staff = False

    def load(self, *lines: str, header: str = "client_id,account_id,sub", **options: Any) -> tuple[dict[str, int], str]:
        self.path.write_text("\n".join((header, *lines, "")), encoding="utf-8")
        return self.run(CsvFile(self.path), **options)

    def run(self, source: CsvFile, **options: Any) -> tuple[dict[str, int], str]:
        """The counts, and the file of rejects."""
        text, header = StringIO(), source.header()
        lines = csv.writer(text, lineterminator="\n")
        lines.writerow(rows.rejects_header(header))

        def reject(row: Row | Unreadable, reason: str) -> None:
            lines.writerow(rows.rejected(header, row, reason))

        asked = Options(**{"actor": ACTOR, **options})
        load = Load(self.world.ports, SETTINGS, self.world.sql.bulk, asked, reject)
        asyncio.run(load.run(source.rows(), lambda _: None))
        return dict(load.counts), text.getvalue()

    def reason(self, line: str, **more: Any) -> str:
        """Why that row is left out."""
        counts, rejects = self.load(line, **more)
        assert counts == {"rejected": 1}
        return reasons(rejects)[-1]

    def links(self) -> list[str]:
        return self.world.links(self.ada)


def reasons(rejects: str) -> list[str]:
    return [cells[-1] for cells in csv.reader(StringIO(rejects))][1:]


@pytest.fixture
def desk(world: World, tmp_path: Path) -> Desk:
    return Desk(world, tmp_path)


def all_links(world: World) -> list[Any]:
    return asyncio.run(world.sql.bulk.page(Wanted(), 0, 1000))


# PR27: made without a proof, and so with everybody told, the staff left alone, and the trail saying who did it


def test_ops05_pr27_a_row_becomes_a_link_its_owner_is_mailed_and_the_trail_says_who_did_it(desk: Desk) -> None:
    desk.world.accounts.email = "ada@shop.example"
    counts, rejects = desk.load(f"orders,7,{desk.ada.subject}")
    assert (counts, len(rejects.splitlines())) == ({"made": 1}, 1)
    assert desk.links() == ["orders/7"]
    to_account, to_identity = desk.world.mails()
    assert (to_account.recipient, to_identity.recipient) == ("ada@shop.example", "ada@acme.example")
    assert "/unlink/" in to_account.text
    (event,) = asyncio.run(desk.world.sql.audit.recent(desk.ada, 10))
    assert (event.event, event.actor, event.account_id) == ("linked", ACTOR, "7")


def test_mim21_the_button_of_such_a_mail_removes_the_link(desk: Desk) -> None:
    desk.world.accounts.email = "ada@shop.example"
    desk.load(f"orders,7,{desk.ada.subject}")
    person = desk.world.person()
    person.get(desk.world.unlink_path())
    person.submit(person.get("/unlink"), "/unlink")
    assert desk.links() == []


def test_ops05_without_mail_the_trail_says_that_it_was_so(desk: Desk) -> None:
    desk.world.accounts.email = "ada@shop.example"
    desk.load(f"orders,7,{desk.ada.subject}", mail=False, actor="linkmw hub links import --no-mail by root")
    assert desk.world.mails() == []
    (event,) = asyncio.run(desk.world.sql.audit.recent(desk.ada, 10))
    assert "--no-mail" in event.actor


def test_pr27_staff_is_left_alone_unless_it_is_asked_for(desk: Desk) -> None:
    desk.world.accounts.staff_of["7"] = True
    row = f"orders,7,{desk.ada.subject}"
    assert desk.reason(row) == "staff"
    assert desk.load(row, include_staff=True)[0] == {"made": 1}


def test_pr27_a_product_that_does_not_say_who_is_staff_is_no_leave(desk: Desk) -> None:
    desk.world.accounts.staff = None
    row = f"orders,7,{desk.ada.subject}"
    assert desk.reason(row) == "the product does not say whether it is staff"
    assert desk.load(row, include_staff=True)[0] == {"made": 1}


def test_pr27_a_product_that_cannot_be_asked_is_no_leave_and_is_asked_once(desk: Desk) -> None:
    asked = []

    async def away(*_: object) -> AccountAnswer:
        asked.append(1)
        raise Unavailable("the product is away")

    desk.world.accounts.look_up = away  # type: ignore[method-assign]
    lines = [f"orders,{number},{desk.ada.subject}" for number in range(50)]
    counts, rejects = desk.load(*lines)
    assert counts == {"rejected": 50}
    assert rejects.count("the product could not be asked whether it is staff") == 50
    assert len(asked) <= 8  # those that were under way together
    assert desk.load(*lines, include_staff=True)[0] == {"made": 50}


def test_pr27_a_product_without_a_gate_has_nobody_to_ask(desk: Desk) -> None:
    desk.world.register(product("plain", proof="none"))
    row = f"plain,7,{desk.ada.subject}"
    assert desk.reason(row) == "the product could not be asked whether it is staff"
    assert desk.load(row, include_staff=True)[0] == {"made": 1}


@pytest.mark.parametrize(
    ("facts", "staff", "says"),
    [
        (None, False, "the product could not be asked whether it is staff"),
        (None, True, ""),
        (AccountAnswer(False), False, "the product has no such account"),
        (AccountAnswer(False), True, "the product has no such account"),
        (AccountAnswer(True), False, "the product does not say whether it is staff"),
        (AccountAnswer(True, staff=True), False, "staff"),
        (AccountAnswer(True, staff=True), True, ""),
        (AccountAnswer(True, staff=False), False, ""),
    ],
)
def test_pr27_who_may_be_linked_without_a_proof(facts: AccountAnswer | None, staff: bool, says: str) -> None:
    assert rows.objection(facts, include_staff=staff) == says


# What is left out, and why


def test_ops05_what_is_left_out_says_why(desk: Desk) -> None:
    desk.world.accounts.gone.add("gone")
    desk.world.accounts.inactive.add("closed")
    sub = desk.ada.subject
    for row, reason in (
        (f"nobody,7,{sub}", "there is no such product, or it is disabled"),
        (f"orders,,{sub}", "no account id that could be kept"),
        (f"orders,{'9' * 256},{sub}", "no account id that could be kept"),
        ("orders,7,", "names no identity: neither sub nor identity_email"),
        ("orders,7,nobody", "Keycloak knows no such identity"),
        ("orders,7,../../admin", "no subject that Keycloak gives"),
        (f"orders,gone,{sub}", "the product has no such account"),
        (f"orders,closed,{sub}", "not active in the product"),
    ):
        assert desk.reason(row) == reason
    assert all_links(desk.world) == []


def test_pr01_an_address_counts_if_keycloak_has_verified_it(desk: Desk) -> None:
    desk.world.realm.add("eve@acme.example", verified=False)
    header = "client_id,account_id,identity_email"
    assert desk.reason("orders,7,eve@acme.example", header=header) == "Keycloak has not verified this address"
    assert desk.reason("orders,7,bob@acme.example", header=header) == "Keycloak knows nobody by this address"
    assert desk.load("orders,7,Ada@ACME.example", header=header)[0] == {"made": 1}
    assert desk.links() == ["orders/7"]


def test_lt17_an_identity_of_another_issuer_is_none_of_this_tenant(desk: Desk) -> None:
    header = "client_id,account_id,iss,sub"
    said = desk.reason(f"orders,7,https://other.example/realms/x,{desk.ada.subject}", header=header)
    assert said == "the identity is of another issuer than the product's tenant"
    assert desk.load(f"orders,7,{REALM},{desk.ada.subject}", header=header)[0] == {"made": 1}


def test_mim16_an_account_of_somebody_else_stays_theirs_and_ones_own_is_done(desk: Desk) -> None:
    bob = desk.world.realm.add("bob@acme.example")
    assert desk.load(f"orders,7,{desk.ada.subject}")[0] == {"made": 1}
    counts, rejects = desk.load(f"orders,7,{bob.subject}", f"orders,7,{desk.ada.subject}", f"orders,8,{bob.subject}")
    assert counts == {"rejected": 1, "already": 1, "made": 1}
    assert "linked to another identity" in rejects
    assert desk.links() == ["orders/7"]


def test_mg04_the_same_account_twice_in_a_file_is_its_first_rows(desk: Desk) -> None:
    bob = desk.world.realm.add("bob@acme.example")
    counts, _ = desk.load(f"orders,7,{desk.ada.subject}", f"orders,7,{bob.subject}", f"orders,7,{desk.ada.subject}")
    assert counts == {"made": 1, "rejected": 1, "already": 1}
    assert desk.links() == ["orders/7"]


def test_mim16_an_account_that_its_owner_links_meanwhile_stays_theirs(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = desk.world.sql.bulk.owners

    async def too_early(keys: Any) -> Any:
        found = await looks(keys)
        await asyncio.to_thread(desk.world.add_link, "7", ADA)
        return found

    monkeypatch.setattr(desk.world.sql.bulk, "owners", too_early)
    counts, rejects = desk.load(f"orders,6,{desk.ada.subject}", f"orders,7,{desk.ada.subject}")
    assert counts == {"made": 1, "rejected": 1}
    assert "linked by its owner meanwhile" in rejects
    assert (desk.links(), desk.world.links(ADA)) == (["orders/6"], ["orders/7"])


def test_ops05_a_dry_run_finds_the_same_and_changes_nothing(desk: Desk) -> None:
    lines = [f"orders,{number},{desk.ada.subject}" for number in range(3)] + ["orders,9,nobody"]
    before = desk.world.stored()
    dry = desk.load(*lines, dry_run=True)
    assert desk.world.stored() == before
    assert desk.load(*lines) == dry == ({"made": 3, "rejected": 1}, dry[1])


def test_ops05_keycloak_that_goes_away_stops_it_and_the_next_run_goes_on(desk: Desk) -> None:
    lines = [f"orders,{number},{desk.ada.subject}" for number in range(2 * BATCH + 7)]
    known, asked = desk.world.ports.identities.of_identity, iter(range(10**9))

    async def goes_away(tenant: Any, identity: Identity) -> Any:
        if next(asked) > 0:  # once a batch, for it is one person
            raise Unavailable("Keycloak is away")
        return await known(tenant, identity)

    desk.world.realm.of_identity = goes_away  # type: ignore[method-assign]
    with pytest.raises(Unavailable):
        desk.load(*lines, mail=False)
    assert len(desk.links()) == BATCH  # the first batch, and nothing of the second
    desk.world.realm.of_identity = known  # type: ignore[method-assign]
    assert desk.load(*lines, mail=False)[0] == {"already": BATCH, "made": BATCH + 7}


# The file


def test_mg04_odd_rows_are_reported_one_by_one_and_their_neighbours_are_made(desk: Desk) -> None:
    desk.path.write_bytes(
        b"client_id,account_id,sub\n"
        + f"orders,1,{desk.ada.subject}\n".encode()
        + b"orders,\xff\xfe,x\n"
        + b"orders,2\n\n"
        + f"orders,3,{desk.ada.subject}\n".encode()
        + f"orders,{'x' * 200_000},y\n".encode()
    )
    counts, rejects = desk.run(CsvFile(desk.path))
    assert counts == {"made": 2, "rejected": 3}
    assert sorted(reasons(rejects)) == [
        "2 cells where the header has 3",
        "not CSV: a quote that is never closed, or a cell too long",
        "not UTF-8",
    ]
    assert desk.links() == ["orders/1", "orders/3"]


@pytest.mark.parametrize(
    ("header", "says"),
    [("", "is empty"), ("client_id,sub", "no column account_id"), ("account_id,client_id", "no column sub"),
     ("account_id,sub", "give --client")],
)  # fmt: skip
def test_ops05_a_file_that_cannot_be_read_is_refused_whole(tmp_path: Path, header: str, says: str) -> None:
    path = tmp_path / "links.csv"
    path.write_text(header and f"{header}\n")
    with pytest.raises(FileRefused, match=says):
        CsvFile(path).header()
    with pytest.raises(FileRefused, match="cannot be read"):
        CsvFile(tmp_path / "nothing").header()


def test_ops05_the_rejects_can_be_mended_and_imported(desk: Desk) -> None:
    header = "client_id,account_id,username,identity_email"
    _, rejects = desk.load("orders,7,'=ada,bob@acme.example", header=header)
    assert rejects.splitlines()[0] == f"{header},reason"
    assert "'=ada" in rejects
    assert "''=ada" not in rejects
    desk.path.write_text(rejects.replace("bob@", "ada@"))
    assert desk.run(CsvFile(desk.path))[0] == {"made": 1}
    (link,) = all_links(desk.world)
    assert link.username == "=ada"


@given(st.text())
def test_mg04_a_cell_comes_back_to_the_letter_and_is_no_formula(text: str) -> None:
    assert unescaped(escaped(text)) == text
    assert not escaped(text).startswith(("=", "+", "-", "@", "\t", "\r"))


def exported(world: World) -> str:
    text = StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(rows.COLUMNS)
    lines.writerows(rows.line(link) for link in all_links(world))
    return text.getvalue()


def test_ops05_what_was_exported_can_be_imported_elsewhere(desk: Desk) -> None:
    header = "client_id,account_id,username,email,sub"
    odd = ["'=2+3", "'@ada", "-1", "plain", "o''brien"]
    lines = [f'orders,{number},"{name}",a{number}@shop.example,{desk.ada.subject}' for number, name in enumerate(odd)]
    desk.load(*lines, header=header)
    text = exported(desk.world)
    assert "'=2+3" in text
    for link in all_links(desk.world):
        asyncio.run(desk.world.sql.links.remove(link.link_id, [], _event(desk.world)))
    before = text
    desk.path.write_text(text)
    assert desk.run(CsvFile(desk.path))[0] == {"made": 5}
    assert [line.split(",")[:7] for line in exported(desk.world).splitlines()] == [
        line.split(",")[:7] for line in before.splitlines()
    ]


def _event(world: World) -> Any:
    from linkmw.hub.ports import AuditEvent

    return AuditEvent("unlinked", "ok", world.clock())


def test_mg04_more_rows_need_no_more_memory(desk: Desk) -> None:
    def peak(number: int) -> int:
        desk.path.write_text("client_id,account_id,sub\n" + f"orders,,{desk.ada.subject}\n" * number)
        source = CsvFile(desk.path)
        load = Load(desk.world.ports, SETTINGS, desk.world.sql.bulk, Options(ACTOR), lambda _row, _reason: None)
        tracemalloc.start()
        asyncio.run(load.run(source.rows(), lambda _: None))
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    few, many = peak(2_000), peak(20_000)
    assert many < few + 500_000


# Finding


def test_ops05_links_are_found_by_product_account_identity_and_address(desk: Desk) -> None:
    bob = desk.world.realm.add("bob@acme.example")
    desk.world.accounts.email = "ada@shop.example"
    desk.load(f"orders,7,{desk.ada.subject}", f"stock,8,{desk.ada.subject}", f"orders,9,{bob.subject}")

    def ids(wanted: Wanted) -> Sequence[str]:
        return [link.account_id for link in asyncio.run(desk.world.sql.bulk.page(wanted, 0, 10))]

    assert sorted(ids(Wanted())) == ["7", "8", "9"]
    assert ids(Wanted(["orders"])) == ["7", "9"]
    assert ids(Wanted([])) == []
    assert ids(Wanted(account="8")) == ["8"]
    assert ids(Wanted(who=desk.ada.subject)) == ["7", "8"]
    assert ids(Wanted(["orders"], who=desk.ada.subject)) == ["7"]
    assert ids(Wanted(who="ADA@acme.example")) == ["7", "8"]
    assert ids(Wanted(who="bob@old.example", identities=[bob])) == ["9"]
    assert ids(Wanted(who="nobody")) == []
    (first,) = asyncio.run(desk.world.sql.bulk.page(Wanted(), 0, 1))
    left = asyncio.run(desk.world.sql.bulk.page(Wanted(), first.link_id, 10))
    assert {first.account_id, *(link.account_id for link in left)} == {"7", "8", "9"}
    assert len(left) == 2
