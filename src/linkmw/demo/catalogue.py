"""Who and what is in the demo: three products, and the people with an ACME ID."""

from __future__ import annotations

from dataclasses import dataclass, replace

from linkmw.demo.parts.realm import Person


@dataclass(frozen=True, slots=True)
class Plan:
    """A product to be started. key: also its host name. module: `python -m` of it. opens: a page that needs a sign-in.

    seed: the module whose `prepare()` makes tables and accounts. server: for a module that can run under several.
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

    @property
    def people(self) -> str:
        """Whose accounts it has: the module's own name in the list of people."""
        return self.module.rpartition(".")[2]

    def under(self, server: str) -> Plan:
        """The same product under another server, as a product of its own."""
        return replace(self, key=f"{self.key}-{server}", server=server)


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
    Person("joan@acme.example", "Clarke-1917", "Joan", "Clarke"),
)
