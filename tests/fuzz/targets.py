"""Every reader of what others send, as a function of bytes that raises when its promise is broken.

The promise is the same for all: no exception but the reader's own, and nothing accepted that is not what it is taken
for. Where a reader's answer can be checked (another parser, the way back, a bound), it is.
"""

from __future__ import annotations

import csv
import html
import io
import json
import tempfile
import tomllib
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urljoin, urlsplit

from tests.gate.world import SETTINGS, SITE, World
from tests.oidc.conftest import Forge

from linkmw.cli import configuration_file
from linkmw.errors import (
    ProtocolError,
    ProviderRefused,
    RegistrationRefused,
    RequestRefused,
    SettingsError,
    TokenRejected,
    Unavailable,
)
from linkmw.gate import accounts, browser, guard, hub_client, logout, native
from linkmw.gate.answers import dressed
from linkmw.gate.wire import Reply
from linkmw.http import MAX_FIELDS, PASS, Params, Request, Response, read_cookie, read_form, read_query
from linkmw.hub import products, rules
from linkmw.hub.credentials import HashRefused, of_django, of_phc
from linkmw.hub.declared import read as read_declared
from linkmw.hub.links import rows as link_rows
from linkmw.hub.mail.address import read_recipient, read_sender
from linkmw.hub.migrate import rows as user_rows
from linkmw.hub.migrate import sources
from linkmw.hub.ports import Flow, Grant, HubSession
from linkmw.hub.relying_party import read_sign_in
from linkmw.hub.settings import load_hub
from linkmw.model import Client, Session, SignIn
from linkmw.oidc import authorize, call_token, client_auth, end_session, id_token, logout_token
from linkmw.oidc.jose import KeySet, PrivateKey, verify_signature
from linkmw.oidc.metadata import provider_document, read_provider
from linkmw.oidc.strict_json import read_object
from linkmw.pages import language, negotiation
from linkmw.redirects import judge
from linkmw.run import run_now
from linkmw.secret import Secret
from linkmw.setting_sources import read_file
from linkmw.settings import load
from linkmw.stores import redis_url, session_record
from linkmw.stores.codec import Codec
from linkmw.stores.memory import Marks
from linkmw.stores.redis import connect_blocking
from linkmw.stores.sql import returned
from linkmw.whence import client_address, same_network

NOW = 1_800_000_000
ISSUER, CLIENT = "https://id.example/o/orders", "orders"
KEY = PrivateKey.generate("ES256")  # its signatures are the cheap ones
FORGE = Forge(KEY)
KEYS = KeySet.read({"keys": [KEY.public_jwk(), PrivateKey.generate("RS256").public_jwk()]})
BOTH = frozenset({"RS256", "ES256"})
PRODUCT = Client(CLIENT, "acme", "Orders", SITE, f"{SITE}/.linkmw/callback")
SIGN_IN = SignIn("s" * 43, Secret("n" * 43), Secret("v" * 43), "/", NOW)

Reader = Callable[[bytes], None]


@dataclass(frozen=True, slots=True)
class Target:
    """A reader, and words of its own language that edits put in."""

    name: str
    read: Reader
    words: tuple[bytes, ...] = ()


TARGETS: dict[str, Target] = {}


def target(words: str = "") -> Callable[[Reader], Reader]:
    """What is decorated is a target of its name. words: with spaces between them."""

    def known(reader: Reader) -> Reader:
        name = reader.__name__
        TARGETS[name] = Target(name, reader, tuple(words.encode().split()))
        return reader

    return known


def text_of(data: bytes) -> str:
    """As servers hand header fields over."""
    return data.decode("latin-1")


def member_of(data: bytes) -> dict[str, Any]:
    """The JSON object in `data`, leniently read: the way in for what is judged after it was parsed."""
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


@contextmanager
def a_file(data: bytes, name: str = "input") -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as folder:
        path = Path(folder) / name
        path.write_bytes(data)
        path.chmod(0o600)
        yield path


# ---- tokens

