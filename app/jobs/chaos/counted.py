"""What the ledger's own counters tell of a run, held against the jobs and their attempts, by task."""

from collections import Counter
from collections.abc import Iterable, Iterator

from jobs.chaos.lives import Life
from jobs.ledger import Ledger

type Counted = Counter[tuple[str, str]]
"""How often by task and event: the ledger's own, and how often it timed a `wait`, a `run` and a `total`."""

UNTOLD = "repeated"
"""Of this neither a job nor an attempt tells: a submit that got the job that was there."""
UNTIMED = frozenset({"LOST", "PENDING"})
"""Outcomes of attempts that were cut short: how long they ran is not timed."""


def read_counted(ledger: Ledger) -> Counted:
    """What was counted so far; raises `LedgerUnavailable`."""
    counted: Counted = Counter()
    for queue in ledger.watch.queues(ledger.queues()):
        for seen in queue.seen:
            events = dict(seen.counted) | {event: timed.count for event, timed in seen.timed.items()}
            counted.update({
                (seen.task, event): number for event, number in events.items() if event != UNTOLD
            })  # fmt: skip
    return counted


def count_lives(lives: Iterable[Life]) -> Counted:
    """What must have been counted of these jobs."""
    counted: Counted = Counter()
    for life in lives:
        events = ["submitted", *(["recovered"] * life.recovered)]
        events += [f"finished:{life.state}", "total"] if life.is_final else []
        for _, outcome in life.attempts:
            events += ["wait"]
            if outcome != "STARTED":
                events += [f"ended:{outcome}"] if outcome in UNTIMED else [f"ended:{outcome}", "run"]
        counted.update((life.task, event) for event in events)
    return counted


def differences(counted: Counted, expected: Counted) -> Iterator[str]:
    """Where the one is not the other."""
    for task, event in sorted(counted.keys() | expected.keys()):
        if (found := counted[task, event]) != (right := expected[task, event]):
            yield f"{task}: {event}: counted {found:,}, and there were {right:,}"
