"""`linkmw keycloak setup`, and the doctor, at a real Keycloak whose administrator loosens one thing after the other."""

from __future__ import annotations

import json
import os
import secrets
import shlex
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx2
import pytest
from click.testing import CliRunner, Result
from tests.secrets_in_logs import used

from linkmw.cli.doctor import keycloak as doctor
from linkmw.cli.doctor.findings import Finding
from linkmw.cli.main import main
from linkmw.demo.parts.keycloak import Keycloak
from linkmw.hub.settings import HubSettings
from linkmw.keycloak import Administrator, Realm, RealmSettings
from linkmw.model import Tenant
from linkmw.secret import Secret
from linkmw.signed import new_key

HUB = "https://hub.example.com"
KNOWN = HubSettings(public_url=HUB)
REALM = "made-by-setup"
CLIENT = "linkmw-hub"
PASSWORD = "LINKMW_KEYCLOAK_ADMIN_PASSWORD"
MADE = [
    f"realm: missing → {REALM}",
    f"client: missing → {CLIENT}",
    "role: missing → manage-users",
    "role: missing → view-users",
    "role: missing → query-users",
    "realm role: missing → linkmw-support",
    "realm role: missing → linkmw-support-read",
]


class Office:
    """Where an administrator sits: Keycloak's console, and the command."""

    def __init__(self, keycloak: Keycloak, folder: Path) -> None:
        self.keycloak = keycloak
        self.secret_file = folder / "secret.txt"
        self.http = httpx2.Client(base_url=keycloak.internal_url, timeout=30)
        self.administrator = Administrator(keycloak.internal_url, "admin", Secret(keycloak.admin_password))
        self.arguments = (
            "keycloak", "setup", "--tenant", "acme",
            "--issuer", keycloak.issuer_of(REALM), "--internal-issuer", keycloak.internal_issuer_of(REALM),
            "--hub-url", HUB, "--client-secret-file", str(self.secret_file),
        )  # fmt: skip

    def setup(self, *more: str, password: str = "", **options: Any) -> Result:
        environment = {PASSWORD: password or self.keycloak.admin_password}
        return CliRunner().invoke(main, (*self.arguments, *more), env=environment, **options)

    @property
    def tenant(self) -> Tenant:
        """As the hub would know it."""
        issuer, internal = self.keycloak.issuer_of(REALM), self.keycloak.internal_issuer_of(REALM)
        return Tenant("acme", "ACME ID", issuer, CLIENT, Secret(self.secret_file.read_text().strip()), internal)

    def seen(self, tenant: Tenant | None = None, *, ahead: float = 0, admin: bool = False) -> dict[str, Finding]:
        """What the doctor finds that is not ok."""
        asked = self.administrator if admin else None
        now = lambda: time.time() + ahead  # noqa: E731
        return {one.check: one for one in doctor.findings(tenant or self.tenant, KNOWN, asked, now=now) if one.advice}

    def console(self, method: str, path: str, **more: Any) -> Any:
        form = {"grant_type": "password", "client_id": "admin-cli", "username": "admin"}
        form["password"] = self.keycloak.admin_password
        token = self.http.post("/realms/master/protocol/openid-connect/token", data=form).raise_for_status().json()
        used("an access token", token["access_token"], token.get("refresh_token", ""))
        headers = {"Authorization": f"Bearer {token['access_token']}"}
        answer = self.http.request(method, f"/admin/realms/{REALM}{path}", headers=headers, **more).raise_for_status()
        return answer.json() if answer.content else None

    def client(self, **changes: Any) -> None:
        """The client is changed at the console; `attributes` are added to those there are."""
        (found,) = self.console("GET", "/clients", params={"clientId": CLIENT})
        if "attributes" in changes:
            changes["attributes"] = found["attributes"] | changes["attributes"]
        self.console("PUT", f"/clients/{found['id']}", json={**found, **changes})

    def realm(self, **changes: Any) -> None:
        self.console("PUT", "", json=changes)

    def ask_for_names(self) -> None:
        profile = self.console("GET", "/users/profile")
        for one in profile["attributes"]:
            if one["name"] == "lastName":
                one["required"] = {"roles": ["user"]}
        self.console("PUT", "/users/profile", json=profile)

    def let_codes_be_used_twice(self) -> None:
        policy = {name: value for name, value in self.console("GET", "").items() if name.startswith("otpPolicy")}
        self.realm(**policy | {"otpPolicyCodeReusable": True})

    def hide_support(self) -> None:
        """The hub's tokens show that role no more, whoever has it; the other one is gone from the realm."""
        (client,) = self.console("GET", "/clients", params={"clientId": CLIENT})
        shown = [self.console("GET", "/roles/linkmw-support")]
        self.console("DELETE", f"/clients/{client['id']}/scope-mappings/realm", json=shown)
        self.console("DELETE", "/roles/linkmw-support-read")

    def silence_roles(self) -> None:
        """The mapper is there, and puts nothing into the ID token."""
        (client,) = self.console("GET", "/clients", params={"clientId": CLIENT})
        (mapper,) = [one for one in client["protocolMappers"] if one["name"] == "realm roles"]
        silent = {**mapper, "config": {**mapper["config"], "id.token.claim": "false"}}
        self.console("PUT", f"/clients/{client['id']}/protocol-mappers/models/{mapper['id']}", json=silent)

    def roles(self, method: str, *names: str) -> None:
        """The service account's roles in the realm: POST gives, DELETE takes."""
        (client,) = self.console("GET", "/clients", params={"clientId": CLIENT})
        (management,) = self.console("GET", "/clients", params={"clientId": "realm-management"})
        user = self.console("GET", f"/clients/{client['id']}/service-account-user")
        found = [self.console("GET", f"/clients/{management['id']}/roles/{name}") for name in names]
        self.console(method, f"/users/{user['id']}/role-mappings/clients/{management['id']}", json=found)
        if method == "POST":
            self.console("POST", f"/clients/{client['id']}/scope-mappings/clients/{management['id']}", json=found)