CLAIMS = "iss sub aud azp exp iat nbf nonce at_hash auth_time sid events jti toe typ htm htu digest acr amr"
HEADERS = "alg kid typ crit b64 jwk jku x5u x5c zip enc ES256 RS256 none JWT logout+jwt linkmw-call+jwt"


def _accepted(check: Callable[[], dict[str, Any]]) -> dict[str, Any] | None:
    try:
        return check()
    except TokenRejected as rejected:
        assert rejected.code.startswith("token_"), rejected.code
        assert rejected.code.isascii()
        assert len(rejected.code) < 40
        return None


@target("eyJhbGciOiJFUzI1NiJ9 . e30 ..")
def token(data: bytes) -> None:
    """Nobody has signed it: every verifier refuses it, with a short code."""
    given = data.decode("utf-8", "surrogateescape")
    who: dict[str, Any] = {"issuer": ISSUER, "audience": CLIENT, "now": NOW}
    for check in (
        lambda: verify_signature(given, KEYS, algorithms=BOTH, types=frozenset({"jwt", ""})),
        lambda: id_token.verify(given, KEYS, **who, nonce="n"),
        lambda: id_token.verify_hint(given, KEYS, issuer=ISSUER, audience=CLIENT, algorithms=BOTH),
        lambda: logout_token.verify(given, KEYS, **who),
        lambda: call_token.verify(given, KEYS, **who, method="POST", url="u", body=b""),
    ):
        assert _accepted(check) is None


def _signed(data: bytes, typ: str, claims: dict[str, Any]) -> str:
    """A token that is right but for what `data` changes: the header's members in its first line, claims in the rest."""
    head, _, body = data.partition(b"\n")
    header = {"alg": "ES256", "kid": KEY.kid, "typ": typ, **member_of(head)}
    changed = member_of(body)
    whole = {name: value for name, value in {**claims, **changed}.items() if value != "(gone)"}
    return FORGE.raw({name: value for name, value in header.items() if value != "(gone)"}, whole)


def _is_sound(claims: dict[str, Any], audience: str = CLIENT) -> None:
    """What every token says that was accepted."""
    assert claims["iss"] == ISSUER
    assert claims["aud"] == audience or claims["aud"] == [audience] or claims["azp"] == audience
    assert type(claims["iat"]) is int
    assert type(claims["exp"]) is int
    assert claims["exp"] > NOW - 60
    assert claims["iat"] <= NOW + 60


@target(f"{CLAIMS} {HEADERS} (gone)")
def id_tokens(data: bytes) -> None:
    """Signed by the issuer, whatever it says: accepted for this client, this nonce and this time alone."""
    right = {"iss": ISSUER, "sub": "17", "aud": CLIENT, "iat": NOW, "exp": NOW + 60, "nonce": "n", "auth_time": NOW}
    given = _signed(data, "JWT", right)
    found = _accepted(
        lambda: id_token.verify(
            given, KEYS, issuer=ISSUER, audience=CLIENT, nonce="n", now=NOW, max_age=60, algorithms=BOTH
        )
    )
    if found is not None:
        _is_sound(found)
        assert found["nonce"] == "n"
        assert isinstance(found["sub"], str)
        assert 0 < len(found["sub"]) < 256
        assert found["auth_time"] >= NOW - 120
        with suppress(TokenRejected):
            read_sign_in(found)


@target(f"{CLAIMS} {HEADERS} {logout_token.EVENT} (gone)")
def logout_tokens(data: bytes) -> None:
    right = logout_token.claims_for(issuer=ISSUER, audience=CLIENT, now=NOW, jti="j" * 43, subject="17", sid="s")
    given = _signed(data, logout_token.TYP, right)
    found = _accepted(
        lambda: logout_token.verify(given, KEYS, issuer=ISSUER, audience=CLIENT, now=NOW, algorithms=BOTH)
    )
    if found is not None:
        _is_sound(found)
        assert "nonce" not in found
        assert isinstance(found["jti"], str)
        assert isinstance(found.get("sub", found.get("sid")), str)
        logout._when(found)


