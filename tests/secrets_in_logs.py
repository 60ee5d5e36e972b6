"""What this test run used as secrets, and everything it logged, showed, mailed and kept in Redis: at its end none of
the one is in the other (CF08).

Tests hand in secrets with `used`; what has the shape of our tokens, or of a signed token, is found without that.
"""

from __future__ import annotations

import logging
import re
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, quote_plus, urlsplit

import redis

SHORTEST = 8  # characters: anything shorter is found by chance
_PLAIN = re.compile(r"[A-Za-z0-9_-]+")
_CODE = re.compile(r"[0-9]{6}")
_CODE_ALONE = re.compile(r"(?<![\w.,:#-])[0-9]{6}(?![\w])")
# 32 random bytes in base64url, which all our tokens, codes, handles and cookies are; a JSON Web Token.
_SHAPES = (
    re.compile(r"(?<![\w-])(?!test_)(?=[A-Za-z_-]*[0-9])[A-Za-z0-9_-]{43}(?![\w-])"),
    re.compile(r"eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+"),
)
# Numbers of the machine, which a six-digit code may equal by chance: when a record was made, and by which process.
_CLOCK_AND_PROCESS = frozenset(
    ("created", "msecs", "relativeCreated", "process", "thread", "lineno", "exc_info", "taskName", "threadName")
)
_PROCESS = re.compile(r"\[[0-9]+\]|\bpid:? [0-9]+|^[0-9]+:(?=[A-Z] )|\b[Pp]rocess [0-9]+")
# Who an identity is to this product, as the audit trail says it; it has the shape of a token and opens nothing.
_SUBJECT = re.compile(r'"sub":"[A-Za-z0-9_-]{43}"')
SECRET_PARAMETERS = frozenset(
    ("code", "state", "handle", "record", "flow", "nonce", "csrf", "password", "session_code")
)
# What no page and no mail ever says. Others are there by right: a form has its token, a mail its link and its code.
_NEVER_SHOWN = ("a password", "a client secret", "an ID token", "password of", "secret of the stage")


