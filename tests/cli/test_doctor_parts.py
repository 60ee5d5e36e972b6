"""The doctor at Redis, SQL and SMTP, each really made to fail (OPS-1); the hub that refuses to start (RF05, CF05)."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest
import redis as client
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP
from click.testing import CliRunner, Result
from sqlalchemy import text
from tests.stores.servers import Server, free_port

from linkmw.cli.doctor import hub, redis
from linkmw.cli.doctor.findings import Finding
from linkmw.cli.main import main
from linkmw.demo.parts.smtp import Mailbox, SmtpServer
from linkmw.errors import SettingsError
from linkmw.hub.build import require_redis_that_keeps
from linkmw.hub.settings import HubSettings
from linkmw.model import Client, Tenant
from linkmw.secret import Secret
from linkmw.signed import new_key
from linkmw.stores.sql import SqlStores, version
from linkmw.switch import Mode

Doctor = Callable[..., dict[str, dict[str, str]]]


@pytest.fixture(scope="module")
def evicting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    options = ("--maxmemory-policy", "allkeys-lru", "--maxmemory", "32mb")
    server = Server(tmp_path_factory.mktemp("evicting"), *options)
    yield server
    server.stop()


@pytest.fixture(scope="module")
def own_redis(redis_server: str) -> str:
    """The same server, another database: in the shared one, other tests' products leave keys that a doctor reports."""
    return redis_server.removesuffix("/0") + "/9"


def of(findings: Iterator[Finding]) -> dict[str, Finding]:
    return {finding.check: finding for finding in findings}


def looked_at(url: str, others: str = "linkmw-hub:", ahead: float = 0) -> dict[str, Finding]:
    return of(redis.findings(url, timeout=2, others_prefix=others, now=lambda: time.time() + ahead))


# --- Redis --------------------------------------------------------------------------------------


def test_ops01_cf10_a_redis_as_it_should_be(redis_server: str) -> None:
    found = looked_at(redis_server)
    assert {name for name, one in found.items() if one.standing != "ok"} <= {"redis.version"}
    assert found["redis.eviction"].found == "noeviction"
    assert found["redis.link"].found == "a password"


def test_ops01_rf05_cf10_a_redis_that_evicts_is_red(evicting: Server) -> None:
    found = looked_at(evicting.url)
    assert found["redis.eviction"].standing == "wrong"
    assert "allkeys-lru" in found["redis.eviction"].found
    assert "maxmemory-policy noeviction" in found["redis.eviction"].advice
    assert found["redis.link"].found == "no password"


def test_rf05_the_hub_refuses_to_start_on_a_redis_that_evicts(evicting: Server) -> None:
    with pytest.raises(SettingsError, match="allkeys-lru, not noeviction") as caught:
        require_redis_that_keeps(HubSettings(redis_url=evicting.url))
    assert caught.value.code == "redis_evicts"


