"""Celery's signals and a task's own hooks after an attempt: sent where somebody listens, called where one is."""

import logging
from functools import cache
from typing import Any

from celery import signals
from celery.app.task import Task
from celery.utils.objects import mro_lookup

from jobs.worker.outcome import AskedRetry, Attempt, HandedBack, Ignored, Outcome, Raised, Returned

logger = logging.getLogger("jobs.worker")


def tell(attempt: Attempt, outcome: Outcome) -> None:
    """Celery's signals and the task's own hooks. What they raise is logged and changes nothing."""
    task, job = attempt.task, attempt.job
    args, kwargs = attempt.request.args or (), attempt.request.kwargs or {}
    state, value, info = "SUCCESS", None, None
    try:
        match outcome:
            case Returned(value=value):
                if signals.task_success.receivers:
                    signals.task_success.send(sender=task, result=value, runtime=outcome.seconds)
                if has_own(task, "on_success"):
                    task.on_success(value, job.id, args, kwargs)
            case AskedRetry(retry=value):
                state, info = "RETRY", _info(value)
                if signals.task_retry.receivers:
                    signals.task_retry.send(sender=task, request=attempt.request, reason=value, einfo=info)
                task.on_retry(value.exc, job.id, args, kwargs, info)
            case Raised(error=value):
                state, info = "FAILURE", _info(value)
                signals.task_failure.send(
                    sender=task, task_id=job.id, exception=value, args=args, kwargs=kwargs,
                    traceback=value.__traceback__, einfo=info,
                )  # fmt: skip
                task.on_failure(value, job.id, args, kwargs, info)
            case Ignored():
                state = "IGNORED"
            case HandedBack(reject=value):
                state = "REJECTED"
        if state in ("SUCCESS", "FAILURE") and has_own(task, "after_return"):
            task.after_return(state, value, job.id, args, kwargs, info)
        if signals.task_postrun.receivers:
            signals.task_postrun.send(
                sender=task, task_id=job.id, task=task, args=args, kwargs=kwargs, retval=value, state=state
            )
    except Exception as error:
        logger.exception("job.hook_failed task=%s job=%s", job.task, job.id)
        signals.task_internal_error.send(
            sender=task, task_id=job.id, args=args, kwargs=kwargs, request=attempt.request, exception=error,
            traceback=error.__traceback__, einfo=_info(error),
        )  # fmt: skip


def has_own(task: Task, method: str) -> bool:
    return _class_has(type(task), method)


@cache
def _class_has(task: type[Task], method: str) -> bool:
    """Whether a task's class has a method of its own, below Celery's."""
    patched = ["celery.app.task", "celery.app.trace"]
    return mro_lookup(task, method, stop={Task, object}, monkey_patched=patched) is not None


def _info(error: BaseException) -> Any:
    from billiard.einfo import ExceptionInfo

    return ExceptionInfo((type(error), error, error.__traceback__))
