"""What the gate asks of the world: its Redis, the hub, the product. Each Protocol is a contract.

The stores and the hub are coroutines (WSGI gives them blocking bodies that never suspend). `Product`, the adapter,
is blocking code, for user models are; flows reach it through `Ports.call`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Literal, Protocol

from linkmw.gate.doors import Doors
from linkmw.http import Headers, Request
from linkmw.log import Changes
from linkmw.model import Account, Marker, Proof, ProofRequest, Session, SignIn
from linkmw.run import Call
from linkmw.switch import Mode


class SignIns(Protocol):
    """Sign-ins under way, each under its browser *and* its state: one browser never reaches another's (FC02)."""

    async def put(self, browser: str, sign_in: SignIn, seconds: int) -> None:
        """Keep `sign_in` for `seconds`; of more than ten in one browser the oldest is dropped (FC06)."""

    async def take(self, browser: str, state: str) -> SignIn | None:
        """Remove and return the sign-in; None if unknown, used, or too old.

        Atomic, and safe against a lost reply: of two callers one gets it, and a retry of that caller gets it
        again (RF02). Raises Unavailable when Redis cannot say: never read that as None.
        """


@dataclass(frozen=True, slots=True)
class ProofRecord:
    """A proof under way at the product, bound to one browser. Server-side: nothing of it comes from the form (LT10).

    account: set once the password was right. code: the hub's one-time code, once pushed. proven_at: when everything was
    shown, 0 before. password_hash: made with the password, until everything was shown; then it is `PasswordHashes`'.
    typed: the address somebody asked for a reset mail with, for the form they come back to (AKE-22). falls_short: as in
    `Proof`. native: it was the product's own login that proved it.
    """

    record_id: str
    request: ProofRequest
    expires: int
    account: Account | None = None
    amr: tuple[str, ...] = ()
    code: str = ""
    proven_at: int = 0
    password_hash: str = ""
    typed: str = ""
    falls_short: bool | None = None
    native: bool = False

    def __repr__(self) -> str:
        return f"ProofRecord({self.record_id[:6]}…, {self.request.purpose})"


class Proofs(Protocol):
    """Proof records, each under its browser and its id."""

    async def put(self, browser: str, record: ProofRecord, seconds: int) -> None:
        """Keep or replace the record. Raises Unavailable."""

    async def get(self, browser: str, record_id: str) -> ProofRecord | None:
        """The record, or None if unknown, another browser's, or too old. Raises Unavailable."""

    async def drop(self, browser: str, record_id: str) -> None:
        """Forget the record; one that is gone already is fine."""


ARMED = "armed"  # the id of the one arming that a browser can have


@dataclass(frozen=True, slots=True)
class Arming:
    """A native proof that waits for the product's own login (PR05). One for each browser, whose cookie holds `secret`.

    proof: its record. path, until: where the answer to a sign-in has sent the browser, path and query, and until when
    that GET may complete it. hops: how often it was sent on. half: whom the session names since a sign-in that it was
    armed for, which the page of `signed_in_path` does not let in yet; an account id.
    """

    secret: str
    proof: str
    expires: int
    path: str = ""
    until: int = 0
    hops: int = 0
    half: str = ""
    record_id: str = ARMED

    def __repr__(self) -> str:
        return f"Arming({self.proof[:6]}…)"


class Armings(Protocol):
    """What is armed, each under its browser and the one id. As `Proofs`."""

    async def put(self, browser: str, record: Arming, seconds: int) -> None:
        """Keep the arming in place of any other of this browser. Raises Unavailable."""

    async def get(self, browser: str, record_id: str) -> Arming | None:
        """The arming, or None if there is none, or it is too old. Raises Unavailable."""

    async def drop(self, browser: str, record_id: str) -> None:
        """Forget it; one that is gone already is fine."""


class PasswordHashes(Protocol):
    """Hashes of passwords that were shown at a first sign-in, for the hub to fetch: each by its transaction (PR10)."""

    async def put(self, transaction: str, password_hash: str, seconds: int) -> None:
        """Keep it, readable by nobody who does not know the transaction. Raises Unavailable."""

    async def take(self, transaction: str) -> str | None:
        """Remove and return it, to one caller; None when there is none, or somebody had it. Raises Unavailable."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A sign-in that waits for the product's own second factor (MIM-5), bound to one browser like a proof record.

    session: what begins afterwards. amr: how the identity signed in. replaces: the account id that the person agreed
    to be signed out of (MIM-14).
    """

    record_id: str
    session: Session
    username: str
    then: str
    expires: int
    amr: tuple[str, ...] = ()
    replaces: str = ""

    def __repr__(self) -> str:
        return f"Entry({self.record_id[:6]}…)"