@target(f"{CLAIMS} {HEADERS} POST (gone)")
def call_tokens(data: bytes) -> None:
    right = call_token.claims_for(
        issuer=ISSUER, audience=CLIENT, method="POST", url=f"{SITE}/x", body=b"{}", now=NOW, jti="j" * 43
    )
    given = _signed(data, call_token.TYP, right)
    who: dict[str, Any] = {"issuer": ISSUER, "audience": CLIENT, "now": NOW, "method": "POST", "url": f"{SITE}/x"}
    found = _accepted(lambda: call_token.verify(given, KEYS, **who, body=b"{}"))
    if found is not None:
        _is_sound(found)
        assert found["exp"] - found["iat"] <= 60
        assert _accepted(lambda: call_token.verify(given, KEYS, **who, body=b"[]")) is None


# ---- JSON of Keycloak, hub and products


@target("kty kid use alg n e crv x y d key_ops keys oct k OKP P-256 sig")
def key_set(data: bytes) -> None:
    try:
        keys = KeySet.from_json(data)
    except TokenRejected as rejected:
        assert rejected.code in ("key_set_malformed", "key_set_size")
        return
    assert len(keys.keys) <= 50
    for key in keys.keys:
        assert key.algorithm in BOTH
        assert isinstance(key.kid, str)


@target(" ".join((*provider_document("i", []), "S256 code https://kc.example // @ :443 http://")))
def discovery(data: bytes) -> None:
    issuer = "https://kc.example/realms/acme"
    try:
        found = read_provider(read_object(data), issuer, internal_issuer="http://kc:8080/realms/acme")
    except (ProtocolError, ValueError):
        return
    assert found.issuer == issuer
    for url in (found.authorization_endpoint, *filter(None, (found.end_session_endpoint,))):
        assert (urlsplit(url).scheme, urlsplit(url).hostname, urlsplit(url).port) == ("https", "kc.example", None)
    for url in (found.token_endpoint, found.jwks_uri):
        assert urlsplit(url).hostname in ("kc.example", "kc")


@target("iss sub auth_time email email_verified amr realm_access roles name acr sid")
def provider_claims(data: bytes) -> None:
    with suppress(TokenRejected):
        found = read_sign_in(member_of(data))
        assert found.email_verified in (True, False)
        assert all(isinstance(item, str) for item in (*found.amr, *found.roles, found.email, found.name, found.acr))


@target("v mode percent branding healthy beside replace id_token error code purpose")
def hub_answers(data: bytes) -> None:
    """First the status, then the body."""
    status, _, body = data.partition(b"\n")
    reply = Reply(int(status) if status.isdigit() and len(status) == 3 else 200, body)
    with suppress(RequestRefused, Unavailable):
        dressed(SETTINGS, hub_client.read_state(hub_client._checked(reply)).branding)
    for read in (
        lambda: hub_client.read_tokens(reply),
        lambda: hub_client.read_proof_request(hub_client._checked(reply)),
        lambda: hub_client.read_code(reply),
    ):
        with suppress(ProviderRefused, RequestRefused, Unavailable):
            read()


@target("found active usable_password username email staff account_id allowed last_used")
def product_answers(data: bytes) -> None:
    answer = member_of(data)
    account = products._account(answer)
    assert "\n" not in account.username + account.email
    rows = answer.get("accounts")
    for row in [answer, *(rows if isinstance(rows, list) else [])]:
        joining = products._joining(row)
        assert joining is None or (joining.allowed in (True, False) and joining.account_id)


# ---- what browsers send


