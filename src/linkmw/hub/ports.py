"""What the hub asks of the world: Redis for what may be lost, SQL for what may not, Keycloak, the clock.

Every method may raise Unavailable when its store cannot say; None and False always mean "the store said no".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from linkmw.model import Account, AuthorizationRequest, Client, Identity, Link, SignIn, Tenant
from linkmw.reference import flow_name
from linkmw.secret import Secret

LOGOUT_SECONDS = 86_400  # so long a product is told of a logout; longer than its sessions last
MOST_OPENED = 20  # products of one hub session that its owner is shown
UNIQUE_STATE = 22  # characters: 128 bits in base64url; a shorter one may be the same in every request

Step = Literal[
    "identify", "identity", "choose", "prove", "agree", "confirm", "inbox", "join", "linked", "refused", "done"
]


@dataclass(frozen=True, slots=True)
class Joinable:
    """An account of the same address that a first sign-in may link too (AKE-6). proven: it is the one just proven.

    last_used: the product's own word, seconds since the epoch, None when it has none. allowed: its product says that
    the address is enough; another one is named only, to be proven there (PR06).
    """

    client_id: str
    account_id: str
    username: str
    last_used: int | None = None
    proven: bool = False
    allowed: bool = True


@dataclass(frozen=True, slots=True)
class Flow:
    """One person's way through the hub: stored, bound to a browser and, from Keycloak's answer on, to an identity.

    browser: SHA-256 (hex) of the hub cookie. client_id: "" when it leads to the manager only. request: the product's
    authorization request, None for the manager. account: once proven. auth_time, acr: Keycloak's word on the sign-in.
    hub_sid: the hub session it opened. error: why it was refused. then: the path at the hub where a flow that no
    product asked for ends, "" for the manager. fresh_seconds: how old the sign-in may be, 0 for any age (MIM-28).
    hint: the name that was typed at the first sign-in. email: the address to be confirmed there, joins: what else
    may be linked once it is. mails: how many were sent in this flow, the last one when. opened: the product that was
    opened, where the account of another one is proven. falls_short: of the realm's password policy, if that password
    becomes the identity's. native: the account was proven by the product's own login, and the person is asked (PR05).
    """

    flow_id: str
    browser: str
    organization_id: str
    client_id: str
    purpose: Literal["sign_in", "manager", "add", "first_sign_in"]
    expires: int
    step: Step = "identity"
    request: AuthorizationRequest | None = None
    identity: Identity | None = None
    identity_email: str = ""
    email_verified: bool = False
    auth_time: int = 0
    amr: tuple[str, ...] = ()
    hub_sid: str = ""
    account: Account | None = None
    code: str = ""  # SHA-256 of the proof code that is good now (PR17: a repeated push kills the old one)
    error: str = ""
    proven_amr: tuple[str, ...] = ()  # the product's word on the proof; `amr` is Keycloak's on the sign-in
    link_id: int | None = None  # once linked
    then: str = ""
    fresh_seconds: int = 0
    hint: str = ""
    email: str = ""
    joins: tuple[Joinable, ...] = ()
    mails: int = 0
    mailed: int = 0
    opened: str = ""
    falls_short: bool = False
    native: bool = False

    @property
    def name(self) -> str:
        """What the log calls it: by the product's `state`, which its gate names its own lines by, if that is unique."""
        state = self.request.state if self.request else ""
        return flow_name(state if len(state) >= UNIQUE_STATE else self.flow_id)

    def __repr__(self) -> str:
        return f"Flow({self.name}, {self.purpose}, {self.step}, {self.client_id})"


@dataclass(frozen=True, slots=True)
class PendingProof:
    """What a handle stands for until the gate fetches it, once."""

    flow_id: str = field(repr=False)
    client_id: str
    purpose: Literal["link", "add", "first_sign_in"]
    identity_email: str
    hint: str
    expires: int
    flow: str = ""  # what the log calls the flow
    identity: Identity | None = None


