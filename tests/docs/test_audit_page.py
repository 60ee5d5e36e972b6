"""docs/audit.md holds every event there is, and none that is not."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest

from linkmw.gate import audit
from linkmw.hub import ports
from linkmw.log import AUDIT_FIELDS, audit_line

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "audit.md").read_text(encoding="utf-8")
EVENTS = {"hub": get_args(ports.Event), "gate": get_args(audit.Event)}
DECLARED = {"hub": "hub/ports.py", "gate": "gate/audit.py"}
WRITTEN_IN = {"hub": ("hub", "stores"), "gate": ("gate", "cli")}


def told(half: str) -> list[str]:
    """The events in the table of that half."""
    found = re.search(rf"<!-- events:{half} -->(.*?)<!-- events:end -->", PAGE, re.DOTALL)
    assert found
    return re.findall(r"^\| `(\w+)` \|", found[1], re.MULTILINE)


@pytest.mark.parametrize("half", EVENTS)
def test_ops2_every_event_is_told_once_and_no_other(half: str) -> None:
    assert sorted(told(half)) == sorted(EVENTS[half])


@pytest.mark.parametrize("half", EVENTS)
def test_ops2_every_event_is_written_somewhere(half: str) -> None:
    source = ROOT / "src" / "linkmw"
    files = [path for part in WRITTEN_IN[half] for path in (source / part).rglob("*.py")]
    text = "".join(path.read_text(encoding="utf-8") for path in files if path != source / DECLARED[half])
    assert [event for event in EVENTS[half] if f'"{event}"' not in text] == []


def test_ops2_the_fields_are_those_that_were_promised() -> None:
    promised = "time event result code ref tenant client_id account_id iss sub flow ip actor"
    assert " ".join(AUDIT_FIELDS) == promised
    assert [name for name in AUDIT_FIELDS if not re.search(rf"^\|.*`{name}`.*\|", PAGE, re.MULTILINE)] == []
    with pytest.raises(ValueError, match="username"):
        audit_line(0, event="sign_in", username="ada")