@target("state code iss error client_id redirect_uri scope openid prompt none max_age")
def queries(data: bytes) -> None:
    """Authorization requests, their answers, sign-out requests."""
    try:
        query = read_query(text_of(data))
    except RequestRefused:
        return
    assert len(list(query)) <= MAX_FIELDS
    answered = Params((*((name, value) for name, value in query if name != "state"), ("state", SIGN_IN.state)))
    asked = Params([("client_id", CLIENT), ("redirect_uri", PRODUCT.redirect_uri), *query])
    for read in (
        lambda: authorize.read_answer(query, SIGN_IN, ISSUER, True),
        lambda: authorize.read_answer(answered, SIGN_IN, ISSUER, False),
        lambda: end_session.read_request(query, CLIENT, f"{SITE}/out"),
        lambda: authorize.read_request(query, PRODUCT),
    ):
        with suppress(ProtocolError):
            read()
    with suppress(ProtocolError):
        found = authorize.read_request(asked, PRODUCT)
        assert found.redirect_uri == PRODUCT.redirect_uri
        assert found.code_challenge
        assert found.state.isascii()


@target("& = %26 + csrf username password next")
def forms(data: bytes) -> None:
    """First the content type, then the body; what is read, the standard library reads so too."""
    kind, _, body = data.partition(b"\n")
    try:
        form = read_form(body, text_of(kind))
    except RequestRefused as refused:
        assert refused.status in (400, 413, 415)
        return
    pairs = list(form)
    assert pairs == parse_qsl(body.decode("ascii"), keep_blank_values=True)
    assert len(pairs) <= MAX_FIELDS
    for name, _ in pairs:
        with suppress(RequestRefused):
            assert (name, form.get(name)) in pairs


@target(f'__Host-linkmw- {browser.cookie_name(CLIENT)} session ; = " $Version ')
def cookies(data: bytes) -> None:
    """A value of ours stands in the header to the letter, once, and is as we make them."""
    header, name = text_of(data), browser.cookie_name(CLIENT)
    found = read_cookie(header, name)
    assert found is None or f"{name}={found}" in header
    known = browser.known(SETTINGS, Request("GET", "/", headers={"cookie": header}))
    assert known is None or (found is not None and len(found) == 43 and known.headers == ())
    negotiation.chosen(Request("GET", "/", headers={"cookie": header}))


@target("// /\\ %2f %5c .. @ evil.example javascript: https: %09 %250a ? #")
def redirect_targets(data: bytes) -> None:
    """Whatever decodes it on its way, it stays on this site, and ends no header."""
    found = judge(data.decode("utf-8", "replace"), default="")
    for _ in range(4):
        for at in (f"{SITE}/", f"{SITE}/a/b?c"):
            assert urlsplit(urljoin(at, found)).netloc == urlsplit(SITE).netloc
        assert not found or found[0] == "/"
        assert not found.startswith(("//", "/\\"))
        path = found.partition("?")[0].partition("#")[0]
        assert not any(unicodedata.category(letter) == "Cc" for letter in path)
        found = unquote(path)


@target("Basic basic b3JkZXJzOnNlY3JldA== : %3A")
def basic_credentials(data: bytes) -> None:
    try:
        found = client_auth.read_basic(text_of(data))
    except RequestRefused as refused:
        assert (refused.code, refused.status) == ("invalid_client", 401)
        return
    written = client_auth.write_basic(found.client_id, found.secret)
    assert len(written) > client_auth.MAX_HEADER or client_auth.read_basic(written) == found


@target("de-CH en ;q= 0.5 * zh-Hant-TW ui_locales= %20")
def languages(data: bytes) -> None:
    header = text_of(data)
    request = Request("GET", "/", header, {"accept-language": header, "cookie": header, "referer": header})
    wanted = negotiation.preferred(header)
    assert len(wanted) <= negotiation.MAX_TAGS
    assert language.choose(wanted) in ("", *language.LANGUAGES)
    assert negotiation.asked_for(request) in ("", *language.LANGUAGES)
    with negotiation.answering(request, negotiation.asked_for(request)):
        assert language.current() in language.LANGUAGES
        negotiation.offer_switch(request, "/.linkmw/language", SITE, stays=True)
        shown = language.switch()
    assert shown is not None
    assert shown.here == "" or (shown.here.startswith("/") and html.escape(shown.here.replace("&", "")).isascii())