@dataclass(frozen=True, slots=True)
class Grant:
    """What an authorization code stands for."""

    client_id: str
    redirect_uri: str
    code_challenge: str
    nonce: str = field(repr=False)
    scope: tuple[str, ...]
    account_id: str
    username: str
    identity: Identity
    email: str  # "" unless verified
    auth_time: int
    amr: tuple[str, ...]
    hub_sid: str
    link_id: int | None = None


@dataclass(frozen=True, slots=True)
class HubSession:
    """A browser signed in at the hub. sid: the cookie's secret (its hash is the key). public_sid: goes into tokens."""

    sid: Secret
    public_sid: str
    organization_id: str
    identity: Identity
    email: str
    email_verified: bool
    name: str
    auth_time: int
    started: int
    csrf: Secret
    user_agent: str = ""
    ip: str = ""
    keycloak_sid: str = ""  # the `sid` of Keycloak's ID token: what its logout tokens name
    by_proof: str = ""  # begun by a first sign-in, not at Keycloak: it opens this client only, no manager (PR21)
    support: Literal["", "read", "write"] = ""  # what its roles at Keycloak allow on the support page
    id_token: Secret = field(
        default=Secret("")
    )  # for `id_token_hint` alone; sealed under the cookie as all of this record


@dataclass(frozen=True, slots=True)
class OpenSession:
    """A hub session as its owner sees it from any browser: no secret of it. started: seconds since the epoch.

    opened: the client ids of products that it led into. keycloak_sid: the session at Keycloak that ends with it.
    """

    public_sid: str = field(repr=False)
    user_agent: str
    ip: str
    started: int
    opened: tuple[str, ...] = ()
    keycloak_sid: str = field(default="", repr=False)


class SignIns(Protocol):
    """Keycloak sign-ins under way, under browser *and* state (FC02)."""

    async def put(self, browser: str, sign_in: SignIn, seconds: int) -> None: ...

    async def take(self, browser: str, state: str) -> SignIn | None:
        """Once; atomic; safe against a lost reply (RF02)."""


@dataclass(frozen=True, slots=True)
class SignOut:
    """A sign-out that waits: for its button, or for the browser to return from Keycloak.

    record_id: what the form, or Keycloak, names it by. client_id: the product that asked, "" for the manager. then:
    where the product wants the browser, its `state` included; "" for our own page, which says what has ended:
    everywhere, of every browser; provider_away, all but Keycloak's session.
    """

    record_id: str = field(repr=False)
    client_id: str = ""
    then: str = field(default="", repr=False)
    everywhere: bool = False
    provider_away: bool = False


class SignOuts(Protocol):
    """Sign-outs under way. Those of one browser are found by that browser alone."""

    async def put(self, browser: str, sign_out: SignOut, seconds: int) -> None: ...

    async def take(self, browser: str, record_id: str) -> SignOut | None:
        """Remove and return it, to one caller; None when there is none."""


class Flows(Protocol):
    """Flows by id. Whose browser it is, the caller compares: the account API has no browser."""

    async def put(self, flow: Flow, seconds: int) -> None: ...

    async def get(self, flow_id: str) -> Flow | None: ...


class Handles(Protocol):
    """Proof requests waiting to be fetched."""

    async def put(self, handle: str, pending: PendingProof, seconds: int) -> None: ...

    async def take(self, handle: str, client_id: str) -> PendingProof | None:
        """Once, by its own client only; another client's attempt leaves it untouched."""


class ProofCodes(Protocol):
    """One-time codes with which a browser returns from its proof: code → flow id."""

    async def put(self, code: str, flow_id: str, seconds: int) -> None: ...

    async def take(self, code: str) -> str | None: ...


class Grants(Protocol):
    """Authorization codes and the access tokens they gave."""

    async def put(self, code: str, grant: Grant, seconds: int) -> None: ...

    async def take(self, code: str) -> Grant | None:
        """Once. A second use within the code's life revokes the access token the first one gave (RFC 6749, 4.1.2)."""

    async def put_token(self, token: str, code: str, grant: Grant, seconds: int) -> None:
        """Keep an access token; `code` is what gave it."""

    async def of_token(self, token: str) -> Grant | None: ...


