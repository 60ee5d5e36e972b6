"""No web page switches anything off: every route of the hub is walked, by somebody who may do all that people may."""

from __future__ import annotations

from urllib.parse import urlencode

from tests.hub.world import ADA, HUB, World, form_of

from linkmw.hub.app import ROUTES
from linkmw.oidc.client_auth import write_basic

SAYS_OFF = {"enabled": "false", "disable": "1", "mode": "off", "percent": "0", "state": "disabled"}


def test_dis04_no_route_of_the_hub_disables_a_product_or_a_tenant(world: World) -> None:
    person = world.person()
    world.link(person)
    page = world.in_manager(person)
    csrf = form_of(page.text, "/t/acme/sign-out")["csrf"]
    before = world.sql.admin.tenants(), world.sql.admin.clients()
    ours = {"authorization": write_basic("orders", world.secrets["orders"])}
    places = {"organization_id": "acme", "client_id": "orders", "link_id": "1", "token": "t" * 43, "name": "x.css"}
    places["subject"] = ADA.subject
    walked = 0
    for route in ROUTES:
        path = route.path.format(**places)
        for fields in (SAYS_OFF, SAYS_OFF | {"csrf": csrf}):
            for headers in ({}, ours):
                if route.method == "GET":
                    answer = person.get(f"{path}?{urlencode(fields)}", **headers)
                else:
                    answer = person.post(path, fields, **headers)
                assert "disabled." not in answer.text, path
                walked += 1
        person.http.post(path, json={"v": 1, **SAYS_OFF}, headers={**ours, "origin": HUB})
        assert (world.sql.admin.tenants(), world.sql.admin.clients()) == before, path
    assert walked == 4 * len(ROUTES) > 200