def test_rf05_serving_on_it_is_refused_with_a_sentence_and_exit_code_3(
    doctor: Doctor, evicting: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LINKMW_HUB_REDIS_URL", evicting.url)
    assert doctor()["redis.eviction"]["standing"] == "wrong"
    refused = invoke("hub", "serve")
    assert (refused.exit_code, "maxmemory-policy is allkeys-lru" in refused.output) == (3, True)


def test_rf05_a_redis_that_keeps_and_one_that_is_away_stop_no_hub(
    redis_server: str, caplog: pytest.LogCaptureFixture
) -> None:
    require_redis_that_keeps(HubSettings(redis_url=redis_server))
    assert not caplog.records
    require_redis_that_keeps(HubSettings(redis_url="redis://127.0.0.1:1/0"))
    assert "nobody knows whether Redis evicts keys" in caplog.text


def test_rf12_a_user_without_config_and_keys_is_enough_and_one_without_info_is_told(redis_server: str) -> None:
    few = ["+@read", "+@write", "+@scripting", "+info", "+time", "+ping", "-keys", "-config"]
    with client.Redis.from_url(redis_server) as connection:
        for name, rules in (("few", few), ("none", ["+@read", "-info"])):
            connection.execute_command("ACL", "SETUSER", name, "on", ">of-a-test", "~*", *rules)
    base = redis_server.partition("@")[2]
    assert looked_at(f"redis://few:of-a-test@{base}")["redis"].standing == "ok"
    refused = looked_at(f"redis://none:of-a-test@{base}")["redis"]
    assert (refused.standing, "+info" in refused.advice) == ("wrong", True)
    assert "of-a-test" not in refused.found


@pytest.mark.parametrize(("ahead", "says"), [(31, "behind this"), (-32, "ahead of this")])
def test_ops01_cf10_rf08_a_redis_whose_clock_is_another_is_red(redis_server: str, ahead: int, says: str) -> None:
    found = looked_at(redis_server, ahead=ahead)["redis.clock"]
    assert (found.standing, says in found.found) == ("wrong", True)


def test_ops01_pr16_keys_of_the_other_half_are_seen(own_redis: str) -> None:
    with client.Redis.from_url(own_redis) as connection:
        connection.set("linkmw-hub:of-a-test", "1", ex=60)
        found = looked_at(own_redis)["redis.own"]
        connection.delete("linkmw-hub:of-a-test")
    assert (found.standing, "linkmw-hub:" in found.found) == ("wrong", True)
    assert looked_at(own_redis)["redis.own"].standing == "ok"


def test_ops01_a_redis_that_is_away_is_one_line() -> None:
    assert [one.standing for one in looked_at("redis://127.0.0.1:1/0").values()] == ["wrong"]


# --- the hub's own ------------------------------------------------------------------------------


@pytest.fixture
def doctor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own_redis: str) -> Doctor:
    """A hub with everything but a tenant, and its doctor: check → finding, with the exit code under ""."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("LINKMW_")]:
        monkeypatch.delenv(name)
    basics = ("--public-url", "https://hub.example.com", "--redis-url", own_redis, "--mail-from", "id@acme.example")
    assert invoke("hub", "init", *basics).exit_code == 0

    def run(*arguments: str) -> dict[str, dict[str, str]]:
        result = invoke("hub", "doctor", "--json", *arguments)
        assert "Traceback" not in result.output
        found = {one["check"]: one for one in json.loads(result.stdout)["findings"]}
        return found | {"": {"exit": str(result.exit_code)}}

    return run


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def stores() -> SqlStores:
    key = next(line for line in Path("linkmw-hub.toml").read_text().splitlines() if line.startswith("key"))
    return SqlStores.open("sqlite:///linkmw-hub.db", key.split('"')[1])


@pytest.fixture
def smtp(monkeypatch: pytest.MonkeyPatch) -> Iterator[SmtpServer]:
    server = SmtpServer(Mailbox(), free_port())
    server.start()
    monkeypatch.setenv("LINKMW_HUB_SMTP_URL", server.url)
    yield server
    server.stop()


def test_ops01_a_hub_as_it_should_be_exits_0(doctor: Doctor, smtp: SmtpServer) -> None:
    found = doctor()
    assert [one for one in found.values() if one.get("standing") == "wrong"] == []
    assert found[""]["exit"] == "0"
    assert {one["standing"] for name, one in found.items() if name not in ("", "redis.version", "tenants")} == {"ok"}
    assert found["database.schema"]["found"] == version.newest()
    assert doctor("--strict")[""]["exit"] == "1"  # no tenant yet
    assert smtp.mailbox.all() == []


def test_ops01_cf05_a_setting_that_is_wrong_or_open_to_others_is_one_line(
    doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("linkmw-hub.toml").chmod(0o644)
    opened = doctor()
    assert (opened["settings"]["standing"], opened[""]["exit"]) == ("wrong", "1")
    assert "chmod 600" in opened["settings"]["found"]
    assert invoke("hub", "serve").exit_code == 3
    Path("linkmw-hub.toml").chmod(0o600)
    monkeypatch.setenv("LINKMW_HUB_PUBLIC_URL", "http://hub.example.com")
    assert "must begin with https://" in doctor()["settings"]["found"]


@pytest.mark.parametrize("weak", ["changeme", "A" * 43, "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2U"])
def test_cf05_a_key_that_nobody_made_by_chance_is_refused_by_hub_and_doctor(
    doctor: Doctor, monkeypatch: pytest.MonkeyPatch, weak: str
) -> None:
    monkeypatch.setenv("LINKMW_HUB_KEY", weak)
    found = doctor()
    assert (found["settings"]["standing"], found[""]["exit"]) == ("wrong", "1")
    assert weak not in json.dumps(found)
    refused = invoke("hub", "serve")
    assert (refused.exit_code, weak in refused.output) == (3, False)


def test_ops01_another_key_opens_nothing(doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = stores()
    tenant = Tenant("acme", "ACME ID", "https://sso.example.com/realms/acme", "linkmw", Secret("k" * 43))
    opened.admin.add_tenant(tenant)
    opened.close()
    monkeypatch.setenv("LINKMW_HUB_KEY", new_key())
    found = doctor()
    assert (found["key"]["standing"], found["signing-keys"]["standing"]) == ("wrong", "wrong")


def test_ops01_cf10_a_schema_one_migration_behind_is_red(doctor: Doctor) -> None:
    from alembic.script import ScriptDirectory

    before = ScriptDirectory.from_config(version._config()).get_revision(version.newest()).down_revision
    opened = stores()
    change = text("UPDATE alembic_version SET version_num = :revision")
    opened.database.write_now(lambda connection: connection.execute(change, {"revision": before}))
    opened.close()
    found = doctor()["database.schema"]
    assert (found["standing"], found["advice"]) == ("wrong", "`linkmw hub db upgrade`")
    assert str(before) in found["found"]


def test_cf10_without_the_unique_constraint_the_schema_is_red(tmp_path: Path) -> None:
    made = SqlStores.open(f"sqlite:///{tmp_path / 'hub.db'}", new_key())
    made.admin.prepare()
    assert made.database.read_now(hub.has_one_link_each)
    made.database.write_now(lambda connection: connection.execute(text("DROP TABLE links")))
    loose = text("CREATE TABLE links (link_id INTEGER PRIMARY KEY, client_id TEXT, account_id TEXT)")
    made.database.write_now(lambda connection: connection.execute(loose))
    assert not made.database.read_now(hub.has_one_link_each)
    assert hub._schema(made).standing == "wrong"
    made.close()


def test_cf10_postgresql_has_the_constraint_and_behind_it_is_red(new_postgresql: Callable[[], str]) -> None:
    made = SqlStores.open(new_postgresql(), new_key())
    assert [one.standing for one in hub._database(made)] == ["ok", "wrong", "ok"]  # no tables yet
    made.admin.prepare()
    assert [one.standing for one in hub._database(made)] == ["ok", "ok", "ok"]
    made.close()


def test_ops01_a_database_that_is_away_is_said_once(doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINKMW_HUB_DATABASE_URL", "postgresql://linkmw:pass-word@127.0.0.1:1/hub")
    found = doctor()
    assert found["database"]["standing"] == "wrong"
    assert "pass-word" not in json.dumps(found)


def test_ops01_an_smtp_server_that_is_away_is_red(doctor: Doctor, smtp: SmtpServer) -> None:
    smtp.stop()
    found = doctor()["smtp"]
    assert (found["standing"], found["found"]) == ("wrong", f"127.0.0.1:{smtp.port}: ConnectionRefusedError")


class _Refusing(Controller):
    """It takes connections and no greeting."""

    def factory(self) -> SMTP:
        class Server(SMTP):
            async def smtp_EHLO(self, hostname: str) -> None:  # noqa: N802  (aiosmtpd's name)
                await self.push("554 no mail from here")

            async def smtp_HELO(self, hostname: str) -> None:  # noqa: N802
                await self.push("554 no mail from here")

        return Server(self.handler)


def test_ops01_an_smtp_server_that_refuses_is_red(doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    server = _Refusing(object(), hostname="127.0.0.1", port=free_port())
    server.start()
    monkeypatch.setenv("LINKMW_HUB_SMTP_URL", f"smtp://127.0.0.1:{server.port}")
    try:
        found = doctor()["smtp"]
    finally:
        server.stop()
    assert (found["standing"], "554" in found["found"]) == ("wrong", True)


def test_ops01_a_mail_goes_out_only_when_asked_for(doctor: Doctor, smtp: SmtpServer) -> None:
    assert "was taken" in doctor("--mail-to", "ops@acme.example")["smtp"]["found"]
    (mail,) = smtp.mailbox.all()
    assert (mail.to, mail.subject) == ("ops@acme.example", "linkmw: a test mail")


def test_ops01_a_product_that_does_not_answer_is_red(doctor: Doctor) -> None:
    opened = stores()
    opened.admin.add_tenant(Tenant("acme", "ACME ID", "http://localhost:1/realms/acme", "linkmw", Secret("k" * 43)))
    url = "http://orders.localhost:1"
    opened.admin.add_client(
        Client("orders-1", "acme", "Orders", url, f"{url}/.linkmw/callback", "http://127.0.0.1:1"),
        "https://hub.example.com",
    )
    opened.close()
    found = doctor()
    assert (found["product"]["standing"], found["product"]["of"], "proof" in found) == ("wrong", "orders-1", False)
    assert found["keycloak"]["standing"] == "wrong"  # nobody is there, and the rest is not guessed at
    assert "keycloak.pkce" not in found


@pytest.mark.parametrize(
    ("mode", "proof", "says"),
    [("replace", "native", True), ("replace", "form", False), ("beside", "native", False), ("off", "native", False)],
)
def test_pr03_ops01_a_product_whose_own_login_proves_is_named_in_replace(
    doctor: Doctor, mode: Mode, proof: Literal["form", "native"], says: bool
) -> None:
    opened = stores()
    opened.admin.add_tenant(Tenant("acme", "ACME ID", "http://localhost:1/realms/acme", "linkmw", Secret("k" * 43)))
    url = "http://orders.localhost:1"
    client = Client("orders-1", "acme", "Orders", url, f"{url}/.linkmw/callback", "http://127.0.0.1:1")
    opened.admin.add_client(replace(client, mode=mode, proof=proof), "https://hub.example.com")
    opened.close()
    found = doctor().get("proof")
    assert (found is not None) is says
    assert found is None or (found["standing"], found["of"]) == ("warning", "orders-1")
