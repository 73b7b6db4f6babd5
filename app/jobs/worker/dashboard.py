"""What Flower tells of a queue: how many of its jobs wait, by the ledger.

Flower's own client would count bells, and can reach neither a Redis whose password changes nor one that
several Sentinels watch.
"""

import asyncio
from collections.abc import Iterable
from typing import Any

from flower import views

from jobs.ledger import ledger


class Queues:
    """Stands where Flower asks a broker how long its queues are."""

    def __init__(self, *_: Any, **__: Any) -> None:
        """Flower hands over the broker's address; the ledger has its own."""

    async def queues(self, names: Iterable[str]) -> list[dict[str, Any]]:
        return await asyncio.to_thread(_waiting, sorted(names))


def _waiting(names: list[str]) -> list[dict[str, Any]]:
    return [{"name": name, "messages": ledger().counts(name).waiting} for name in names]


def install() -> None:
    """For the Flower of this process."""
    views.Broker = Queues
