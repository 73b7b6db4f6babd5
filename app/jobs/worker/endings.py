"""How the ledger is to record what came of an attempt."""

import logging
from datetime import timedelta
from typing import Any

from celery.app.base import Celery
from celery.app.task import Context
from celery.exceptions import Retry, TaskRevokedError

from jobs.failure import failure_note
from jobs.ledger import Ending, State
from jobs.worker import meta
from jobs.worker.carried import aware
from jobs.worker.outcome import AskedRetry, Attempt, Cancelled, HandedBack, Ignored, Outcome, Raised, Returned

logger = logging.getLogger("jobs.worker")


def ending(app: Celery, attempt: Attempt, outcome: Outcome) -> Ending:
    """How the ledger is to record an outcome."""
    try:
        return _ending(app, attempt, outcome)
    except Exception as error:  # what a task leaves in its request may be anything
        logger.exception("job.ending_failed task=%s job=%s", attempt.job.task, attempt.job.id)
        told = meta.failed(app, "FAILURE", error, [])
        return Ending(outcome=State.FAILURE, meta=told, error=failure_note(error))


def _ending(app: Celery, attempt: Attempt, outcome: Outcome) -> Ending:
    match outcome:
        case Returned(result=result):
            told = "" if attempt.ignores_result else meta.succeeded(result, _children(attempt.request))
            return Ending(outcome=State.SUCCESS, meta=told)
        case AskedRetry(retry=retry):
            return _retried(retry, _told(app, attempt, State.RETRY, retry.exc or retry))
        case Raised(error=error, again=wait):
            state = State.FAILURE if wait is None else State.RETRY
            return Ending(
                outcome=state, meta=_told(app, attempt, state, error), delay=wait or timedelta(0),
                error=failure_note(error),
            )  # fmt: skip
        case Cancelled() | Ignored() | HandedBack():
            return _stopped(app, outcome)


def _stopped(app: Celery, outcome: Cancelled | Ignored | HandedBack) -> Ending:
    match outcome:
        case Cancelled():
            told = meta.failed(app, "REVOKED", TaskRevokedError("cancelled"), [])
            return Ending(outcome=State.REVOKED, meta=told, cause="cancelled")
        case Ignored(state=state):
            return Ending(outcome=State.FAILURE if state == State.FAILURE else State.SUCCESS)
        case HandedBack():
            return Ending(outcome=State.PENDING, counts=True, cause="the task rejected it")


def _retried(retry: Retry, told: str) -> Ending:
    when = retry.when
    relative = isinstance(when, int | float)
    return Ending(
        outcome=State.RETRY, meta=told, arguments=getattr(retry, "arguments", ""),
        delay=timedelta(seconds=when) if relative else timedelta(0), due=None if relative else aware(when),
        error=failure_note(retry.exc or retry),
    )  # fmt: skip


def _told(app: Celery, attempt: Attempt, state: State, error: BaseException) -> str:
    if attempt.ignores_result and not attempt.task.store_errors_even_if_ignored:
        return ""
    return meta.failed(app, state.value, error, _children(attempt.request))


def _children(request: Context) -> list[Any]:
    return [child.as_tuple() for child in request.children] if request.__dict__.get("_children") else []
