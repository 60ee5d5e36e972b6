"""How lines of the log look, what they carry, and what an access log may show of our addresses."""

from __future__ import annotations

import json
import logging
import logging.config
from typing import Any

import pytest

from linkmw import log
from linkmw.cli.serving import logging_of
from linkmw.errors import StateMismatch
from linkmw.reference import flow_name, new_reference

LOGGER = logging.getLogger("linkmw.gate")
SECRET = "s" * 40


def written(record: logging.LogRecord) -> dict[str, Any]:
    line = log.JsonLine().format(record)
    assert "\n" not in line
    found: dict[str, Any] = json.loads(line)
    return found


def test_a_refusal_is_one_line_that_says_everything_by_itself(caplog: pytest.LogCaptureFixture) -> None:
    reference = new_reference()
    with log.one_request():
        log.follow(flow_name("the state"))
        log.refusal(LOGGER, StateMismatch("no such\r\nflow"), code="c", ref=reference, route="/r", client_id="orders")
    (record,) = caplog.records
    assert (
        record.getMessage() == f"{reference} c at /r of orders, flow {flow_name('the state')}: no such\ufffd\ufffdflow"
    )
    assert written(record) | {"time": ""} == {
        "time": "",
        "level": "WARNING",
        "logger": "linkmw.gate",
        "message": record.getMessage(),
        "code": "c",
        "ref": str(reference),
        "flow": flow_name("the state"),
        "client_id": "orders",
        "route": "/r",
    }


def test_a_defect_is_one_line_too_its_traceback_with_it(caplog: pytest.LogCaptureFixture) -> None:
    try:
        raise RuntimeError("first line\nsecond line")
    except RuntimeError as error:
        log.refusal(LOGGER, error, code="unexpected", ref=new_reference(), route="/r", defect=True)
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert "second line" not in record.getMessage()
    assert "RuntimeError: first line\nsecond line" in written(record)["traceback"]


def test_cf08_of_a_record_only_what_is_ours_to_write_is_written() -> None:
    record = logging.LogRecord("django.request", logging.ERROR, __file__, 1, "failed", (), None)
    record.__dict__.update(request=f"<Request {SECRET}>", password=SECRET)
    assert SECRET not in log.JsonLine().format(record)


def test_a_line_of_the_audit_trail_stays_as_it_is() -> None:
    record = logging.LogRecord("linkmw.audit", logging.INFO, __file__, 1, "%s", ('{"event":"sign_in"}',), None)
    assert log.JsonLine().format(record) == '{"event":"sign_in"}'


def test_a_flow_is_named_for_one_request_only() -> None:
    with log.one_request():
        log.follow("abc")
        with log.one_request():
            assert log.flow() == ""
        assert log.flow() == "abc"
    assert log.flow() == ""


def test_ds06_what_is_said_again_is_no_news() -> None:
    said = log.Changes()
    heard = [said.to("button", state) for state in ("", "unavailable", "unavailable", "", "", "unavailable")]
    assert heard == [False, True, False, True, False, True]
    assert said.to("another", "unavailable")


def in_access_log(record: logging.LogRecord, pattern: str = "") -> str:
    """What an access log shows of `record` once our filter has seen it."""
    assert log.StarredQueries().filter(record)
    return logging.Formatter(pattern or "%(message)s").format(record)


ADDRESS = f"/.linkmw/callback?code={SECRET}&state={SECRET}"


def test_pr11_uvicorns_access_log_shows_no_code() -> None:
    from uvicorn.logging import AccessFormatter

    args = ("127.0.0.1:1", "GET", ADDRESS, "1.1", 303)
    record = logging.LogRecord("uvicorn.access", logging.INFO, __file__, 1, '%s - "%s %s HTTP/%s" %d', args, None)
    log.StarredQueries().filter(record)
    line = AccessFormatter("%(client_addr)s %(request_line)s %(status_code)s", use_colors=False).format(record)
    assert line.startswith("127.0.0.1:1 GET /.linkmw/callback?*** HTTP/1.1 303")


def test_pr11_gunicorns_access_log_shows_no_code() -> None:
    from gunicorn.glogging import SafeAtoms

    atoms = SafeAtoms({"r": f"GET {ADDRESS} HTTP/1.1", "q": "", "f": f"https://a.example{ADDRESS}", "s": 303})
    shown = '%(r)s %(s)s "%(f)s" %({x-none}i)s'
    record = logging.LogRecord("gunicorn.access", logging.INFO, __file__, 1, shown, (atoms,), None)
    assert in_access_log(record) == (
        'GET /.linkmw/callback?*** HTTP/1.1 303 "https://a.example/.linkmw/callback?***" -'
    )


@pytest.mark.parametrize("logger", ["werkzeug", "django.server"])
def test_pr11_development_servers_show_no_code(logger: str) -> None:
    args = (f"GET {ADDRESS} HTTP/1.1", "303", "-")
    record = logging.LogRecord(logger, logging.INFO, __file__, 1, '"%s" %s %s', args, None)
    assert in_access_log(record) == '"GET /.linkmw/callback?*** HTTP/1.1" 303 -'


def test_pr11_addresses_that_are_not_ours_stay() -> None:
    record = logging.LogRecord("uvicorn.access", logging.INFO, __file__, 1, "%s", ("/orders?code=7&page=2",), None)
    assert in_access_log(record) == "/orders?code=7&page=2"


@pytest.mark.parametrize(("kind", "begins"), [("text", "2"), ("json", "{")])
def test_the_hub_writes_text_or_json(kind: Any, begins: str, capfd: pytest.CaptureFixture[str]) -> None:
    before = logging.root.handlers[:], logging.root.level
    ours = [logging.getLogger(name) for name in ("linkmw", "linkmw.audit", "uvicorn.error")]
    levels = [(one, one.level, one.propagate, one.handlers[:]) for one in ours]
    try:
        logging.config.dictConfig(logging_of(kind))
        logging.getLogger("linkmw.hub").warning("a line", extra={"code": "c"})
        logging.getLogger("linkmw.audit").info('{"event":"linked"}')
    finally:
        logging.root.handlers[:], logging.root.level = before
        for one, level, propagate, handlers in levels:
            one.level, one.propagate, one.handlers[:] = level, propagate, handlers
            one.manager._clear_cache()  # type: ignore[attr-defined]
    out, err = capfd.readouterr()
    assert out == '{"event":"linked"}\n'
    assert err.startswith(begins)
    assert "a line" in err
