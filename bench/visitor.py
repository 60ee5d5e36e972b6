"""Browsers that sign in: so many at a time, each with its own cookies, over connections that are kept.

A sign-in begins at `--start`, follows every redirect and every page that goes on by itself, and ends where one leads
to the path `--stop`, which is not opened: every relying party is charged with the same. Prints JSON: how many a second,
and what failed first.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import time
from dataclasses import dataclass, field
from html import unescape
from itertools import count
from urllib.parse import urljoin, urlsplit

_MOST_REDIRECTS = 12
_REFRESH = re.compile(rb'http-equiv="refresh" content="0; ur[lL]=([^"]+)"')
_ACCEPT = (
    "accept: text/html,application/xhtml+xml,*/*;q=0.8\r\naccept-language: en\r\n"
    "user-agent: Mozilla/5.0 (X11; Linux x86_64) Chrome/140.0\r\n"
    "sec-fetch-dest: document\r\nsec-fetch-mode: navigate\r\n"
)


class Failed(Exception):
    """A sign-in that did not end where it should."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str:
        return next((value for known, value in self.headers if known == name), "")


@dataclass(slots=True)
class Wires:
    """Kept connections of one visitor, one to each origin."""

    kept: dict[str, tuple[asyncio.StreamReader, asyncio.StreamWriter]] = field(default_factory=dict)

    async def get(self, url: str, cookies: str, site: str) -> Answer:
        parts = urlsplit(url)
        if parts.netloc not in self.kept:
            self.kept[parts.netloc] = await asyncio.open_connection("127.0.0.1", parts.port)
        reader, writer = self.kept[parts.netloc]
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        cookie = f"cookie: {cookies}\r\n" if cookies else ""
        head = f"GET {target} HTTP/1.1\r\nhost: {parts.netloc}\r\n{_ACCEPT}sec-fetch-site: {site}\r\n{cookie}\r\n"
        writer.write(head.encode("latin-1"))
        try:
            answer = await _read(reader)
        except (OSError, EOFError) as error:
            del self.kept[parts.netloc]
            raise Failed(f"{type(error).__name__} at {parts.path}") from error
        if answer.header("connection").lower() == "close":
            writer.close()
            del self.kept[parts.netloc]
        return answer


async def _read(reader: asyncio.StreamReader) -> Answer:
    first, *lines = (await reader.readuntil(b"\r\n\r\n"))[:-4].decode("latin-1").split("\r\n")
    headers = [(name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines)]
    answer = Answer(int(first.split(" ")[1]), headers, b"")
    if answer.header("transfer-encoding"):
        body = bytearray()
        while size := int(await reader.readline(), 16):
            body += (await reader.readexactly(size + 2))[:-2]
        await reader.readline()
        return Answer(answer.status, headers, bytes(body))
    return Answer(answer.status, headers, await reader.readexactly(int(answer.header("content-length") or 0)))


@dataclass(slots=True)
class Jar:
    """One browser's cookies, by host as browsers have them: for every port of it, Secure ones on loopback too."""

    of_host: dict[str, dict[str, str]] = field(default_factory=dict)

    def sent(self, url: str) -> str:
        return "; ".join(f"{name}={value}" for name, value in self.of_host.get(_host(url), {}).items())

    def keep(self, url: str, answer: Answer) -> None:
        mine = self.of_host.setdefault(_host(url), {})
        for value in (value for name, value in answer.headers if name == "set-cookie"):
            pair, _, attributes = value.partition(";")
            name, _, content = pair.partition("=")
            if content in ("", '""') or "max-age=0" in attributes.lower():
                mine.pop(name, None)
            else:
                mine[name] = content


def _host(url: str) -> str:
    return urlsplit(url).hostname or ""


async def sign_in(wires: Wires, start: str, stop: str) -> Jar:
    """The cookies afterwards. Raises Failed."""
    jar, url, site = Jar(), start, "same-origin"
    for _ in range(_MOST_REDIRECTS):
        answer = await wires.get(url, jar.sent(url), site)
        jar.keep(url, answer)
        led, site = _leads_to(answer)
        if not led:
            raise Failed(f"{answer.status} at {urlsplit(url).path}: {answer.body[:300]!r}")
        url = urljoin(url, led)
        if urlsplit(url).path == stop:
            return jar
    raise Failed(f"still going round at {urlsplit(url).path}")


def _leads_to(answer: Answer) -> tuple[str, str]:
    """Where the answer sends a browser, and what that says of the site it comes from."""
    if answer.status in (301, 302, 303, 307):
        return answer.header("location"), "cross-site"
    found = _REFRESH.search(answer.body)
    return (unescape(found[1].decode()), "same-origin") if found else ("", "")


async def check(wires: Wires, jar: Jar, url: str, wanted: str) -> None:
    """The page says `wanted` to this browser, and not to one without cookies. Raises Failed."""
    if wanted.encode() not in (await wires.get(url, jar.sent(url), "same-origin")).body:
        raise Failed(f"nobody is signed in at {url}")
    if wanted.encode() in (await wires.get(url, "", "same-origin")).body:
        raise Failed(f"{url} says the same to everybody")


async def look(start: str, stop: str, number: int, at_once: int, page: str, wanted: str) -> dict[str, object]:
    """`page` opened so often, by visitors each of whom has signed in once."""
    turns = count()

    async def visit() -> None:
        wires = Wires()
        jar = await sign_in(wires, start, stop)
        while next(turns) < number:
            if wanted.encode() not in (await wires.get(page, jar.sent(page), "same-origin")).body:
                raise Failed(f"nobody is signed in at {page}")

    began = time.perf_counter()
    await asyncio.gather(*(visit() for _ in range(at_once)))
    return {"number": number, "seconds": time.perf_counter() - began, "failed": 0, "first": []}


async def run(start: str, stop: str, number: int, at_once: int, page: str, wanted: str) -> dict[str, object]:
    turns, failed = count(), list[str]()
    if page:
        wires = Wires()
        await check(wires, await sign_in(wires, start, stop), page, wanted)

    async def visit() -> None:
        wires = Wires()
        while next(turns) < number:
            try:
                await sign_in(wires, start, stop)
            except Failed as error:
                failed.append(str(error))

    began = time.perf_counter()
    await asyncio.gather(*(visit() for _ in range(at_once)))
    seconds = time.perf_counter() - began
    return {"number": number, "seconds": seconds, "failed": len(failed), "first": failed[:1]}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--start", required=True)
    options.add_argument("--stop", default="/done")
    options.add_argument("--number", type=int, default=100)
    options.add_argument("--at-once", type=int, default=4)
    options.add_argument("--page", default="", help="what is looked at after a first sign-in, signed in and not")
    options.add_argument("--wanted", default="user")
    options.add_argument("--look", action="store_true", help="count openings of the page, and no sign-ins")
    given = options.parse_args()
    wanted = (given.stop, given.number, given.at_once, given.page, given.wanted)
    print(json.dumps(asyncio.run((look if given.look else run)(given.start, *wanted))))


if __name__ == "__main__":
    main()
