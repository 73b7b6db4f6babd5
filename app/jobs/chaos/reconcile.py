"""What the ledger and the workers counted, held against each job's history, the witness and the kills."""

from collections import Counter
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
    # A job whose history was cut says nothing exact, and so does its task.
    inexact = {life.task for life in lives.values() if not life.is_whole}
    exact = {task_id: life for task_id, life in lives.items() if life.task not in inexact}
    counted = Counter({event: number for event, number in counted.items() if event[0] not in inexact})
    seated = {effect.pid for effects in attempts.values() for effect in effects}
    groups = (
        [
            f"job {task_id}: {fault}"
            for task_id, life in exact.items() for fault in life.faults(attempts.get(task_id, ()), judge)
        ],
        list(differences(counted, count_lives(exact.values()))),
        list(deaths.faults(strikes, seated)),
    )  # fmt: skip
    figures.miscounted, figures.deaths = sum(map(len, groups)), deaths.counted
    figures.examples += [f"miscounted: {fault}" for faults in groups for fault in faults[:EXAMPLES]]