class HubSessions(Protocol):
    """Hub sessions, by the cookie's secret; and, without it, by their person and by Keycloak's session."""

    async def put(self, session: HubSession, idle_seconds: int, absolute_expires: int) -> bool:
        """Keep the session. False, and nothing is kept, when its Keycloak session has ended already (RC11).

        One person's sessions of one `public_sid` are one: the new secret takes the place of the old, which pages that
        load at that moment may use for half a minute more (RC12).
        """

    async def get(self, sid: str, idle_seconds: int) -> HubSession | None:
        """The session, its idle limit begun anew; None when ended or too old."""

    async def end(self, sid: str) -> None: ...

    async def note_opened(self, identity: Identity, public_sid: str, client_id: str, seconds: int) -> None:
        """That session of that person leads into this product: its owner sees it for so long (SC11).

        Of more than MOST_OPENED products the first are kept.
        """

    async def of_identity(self, identity: Identity) -> list[OpenSession]:
        """The person's live sessions in every browser, the newest first (SC11)."""

    async def end_public(self, identity: Identity, public_sid: str) -> bool:
        """End that session of that person. False when there is none."""

    async def end_all(self, identity: Identity) -> list[str]:
        """End all of the person's; their public names."""

    async def end_keycloak(self, issuer: str, keycloak_sid: str) -> list[tuple[Identity, str]]:
        """End what was opened by that Keycloak session; whose each was and its public name.

        Those are named too that were too old already, for a product's session may outlive the hub's. One that is being
        written just now is refused by `put` (RC11).
        """


@dataclass(frozen=True, slots=True)
class MailProof:
    """An address that waits to be confirmed by its mail's link, and what the page behind the link tells (AKE-13)."""

    flow_id: str = field(repr=False)
    client_id: str
    username: str
    email: str
    started: int
    expires: int
    user_agent: str = ""
    ip: str = ""


@dataclass(frozen=True, slots=True)
class Confirmed:
    """The address was confirmed. code_hash: SHA-256 (hex) of what another browser shows, "" from the same."""

    email: str
    code_hash: str = field(default="", repr=False)


class MailProofs(Protocol):
    """Links in verification mails by their token, and what came of them by their flow."""

    async def put(self, token: str, proof: MailProof, seconds: int) -> None: ...

    async def get(self, token: str) -> MailProof | None:
        """Any number of times: scanners look, too (UM01)."""

    async def confirm(self, flow_id: str, confirmed: Confirmed, seconds: int) -> None:
        """The owner of the mailbox pressed. The newest press counts."""

    async def confirmed(self, flow_id: str) -> Confirmed | None: ...


class Marks(Protocol):
    """One-use marks and counters: as the gate's."""

    async def first_use(self, purpose: str, value: str, seconds: int) -> bool: ...

    async def count(self, purpose: str, value: str, seconds: int) -> int: ...

    async def counted(self, purpose: str, value: str) -> int: ...

    async def reset(self, purpose: str, value: str) -> None: ...


# What the hub writes down; docs/audit.md says of each when, and with which codes.
Event = Literal[
    "account_gone",
    "account_held",
    "account_migrated",
    "address_mailed",
    "by_proof_ended",
    "choice_refused",
    "code_refused",
    "email_change_cancelled",
    "email_conflict",
    "held_dropped",
    "identity_erased",
    "key_retired",
    "key_rotated",
    "link_came_back",
    "link_refused",
    "linked",
    "mail_resent",
    "migration_undone",
    "product_added",
    "product_changed",
    "product_disabled",
    "proof_asked",
    "proved",
    "secret_retired",
    "secret_rotated",
    "sign_in_failed",
    "signed_in",
    "signed_out",
    "support_looked",
    "support_refused",
    "tenant_added",
    "tenant_changed",
    "tenant_disabled",
    "unlinked",
]


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """One line of the audit trail (OPS-2). result: ok or refused. No secret goes in here.

    username, user_agent: for the person's own "Recent activity", which outlives the link; the log does not have them.
    """

    event: Event
    result: Literal["ok", "refused"]
    time: int
    code: str = ""
    ref: str = ""
    organization_id: str = ""
    client_id: str = ""
    account_id: str = ""
    issuer: str = ""
    subject: str = ""
    flow: str = ""  # a hash of the flow id, short
    ip: str = ""
    actor: str = ""
    username: str = ""
    user_agent: str = ""


