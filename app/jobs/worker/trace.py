"""Running one attempt: all that a task's author knows from Celery, and nothing that nobody reads.

Celery's own tracer gives the same and takes half of a short job's CPU. Here a signal is sent only
where somebody listens, a hook is called only where a task has one, and the outcome is a value.
"""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any

from billiard.common import terminate_handler_fired
from celery import signals
from celery._state import _task_stack
from celery.app.base import Celery
from celery.app.task import Context, Task
from celery.exceptions import Ignore, Reject, Retry
from celery.utils.objects import mro_lookup

from jobs.ledger import Claimed, Ending, State
from jobs.worker import meta
from jobs.worker.board import Slot
from jobs.worker.celery_task import JobTask, aware
from jobs.worker.current import set_current

logger = logging.getLogger("jobs.worker")
LONGEST_DELAY = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Returned:
    """The function came to its end; `result` is JSON."""

    value: Any
    result: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Raised:
    """The function, or what stands around it, raised."""

    error: BaseException


@dataclass(frozen=True, kw_only=True, slots=True)
class AskedRetry:
    """The task asked for another attempt."""

    retry: Retry


type Outcome = Returned | Raised | AskedRetry


@dataclass(kw_only=True, slots=True)
class Attempt:
    """One try at a job: the task, its request, and what came of it."""

    job: Claimed
    task: Task
    request: Context
    options: Mapping[str, Any]
    limits: tuple[float, float]
    """Soft and hard, in seconds; 0 for no limit."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Workplace:
    """What is the same for every attempt of a worker; Celery's settings are slow to read."""

    app: Celery
    hostname: str
    soft_limit: float
    """Seconds that an attempt may run where its task says nothing; 0 for no limit."""
    hard_limit: float


def run(place: Workplace, job: Claimed, slot: Slot) -> tuple[Attempt, Outcome]:
    """Run the attempt's user code. Raises nothing of the task's: whatever happens is the outcome."""
    task = place.app.tasks[job.task]
    options: Mapping[str, Any] = json.loads(job.options) if job.options != "{}" else {}
    request = _request(job, options, place.hostname)
    attempt = Attempt(job=job, task=task, options=options, request=request, limits=_limits(place, task, options))
    _task_stack.push(task)
    task.request_stack.push(attempt.request)
    set_current(job)
    try:
        outcome = _call(attempt, slot)
        _tell(attempt, outcome)
    finally:
        set_current(None)
        task.request_stack.pop()
        _task_stack.pop()
    return attempt, outcome


def _request(job: Claimed, options: Mapping[str, Any], hostname: str) -> Context:
    request = Context.__new__(Context)  # its own constructor sorts all that a message may carry
    request.__dict__.update(
        id=job.id, task=job.task, retries=job.retries + int(options.get("retries", 0)), hostname=hostname,
        called_directly=False, is_eager=False, root_id=options.get("root_id", job.id),
        parent_id=options.get("parent_id"), correlation_id=job.id, asked_retry=None, token=job.token,
        delivery_info={"exchange": "", "routing_key": job.queue, "priority": job.priority, "redelivered": False},
        headers=options.get("headers"), shadow=options.get("shadow"), utc=True,
    )  # fmt: skip
    if headers := options.get("headers"):
        request.__dict__.update({name: value for name, value in headers.items() if not hasattr(request, name)})
    if "ignore_result" in options:
        request.ignore_result = options["ignore_result"]
    return request


def _limits(place: Workplace, task: Task, options: Mapping[str, Any]) -> tuple[float, float]:
    soft = options.get("soft_time_limit") or task.soft_time_limit or place.soft_limit
    hard = options.get("time_limit") or task.time_limit or place.hard_limit
    return float(soft), float(hard)


def _call(attempt: Attempt, slot: Slot) -> Outcome:
    task, request, job = attempt.task, attempt.request, attempt.job
    try:
        args, kwargs = task.decode(job.arguments) if isinstance(task, JobTask) else json.loads(job.arguments)
        request.args, request.kwargs = args, kwargs
        function = task if _has_own(task, "__call__") else task.run
        if signals.task_prerun.receivers:
            signals.task_prerun.send(sender=task, task_id=job.id, task=task, args=args, kwargs=kwargs)
        if _has_own(task, "before_start"):
            task.before_start(job.id, args, kwargs)
        try:
            slot.begin(int(job.token), job.id, job.task, *attempt.limits)
            value = function(*args, **kwargs)
        finally:
            slot.end()
        if request.asked_retry is not None:  # retry(throw=False)
            return AskedRetry(retry=request.asked_retry)
        return Returned(value=value, result=task.dump(value) if isinstance(task, JobTask) else json.dumps(value))
    except Retry as retry:
        return AskedRetry(retry=retry)
    except Ignore:
        return Returned(value=None, result="null")
    except Reject as reject:
        return Raised(error=reject)
    except BaseException as error:
        if terminate_handler_fired():
            raise  # the process was told to end: the attempt has no outcome, the job goes to another
        return Raised(error=error)


