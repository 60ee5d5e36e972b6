"""Which addresses the hub calls at all, whoever wrote them into its registry (BC16)."""

from __future__ import annotations

import pytest

from linkmw.hub import reach


@pytest.mark.parametrize(
    "url",
    [
        *("http://10.0.0.7:8000", "http://127.0.0.1:8000", "https://[fd00::7]", "https://[::1]:8443"),
        *("http://orders.internal", "https://orders.example", "http://orders.internal:1/x?y#z"),
    ],
)
def test_bc16_products_live_at_private_addresses_and_names(url: str) -> None:
    assert reach.may_call(url)


@pytest.mark.parametrize(
    "url",
    [
        *("http://169.254.169.254", "http://169.254.169.254:80", "http://2852039166", "http://0xa9fea9fe"),
        *("http://0xa9.254.43518", "http://[::ffff:169.254.169.254]", "http://[::ffff:a9fe:a9fe]", "http://[fe80::1]"),
        *("http://0.0.0.0", "http://0", "http://[::]", "http://[::ffff:0.0.0.0]"),
        *("http://224.0.0.1", "http://[ff02::1]"),
        *("file:///etc/passwd", "gopher://orders.internal", "ftp://orders.internal", "httpx://orders.internal"),
        *("http://", "https:///x", "http://[", "http://orders.internal:port", "//orders.internal", ""),
        *("http://ada@orders.internal", "http://ada:pw@orders.internal", "http://@orders.internal"),
    ],
)
def test_bc16_nothing_else_is_called(url: str) -> None:
    assert not reach.may_call(url)