@dataclass(frozen=True, slots=True)
class Mail:
    """A rendered message. One recipient, always (UM09)."""

    kind: str
    recipient: str
    sender: str
    subject: str
    text: str
    html: str

    def __repr__(self) -> str:
        return f"Mail({self.kind})"


@dataclass(frozen=True, slots=True)
class NewLink:
    """A link to be made. flow: the flow's id, UNIQUE in SQL. unlink_token_hash: SHA-256 (hex) of the mail's token."""

    client_id: str
    account: Account
    identity: Identity
    identity_email: str
    flow: str = field(repr=False)
    unlink_token_hash: str
    proof: str
    amr: tuple[str, ...]
    created: int
    language: str = ""


@dataclass(frozen=True, slots=True)
class Logout:
    """A product is to end the sessions of one of its accounts: all, or those of one hub session (`hub_sid`)."""

    client_id: str
    account_id: str
    hub_sid: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class LogoutItem:
    """A logout that waits to be told. created: when it happened. tries: this one included."""

    item_id: int
    logout: Logout
    created: int
    tries: int


@dataclass(frozen=True, slots=True)
class OutboxItem:
    """A mail waiting to be sent. tries: this one included. reference: the row's random name, for the Message-ID."""

    item_id: int
    mail: Mail
    tries: int
    reference: str = ""


@dataclass(frozen=True, slots=True)
class RemovedLink:
    """A link that is no more. removed: when, seconds since the epoch. linked_again: its account has another now."""

    removed: int
    linked_again: bool


MOST_LINKS = 1000  # of one identity, that a page, a list or an order holds


class Links(Protocol):
    """The link table. Link, its mails and its audit row are one transaction."""

    async def add(self, link: NewLink, mails: Sequence[Mail], audit: AuditEvent) -> Link:
        """The link, committed. The same flow again answers the link it made, with no second mail (DF02).

        Raises AccountTaken when the account has another identity; an account already linked to this very identity
        answers that link (and sends nothing).
        """

    async def add_all(
        self, links: Sequence[NewLink], mails: Sequence[Mail], audits: Sequence[AuditEvent]
    ) -> list[Link]:
        """The links of one identity, all or none, with what tells of them: the first sign-in's (AKE-6).

        Each has a flow of its own. All of them again answer the links they made, with no second mail (DF02). Raises
        AccountTaken when one of the accounts has another identity.
        """

    async def of_identity(self, identity: Identity, client_ids: Sequence[str]) -> list[Link]:
        """The identity's links with these clients, in the owner's order; of more than MOST_LINKS the first (DS05)."""

    async def of_account(self, client_id: str, account_id: str) -> Link | None: ...

    async def by_unlink_token(self, token_hash: str) -> Link | None: ...

    async def removed(self, token_hash: str) -> RemovedLink | None:
        """What became of the link of that mail; None when no removed link had this token."""

    async def remove(self, link_id: int, mails: Sequence[Mail], audit: AuditEvent) -> Link | None:
        """The removed link to one caller only; None when it is gone already.

        Mails, audit row and the product's logout (`Logouts`) are the same transaction: what a link opened ends with it
        (MIM-27).
        """

    async def reorder(
        self, identity: Identity, client_id: str, seen: Sequence[int], wanted: Sequence[int]
    ) -> list[Link]:
        """The links in the order that holds now: `wanted`, if `seen` was the order until then.

        seen, wanted: link ids. Anything else changes nothing and answers what is (RC06): the caller compares.
        """

    async def used(self, link_id: int, username: str, audit: AuditEvent) -> None:
        """A sign-in went through this link, and the audit trail says so, in one transaction."""