def _tell(attempt: Attempt, outcome: Outcome) -> None:
    """Celery's signals and the task's own hooks. What they raise is logged and changes nothing."""
    task, job = attempt.task, attempt.job
    args, kwargs = attempt.request.args or (), attempt.request.kwargs or {}
    state, value, info = State.SUCCESS, None, None
    try:
        match outcome:
            case Returned(value=value):
                if signals.task_success.receivers:
                    signals.task_success.send(sender=task, result=value)
                if _has_own(task, "on_success"):
                    task.on_success(value, job.id, args, kwargs)
            case AskedRetry(retry=value):
                state, info = State.RETRY, _info(value)
                if signals.task_retry.receivers:
                    signals.task_retry.send(sender=task, request=attempt.request, reason=value, einfo=info)
                task.on_retry(value.exc, job.id, args, kwargs, info)
            case Raised(error=value):
                state, info = State.FAILURE, _info(value)
                signals.task_failure.send(
                    sender=task, task_id=job.id, exception=value, args=args, kwargs=kwargs,
                    traceback=value.__traceback__, einfo=info,
                )  # fmt: skip
                task.on_failure(value, job.id, args, kwargs, info)
        if _has_own(task, "after_return"):
            task.after_return(state.value, value, job.id, args, kwargs, info)
        if signals.task_postrun.receivers:
            signals.task_postrun.send(
                sender=task, task_id=job.id, task=task, args=args, kwargs=kwargs, retval=value, state=state.value
            )
    except Exception:
        logger.exception("job.hook_failed task=%s job=%s", job.task, job.id)


def ending(app: Celery, attempt: Attempt, outcome: Outcome) -> Ending:
    """How the ledger is to record an outcome; a failure may become a retry here."""
    children = _children(attempt.request)
    match outcome:
        case Returned(result=result):
            return Ending(outcome=State.SUCCESS, meta=_unless_ignored(attempt, meta.succeeded(result, children)))
        case AskedRetry(retry=retry):
            told = meta.failed(app, "RETRY", retry.exc or retry, children)
            when = retry.when
            countdown = when if isinstance(when, int | float) else 0
            due = aware(when) if not isinstance(when, int | float) else None
            arguments = getattr(retry, "arguments", "")
            return Ending(
                outcome=State.RETRY, meta=told, delay=timedelta(seconds=countdown), due=due, arguments=arguments
            )
        case Raised(error=error):
            if (delay := _own_retry(attempt, error)) is not None:
                return Ending(outcome=State.RETRY, meta=meta.failed(app, "RETRY", error, children), delay=delay)
            told = meta.failed(app, "FAILURE", error, children)
            return Ending(outcome=State.FAILURE, meta=_unless_ignored(attempt, told, error=True))


def _own_retry(attempt: Attempt, error: BaseException) -> timedelta | None:
    """The wait before the next attempt, where `@task` says that a failure is tried again."""
    declared = getattr(attempt.task, "declared", None)
    if declared is None or not isinstance(error, Exception) or isinstance(error, Reject):
        return None
    retries = attempt.request.retries
    if retries + 1 >= declared.options.max_attempts or isinstance(error, attempt.task.MaxRetriesExceededError):
        return None
    delay: timedelta = min(declared.options.retry_delay * 2**retries, LONGEST_DELAY)
    return delay


def _unless_ignored(attempt: Attempt, told: str, *, error: bool = False) -> str:
    ignored = attempt.request.__dict__.get("ignore_result", attempt.task.ignore_result)
    kept = error and attempt.task.store_errors_even_if_ignored
    return "" if ignored and not kept else told


def _children(request: Context) -> list[Any]:
    return [child.as_tuple() for child in request.children] if request.__dict__.get("_children") else []


def _has_own(task: Task, method: str) -> bool:
    return _class_has_own(type(task), method)


@cache
def _class_has_own(task: type[Task], method: str) -> bool:
    """Whether a task's class has a method of its own, below Celery's."""
    patched = ["celery.app.task", "celery.app.trace"]
    return mro_lookup(task, method, stop={Task, object}, monkey_patched=patched) is not None


def _info(error: BaseException) -> Any:
    from billiard.einfo import ExceptionInfo

    return ExceptionInfo((type(error), error, error.__traceback__))
