"""OPS-6: users of a product become identities at a real Keycloak ahead of their first sign-in, and are taken back."""

from __future__ import annotations

import base64
import csv
import hashlib
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import func, select
from tests.hub.realm_users import HUB, Real, went_on
from tests.hub.world import product
from tests.secrets_in_logs import used

from linkmw.cli import migrate
from linkmw.demo.parts.realm import REALM
from linkmw.keycloak import SERVICE_ROLES
from linkmw.model import Identity
from linkmw.signed import new_key
from linkmw.stores.sql import SqlStores, schema

IMPORTER, SECRET = "importer", "i" * 43
PASSWORD = "Old-Django-Password-1"
SALT = "saltsaltsaltsaltsaltsa"
USERS = 400
STATEMENT = "every address was verified by its owner"


def django_hash(password: str = PASSWORD, iterations: int = 12_000) -> str:
    """As Django's PBKDF2PasswordHasher writes it."""
    raw = hashlib.pbkdf2_hmac("sha256", password.encode(), SALT.encode(), iterations)
    return f"pbkdf2_sha256${iterations}${SALT}${base64.b64encode(raw).decode()}"


class House:
    """A hub with the tenant of a real realm and one product, and its command line."""

    def __init__(self, folder: Path, real: Real) -> None:
        self.folder, self.real, key = folder, real, new_key()
        url = f"sqlite:///{folder / 'hub.db'}"
        self.stores = SqlStores.open(url, key)
        self.stores.admin.prepare()
        self.stores.admin.add_tenant(real.tenant)
        self.stores.admin.add_client(product("shop", REALM), HUB)
        (folder / "secret").write_text(SECRET)
        bare = {name: value for name, value in os.environ.items() if not name.startswith("LINKMW_")}
        self.environment = bare | {
            "LINKMW_HUB_PUBLIC_URL": "https://hub.example.com",
            "LINKMW_HUB_REDIS_URL": "redis://localhost:6379/0",
            "LINKMW_HUB_KEY": key,
            "LINKMW_HUB_DATABASE_URL": url,
        }
        used("a hub key", key)

    def command(self, *options: str) -> list[str]:
        account = ("--keycloak-client-id", IMPORTER, "--keycloak-client-secret-file", "secret")
        linkmw = str(Path(sys.executable).with_name("linkmw"))
        return [linkmw, "hub", "migrate", "--client", "shop", *account, *options]

    def migrate(self, *options: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*options),
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def csv(self, *lines: str, header: str = "account_id,email,username,password_hash,first_name,last_name") -> str:
        (self.folder / "users.csv").write_text("\n".join((header, *lines, "")), encoding="utf-8")
        return "users.csv"

    def report(self) -> dict[str, str]:
        """Reason by account id, or by row number where there was none."""
        with (self.folder / "migration.csv").open(encoding="utf-8", newline="") as file:
            return {line["account_id"] or line["row"]: line["reason"] for line in csv.DictReader(file)}

    def count(self, table: str) -> int:
        query = select(func.count()).select_from(schema.metadata.tables[table])
        return int(self.stores.database.read_now(lambda connection: connection.execute(query).scalar_one()))

    def users(self, domain: str) -> list[dict[str, object]]:
        found: list[dict[str, object]] = self.real.admin("GET", f"/users?email={domain}&max=1000")
        return found


@pytest.fixture(scope="module")
def importer(realm_users: Real) -> None:
    """A client of its own, as the command's help asks for."""
    client = {"clientId": IMPORTER, "secret": SECRET, "serviceAccountsEnabled": True, "standardFlowEnabled": False}
    realm_users.admin("POST", "/clients", json=client)
    (made,) = realm_users.admin("GET", f"/clients?clientId={IMPORTER}")
    user = realm_users.admin("GET", f"/clients/{made['id']}/service-account-user")
    (management,) = realm_users.admin("GET", "/clients?clientId=realm-management")
    roles = [realm_users.admin("GET", f"/clients/{management['id']}/roles/{name}") for name in SERVICE_ROLES]
    realm_users.admin("POST", f"/users/{user['id']}/role-mappings/clients/{management['id']}", json=roles)
    used("a client secret", SECRET)


