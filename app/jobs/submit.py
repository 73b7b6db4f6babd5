"""Submitting a job: the arguments are checked, then the job is written to the ledger, once."""

import uuid
from datetime import timedelta
from typing import Any

from jobs.conf import settings
from jobs.ledger import Submission, ledger
from jobs.task import Task


def submit_body(task: Task[Any, Any], body: bytes) -> str:
    """Submit a job with the arguments of a request's body; gives its id.

    When this returns, the job is in Redis, once.

    Raises:
        BodyMalformed, ArgumentsInvalid: the body does not fit the task.
        LedgerUnavailable, LedgerFull: nothing is known to be stored.
    """
    return submit(task, task.schema.from_body(body))


def submit(task: Task[Any, Any], arguments: str, *, delay: timedelta = timedelta(0)) -> str:
    """Submit a job with arguments that were checked (`task.schema`), as JSON; gives its id."""
    job_id = str(uuid.uuid4())
    ledger().submit(Submission(
        id=job_id, task=task.name, arguments=arguments, delay=delay,
        queue=task.options.queue or settings().DEFAULT_QUEUE, priority=task.options.priority,
    ))  # fmt: skip
    return job_id
