"""Submitting when a database's transaction commits."""

import logging
from collections.abc import Callable

from celery.result import AsyncResult
from django.db import transaction

from jobs.errors import JobsError

logger = logging.getLogger("jobs.worker")


def at_commit(using: str, job: tuple[str, str], submit: Callable[[], AsyncResult]) -> AsyncResult | None:
    """Call `submit` when the transaction of this database commits; where there is none, at once.

    Gives what `submit` gave if it was called at once. What it raises at the commit is raised by the end of
    the transaction's `atomic` block, when the transaction is committed for good; whatever was to follow it
    at this commit does not happen. So the log says which job, a pair of task and id, is missing.
    """
    done: list[AsyncResult] = []

    def call() -> None:
        try:
            done.append(submit())
        except JobsError:
            logger.exception("commit.not_submitted task=%s job=%s", *job)
            raise

    transaction.on_commit(call, using=using)
    return done[0] if done else None
