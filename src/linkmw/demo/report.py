"""What the demo tells people and programs once everything runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from linkmw.demo.product import ProductServer
from linkmw.demo.stage import Stage


def as_json(stage: Stage) -> dict[str, Any]:
    """The content of `.demo/demo.json`."""
    return {
        "hub": stage.hub.url,
        "keycloak": stage.keycloak.url,
        "inbox": stage.inbox.url,
        "identities": [{"email": person.email, "password": person.password} for person in stage.identities],
        "products": [_product_json(product) for product in stage.products.values()],
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
        "",
        "  People with an ACME ID, to sign in at Keycloak",
        *(f"    {person.email:<20} {person.password}" for person in stage.identities),
    ]
    for product in stage.products.values():
        lines += ["", f"  {product.name} ({product.plan.framework})  {product.login_url}"]
        for account in product.accounts:
            second = f"second factor, secret {account.totp_secret}" if account.totp_secret else ""
            lines.append(f"    {account.username:<20} {account.password:<28}  {second}".rstrip())
    return "\n".join([*lines, ""])
