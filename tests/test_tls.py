"""Who is called over TLS is who was meant: the certificate is checked by both halves, and nothing switches that off."""

from __future__ import annotations

import asyncio
import re
import ssl
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from linkmw.errors import Unavailable
from linkmw.gate.wire import AwaitedWire, BlockingWire, Call
from linkmw.hub import web
from linkmw.run import run_now

SOURCES = sorted(
    folder for name in ("src", "integrations") for folder in (Path(__file__).parents[1] / name).rglob("*.py")
)
# What would let a certificate pass that should not, in any library we use.
UNCHECKED = re.compile(
    r"verify\s*=\s*(False|0|None)|CERT_NONE|_create_unverified_context|check_hostname\s*=\s*False|verify_mode|"
    r"ssl_cert_reqs|disable_warnings|PROTOCOL_TLSv1|TLSVersion\.(TLSv1|TLSv1_1|SSLv3)\b"
)


def called_by_hub(url: str) -> int:
    async def call() -> int:
        http = web.client(5)
        try:
            return (await web.read(http, "product", "GET", url))[0]
        finally:
            await http.aclose()

    return asyncio.run(call())


def called_by_wsgi(url: str) -> int:
    return run_now(BlockingWire().send(Call("GET", url, 5))).status


def called_by_asgi(url: str) -> int:
    return asyncio.run(AwaitedWire().send(Call("GET", url, 5))).status


CALLERS = [called_by_hub, called_by_wsgi, called_by_asgi]


def certificate(folder: Path, address: str) -> Path:
    """Key and self-signed certificate of an address, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, address)])
    today = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(today - timedelta(days=1))
        .not_valid_after(today + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(address))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / f"{address}.pem"
    pem, kind = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    path.write_bytes(key.private_bytes(pem, kind, serialization.NoEncryption()) + made.public_bytes(pem))
    return path


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.server.served.append(self.path)  # type: ignore[attr-defined]
        self.send_response(200)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: Any) -> None:
        """Nothing."""


class _Server(HTTPServer):
    served: list[str]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that does not trust us is what these tests are about."""


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., _Server]]:
    """A server on 127.0.0.1 with the certificate of that or another address."""
    running: list[_Server] = []

    def start(address: str, newest: ssl.TLSVersion | None = None) -> _Server:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate(tmp_path, address))
        if newest is not None:
            context.set_ciphers("ALL:@SECLEVEL=0")
            context.minimum_version, context.maximum_version = ssl.TLSVersion.MINIMUM_SUPPORTED, newest
        server = _Server(("127.0.0.1", 0), _Handler)
        server.served = []
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=True)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        running.append(server)
        return server

    yield start
    for server in running:
        server.shutdown()
        server.server_close()


def url_of(server: _Server) -> str:
    return f"https://127.0.0.1:{server.server_address[1]}/"


@pytest.mark.parametrize("call", CALLERS)
def test_bc15_a_certificate_nobody_vouches_for_is_refused(
    serve: Callable[..., _Server], call: Callable[[str], int]
) -> None:
    server = serve("127.0.0.1")
    with pytest.raises(Unavailable):
        call(url_of(server))
    assert server.served == []


@pytest.mark.parametrize("call", CALLERS)
def test_bc15_a_certificate_of_another_name_is_refused_and_the_right_one_taken(
    serve: Callable[..., _Server], call: Callable[[str], int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    right, wrong = serve("127.0.0.1"), serve("127.0.0.2")
    both = tmp_path / "trusted.pem"
    both.write_bytes(b"".join((tmp_path / f"127.0.0.{last}.pem").read_bytes() for last in (1, 2)))
    monkeypatch.setenv("SSL_CERT_FILE", str(both))
    assert call(url_of(right)) == 200
    with pytest.raises(Unavailable):
        call(url_of(wrong))
    assert wrong.served == []


@pytest.mark.parametrize("call", CALLERS)
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1:DeprecationWarning")
def test_bc15_tls_1_1_is_refused(
    serve: Callable[..., _Server], call: Callable[[str], int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve("127.0.0.1", ssl.TLSVersion.TLSv1_1)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "127.0.0.1.pem"))
    with pytest.raises(Unavailable):
        call(url_of(server))
    assert server.served == []


@pytest.mark.parametrize("call", CALLERS)
def test_bc15_plain_http_where_tls_was_meant_is_refused(call: Callable[[str], int]) -> None:
    server = _Server(("127.0.0.1", 0), _Handler)
    server.served = []
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        with pytest.raises(Unavailable):
            call(url_of(server))
        assert server.served == []
    finally:
        server.shutdown()
        server.server_close()


def test_bc15_nothing_in_the_source_switches_a_check_off() -> None:
    assert len(SOURCES) > 100
    found = [
        f"{path.name}:{number}: {line.strip()}"
        for path in SOURCES
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if UNCHECKED.search(line)
    ]
    assert found == []
