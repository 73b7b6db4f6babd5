"""Celery's own way to Redis: what it takes to reach the bells as the ledger is reached."""

from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from celery.app.base import Celery
from kombu.transport import TRANSPORT_ALIASES
from kombu.transport.redis import SentinelChannel, SentinelTransport

from jobs.address import watched
from jobs.conf import Settings, settings
from jobs.ledger import reach

CREDENTIALS = f"{reach.Credentials.__module__}.{reach.Credentials.__qualname__}"
ADDRESS = frozenset({"host", "port", "db", "username", "password", "credential_provider"})
"""What Celery would connect with, of its connections' options."""
SENTINELS = "sentinels"
"""What kombu knows the transport below as."""


def install(app: Celery) -> None:
    """Once this application's settings are read, its connections go where the ledger's go."""
    TRANSPORT_ALIASES[SENTINELS] = f"{WatchedTransport.__module__}:{WatchedTransport.__qualname__}"
    app.on_after_configure.connect(_on_configured)


def _on_configured(source: Any, **_: Any) -> None:
    source.update(celery_settings(settings()))


def celery_settings(own: Settings) -> dict[str, Any]:
    """What Celery is told; `broker_read_url` and `broker_write_url` stand over `CELERY_BROKER_URL`."""
    if place := watched(own.REDIS_URL):
        host, port = place.sentinels[0]  # to be shown; the channel asks them all
        url = f"{SENTINELS}://{f'[{host}]' if ':' in host else host}:{port}/{place.db}"
    else:
        url = _plain(own)
    return {"broker_read_url": url, "broker_write_url": url}


def _plain(own: Settings) -> str:
    """The address of a Redis that is known, with all that kombu needs."""
    address = urlsplit(own.REDIS_URL)
    query = dict(parse_qsl(address.query)) | {
        name: str(value).lower() if isinstance(value, bool) else value
        for name, value in reach.tls(own).items()
    }
    if reach.has_credentials(own):
        query["credential_provider"] = CREDENTIALS
    return address._replace(query=urlencode(query)).geturl()


class WatchedChannel(SentinelChannel):
    """kombu's channel to a master that Sentinels name, which asks them as the ledger does.

    What it would take for that from Celery's settings, remote control would show to everybody.
    """

    def _sentinel_managed_pool(self, asynchronous: bool = False) -> Any:  # noqa: FBT001, FBT002 - kombu's signature
        given: dict[str, Any] = self._connparams(asynchronous)  # type: ignore[no-untyped-call]
        options = {name: value for name, value in given.items() if name not in ADDRESS}
        pool: Any = reach.pool(settings(), **options)
        if asynchronous:
            self._async_sentinel_manager = pool.sentinel_manager
        else:
            self._sentinel_manager = pool.sentinel_manager
        return pool


class WatchedTransport(SentinelTransport):
    Channel = WatchedChannel
