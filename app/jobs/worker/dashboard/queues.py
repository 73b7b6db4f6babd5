"""What Flower tells of queues: how many of their jobs are where, by the ledger.

Flower's own client would count bells, and can reach neither a Redis whose password changes nor one that
several Sentinels watch.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from flower.views.broker import BrokerView
from tornado import web

from jobs.errors import JobsError
from jobs.ledger import ledger


class Queues:
    """Stands where Flower asks a broker how long its queues are."""

    def __init__(self, *_: Any, **__: Any) -> None:
        """Flower hands over the broker's address; the ledger has its own."""

    async def queues(self, names: Iterable[str]) -> list[dict[str, Any]]:
        """What there is of these queues, of those that workers serve, and of all that ever had a job."""
        try:
            return await asyncio.to_thread(_read, set(names))
        except JobsError as error:
            raise web.HTTPError(error.status, f"{error.title()} {error.detail}") from error


def _read(names: set[str]) -> list[dict[str, Any]]:
    serving = Counter(
        queue for worker in ledger().browse.workers() for queue in worker.facts.get("queues", ())
    )
    return [_told(name, serving[name]) for name in sorted({*names, *serving, *ledger().queues()})]


def _told(name: str, workers: int) -> dict[str, Any]:
    counts, browse = ledger().counts(name), ledger().browse
    oldest = browse.oldest(name)
    return {
        "name": name, "messages": counts.waiting, "scheduled": counts.scheduled, "retry": counts.retry,
        "started": counts.started, "dead_letters": browse.dead(name), "paused": browse.paused(name),
        "oldest_seconds": oldest and round(max((datetime.now(UTC) - oldest).total_seconds(), 0), 3),
        "workers": workers,
    }  # fmt: skip


def names(handler: Any) -> list[str]:
    """No more than the ledger's: Flower would know those of workers that it asked at some time."""
    return []


class QueuesView(BrokerView):
    """The Broker page."""

    @web.authenticated
    async def get(self) -> None:
        queues = await self.get_broker().queues(self.get_active_queue_names())
        self.render("broker.html", broker_url=self.application.broker_uri, queues=queues)