@target("127.0.0.1 ::1 10.0.0.1 ::ffff:10.0.0.1 %eth0 , fe80:: /64")
def forwarded_addresses(data: bytes) -> None:
    for peer in ("10.0.0.1", text_of(data)):
        found = client_address(peer, text_of(data), ("10.0.0.0/8", "fe80::/10"))
        assert isinstance(same_network(found), str)


# ---- the two back channels


_GATE = World()
_GATE.hub.calls["right"] = {"jti": "j" * 43}


@target("v do look_up find may_join password_hash account_id name email transaction 17")
def account_api(data: bytes) -> None:
    """The body of a call whose signature is right: answered as the question says, or not at all."""
    headers = {"authorization": "Bearer right", "content-type": "application/json"}
    _GATE.having(marks=Marks(_GATE.clock))
    found = run_now(
        accounts.answer(_GATE.ports, _GATE.settings, Request("POST", "/.linkmw/accounts", "", headers, data))
    )
    if found is PASS:
        return
    assert isinstance(found, Response)
    assert json.loads(found.body)["jti"] == "j" * 43
    assert read_object(data)["v"] == 1


@target("logout_token right = &")
def logout_forms(data: bytes) -> None:
    _GATE.having(marks=Marks(_GATE.clock))
    headers = {"content-type": "application/x-www-form-urlencoded"}
    answer = run_now(logout.answer(_GATE.ports, _GATE.settings, Request("POST", "/.linkmw/logout", "", headers, data)))
    assert answer.status == 400


@target("v transaction jti proven_at account username email amr falls_short 1800000000")
def proof_pushes(data: bytes) -> None:
    try:
        proof = rules.read_push(read_object(data), NOW, 1800)
    except (RequestRefused, ValueError):
        return
    account = proof.account
    assert rules.is_username(account.username)
    assert 0 < len(account.account_id) < 256
    assert not any(unicodedata.category(letter) in ("Cc", "Cf") for letter in account.username + account.email)
    assert NOW - 1800 - rules.SKEW <= proof.proven_at <= NOW + rules.SKEW


# ---- what operators give


@target('account_id email username password_hash is_staff , " pbkdf2_sha256$ argon2$argon2id$')
def csv_of_users(data: bytes) -> None:
    with a_file(data) as path:
        try:
            found = list(sources.CsvFile(path).rows())
        except sources.SourceRefused:
            return
    for row in found:
        outcome = user_rows.read(row, include_staff=True, same_address=1)
        if isinstance(outcome, user_rows.Person):
            told = user_rows.representation(outcome, "run", email_verified=False)
            assert told["email"] == told["username"] == outcome.email
            json.dumps(told).encode()


@target("client_id account_id sub identity_email iss language reason '= ' , \"")
def csv_of_links(data: bytes) -> None:
    """What is rejected is written so that it reads the same again."""
    with a_file(data) as path:
        try:
            given = link_rows.CsvFile(path, CLIENT)
            header, found = given.header(), list(given.rows())
        except link_rows.FileRefused:
            return
    for row in found:
        line = link_rows.rejected(header, row, "why")
        assert len(line) == len(link_rows.rejects_header(header))
        assert not any(cell.startswith(("=", "+", "-", "@")) for cell in line)
        if isinstance(row, link_rows.Row):
            assert link_rows.problem(row, None)
            link_rows.account(row, None)
            csv.writer(io.StringIO()).writerow(line)


@target("hub_url public_url redis_url mode login_paths hosts enabled disabled_at [hosts. ] =")
def configuration_files(data: bytes) -> None:
    """The product boots whatever the file says; the hub says what is wrong; an edit changes what it is told to."""
    with a_file(data, "linkmw.toml") as path:
        settings = load(environ={"LINKMW_CONFIG": str(path)})
        assert settings.problems or settings.enabled is False or settings.hub_url
        with suppress(SettingsError):
            load_hub({"LINKMW_HUB_CONFIG": str(path)})
    with suppress(SettingsError, UnicodeDecodeError):
        text = data.decode()
        made = configuration_file.edited(text, {"enabled": False, "client_secret": 'a"\\\x7f'}, ("redis_url",))
        assert tomllib.loads(made)["enabled"] is False
        assert "redis_url" not in tomllib.loads(made)


