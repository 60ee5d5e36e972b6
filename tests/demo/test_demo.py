"""`make demo`, as somebody runs it: everything starts, says where it is, works, and stops without a trace."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest
from tests.docs.blocks import ROOT, blocks_of

from linkmw.demo.parts.answering import status
from linkmw.demo.parts.processes import child_environment
from linkmw.demo.web import Browser

PRODUCT = {"client_id", "organization_id", "mode", "name", "framework", "url", "login_url", "accounts"}
COMMAND = [sys.executable, "-m", "linkmw.demo"]


def left_running(folder: Path) -> list[str]:
    """The commands of processes that work in or with this folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = process.joinpath("cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if str(folder) in command or str(folder) in os.readlink(process / "cwd"):
                found.append(command)
        except OSError:  # it ended while we looked
            continue
    return found


def addresses(demo: dict[str, Any]) -> list[str]:
    return [demo["hub"], demo["keycloak"], demo["inbox"], *(product["url"] for product in demo["products"])]


def answers(url: str) -> bool:
    parts = urlsplit(url)
    return status(f"http://127.0.0.1:{parts.port}/", parts.netloc) != 0


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """The folder of a demo that has tried itself, and how that went."""
    folder = tmp_path_factory.mktemp("demo")
    return folder, run(folder, "--check", seconds=280)


def test_the_demo_tries_itself(checked: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    folder, done = checked
    assert done.returncode == 0, done.stdout + done.stderr
    for step in (
        "Keycloak: sign in",
        "Confirm this email",
        "prove the account",
        "verification code",
        "are linked",
        "Remove Link",
        "once mo",
        "is listed, and joins",
        "is nobody",
    ):
        assert step in done.stdout
    assert done.stdout.rstrip().endswith("All of it worked.")
    assert left_running(folder) == []


@pytest.mark.matrix
def test_the_demo_goes_on_where_it_was_and_stops_on_ctrl_c(
    checked: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    folder, _ = checked
    before = json.loads((folder / ".demo/demo.json").read_text())
    demo_run = subprocess.Popen(
        [*COMMAND, "--keep"], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert demo_run.stdout
    said = ""
    for line in demo_run.stdout:
        said += line
        if "Ctrl-C stops everything" in line:
            break
    demo = json.loads((folder / ".demo/demo.json").read_text())

    assert demo == before
    assert_complete(demo, said)
    assert all(answers(url) for url in addresses(demo))
    assert httpx2.get(f"{demo['inbox']}/messages.json").json() == []
    assert (folder / ".demo").stat().st_mode & 0o077 == 0
    assert_still_linked(demo)
    assert_first_hour(folder)

    demo_run.send_signal(signal.SIGINT)
    rest = demo_run.stdout.read()
    demo_run.stdout.close()
    assert demo_run.wait(60) == 0
    assert "Stopped." in rest
    assert "Traceback" not in said + rest
    assert left_running(folder) == []
    assert not any(answers(url) for url in addresses(demo))


def assert_first_hour(folder: Path) -> None:
    """docs/first-hour.md, typed as it stands into one shell: each line of an answer is among what was printed."""
    blocks = list(blocks_of(ROOT / "docs" / "first-hour.md"))
    typed = [(block, after) for block, after in pairwise((*blocks, blocks[-1])) if block.kind == "sh"]
    script = "".join(f"{block.text}\necho '@@'\n" for block, _ in typed)
    environment = child_environment({"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"})
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=folder, env=environment, text=True, timeout=240, check=False,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    *printed, rest = done.stdout.split("@@\n")
    assert (len(printed), rest) == (len(typed), "")
    for (_, answer), said in zip(typed, printed, strict=True):
        if answer.kind == "text":
            missing = [line for line in answer.text.splitlines() if line not in said]
            assert missing == [], said


def assert_complete(demo: dict[str, Any], said: str) -> None:
    """Everything that `.demo/demo.json` promises is there, and was said on the terminal."""
    assert set(demo) == {"hub", "keycloak", "inbox", "identities", "products", "cases"}
    assert all(url in said for url in addresses(demo))
    assert len({urlsplit(url).hostname for url in addresses(demo)}) == len(addresses(demo))  # cookies know no ports
    assert len(demo["identities"]) >= 2
    assert all(set(person) == {"organization_id", "email", "password"} for person in demo["identities"])
    assert [product["framework"] for product in demo["products"]] == ["Django", "Flask", "Starlette"] * 2
    assert [product["mode"] for product in demo["products"]] == ["beside"] * 3 + ["replace"] * 3
    assert [case["promise"] for case in demo["cases"]] == ["AKE-5", "AKE-6", "AKE-7", "AKE-14", "AKE-16"]
    assert all(case["name"] in said for case in demo["cases"])
    for product in demo["products"]:
        assert set(product) == PRODUCT
        assert product["login_url"].startswith(product["url"] + "/")
        assert len(product["accounts"]) >= 5
        assert all(set(a) == {"username", "password", "email", "totp_secret"} for a in product["accounts"])
        assert sum(account["totp_secret"] is not None for account in product["accounts"]) == 1
        for account in product["accounts"]:
            row = " +".join(map(re.escape, (account["username"], account["password"], account["email"])))
            assert re.search(rf"^ +{row}\b", said, re.MULTILINE)


def assert_still_linked(demo: dict[str, Any]) -> None:
    """The link that the check made in its run opens the product in this one."""
    orders = demo["products"][0]
    identity = next(person for person in demo["identities"] if person["email"] == "joan@acme.example")
    with Browser() as browser:
        browser.open(orders["login_url"])
        browser.press("Sign in with ACME ID")
        form = browser.page.form_with("username")
        browser.submit(form, username=identity["email"], password=identity["password"])
        assert browser.page.url.startswith(orders["url"])
        assert "Link your account" not in browser.page.text
        assert "Sign out" in browser.open(orders["url"] + "/").text


def test_a_part_that_cannot_start_ends_the_demo_with_its_reason(tmp_path: Path) -> None:
    done = run(tmp_path, KC_HOME=str(tmp_path))
    assert done.returncode == 1
    assert "KC_HOME is no Keycloak" in done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert left_running(tmp_path) == []


def test_a_check_begins_anew(tmp_path: Path) -> None:
    done = run(tmp_path, "--check", "--keep")
    assert done.returncode == 2
    assert "begins anew" in done.stderr


def run(folder: Path, *flags: str, seconds: float = 120, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *flags],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
