"""Where Redis is: one server, a Cluster, or the master that Sentinels name; each by one URL.

    redis://user:password@host:6379/0                        one server; rediss:// with TLS
    redis+cluster://user:password@host:6379,host:6379/       a Cluster, by some of its nodes
    redis+sentinel://user:password@host:26379,host/service/0 what the Sentinels call `service`

`rediss+cluster` and `rediss+sentinel` are the same with TLS. User and password are the data servers'; the Sentinels'
own are the options `sentinel_username` and `sentinel_password`. Other options go to redis-py, as in `redis://` URLs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, quote, urlencode

Address = tuple[str, int]

LIKE = {
    "": "redis://user:password@host:6379/0",
    "cluster": "redis+cluster://user:password@host:6379,host:6379/ (a Cluster has database 0 alone)",
    "sentinel": "redis+sentinel://user:password@host:26379,host:26379/service/0",
}
_PORTS = {"cluster": 6379, "sentinel": 26379}
_URL = re.compile(r"(rediss?)\+(cluster|sentinel)://(?:([^/?#]*)@)?([^/?#@]+)(/[^?#]*)?(?:\?([^#]*))?\Z")
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::([0-9]{1,5}))?\Z")
_SENTINELS_OWN = ("sentinel_username", "sentinel_password")


@dataclass(frozen=True, slots=True)
class Servers:
    """What a URL of several hosts says. kind: "cluster" or "sentinel"; service: the Sentinels' name for the master."""

    kind: str
    scheme: str
    seeds: tuple[Address, ...]
    login: str = field(repr=False)
    service: str = ""
    database: str = "0"
    options: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    def data_url(self, address: Address) -> str:
        """The URL of a server that holds data."""
        options = [option for option in self.options if option[0] not in _SENTINELS_OWN]
        return _one_server(self.scheme, self.login, address, self.database, options)

    def guide_url(self, address: Address) -> str:
        """The URL of a server that knows where the data is: a Cluster's own node, or a Sentinel."""
        if self.kind == "cluster":
            return self.data_url(address)
        own = dict(self.options)
        user, password = (quote(own.get(name, ""), safe="") for name in _SENTINELS_OWN)
        options = [option for option in self.options if option[0] not in _SENTINELS_OWN]
        return _one_server(self.scheme, f"{user}:{password}" if password else "", address, "0", options)


def kind_of(url: str) -> str:
    """ "cluster", "sentinel", or "" for one server; by the scheme alone."""
    return next((kind for kind in _PORTS if url.startswith((f"redis+{kind}:", f"rediss+{kind}:"))), "")


def read(url: str) -> Servers:
    """Raises ValueError, which quotes nothing: the URL may hold a password."""
    found = _URL.match(url)
    if found is None:
        raise ValueError("not such a URL")
    scheme, kind, login, hosts, path, query = found.groups(default="")
    seeds = tuple(_address(host, _PORTS[kind]) for host in hosts.split(","))
    options = tuple(parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query)))
    service, database = _path(kind, path.strip("/"))
    return Servers(kind, scheme, seeds, login, service, database, options)


def _path(kind: str, path: str) -> tuple[str, str]:
    """Service and database."""
    if kind == "cluster":
        if path not in ("", "0"):
            raise ValueError("a Cluster has database 0 alone")
        return "", "0"
    service, _, database = path.partition("/")
    if not service or not re.fullmatch(r"[0-9]*", database):
        raise ValueError("no service, or no number of a database")
    return service, database or "0"


def _address(text: str, default: int) -> Address:
    found = _HOST.match(text)
    if found is None or not 0 < int(found[2] or default) < 65536:
        raise ValueError("not a host and a port")
    return found[1].strip("[]"), int(found[2] or default)


def _one_server(scheme: str, login: str, address: Address, database: str, options: list[tuple[str, str]]) -> str:
    host, port = address
    where = f"[{host}]" if ":" in host else host
    query = f"?{urlencode(options)}" if options else ""
    return f"{scheme}://{login}{'@' if login else ''}{where}:{port}/{database}{query}"
