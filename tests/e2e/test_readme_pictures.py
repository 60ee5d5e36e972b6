"""The two pictures of the README: the button and the proof page, as they are in the demo's products now."""

from __future__ import annotations

import os
from pathlib import Path

from playwright.sync_api import expect
from tests.e2e.person import Person

IMAGES = Path(__file__).resolve().parents[2] / "docs" / "images"
SIZE = {"width": 720, "height": 820}


def test_mim01_mim04_the_readme_shows_the_button_and_the_proof_page(world, new_browser, tmp_path) -> None:
    """Written to docs/images when LINKMW_PICTURES=1 (`make pictures`), else to a scratch folder."""
    folder = IMAGES if os.environ.get("LINKMW_PICTURES") == "1" else tmp_path
    product, identity = world.products["orders-wsgi"], world.identities[0]
    person = Person.sits_down(new_browser(viewport=SIZE))
    person.opens(product.protected_url)
    person.waits_for_button()
    person.page.screenshot(path=folder / "button.png")
    person.presses_sign_in()
    person.signs_in_at_keycloak(identity.email, identity.password)
    expect(person.page.get_by_role("heading", name="Link your account")).to_be_visible()
    person.page.screenshot(path=folder / "proof.png")
    assert all((folder / name).stat().st_size > 5_000 for name in ("button.png", "proof.png"))
