"""A Redis Cluster of six and a master under three Sentinels, started from `redis-server` by commands alone."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, Self

import redis
from redis.crc import key_slot
from tests.stores.servers import Server, until

from linkmw.demo.parts.processes import free_port

NODE_SECONDS = 1  # silence after which a node counts as failed; Redis' own default is fifteen
MASTERS = 3
SLOTS = 16_384
FAILOVER_SECONDS = 15
SERVICE = "sessions"
PASSWORD = "of-the-sentinels"
AT_ONCE = ("--repl-diskless-sync-delay", "0")  # a replica is not kept waiting for others to come


def ask(port: int, *command: Any, password: str = "") -> Any:
    """The reply of the server on `port`, over a connection of its own."""
    with redis.Redis(port=port, password=password or None, socket_timeout=2, protocol=2) as one:
        return one.execute_command(*command)


def _following(master: int) -> tuple[str, ...]:
    return ("--replicaof", "127.0.0.1", str(master))


def answered(question: Callable[[], Any]) -> Any:
    """What it answers; False when it cannot be asked just now."""
    with suppress(redis.RedisError, OSError):
        return question()
    return False


class Node(Server):
    """One of a Cluster. `again` starts it once more, with what it knows of the others."""

    def __init__(self, folder: Path, port: int = 0, bus: int = 0, more: tuple[str, ...] = ()) -> None:
        folder.mkdir(exist_ok=True)
        self.folder, self.bus = folder, bus or free_port()
        super().__init__(
            folder,
            *("--cluster-enabled", "yes", "--cluster-node-timeout", str(NODE_SECONDS * 1000)),
            *("--cluster-port", str(self.bus), "--cluster-replica-validity-factor", "0", "--appendonly", "no"),
            *AT_ONCE,
            *more,
            port=port or free_port(),
        )

    def again(self) -> Node:
        return Node(self.folder, self.port, self.bus)


class Cluster:
    """Three masters with a replica each. A context manager."""

    def __init__(self, folder: Path) -> None:
        self._stopping = ExitStack()
        self.nodes: dict[int, Node] = {}
        with self._stopping:
            for number in range(2 * MASTERS):
                self._keep(Node(folder / str(number)))
            self._join()
            self._stopping = self._stopping.pop_all()
        self.url = f"redis+cluster://{','.join(f'127.0.0.1:{port}' for port in self.nodes)}/"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.close()

    def _keep(self, node: Node) -> None:
        self.nodes[node.port] = node
        self._stopping.callback(node.stop)

    def _join(self) -> None:
        first, *others = self.nodes.values()
        for node in others:
            ask(first.port, "CLUSTER", "MEET", "127.0.0.1", node.port, node.bus)
        masters, replicas = list(self.nodes)[:MASTERS], list(self.nodes)[MASTERS:]
        for number, port in enumerate(masters):
            slots = SLOTS * number // MASTERS, SLOTS * (number + 1) // MASTERS - 1
            ask(port, "CLUSTER", "ADDSLOTSRANGE", *slots)
        until(lambda: all(self._knows_all(port) for port in self.nodes))
        for master, replica in zip(masters, replicas, strict=True):
            ask(replica, "CLUSTER", "REPLICATE", ask(master, "CLUSTER", "MYID"))
        until(self.is_whole)

    def _knows_all(self, port: int) -> bool:
        said = ask(port, "CLUSTER", "NODES").decode()
        return len(said.splitlines()) == len(self.nodes) and "handshake" not in said

    def is_whole(self) -> bool:
        """Does everybody agree that all is well, and every replica follow?"""
        return all(answered(lambda port=port: self._is_well(port)) for port in self.nodes)

    def _is_well(self, port: int) -> bool:
        role, well = ask(port, "ROLE"), b"cluster_state:ok" in ask(port, "CLUSTER", "INFO")
        follows = len(role[2]) == 1 if role[0] == b"master" else role[3] == b"connected"
        return well and follows and len(self._masters(port)) == MASTERS

    def _masters(self, port: int) -> set[int]:
        return {int(entry[2][1]) for entry in ask(port, "CLUSTER", "SLOTS")}

    def masters(self) -> list[int]:
        """The ports of those who keep something, as most of the living see it."""
        for port in self.nodes:
            if found := answered(lambda port=port: self._masters(port)):
                return sorted(found)
        raise AssertionError("nobody lives")

    def owner(self, key: bytes) -> int:
        """The port of the master that keeps `key`."""
        slot = key_slot(key)
        return next(int(master[1]) for first, last, master, *_ in self.slots() if first <= slot <= last)

    def slots(self) -> list[Any]:
        return next(
            found for port in self.nodes if (found := answered(lambda port=port: ask(port, "CLUSTER", "SLOTS")))
        )

    def replica_of(self, master: int) -> int:
        return next(int(replica[1]) for *_, found, replica in self.slots() if int(found[1]) == master)

    def kill(self, port: int) -> None:
        self.nodes[port].kill()

    def bring_back(self, port: int) -> None:
        """The node is there again, as a replica of whoever took its place."""
        self._keep(self.nodes[port].again())
        until(self.is_whole, FAILOVER_SECONDS)

    def took_over(self, port: int) -> bool:
        """Has somebody else what the master on `port` had, as everybody alive knows?"""
        alive = [other for other in self.nodes if other != port]
        return all(answered(lambda other=other: port not in self._masters(other)) for other in alive)

    def keys(self) -> dict[bytes, int]:
        """Every key there is and the milliseconds it has left (-1: for ever)."""
        found: dict[bytes, int] = {}
        for port in self.masters():
            with redis.Redis(port=port) as one:
                found |= {key: one.pttl(key) for key in one.scan_iter()}
        return found

    def saved(self) -> dict[bytes, bytes]:
        """Everything there is now, for `restore`."""
        return {key: ask(self.owner(key), "DUMP", key) for key in self.keys()}

    def restore(self, saved: dict[bytes, bytes]) -> None:
        """All is as it was when it was saved: a replica that had heard of nothing since has become master."""
        self.flush()
        for key, value in saved.items():
            ask(self.owner(key), "RESTORE", key, 60_000, value)

    def flush(self) -> None:
        for port in self.masters():
            ask(port, "FLUSHALL")


class SentinelNode(Server):
    """A Sentinel. It rewrites its file as it learns."""

    def __init__(self, folder: Path, master: int) -> None:
        folder.mkdir(exist_ok=True)
        file = folder / "sentinel.conf"
        file.write_text(
            f"sentinel monitor {SERVICE} 127.0.0.1 {master} 2\n"
            f"sentinel down-after-milliseconds {SERVICE} {NODE_SECONDS * 1000}\n"
            f"sentinel failover-timeout {SERVICE} 5000\n"
            f"requirepass {PASSWORD}\nsentinel sentinel-pass {PASSWORD}\n"
        )
        super().__init__(folder, "--sentinel", before=(str(file),), port=free_port())


class Guarded:
    """A master and its replica, watched by three Sentinels that ask for a password. A context manager."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stopping = ExitStack()
        with self._stopping:
            master = self._started(Server(folder, *AT_ONCE, port=free_port()))
            replica = self._started(Server(folder, *AT_ONCE, *_following(master.port), port=free_port()))
            self.servers = {one.port: one for one in (master, replica)}
            until(lambda: len(ask(master.port, "ROLE")[2]) == 1)
            self.sentinels = [self._started(SentinelNode(folder / str(number), master.port)) for number in range(3)]
            until(lambda: all(answered(lambda one=one: self._is_ready(one.port)) for one in self.sentinels))
            self._stopping = self._stopping.pop_all()
        hosts = ",".join(f"127.0.0.1:{one.port}" for one in self.sentinels)
        self.url = f"redis+sentinel://{hosts}/{SERVICE}/0?sentinel_password={PASSWORD}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.close()

    def _started(self, server: Any) -> Any:
        self._stopping.callback(server.stop)
        return server

    def _is_ready(self, sentinel: int) -> bool:
        """Does it know the replica and the other two?"""
        flat = ask(sentinel, "SENTINEL", "MASTER", SERVICE, password=PASSWORD)
        state = dict(zip(flat[::2], flat[1::2], strict=True))
        return (state[b"num-slaves"], state[b"num-other-sentinels"]) == (b"1", b"2")

    def master(self) -> int:
        """The port of the master, as most Sentinels say."""
        said = [self._says(one.port) for one in self.sentinels]
        return max(said, key=said.count)

    def took_over(self, port: int) -> bool:
        """Is somebody else the master, as every Sentinel knows?"""
        return all(self._says(one.port) != port for one in self.sentinels)

    def _says(self, sentinel: int) -> int:
        return int(ask(sentinel, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", SERVICE, password=PASSWORD)[1])

    def kill(self, port: int) -> None:
        self.servers[port].kill()

    def bring_back(self, port: int) -> None:
        """The server is there again, as a replica of whoever took its place."""
        master = self.master()
        self.servers[port] = self._started(Server(self._folder, *AT_ONCE, *_following(master), port=port))
        until(lambda: len(ask(master, "ROLE")[2]) == 1, FAILOVER_SECONDS)