class Entries(Protocol):
    """Sign-ins that wait for a second factor, each under its browser and its id. As `Proofs`."""

    async def put(self, browser: str, entry: Entry, seconds: int) -> None:
        """Keep the entry. Raises Unavailable."""

    async def get(self, browser: str, record_id: str) -> Entry | None:
        """The entry, or None if unknown, another browser's, or too old. Raises Unavailable."""

    async def drop(self, browser: str, record_id: str) -> None:
        """Forget the entry; one that is gone already is fine."""


@dataclass(frozen=True, slots=True)
class SignOutRecord:
    """A sign-out that goes on to the hub, bound to one browser. hub_sid: the hub session that ends there."""

    record_id: str
    hub_sid: str

    def __repr__(self) -> str:
        return f"SignOutRecord({self.record_id[:6]}…)"


class SignOutRecords(Protocol):
    """Sign-outs on their way, each under its browser and its id."""

    async def put(self, browser: str, record: SignOutRecord, seconds: int) -> None:
        """Keep the record. Raises Unavailable."""

    async def get(self, browser: str, record_id: str) -> SignOutRecord | None:
        """The record, or None if unknown, another browser's, or too old. Raises Unavailable."""


# How long a logout refuses what was begun before it: longer than a sign-in may wait for its second factor (RC11).
REFUSED_SECONDS = 3600


class Sessions(Protocol):
    """The allow-list of sessions opened through a link."""

    async def put(self, session: Session) -> bool:
        """Keep or replace the session until its `expires`, indexed by sid, account and hub sid.

        False, and nothing is kept, when a logout that came since it was begun has named it (`end_all`; RC11).
        """

    async def get(self, sid: str) -> Session | None:
        """The session, or None when it has ended. Raises Unavailable: then the native session stands."""

    def recall(self, sid: str) -> Session | None:
        """What `get` would say, where that is certain without asking; None says nothing. Never raises.

        Certain: of an end that the store knew half a second ago it would have heard, of any other almost at once; and
        `expires` has not come.
        """

    def forget(self, sid: str) -> None:
        """The session is about to end here: `recall` says nothing of it."""

    async def end(self, sid: str) -> Session | None:
        """Forget the session and its index entries; what it was, None when it was gone."""

    async def end_all(self, *, account_id: str = "", hub_sid: str = "", until: int) -> list[Session]:
        """End every session of the account, of the hub session, or of both together; what they were, without sids.

        until: when the logout was. Sessions begun later stand, for it may be told late; one begun until then and not
        yet written is refused by `put`, for REFUSED_SECONDS after it (RC11). The store knows sids by their hashes
        alone, so `sid` is "" in what is returned.
        """


class Marks(Protocol):
    """One-use marks and counters. Raises Unavailable when the store cannot say (BF10)."""

    async def first_use(self, purpose: str, value: str, seconds: int) -> bool:
        """True for the one caller that marks `value` first; a retry after a lost reply is still that caller (RF03)."""

    async def count(self, purpose: str, value: str, seconds: int) -> int:
        """How often this was counted within the window, this time included. Atomic."""

    async def counted(self, purpose: str, value: str) -> int:
        """How often it was counted within the window that runs now; nothing is counted."""

    async def reset(self, purpose: str, value: str) -> None:
        """Start that count anew."""


class SwitchedOn(Protocol):
    """When the product's doors were closed by `replace`, for all of its gates (P-3)."""

    async def get(self) -> int:
        """Seconds since the epoch; 0 while it does not hold. Raises Unavailable."""

    async def put(self, since: int) -> None:
        """It was then; 0: it does not hold any more. Raises Unavailable."""


@dataclass(frozen=True, slots=True)
class Limit:
    """How often somebody may guess: `tries` within `seconds` of the first, then no more until those have passed.

    waits: seconds to wait instead, after the last of them and after each further try; the last one stays. stop: so
    many without a success, and there are no more at all until `STOPPED_SECONDS` have passed without a try; 0: never.
    """

    tries: int
    seconds: int
    waits: tuple[int, ...] = ()
    stop: int = 0


