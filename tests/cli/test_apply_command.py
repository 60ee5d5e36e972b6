"""`linkmw hub apply`, and what lists and rotates what it made (OPS-4): output, exit codes, what is left behind."""

from __future__ import annotations

import asyncio
import json
import re
import time
from pathlib import Path

import pytest
from tests.cli.conftest import Run, opened

FILE = """
[tenants.acme]
contact = "help@acme.example"
language = "de"

[products.orders]
tenant = "acme"
name = "Orders"
url = "https://orders.example.com"
mode = "replace"
percent = 25

[products.wiki]
tenant = "acme"
name = "Wiki"
url = "https://wiki.example.com"
"""


@pytest.fixture
def declared(office: Run) -> Run:
    """A hub that is as FILE declares it."""
    Path("hub.toml").write_text(FILE)
    assert office("hub", "apply", "hub.toml").exit_code == 0
    return office


def lives(client_id: str, secret: str) -> bool:
    stores = opened()
    try:
        return asyncio.run(stores.registry.check_secret(client_id, secret, int(time.time())))
    finally:
        stores.close()


def test_ops04_a_dry_run_says_what_would_change_and_changes_nothing(office: Run) -> None:
    Path("hub.toml").write_text(FILE)
    foreseen = office("hub", "apply", "hub.toml", "--dry-run")
    assert (foreseen.exit_code, opened().admin.clients()) == (10, [])
    assert "~ tenant acme" in foreseen.output
    assert '    contact: "" → help@acme.example' in foreseen.output
    assert "+ product orders" in foreseen.output
    assert "secrets" not in foreseen.output
    done = office("hub", "apply", "hub.toml")
    assert (done.exit_code, done.output.startswith(foreseen.output)) == (0, True)
    for again in (office("hub", "apply", "hub.toml", "--dry-run"), office("hub", "apply", "hub.toml")):
        assert (again.exit_code, again.output) == (0, "Everything is as declared.\n")


def test_ops04_new_products_secrets_are_printed_once_and_open_their_product(office: Run) -> None:
    Path("hub.toml").write_text(FILE)
    told = office("hub", "apply", "hub.toml").output.partition("shown only now:\n")[2]
    secrets = dict(line.split() for line in told.splitlines())
    assert sorted(secrets) == ["orders", "wiki"]
    assert lives("orders", secrets["orders"])
    assert not lives("wiki", secrets["orders"])
    for command in (("apply", "hub.toml"), ("product", "list", "--json"), ("product", "show", "--client", "orders")):
        assert secrets["orders"] not in office("hub", *command).output


def test_ops04_secrets_go_to_files_of_their_owner_alone(office: Run) -> None:
    Path("hub.toml").write_text(FILE)
    Path("secrets").mkdir()
    told = office("hub", "apply", "hub.toml", "--secrets-dir", "secrets").output
    for name in ("orders", "wiki"):
        file = Path("secrets") / f"{name}.secret"
        assert file.stat().st_mode & 0o777 == 0o600
        assert lives(name, file.read_text().strip())
        assert file.read_text().strip() not in told
        assert str(file) in told


def test_ops04_a_secret_that_cannot_be_written_leaves_everything_as_it_was(office: Run) -> None:
    Path("hub.toml").write_text(FILE)
    Path("secrets").mkdir()
    (Path("secrets") / "wiki.secret").write_text("somebody's\n")
    refused = office("hub", "apply", "hub.toml", "--secrets-dir", "secrets")
    assert (refused.exit_code, "wiki.secret cannot be made" in refused.stderr) == (3, True)
    assert (opened().admin.clients(), opened().admin.tenants()[0].contact) == ([], "")
    assert [(path.name, path.read_text()) for path in Path("secrets").iterdir()] == [("wiki.secret", "somebody's\n")]