@pytest.fixture(scope="module")
def office(keycloak: Keycloak, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """With the realm made, which takes Keycloak some seconds: the first test looks at how."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("LINKMW_")]:
            patch.delenv(name)
        folder = tmp_path_factory.mktemp("office")
        patch.chdir(folder)
        found = Office(keycloak, folder)
        yield found
        found.http.close()


def test_ops07_an_empty_keycloak_is_set_up_once_and_then_there_is_nothing_to_do(office: Office) -> None:
    dry = office.setup("--registration", "--dry-run")
    assert (dry.exit_code, dry.output.splitlines()[1:-1]) == (0, [f"  {line}" for line in MADE])
    assert dry.output.splitlines()[-1] == "Nothing was changed."
    assert not office.secret_file.exists()
    declined = office.setup("--registration", input="n\n")
    assert declined.exit_code == 1
    made = office.setup("--registration", "--brand", "ACME ID", input="y\n")
    assert (made.exit_code, "Done." in made.output) == (0, True), made.output
    secret = office.secret_file.read_text().strip()
    used("a client secret", secret)
    assert (office.secret_file.stat().st_mode & 0o777, secret in made.output, len(secret) > 31) == (0o600, False, True)
    again = office.setup("--registration", "--yes")
    assert (again.exit_code, again.output.splitlines()) == (
        0, [f"Realm {REALM} is as it should be.", "Nothing to do."],
    )  # fmt: skip
    assert office.keycloak.admin_password not in dry.output + made.output + again.output


def test_ops07_what_the_operator_decides_is_kept_and_the_rest_is_left_alone(office: Office) -> None:
    realm = office.console("GET", "")
    assert (realm["registrationAllowed"], realm["displayName"], realm["otpPolicyCodeReusable"]) == (
        True,
        "ACME ID",
        False,
    )
    assert (realm["bruteForceProtected"], realm["duplicateEmailsAllowed"]) == (True, False)
    smtp = {"host": "mail.example", "from": "id@acme.example"}
    office.realm(passwordPolicy="length(14)", smtpServer=smtp, registrationAllowed=False)
    assert "Nothing to do." in office.setup("--yes").output
    assert "realm registrationAllowed: False → True" in office.setup("--yes", "--registration").output
    after = office.console("GET", "")
    assert (after["passwordPolicy"], after["smtpServer"]["host"]) == ("length(14)", "mail.example")


def test_ops01_ops07_what_was_set_up_is_green(office: Office) -> None:
    assert list(office.seen()) == ["keycloak.version"]
    assert office.seen(admin=True) == {}


def test_ops07_a_new_realm_has_the_roles_of_the_support_page_and_the_hubs_id_token_shows_them(office: Office) -> None:
    names = {role["name"] for role in office.console("GET", "/roles")}
    assert {"linkmw-support", "linkmw-support-read"} <= names
    username, password = "joan@acme.example", secrets.token_urlsafe(16)
    used("a password", password)
    given = {"type": "password", "value": password, "temporary": False}
    joan = {"username": username, "email": username, "emailVerified": True, "enabled": True, "credentials": [given]}
    office.console("POST", "/users", json=joan)
    (user,) = office.console("GET", "/users", params={"exact": "true", "username": username})
    role = office.console("GET", "/roles/linkmw-support")
    office.console("POST", f"/users/{user['id']}/role-mappings/realm", json=[role])
    (client,) = office.console("GET", "/clients", params={"clientId": CLIENT})
    shown = office.console(
        "GET", f"/clients/{client['id']}/evaluate-scopes/generate-example-id-token", params={"userId": user["id"]}
    )
    assert shown["realm_access"] == {"roles": ["linkmw-support"]}


def test_ops07_a_hub_that_calls_the_roles_otherwise_has_those_made(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LINKMW_HUB_SUPPORT_ROLE", "help-{tenant}")
    basics = {"PUBLIC_URL": HUB, "REDIS_URL": "redis://localhost:1/0", "KEY": new_key(), "MAIL_FROM": "id@acme.example"}
    for name, value in basics.items():
        monkeypatch.setenv(f"LINKMW_HUB_{name}", value)
    assert "  realm role: missing → help-acme\n" in office.setup("--yes").output
    assert "Nothing to do." in office.setup("--yes").output
    known = replace(KNOWN, support_role="help-{tenant}")
    assert [one for one in doctor.findings(office.tenant, known, office.administrator) if one.advice] == []


Loosen = Callable[[Office], None]


def client(**changes: Any) -> Loosen:
    return lambda office: office.client(**changes)


def attribute(name: str, value: str) -> Loosen:
    return lambda office: office.client(attributes={name: value})


def realm(**changes: Any) -> Loosen:
    return lambda office: office.realm(**changes)


ELSEWHERE, ANY, LOCAL = (
    ["https://elsewhere.example.com/x"],
    [f"{HUB}/*"],
    [f"{HUB}/t/acme/callback", "http://localhost/*"],
)
ANOTHER = "another-secret-of-the-hub-at-keycloak"
PKCE, AFTER, LOGOUT = "pkce.code.challenge.method", "post.logout.redirect.uris", "backchannel.logout.url"
DEVICE = "oauth2.device.authorization.grant.enabled"
# What somebody does at the console; which checks see it with the hub's own client, "" for those that only an
# administrator sees; what setup calls it. Several at a time, where one does not hide the other.
DRIFT: dict[str, list[tuple[Loosen, str, str]]] = {
    "wide open": [
        (client(implicitFlowEnabled=True), "implicit", "implicitFlowEnabled"),
        (client(directAccessGrantsEnabled=True), "password", "directAccessGrantsEnabled"),
        (attribute(PKCE, ""), "pkce", PKCE),
        (client(redirectUris=ANY), "wildcard", "redirectUris"),
        (lambda office: office.roles("POST", "manage-realm"), "roles", "role: manage-realm → taken away"),
        (realm(bruteForceProtected=False), "realm", "realm bruteForceProtected"),
        (Office.ask_for_names, "realm", "profile lastName"),
        (attribute(LOGOUT, ""), "", LOGOUT),
        (attribute(DEVICE, "true"), "", DEVICE),
        (Office.hide_support, "", "realm role in the client's scope: missing → linkmw-support"),
        (lambda _: None, "", "realm role: missing → linkmw-support-read"),
        (Office.silence_roles, "", "mapper realm roles: changed → as it was made"),
        (realm(loginWithEmailAllowed=False, duplicateEmailsAllowed=True), "", "realm duplicateEmailsAllowed"),
        (Office.let_codes_be_used_twice, "", "realm otpPolicyCodeReusable"),
        (realm(sslRequired="NONE"), "", "realm sslRequired"),
    ],
    "a little": [
        (attribute(PKCE, "plain"), "pkce", PKCE),
        (client(redirectUris=LOCAL), "wildcard", "redirectUris"),
        (lambda office: office.roles("DELETE", "manage-users"), "roles", "role: missing → manage-users"),
    ],
    "nobody comes back": [
        (client(redirectUris=ELSEWHERE), "redirect", "redirectUris"),
        (client(secret=ANOTHER), "secret", "secret: another → as given"),
    ],
    "nobody signs out": [
        (attribute(AFTER, "-"), "redirect", AFTER),
        (client(serviceAccountsEnabled=False), "secret", "serviceAccountsEnabled"),
    ],
    "switched off": [(client(enabled=False), "secret", "enabled")],
}


@pytest.mark.parametrize("drift", DRIFT.values(), ids=DRIFT.keys())
def test_ops01_ops07_cf06_kf03_each_drift_is_seen_named_and_repaired(
    office: Office, drift: list[tuple[Loosen, str, str]]
) -> None:
    for loosen, _, _ in drift:
        loosen(office)
    found, dry = office.seen(admin=True), office.setup("--dry-run").output
    try:
        for _, seen, named in drift:
            assert seen == "" or "keycloak setup" in found[f"keycloak.{seen}"].advice
            assert any(detail.startswith(named) for detail in found["keycloak.setup"].details), named
            assert f"  {named}" in dry
    finally:
        repaired = office.setup("--yes").output
    assert repaired.startswith(dry.rpartition("Nothing was changed.")[0])
    assert office.seen(admin=True) == {}


def test_ops07_a_hub_that_keycloak_knows_by_another_name_stays_so(office: Office) -> None:
    inside = "http://hub.internal:8080"
    assert "backchannel.logout.url" in office.setup("--yes", "--hub-internal-url", inside).output
    assert "Nothing to do." in office.setup("--yes").output
    assert office.seen(admin=True) == {}


@pytest.mark.parametrize(("ahead", "says"), [(120, "behind this"), (-120, "ahead of this")])
def test_ops01_kf08_cf10_a_clock_two_minutes_off_is_red(office: Office, ahead: int, says: str) -> None:
    found = office.seen(ahead=ahead)["keycloak.clock"]
    assert (found.standing, says in found.found) == ("wrong", True)


def test_ops01_cf06_fc14_what_the_hub_was_told_is_held_against_what_keycloak_says(office: Office) -> None:
    issuer = office.tenant.issuer
    plain = office.seen(replace(office.tenant, issuer=issuer.replace(".localhost", ".example.com")))
    assert plain["keycloak.issuer"].standing == plain["keycloak"].standing == "wrong"
    assert "names another issuer" in office.seen(replace(office.tenant, issuer=f"{issuer}/"))["keycloak"].found
    nowhere = office.tenant.internal_issuer.replace(REALM, "nobody")
    assert "no such realm" in office.seen(replace(office.tenant, internal_issuer=nowhere))["keycloak"].found
    away = office.seen(replace(office.tenant, internal_issuer="http://127.0.0.1:1/realms/x"))
    assert (away["keycloak"].standing, "keycloak.pkce" in away) == ("wrong", False)
    wrong = office.seen(replace(office.tenant, keycloak_client_secret=Secret("w" * 43)))["keycloak.secret"]
    assert ("401" in wrong.found, "w" * 43 in repr(wrong)) == (True, False)


def test_kf03_a_realm_that_is_disabled_is_said(office: Office) -> None:
    office.realm(enabled=False)
    try:
        assert "Realm not enabled" in office.seen()["keycloak"].found
    finally:
        assert "realm enabled: False → True" in office.setup("--yes").output
    assert "keycloak" not in office.seen()


def test_ops01_cf05_a_secret_that_somebody_typed_is_to_be_looked_at(office: Office) -> None:
    office.client(secret="typed-by-hand")
    found = office.seen(replace(office.tenant, keycloak_client_secret=Secret("typed-by-hand")))["keycloak.secret"]
    assert (found.standing, found.found, "typed" in found.advice) == ("warning", "is right, and short", False)
    assert "secret: another → as given" in office.setup("--yes").output


class _Old(BaseHTTPRequestHandler):
    """A Keycloak that tells its administrator that it is an old one, and has no realm."""

    def do_POST(self) -> None:
        self._answer(200, {"access_token": "of-the-stand-in", "expires_in": 60})

    def do_GET(self) -> None:
        old = {"systemInfo": {"version": "26.4.7"}}
        self._answer(*((200, old) if self.path.endswith("/serverinfo") else (404, {"error": "Realm not found."})))

    def _answer(self, status: int, body: dict[str, Any]) -> None:
        self.rfile.read(int(self.headers.get("content-length") or 0))
        said = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, *_: object) -> None:
        """Nothing."""


def test_ops01_mg02_cf10_an_old_keycloak_is_red(office: Office) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Old)
    Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    old = Administrator(f"http://127.0.0.1:{server.server_port}", "admin", Secret("of-the-stand-in"))
    try:
        (found,) = [one for one in doctor.findings(office.tenant, KNOWN, old) if one.check == "keycloak.version"]
        refused = Realm(old, REALM).version()
    finally:
        server.shutdown()
        server.server_close()
    assert (found.standing, found.found, refused) == ("wrong", "26.4.7, older than 26.7.3", "26.4.7")


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("--issuer", "http://sso.example.com/realms/acme"), 2, "--issuer must begin with https://"),
        (("--issuer", "https://sso.example.com/acme"), 2, "--issuer names no realm"),
        (("--hub-url", "hub"), 2, "--hub-url is not a URL"),
        (("--internal-issuer", "http://127.0.0.1:1/realms/x"), 4, "Keycloak did not answer"),
        (("--admin", "nobody"), 1, "does not let nobody of the realm master in"),
    ],
)
def test_ops07_what_is_wrong_is_one_sentence(office: Office, arguments: tuple[str, ...], code: int, says: str) -> None:
    result = office.setup(*arguments)
    assert (result.exit_code, says in result.output, "Traceback" in result.output) == (code, True, False), result.output


def test_ops07_the_password_comes_from_a_file_or_a_prompt_and_never_from_an_argument(office: Office) -> None:
    password = office.keycloak.admin_password
    file = office.secret_file.with_name("admin.txt")
    file.write_text(f"{password}\n")
    by_file = CliRunner().invoke(main, (*office.arguments, "--admin-password-file", str(file)))
    prompted = CliRunner().invoke(main, office.arguments, input=f"{password}\n")
    for result in (by_file, prompted):
        assert (result.exit_code, "Nothing to do." in result.output, password in result.output) == (0, True, False)
    wrong = office.setup(password="not-the-password")
    assert (wrong.exit_code, "does not let admin" in wrong.output) == (1, True)
    assert CliRunner().invoke(main, (*office.arguments, "--admin-password", password)).exit_code == 2


def test_ops07_cf05_a_client_that_is_made_without_a_file_has_its_secret_shown_once(office: Office) -> None:
    arguments = [one for one in office.arguments if one not in ("--client-secret-file", str(office.secret_file))]
    environment = {PASSWORD: office.keycloak.admin_password}
    made = CliRunner().invoke(main, (*arguments, "--client-id", "another-hub", "--yes"), env=environment)
    secret = Realm(office.administrator, REALM).secret_of("another-hub")
    used("a client secret", secret)
    assert (made.exit_code, made.output.count(secret)) == (0, 1)
    again = CliRunner().invoke(main, (*arguments, "--client-id", "another-hub", "--yes"), env=environment)
    assert (again.exit_code, secret in again.output, "Nothing to do." in again.output) == (0, False, True)


def test_ops07_a_tenant_that_the_hub_knows_is_repaired_by_its_name_alone(
    office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    tenant = office.tenant
    basics = ("--public-url", HUB, "--redis-url", "redis://localhost:1/0", "--tenant", "acme", "--brand", "ACME ID")
    of_keycloak = (
        "--issuer", tenant.issuer, "--internal-issuer", tenant.internal_issuer, "--keycloak-client-id", CLIENT,
        "--keycloak-client-secret-file", str(office.secret_file),
    )  # fmt: skip
    environment = {PASSWORD: office.keycloak.admin_password}

    def linkmw(*arguments: str) -> Result:
        return CliRunner().invoke(main, arguments, env=environment)

    assert linkmw("keycloak", "setup", "--tenant", "acme").exit_code == 2  # no hub here yet
    assert linkmw("hub", "init", *basics, *of_keycloak).exit_code == 0
    assert "Nothing to do." in linkmw("keycloak", "setup", "--tenant", "acme").output
    office.client(secret="another-secret-of-the-hub-at-keycloak", implicitFlowEnabled=True)
    repaired = linkmw("keycloak", "setup", "--tenant", "acme", "--yes")
    assert ("secret: another → as given" in repaired.output, str(tenant.keycloak_client_secret) in repaired.output) == (
        True,
        False,
    )
    assert office.seen(admin=True) == {}
    unknown = linkmw("keycloak", "setup", "--tenant", "nobody")
    assert (unknown.exit_code, "there is no tenant nobody" in unknown.output) == (1, True)


def test_ops01_ops07_the_lines_of_the_readme_set_up_a_hub(
    office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As they stand, but for the addresses of this Keycloak, and without asking."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "secret.txt").write_text(office.secret_file.read_text())
    readme = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
    block = readme.partition("## Set up the hub")[2].partition("```sh\n")[2].partition("```")[0]
    lines = block.replace("\\\n", "").replace("https://sso.acme.example/realms/acme", office.tenant.issuer)
    commands = [shlex.split(line, comments=True) for line in lines.splitlines()]
    inside = ["--internal-issuer", office.tenant.internal_issuer]
    more = {"keycloak": [*inside, "--dry-run"], "init": inside}
    ran = []
    for words in commands:
        if words[0] == "linkmw" and "serve" not in words:
            name = words[1] if words[1] == "keycloak" else words[2]
            environment = {PASSWORD: office.keycloak.admin_password}
            ran.append((name, CliRunner().invoke(main, [*words[1:], *more.get(name, [])], env=environment)))
    assert [name for name, _ in ran] == ["keycloak", "init", "doctor"]
    assert [result.exit_code for name, result in ran if name != "doctor"] == [0, 0], [
        result.output for _, result in ran
    ]
    assert "redirectUris: ['https://hub.example.com/t/acme/callback']" in ran[0][1].output  # another hub's until now
    assert "keycloak.redirect" in ran[2][1].output


def test_ops07_the_demos_own_realms_are_what_setup_makes(keycloak: Keycloak, office: Office) -> None:
    from linkmw.demo.parts.realm import ACME, hub_client, settings_of

    realm = Realm(office.administrator, ACME.key)
    known = hub_client("http://elsewhere.localhost", "http://elsewhere.localhost", Secret(""))
    drift = {change.what for change in realm.plan(known, settings_of(ACME))}
    assert drift == {"redirectUris", "post.logout.redirect.uris", "backchannel.logout.url"}
    assert RealmSettings().registration is None
