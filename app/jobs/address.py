"""Addresses of a Redis: one that Sentinels watch is `sentinel://host:26379,host:26379/name/0`."""

from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

SENTINEL_PORT = 26379


@dataclass(frozen=True, kw_only=True)
class Watched:
    """A Redis whose address the Sentinels know."""

    sentinels: tuple[tuple[str, int], ...]
    name: str
    """What the Sentinels call it."""
    db: int
    username: str
    password: str
    """Redis's own, as `username`; the Sentinels' stands elsewhere."""


def watched(url: str) -> Watched | None:
    """What a `sentinel://` address says; None for any other.

    Raises:
        ValueError: it is none that can be used; the message says why, in a few words.
    """
    if not url.startswith("sentinel://"):
        return None
    parts = urlsplit(url)
    asks, _, nodes = parts.netloc.rpartition("@")
    user, _, password = asks.partition(":")
    name, _, db = parts.path.strip("/").partition("/")
    if not name:
        raise ValueError("names no master: sentinel://host:26379,host:26379/name/0")
    if db and not (db.isascii() and db.isdecimal()):
        raise ValueError(f"{db} is no number of a database")
    if parts.query:
        raise ValueError("a sentinel:// address has no options")
    return Watched(
        sentinels=tuple(_node(node) for node in nodes.split(",")), name=unquote(name), db=int(db or 0),
        username=unquote(user), password=unquote(password),
    )  # fmt: skip


def without_password(url: str) -> str:
    """An address as it may be shown."""
    parts = urlsplit(url)
    asks, at, nodes = parts.netloc.rpartition("@")
    user, colon, _ = asks.partition(":")
    return parts._replace(netloc=f"{user}{':**' if colon else ''}{at}{nodes}").geturl()


def _node(text: str) -> tuple[str, int]:
    try:
        node = urlsplit(f"//{text}")
        host, port = node.hostname, node.port
    except ValueError:
        host = port = None
    if not host:
        raise ValueError(f"{text or 'nothing'} is no host:port of a Sentinel")
    return host, port or SENTINEL_PORT