@pytest.mark.parametrize(
    ("more", "code", "says"),
    [
        ("[products.shop]\nnme = 'x'", 3, "product shop has no nme: did you mean name?"),
        ("[products.shop]\ntenant='acme'\nname='S'\nurl='https://hub.example.com:1'", 3, "hub's own host name"),
        (
            "[products.shop]\ntenant='acme'\nname='S'\nurl='https://wiki.example.com:1'",
            3,
            "is on wiki.example.com",
        ),
        ("[products.shop]\ntenant='acme'\nname='S'\nurl='http://shop.example.com'", 3, "must begin with https://"),
        ("[products.shop]\ntenant='acme'\nname='S'\nurl='https://*.example.com'", 3, "is not a URL"),
        (
            "[products.shop]\ntenant='acme'\nname='S'\nurl='https://s.example.com'\nself_sign_up=true\ntrusted_email=true",
            3,
            "an address proves nothing",
        ),
        ("[products", 3, "hub.toml cannot be read"),
    ],
)
def test_ops04_pr06_pr16_what_is_refused_changes_nothing(office: Run, more: str, code: int, says: str) -> None:
    Path("hub.toml").write_text(f"{FILE}\n{more}\n")
    for options in ((), ("--dry-run",)):
        refused = office("hub", "apply", "hub.toml", *options)
        assert (refused.exit_code, says in refused.stderr, refused.stdout) == (code, True, "")
    assert opened().admin.clients() == []


def test_ops04_a_file_that_is_not_there_is_wrong_usage(office: Run) -> None:
    assert office("hub", "apply", "nothing.toml").exit_code == 2


def test_ops04_prune_disables_and_deletes_nothing_and_the_trail_says_so(declared: Run) -> None:
    Path("hub.toml").write_text(FILE.partition("[products.wiki]")[0])
    assert declared("hub", "apply", "hub.toml").output == "Everything is as declared.\n"
    pruned = declared("hub", "apply", "hub.toml", "--prune")
    assert pruned.output == "- product wiki (disabled: it is not in the file)\n"
    assert {one.client_id: one.enabled for one in opened().admin.clients()} == {"orders": True, "wiki": False}
    trail = [json.loads(line) for line in declared("hub", "audit", "tail", "--json").stdout.splitlines()]
    assert [(one["event"], one["client_id"], one["actor"]) for one in trail] == [
        ("tenant_added", "", "linkmw hub init"),
        ("tenant_changed", "", "linkmw hub apply"),
        ("product_added", "orders", "linkmw hub apply"),
        ("product_added", "wiki", "linkmw hub apply"),
        ("product_disabled", "wiki", "linkmw hub apply"),
    ]


def test_ops04_tenants_and_products_are_listed_and_shown(declared: Run) -> None:
    heading, line = declared("hub", "tenant", "list").stdout.splitlines()
    assert heading.split() == ["TENANT", "BRAND", "ISSUER", "PRODUCTS", "STATE"]
    assert line.split()[-2:] == ["2", "enabled"]
    tenant = json.loads(declared("hub", "tenant", "show", "--tenant", "acme", "--json").stdout)
    assert (tenant["language"], tenant["products"]) == ("de", ["orders", "wiki"])
    product = json.loads(declared("hub", "product", "show", "--client", "orders", "--json").stdout)
    assert (product["mode"], product["percent"], product["links"]) == ("replace", 25, 0)
    assert re.search(r"^percent +25$", declared("hub", "product", "show", "--client", "orders").stdout, re.MULTILINE)
    for kind, key in (("tenant", "--tenant"), ("product", "--client")):
        listed = declared("hub", kind, "list", "--json").output + declared("hub", kind, "show", key, "nobody").output
        assert "keycloak-secret-keycloak-secret-0" not in listed
        assert f"there is no {'client' if kind == 'product' else kind} nobody" in listed


