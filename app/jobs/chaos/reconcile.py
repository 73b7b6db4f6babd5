"""What the ledger and the workers counted, held against each job's history, the witness and the kills."""

from collections.abc import Mapping, Sequence

from jobs.chaos.counted import Counted, count_lives, differences
from jobs.chaos.deaths import Deaths
from jobs.chaos.figures import EXAMPLES, Figures
from jobs.chaos.judge import Judge
from jobs.chaos.lives import Life
from jobs.chaos.strikes import Strike
from jobs.chaos.witness import Effect


def reconcile(
    figures: Figures,
    counted: Counted,
    lives: Mapping[str, Life],
    attempts: Mapping[str, Sequence[Effect]],
    deaths: Deaths,
    strikes: list[Strike],
) -> None:
    """Write down how much is not what it must be."""
    judge = Judge(strikes)
    faults = [
        f"job {task_id}: {fault}"
        for task_id, life in lives.items() for fault in life.faults(attempts.get(task_id, ()), judge)
    ]  # fmt: skip
    faults += differences(counted, count_lives(lives.values()))
    faults += deaths.faults(strikes)
    figures.miscounted, figures.deaths = len(faults), deaths.counted
    figures.examples += [f"miscounted: {fault}" for fault in faults[:EXAMPLES]]
