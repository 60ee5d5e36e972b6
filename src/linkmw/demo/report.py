"""What the demo tells people and programs once everything runs."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from linkmw.demo.catalogue import CASES, PEOPLE, PRODUCTS
from linkmw.demo.parts.realm import Organization
from linkmw.demo.product import ProductServer
from linkmw.demo.products.people import Person as Account
from linkmw.demo.stage import Stage


def as_json(stage: Stage) -> dict[str, Any]:
    """The content of `.demo/demo.json`."""
    return {
        "hub": stage.hub.url,
        "keycloak": stage.keycloak.url,
        "inbox": stage.inbox.url,
        "identities": [
            {"organization_id": organization.key, "email": person.email, "password": person.password}
            for organization in stage.organizations
            for person in PEOPLE[organization]
        ],
        "products": [_product_json(product) for product in stage.products.values()],
        "cases": [
            {"promise": case.promise, "login_url": stage.products[case.key].login_url, "name": case.name}
            for case in CASES
            if case.key in stage.products
        ],
    }


def write_json(stage: Stage, path: Path) -> None:
    """The file is there, whole, and for its owner only: it holds passwords."""
    draft = path.with_suffix(".part")
    draft.touch(mode=0o600)
    draft.write_text(json.dumps(as_json(stage), indent=2) + "\n", "utf-8")
    draft.replace(path)


def _product_json(product: ProductServer) -> dict[str, Any]:
    return {
        "client_id": product.client_id,
        "organization_id": product.plan.organization.key,
        "mode": product.plan.mode,
        "name": product.name,
        "framework": product.plan.framework,
        "url": product.url,
        "login_url": product.login_url,
        "accounts": [
            {
                "username": account.username,
                "password": account.password,
                "email": account.email,
                "totp_secret": account.totp_secret or None,
            }
            for account in product.accounts
        ],
    }


def as_text(stage: Stage) -> str:
    """The same for a terminal."""
    lines = [
        "",
        f"  Hub        {stage.hub.url}",
        f"  Keycloak   {stage.keycloak.url}  (console: admin, {stage.keycloak.admin_password})",
        f"  Inbox      {stage.inbox.url}  (every mail; verification codes: {stage.inbox.url}/codes)",
    ]
    for organization in stage.organizations:
        lines += _organization(stage, organization)
    lines += _by_command(stage)
    return "\n".join([*lines, ""])


def _by_command(stage: Stage) -> list[str]:
    """How to switch, break and mend it: what is typed in another terminal."""
    product = stage.products[PRODUCTS[0].key]
    enable = f"linkmw enable --organization-id {product.plan.organization.key} --client-id {product.client_id}"
    return [
        "",
        f"  By command, in another terminal: {product.name}, the others likewise (docs/first-hour.md, step by step)",
        f"    export PATH={Path(sys.executable).parent}:$PATH",
        f"    cd {product.folder}",
        "    linkmw status",
        "    linkmw doctor",
        "    linkmw disable",
        f"    {enable} --client-secret-file client-secret",
        f"    cd {stage.folder / 'hub'} && linkmw hub doctor",
    ]


def _organization(stage: Stage, organization: Organization) -> list[str]:
    lines = [
        "",
        f"  {organization.brand} manager  {stage.hub.url}/t/{organization.key}/",
        f"  {organization.brand}: people who have one, to sign in at Keycloak",
        *(f"    {person.email:<20} {person.password}" for person in PEOPLE[organization]),
    ]
    for product in stage.products_of(organization):
        lines += ["", f"  {product.name} ({product.plan.framework})  {product.login_url}"]
        lines += [_account(account) for account in product.accounts]
    return lines + _cases(stage, organization)


def _account(account: Account) -> str:
    second = f"second factor, secret {account.totp_secret}" if account.totp_secret else ""
    return f"    {account.username:<12} {account.password:<26}  {account.email:<24}  {second}".rstrip()


def _cases(stage: Stage, organization: Organization) -> list[str]:
    """What there is to try in a tenant that moves over: open the product, type the name."""
    cases = [case for case in CASES if case.key in (product.key for product in stage.products_of(organization))]
    if not cases:
        return []
    rows = [f"    {case.promise:<7} {case.name:<21} in {stage.products[case.key].name}: {case.what}" for case in cases]
    return ["", "  To try there (docs/demo.md says it step by step)", *rows]
