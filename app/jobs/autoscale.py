"""The signal that sizes the workers: how many jobs want a slot, pool by pool."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from jobs.conf import Pool, settings
from jobs.errors import PoolNotFound
from jobs.ledger import Load, ledger


@dataclass(frozen=True, kw_only=True)
class PoolLoad:
    """How much work a pool of workers has."""

    pool: str
    queues: tuple[str, ...]
    ready: int
    running: int
    due_soon: int
    held: int

    @property
    def load(self) -> int:
        """Jobs that want a slot. It counts what runs, so that it never falls below what is in hand."""
        return self.ready + self.running + self.due_soon


def pools() -> tuple[Pool, ...]:
    """The pools that there are: those of the settings, or one for the default queue."""
    own = settings()
    return own.POOLS or (Pool(name="default", queues=(own.DEFAULT_QUEUE,)),)


def read_loads() -> list[PoolLoad]:
    """The load of every pool, in one call to Redis, at one instant.

    A queue that several pools serve counts in each of them in full: which of them takes its jobs is not
    known beforehand.

    Raises:
        LedgerUnavailable: Redis does not answer.
    """
    return _read(pools())


def read_load(name: str) -> PoolLoad:
    """The load of one pool.

    Raises:
        PoolNotFound: there is none of this name.
        LedgerUnavailable: as `read_loads`.
    """
    found = [pool for pool in pools() if pool.name == name]
    if not found:
        known = ", ".join(pool.name for pool in pools())
        raise PoolNotFound(f"{name[:40]}: JOBS_POOLS names {known}.")
    return _read(found)[0]


class Signal:
    """The load of every pool, for whoever reads it again and again."""

    def read(self) -> Mapping[str, int]:
        """Jobs that want a slot, by pool; raises as `read_loads`."""
        return {each.pool: each.load for each in read_loads()}


def _read(wanted: Iterable[Pool]) -> list[PoolLoad]:
    names = sorted({queue for pool in wanted for queue in pool.queues})
    loads = dict(zip(names, ledger().loads(names, settings().LOOK_AHEAD), strict=True))
    return [_sum(pool, [loads[queue] for queue in dict.fromkeys(pool.queues)]) for pool in wanted]


def _sum(pool: Pool, loads: Iterable[Load]) -> PoolLoad:
    all_of = list(loads)
    return PoolLoad(
        pool=pool.name, queues=pool.queues,
        ready=sum(each.ready for each in all_of), running=sum(each.running for each in all_of),
        due_soon=sum(each.due_soon for each in all_of), held=sum(each.held for each in all_of),
    )  # fmt: skip
