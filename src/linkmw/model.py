"""The words of linkmw as frozen values. Standard library only. Times are seconds since the epoch (UTC)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from linkmw.secret import Secret
from linkmw.switch import Mode


@dataclass(frozen=True, slots=True)
class Identity:
    """A person at the identity provider. The key is (issuer, subject), never the e-mail (I6)."""

    issuer: str
    subject: str


@dataclass(frozen=True, slots=True)
class Account:
    """A user in one product, by the product's immutable id. What else it says is the product's word only."""

    account_id: str
    username: str
    email: str = ""
    email_verified: bool = False


@dataclass(frozen=True, slots=True)
class Tenant:
    """An organisation: its issuer (Keycloak realm), brand, time zone and contact.

    issuer: as tokens say it. internal_issuer: the same realm by the back channel, or "".
    primary, ground: CSS colours "#rrggbb"; ground "" means computed. logo: SVG or PNG bytes live in SQL.
    """

    organization_id: str
    brand: str
    issuer: str
    keycloak_client_id: str
    keycloak_client_secret: Secret = field(default=Secret(""))
    internal_issuer: str = ""
    primary: str = "#0f5c4d"
    ground: str = ""
    time_zone: str = "UTC"
    contact: str = ""
    mail_from: str = ""
    enabled: bool = True
    language: str = "en"  # of its pages and mails, for who asks for none that there is (BCP 47)
    fresh_sign_in: bool = False  # linking and adding ask for a fresh sign-in too (MIM-28)
    help_url: str = ""
    privacy_url: str = ""
    unknown_user: Literal["say", "hide"] = "say"  # is anybody told that an address is nobody's? (AKE-7, AKE-28)
    credential_at_first: Literal["carry", "set"] = "carry"  # a new identity's: the product's, or a new one (AKE-15)
    password_policy: str = ""  # the realm's, as Keycloak writes it: what a carried password is held against (AKE-15)


@dataclass(frozen=True, slots=True)
class Client:
    """A product as the hub registered it. redirect_uri: exact. proof: how its accounts are proven."""

    client_id: str
    organization_id: str
    name: str
    public_url: str
    redirect_uri: str
    internal_url: str = ""
    proof: Literal["form", "native", "none"] = "form"
    primary: str = "#3b4cc0"
    login_url: str = ""
    mode: Mode = "beside"
    pkce_required: bool = True
    signing_algorithm: Literal["RS256", "ES256"] = "RS256"
    enabled: bool = True
    # Of a client without a gate; a gate's are next to its redirect URI.
    post_logout_redirect_uri: str = ""  # exact (OpenID Connect RP-Initiated Logout 1.0, 2)
    logout_uri: str = ""  # where its logout tokens go (OpenID Connect Back-Channel Logout 1.0, 2.2)
    percent: int = 100  # of browsers that see linkmw here; below 100 no native door is closed (P-3, P-4)
    trusted_email: bool = True  # may its accounts be joined by a confirmed address, where the product says so? (PR06)
    self_sign_up: bool = False  # can anybody make an account there? Then its addresses are never trusted


@dataclass(frozen=True, slots=True)
class SignIn:
    """A relying party's half-done sign-in: what must come back, and what to do then. One browser, one use."""

    state: str = field(repr=False)
    nonce: Secret
    verifier: Secret
    then: str
    started: int
    # What the hub keeps beside it: the product's authorization request this Keycloak sign-in is for.
    flow: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """What a product asked the hub for (OpenID Connect Core 1.0, 3.1.2.1), already checked."""

    client_id: str
    redirect_uri: str
    state: str = field(repr=False)
    nonce: str = field(repr=False)
    code_challenge: str
    scope: tuple[str, ...] = ("openid",)
    prompt: str = ""
    max_age: int | None = None
    ui_locales: str = ""


@dataclass(frozen=True, slots=True)
class PasswordRules:
    """What a realm asks of a password, as far as it can be told from the password and its account (AKE-15).

    The first six are numbers of characters, 0 for any. The names are Keycloak's, in our spelling.
    """

    length: int = 0
    max_length: int = 0
    digits: int = 0
    upper_case: int = 0
    lower_case: int = 0
    special_chars: int = 0
    not_username: bool = False
    not_email: bool = False
    not_contains_username: bool = False


@dataclass(frozen=True, slots=True)
class ProofRequest:
    """What the hub wants proven, as the gate fetched it once by back channel. Shown to the person as it is.

    flow: what the hub's log calls the flow. identity: the hub's one word for this person here, for limits.
    password_rules: what the password of a first sign-in is held against, if it is to be carried on.
    """

    transaction: Secret
    purpose: Literal["link", "add", "first_sign_in"]
    identity_email: str
    hint: str
    expires: int
    flow: str = ""
    identity: str = ""
    password_rules: PasswordRules | None = None


@dataclass(frozen=True, slots=True)
class Proof:
    """The product's word: this browser showed that it owns this account just now. amr: RFC 8176 values.

    falls_short: does the password break the rules that the hub sent? None: there were none, or it cannot be said.
    native: it signed in by the product's own login; the hub asks the person before it links (PR05).
    """

    transaction: Secret
    account: Account
    amr: tuple[str, ...]
    proven_at: int
    falls_short: bool | None = None
    native: bool = False


@dataclass(frozen=True, slots=True)
class Link:
    """An account's one identity. link_id: the row. position: its place in the owner's list for that product."""

    link_id: int
    client_id: str
    account_id: str
    username: str
    email: str
    identity: Identity
    identity_email: str
    created: int
    last_used: int | None = None
    position: int = 0
    language: str = ""  # in which it was made: its mails speak it; "" for the tenant's


@dataclass(frozen=True, slots=True)
class Marker:
    """What stands inside a native session that linkmw opened: its sid, and when it ends whatever Redis says."""

    sid: str = field(repr=False)
    expires: int


@dataclass(frozen=True, slots=True)
class Session:
    """A product session opened through a link: the allow-list entry in the product's Redis.

    native: what the adapter ends the native session by, "" where it can't from outside (`Product.reference`).
    """

    sid: str = field(repr=False)
    account_id: str
    identity: str  # pairwise per tenant, as the ID token said
    hub_sid: str
    started: int
    expires: int
    native: str = field(default="", repr=False)


Claims = dict[str, Any]
