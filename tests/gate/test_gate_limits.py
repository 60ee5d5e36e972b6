"""What is counted of a guess, under which limit, and what is forgiven: the figures for BF02 to BF10, OT06."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest
from tests.gate.world import SETTINGS, World

from linkmw.gate import limits
from linkmw.gate.limits import Guess
from linkmw.gate.ports import Limit, Ports
from linkmw.model import ProofRequest, Secret
from linkmw.run import run_now

GUESS = Guess("A.da", "2001:db8:0:1::7", "ada", "this try")
ADDRESS = ("password-address", "2001:db8:0:1::/64", "this try", Limit(10, 60))
IDENTITY = ("password-identity", "ada", "this try", Limit(20, 86_400))
ACCOUNT = ("password-account", "ada", "A.da", Limit(5, 300, (60, 120, 240, 480, 900), 100))
RESETS = (
    ("reset-network", "192.0.2.7", "", Limit(20, 3600)),
    ("reset-address", "ada@acmeexample", "", Limit(5, 3600)),
    ("reset-address-day", "ada@acmeexample", "", Limit(20, 86_400)),
)
RECORD = ("code-record", "record 1", "", Limit(5, 1800))
CODES = ("code-account", "7", "", Limit(10, 900, (), 100))


@dataclass
class Tries:
    """gate.ports.Tries. full: purposes that have no try left, and for how long."""

    full: dict[str, int] = field(default_factory=dict)
    asked: list[tuple[object, ...]] = field(default_factory=list)
    forgiven: list[tuple[object, ...]] = field(default_factory=list)

    async def attempt(self, *counter: object) -> int:
        self.asked.append(counter)
        return self.full.get(str(counter[0]), 0)

    async def forgive(self, *counter: object) -> None:
        self.forgiven.append(counter)


@pytest.fixture
def tries() -> Tries:
    return Tries()


@pytest.fixture
def ports(world: World, tries: Tries) -> Ports:
    return replace(world.ports, tries=tries)


def test_bf02_bf03_bf04_a_password_is_counted_for_its_address_its_identity_and_its_account(
    ports: Ports, tries: Tries
) -> None:
    assert run_now(limits.may_try_password(ports, SETTINGS, GUESS)) == 0
    assert (tries.asked, tries.forgiven) == ([ADDRESS, IDENTITY, ACCOUNT], [])


@pytest.mark.parametrize(
    ("full", "asked"),
    [
        ("password-address", [ADDRESS]),
        ("password-identity", [ADDRESS, IDENTITY]),
        ("password-account", [ADDRESS, IDENTITY, ACCOUNT]),
    ],
)
def test_bf06_a_guess_that_is_refused_costs_whoever_comes_after_nothing(
    ports: Ports, tries: Tries, full: str, asked: list[object]
) -> None:
    """Nor the identity its day: no guess was made."""
    tries.full[full] = 17
    assert run_now(limits.may_try_password(ports, SETTINGS, GUESS)) == 17
    assert (tries.asked, tries.forgiven) == (asked, [IDENTITY])


def test_bf04_a_right_password_forgives_its_own_try_and_the_accounts(ports: Ports, tries: Tries) -> None:
    run_now(limits.password_was_right(ports, SETTINGS, GUESS))
    assert (tries.asked, tries.forgiven) == ([], [ADDRESS, IDENTITY, ACCOUNT])


@pytest.mark.parametrize("first", [0, 1, 2])
def test_bf08_reset_mails_by_network_and_address(ports: Ports, tries: Tries, first: int) -> None:
    assert run_now(limits.may_send_reset(ports, "Ada@acme.example", "192.0.2.7")) == 0
    assert tries.asked == [*RESETS]
    tries.asked.clear()
    tries.full[RESETS[first][0]] = 99
    assert run_now(limits.may_send_reset(ports, "Ada@acme.example", "192.0.2.7")) == 99
    assert tries.asked == [*RESETS[: first + 1]]


def test_ot06_ot07_codes_by_proof_and_by_account(ports: Ports, tries: Tries) -> None:
    assert run_now(limits.may_try_code_of_record(ports, SETTINGS, "record 1")) == 0
    assert run_now(limits.may_try_code_of_account(ports, SETTINGS, "7")) == 0
    run_now(limits.code_was_right(ports, SETTINGS, "7"))
    assert (tries.asked, tries.forgiven) == ([RECORD, CODES], [CODES])


@pytest.mark.parametrize(
    ("identity", "email", "whose"),
    [("pairwise", "Ada@acme.example", "pairwise"), ("", "Ada@acme.example", "ada@acme.example"), ("", "", "t1")],
)
def test_bf02_whose_proof_it_is(identity: str, email: str, whose: str) -> None:
    request = ProofRequest(Secret("t1"), "link", email, "", 0, identity=identity)
    assert limits.identity_of(request) == whose


@pytest.mark.parametrize(
    ("name", "same"),
    [("ada-l+1@x", "ada-l+1@x"), ("a/b:c", "a/b:c"), ("A.d\u200d a\u0301", "ada"), ("\u0131", "i"), ("...", "")],
)
def test_bf05_what_makes_no_difference_and_what_does(name: str, same: str) -> None:
    assert limits.same_name(name) == same
