"""Whose page it is and how it looks: the one value that every screen takes."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType
from typing import Literal

from linkmw.pages.assets import (
    BUTTON_CSS,
    INBOX_JS,
    LOOK_CSS,
    MANAGER_JS,
    SUPPORT_CSS,
    Asset,
    hashed,
    logo_tile,
    stands_on_any_ground,
)
from linkmw.pages.brand import stylesheet

Owner = Literal["brand", "product"]


@dataclass(frozen=True, slots=True)
class Logo:
    """Where a logo is, and whether dark pages put a white plate behind it."""

    url: str
    plate: bool = False


@dataclass(frozen=True, slots=True)
class Look:
    """How a page looks. owner: whose secret is asked for, so whose colours it wears (the hub's pages: the brand's).

    brand: the identity's name, for instance ACME ID. product: "" on pages that are about none. contact: an e-mail
    address or a URL. stylesheets: ours, then the owner's. manager_script, inbox_script, support_stylesheet: the brand's
    alone. URLs are same-origin paths but for help and privacy.
    """

    owner: Owner
    brand: str
    product: str
    stylesheets: tuple[str, ...]
    brand_logo: Logo
    product_logo: Logo
    button_stylesheet: str = ""
    manager_script: str = ""
    inbox_script: str = ""
    support_stylesheet: str = ""
    contact: str = ""
    help_url: str = ""
    privacy_url: str = ""
    lang: str = "en"

    @property
    def name(self) -> str:
        return self.brand if self.owner == "brand" else self.product

    @property
    def logo(self) -> Logo:
        return self.brand_logo if self.owner == "brand" else self.product_logo


@dataclass(frozen=True, slots=True)
class Dress:
    """A look together with the files it needs, by their hashed names."""

    look: Look
    assets: MappingProxyType[str, Asset] = field(repr=False)


@lru_cache(maxsize=256)  # computed once per tenant and product; a changed colour or logo is another key
def dress(
    *,
    owner: Owner,
    assets_url: str,
    brand: str,
    product: str = "",
    brand_primary: str = "",
    product_primary: str = "",
    ground: str = "",
    brand_logo: str = "",
    product_logo: str = "",
    contact: str = "",
    help_url: str = "",
    privacy_url: str = "",
) -> Dress:
    """The look of `owner`'s pages and its files. assets_url: where they are served, with the slash at its end.

    primary, ground: `#rrggbb`; `ground` is the owner's. Logos: SVG text, "" for a tile with the initial.
    """
    sheet = hashed("brand", "css", stylesheet(brand_primary if owner == "brand" else product_primary, ground))
    mark = _logo_asset("brand-logo", brand_logo or logo_tile(brand, brand_primary))
    sign = _logo_asset("product-logo", product_logo or logo_tile(product, product_primary))
    brands_own = (MANAGER_JS, INBOX_JS, SUPPORT_CSS) if owner == "brand" else ()
    assets = {asset.name: asset for asset in (LOOK_CSS, BUTTON_CSS, sheet, mark, sign, *brands_own)}
    look = Look(
        owner=owner,
        brand=brand,
        product=product,
        stylesheets=(assets_url + LOOK_CSS.name, assets_url + sheet.name),
        button_stylesheet=assets_url + BUTTON_CSS.name,
        manager_script=assets_url + MANAGER_JS.name if brands_own else "",
        inbox_script=assets_url + INBOX_JS.name if brands_own else "",
        support_stylesheet=assets_url + SUPPORT_CSS.name if brands_own else "",
        brand_logo=_logo(assets_url, mark),
        product_logo=_logo(assets_url, sign),
        contact=contact,
        help_url=help_url,
        privacy_url=privacy_url,
    )
    return Dress(look, MappingProxyType(assets))


def _logo_asset(stem: str, svg: str) -> Asset:
    return hashed(stem, "svg", svg)


def _logo(assets_url: str, asset: Asset) -> Logo:
    return Logo(assets_url + asset.name, plate=not stands_on_any_ground(asset.body.decode()))
