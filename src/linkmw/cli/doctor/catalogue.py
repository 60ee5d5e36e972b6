"""Every check there is; docs/doctor.md is written from it."""

from __future__ import annotations

from linkmw.cli.doctor.findings import Check

_CLOCK = "set the clock of this machine or of the other by NTP: sign-ins fail beyond 60 s"
_REDIS_VERSION = (
    "upgrade Redis or Valkey: below are known holes that let whoever may run scripts run anything; a distribution that "
    "keeps the number may have the fixes"
)
_REDIS_EVICTION = (
    "set `maxmemory-policy noeviction` in the server's configuration, and give it memory enough or a Redis of its own"
)
_REDIS_LINK = "use rediss:// and a user with a password, where the network between is not this machine's own"

# In a product.
SETTINGS = Check(
    "settings",
    "every setting, where it comes from, and what is missing or cannot be read",
    "put it right in the environment, the framework's configuration or the file (docs/settings.md)",
)
SWITCH = Check("switch", "is linkmw switched on here?", "`linkmw status` says what decided; `linkmw enable`")
HTTPS = Check(
    "https",
    "does the public address begin with https, unless it is this machine's own?",
    "put a proxy with TLS in front, and say its address in LINKMW_PUBLIC_URL (LINKMW_HUB_PUBLIC_URL)",
)
HOST = Check(
    "host",
    "are hub and product on different host names? Cookies know no port (PR16)",
    "give the product a host name of its own, and register it again with that",
)
HUB = Check(
    "hub",
    "does the hub answer, in our protocol?",
    "is `linkmw hub serve` running, LINKMW_HUB_URL (or LINKMW_HUB_INTERNAL_URL) its address, and no proxy between?",
)
CLIENT = Check(
    "client",
    "does the hub know this client id and secret, and is tenant and product enabled?",
    "compare LINKMW_CLIENT_ID and LINKMW_CLIENT_SECRET with what the hub printed: `linkmw hub product list` there. "
    "`linkmw hub product rotate-secret` makes a new secret, and `linkmw enable` puts it in place",
)
MODE = Check("mode", "what linkmw is here, by the hub's word and our own", "`linkmw hub product set`, or LINKMW_MODE")
PROOF = Check(
    "proof",
    "can accounts be proven in this mode? `replace` closes the product's own login (PR03)",
    "in `replace` only linkmw's form proves an account: the adapter has to check passwords (`verify_password`, "
    "docs/adapters.md); what cannot stays in `beside`",
)
HUB_PARTS = Check("hub.parts", "do the hub's Redis, SQL and Keycloak answer it?", "`linkmw hub doctor` at the hub")
CLOCK = Check("clock", "this machine's clock against the hub's", _CLOCK)
REDIS = Check(
    "redis",
    "does Redis answer, and may our user ask what is needed?",
    "is it running at the URL in the settings? Its user needs +@read +@write +@scripting +info +time +ping",
)
REDIS_VERSION = Check("redis.version", "its version against the known holes (RF12)", _REDIS_VERSION)
REDIS_EVICTION = Check("redis.eviction", "does it keep every key until it expires? (RF05)", _REDIS_EVICTION)
REDIS_CLOCK = Check("redis.clock", "its clock against this machine's", _CLOCK)
REDIS_OWN = Check(
    "redis.own",
    "are the other half's keys in it? Hub and product are apart (PR16)",
    "give hub and product a Redis each, or users that see their own prefix alone",
)
REDIS_LINK = Check("redis.link", "a password, and TLS beyond this machine", _REDIS_LINK)
LOGIN = Check(
    "login",
    "does each login route answer, with the button in it, or the way to the hub?",
    "is LINKMW_LOGIN_PATHS the product's login route, and has the product been restarted with linkmw in it? Where this "
    "machine reaches it by another address, give `--at http://127.0.0.1:8000`; where the page can't carry the button, "
    "LINKMW_BUTTON=interstitial puts a page of ours before it",
)
COOKIE = Check(
    "cookie",
    "the product's session cookie: Secure on https, SameSite",
    "set it Secure on https; SameSite=Lax is enough, Strict costs a page at each arrival from the hub (PR19)",
)
SERVICE_WORKER = Check(
    "service-worker",
    "does the login page start a service worker? (PR24)",
    "let it leave every path below LINKMW_PREFIX alone: it would swallow the answer of the hub",
)
MIDDLEWARE = Check(
    "middleware",
    "is linkmw's middleware in, once, and where it has to be?",
    "in Django after SessionMiddleware and AuthenticationMiddleware, inside GZipMiddleware and "
    "ConditionalGetMiddleware; in Starlette inside SessionMiddleware; wrapped once",
)

