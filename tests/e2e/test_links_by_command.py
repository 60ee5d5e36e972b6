"""An operator links, finds, unlinks and erases by command, with a real product, Keycloak and mail server (OPS-5)."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from tests.e2e.test_sign_out import is_out_in_time, is_signed_in, sits_down_elsewhere
from tests.e2e.world import World

STAFF = "ada.admin"  # of Orders, whom Django calls staff


def linkmw(world: World, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    bare = {name: value for name, value in os.environ.items() if not name.startswith("LINKMW_")}
    return subprocess.run(
        [str(Path(sys.executable).with_name("linkmw")), "hub", *arguments],
        cwd=folder,
        env=bare | world.hub.settings,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def account_id(product, username: str) -> str:
    with closing(sqlite3.connect(product.database)) as database:
        (found,) = database.execute("SELECT id FROM auth_user WHERE username = ?", (username,))
    return str(found[0])


@pytest.mark.matrix
def test_ops05_pr27_mim27_links_by_command_reach_the_person_and_end_what_they_opened(
    world, new_browser, tmp_path
) -> None:
    product = world.products["orders-wsgi"]
    identity, account = world.new_identity(), world.new_account(product.key)
    accounts = [*(account_id(product, name) for name in (account.username, STAFF)), "999999"]
    header = "account_id,identity_email"
    (tmp_path / "links.csv").write_text("\n".join((header, *(f"{one},{identity.email}" for one in accounts), "")))

    made = linkmw(world, tmp_path, "links", "import", "links.csv", "--client", product.client_id)
    assert made.returncode == 1, made.stderr
    assert "1  links made" in made.stdout, made.stdout
    rejects = (tmp_path / "links.csv.rejects.csv").read_text().splitlines()[1:]
    assert [line.rpartition(",")[2] for line in rejects] == ["staff", "the product has no such account"]
    mail = world.inbox.wait_for(to=account.email, subject="has been linked")
    assert account.username in mail["text"]

    person = sits_down_elsewhere(new_browser, product, identity)  # no proof is asked for: the link is there
    person.is_signed_in_as(account.username, product.url)
    person.opens(product.url)
    assert is_signed_in(person.page)
    told = linkmw(world, tmp_path, "identity", "export", identity.email)
    assert told.returncode == 0, told.stderr
    everything = json.loads(told.stdout)
    (link,) = everything["links"]
    assert link["username"] == account.username
    assert len(everything["sessions"]) == 1
    assert {"linked", "signed_in"} <= {event["event"] for event in everything["audit"]}

    gone = linkmw(world, tmp_path, "links", "unlink", str(link["link_id"]), "--yes")
    assert gone.returncode == 0, gone.stdout + gone.stderr
    is_out_in_time(world, person, product)
    world.inbox.wait_for(to=account.email, subject="no longer linked")

    erased = linkmw(world, tmp_path, "identity", "erase", identity.email, "--yes")
    assert erased.returncode == 0, erased.stderr
    pseudonym = erased.stdout.split()[-1].rstrip(".")
    again = json.loads(linkmw(world, tmp_path, "identity", "export", everything["sub"]).stdout)
    assert (again["links"], again["sessions"], again["audit"]) == ([], [], [])
    trail = linkmw(world, tmp_path, "audit", "tail", "-n", "1000", "--json").stdout
    assert everything["sub"] not in trail
    events = [json.loads(line) for line in trail.splitlines()]
    assert [event["sub"] for event in events if event["event"] == "identity_erased"] == [pseudonym]
