"""Submitting when a database's transaction commits: there if it commits, never where it does not.

The job waits in the outbox of that database, a row of the same transaction. At the commit its process submits
it and deletes the row; what prevents that leaves the row to a relay.
"""

import logging
import time
from functools import partial
from typing import Any

from celery.result import AsyncResult
from django.db import DatabaseError, transaction

from jobs import outbox, tracing
from jobs.errors import JobsError, LedgerUnavailable
from jobs.worker.sending import Eager, Sending

logger = logging.getLogger("jobs.worker")
LEFT_ALONE_SECONDS = 1.0
"""How long Redis is not asked again by a commit after it gave none of them an answer: each would wait for its
whole timeout, and a transaction may have many jobs."""
_silent_at = float("-inf")


def at_commit(using: str, job: Sending | Eager) -> AsyncResult | None:
    """Submit the job when the transaction of this database commits; where there is none, at once.

    Gives the result if that was at once.

    Raises:
        NoDatabase, NotMigrated: there is no such database, or it has no outbox.
        LedgerUnavailable, LedgerFull: there is no transaction, and the job was not accepted.
    """
    outbox.check(using)
    done: list[AsyncResult] = []
    if isinstance(job, Sending) and transaction.get_connection(using).in_atomic_block:
        with tracing.submitting(job.task.name, job.job_id) as span:
            kept = job.submission()
            span.tells(kept)
            outbox.keep(using, kept)
            transaction.on_commit(partial(_committed, using, job, tracing.here()), using=using)
    else:
        transaction.on_commit(lambda: done.append(job.submit()), using=using)
    return done[0] if done else None


def _committed(using: str, job: Sending, here: Any) -> None:
    try:
        with tracing.within(here):  # so that it carries the span that the row tells of
            is_done = _submitted(job)
        if is_done:
            outbox.forget(using, job.job_id)
        else:
            outbox.mark_committed(using, job.job_id)
    except DatabaseError as error:  # the row stays, and a relay does the same once more
        reason = " ".join(str(error).split())
        logger.warning("commit.row_stays task=%s job=%s reason=%s", job.task.name, job.job_id, reason)


def _submitted(job: Sending) -> bool:
    """Whether nothing is left to be submitted."""
    global _silent_at  # noqa: PLW0603 - a time for the whole process
    name = job.task.name
    if time.monotonic() - _silent_at < LEFT_ALONE_SECONDS:
        silent = "Redis did not answer a moment ago."
        logger.warning("commit.not_submitted task=%s job=%s reason=%s", name, job.job_id, silent)
        return False
    try:
        job.submit()
    except JobsError as error:
        if outbox.is_answered(error):
            logger.warning("outbox.answered task=%s job=%s reason=%s", name, job.job_id, error)
            return True
        if isinstance(error, LedgerUnavailable):
            _silent_at = time.monotonic()
        logger.warning("commit.not_submitted task=%s job=%s reason=%s", name, job.job_id, error)
        return False
    return True
