"""Everything that lies in a ledger's Redis, read at once and past the ledger's own code."""

import re
from collections import Counter
from dataclasses import dataclass
from typing import Any

from redis import Redis

P = "tb:"
ORDERS = ("scheduled", "started", "retry", "success", "failure", "revoked")
FINAL_ORDERS = frozenset({"success", "failure", "revoked"})
NEEDS_NO_TTL = re.compile(
    rf"{P}(queues|tick|bells|leases|rubbish|(queue|lane|lanes|{'|'.join(ORDERS)}):.*)", re.DOTALL
)
"""The short list; besides, a job that has not ended, a holder that has a lease, and bells."""


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
                found.update((job_id, rest, kind) for job_id, _ in value)
        return found

    def lanes(self, queue: str) -> dict[str, float]:
        return dict(self.values.get(f"{P}lanes:{queue}", []))

    def lane_heads(self, queue: str) -> dict[str, float]:
        """What `lanes` must be: each lane at the place of its first job."""
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
            and not isinstance(self.values[key], list)  # the bells of a queue
            and self.values[key].get("state") not in {"PENDING", "STARTED", "RETRY"}
        ]


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
    elif kind in {"lane", "lanes", "leases", *ORDERS}:
        pipe.zrange(key, 0, -1, withscores=True)
    elif kind in {"queues", "rubbish"}:
        pipe.smembers(key)
    elif kind in {"bells", "worker"}:
        pipe.get(key)
    else:
        pipe.hgetall(key)