class Ledger:
    """Secrets and lines, each once."""

    def __init__(self) -> None:
        self._secrets: dict[str, str] = {}  # the secret → what it is
        self._lines: dict[str, str] = {}  # the line → where it was written
        self._shown: dict[str, str] = {}  # a line of a page or a mail → of which kind
        self._kept: dict[str, str] = {}  # a key or value of Redis → whose

    def used(self, what: str, *secrets: str) -> None:
        """These are secret: a password, a cookie's value, a code as it stood in an address."""
        for secret in secrets:
            if len(secret) >= SHORTEST or _CODE.fullmatch(secret):
                self._secrets[secret] = what

    def knows(self, other: Ledger) -> None:
        """What is secret to the other is secret here."""
        self._secrets |= other._secrets

    def used_in_request(self, url: str, form: str = "") -> None:
        """What an address and a form carry that is secret."""
        parts = urlsplit(url)
        for name, value in parse_qsl(parts.query) + parse_qsl(form):
            if name in SECRET_PARAMETERS:
                self.used(f"{name} of {parts.path}", value)
        if "/unlink/" in parts.path:
            self.used("token of a mail's link", parts.path.rpartition("/")[2])

    def logged(self, where: str, lines: Iterable[str]) -> None:
        self._lines.update(dict.fromkeys(lines, where))

    def shown(self, where: str, text: str) -> None:
        """A page, or a mail: what everybody may read to whom it is shown."""
        self._shown.update(dict.fromkeys(text.splitlines(), where))

    def kept(self, whose: str, url: str) -> None:
        """Every key of that Redis, and what is kept under it: whoever reads it learns nothing that opens anything."""
        with redis.Redis.from_url(url) as server:
            for key in server.scan_iter(count=1000):
                found = [key, *_read_all(server, key)]
                self._kept.update(dict.fromkeys((one.decode("latin-1") for one in found), whose))

    def logged_files(self, folder: Path) -> None:
        """Every log below `folder`, but for Keycloak's own: what it writes down is not ours."""
        for file in sorted(folder.rglob("*.log")):
            if "keycloak" not in file.relative_to(folder).parts:
                lines = file.read_text("utf-8", "replace").splitlines()
                self.logged(file.name, (_SUBJECT.sub("", _PROCESS.sub("", line)) for line in lines))

    def found(self) -> list[str]:
        """A sentence for each secret that was logged, shown or kept."""
        never = [secret for secret, what in self._secrets.items() if what.startswith(_NEVER_SHOWN)]
        long = [secret for secret in self._secrets if not _CODE.fullmatch(secret)]  # six digits are found by chance
        hits = dict.fromkeys(self._hits(self._secrets, self._lines, _SHAPES))
        found = [f"{self._secrets.get(hit, 'a token')} in {_place(hit, self._lines)}" for hit in hits]
        for secrets, lines in ((never, self._shown), (long, self._kept)):
            found += [f"{self._secrets[hit]} in {_place(hit, lines)}" for hit in self._hits(secrets, lines)]
        return found

    def _hits(
        self, secrets: Iterable[str], lines: Iterable[str], shapes: Iterable[re.Pattern[str]] = ()
    ) -> Iterator[str]:
        text = "\n".join(lines)
        wanted = list(secrets)
        plain = _parts(set(_PLAIN.findall(text)), filter(_PLAIN.fullmatch, wanted)) | set(_CODE_ALONE.findall(text))
        yield from (secret for secret in wanted if secret in plain or (_is_odd(secret) and _is_in(secret, text)))
        yield from (found[0] for shape in shapes for found in shape.finditer(text))

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Every record of this process is taken down, ours at DEBUG."""
        root, ours = logging.getLogger(), logging.getLogger("linkmw")
        handler, before = Listener(self), ours.level
        root.addHandler(handler)
        ours.setLevel(logging.DEBUG)
        try:
            yield
        finally:
            root.removeHandler(handler)
            ours.setLevel(before)


def _place(secret: str, lines: dict[str, str]) -> str:
    having = ((line, where) for line, where in lines.items() if _is_in(secret, line))
    line, where = next(having, (secret, "a log"))
    return f"{where}: {line.replace(secret, '<HERE>')[:400]}"


def _read_all(server: redis.Redis, key: bytes) -> list[bytes]:
    """What is kept under a key of any kind that linkmw uses."""
    kind = server.type(key)
    if kind == b"string":
        return [server.get(key) or b""]
    if kind == b"hash":
        return [part for pair in server.hgetall(key).items() for part in pair]
    return list(server.zrange(key, 0, -1)) if kind == b"zset" else []


def _is_odd(secret: str) -> bool:
    """Is it something that may be spelled in several ways?"""
    return _PLAIN.fullmatch(secret) is None


def _parts(runs: Iterable[str], secrets: Iterable[str]) -> set[str]:
    """Which of the secrets, all plain, are in a run. By how they begin: each looked for in all of it takes a minute."""
    beginnings: dict[str, list[str]] = {}
    for secret in secrets:
        if len(secret) >= SHORTEST:
            beginnings.setdefault(secret[:SHORTEST], []).append(secret)
    return {
        secret
        for run in runs
        for at in range(len(run) - SHORTEST + 1)
        for secret in beginnings.get(run[at : at + SHORTEST], ())
        if run.startswith(secret, at)
    }


def _is_in(secret: str, text: str) -> bool:
    if _CODE.fullmatch(secret):
        return secret in _CODE_ALONE.findall(text)
    return any(spelling in text for spelling in (secret, quote(secret, safe=""), quote_plus(secret)))


class Listener(logging.Handler):
    """Takes down all that any formatter could write of a record: message, fields, traceback."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__()
        self._ledger = ledger

    def filter(self, record: logging.LogRecord) -> bool:
        """Ours, and warnings of libraries: at INFO the HTTP client that plays the browser writes down what it opens."""
        return record.name.startswith("linkmw") or record.levelno >= logging.WARNING

    def emit(self, record: logging.LogRecord) -> None:
        fields: dict[str, Any] = {
            name: value for name, value in record.__dict__.items() if name not in _CLOCK_AND_PROCESS
        }
        lines = [record.getMessage(), repr(fields)]
        if record.exc_info:
            lines += "".join(traceback.format_exception(*record.exc_info)).splitlines()
        self._ledger.logged(f"logger {record.name}", lines)


LEDGER = Ledger()  # of this run
used = LEDGER.used
