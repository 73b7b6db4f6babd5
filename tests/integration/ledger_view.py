"""Everything that lies in a ledger's Redis, read at once and past the ledger's own code."""

import re
from collections import Counter
from dataclasses import dataclass
from typing import Any

from redis import Redis

P = "tb:"
ORDERS = ("scheduled", "started", "retry", "success", "failure", "revoked")
FINAL_ORDERS = frozenset({"success", "failure", "revoked"})
QUEUE_KEYS = (
    "queue",
    "seen",
    "tally",
    "waiting",
    "plain",
    "fair",
    "keys",
    "lane",
    "parked",
    "tasks",
    "turns",
    "shelves",
    *ORDERS,
)
NEEDS_NO_TTL = re.compile(
    rf"{P}(queues|tick|bells|leases|rubbish|timers|timers_old|expiring|cancels|paused|workers"
    rf"|({'|'.join(QUEUE_KEYS)}|slots|waiters|unique):.*)",
    re.DOTALL,
)
"""The short list; besides, an unfinished job and what it has, a holder that has a lease, and bells."""
ZSETS = {
    "lane",
    "keys",
    "plain",
    "fair",
    "waiting",
    "turns",
    "shelves",
    "leases",
    "timers",
    "timers_old",
    "expiring",
    "workers",
}
SETS = {"seen", "queues", "rubbish", "paused", "slots", "waiters", "gone"}
TEXTS = {"bells", "worker", "unique", "rate"}
LISTS = {"attempts", "log"}


@dataclass
class View:
    """The keys, each with its value and its TTL in milliseconds (-1 for none)."""

    values: dict[str, Any]
    ttls: dict[str, int]

    def record(self, job_id: str) -> dict[str, str]:
        return dict(self.values.get(f"{P}job:{job_id}", {}))

    def orders(self) -> Counter[tuple[str, str, str]]:
        """How often each (id, queue, order) is there."""
        found: Counter[tuple[str, str, str]] = Counter()
        for key, value in self.values.items():
            kind, _, rest = key.removeprefix(P).partition(":")
            if kind == "lane":
                found.update((job_id, rest.partition("\n")[0], "lane") for job_id, _ in value)
            elif kind in ORDERS:
                found.update((job_id, rest.partition("\n")[0], kind) for job_id, _ in value)
        return found

    def scores(self, order: str, name: str) -> dict[str, float]:
        """The members of a sorted set with their scores."""
        return dict(self.values.get(f"{P}{order}:{name}", []))

    def members(self, kind: str) -> dict[str, set[str]]:
        """All sets of a kind, by what follows the kind in their names."""
        prefix = f"{P}{kind}:"
        return {
            key.removeprefix(prefix): set(value)
            for key, value in self.values.items()
            if key.startswith(prefix)
        }

    def lane_heads(self, queue: str) -> dict[str, float]:
        """Each lane's first place, by node."""
        prefix = f"{P}lane:{queue}\n"
        return {k.removeprefix(prefix): v[0][1] for k, v in self.values.items() if k.startswith(prefix)}

    def without_a_reason_to_stay(self) -> list[str]:
        """Keys that have no TTL and should."""
        leased = {f"{P}holder:{holder}" for holder, _ in self.values.get(f"{P}leases", [])}
        return [
            key
            for key, ttl in self.ttls.items()
            if ttl == -1
            and not NEEDS_NO_TTL.fullmatch(key)
            and key not in leased
            and key.startswith(P)  # bells have none
            and not self._unfinished(key)
        ]

    def _unfinished(self, key: str) -> bool:
        kind, _, job_id = key.removeprefix(P).partition(":")
        state = self.record(job_id).get("state")
        return kind in {"job", *LISTS} and state in {"PENDING", "STARTED", "RETRY"}


def look(raw: Redis) -> View:
    """Read it all, in two round trips and a bit."""
    keys = [key for key in raw.scan_iter(count=1000) if not key.startswith(f"{P}known:")]
    pipe = raw.pipeline(transaction=False)
    for key in keys:
        pipe.pttl(key)
        _read(pipe, key)
    answers = pipe.execute()
    return View(dict(zip(keys, answers[1::2], strict=True)), dict(zip(keys, answers[::2], strict=True)))


def _read(pipe: Any, key: str) -> None:
    kind = key.removeprefix(P).partition(":")[0]
    if not key.startswith(P):
        pipe.get(key) if key.startswith("celery-task-meta-") else pipe.lrange(key, 0, -1)
    elif kind == "tally":
        pipe.strlen(key)  # it is no text
    elif kind in {*ZSETS, *ORDERS}:
        pipe.zrange(key, 0, -1, withscores=True)
    elif kind in SETS:
        pipe.smembers(key)
    elif kind in TEXTS:
        pipe.get(key)
    elif kind in LISTS:
        pipe.lrange(key, 0, -1)
    else:
        pipe.hgetall(key)
