"""The promises every adapter keeps, as a pytest class that needs no pytest to be imported.

    class TestMyAdapter(AdapterConformance):
        @pytest.fixture
        def stage(self):
            return MyStage()

A `Stage` is the adapter with its framework around it. Each promise is a test; an adapter that keeps them all can be
trusted with a gate. Ids are those of `docs/requirements.md` and `docs/security.md`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from linkmw.errors import LinkRefused
from linkmw.gate.ports import AccountFacts, Joining, OwnCheck, Product, SecondFactor, Totp
from linkmw.http import Headers, Request
from linkmw.model import Account, Marker

T = TypeVar("T")

Jar = dict[str, str]  # one browser's cookies, name → value; a visit changes it in place


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody the product is to know. totp_secret: Base32, or "" for a person without a second factor."""

    username: str
    password: str = "correct horse battery"
    email: str = ""
    active: bool = True
    totp_secret: str = ""

    def __repr__(self) -> str:
        return f"Person({self.username!r})"


class Stage(Protocol):
    """An adapter and its framework, ready to be tried."""

    product: Product

    def add(self, person: Person) -> str:
        """Make the product know this person; its account id."""

    def visit(self, jar: Jar, do: Callable[[Request], T]) -> T:
        """One request of the browser with these cookies, through whatever of the framework keeps sessions.

        Calls `do` where a shell would run a flow, with the request a shell would make. What `do` returns is the
        answer; headers in it (a tuple of pairs) are sent to the browser, and `jar` takes in every cookie set.
        """

    def marker(self, jar: Jar) -> Marker | None:
        """The marker inside this browser's native session, read as the product's own code would."""

    def remember(self, jar: Jar, key: str, value: str) -> None:
        """Have the product itself keep something in this browser's session."""

    def recall(self, jar: Jar, key: str) -> str | None:
        """What the product finds under that key in this browser's session."""

    def code(self, secret: str) -> str:
        """The six digits an authenticator app shows now for this secret."""


ADA = Person("ada.l", email="ada@acme.example")
ALAN = Person("alan.t", email="alan@acme.example")
GONE = Person("mallory", active=False, email="mallory@acme.example")
GRACE = Person("grace.h", email="grace@acme.example", totp_secret="JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")
PASSWORDS = (
    "  spaces at both ends  ",
    "&%+=?#/\\\"'<>;",
    "pässwörd-пароль-密码",
    "🐎🔋📎 staple",
    "tab\tinside",
    "nul\0inside",
    "p" * 1024,
)
MARKER = Marker("a-sid-of-linkmw", 2_000_000_000)


