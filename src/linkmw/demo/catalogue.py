"""Who and what is in the demo: two organizations, the products of each, and the people with an identity."""

from __future__ import annotations

from dataclasses import dataclass, replace

from linkmw.demo.parts.realm import ACME, Organization, Person
from linkmw.switch import Mode


@dataclass(frozen=True, slots=True)
class Plan:
    """A product to be started. key: also its host name. module: `python -m` of it. opens: a page that needs a sign-in.

    seed: the module whose `prepare()` makes tables and accounts. server: for a module that can run under several.
    people_file: where its accounts are listed, next to the module.
    """

    key: str
    name: str
    framework: str
    module: str
    seed: str
    login_path: str
    opens: str
    primary: str
    server: str = ""
    organization: Organization = ACME
    mode: Mode = "beside"
    people_file: str = "people.json"
    drawing: str = ""

    @property
    def people(self) -> str:
        """Whose accounts it has: the module's own name in the list of people."""
        return self.module.rpartition(".")[2]

    @property
    def logo(self) -> str:
        """The drawing's name."""
        return self.drawing or self.people

    def under(self, server: str) -> Plan:
        """The same product under another server, as a product of its own."""
        return replace(self, key=f"{self.key}-{server}", server=server)

    def moving(self, key: str, name: str, primary: str) -> Plan:
        """The same program as a product of Globex, with people of its own."""
        return replace(
            self,
            key=key,
            name=name,
            primary=primary,
            drawing=key,
            organization=GLOBEX,
            mode="replace",
            people_file="globex.json",
        )


@dataclass(frozen=True, slots=True)
class Case:
    """Something to try in a tenant that moves over. key: of the product to open. name: what to type there as "Email".

    promise: its id in docs/requirements.md.
    """

    key: str
    name: str
    promise: str
    what: str


# It moves over: its products lead every login to the hub, and next to nobody has an identity yet.
GLOBEX = Organization("globex", "Globex ID", "#7b1e3a")

_MODULES = "linkmw.demo.products."
ORDERS = Plan(
    key="orders",
    name="Orders",
    framework="Django",
    module=_MODULES + "orders",
    seed=_MODULES + "orders.seed",
    login_path="/login/",
    opens="/orders/",
    primary="#3b4cc0",
    server="wsgi",
)
HELPDESK = Plan(
    key="helpdesk",
    name="Helpdesk",
    framework="Flask",
    module=_MODULES + "helpdesk",
    seed=_MODULES + "helpdesk",
    login_path="/login",
    opens="/tickets",
    primary="#8a2a6b",
)
WIKI = Plan(
    key="wiki",
    name="Wiki",
    framework="Starlette",
    module=_MODULES + "wiki",
    seed=_MODULES + "wiki",
    login_path="/login",
    opens="/pages",
    primary="#a04a0b",
)
PRODUCTS = (ORDERS, HELPDESK, WIKI)

IDENTITIES = (
    Person("ada@acme.example", "Lovelace-1815", "Ada", "Lovelace"),
    Person("grace@acme.example", "Hopper-1906", "Grace", "Hopper"),
    Person("alan@acme.example", "Turing-1912", "Alan", "Turing"),
    Person("joan@acme.example", "Clarke-1917", "Joan", "Clarke", roles=("linkmw-support",)),
)

SHOP = ORDERS.moving("shop", "Globex Shop", "#1f6f54")
SUPPORT = HELPDESK.moving("support", "Globex Support", "#0b5fa5")
NOTES = WIKI.moving("notes", "Globex Notes", "#7a3e9d")
MOVING_PRODUCTS = (SHOP, SUPPORT, NOTES)
CASES = (
    Case("shop", "hank@globex.example", "AKE-5", "one account: it becomes a Globex ID with the Shop's password"),
    Case("shop", "mindy@globex.example", "AKE-6", "accounts in three products: Support joins, Notes is proven later"),
    Case("shop", "nobody@globex.example", "AKE-7", "nobody has this address"),
    Case("shop", "frank@globex.example", "AKE-14", "has a Globex ID already: the account waits for it"),
    Case("notes", "scorpio", "AKE-16", "Hank's account under another address: link it, signed in as Hank"),
)
FRANK = Person("frank@globex.example", "Grimes-1997", "Frank", "Grimes")

PEOPLE = {ACME: IDENTITIES, GLOBEX: (FRANK,)}