STOPPED_SECONDS = 30 * 86_400
FORGET_SECONDS = 43_200  # so long after the last wait without a try, and the waits begin with the shortest again


class Tries(Protocol):
    """Guesses under a limit. Raises Unavailable when the store cannot say: then there is no guess (BF10)."""

    async def attempt(self, purpose: str, value: str, part: str, limit: Limit) -> int:
        """0: the try may be made, and is counted. Else the seconds until one may be, and nothing is counted.

        Atomic: of any number at once no more than the limit allows are let through (BF03). part: under what name the
        try is remembered, so that it alone can be forgiven.
        """

    async def forgive(self, purpose: str, value: str, part: str, limit: Limit) -> None:
        """The tries of `part` count no longer; those of others do (BF04)."""


@dataclass(frozen=True, slots=True)
class Branding:
    """How pages on the product's origin look: the product's own colours, the identity's name and contact."""

    brand: str
    product: str
    primary: str
    brand_primary: str = ""
    ground: str = ""
    contact: str = ""
    brand_logo: str = ""  # SVG text; "" = a tile with the initial
    product_logo: str = ""


@dataclass(frozen=True, slots=True)
class HubState:
    """What the hub says for this client now: `GET /gate`. healthy: its Redis, SQL and Keycloak answer.

    organization_id: whose client this is; "" from a hub that does not say. proofs: the kinds it takes; one that does
    not say links at once, and is told of no native proof (PR05).
    """

    mode: Mode
    healthy: bool
    branding: Branding
    percent: int = 100
    organization_id: str = ""
    proofs: tuple[str, ...] = ("form",)


@dataclass(frozen=True, slots=True)
class Tokens:
    """The token endpoint's answer, as far as a product may see it."""

    id_token: str

    def __repr__(self) -> str:
        return "Tokens(***)"


class Hub(Protocol):
    """The hub's back channel and what the gate knows of its provider. Every method may raise Unavailable."""

    async def state(self) -> HubState:
        """The hub's word on this client; kept for one second, asked with a time-out of half a second.

        Raises Unavailable when the hub does not answer in time, and Refused when it does not know this client.
        """

    async def redeem(self, code: str, verifier: str, redirect_uri: str) -> Tokens:
        """The tokens for an authorization code; posted once, never retried (KF02).

        Raises ProviderRefused with the OAuth error, Unavailable.
        """

    async def verify_id_token(self, token: str, nonce: str) -> dict[str, object]:
        """The checked claims of an ID token for this client. Raises TokenRejected.

        An unknown `kid` is worth one new look at the hub's keys, at most every 30 s (TV10).
        """

    async def proof_request(self, handle: str) -> ProofRequest | None:
        """The content of a proof request, given once; None if unknown, fetched before, or another client's."""

    async def verify_call(self, token: str, method: str, url: str, body: bytes) -> dict[str, object]:
        """The checked claims of a signed call from the hub (protocol, section 5). Raises TokenRejected.

        The caller marks its `jti`: a call counts once (BC02).
        """

    async def verify_logout_token(self, token: str) -> dict[str, object]:
        """The checked claims of a logout token for this client. Raises TokenRejected.

        The caller marks its `jti`: a token counts once (OpenID Connect Back-Channel Logout 1.0, 2.6).
        """

    async def branding(self) -> Branding:
        """How our pages look: the hub's last word, however old; a neutral look before its first. Never raises."""

    async def push_proof(self, proof: Proof) -> str:
        """Tell the hub what was proven; the one-time code with which this browser goes back. Raises RequestRefused."""

    async def account_gone(self, account_id: str) -> None:
        """Tell the hub that the product does not know this account, which was to be signed in (LT19)."""


@dataclass(frozen=True, slots=True)
class Totp:
    """A second factor the gate checks itself (RFC 6238). secret: Base32, legacy 80 bits included (OT05)."""

    secret: str
    digits: int = 6
    period: int = 30
    algorithm: Literal["SHA1", "SHA256", "SHA512"] = "SHA1"

    def __repr__(self) -> str:
        return "Totp(***)"


@dataclass(frozen=True, slots=True)
class OwnCheck:
    """A second factor with a six-digit code that the product checks itself (django-otp, a callable)."""


