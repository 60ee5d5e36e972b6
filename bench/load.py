"""So many clients of one server at once, cheap enough to keep it busy from one core: a fixed request, over and over.

Every answer is looked at, and the whole of its body has to be what is wanted.
"""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection

_SECONDS = 30.0  # without a word of the server
_MOST = 65_536  # octets of an answer


@dataclass(frozen=True, slots=True)
class Load:
    """GET `path` with this Cookie header, of the server at `port` on loopback. wanted: the body of each answer."""

    port: int
    path: str
    cookie: str
    wanted: bytes

    def answer(self) -> bytes:
        """The body of one answer, whatever it is."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=_SECONDS)
        try:
            connection.request("GET", self.path, headers={"Cookie": self.cookie} if self.cookie else {})
            return connection.getresponse().read()
        finally:
            connection.close()

    def run(self, number: int, at_once: int) -> float:
        """So many answers were right; how many that were a second. Ends the run at one that was not."""
        with self._connected(at_once) as (poll, sockets):
            began = time.perf_counter()
            self._asked(poll, sockets, number)
            return number / (time.perf_counter() - began)

    def _asked(self, poll: select.epoll, sockets: dict[int, socket.socket], number: int) -> None:
        request, end = self._request(), b"\r\n\r\n" + self.wanted
        read = dict.fromkeys(sockets, b"")
        asked = answered = 0
        for one in sockets.values():
            one.sendall(request)
            asked += 1
        while answered < number:
            for at, _ in self._ready(poll, read):
                one = sockets[at]
                came = one.recv(_MOST)
                if (answer := read[at] + came).endswith(end) and answer.startswith(b"HTTP/1.1 200 "):
                    answered, read[at] = answered + 1, b""
                    if asked < number:
                        one.sendall(request)
                        asked += 1
                elif not came or len(answer) > _MOST:
                    raise _wrong(answer)
                else:
                    read[at] = answer

    @staticmethod
    def _ready(poll: select.epoll, read: dict[int, bytes]) -> list[tuple[int, int]]:
        if found := poll.poll(_SECONDS):
            return found
        raise _wrong(next((part for part in read.values() if part), b""))

    def _request(self) -> bytes:
        cookie = f"Cookie: {self.cookie}\r\n" if self.cookie else ""
        return (
            f"GET {self.path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nAccept: text/html,*/*;q=0.8\r\n"
            f"Accept-Encoding: gzip, deflate, br\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\n{cookie}\r\n"
        ).encode("latin-1")

    @contextmanager
    def _connected(self, at_once: int) -> Iterator[tuple[select.epoll, dict[int, socket.socket]]]:
        sockets = [socket.create_connection(("127.0.0.1", self.port), _SECONDS) for _ in range(at_once)]
        with select.epoll() as poll:
            for one in sockets:
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                poll.register(one, select.EPOLLIN)
            try:
                yield poll, {one.fileno(): one for one in sockets}
            finally:
                for one in sockets:
                    one.close()


def _wrong(answer: bytes) -> SystemExit:
    return SystemExit(f"a server answers something else, or nothing: {answer[-300:]!r}")
