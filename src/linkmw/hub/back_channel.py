"""What gates ask without a browser: how things stand, what to prove, and what was proven (protocol, section 3)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from linkmw import log
from linkmw.errors import RequestRefused
from linkmw.http import Request, Response, json_answer
from linkmw.hub import audit, health, password_policy, removal, rules, steps
from linkmw.hub.browser import sha256_hex
from linkmw.hub.client_authentication import authenticate
from linkmw.hub.flows import flow as flows
from linkmw.hub.place import Place
from linkmw.hub.ports import AccountAnswer, Flow, PendingProof, Ports
from linkmw.hub.settings import HubSettings
from linkmw.model import Proof, Tenant
from linkmw.oidc.strict_json import read_object


def _read_body(request: Request) -> dict[str, Any]:
    """The JSON object of a call in our protocol number. Raises RequestRefused."""
    try:
        body = read_object(request.body)
    except ValueError:
        raise RequestRefused("the body is not a JSON object", code="invalid_request") from None
    _check_version(str(body.get("v")))
    return body


def _check_version(v: str) -> None:
    if v != str(rules.PROTOCOL):
        raise RequestRefused("another protocol number", code="unsupported_version")


async def gate(ports: Ports, _settings: HubSettings, request: Request) -> Response:
    """GET /gate: what this product is to do now, how its pages look, and whether a sign-in would work."""
    where = await authenticate(ports, request)
    _check_version(request.query.get("v"))
    state = {
        "v": rules.PROTOCOL,
        "organization_id": where.tenant.organization_id,
        "mode": where.product.mode,
        "percent": where.product.percent,
        "proofs": list(rules.KINDS),
        "healthy": (await health.of_tenant(ports, where.tenant)).ok,
        "branding": await _branding(ports, where),
    }
    return json_answer(state)


async def _branding(ports: Ports, where: Place) -> dict[str, str]:
    tenant, client = where.tenant, where.product
    return {
        "brand": tenant.brand,
        "product": client.name,
        "primary": client.primary,
        "brand_primary": tenant.primary,
        "ground": tenant.ground,
        "contact": tenant.contact,
        "brand_logo": await ports.registry.logo(f"tenant:{tenant.organization_id}"),
        "product_logo": await ports.registry.logo(f"client:{client.client_id}"),
    }


async def proof_request(ports: Ports, _settings: HubSettings, request: Request) -> Response:
    """POST /proof-requests: what a handle stands for, told once to the client it was made for (PR08)."""
    where = await authenticate(ports, request)
    handle = _read_body(request).get("handle")
    pending = await ports.handles.take(handle, where.product.client_id) if isinstance(handle, str) else None
    if pending is None or pending.expires <= ports.now():
        raise RequestRefused("unknown handle", code="unknown_handle", status=404)
    log.follow(pending.flow)
    content = {
        "v": rules.PROTOCOL,
        "transaction": pending.flow_id,
        "purpose": pending.purpose,
        "identity_email": pending.identity_email,
        "hint": pending.hint,
        "expires": pending.expires,
        "flow": pending.flow,
        "identity": await _pairwise(ports, where, pending),
    }
    return json_answer(content | _password_rules(where.tenant, pending))


def _password_rules(tenant: Tenant, pending: PendingProof) -> dict[str, object]:
    """What a password that is to be carried on is held against where it is typed, and nowhere else (AKE-15)."""
    if pending.purpose != "first_sign_in" or tenant.credential_at_first == "set":
        return {}
    rules_told = password_policy.told(tenant.password_policy)
    return {"password_rules": rules_told} if rules_told else {}


async def _pairwise(ports: Ports, where: Place, pending: PendingProof) -> str:
    """One word for the person, whatever their address is called today: the product counts tries by it (BF02)."""
    if pending.identity is None:
        return ""
    return await ports.keys.pairwise(where.tenant.organization_id, pending.identity)


async def proof(ports: Ports, settings: HubSettings, request: Request) -> Response:
    """POST /proofs: this browser owns that account. Answers the code with which it comes back (PR14, PR17)."""
    where = await authenticate(ports, request)
    pushed = rules.read_push(_read_body(request), ports.now(), settings.sign_in_seconds)
    client_id = where.product.client_id
    found = await ports.flows.get(pushed.transaction)
    verdict = rules.may_push(found, client_id, pushed, ports.now())
    if found is None or verdict == "unknown_transaction":
        raise RequestRefused("unknown transaction", code="unknown_transaction", status=404)
    log.follow(found.name)
    if verdict == "invalid_proof":
        raise RequestRefused("no native proof counts here", code=verdict)
    if verdict == "other_account":
        await flows.keep(ports, steps.go(found, "proved_other", error=verdict))
        raise RequestRefused("the transaction had another account", code=verdict, status=409)
    return json_answer({"v": rules.PROTOCOL, "code": await _fresh_code(ports, settings, where, found, pushed)})


async def account_gone(ports: Ports, settings: HubSettings, request: Request) -> Response:
    """POST /accounts/gone: an account that was to be signed in is not there any more: its link goes (LT19).

    The product is believed about its own accounts and not asked back: it waits for this answer, maybe with all it has.
    """
    where = await authenticate(ports, request)
    account_id = _read_body(request).get("account_id")
    client_id = where.product.client_id
    link = await ports.links.of_account(client_id, account_id) if isinstance(account_id, str) else None
    if link is not None:
        gone = AccountAnswer(found=False)
        await removal.remove(ports, settings, request, where, link, gone, actor=client_id)
    return json_answer({"v": rules.PROTOCOL})


async def _fresh_code(ports: Ports, settings: HubSettings, where: Place, flow: Flow, pushed: Proof) -> str:
    """A one-time code; the flow remembers this one's hash alone, which kills any before it."""
    if flow.account is None:  # once for each flow, however often it is pushed
        told = replace(flow, account=pushed.account)
        await ports.audit.write(audit.of_flow("proved", told, ports.now(), Request("POST", "")))
    code = ports.token()
    short = password_policy.falls_short(where.tenant.password_policy, pushed.falls_short)
    flow = replace(
        flow,
        account=pushed.account,
        proven_amr=pushed.amr,
        code=sha256_hex(code),
        falls_short=short,
        native=pushed.native,
    )
    await flows.keep(ports, steps.go(flow, "proved"))
    await ports.proof_codes.put(code, flow.flow_id, settings.code_seconds)
    return code