@dataclass(frozen=True, slots=True)
class UnknownFactor:
    """A second factor this proof cannot check: it stops here, never skips (OT08). kind: for the log."""

    kind: str


SecondFactor = Totp | OwnCheck | UnknownFactor | None


@dataclass(frozen=True, slots=True)
class AccountFacts:
    """What the hub may learn about an account of a link: does it still exist, may it sign in, has it a password?

    sign_in_name: what the product's own login takes as its name, whatever it was found by; "" where that is not known.
    staff: may it do more there than others? None: not known, and then nobody but an operator touches its link (PR27).
    """

    account: Account
    active: bool
    usable_password: bool
    sign_in_name: str = ""
    staff: bool | None = None


@dataclass(frozen=True, slots=True)
class Joining:
    """May this account be linked by its address alone, and when was it last used? (PR06)

    Only one whose address was verified here, that is active, used before, no staff's and without a second factor.
    """

    account: Account
    allowed: bool
    last_used: int | None = None


class Product(Protocol):
    """The adapter: everything linkmw knows of one application. Blocking; called in a worker thread under ASGI.

    `request.raw` is what the shell was handed. Methods return headers, they never edit a response; an adapter whose
    framework writes its session cookie itself (Django, Starlette) changes the session there and returns none.
    """

    def current_account(self, request: Request) -> Account | None:
        """Whom does the native session of this request name? None for nobody."""

    def is_complete(self, request: Request) -> bool:
        """Is that sign-in whole, every second factor shown? (PR04)"""

    def verify_password(self, request: Request, username: str, password: str) -> Account | None:
        """The active account whose password this is, else None; the password exactly as typed (BC17).

        Whatever the product does at its own login (lock-out, logging) it does here too. Never called with "" (DIS-8).
        """

    def second_factor(self, request: Request, account_id: str) -> SecondFactor:
        """What this account needs besides its password, asked anew at each step (OT09)."""

    def verify_second_factor(self, request: Request, account_id: str, code: str) -> bool:
        """Is `code` (six digits) right, now, and not used before? Only asked when `second_factor` says OwnCheck."""

    def start_session(self, request: Request, account_id: str, marker: Marker | None) -> Headers:
        """The native session of this request names the account from now on, under a new session id (SC01).

        Somebody else's session is emptied first; the account's own is kept. marker: kept inside the session.
        Raises LinkRefused(code="account_inactive" | "account_gone") for an account that may not sign in (BC12).
        """

    def end_session(self, request: Request) -> Headers:
        """The native session of this request has ended, as the product's own sign-out would end it."""

    def reference(self, request: Request) -> str:
        """What names the native session just started, for `end_referenced`; "" where all of it is in a cookie."""

    def end_referenced(self, reference: str) -> None:
        """The native session of that name has ended, in the product's own store; one that is gone is fine."""

    def find(self, account_id: str) -> AccountFacts | None:
        """The account by its immutable id; None when the product no longer knows it."""

    def joining(self, email: str) -> list[Joining]:
        """The accounts with exactly this e-mail, each with whether it may be joined; none where that is not known."""

    def owns_password(self, account_id: str) -> bool:
        """Is this account's password the product's own, so that its hash may be carried on? A directory's is not."""

    def send_reset(self, request: Request, email: str) -> bool:
        """Send the product's own mail for a forgotten password, as its own page would; False where it has none.

        The same, in the same time, for an address nobody has (BF08). Its links are of the product's public URL (PR23).
        """

    def find_by_name(self, name: str) -> AccountFacts | None:
        """The account with exactly this username, else exactly this e-mail; None when none or several match."""


@dataclass(frozen=True, slots=True)
class Ports:
    """The world of one gate."""

    sign_ins: SignIns
    proofs: Proofs
    sessions: Sessions
    marks: Marks
    tries: Tries
    entries: Entries
    sign_outs: SignOutRecords
    password_hashes: PasswordHashes
    armings: Armings
    hub: Hub
    product: Product
    call: Call
    now: Callable[[], int]
    token: Callable[[], str]  # 32 random bytes, base64url
    ping: Callable[[], Awaitable[object]]  # does the product's own Redis answer? Raises Unavailable
    doors: Doors
    said: Changes = field(default_factory=Changes)  # what the log was told last
    # Has linkmw been switched off since? Asked before a native session begins (RC08)
    is_over: Callable[[], bool] = bool
