"""docs/errors.md names every error code there is and no other, with pages that exist."""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from typing import Any

import pytest

from linkmw import errors
from linkmw.pages.problems import problem_of

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "errors.md").read_text("utf-8")
SOURCE: dict[str, Any] = runpy.run_path(str(Path(__file__).with_name("error_codes.py")))
TEMPLATES = Path(errors.__file__).parent / "pages" / "templates"
_ROW = re.compile(r"\| ((?:`\w+` ?)+)\| (.*?) \| (.*) \|\Z")


def rows() -> list[tuple[str, str, str]]:
    """Code, what the person sees, what the operator does; a row with several codes counts for each."""
    tables = re.findall(r"^\| code \|.*\n\|[-|]+\n((?:\|.*\n?)+)", PAGE, re.MULTILINE)
    found = [match for table in tables for line in table.splitlines() if (match := _ROW.match(line))]
    return [(code, match[2], match[3]) for match in found for code in re.findall(r"`(\w+)`", match[1])]


def headings() -> str:
    """The words of all templates, without their markup."""
    text = "\n".join(path.read_text("utf-8") for path in TEMPLATES.glob("*.html"))
    return re.sub(r"<[^>]+>", "", text)


def seen(code: str) -> str:
    return next(cell for row, cell, _ in rows() if row == code)


def test_every_code_is_on_the_page_and_no_other() -> None:
    listed = [code for code, _, _ in rows()]
    assert sorted(SOURCE["codes"]() - set(listed)) == [], "codes that docs/errors.md does not have"
    assert sorted(set(listed) - SOURCE["codes"]()) == [], "codes on docs/errors.md that there are none of"
    assert len(listed) == len(set(listed))


def test_a_code_that_is_worked_out_is_one_that_the_search_knows() -> None:
    assert SOURCE["worked_out"]() <= SOURCE["WORKED_OUT"]


def test_every_row_says_what_the_person_sees_and_what_the_operator_does() -> None:
    for code, person, operator in rows():
        assert person.strip(), code
        assert operator.strip(), code


def test_every_page_that_is_named_exists() -> None:
    words = headings()
    for heading in set(re.findall(r"\*([A-Z][^*]+)\*", PAGE.replace("**", ""))) - {
        "Access logs",
        "A proxy in front of the hub",
    }:
        assert heading in words, heading


HEADINGS = {
    "expired": "This sign-in has expired",
    "not_begun_here": "This sign-in can’t go on",
    "no_cookie": "A cookie is missing",
    "cancelled": "You are not signed in",
    "unavailable": "Sign-in is not available right now",
    "too_many": "Too many tries",
    "not_known": "This product is not known here",
    "other_identity": "You went on as somebody else",
    "account_closed": "This account can’t sign in",
    "out_of_date": "This page is out of date",
    "not_found": "There is no such page",
    "bad_request": "This address is not complete",
    "failed": "Something went wrong here",
}


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        *[
            (kind, kind.code)
            for kind in (errors.StateMismatch, errors.IdentityChanged, errors.TenantNotEnabled, errors.Unavailable)
        ],
        *[
            (errors.RequestRefused, code)
            for code in ("expired", "csrf", "wrong_step", "not_found", "too_large", "code_missing", "issuer_mismatch")
        ],
        *[(errors.RequestRefused, code) for code in ("invalid_client", "redirect_uri_mismatch", "tenant_not_enabled")],
        *[(errors.LinkRefused, code) for code in ("account_gone", "account_inactive", "flow_spent", "link_refused")],
        *[(errors.LinkRefused, "value_refused"), (errors.RequestRefused, "mail_header")],
        *[(errors.TokenRejected, code) for code in ("token_nonce", "token_expired", "token_unknown_key")],
        *[(errors.LinkmwError, code) for code in ("unexpected", "unopenable")],
    ],
)
def test_the_page_tells_which_page_a_code_leads_to(kind: type[errors.LinkmwError], code: str) -> None:
    assert f"*{HEADINGS[problem_of(kind('', code=code))]}*" in seen(code)


@pytest.mark.parametrize("word", ["access_denied", "invalid_grant", "login_required", "temporarily_unavailable"])
def test_the_page_tells_which_page_the_providers_word_leads_to(word: str) -> None:
    assert f"*{HEADINGS[problem_of(errors.ProviderRefused(word))]}*" in seen(word)
