"""How Redis is reached: where it is, and as whom it is asked. The same for ledger, bells and results."""

import copy
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from redis.sentinel import Sentinel, SentinelConnectionPool

from jobs.address import Watched, watched
from jobs.conf import Settings, settings
from jobs.secret import read_secret


class Credentials(redis.CredentialProvider):
    """User and password as they are now: each new connection asks, and a file is read each time.

    So a password may change while processes run. One that cannot be had is one that is refused: for
    those who connect, Redis is away until it can.
    """

    def __init__(self, own: Settings | None = None) -> None:
        """Of these settings, or of this process's: Celery makes one by its name."""
        self._settings = own or settings()

    def get_credentials(self) -> tuple[str] | tuple[str, str]:
        own = self._settings
        if own.REDIS_USERNAME:
            return own.REDIS_USERNAME, self._secret("REDIS_PASSWORD")
        return (self._secret("REDIS_PASSWORD"),)

    def _secret(self, name: str) -> str:
        file = getattr(self._settings, f"{name}_FILE")
        try:
            return read_secret(file) if file else getattr(self._settings, name)
        except ValueError as error:
            # Any other error would leave a connection open that never said who it is.
            raise redis.AuthenticationError(f"{name}_FILE: {error}") from None


class SentinelCredentials(Credentials):
    """The Sentinels' password as it is now."""

    def get_credentials(self) -> tuple[str] | tuple[str, str]:
        return (self._secret("REDIS_SENTINEL_PASSWORD"),)


class Sentinels(Sentinel):
    """Sentinels that many threads may ask at once."""

    def discover_master(self, service_name: str) -> tuple[str, int]:
        """Where the master is; the Sentinel that knew it is asked first the next time.

        redis-py puts its list in order in place: two threads that do so at once can lose an entry.
        """
        own = copy.copy(self)
        own.sentinels = list(self.sentinels)
        found: tuple[str, int] = super(Sentinels, own).discover_master(service_name)  # type: ignore[no-untyped-call]
        self.sentinels = own.sentinels
        return found


def has_credentials(own: Settings) -> bool:
    """Whether user and password stand beside the address, and not in it."""
    return bool(own.REDIS_PASSWORD or own.REDIS_PASSWORD_FILE)


def tls(own: Settings) -> dict[str, Any]:
    """How Redis's certificate is checked, as the client's options; {} where there is no TLS."""
    if not own.REDIS_URL.startswith("rediss://"):
        return {}
    checks = {"ssl_cert_reqs": "required", "ssl_check_hostname": True}
    if own.REDIS_CA_FILE:
        checks["ssl_ca_certs"] = str(own.REDIS_CA_FILE)
    said = redis.connection.parse_url(own.REDIS_URL)  # type: ignore[no-untyped-call]
    return checks | {name: value for name, value in said.items() if name.startswith("ssl_")}


def sentinel_options(own: Settings) -> dict[str, Any]:
    """With what a Sentinel is asked: briefly, and once, as there are others."""
    seconds = own.REDIS_TIMEOUT.total_seconds() / 2
    options = {
        "socket_timeout": seconds, "socket_connect_timeout": seconds, "retry": Retry(NoBackoff(), 0),
        "protocol": 2,
    }  # fmt: skip
    if own.REDIS_SENTINEL_PASSWORD or own.REDIS_SENTINEL_PASSWORD_FILE:
        options["credential_provider"] = SentinelCredentials(own)
    return options


def pool(own: Settings, **options: Any) -> redis.ConnectionPool:
    """Connections to the Redis of these settings."""
    if has_credentials(own):
        options["credential_provider"] = Credentials(own)
    if place := watched(own.REDIS_URL):
        return _watched_pool(own, place, options)
    return redis.ConnectionPool.from_url(own.REDIS_URL, **options, **tls(own))


def _watched_pool(own: Settings, place: Watched, options: dict[str, Any]) -> redis.ConnectionPool:
    """Connections that ask the Sentinels for the master, each when it is made."""
    asks = {"username": place.username, "password": place.password}
    given = {name: value for name, value in asks.items() if value}
    sentinels = Sentinels(place.sentinels, sentinel_kwargs=sentinel_options(own))  # type: ignore[no-untyped-call]
    return SentinelConnectionPool(place.name, sentinels, db=place.db, **given, **options)  # type: ignore[no-untyped-call]
