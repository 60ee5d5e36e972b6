"""`linkmw hub links` and `linkmw hub identity` as an operator runs them, with a real Keycloak (OPS-5)."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.hub.realm_users import Real
from tests.hub.test_hub_migrate import House

from linkmw.model import Identity

LINKS = 1_200  # two whole batches and a part of one


class Desk(House):
    """The same hub, with another command."""

    def linkmw(self, *arguments: str, answer: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(Path(sys.executable).with_name("linkmw")), "hub", *arguments],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            input=answer,
            text=True,
            timeout=120,
            check=False,
        )

    def begin(self, *arguments: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [str(Path(sys.executable).with_name("linkmw")), "hub", *arguments],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def write(self, number: int, person: Identity, name: str = "links.csv") -> str:
        with (self.folder / name).open("w", encoding="utf-8", newline="") as file:
            lines = csv.writer(file)
            lines.writerow(("account_id", "username", "email", "sub"))
            lines.writerows((n, f"user{n}", f"user{n}@shop.example", person.subject) for n in range(number))
        return name

    def found(self, who: str, *more: str) -> list[dict[str, object]]:
        answer = self.linkmw("links", "find", who, "--json", *more)
        assert answer.returncode == 0, answer.stderr
        return [json.loads(line) for line in answer.stdout.splitlines()]


@pytest.fixture
def desk(tmp_path: Path, realm_users: Real) -> Desk:
    return Desk(tmp_path, realm_users)


@pytest.fixture
def person(realm_users: Real, request: pytest.FixtureRequest) -> Identity:
    made = realm_users.create(f"{request.node.name[:20]}@links.example")
    assert made
    return made


def test_ops05_an_import_that_is_killed_goes_on_and_tells_nobody_twice(desk: Desk, person: Identity) -> None:
    rows = desk.write(LINKS, person)
    command = ("links", "import", rows, "--client", "shop", "--include-staff")

    dry = desk.linkmw(*command, "--dry-run")
    assert (dry.returncode, desk.count("links")) == (0, 0), dry.stderr
    assert f"{LINKS:,}  links made" in dry.stdout

    process = desk.begin(*command)
    deadline = time.monotonic() + 60
    while desk.count("links") == 0:  # the first batch is there, the others are not
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
    process.send_signal(signal.SIGKILL)
    process.communicate()
    before = desk.count("links")
    assert 0 < before < LINKS
    assert desk.count("audit") == before

    again = desk.linkmw(*command)
    assert again.returncode == 0, again.stdout + again.stderr
    assert f"{before:,}  there already" in again.stdout
    assert "a second" in again.stdout
    assert (desk.count("links"), desk.count("audit")) == (LINKS, LINKS)
    # To each account's address, and to the identity's: a mail for each link, and for none a second one.
    assert desk.count("outbox") == 2 * LINKS
    assert (desk.folder / "links.csv.rejects.csv").read_text().splitlines() == ["account_id,username,email,sub,reason"]
    assert (desk.folder / "links.csv.rejects.csv").stat().st_mode & 0o777 == 0o600


@pytest.mark.matrix
def test_ops05_links_are_found_exported_imported_and_removed(desk: Desk, person: Identity) -> None:
    address = desk.real.of_identity(person).email  # type: ignore[union-attr]
    rows = desk.write(3, person)
    left_out = desk.linkmw("links", "import", rows, "--client", "shop")
    assert left_out.returncode == 1
    assert "3  left out, see links.csv.rejects.csv" in left_out.stdout
    assert "could not be asked whether it is staff" in (desk.folder / "links.csv.rejects.csv").read_text()
    made = desk.linkmw("links", "import", "links.csv.rejects.csv", "--client", "shop", "--include-staff", "--no-mail")
    assert made.returncode == 0, made.stdout + made.stderr
    assert (desk.count("links"), desk.count("outbox")) == (3, 0)

    # Whose address it is, Keycloak knows, whatever it was when the link was made.
    by_address = desk.found(address)
    assert [one["account_id"] for one in by_address] == ["0", "1", "2"]
    desk.real.admin("PUT", f"/users/{person.subject}", json={"email": f"new-{address}", "emailVerified": True})
    assert desk.found(f"new-{address}") == by_address == desk.found(person.subject)
    assert [one["username"] for one in desk.found("user1")] == ["user1"]
    listed = desk.linkmw("links", "list", "--client", "shop", "--account", "user2")
    assert (len(listed.stdout.splitlines()), "user2" in listed.stdout) == (2, True)
    exported = desk.linkmw("links", "export", "-o", "out.csv")
    assert (exported.returncode, "3 links written" in exported.stderr) == (0, True)
    assert (desk.folder / "out.csv").stat().st_mode & 0o777 == 0o600
    assert len((desk.folder / "out.csv").read_text().splitlines()) == 4

    first, second, _ = (str(one["link_id"]) for one in by_address)
    stays = desk.linkmw("links", "unlink", first, "--yes")
    assert (stays.returncode, "stays: the product could not be asked" in stays.stderr) == (1, True)
    assert desk.count("links") == 3
    gone = desk.linkmw("links", "unlink", first, "--yes", "--include-staff")
    assert (gone.returncode, desk.count("links"), desk.count("outbox")) == (0, 2, 1), gone.stderr
    assert desk.count("logouts") == 1  # its product is told to end what it opened
    quiet = desk.linkmw("links", "unlink", second, "--yes", "--include-staff", "--no-mail")
    assert (quiet.returncode, desk.count("links"), desk.count("outbox")) == (0, 1, 1)
    actors = [
        json.loads(line)["actor"] for line in desk.linkmw("audit", "tail", "-n", "2", "--json").stdout.splitlines()
    ]
    assert [actor.partition(" by ")[0] for actor in actors] == [
        "linkmw hub links unlink",
        "linkmw hub links unlink --no-mail",
    ]
    # What was exported brings both back, and the third is there already.
    back = desk.linkmw("links", "import", "out.csv", "--include-staff", "--no-mail")
    assert back.returncode == 0, back.stdout + back.stderr
    assert "2  links made" in back.stdout
    assert "1  there already" in back.stdout
