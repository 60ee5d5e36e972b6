"""Pictures of every screen and mail: light, dark and on a phone, side by side in one file each.

Writes docs/screens: `make screenshots`, or `python -m tests.pages.pictures [name …]` for some of them.
"""

from __future__ import annotations

import base64
import sys

from playwright.sync_api import Page, sync_playwright
from tests.pages import gallery

OUT = gallery.ROOT / "docs" / "screens"
VIEWS = [("light", False), ("dark", False), ("light", True)]  # scheme; as narrow as a small phone?
QUALITY = 60  # of WebP: text stays sharp, and all of them together stay under 8 MB

# What a name begins with → what it is. The longest that fits counts.
PAGES = {
    "link-account": "Product: “Link your account”, where the product's own password is asked for (MIM-4)",
    "native-proof": "Product: the account is proven by the product's own login, which comes next (MIM-4, PR05)",
    "agree": "Hub: asked before a link, where the product's own login was the proof (PR05)",
    "second-factor": "Product: the account's second factor (MIM-5)",
    "unknown-second-factor": "Product: a second factor that linkmw cannot check (MIM-5)",
    "going-on": "Both: a page that goes on by itself",
    "sign-in": "Product: the button on a page of its own, where the login page cannot carry it (P-2)",
    "confirm-start": "Product: another site began this sign-in, so it is asked for first",
    "still-signed-in": "Product: still signed in there, while another account is to be linked (MIM-12)",
    "switch-account": "Product: signed in there already, as another account (MIM-14)",
    "switch-identity": "Hub: “not you?”",
    "not-linked-yet": "Product: signed in, but the hub could not be told",
    "error": "Both: what went wrong, whether anything changed, the best way on, contact and reference",
    "linked": "Hub: “Your accounts are linked” (MIM-6)",
    "dashboard": "Hub: the manager (MIM-9, MIM-10, MIM-15, MIM-19)",
    "dashboard-remove": "Hub: the manager asks before it removes a link (MIM-20)",
    "choose": "Hub: which of several accounts (MIM-17, MIM-18)",
    "add-account": "Hub: what “+ Add” leads to (MIM-11)",
    "sign-out-question": "Hub: a product asks to end the sign-in, but cannot show whose it is",
    "unlink": "Hub: what the mail's link opens (MIM-23)",
    "unlinked": "Hub: the link has been removed (MIM-23)",
    "unlink-gone": "Hub: an old, used or replaced link of a mail (MIM-23)",
    "signed-out": "Both: “You are signed out”, and of what (P-7)",
    "button": "Product: the button in login pages that are not ours (P-2)",
    "native-notice": "Product: what the next sign-in is for, in login pages that are not ours (PR05)",
    "identify": "Hub: who signs in, before anybody knows who keeps the password (AKE-7, AKE-8, AKE-9)",
    "login": "Product: its own password, once more (AKE-10)",
    "confirm-address": "Hub: which address the new sign-in goes by (AKE-11)",
    "inbox": "Hub: waiting for the mail's link, or for the code that another device shows (AKE-12, AKE-13, AKE-25)",
    "confirm-mail": "Hub: what the verification mail's link opens (AKE-13, AKE-24)",
    "email-confirmed": "Hub: the address is confirmed, in the same browser or in another one (AKE-13)",
    "join-accounts": "Hub: which accounts are taken along (AKE-6)",
    "have-identity": "Hub: the address belongs to an identity already (AKE-14)",
    "address-conflict": "Hub: the address belongs to nobody who can show it (AKE-14)",
    "link-old-account": "Product: “Link your account.”, one last time (AKE-16, AKE-17)",
    "forgot": "Product: where its reset mail is asked for (AKE-19)",
    "reset-sent": "Product: its reset mail is under way (AKE-20, AKE-21)",
    "door-closed": "Product: its own form opens nothing any more (AKE-8)",
    "support": "Hub: the support looks for somebody (OPS-3)",
    "support-person": "Hub: what one person has, for the support (PR27)",
    "support-rollout": "Hub: how far the tenant has come (OPS-2)",
    "mail-linked-moved": "Mail to the account's address, where the identity took over (MIM-7)",
    "mail-several-linked": "Mail about all accounts that were taken along, each with its Remove Link (AKE-6, MIM-7)",
    "mail-verify-address": "Mail that confirms an address (AKE-11, AKE-24)",
    "mail-linked": "Mail to the account's address, with Remove Link (MIM-7, MIM-21, MIM-22)",
    "mail-linked-for-identity": "Mail to the identity's own address (MIM-7)",
    "mail-unlinked": "Mail to the address that the account had (MIM-24)",
}


def caption(name: str) -> str:
    """What the picture shows."""
    return PAGES[max((page for page in PAGES if f"{name}-".startswith(f"{page}-")), key=len)]


def readme(names: list[str]) -> str:
    """The page that goes with the pictures."""
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(caption(name), []).append(name)
    lines = [
        "# Screens",
        "",
        "Every page and mail in every state: light, dark, and 320 px wide. `make screenshots` draws",
    ]
    lines += ["them anew; the browser tests in `tests/pages` walk through the same ones.", ""]
    for what, which in groups.items():
        lines += [f"## {what}", "", *(f"![{name}]({name}.webp)" for name in which), ""]
    return "\n".join(lines)


def take(names: list[str]) -> None:
    """A picture of each of `names`, and the page that lists all there are."""
    OUT.mkdir(parents=True, exist_ok=True)
    with gallery.served() as base, sync_playwright() as playwright:
        browser = playwright.chromium.launch(**gallery.CHROMIUM)
        pages = [(browser.new_page(color_scheme=scheme, reduced_motion="reduce"), narrow) for scheme, narrow in VIEWS]
        sheet = browser.new_page(viewport={"width": 1800, "height": 900})
        for name in names:
            shots = [_shot(page, base, name, narrow) for page, narrow in pages]
            (OUT / f"{name}.webp").write_bytes(_together(sheet, shots))
        browser.close()
    (OUT / "README.md").write_text(readme([*gallery.SCREENS, *gallery.MAILS]), encoding="utf-8")


def _shot(page: Page, base: str, name: str, narrow: bool) -> tuple[bytes, int]:
    """The screen as PNG, and how wide the sheet shows it."""
    wide = name.startswith(("dashboard", "support"))
    width, shown = (320, 320) if narrow else (1120, 740) if wide else (560, 560)
    page.set_viewport_size({"width": width, "height": 720})
    page.goto(base + name)
    over = page.locator("dialog").count() > 0  # what is under a dialog ends where the window does
    return page.screenshot(full_page=not over), shown


def _together(sheet: Page, shots: list[tuple[bytes, int]]) -> bytes:
    """The shots side by side, as WebP."""
    images = "".join(
        f'<img src="data:image/png;base64,{base64.b64encode(png).decode()}" width="{width}">' for png, width in shots
    )
    style = "margin:0;padding:12px;background:#8a909a;display:inline-flex;gap:12px;align-items:start"
    sheet.set_content(f'<body style="{style}">{images}</body>', wait_until="load")
    box = sheet.evaluate(
        "(b => ({x: 0, y: 0, width: b.width, height: b.height}))(document.body.getBoundingClientRect())"
    )
    session = sheet.context.new_cdp_session(sheet)
    options = {"format": "webp", "quality": QUALITY, "captureBeyondViewport": True, "clip": {**box, "scale": 1}}
    taken = session.send("Page.captureScreenshot", options)
    session.detach()
    return base64.b64decode(taken["data"])


if __name__ == "__main__":
    take(sys.argv[1:] or [*gallery.SCREENS, *gallery.MAILS])