class Registry(Protocol):
    """Tenants and products, from SQL; answers may be a second old."""

    async def tenant(self, organization_id: str) -> Tenant | None: ...

    async def tenants(self) -> list[Tenant]: ...

    async def client(self, client_id: str) -> Client | None:
        """None for unknown and disabled clients, and those of a disabled tenant: all alike."""

    async def clients_of(self, organization_id: str) -> list[Client]: ...

    async def check_secret(self, client_id: str, secret: str, now: int) -> bool:
        """Is this one of the client's live secrets? Compared in constant time, unknown clients too."""

    async def logo(self, owner: str) -> str:
        """The SVG of `tenant:ID` or `client:ID`; "" when none was given."""


class Keys(Protocol):
    """The hub's signing keys, sealed in SQL under LINKMW_HUB_KEY."""

    async def sign(self, algorithm: str, typ: str, claims: Mapping[str, Any]) -> str:
        """A compact JWS by the key that signs now, `kid` and `typ` in its header."""

    async def public(self) -> dict[str, Any]:
        """The JWK Set: keys that sign now, will sign, or may still be in use."""

    async def pairwise(self, organization_id: str, identity: Identity) -> str:
        """One opaque value per person and tenant (HMAC under a key of its own)."""


class Audit(Protocol):
    """The audit trail, for events that belong to no link transaction."""

    async def write(self, event: AuditEvent) -> None:
        """Written to SQL and to the log; a SQL failure is logged and does not stop the flow."""

    async def recent(self, identity: Identity, limit: int) -> list[AuditEvent]: ...


@dataclass(frozen=True, slots=True)
class About:
    """Whom a mail is about, as far as that is known: an account, an identity."""

    client_id: str = ""
    account_id: str = ""
    issuer: str = ""
    subject: str = ""


NOBODY = About()


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits to be sent, or told. since: when the oldest of it was committed, None for nothing."""

    many: int
    since: int | None


class Outbox(Protocol):
    """Mails that were committed with what they tell of."""

    async def put(self, mail: Mail, now: int, about: About = NOBODY) -> None:
        """Committed by itself: it tells of nothing that is kept in SQL."""

    async def claim(self, now: int, limit: int) -> list[OutboxItem]:
        """Mails due now, each handed to one process for the next five minutes (longer than sending can take)."""

    async def sent(self, item_id: int, now: int) -> None: ...

    async def failed(self, item_id: int, reason: str, next_try: int | None) -> None:
        """It is due again at `next_try`; None: given up, and kept with the reason."""

    async def waiting(self) -> Waiting: ...


@dataclass(frozen=True, slots=True)
class KeycloakSignIn:
    """Keycloak's verified answer: who it is and what else the ID token said."""

    identity: Identity
    email: str
    email_verified: bool
    name: str
    auth_time: int
    acr: str
    amr: tuple[str, ...] = ()
    session_state: str = ""
    id_token: Secret = field(default=Secret(""))
    roles: tuple[str, ...] = ()  # realm roles, where the ID token says them


@dataclass(frozen=True, slots=True)
class EndedAtProvider:
    """What a verified logout token of Keycloak's says: one session (`sid`), or all of `subject` when `sid` is ""."""

    subject: str
    sid: str = field(repr=False)
    jti: str


class Provider(Protocol):
    """Keycloak as the tenant's OpenID Provider (design 1). The hub is its only client."""

    async def authorization_url(
        self,
        tenant: Tenant,
        sign_in: SignIn,
        redirect_uri: str,
        *,
        prompt: str = "",
        max_age: int | None = None,
        login_hint: str = "",
        ui_locales: str = "",
    ) -> str:
        """Where to send the browser. Raises Unavailable; ProtocolError for metadata we refuse (FC14-16).

        ui_locales: BCP 47 tags with spaces, the one liked best first; "" leaves the language to the provider.
        """

    async def redeem(
        self, tenant: Tenant, sign_in: SignIn, code: str, issuer: str, redirect_uri: str
    ) -> KeycloakSignIn:
        """Who signed in. One POST, no retry, no redirect. Raises ProviderRefused, TokenRejected, Unavailable."""

    async def end_session_url(self, tenant: Tenant, after: str, *, id_token: str = "", state: str = "") -> str:
        """Where a browser signs out of Keycloak; with its ID token Keycloak does not ask (RP-Initiated Logout 1.0)."""

    async def verify_logout_token(self, tenant: Tenant, token: str) -> EndedAtProvider:
        """Who was signed out at Keycloak. Raises TokenRejected, Unavailable. The caller marks its `jti`."""

    async def end_sessions(self, tenant: Tenant, identity: Identity, keycloak_sid: str = "") -> None:
        """That session of this person at Keycloak has ended, or, without a `sid`, every one (Admin API).

        Raises Unavailable, KeycloakRefused.
        """

    async def healthy(self, tenant: Tenant) -> bool:
        """Does the realm's discovery document answer? Kept for a second."""


