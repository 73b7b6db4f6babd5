"""The ledger as metrics: what was counted in it, what is in it now, and how its Redis is.

Each number is the whole ledger's. So one target alone serves them: whoever added up the targets of an API
with several pods would count each job several times.
"""

import platform
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import timedelta

from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from jobs.autoscale import pools, read_loads
from jobs.errors import IdempotencyConflict, LedgerFull, LedgerUnavailable, NotUnique, QueueFull
from jobs.ledger import Pulse, QueueSeen, Seen, ledger
from jobs.metrics import families
from jobs.metrics.sheet import Sheet
from jobs.registry import all_tasks
from jobs.version import VERSION

MOST = 200
"""Queues that no pool names, and tasks of a queue that nobody here declares, with series of their own.

Those of the others are added up under `OTHER`.
"""
OTHER = "(other)"
_REASONS = {
    "once": IdempotencyConflict.slug, "unique": NotUnique.slug, "long": QueueFull.slug,
    "full": LedgerFull.slug,
}  # fmt: skip


class OfLedger(Collector):
    """Reads the ledger each time that it is asked."""

    def collect(self) -> Iterator[Metric]:
        """Every family of `families.OF_LEDGER` that there is something to tell of.

        Where Redis does not answer, no number of jobs: a 0 would be a lie.
        """
        sheet = Sheet()
        try:
            queues = ledger().watch.queues(ledger().queues())
            wanted = {name for pool in pools() for name in pool.queues}
            name_of = _names(((queue.nth, queue.queue) for queue in queues), wanted)
            declared = {task.name for task in all_tasks()}
            for queue in queues:
                _tell_queue(sheet, queue, name_of(queue.queue), _task_names(queue, declared))
            _tell_pools(sheet, {queue.queue: queue for queue in queues if not queue.paused})
            _tell_pulse(sheet, ledger().watch.pulse())
            _tell_objectives(sheet)
        except LedgerUnavailable:
            sheet = Sheet()
            sheet.add(families.LEDGER_UP, 0)
        else:
            sheet.add(families.LEDGER_UP, 1)
        tell_build(sheet)
        return iter(sheet.families())


def tell_build(sheet: Sheet) -> None:
    sheet.add(families.BUILD, 1, VERSION, platform.python_version())


def _names(met: Iterable[tuple[int, str]], wanted: set[str]) -> Callable[[str], str]:
    """What a queue, or a task, is called by its label: its name, or `OTHER`.

    Those that are `wanted` and the `MOST` that were met first have their own, so that none loses it to a new
    one.
    """
    others = sorted(each for each in met if each[1] not in wanted)
    own = wanted | {name for _, name in others[:MOST]}
    return lambda name: name if name in own else OTHER


def _task_names(queue: QueueSeen, declared: set[str]) -> Callable[[str], str]:
    met = {each.task: each.nth for each in queue.seen}
    unmet = dict.fromkeys(queue.ready, len(met) + 1)  # counting is switched off
    return _names(((nth, task) for task, nth in (unmet | met).items()), declared)


def _tell_queue(sheet: Sheet, queue: QueueSeen, name: str, task_name: Callable[[str], str]) -> None:
    counts = queue.counts
    places = {
        "ready": counts.waiting, "scheduled": counts.scheduled, "running": counts.started,
        "retrying": counts.retry,
    }  # fmt: skip
    for state, number in places.items():
        sheet.add(families.JOBS, number, name, state)
    for task, number in queue.ready.items():
        sheet.add(families.READY, number, name, task_name(task))
    sheet.add(families.DEAD, queue.dead_letters, name)
    sheet.most(families.OLDEST, queue.oldest, name)
    sheet.least(families.PAUSED, queue.paused, name)
    sheet.add(families.BELLS, counts.bells, name)
    # Else one queue's gap could hide another's.
    sheet.add(families.GAP, abs(counts.gap) if name == OTHER else counts.gap, name)
    for seen in queue.seen:
        _tell_counted(sheet, seen, name, task_name(seen.task))
        _tell_timed(sheet, seen, name, task_name(seen.task))


def _tell_counted(sheet: Sheet, seen: Seen, *job: str) -> None:
    measured = any(number for event, number in seen.counted.items() if event.startswith("objective:"))
    for event, number in seen.counted.items():
        kind, _, which = event.partition(":")
        if kind == "objective" and not measured:
            continue
        labels = (_REASONS.get(which, which),) if which else ()
        # What has not happened yet is told as 0, so that the first shows as a rise; a refusal is less grave.
        if number or kind != "refused":
            sheet.add(_COUNTED[kind], number, *job, *labels)


_COUNTED = {
    "submitted": families.SUBMITTED, "repeated": families.REPEATED, "refused": families.REFUSED,
    "recovered": families.RECOVERED, "redriven": families.REDRIVEN, "ended": families.ATTEMPTS_ENDED,
    "finished": families.FINISHED, "objective": families.OBJECTIVE,
}  # fmt: skip


def _tell_timed(sheet: Sheet, seen: Seen, *job: str) -> None:
    sheet.add(families.ATTEMPTS_STARTED, seen.timed["wait"].count, *job)
    for name, family in _TIMED.items():
        sheet.time(family, seen.timed[name], *job)


_TIMED = {"wait": families.WAIT, "run": families.RUN, "total": families.TOTAL}


def _tell_objectives(sheet: Sheet) -> None:
    for task in all_tasks():
        if within := task.options.objective:
            sheet.add(families.OBJECTIVE_SECONDS, within, task.name)
            sheet.add(families.OBJECTIVE_RATIO, task.options.objective_ratio, task.name)


def _tell_pools(sheet: Sheet, queues: Mapping[str, QueueSeen]) -> None:
    """Each pool, with those of its queues that give out jobs."""
    for known in pools():
        sheet.add(families.POOL_OBJECTIVE, known.objective_seconds, known.name)
        ages = [queues[name].oldest for name in known.queues if name in queues]
        sheet.add(families.POOL_OLDEST, max(ages, default=timedelta(0)), known.name)
    for pool in read_loads():
        sheet.add(families.LOAD, pool.load, pool.pool)
        for kind in ("ready", "running", "due_soon", "held"):
            sheet.add(families.POOL_JOBS, getattr(pool, kind), pool.pool, kind)


def _tell_pulse(sheet: Sheet, pulse: Pulse) -> None:
    sheet.add(families.WORKERS, pulse.workers)
    sheet.add(families.LEASES, pulse.leases)
    sheet.add(families.LEASES_LOST, pulse.leases_lost)
    sheet.add(families.TICKS, pulse.ticks)
    if pulse.since_tick is not None:
        sheet.add(families.TICK_AGE, pulse.since_tick)
    sheet.add(families.RUNG, pulse.bells)
    sheet.add(families.ROUND_TRIP, pulse.round_trip)
    redis = pulse.redis
    if pulse.fsync and redis.get("aof_enabled"):
        sheet.add(families.FSYNC, 1, pulse.fsync)
    sheet.add(families.EVICTS, redis.get("maxmemory_policy", "noeviction") != "noeviction")
    sheet.add(families.FILE_WRITTEN, redis.get("aof_last_write_status", "ok") == "ok")
    for family, name in _OF_REDIS.items():
        if name in redis:
            sheet.add(family, float(redis[name]))


_OF_REDIS = {
    families.MEMORY: "used_memory", families.MEMORY_LIMIT: "maxmemory", families.EVICTED: "evicted_keys",
    families.FILE: "aof_enabled", families.REPLICAS: "connected_slaves",
    families.CLIENTS: "connected_clients", families.UPTIME: "uptime_in_seconds",
}  # fmt: skip