def test_ops04_two_secrets_work_until_the_old_one_is_retired(declared: Run) -> None:
    rotated = declared("hub", "product", "rotate-secret", "--client", "orders")
    first = rotated.stdout.strip().removeprefix("LINKMW_CLIENT_SECRET=")
    assert "until `linkmw hub product retire-secret`" in rotated.stderr
    second = declared("hub", "product", "rotate-secret", "--client", "orders", "--overlap", "24h").stdout.strip()
    second = second.removeprefix("LINKMW_CLIENT_SECRET=")
    assert (lives("orders", first), lives("orders", second)) == (True, True)
    secrets = json.loads(declared("hub", "product", "show", "--client", "orders", "--json").stdout)["secrets"]
    assert secrets[0]["expires"] is None
    assert 86_390 < secrets[1]["expires"] - time.time() <= 86_400
    assert declared("hub", "product", "retire-secret", "--client", "orders").output == "The old secret has ended.\n"
    assert (lives("orders", first), lives("orders", second)) == (False, True)
    assert "nothing to retire" in declared("hub", "product", "retire-secret", "--client", "orders").output
    assert declared("hub", "product", "rotate-secret", "--client", "nobody").exit_code == 1
    assert declared("hub", "product", "rotate-secret", "--client", "orders", "--overlap", "soon").exit_code == 2
    lines = declared("hub", "audit", "tail", "-n", "4", "--tenant", "acme", "--json").stdout.splitlines()
    events = [json.loads(line)["event"] for line in lines]
    assert events == ["secret_rotated", "secret_rotated", "secret_retired", "secret_retired"]


def test_pr06_trust_and_self_sign_up_exclude_each_other_by_command_too(declared: Run) -> None:
    refused = declared("hub", "product", "set", "--client", "orders", "--self-sign-up")
    assert (refused.exit_code, "an address proves nothing" in refused.stderr) == (1, True)
    both = ("--self-sign-up", "--no-trusted-email")
    assert declared("hub", "product", "set", "--client", "orders", *both).exit_code == 0
    product = json.loads(declared("hub", "product", "show", "--client", "orders", "--json").stdout)
    assert (product["self_sign_up"], product["trusted_email"]) == (True, False)


def test_rc14_keys_are_listed_rotated_and_retired(office: Run) -> None:
    def states() -> dict[str, list[str]]:
        lines = [json.loads(line) for line in office("hub", "keys", "list", "--json").stdout.splitlines()]
        return {name: [one["stands"] for one in lines if one["algorithm"] == name] for name in ("RS256", "ES256")}

    assert states() == {"RS256": ["signs"], "ES256": ["signs"]}
    rotated = office("hub", "keys", "rotate", "--algorithm", "RS256")
    assert (rotated.exit_code, states()["RS256"]) == (0, ["waits", "signs"])
    new = rotated.stdout.split()[0]
    again = office("hub", "keys", "rotate", "--algorithm", "RS256")
    assert (again.exit_code, f"the key {new} waits already" in again.stderr) == (1, True)
    table = office("hub", "keys", "list").stdout.splitlines()
    assert table[0].split() == ["KEY", "ALGORITHM", "STATE", "SIGNS", "FROM", "GONE"]
    signing = next(line.split()[0] for line in table if "RS256" in line and "signs now" in line)
    assert office("hub", "keys", "retire", signing, input="n\n").exit_code == 1
    assert states()["RS256"] == ["waits", "signs"]
    retired = office("hub", "keys", "retire", signing, "--yes")
    assert f"{new} signs RS256 from now on" in retired.stdout
    assert states()["RS256"] == ["signs"]
    trail = [json.loads(line)["event"] for line in office("hub", "audit", "tail", "--json").stdout.splitlines()]
    assert trail[-2:] == ["key_rotated", "key_retired"]
    refused = office("hub", "keys", "retire", new, "--yes")
    assert (refused.exit_code, "no other key could sign RS256" in refused.stderr) == (1, True)
    assert states()["RS256"] == ["signs"]


@pytest.mark.parametrize("begins", ["-", "--", "-h", "--yes"])
def test_rc14_a_key_that_begins_with_a_dash_is_no_option(office: Run, begins: str) -> None:
    key = begins + "h" * (43 - len(begins))
    for arguments in ((key, "--yes"), ("--yes", key), ("--yes", "--", key)):
        refused = office("hub", "keys", "retire", *arguments)
        assert (refused.exit_code, f"no key {key} is published" in refused.stderr) == (1, True)
    assert "Take KEY out" in office("hub", "keys", "retire", "-h").stdout
    assert office("hub", "keys", "retire", "--yse", key).exit_code == 2
