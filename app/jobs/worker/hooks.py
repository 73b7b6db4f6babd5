"""Celery's signals and a task's own hooks: sent where somebody listens, called where one is."""

import logging
import os
from datetime import timedelta
from functools import cache
from typing import Any

from billiard.einfo import ExceptionInfo
from celery import signals
from celery.app.task import Task
from celery.exceptions import Retry
from celery.utils.objects import mro_lookup

from jobs.worker.outcome import AskedRetry, Attempt, Cancelled, HandedBack, Ignored, Outcome, Raised, Returned

logger = logging.getLogger("jobs.worker")


def before(attempt: Attempt) -> None:
    """What comes before the task's function, in Celery's order. What the hook raises is the outcome."""
    task, job, request = attempt.task, attempt.job, attempt.request
    if signals.task_prerun.receivers:
        signals.task_prerun.send(
            sender=task, task_id=job.id, task=task, args=request.args, kwargs=request.kwargs
        )
    if task.track_started and not attempt.ignores_result:
        task.update_state(state="STARTED", meta={"pid": os.getpid(), "hostname": request.hostname})
    if has_own(task, "before_start"):
        task.before_start(job.id, request.args, request.kwargs)


def tell(attempt: Attempt, outcome: Outcome) -> None:
    """What comes after it. What is raised here is logged and changes nothing: the outcome stands."""
    try:
        _tell(attempt, outcome)
    except Exception:
        logger.exception("job.not_told task=%s job=%s", attempt.job.task, attempt.job.id)


def _tell(attempt: Attempt, outcome: Outcome) -> None:
    task, job = attempt.task, attempt.job
    args, kwargs = attempt.request.args or (), attempt.request.kwargs or {}
    state, value = "SUCCESS", None
    match outcome:
        case Returned(value=value):
            _tell_success(attempt, outcome)
        case AskedRetry(retry=retry):
            state, value = "RETRY", retry
            _tell_retry(attempt, retry)
        case Raised(error=error, again=timedelta() as wait):
            state, value = "RETRY", Retry(exc=error, when=wait.total_seconds())
            _tell_retry(attempt, value.with_traceback(error.__traceback__))
        case Raised(error=error):
            state, value = "FAILURE", error
            _tell_failure(attempt, error)
        case Cancelled() | Ignored() | HandedBack():
            state, value = _tell_stopped(attempt, outcome)
    if signals.task_postrun.receivers:
        signals.task_postrun.send(
            sender=task, task_id=job.id, task=task, args=args, kwargs=kwargs, retval=value, state=state
        )


def _tell_stopped(attempt: Attempt, outcome: Cancelled | Ignored | HandedBack) -> tuple[str, Any]:
    """Of what is neither a success nor a failure; gives its name and value."""
    match outcome:
        case Cancelled():
            if signals.task_revoked.receivers:
                signals.task_revoked.send(
                    sender=attempt.task, request=attempt.request, terminated=True, signum=None, expired=False
                )
            return "REVOKED", None
        case Ignored(ignore=ignore):
            return "IGNORED", ignore
        case HandedBack(reject=reject):
            return "REJECTED", reject


def _tell_success(attempt: Attempt, outcome: Returned) -> None:
    args, kwargs = attempt.request.args, attempt.request.kwargs
    _hook(attempt, "on_success", outcome.value, attempt.job.id, args, kwargs)
    if signals.task_success.receivers:
        signals.task_success.send(sender=attempt.task, result=outcome.value, runtime=outcome.seconds)
    _hook(attempt, "after_return", "SUCCESS", outcome.value, attempt.job.id, args, kwargs, None)


def _tell_retry(attempt: Attempt, retry: Retry) -> None:
    request, info = attempt.request, _info(retry)
    _hook(attempt, "on_retry", retry.exc, attempt.job.id, request.args or (), request.kwargs or {}, info)
    if signals.task_retry.receivers:
        signals.task_retry.send(sender=attempt.task, request=request, reason=retry, einfo=info)


def _tell_failure(attempt: Attempt, error: BaseException) -> None:
    args, kwargs, info = attempt.request.args or (), attempt.request.kwargs or {}, _info(error)
    _hook(attempt, "on_failure", error, attempt.job.id, args, kwargs, info)
    if signals.task_failure.receivers:
        signals.task_failure.send(
            sender=attempt.task, task_id=attempt.job.id, exception=error, args=args, kwargs=kwargs,
            traceback=error.__traceback__, einfo=info,
        )  # fmt: skip
    _hook(attempt, "after_return", "FAILURE", error, attempt.job.id, args, kwargs, None)


def _hook(attempt: Attempt, name: str, *arguments: Any) -> None:
    task, job, request = attempt.task, attempt.job, attempt.request
    if not has_own(task, name):
        return
    try:
        getattr(task, name)(*arguments)
    except Exception as error:
        logger.exception("job.hook_failed task=%s job=%s hook=%s", job.task, job.id, name)
        signals.task_internal_error.send(
            sender=task, task_id=job.id, args=request.args, kwargs=request.kwargs, request=request,
            exception=error, traceback=error.__traceback__, einfo=_info(error),
        )  # fmt: skip


def has_own(task: Task, method: str) -> bool:
    """Whether a task's class has a method of its own, below Celery's."""
    kind: Any = type(task)
    return _class_has(kind, method)


@cache
def _class_has(task: Any, method: str) -> bool:
    patched = ["celery.app.task", "celery.app.trace"]
    return mro_lookup(task, method, stop={Task, object}, monkey_patched=patched) is not None


def _info(error: BaseException) -> ExceptionInfo:
    if error.__traceback__ is None:  # `retry(throw=False)` never raised it, and billiard needs one
        try:
            raise error
        except BaseException:  # noqa: BLE001 - it is this one
            return ExceptionInfo()
    return ExceptionInfo((type(error), error, error.__traceback__))
