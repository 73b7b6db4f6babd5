"""The platform's worker with Celery's own tracer around each attempt instead of the lean one.

For comparison only: no setting of the product does this. It is loaded as `celery -A celery_tracer`.
"""

from functools import cache
from typing import Any

from celery.app.task import Context, Task
from celery.app.trace import build_tracer

from djangoNinja import app
from jobs.ledger import Claimed
from jobs.worker import trace
from jobs.worker.board import Slot
from jobs.worker.outcome import Attempt, Outcome, Raised, Returned

__all__ = ["app"]
NO_CHILDREN = Context()


@cache
def _tracer(task: Task, hostname: str) -> Any:
    return build_tracer(task.name, task, app=app, hostname=hostname)


def run(place: trace.Workplace, job: Claimed, slot: Slot) -> tuple[Attempt, Outcome]:
    """One attempt through Celery's tracer; the ledger records its end as ever."""
    task = place.tasks[job.task]
    args, kwargs = task.decode(job.arguments)
    request = {
        "id": job.id, "task": job.task, "retries": job.retries, "hostname": place.hostname, "root_id": job.id,
        "parent_id": None, "correlation_id": job.id, "args": args, "kwargs": kwargs,
        "delivery_info": {"exchange": "", "routing_key": job.queue, "priority": 0, "redelivered": False},
        "ignore_result": True,  # its result is the ledger's to write
    }  # fmt: skip
    attempt = Attempt(job=job, task=task, options={}, request=NO_CHILDREN, limits=(0.0, 0.0))
    slot.begin(int(job.token), job.id, job.task, 0.0, 0.0)
    value, fault, _, _ = _tracer(task, place.hostname)(job.id, args, kwargs, request)
    slot.end()
    if fault is not None:
        return attempt, Raised(error=fault.retval)
    return attempt, Returned(value=value, result=task.dump(value), seconds=0.0)


trace.run = run