@pytest.fixture
def house(tmp_path: Path, realm_users: Real, importer: None) -> Iterator[House]:
    house = House(tmp_path, realm_users)
    yield house
    house.migrate("--undo")
    house.stores.close()


def django_database(folder: Path, users: int) -> str:
    """auth_user with so many people, one of them staff and one not active besides."""
    columns = "id INTEGER, password, username, first_name, last_name, email, is_staff, is_superuser, is_active"
    people = [
        (n, django_hash(), f"user{n}", "Ann", f"Of {n}", f"User{n}@many.example", 0, 0, 1) for n in range(1, users + 1)
    ]
    people.append((users + 1, django_hash(), "boss", "", "", "boss@many.example", 1, 0, 1))
    people.append((users + 2, django_hash(), "left", "", "", "left@many.example", 0, 0, 0))
    with closing(sqlite3.connect(folder / "django.db")) as connection, connection:
        connection.execute(f"CREATE TABLE auth_user ({columns})")
        connection.executemany("INSERT INTO auth_user VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", people)
    (folder / "url").write_text(f"sqlite:///{folder / 'django.db'}")
    return "url"


@pytest.mark.matrix
def test_ops06_mg01_mg05_killed_in_the_middle_it_goes_on_and_takes_itself_back(house: House, realm_users: Real) -> None:
    used("a password", PASSWORD)
    source = ("--database-url-file", django_database(house.folder, USERS))
    bystander = realm_users.create("bystander@many.example")
    assert bystander

    process = subprocess.Popen(
        house.command(*source),
        cwd=house.folder,
        env=house.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    deadline = time.monotonic() + 60
    while len(house.users("many.example")) < 3:  # it has begun, and has far to go
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert 0 < len(house.users("many.example")) - 1 < USERS
    assert house.count("links") < USERS

    again = house.migrate(*source)
    assert again.returncode == 0, again.stdout + again.stderr
    assert "a second" in again.stdout
    users = house.users("many.example")
    assert len(users) == USERS + 1
    assert {user["emailVerified"] for user in users if user["email"] != "bystander@many.example"} == {False}
    assert (house.count("links"), house.count("migrated"), house.count("outbox")) == (USERS, USERS, 0)
    assert house.report() == {str(USERS + 1): "staff", str(USERS + 2): "not active in the product"}

    once_more = house.migrate(*source)
    assert once_more.returncode == 0
    assert f"{USERS}  done by an earlier run" in once_more.stdout
    assert len(house.users("many.example")) == USERS + 1

    undone = house.migrate("--undo")
    assert undone.returncode == 0, undone.stdout + undone.stderr
    assert [user["id"] for user in house.users("many.example")] == [bystander.subject]
    assert (house.count("links"), house.count("migrated")) == (0, 0)
    realm_users.admin("DELETE", f"/users/{bystander.subject}")


def test_ops06_people_sign_in_at_keycloak_with_the_password_that_django_had(house: House, realm_users: Real) -> None:
    file = house.csv(f"7,Pia@old.example,pia,{django_hash()},Pia,Past")
    done = house.migrate("--csv", file, "--trust-email", STATEMENT)
    assert done.returncode == 0, done.stdout + done.stderr
    assert went_on(realm_users.signs_in("pia@old.example", PASSWORD))
    assert not went_on(realm_users.signs_in("pia@old.example", PASSWORD + "x"))
    (user,) = house.users("pia@old.example")
    assert (user["username"], user["emailVerified"], user["firstName"]) == ("pia@old.example", True, "Pia")
    links = schema.links
    row = house.stores.database.read_now(lambda connection: connection.execute(select(links)).mappings().one())
    assert (row["account_id"], row["username"], row["proof"]) == ("7", "pia", "migration")
    assert Identity(row["issuer"], row["subject"]) == Identity(realm_users.tenant.issuer, str(user["id"]))


def test_mg03_mg04_what_collides_or_cannot_be_carried_is_reported(house: House, realm_users: Real) -> None:
    there = realm_users.create("there@odd.example")
    assert there
    good = django_hash()
    file = house.csv(
        f"1,Twice@odd.example,a,{good},,",
        f"2,tWICE@odd.example,b,{good},,",
        f"3,THERE@odd.example,c,{good},,",
        "4,weak@odd.example,d,md5$salt$0123456789abcdef0123456789abcdef,,",
        "5,blank@odd.example,e,,,",
        f"6,formula@odd.example,=1+1,{good},=HYPERLINK(1),Cell",
        f"7,no-address,g,{good},,",
        f"8,short@odd.example,h,{good}",
        f"9,bytes@odd.example,BAD,{good},,",
        f"10,fine@odd.example,j,{good},,",
        f"10,fine.again@odd.example,j,{good},,",
        f"=11,-11@odd.example{chr(34)},j,{good},,",
    )
    path = house.folder / file
    path.write_bytes(path.read_bytes().replace(b"BAD", b"\xff\xfe"))
    expected = {
        "1": "2 accounts have this address",
        "2": "2 accounts have this address",
        "3": "somebody at Keycloak has this address",
        "4": "without a password: a weaker or unknown kind of hash",
        "5": "without a password: no password",
        "6": "without the name: Keycloak takes no such",
        "7": "not an e-mail address",
        "8": "4 cells where the header has 6",
        "9": "not UTF-8",
        "10": "another row has this account id",
        "'=11": "not an e-mail address",
    }
    dry = house.migrate("--csv", file, "--dry-run")
    assert (dry.returncode, "Nothing was changed" in dry.stdout) == (1, True), dry.stdout + dry.stderr
    assert house.report() == expected
    assert len(house.users("odd.example")) == 1
    assert house.count("migrated") == 0

    done = house.migrate("--csv", file)
    assert done.returncode == 1, done.stdout + done.stderr
    assert house.report() == expected
    made = {str(user["email"]): user for user in house.users("odd.example")}
    assert made.keys() == {f"{name}@odd.example" for name in ("there", "weak", "blank", "formula", "fine")}
    assert made["weak@odd.example"]["requiredActions"] == ["UPDATE_PASSWORD"]
    assert made["fine@odd.example"]["requiredActions"] == []
    assert house.count("links") == 2  # a mailbox alone links nothing (PR01)
    assert (house.folder / "migration.csv").stat().st_mode & 0o077 == 0
    assert not went_on(realm_users.signs_in("blank@odd.example", ""))
    realm_users.admin("DELETE", f"/users/{there.subject}")


def test_mg05_mg06_trust_needs_its_words_and_the_importer_is_not_the_login_client(house: House) -> None:
    file = house.csv(f"1,x@refused.example,x,{django_hash()},,")
    loose = house.migrate("--csv", file, "--trust-email", "yes")
    assert (loose.returncode, STATEMENT in loose.stderr) == (2, True)
    login = house.migrate("--csv", file, "--keycloak-client-id", house.real.tenant.keycloak_client_id)
    assert (login.returncode, "a client of its own" in login.stderr) == (2, True)
    assert house.migrate("--csv", file, "--database-url-file", "secret").returncode == 2
    missing = house.migrate("--csv", house.csv("1,x@refused.example", header="id,email"))
    assert (missing.returncode, "no column account_id" in missing.stderr) == (1, True)
    assert house.users("refused.example") == []


def test_mg06_whoever_ran_it_is_told_to_delete_the_importer(capsys: pytest.CaptureFixture[str]) -> None:
    migrate._say(Counter(), Path("report.csv"), "importer", dry_run=False)
    assert "Delete the client importer at Keycloak when you are done." in capsys.readouterr().out


def test_ops06_without_links_and_a_link_made_meanwhile(house: House, realm_users: Real) -> None:
    file = house.csv(f"1,solo@without-links.example,solo,{django_hash()},,")
    assert house.migrate("--csv", file, "--no-links").returncode == 0
    assert house.count("links") == 0
    assert len(house.users("without-links.example")) == 1
    assert house.migrate("--undo").returncode == 0
    assert house.users("without-links.example") == []