@dataclass(frozen=True, slots=True)
class KnownIdentity:
    """A Keycloak user. email: of its own profile, verified there or not."""

    identity: Identity
    username: str
    email: str
    email_verified: bool
    enabled: bool


@dataclass(frozen=True, slots=True)
class NewIdentity:
    """A user to be made. password_hash: Argon2id in PHC form; "" and Keycloak asks for a new password (AKE-15).

    falls_short: of the realm's password policy: it is good for one more sign-in, at which Keycloak asks for another.
    Keycloak itself holds the policy against new passwords only.
    """

    email: str
    password_hash: str = field(default="", repr=False)
    language: str = ""
    falls_short: bool = False


class Identities(Protocol):
    """The realm's users, by the Admin API. Every method raises Unavailable when Keycloak does not answer."""

    async def of_address(self, tenant: Tenant, email: str) -> list[KnownIdentity]:
        """Everybody whose e-mail or username is exactly this address, whatever its case at Keycloak (PR01)."""

    async def of_identity(self, tenant: Tenant, identity: Identity) -> KnownIdentity | None: ...

    async def create(self, tenant: Tenant, new: NewIdentity) -> Identity | None:
        """The new user, its address verified; None when somebody has the address or the name already (RC09)."""

    async def cancel_email_change(self, tenant: Tenant, identity: Identity) -> bool:
        """An address that waited to become this person's never does; False when none did (LT04)."""


@dataclass(frozen=True, slots=True)
class HeldAccount:
    """A proven account that waits for an identity: it is linked when that one signs in at Keycloak (AKE-14, PR01).

    email: the confirmed address, as Keycloak's verified one has to read.
    """

    client_id: str
    account: Account
    email: str
    flow: str = field(repr=False)
    amr: tuple[str, ...]
    created: int
    language: str = ""


class Held(Protocol):
    """Accounts that wait. An account waits for one address at a time, and for none once it is linked (`Links.add`)."""

    async def put(self, held: HeldAccount, audit: AuditEvent) -> None: ...

    async def of_email(self, organization_id: str, email: str) -> list[HeldAccount]: ...

    async def drop(self, client_id: str, account_id: str) -> None: ...


@dataclass(frozen=True, slots=True)
class JoinAnswer:
    """What a product says of an account with a confirmed address (PR06)."""

    account_id: str
    username: str
    allowed: bool
    last_used: int | None = None


@dataclass(frozen=True, slots=True)
class AccountAnswer:
    """What a product said of an account. staff: may it do more there than others? None: the product does not say."""

    found: bool
    active: bool = True
    usable_password: bool = True
    username: str = ""
    email: str = ""
    account_id: str = ""
    staff: bool | None = None


class Products(Protocol):
    """The account API of products (protocol, section 5)."""

    async def look_up(self, client: Client, account_id: str) -> AccountAnswer:
        """Raises Unavailable when the product does not answer, or not as it should."""

    async def find(self, client: Client, name: str) -> AccountAnswer:
        """The account with exactly this username, else exactly this e-mail (AKE-9). Raises Unavailable."""

    async def may_join(self, client: Client, email: str) -> list[JoinAnswer]:
        """The accounts with exactly this e-mail, and which of them may be linked by it (AKE-6). Raises Unavailable."""

    async def password_hash(self, client: Client, transaction: str) -> str:
        """The Argon2id hash made at the proof, once; "" when there is none to be carried (PR10). Raises Unavailable."""

    async def log_out(self, client: Client, token: str) -> None:
        """Hand in a logout token. Raises Unavailable unless the product took it (Back-Channel Logout 1.0, 2.8)."""


