"""`linkmw hub tenant`: a secret that was changed at Keycloak is changed at the hub, and shown nowhere."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from tests.cli.conftest import KEYCLOAK_SECRET

from linkmw.model import Tenant
from linkmw.stores.sql import SqlStores

NEW = "the-secret-that-keycloak-has-now-0"
Run = Callable[..., Result]


@pytest.fixture
def hub(office: Run) -> Run:
    """`linkmw` in a folder with a hub and its tenant acme."""
    return office


def tenant_at_hub() -> Tenant:
    configuration = tomllib.loads(Path("linkmw-hub.toml").read_text())
    stores = SqlStores.open("sqlite:///linkmw-hub.db", configuration["key"])
    (tenant,) = stores.admin.tenants()
    stores.close()
    return tenant


def secret_at_hub() -> str:
    return str(tenant_at_hub().keycloak_client_secret)


def test_kf03_the_secret_is_the_new_one_and_is_not_printed(hub: Run) -> None:
    changed = hub("hub", "tenant", "secret", "--tenant", "acme", "--keycloak-client-secret-file", "-", input=f"{NEW}\n")
    assert changed.exit_code == 0, changed.output
    assert secret_at_hub() == NEW
    assert NEW not in changed.output
    assert NEW.encode() not in Path("linkmw-hub.db").read_bytes()


@pytest.mark.parametrize(
    ("tenant", "given", "code", "says"), [("globex", NEW, 1, "no tenant globex"), ("acme", " \n", 2, "empty")]
)
def test_kf03_what_is_wrong_is_said_and_changes_nothing(
    hub: Run, tenant: str, given: str, code: int, says: str
) -> None:
    refused = hub("hub", "tenant", "secret", "--tenant", tenant, "--keycloak-client-secret-file", "-", input=given)
    assert (refused.exit_code, says in refused.output) == (code, True), refused.output
    assert secret_at_hub() == KEYCLOAK_SECRET


def test_mim28_ops_what_a_tenants_pages_say_and_ask_for_is_changed_option_by_option(hub: Run) -> None:
    changed = hub("hub", "tenant", "set", "--tenant", "acme", "--language", "de", "--fresh-sign-in")
    assert changed.exit_code == 0, changed.output
    assert changed.output.split() == ["language", "de", "fresh-sign-in", "yes"]
    urls = ("--help-url", "https://help.example.com/", "--privacy-url", "https://www.example.com/privacy")
    assert hub("hub", "tenant", "set", "--tenant", "acme", *urls).exit_code == 0
    found = tenant_at_hub()
    assert (found.language, found.fresh_sign_in) == ("de", True)
    assert (found.help_url, found.privacy_url) == ("https://help.example.com/", "https://www.example.com/privacy")
    assert hub("hub", "tenant", "set", "--tenant", "acme", "--no-fresh-sign-in", "--help-url", "").exit_code == 0
    assert (tenant_at_hub().fresh_sign_in, tenant_at_hub().help_url, tenant_at_hub().language) == (False, "", "de")


@pytest.mark.parametrize(
    ("tenant", "given", "code", "says"),
    [
        ("acme", ("--language", "tlh"), 1, "en, de, fr, es, ja"),
        ("acme", ("--help-url", "javascript:alert(1)"), 1, "help URL"),
        ("acme", ("--privacy-url", "https://x.example/" + "p" * 2048), 1, "privacy URL"),
        ("globex", ("--language", "de"), 1, "no tenant globex"),
        ("acme", (), 2, "nothing to change"),
    ],
)
def test_cf06_what_a_tenant_cannot_be_is_refused_and_changes_nothing(
    hub: Run, tenant: str, given: tuple[str, ...], code: int, says: str
) -> None:
    before = tenant_at_hub()
    refused = hub("hub", "tenant", "set", "--tenant", tenant, *given)
    assert (refused.exit_code, says in refused.output) == (code, True), refused.output
    assert tenant_at_hub() == before


def test_a_first_tenant_that_was_changed_since_is_still_the_one_that_init_made(hub: Run) -> None:
    hub("hub", "tenant", "set", "--tenant", "acme", "--language", "de")
    again = hub(
        *("hub", "init", "--tenant", "acme", "--brand", "ACME ID", "--issuer", "https://sso.example.com/realms/acme"),
        *("--keycloak-client-id", "linkmw", "--keycloak-client-secret-file", "secret.txt"),
    )
    assert again.exit_code == 0, again.output
    assert "/t/acme/backchannel-logout" in again.output
    assert tenant_at_hub().language == "de"


# ---- a tenant that moves over


def product_id(hub: Run, *more: str) -> str:
    url = "https://orders.example.com"
    added = hub("hub", "product", "add", "--tenant", "acme", "--name", "Orders", "--url", url, *more)
    assert added.exit_code == 0, added.output
    return next(line.split()[-1] for line in added.output.splitlines() if line.startswith("client id"))


def test_p3_p4_a_product_is_moved_over_by_one_command_and_for_a_share_of_browsers(hub: Run) -> None:
    client_id = product_id(hub)
    moved = hub("hub", "product", "set", "--client", client_id, "--mode", "replace", "--percent", "25")
    assert (moved.exit_code, moved.output) == (0, "Orders: replace, for 25 percent of browsers.\n")
    again = hub("hub", "product", "set", "--client", client_id, "--percent", "100")
    assert again.output == "Orders: replace, for 100 percent of browsers.\n"


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("--client", "nobody", "--mode", "off"), 1, "there is no client nobody"),
        (("--client", "nobody"), 2, "nothing to change"),
        (("--client", "nobody", "--percent", "101"), 2, "101 is not in the range"),
    ],
)
def test_p3_a_change_that_cannot_be_made_says_why(hub: Run, arguments: tuple[str, ...], code: int, says: str) -> None:
    refused = hub("hub", "product", "set", *arguments)
    assert refused.exit_code == code
    assert says in refused.output


def test_p3_a_product_without_a_gate_has_no_doors_to_close(hub: Run) -> None:
    client_id = product_id(hub, "--proof", "none", "--redirect-uri", "https://orders.example.com/oidc/callback/")
    refused = hub("hub", "product", "set", "--client", client_id, "--mode", "replace")
    assert refused.exit_code == 1
    assert "without a gate" in refused.output


def test_ake15_ake28_what_a_first_sign_in_tells_and_which_password_it_keeps(hub: Run) -> None:
    changed = hub("hub", "tenant", "set", "--tenant", "acme", "--unknown-user", "hide", "--first-password", "set")
    assert changed.exit_code == 0, changed.output
    assert (tenant_at_hub().unknown_user, tenant_at_hub().credential_at_first) == ("hide", "set")


def test_ake15_what_the_realm_asks_of_passwords_is_said_once_more(hub: Run) -> None:
    policy = "length(12) and digits(1) and notUsername(undefined)"
    changed = hub("hub", "tenant", "set", "--tenant", "acme", "--password-policy", policy)
    assert (changed.exit_code, changed.output) == (0, f"password-policy  {policy}\n")
    assert tenant_at_hub().password_policy == policy
    refused = hub("hub", "tenant", "set", "--tenant", "acme", "--password-policy", "12 signs")
    assert (refused.exit_code, "as Keycloak writes it" in refused.output) == (1, True)
    assert tenant_at_hub().password_policy == policy
    assert hub("hub", "tenant", "set", "--tenant", "acme", "--password-policy", "").exit_code == 0
    assert tenant_at_hub().password_policy == ""


def test_ops02_what_an_operator_changes_is_in_the_trail(hub: Run) -> None:
    added = hub("hub", "product", "add", "--tenant", "acme", "--name", "Orders", "--url", "https://orders.example.com")
    (client,) = re.findall(r"^client id +(\S+)$", added.stdout, re.MULTILINE)
    assert hub("hub", "product", "set", "--client", client, "--mode", "replace", "--percent", "10").exit_code == 0
    assert hub("hub", "tenant", "set", "--tenant", "acme", "--unknown-user", "hide").exit_code == 0
    secret = ("hub", "tenant", "secret", "--tenant", "acme", "--keycloak-client-secret-file", "-")
    assert hub(*secret, input=NEW).exit_code == 0
    trail = [json.loads(line) for line in hub("hub", "audit", "tail", "--json").stdout.splitlines()]
    assert [(one["event"], one["tenant"], one["client_id"], one["actor"]) for one in trail] == [
        ("tenant_added", "acme", "", "linkmw hub init"),
        ("product_added", "acme", client, "linkmw hub product add"),
        ("product_changed", "acme", client, "linkmw hub product set"),
        ("tenant_changed", "acme", "", "linkmw hub tenant set"),
        ("tenant_changed", "acme", "", "linkmw hub tenant secret"),
    ]
