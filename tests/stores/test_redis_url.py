"""URLs of several Redis servers, and who of them is asked for a key: decisions, with no server at all."""

from __future__ import annotations

import pytest
from redis.crc import key_slot
from redis.exceptions import AskError, MovedError, ResponseError

from linkmw.errors import SettingsError
from linkmw.stores import redis_url
from linkmw.stores.redis import connect, connect_blocking
from linkmw.stores.redis_slots import NoMap, Redirect, SlotMap, of_cluster, of_sentinel, redirect

A, B = ("10.0.0.1", 6379), ("10.0.0.2", 6379)


def test_rf07_a_clusters_nodes_are_reached_as_its_url_says() -> None:
    found = redis_url.read("rediss+cluster://app:p%40ss@a.example:7000,b.example,[::1]:7002/0?ssl_ca_certs=/ca.pem")
    assert found.seeds == (("a.example", 7000), ("b.example", 6379), ("::1", 7002))
    for url in (found.data_url, found.guide_url):
        assert url(("a.example", 7000)) == "rediss://app:p%40ss@a.example:7000/0?ssl_ca_certs=%2Fca.pem"
        assert url(("::1", 7002)) == "rediss://app:p%40ss@[::1]:7002/0?ssl_ca_certs=%2Fca.pem"


def test_rf07_sentinels_and_the_master_have_passwords_of_their_own() -> None:
    found = redis_url.read(
        "redis+sentinel://app:data@a.example,b.example:26380/sessions/3"
        "?sentinel_username=watch&sentinel_password=p%40ss&health_check_interval=9"
    )
    assert (found.service, found.seeds) == ("sessions", (("a.example", 26379), ("b.example", 26380)))
    assert found.data_url(A) == "redis://app:data@10.0.0.1:6379/3?health_check_interval=9"
    assert found.guide_url(B) == "redis://watch:p%40ss@10.0.0.2:6379/0?health_check_interval=9"


def test_rf07_sentinels_without_a_password_are_not_told_the_masters() -> None:
    found = redis_url.read("redis+sentinel://:data@a.example/sessions")
    assert found.guide_url(A) == "redis://10.0.0.1:6379/0"
    assert found.data_url(A) == "redis://:data@10.0.0.1:6379/0"


def test_i9_no_password_is_in_what_a_url_reads_as() -> None:
    found = redis_url.read("redis+sentinel://:hush@a.example/sessions?sentinel_password=quiet")
    assert "hush" not in repr(found)
    assert "quiet" not in repr(found)


@pytest.mark.parametrize(
    "url",
    [
        "redis+cluster://",
        "redis+cluster:///",
        "redis+cluster://a.example/1",
        "redis+cluster://a.example:0/",
        "redis+cluster://a.example:99999/",
        "redis+cluster://a.example,,b.example/",
        "redis+cluster://:hush@a.example;b.example/",
        "redis+cluster://a.example/?x",
        "redis+cluster://a.example/#0",
        "redis+sentinel://a.example/",
        "redis+sentinel://a.example",
        "redis+sentinel://a.example/sessions/zero",
        "redis+sentinel://a.example/sessions/0/0",
        "rediss+cluster://:hush@a b/",
    ],
)
def test_cf05_rf07_a_url_that_cannot_be_read_is_a_setting_that_is_wrong_and_is_not_quoted(url: str) -> None:
    for opening in (connect, connect_blocking):
        with pytest.raises(SettingsError) as wrong:
            opening(url)
        assert "hush" not in str(wrong.value)
        assert f"redis+{redis_url.kind_of(url)}://" in str(wrong.value)


def halves() -> SlotMap:
    return of_cluster([[8192, 16383, [b"10.0.0.2", 6379, b"id"]], [0, 8191, [b"10.0.0.1", 6379, b"id"]]], A)


def test_rf07_a_key_belongs_to_who_has_its_slot() -> None:
    found = halves()
    assert key_slot(b"foo") == 12182
    assert found.owner(b"foo") == B
    assert found.owner(b"bar") == A  # 5061
    assert found.owners() == (A, B)


def test_rf07_a_slot_that_has_moved_belongs_to_whom_it_moved_to() -> None:
    found = halves().with_moved(12182, A)
    assert found.owner(b"foo") == A
    assert found.owner(b"{foo}2") == A
    assert halves().owner(b"foo") == B


def test_rf07_a_slot_that_nobody_has_is_nobodys() -> None:
    found = of_cluster([[100, 5060, [b"10.0.0.1", 6379]], [5062, 16383, [b"10.0.0.1", 6379]]], A)
    assert found.owner(b"bar") is None
    assert SlotMap(()).owner(b"bar") is None


@pytest.mark.parametrize("host", [b"", None, b"?"])
def test_rf07_a_node_that_does_not_know_its_host_is_the_one_that_was_asked(host: bytes | None) -> None:
    assert of_cluster([[0, 16383, [host, 7000]]], A).owner(b"foo") == ("10.0.0.1", 7000)


@pytest.mark.parametrize("reply", [None, b"OK", [[1]], [[0, 1, None]], [[0, 1, [b"h", b"x"]]], [[0, 1, [b"h", None]]]])
def test_i4_what_is_no_map_is_not_read_as_one(reply: object) -> None:
    with pytest.raises(NoMap):
        of_cluster(reply, A)


def test_rf07_a_sentinels_master_has_everything_and_an_unknown_service_nothing() -> None:
    assert of_sentinel([b"10.0.0.2", b"6379"], A).owner(b"foo") == B
    for reply in (None, [], b"OK", [b"10.0.0.2", b"x"]):
        with pytest.raises(NoMap):
            of_sentinel(reply, A)


@pytest.mark.parametrize(
    ("error", "read"),
    [
        (ResponseError("MOVED 12182 10.0.0.2:6379"), Redirect(12182, B, for_good=True)),  # redis-py 5
        (MovedError("12182 10.0.0.2:6379"), Redirect(12182, B, for_good=True)),
        (ResponseError("ASK 12182 10.0.0.2:6379"), Redirect(12182, B, for_good=False)),
        (AskError("12182 10.0.0.2:6379"), Redirect(12182, B, for_good=False)),
        (ResponseError("MOVED 12182 :7000"), Redirect(12182, ("10.0.0.1", 7000), for_good=True)),
        (ResponseError("MOVED 12182 ::1:7000"), Redirect(12182, ("::1", 7000), for_good=True)),
        (ResponseError("MOVED x 10.0.0.2:6379"), None),
        (ResponseError("MOVED 12182 10.0.0.2"), None),
        (ResponseError("MOVED"), None),
        (ResponseError("ERR unknown command"), None),
        (ResponseError(""), None),
    ],
)
def test_rf01_who_sends_us_on_is_understood_in_every_redis_py(error: Exception, read: Redirect | None) -> None:
    assert redirect(error, A) == read
