"""What Redis says by itself about a gate's sessions: which of their keys are not what they were (`CLIENT TRACKING`).

One connection for each process, Redis and prefix, in a thread of its own, for event loops and threads alike. It is
opened when a session is first asked about, so never before a fork that makes a worker, and given back when none has
been for a while.

On a connection of RESP2, which is redirected to itself: redis-py 5 and 8 read RESP3's pushes in different ways. In
broadcasting mode, for the connections that read the keys are the pool's and come and go.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from typing import Any
from urllib.parse import parse_qsl, urlencode
from weakref import WeakValueDictionary

import redis
from redis.backoff import NoBackoff
from redis.exceptions import ResponseError
from redis.retry import Retry

from linkmw.log import Changes
from linkmw.stores import redis_url
from linkmw.stores.redis_server import CANNOT_SAY, connect_seconds
from linkmw.stores.redis_shared import Keys
from linkmw.stores.remembered import Remembered

# How long a connection is believed without a proof that it lives. So long at most an ended session may be served when
# the network swallows what Redis says.
TRUSTED_SECONDS = 0.5
PING_SECONDS = 0.2  # from one proof to the next
IDLE_SECONDS = 30.0  # nobody has asked about a session: the connection is given back
RETRY_SECONDS = 0.5  # after a connection that was lost, or could not be opened
REFUSED_SECONDS = 60.0  # after a Redis that has no such command, or allows this user none

_OURS = ("protocol", "decode_responses", "health_check_interval", "socket_timeout", "socket_connect_timeout")

CHANNEL = "__redis__:invalidate"

log = logging.getLogger("linkmw.gate")

_Connection = Any  # redis-py's, whose type differs between its versions


class Listener:
    """Keeps `memory` true. Never raises into a request: without a connection every session is asked about."""

    def __init__(self, url: str, stem: bytes, timeout: float) -> None:
        self._url, self._stem, self._timeout = url, stem, timeout
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._not_before = 0.0  # until then nobody tries again
        self._said = Changes()
        self.memory = Remembered(self._wake)

    def after_fork(self) -> None:
        """In the child, whose parent keeps thread and connection."""
        self._starting, self._thread, self._not_before = threading.Lock(), None, 0.0
        self.memory.restart()

    def _wake(self) -> None:
        if self._thread is not None or time.monotonic() < self._not_before:
            return
        with self._starting:
            if self._thread is None:
                thread = threading.Thread(target=self._run, name="linkmw-push", daemon=True)
                self._thread = thread
                try:
                    thread.start()
                except RuntimeError:  # no thread to be had, now or at an interpreter's end
                    self._thread = None

    def _run(self) -> None:
        """Until nobody asks any more, or nothing can be heard; whoever asks next begins again."""
        connection, pause = None, RETRY_SECONDS
        try:
            connection = self._open()
            self._listen(connection)
            pause = 0.0
        except ResponseError as error:
            self._say("refused", error)
            pause = REFUSED_SECONDS
        except CANNOT_SAY as error:
            if connection is None:
                self._say("away", error)
        except Exception:
            log.exception("the connection on which Redis tells of ended sessions has failed")
        finally:
            self.memory.lost()
            if connection is not None:
                connection.disconnect()
            self._not_before = time.monotonic() + pause
            self._thread = None

    def _open(self) -> _Connection:
        """A connection that is told of every change of a session's key from now on."""
        pool = redis.ConnectionPool.from_url(
            _without_ours(self._url),
            retry=Retry(NoBackoff(), 0),
            protocol=2,
            decode_responses=False,
            health_check_interval=0,
            socket_timeout=min(self._timeout, TRUSTED_SECONDS),
            socket_connect_timeout=connect_seconds(self._timeout),
        )
        connection: _Connection = pool.make_connection()
        connection.connect()
        me = _answer(connection, "CLIENT", "ID")
        _answer(connection, "CLIENT", "TRACKING", "ON", "REDIRECT", me, "BCAST", "PREFIX", self._stem)
        began = time.monotonic()
        _answer(connection, "SUBSCRIBE", CHANNEL)
        self.memory.all_changed()  # what is being read just now may be from before
        self.memory.fresh(began + TRUSTED_SECONDS)
        self._say("")
        return connection

    def _listen(self, connection: _Connection) -> None:
        """Until nobody wants to know any more. Raises as redis-py does; TimeoutError when a proof is overdue."""
        asked, due = 0.0, time.monotonic()
        while True:
            now = time.monotonic()
            if asked and now - asked >= TRUSTED_SECONDS:
                raise TimeoutError
            if not asked and now >= due:
                if time.monotonic() - self.memory.asked >= IDLE_SECONDS:
                    return
                asked, due = now, now + PING_SECONDS
                connection.send_command("PING", check_health=False)
            if not connection.can_read(timeout=PING_SECONDS if asked else max(due - now, 0.0)):
                continue
            said = connection.read_response()
            if said[0] == b"pong":
                # What was changed before the question was asked has been told by now: one stream, in order.
                self.memory.fresh(asked + TRUSTED_SECONDS)
                asked = 0.0
            elif said[0] == b"message" and said[2] is not None:
                self.memory.changed(said[2])
            else:
                self.memory.all_changed()

    def _say(self, what: str, error: Exception | None = None) -> None:
        """Once for each change."""
        if not self._said.to("push", what):
            return
        if error is None:
            log.warning("Redis tells of ended sessions again")
        else:
            log.warning("Redis is asked about each session, for it does not tell of ends: %s", type(error).__name__)


def _without_ours(url: str) -> str:
    """The URL without options that say how replies are read and how long is waited: here that is fixed."""
    address, _, query = url.partition("?")  # not by `urlunsplit`, which takes the slashes off `unix://`
    options = [option for option in parse_qsl(query, keep_blank_values=True) if option[0] not in _OURS]
    return f"{address}?{urlencode(options)}"


def _answer(connection: _Connection, *command: Any) -> Any:
    connection.send_command(*command, check_health=False)
    return connection.read_response()


_listeners: WeakValueDictionary[tuple[str, str], Listener] = WeakValueDictionary()
_making = threading.Lock()


def _after_fork() -> None:
    global _making
    _making = threading.Lock()
    for listener in list(_listeners.values()):
        listener.after_fork()


os.register_at_fork(after_in_child=_after_fork)


def listener(url: str, prefix: str, timeout: float) -> Listener | None:
    """The one of this process; None for a Cluster and behind Sentinels, where every session is asked about."""
    if redis_url.kind_of(url):
        return None
    with _making:
        found = _listeners.get((url, prefix))
        if found is None:
            found = _listeners[url, prefix] = Listener(url, Keys(prefix, "s").hashed(b""), timeout)
        return found