class SessionConformance:
    """What every adapter promises of sessions and of the accounts in them, also one that checks no password.

    Subclass it as `Test…` and give it a fixture `stage`, a fresh `Stage` for each test.
    """

    def test_nobody_is_signed_in_at_first(self, stage: Stage) -> None:
        assert signed_in(stage, {}) is None
        assert stage.visit({}, stage.product.is_complete) is False

    def test_bc12_an_inactive_account_is_refused(self, stage: Stage) -> None:
        account_id = stage.add(GONE)
        jar: Jar = {}
        assert refusal(lambda: start(stage, jar, account_id, None)) == "account_inactive"
        assert signed_in(stage, jar) is None
        facts = find(stage, account_id)
        assert facts is not None
        assert facts.active is False

    def test_bc12_an_unknown_account_is_refused(self, stage: Stage) -> None:
        assert refusal(lambda: start(stage, {}, "999999", None)) == "account_gone"

    def test_a_session_names_its_account(self, stage: Stage) -> None:
        account_id = stage.add(ADA)
        jar: Jar = {}
        start(stage, jar, account_id, None)
        account = signed_in(stage, jar)
        assert account is not None
        assert account.account_id == account_id
        assert stage.visit(jar, stage.product.is_complete) is True

    def test_sc01_a_session_from_before_does_not_come_to_name_the_account(self, stage: Stage) -> None:
        account_id = stage.add(ADA)
        jar: Jar = {}
        stage.remember(jar, "basket", "planted")
        planted = dict(jar)
        start(stage, jar, account_id, None)
        assert jar != planted
        assert signed_in(stage, planted) is None

    def test_sc01_signing_in_again_changes_the_session_too(self, stage: Stage) -> None:
        account_id = stage.add(ADA)
        jar: Jar = {}
        start(stage, jar, account_id, None)
        before = dict(jar)
        start(stage, jar, account_id, MARKER)
        assert jar != before

    def test_mim14_the_accounts_own_session_is_kept(self, stage: Stage) -> None:
        account_id = stage.add(ADA)
        jar: Jar = {}
        start(stage, jar, account_id, None)
        stage.remember(jar, "basket", "seven apples")
        start(stage, jar, account_id, MARKER)
        assert stage.recall(jar, "basket") == "seven apples"

    def test_lt12_somebody_elses_session_is_emptied(self, stage: Stage) -> None:
        ada, alan = stage.add(ADA), stage.add(ALAN)
        jar: Jar = {}
        start(stage, jar, ada, MARKER)
        stage.remember(jar, "basket", "of ada")
        adas = dict(jar)
        start(stage, jar, alan, None)
        account = signed_in(stage, jar)
        assert account is not None
        assert account.account_id == alan
        assert stage.recall(jar, "basket") is None
        assert stage.marker(jar) is None
        assert jar != adas

    def test_the_marker_stands_inside_the_session(self, stage: Stage) -> None:
        account_id = stage.add(ADA)
        jar: Jar = {}
        start(stage, jar, account_id, None)
        assert stage.marker(jar) is None
        start(stage, jar, account_id, MARKER)
        assert stage.marker(jar) == MARKER

    def test_an_ended_session_names_nobody(self, stage: Stage) -> None:
        account_id = stage.add(ADA)
        jar: Jar = {}
        start(stage, jar, account_id, MARKER)
        stage.visit(jar, stage.product.end_session)
        assert signed_in(stage, jar) is None
        assert stage.marker(jar) is None

    def test_mim27_a_session_that_is_kept_has_a_name_and_ends_by_it(self, stage: Stage) -> None:
        """One that is all in its cookie has none: its guard ends it at its next request."""
        ada, alan = stage.add(ADA), stage.add(ALAN)
        jar: Jar = {}
        other: Jar = {}
        reference = started(stage, jar, ada)
        assert started(stage, other, alan) != reference or reference == ""
        end_referenced(stage, reference)
        if reference:
            assert signed_in(stage, jar) is None
            assert stage.marker(jar) is None
        account = signed_in(stage, other)
        assert account is not None
        assert account.account_id == alan

    def test_mim27_ending_what_is_gone_ends_nothing_and_is_no_error(self, stage: Stage) -> None:
        account_id = stage.add(ADA)
        jar: Jar = {}
        reference = started(stage, jar, account_id)
        stage.visit(jar, stage.product.end_session)
        end_referenced(stage, reference)
        start(stage, jar, account_id, MARKER)
        for gone in (reference, "never-was-a-session"):
            end_referenced(stage, gone)
        assert signed_in(stage, jar) is not None

    def test_bc11_an_account_is_found_by_exactly_its_id(self, stage: Stage) -> None:
        account_id = stage.add(ADA)
        facts = find(stage, account_id)
        assert facts is not None
        assert (facts.account.account_id, facts.active, facts.usable_password) == (account_id, True, True)
        for other in ("", "0" + account_id, f" {account_id}", account_id + "\n", ADA.username, "-1", "9" * 40, "né"):
            assert find(stage, other) is None, other

    def test_lt15_accounts_join_by_exactly_their_address(self, stage: Stage) -> None:
        account_id = stage.add(ADA)
        assert {row.account.account_id for row in joining(stage, ADA.email)} <= {account_id}
        for other in (
            "",
            ADA.email.upper(),
            " " + ADA.email,
            "ADA@acme.example",
            "ada@acme.example.",
            "%",
            "a\0@b",
            "\u0131",
        ):
            assert joining(stage, other) == [], other

    def test_pr06_nobody_joins_whose_address_was_not_verified(self, stage: Stage) -> None:
        """As here: no adapter takes that for granted."""
        stage.add(ADA)
        stage.add(GONE)
        assert not any(row.allowed for person in (ADA, GONE) for row in joining(stage, person.email))

    def test_pr10_nobodys_password_is_not_the_products_own(self, stage: Stage) -> None:
        assert stage.visit({}, lambda _request: stage.product.owns_password("999999")) is False

    def test_bf08_a_reset_for_an_address_nobody_has_is_answered_alike(self, stage: Stage) -> None:
        stage.add(ADA)
        assert send_reset(stage, ADA.email) is send_reset(stage, "nobody@acme.example")