@target("[tenants.acme] [products.orders] brand issuer url tenant percent mode logo_file =")
def declared_files(data: bytes) -> None:
    with a_file(data) as path, suppress(SettingsError, RegistrationRefused):
        read_declared(read_file(path), lambda name: name)


@target("LINKMW_ LINKMW_HUB_ URL MODE HOSTS LOGIN_MODES DISABLED_AT TRUSTED_PROXIES _FILE =")
def environments(data: bytes) -> None:
    """A line for each variable. The product boots; the hub says what is wrong."""
    lines = data.decode("utf-8", "surrogateescape").replace("\0", "").split("\n")
    environ = dict(line.partition("=")[::2] for line in lines)
    with suppress(SettingsError):
        load_hub({"LINKMW_HUB_CONFIG": "/nonexistent", **environ})
    settings = load(environ={"LINKMW_CONFIG": "/nonexistent", **environ})
    assert settings.problems or settings.enabled is False or settings.hub_url


@target("redis:// rediss:// redis+cluster:// rediss+sentinel:// unix:// ? db= @ : /0 ,")
def redis_urls(data: bytes) -> None:
    """Where nothing is asked yet, a URL that is none is the operator's mistake, and is not quoted."""
    url = data.decode("utf-8", "replace").strip()
    if redis_url.kind_of(url):
        with suppress(ValueError):
            found = redis_url.read(url)
            assert found.seeds
            assert all(0 < port < 65536 for _, port in found.seeds)
            assert [redis_url.kind_of(found.data_url(seed)) for seed in found.seeds] == [""] * len(found.seeds)
    try:
        connect_blocking(url)
    except SettingsError as error:
        said = str(error)
        for example in redis_url.LIKE.values():
            said = said.replace(example, "")
        assert len(url) < 12 or url not in said


@target('@ < > , xn-- =?utf-8?q? " example.com')
def mail_addresses(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    for read in (read_recipient, read_sender):
        with suppress(ValueError):
            found = read(text)
            assert "\n" not in str(found)
            assert "@" in found.addr_spec
    assert rules.mailable(text) in ("", text)


@target("pbkdf2_sha256$ argon2$argon2id$v=19$m=102400,t=2,p=8$ $ $argon2id$ = 260000")
def password_hashes(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    for read in (of_phc, of_django):
        with suppress(HashRefused):
            json.dumps(read(text).representation())


@target("event unlinked result ok time client_id account_id iss sub 0001-01-01T00:00:00")
def trail_lines(data: bytes) -> None:
    """Lines of the audit trail, as something has kept them."""
    lines = data.decode("utf-8", "surrogateescape").split("\n")
    for *whose, at in returned._ends(lines):
        assert all(isinstance(text, str) and text.isprintable() for text in whose)
        assert type(at) is int


# ---- what the stores give back

_CODECS: tuple[Any, ...] = tuple(Codec(kind) for kind in (SignIn, Flow, Grant, HubSession))


@target("v state nonce verifier then flow_id browser purpose step request identity amr")
def records(data: bytes) -> None:
    """A record is of its own type to the letter, or there is none."""
    for codec in _CODECS:
        found = codec.read(data)
        assert found is None or codec.read(codec.write(found)) == found


@target()
def session_records(data: bytes) -> None:
    found = session_record.unpack("sid", data)
    if found is not None:
        assert isinstance(found, Session)
        assert session_record.unpack("sid", session_record.pack(found)) == found
    assert native.opened(SETTINGS, data.decode("latin-1")) == ""


@target("_linkmw native: 1800000000")
def markers(data: bytes) -> None:
    """What a product's session holds under our key, which the product's users may be able to write."""
    found = guard.marker_in(member_of(data))
    assert found is None or (isinstance(found.sid, str) and type(found.expires) is int)
