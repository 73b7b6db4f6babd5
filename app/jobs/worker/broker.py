"""Celery's own way to Redis: what it takes to reach the bells as the ledger is reached."""

from typing import Any

from celery.app.base import Celery

from jobs.conf import Settings, settings
from jobs.ledger import reach

CREDENTIALS = f"{reach.Credentials.__module__}.{reach.Credentials.__qualname__}"


def install(app: Celery) -> None:
    """Once this application's settings are read, its connections go where the ledger's go."""
    app.on_after_configure.connect(_on_configured)


def _on_configured(source: Any, **_: Any) -> None:
    source.update(celery_settings(settings()))


def celery_settings(own: Settings) -> dict[str, Any]:
    """What Celery is told; `broker_read_url` and `broker_write_url` stand over `CELERY_BROKER_URL`."""
    url = own.REDIS_URL
    if reach.has_credentials(own):
        url += f"{'&' if '?' in url else '?'}credential_provider={CREDENTIALS}"
    return {"broker_read_url": url, "broker_write_url": url}