class AdapterConformance(SessionConformance):
    """The same of an adapter that checks passwords and knows accounts by their names."""

    def test_the_right_password_names_the_account(self, stage: Stage) -> None:
        account_id = stage.add(ADA)
        account = verify(stage, ADA.username, ADA.password)
        assert account is not None
        assert (account.account_id, account.username, account.email) == (account_id, ADA.username, ADA.email)

    def test_a_wrong_password_names_nobody(self, stage: Stage) -> None:
        stage.add(ADA)
        assert verify(stage, ADA.username, ADA.password + "x") is None
        assert verify(stage, "nobody.known", ADA.password) is None

    def test_proving_a_password_starts_no_session(self, stage: Stage) -> None:
        stage.add(ADA)
        jar: Jar = {}
        stage.visit(jar, lambda request: stage.product.verify_password(request, ADA.username, ADA.password))
        assert signed_in(stage, jar) is None

    def test_bc17_a_password_is_taken_exactly_as_typed(self, stage: Stage) -> None:
        for number, password in enumerate(PASSWORDS):
            name = f"person-{number}"
            stage.add(Person(name, password))
            assert verify(stage, name, password) is not None, password
            assert verify(stage, name, password.swapcase() + " ") is None, password
        assert verify(stage, "person-0", PASSWORDS[0].strip()) is None

    def test_hostile_names_name_nobody(self, stage: Stage) -> None:
        for name in ("", " ", "\0", "a\0b", "ada.l\r\n", "' OR 1=1 --", "*", "%", "x" * 2000, "\u202eada", "🐎"):
            assert verify(stage, name, "anything at all") is None, name
            assert find_by_name(stage, name) is None, name

    def test_bc12_the_password_of_an_inactive_account_names_nobody(self, stage: Stage) -> None:
        stage.add(GONE)
        assert verify(stage, GONE.username, GONE.password) is None

    def test_an_account_is_found_by_exactly_its_name_or_address(self, stage: Stage) -> None:
        account_id = stage.add(ADA)
        for name in (ADA.username, ADA.email):
            facts = find_by_name(stage, name)
            assert facts is not None, name
            assert facts.account.account_id == account_id
        for other in (ADA.username.upper(), ADA.email.upper(), ADA.username + " ", "ada", account_id, "%"):
            assert find_by_name(stage, other) is None, other

    def test_an_address_of_two_accounts_finds_neither(self, stage: Stage) -> None:
        stage.add(ADA)
        stage.add(Person("ada.admin", email=ADA.email))
        assert find_by_name(stage, ADA.email) is None

    def test_what_an_account_signs_in_with_is_told_whatever_it_was_found_by(self, stage: Stage) -> None:
        stage.add(ADA)
        facts = find_by_name(stage, ADA.email)
        assert facts is not None
        assert verify(stage, facts.sign_in_name, ADA.password) is not None

    def test_mim05_an_account_without_a_second_factor_says_so(self, stage: Stage) -> None:
        assert factor(stage, stage.add(ADA)) is None

    def test_mim05_the_second_factor_is_told_and_checked(self, stage: Stage) -> None:
        account_id = stage.add(GRACE)
        kind = factor(stage, account_id)
        if isinstance(kind, Totp):
            assert kind == Totp(GRACE.totp_secret)
        else:
            assert isinstance(kind, OwnCheck)
            self.checks_codes_itself(stage, account_id)

    def checks_codes_itself(self, stage: Stage, account_id: str) -> None:
        """OT01 and OT03 for a product that checks codes: the right one passes, once."""
        code = stage.code(GRACE.totp_secret)
        wrong = f"{(int(code) + 1) % 1_000_000:06d}"
        assert [takes(stage, account_id, typed) for typed in (code, code, wrong)] == [True, False, False]


def signed_in(stage: Stage, jar: Jar) -> Account | None:
    return stage.visit(jar, stage.product.current_account)


def verify(stage: Stage, username: str, password: str) -> Account | None:
    return stage.visit({}, lambda request: stage.product.verify_password(request, username, password))


def start(stage: Stage, jar: Jar, account_id: str, marker: Marker | None) -> Headers:
    return stage.visit(jar, lambda request: stage.product.start_session(request, account_id, marker))


def started(stage: Stage, jar: Jar, account_id: str) -> str:
    """Start a session in this browser; what names it (`Product.reference`), asked in the same request."""
    references: list[str] = []

    def do(request: Request) -> Headers:
        headers = stage.product.start_session(request, account_id, MARKER)
        references.append(stage.product.reference(request))
        return headers

    stage.visit(jar, do)
    return references[0]


def end_referenced(stage: Stage, reference: str) -> None:
    stage.visit({}, lambda _request: stage.product.end_referenced(reference))


def takes(stage: Stage, account_id: str, code: str) -> bool:
    return stage.visit({}, lambda request: stage.product.verify_second_factor(request, account_id, code))


def factor(stage: Stage, account_id: str) -> SecondFactor:
    return stage.visit({}, lambda request: stage.product.second_factor(request, account_id))


def find(stage: Stage, account_id: str) -> AccountFacts | None:
    return stage.visit({}, lambda _request: stage.product.find(account_id))


def find_by_name(stage: Stage, name: str) -> AccountFacts | None:
    return stage.visit({}, lambda _request: stage.product.find_by_name(name))


def joining(stage: Stage, email: str) -> list[Joining]:
    return stage.visit({}, lambda _request: stage.product.joining(email))


def send_reset(stage: Stage, email: str) -> bool:
    return stage.visit({}, lambda request: stage.product.send_reset(request, email))


def refusal(act: Callable[[], object]) -> str:
    """The code with which `act` was refused; "" when it was not."""
    try:
        act()
    except LinkRefused as refused:
        return refused.code
    return ""