# At the hub; some of the above are looked at there as well.
DATABASE = Check("database", "does SQL answer?", "is the server running at LINKMW_HUB_DATABASE_URL?")
SCHEMA = Check(
    "database.schema",
    "is the schema this linkmw's, with the constraint that one account has one link? (CF10)",
    "`linkmw hub db upgrade`",
)
DATABASE_KIND = Check(
    "database.kind", "SQLite is for one machine", "with a second machine: PostgreSQL, in LINKMW_HUB_DATABASE_URL"
)
KEY = Check(
    "key",
    "does LINKMW_HUB_KEY open what the database keeps sealed?",
    "bring back the key that the database was written with: nothing else opens it",
)
SIGNING_KEYS = Check("signing-keys", "is there a key to sign with, for each algorithm?", "`linkmw hub init` makes them")
TENANTS = Check("tenants", "is there a tenant?", "`linkmw hub init --tenant …`")
ISSUER = Check(
    "keycloak.issuer",
    "is the issuer https, unless it is this machine's own? (CF06)",
    "put Keycloak behind TLS, set its hostname, and register the tenant with that issuer",
)
KEYCLOAK = Check(
    "keycloak",
    "does the realm's discovery answer, name exactly our issuer (FC14), and promise S256 and `iss`?",
    "is Keycloak running, the realm there and enabled, and Keycloak's hostname right? What it says stands at the "
    "issuer, with /.well-known/openid-configuration after it",
)
KEYCLOAK_VERSION = Check(
    "keycloak.version",
    "26.7.3 or newer? Older ones have account takeovers (MG02). Needs Keycloak's administrator",
    "upgrade Keycloak; to have it looked at, give --admin-password-file",
)
KEYCLOAK_SECRET = Check(
    "keycloak.secret",
    "does Keycloak know the hub's client and its secret?",
    "`linkmw hub tenant secret`, or `linkmw keycloak setup`, which gives Keycloak the hub's",
)
KEYCLOAK_ROLES = Check(
    "keycloak.roles",
    "may the client manage users, view them, query them, and nothing else? (CF06)",
    "`linkmw keycloak setup`",
)
KEYCLOAK_CLOCK = Check("keycloak.clock", "Keycloak's clock against this machine's", _CLOCK)
REDIRECT = Check(
    "keycloak.redirect", "is the hub's redirect URI registered, and its sign-out's?", "`linkmw keycloak setup`"
)
WILDCARD = Check("keycloak.wildcard", "is any other redirect URI refused? (CF06)", "`linkmw keycloak setup`")
PKCE = Check("keycloak.pkce", "is a request without PKCE S256 refused? (CF06)", "`linkmw keycloak setup`")
IMPLICIT = Check("keycloak.implicit", "is the implicit flow refused? (CF06)", "`linkmw keycloak setup`")
PASSWORD_GRANT = Check("keycloak.password", "is the password grant refused? (CF06)", "`linkmw keycloak setup`")
REALM = Check(
    "keycloak.realm",
    "are guesses limited, and first and last name asked of nobody?",
    "`linkmw keycloak setup`: identities that the hub makes have no names, and would be asked for them",
)
KEYCLOAK_SETUP = Check(
    "keycloak.setup",
    "is everything as `linkmw keycloak setup` makes it? Needs Keycloak's administrator",
    "`linkmw keycloak setup` repairs it, and says what it changes first",
)
SMTP = Check(
    "smtp",
    "does the mail server take a connection, TLS and our name?",
    "is it running at LINKMW_HUB_SMTP_URL, with that user and password? `--mail-to ADDRESS` sends a mail",
)
PRODUCT = Check(
    "product",
    "does each product's gate answer a signed question?",
    "is the product running with linkmw on, at its URL (--internal-url)? Then `linkmw doctor` there",
)

IN_A_PRODUCT = (
    SETTINGS, SWITCH, HTTPS, HOST, HUB, CLIENT, MODE, PROOF, HUB_PARTS, CLOCK, REDIS, REDIS_VERSION,
    REDIS_EVICTION, REDIS_CLOCK, REDIS_OWN, REDIS_LINK, LOGIN, COOKIE, SERVICE_WORKER, MIDDLEWARE,
)  # fmt: skip
AT_THE_HUB = (
    SETTINGS, HTTPS, DATABASE, SCHEMA, DATABASE_KIND, KEY, SIGNING_KEYS, REDIS, REDIS_VERSION, REDIS_EVICTION,
    REDIS_CLOCK, REDIS_OWN, REDIS_LINK, TENANTS, ISSUER, KEYCLOAK, KEYCLOAK_SECRET, KEYCLOAK_ROLES, KEYCLOAK_CLOCK,
    REDIRECT, WILDCARD, PKCE, IMPLICIT, PASSWORD_GRANT, REALM, KEYCLOAK_VERSION, KEYCLOAK_SETUP, SMTP, PRODUCT, PROOF,
    HOST,
)  # fmt: skip