class Logouts(Protocol):
    """Logouts that products have to be told of, kept until they were (OPS-8)."""

    async def put(self, logouts: Sequence[Logout], now: int) -> None:
        """Committed; told at once, and again until the product has taken it or `LOGOUT_SECONDS` have passed."""

    async def put_of(self, identity: Identity, client_ids: Sequence[str], hub_sid: str, now: int) -> None:
        """As `put`, for every account of the identity with these clients, however many (DS05)."""

    async def arrival(self, seconds: float) -> None:
        """Returns when this process has put one since the last look, or after `seconds`: others put some too."""

    async def claim(self, now: int, limit: int, without: Sequence[str] = ()) -> list[LogoutItem]:
        """Logouts due now, each handed to one process for the next minute; none of the clients `without`."""

    async def told(self, item_id: int) -> None: ...

    async def failed(self, item_id: int, reason: str, next_try: int | None) -> None:
        """It is due again at `next_try`; None: given up."""

    async def waiting(self) -> Waiting: ...


@dataclass(frozen=True, slots=True)
class MailRecord:
    """A mail as the support sees it: no address, no content. reason: why its last try failed."""

    item_id: int
    kind: str
    created: int
    state: Literal["sent", "waiting", "given_up"]
    tries: int
    reason: str


@dataclass(frozen=True, slots=True)
class Rollout:
    """How far a tenant has come within some days.

    linked: the day's number from the epoch → how many accounts are linked at its end. steps: of the way to a link → how
    many flows came that far. failures: event, code → how many.
    """

    linked: Mapping[int, int]
    steps: Mapping[str, int]
    failures: Mapping[tuple[str, str], int]


class Support(Protocol):
    """What the support page reads, always within the products of one tenant."""

    async def find(self, client_ids: Sequence[str], name: str) -> list[Link]:
        """Links of accounts with exactly this username, account id or e-mail, and of identities with this e-mail."""

    async def mails(self, identity: Identity, links: Sequence[Link], client_ids: Sequence[str]) -> list[MailRecord]:
        """The newest mails about the identity, or an account that it has linked."""

    async def send_again(self, item_id: int, now: int) -> bool:
        """The mail is due now, as if it had never been tried. False when it was sent: its content is gone."""

    async def trail(self, organization_id: str, identity: Identity) -> list[AuditEvent]:
        """The newest events about the identity at the tenant, newest first."""

    async def by_reference(self, organization_id: str, ref: str) -> list[AuditEvent]:
        """What was written under the reference of an error page."""

    async def rollout(self, organization_id: str, client_ids: Sequence[str], now: int, days: int) -> Rollout: ...


@dataclass(frozen=True, slots=True)
class Health:
    """Which of the hub's own parts answer."""

    redis: bool
    sql: bool
    keycloak: bool

    @property
    def ok(self) -> bool:
        return self.redis and self.sql and self.keycloak


@dataclass(frozen=True, slots=True)
class Ports:
    """The world of one hub."""

    sign_ins: SignIns
    sign_outs: SignOuts
    flows: Flows
    handles: Handles
    proof_codes: ProofCodes
    grants: Grants
    sessions: HubSessions
    mail_proofs: MailProofs
    marks: Marks
    links: Links
    held: Held
    registry: Registry
    keys: Keys
    audit: Audit
    outbox: Outbox
    logouts: Logouts
    support: Support
    provider: Provider
    identities: Identities
    products: Products
    ping_redis: Callable[[], Any]  # awaitable: True or raises Unavailable
    ping_sql: Callable[[], Any]
    schema_suits: Callable[[], Any]  # as the two before: is the database one this linkmw can work with?
    now: Callable[[], int]
    token: Callable[[], str]  # 32 random bytes, base64url
