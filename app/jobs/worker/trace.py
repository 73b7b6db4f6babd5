"""Running one attempt: all that a task's author knows from Celery, and nothing that nobody reads.

Celery's own tracer gives the same for half as much CPU again. Here a signal is sent only
where somebody listens, a hook is called only where a task has one, and the outcome is a value.
"""

import json
import logging
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from billiard.common import terminate_handler_fired
from celery._state import _task_stack
from celery.app.base import Celery
from celery.app.task import Context, Task
from celery.exceptions import Ignore, Reject, Retry, WorkerShutdown, WorkerTerminate

from jobs import tracing
from jobs.ledger import Claimed
from jobs.origin import KEPT_AS, request_id
from jobs.retry import next_wait
from jobs.worker.board import Slot
from jobs.worker.celery_task import JobTask
from jobs.worker.current import heard_of_cancel, noted_state, set_current
from jobs.worker.hooks import before, has_own, tell
from jobs.worker.outcome import AskedRetry, Attempt, Cancelled, HandedBack, Ignored, Outcome, Raised, Returned

logger = logging.getLogger("jobs.worker")
TOLD = ("ignore_result", "eta", "expires", "stamped_headers", "stamps")
"""What a submit says that the task finds in its request as it is."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Workplace:
    """What is the same for every attempt of a worker; Celery's settings are slow to read."""

    app: Celery
    tasks: Mapping[str, Task]
    hostname: str
    soft_limit: float
    """Seconds that an attempt may run where its task says nothing; 0 for no limit."""
    hard_limit: float


def run(place: Workplace, job: Claimed, slot: Slot) -> tuple[Attempt, Outcome]:
    """Run the attempt's user code. Raises nothing of the task's: whatever happens is the outcome."""
    task = place.tasks[job.task]
    options: Mapping[str, Any] = json.loads(job.options) if job.options != "{}" else {}
    request = _request(task, job, options, place.hostname)
    attempt = Attempt(
        job=job, task=task, options=options, request=request, limits=_limits(place, task, options)
    )
    _task_stack.push(task)
    task.request_stack.push(attempt.request)
    set_current(job, slot)
    if KEPT_AS in options:
        request_id.set(str(options[KEPT_AS]))
    try:
        outcome = _unless_cancelled(_call(attempt, slot), slot, int(job.token))
        tell(attempt, outcome)
    finally:
        slot.end()  # again: a soft limit can be raised inside the first
        set_current(None)
        # Their own `pop` gives up an emptied stack, and the next attempt would make it anew.
        del task.request_stack.stack[-1:]
        del _task_stack.stack[-1:]
    return attempt, outcome


def _request(task: Task, job: Claimed, options: Mapping[str, Any], hostname: str) -> Context:
    request = Context.__new__(Context)  # its own constructor sorts all that a message may carry
    request.__dict__.update(
        id=job.id, task=job.task, retries=job.retries + int(options.get("retries", 0)), hostname=hostname,
        called_directly=False, is_eager=False, root_id=options.get("root_id", job.id), utc=True,
        parent_id=options.get("parent_id"), correlation_id=job.id, asked_retry=None, token=job.token,
        headers=options.get("headers"), shadow=options.get("shadow"),
        max_attempts=options.get("max_attempts"), retries_spent=False,
        delivery_info={
            "exchange": "", "routing_key": job.queue, "priority": job.priority,
            "redelivered": job.attempt > job.retries + 1,
        },
    )  # fmt: skip
    hard = options.get("time_limit") or task.time_limit
    soft = options.get("soft_time_limit") or task.soft_time_limit
    if hard or soft:
        request.__dict__.update(timelimit=[hard, soft], time_limit=hard, soft_time_limit=soft)
    if options:
        request.__dict__.update({name: options[name] for name in TOLD if name in options})
        headers = options.get("headers") or {}
        request.__dict__.update({name: told for name, told in headers.items() if not hasattr(request, name)})
        if headers:  # an instrumentation of Celery looks there for what it goes on with: this attempt
            request.__dict__.update(tracing.headers())
    return request


def _limits(place: Workplace, task: Task, options: Mapping[str, Any]) -> tuple[float, float]:
    soft = options.get("soft_time_limit") or task.soft_time_limit or place.soft_limit
    hard = options.get("time_limit") or task.time_limit or place.hard_limit
    return float(soft), float(hard)


def _call(attempt: Attempt, slot: Slot) -> Outcome:
    try:
        return _function(attempt, slot)
    except Retry as retry:
        return AskedRetry(retry=retry)
    except Ignore as ignore:
        return Ignored(ignore=ignore, state=noted_state())
    except Reject as reject:
        return HandedBack(reject=reject) if reject.requeue else Raised(error=reject)
    except BaseException as error:
        if terminate_handler_fired() or isinstance(error, WorkerShutdown | WorkerTerminate):
            raise  # the process was told to end: the attempt has no outcome, the job goes to another
        asked = attempt.request.asked_retry  # it comes, whatever the task did afterwards
        raised = Raised(error=error, again=_own_retry(attempt, error))
        return raised if asked is None else AskedRetry(retry=asked)


def _unless_cancelled(outcome: Outcome, slot: Slot, token: int) -> Outcome:
    """A cancelled job that raised, or that returned after it was told, did what was asked of it.

    One that came to its end without having asked is a success: it is all done.
    """
    if slot.cancel != token or (isinstance(outcome, Returned) and not heard_of_cancel()):
        return outcome
    return Cancelled()


def _function(attempt: Attempt, slot: Slot) -> Outcome:
    task, request, job = attempt.task, attempt.request, attempt.job
    args, kwargs = task.decode(job.arguments) if isinstance(task, JobTask) else json.loads(job.arguments)
    request.args, request.kwargs = args, kwargs
    before(attempt)
    function = task if has_own(task, "__call__") else task.run
    began = time.monotonic()
    try:
        slot.begin(int(job.token), job.id, job.task, *attempt.limits)
        value = function(*args, **kwargs)
    finally:
        slot.end()
    if request.asked_retry is not None:  # retry(throw=False)
        return AskedRetry(retry=request.asked_retry)
    seconds = time.monotonic() - began
    result = task.dump(value) if isinstance(task, JobTask) else json.dumps(value)
    return Returned(value=value, result=result, seconds=seconds)


def _own_retry(attempt: Attempt, error: BaseException) -> timedelta | None:
    """The wait before the next attempt, where `@task` says that a failure is tried again."""
    declared = getattr(attempt.task, "declared", None)
    final = attempt.request.retries_spent or isinstance(error, attempt.task.MaxRetriesExceededError)
    if declared is None or final or not isinstance(error, Exception):
        return None
    return next_wait(
        declared.options, error, retries=attempt.request.retries, max_attempts=attempt.request.max_attempts,
        random=random.random, now=datetime.now(UTC),
    )  # fmt: skip
