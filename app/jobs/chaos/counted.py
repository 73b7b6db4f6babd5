"""What the ledger's own counters tell of a run, held against the jobs and their attempts, by task."""

from collections import Counter
from collections.abc import Iterable, Iterator

from jobs.chaos.lives import Life
from jobs.ledger import Ledger

type Counted = Counter[tuple[str, str]]
"""How often by task and event: `submitted`, `started`, `recovered`, `redriven`; `ended:` with an attempt's
outcome; `finished:` with a job's state."""

UNTOLD = ("repeated", "refused:", "objective:")
"""Events that no job or attempt tells of, as far as the ledger's names for them go."""


def read_counted(ledger: Ledger) -> Counted:
    """What was counted so far; raises `LedgerUnavailable`."""
    counted: Counted = Counter()
    for queue in ledger.watch.queues(ledger.queues()):
        for seen in queue.seen:
            counted.update({
                (seen.task, event): number
                for event, number in seen.counted.items() if not event.startswith(UNTOLD)
            })  # fmt: skip
            counted[seen.task, "started"] += seen.timed["wait"].count
    return counted


def count_lives(lives: Iterable[Life]) -> Counted:
    """What must have been counted of these jobs."""
    counted: Counted = Counter()
    for life in lives:
        events = ["submitted", *(["recovered"] * life.recovered)]
        events += [f"finished:{life.state}"] if life.is_final else []
        for _, outcome in life.attempts:
            events += ["started"] if outcome == "STARTED" else ["started", f"ended:{outcome}"]
        counted.update((life.task, event) for event in events)
    return counted


def differences(counted: Counted, expected: Counted) -> Iterator[str]:
    """Where the one is not the other."""
    for task, event in sorted(counted.keys() | expected.keys()):
        if (found := counted[task, event]) != (right := expected[task, event]):
            yield f"{task}: {event}: counted {found:,}, and there were {right:,}"
