"""Are two answers byte for byte the same, but for what the application itself makes anew each time?

What that is, is not listed here: it is what differs between two answers of the application as it comes.
"""

from __future__ import annotations

import http.client
import re
from collections.abc import Iterable, Iterator
from itertools import zip_longest

# A token of any application: a CSRF value, a nonce, a signed cookie. All between two of them has to be the same.
_WORD = re.compile(r"([A-Za-z0-9_.\-]+)")
# They differ from one second to the next, so two answers may have the same by chance.
_DATE = re.compile(r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d[ -][A-Z][a-z]{2}[ -]\d{4} \d\d:\d\d:\d\d GMT")

Answer = list[str]  # the status, each header and the body, cut into words


def answers(port: int, host: str, paths: Iterable[str], masked: str = "") -> dict[str, Answer]:
    """What a visitor without cookies is answered on each path. host: the Host header. masked: what is left out."""
    return {path: _answer(port, host, path, masked) for path in paths}


def differences(first: dict[str, Answer], again: dict[str, Answer], other: dict[str, Answer]) -> list[str]:
    """Where `other` is not what `first` is, apart from the words that `first` and `again` differ in already."""
    return [difference for path in first for difference in _between(path, first[path], again[path], other[path])]


def _between(path: str, first: Answer, again: Answer, other: Answer) -> Iterator[str]:
    assert len(first) == len(again), f"{path}: two answers of the application itself are not of one shape"
    for n, (word, fresh, now) in enumerate(zip_longest(first, again, other)):
        if word == fresh and word != now:
            yield f"{path}: {_around(first, n)!r}, and with linkmw {_around(other, n)!r}"
            if len(first) != len(other):
                return  # what follows is shifted


def _around(answer: Answer, n: int) -> str:
    return "".join(answer[max(0, n - 10) : n + 10])


def _answer(port: int, host: str, path: str, masked: str) -> Answer:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", path, headers={"Host": host, "Accept": "text/html", "Accept-Language": "en"})
        answer = connection.getresponse()
        headers = "\n".join(f"{name}: {value}" for name, value in answer.getheaders())
        text = f"{answer.status} {answer.reason}\n{headers}\n\n{answer.read().decode('latin-1')}"
    finally:
        connection.close()
    text = _DATE.sub("DATE", text)
    return _WORD.split(re.sub(masked, "MASKED", text) if masked else text)
