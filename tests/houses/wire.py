"""A client that sends the bytes it is told to, and shows the bytes it was sent."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from dataclasses import dataclass

HOST = "product.localhost"
_CHANCE = ("date", "server")  # of the server, not of the product


@dataclass(frozen=True)
class Answer:
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str:
        return ", ".join(value for key, value in self.headers if key == name)

    @property
    def plain(self) -> tuple[object, ...]:
        """All that two answers must share to be the same; order of headers and framing are the server's."""
        kept = sorted(pair for pair in self.headers if pair[0] not in (*_CHANCE, "transfer-encoding", "connection"))
        return (self.status, kept, self.body)


def ask(
    port: int,
    target: bytes | str = "/login",
    method: str = "GET",
    body: bytes = b"",
    headers: Iterable[tuple[str, str]] = (),
    *,
    chunks: Iterable[bytes] | None = None,
) -> Answer:
    """One request, one answer. target: the request-target to the byte. chunks: a chunked body in these pieces."""
    spelled = target.encode() if isinstance(target, str) else target
    given = list(headers)
    accept = () if any(name == "Accept" for name, _ in given) else ("Accept: text/html",)
    lines = [f"Host: {HOST}", "Connection: close", *accept, *(f"{name}: {value}" for name, value in given)]
    if chunks is not None:
        lines.append("Transfer-Encoding: chunked")
        body = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"
    elif body:
        lines.append(f"Content-Length: {len(body)}")
    head = method.encode() + b" " + spelled + b" HTTP/1.1\r\n" + "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"
    return read(exchange(port, head + body), method)


def exchange(port: int, sent: bytes) -> bytes:
    """Everything that comes back until the server closes."""
    with socket.create_connection(("127.0.0.1", port), 10) as connection:
        connection.sendall(sent)
        return read_all(connection)


def read_all(connection: socket.socket) -> bytes:
    received = bytearray()
    while data := connection.recv(65536):
        received += data
    return bytes(received)


def read(raw: bytes, method: str = "GET") -> Answer:
    head, _, body = raw.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = tuple((name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines))
    answer = Answer(int(first.split(" ")[1]), headers, body)
    if answer.header("transfer-encoding") == "chunked" and method != "HEAD":
        return Answer(answer.status, headers, _unchunked(body))
    return answer


def _unchunked(body: bytes) -> bytes:
    whole = bytearray()
    while body:
        size, _, rest = body.partition(b"\r\n")
        length = int(size, 16)
        whole += rest[:length]
        body = rest[length + 2 :] if length else b""
    return bytes(whole)
