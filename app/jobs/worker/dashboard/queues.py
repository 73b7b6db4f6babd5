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
        """What there is of these queues, and of all others that ever had a job."""
        try:
            return await asyncio.to_thread(_read, set(names))
        except JobsError as error:
            raise web.HTTPError(error.status, f"{error.title()} {error.detail}") from error


def _read(names: set[str]) -> list[dict[str, Any]]:
    return [_told(name) for name in sorted(names | set(ledger().queues()))]


def _told(name: str) -> dict[str, Any]:
    counts, browse = ledger().counts(name), ledger().browse
    oldest = browse.oldest(name)
    return {
        "name": name, "messages": counts.waiting, "scheduled": counts.scheduled, "retry": counts.retry,
        "started": counts.started, "dead_letters": browse.dead(name), "paused": browse.paused(name),
        "oldest_seconds": oldest and round(max((datetime.now(UTC) - oldest).total_seconds(), 0), 3),
    }  # fmt: skip


def names(handler: Any) -> list[str]:
    """The queues that workers serve; without any, the application's own."""
    found = set(_serving(handler)) or {handler.capp.conf.task_default_queue}
    return sorted(found)


def _serving(handler: Any) -> Counter[str]:
    """How many of the workers that Flower sees alive serve each queue."""
    living = handler.application.events.state.workers
    return Counter(
        queue["name"]
        for name, info in handler.application.workers.items()
        if name not in living or living[name].alive
        for queue in info.get("active_queues", [])
    )


class QueuesView(BrokerView):
    """The Broker page."""

    @web.authenticated
    async def get(self) -> None:
        queues = await self.get_broker().queues(self.get_active_queue_names())
        self.render(
            "broker.html", broker_url=self.application.broker_uri, queues=queues, serving=_serving(self)
        )
