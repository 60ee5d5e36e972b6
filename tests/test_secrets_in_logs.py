"""The search for secrets in logs finds them, wherever a careless line would put them."""

from __future__ import annotations

import logging
import secrets
from pathlib import Path

import pytest
import redis
from tests.secrets_in_logs import Ledger, Listener

PASSWORD = "violet gravel, lantern"


@pytest.fixture
def ledger() -> Ledger:
    ledger = Ledger()
    ledger.used("a password", PASSWORD)
    return ledger


def heard(ledger: Ledger, *lines: str) -> list[str]:
    ledger.logged("a log", lines)
    return ledger.found()


def test_cf08_an_honest_line_is_fine(ledger: Ledger) -> None:
    assert heard(ledger, "7Q4K-M2XD state_mismatch at /proved of orders, flow 0123456789ab: no such flow") == []


@pytest.mark.parametrize(
    "line",
    [
        f"signed in with {PASSWORD}",
        "POST /login?password=violet%20gravel%2C%20lantern",
        "password=violet+gravel%2C+lantern",
        f"{{'password': '{PASSWORD}'}}",
    ],
)
def test_cf08_a_password_is_found_however_it_is_written(ledger: Ledger, line: str) -> None:
    (sentence,) = heard(ledger, line)
    assert sentence.startswith("a password in a log: ")
    assert PASSWORD not in sentence


def test_cf08_a_token_is_found_though_nobody_said_that_it_is_one(ledger: Ledger) -> None:
    token = "A1" + secrets.token_urlsafe(32)[2:]
    assert len(heard(ledger, f"GET /proved?code={token} 303")) == 1


def test_cf08_a_signed_token_is_found_by_its_shape(ledger: Ledger) -> None:
    assert len(heard(ledger, "id_token=eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl")) == 1


def test_cf08_a_verification_code_is_found_and_a_time_is_none(ledger: Ledger) -> None:
    ledger.used("the code", "271828")
    assert heard(ledger, "2027-01-15 08:00:00.271828 INFO", "took 1.271828 s") == []
    assert len(heard(ledger, "code 271828 was wrong")) == 1


def test_cf08_what_an_address_carries_is_known_to_be_secret(ledger: Ledger) -> None:
    ledger.used_in_request("https://a.example/callback?state=the-state-it-is&iss=https://b.example", "csrf=of-the-form")
    ledger.used_in_request("https://a.example/unlink/of-the-mail")
    assert heard(ledger, "https://b.example is the issuer") == []
    assert len(heard(ledger, "said the-state-it-is", "said of-the-form", "said of-the-mail")) == 3


@pytest.mark.parametrize("way", ["message", "argument", "field", "traceback"])
def test_cf08_a_record_is_heard_with_everything_it_carries(ledger: Ledger, way: str) -> None:
    log = logging.Logger("linkmw.careless", logging.DEBUG)  # not of the tree: the run's own ledger does not hear it
    log.addHandler(Listener(ledger))
    if way == "message":
        log.debug("with " + PASSWORD)
    elif way == "argument":
        log.debug("with %s", PASSWORD)
    elif way == "field":
        log.debug("with", extra={"typed": PASSWORD})
    else:
        log.error("with", exc_info=ValueError(PASSWORD))
    assert ledger.found()


def test_cf08_log_files_are_read_but_for_keycloaks(ledger: Ledger, tmp_path: Path) -> None:
    for folder in ("hub", "keycloak"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / f"{folder}.log").write_text(f"with {PASSWORD}\n")
    ledger.logged_files(tmp_path)
    (sentence,) = ledger.found()
    assert "hub.log" in sentence


def test_cf08_whom_the_audit_trail_is_about_is_no_secret_and_whatever_stands_beside_is(
    ledger: Ledger, tmp_path: Path
) -> None:
    folder, token = tmp_path / "keycloak", "A1" + secrets.token_urlsafe(32)[2:]  # the run's own ledger passes it by
    folder.mkdir()
    (folder / "gate.log").write_text(f'{{"event":"sign_in","sub":"{token}"}}\n')
    ledger.logged_files(folder)
    assert ledger.found() == []
    (folder / "hub.log").write_text(f'{{"event":"sign_in","sub":"{token}","code":"{token}"}}\n')
    ledger.logged_files(folder)
    assert len(ledger.found()) == 1


def test_cf08_a_page_may_carry_its_token_and_no_password(ledger: Ledger) -> None:
    token = "A1" + secrets.token_urlsafe(32)[2:]
    ledger.used("csrf of /prove", token)
    ledger.shown("a page", f'<input name="csrf" value="{token}">')
    assert ledger.found() == []
    ledger.shown("a page", f"<p>Your password is {PASSWORD}</p>")
    (sentence,) = ledger.found()
    assert sentence.startswith("a password in a page: ")


def test_cf08_a_redis_is_read_whole(ledger: Ledger, redis_server: str) -> None:
    held = ("a-cookie-that-was-held", "a-state-that-was-held", "a-hash-that-was-held", "a-member-that-was-held")
    ledger.used("a secret", *held)
    with redis.Redis.from_url(redis_server) as server:
        server.set("careless:1", held[0], ex=60)
        server.set(f"careless:{held[1]}", "1", ex=60)
        server.hset("careless:2", "field", held[2])
        server.zadd("careless:3", {held[3]: 1})
        ledger.kept("Redis", redis_server)
        server.delete("careless:1", f"careless:{held[1]}", "careless:2", "careless:3")
    assert len(ledger.found()) == 4
