"""Limits that are changed while workers run, by Celery's remote control.

A rate holds in the ledger, for all workers of the release. A time limit holds in the worker that heard of it,
until it ends, as on stock Celery.
"""

from dataclasses import replace
from typing import Any

from celery.worker.control import control_command

from jobs.errors import JobsError
from jobs.ledger import ledger
from jobs.limits import Limits
from jobs.worker import drain
from jobs.worker.bind import limits_of, rate_of

AS_CODED = "code"
"""In the place of a rate: what the code says."""


def register() -> None:
    """Put these in the place of Celery's."""
    control_command(
        args=[("task_name", str), ("rate_limit", str)],
        signature="<task_name> <rate_limit (e.g., 5/s | 5/m | 5/h | 0 | code)>",
    )(rate_limit)
    control_command(
        args=[("task_name", str), ("soft", float), ("hard", float)],
        signature="<task_name> <soft_secs> [hard_secs]",
    )(time_limit)


def rate_limit(state: Any, task_name: str, rate_limit: Any, **_: Any) -> dict[str, str]:
    """Change a task's rate in the whole cluster; 0 is none, `code` what the task says."""
    crew, task = drain.crew(), state.app.tasks.get(task_name)
    if crew is None or task is None:
        return {"error": "unknown task"}
    coded = limits_of(task)
    try:
        rate = coded.task.rate if rate_limit == AS_CODED else rate_of(rate_limit)
        ledger().limit(
            crew.known, task_name, Limits(task=replace(coded.task, rate=rate), each_key=coded.each_key)
        )
    except (ValueError, JobsError) as error:
        return {"error": str(error)}
    said = {AS_CODED: "as its code says"}.get(rate_limit, f"{rate_limit}" if rate else "none")
    return {"ok": f"rate of {task_name} over all workers of this release: {said}"}


def time_limit(
    state: Any, task_name: str | None = None, hard: float | None = None, soft: float | None = None, **_: Any
) -> dict[str, str]:
    """Change a task's time limits in this worker, from its next attempts on.

    What is not said stays; 0 is no limit.
    """
    crew, task = drain.crew(), state.app.tasks.get(task_name)
    if crew is None or task is None:
        return {"error": "unknown task"}
    wanted = [
        task_value if said is None else said or None
        for said, task_value in ((soft, task.soft_time_limit), (hard, task.time_limit))
    ]
    if any(each is not None and not 0 < each < float("inf") for each in wanted):
        return {"error": "a time limit is a number of seconds"}
    if wanted[0] and wanted[1] and wanted[0] >= wanted[1]:
        return {"error": f"the soft limit, {wanted[0]:g} s, must be less than the hard one, {wanted[1]:g} s"}
    try:
        crew.time_limits.change(task.name, *wanted)
    except ValueError as error:
        return {"error": str(error)}
    told = ", ".join(
        f"{name} {'none' if each is None else f'{each:g} s'}"
        for name, each in zip(("soft", "hard"), wanted, strict=True)
    )
    return {"ok": f"time limits of {task_name} in this worker: {told}"}
