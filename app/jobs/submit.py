"""Submitting a job: the arguments are checked, then the job is written to the ledger, once.

What `@task` says of all jobs of a task and what a submit asks for one of them meet here.
"""

import hashlib
import json
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal

from jobs import tracing
from jobs.conf import settings
from jobs.errors import ArgumentsInvalid
from jobs.ledger import Accepted, Retention, Submission, Unique, ledger
from jobs.options import Options
from jobs.origin import with_origin
from jobs.task import Task

KEY_LIMIT = 200
"""Characters of a key; a longer one is known by its digest."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a submit asks for its job; None where the task's own options hold."""

    job_id: str | None = None
    """None for a new UUID."""
    queue: str | None = None
    priority: int | None = None
    key: str | None = None
    delay: timedelta = timedelta(0)
    run_at: datetime | None = None
    """Wins over `delay`."""
    expires: datetime | timedelta | None = None
    idempotency_key: str = ""
    wait: Literal["", "fsync", "replica"] | None = None
    """What the submit waits for, once the job is accepted."""
    options: str = ""
    """JSON object of what else the worker is to know."""


def submit_body(task: Task[Any, Any], body: bytes, asked: Asked | None = None) -> Accepted:
    """Submit a job with the arguments of a request's body.

    When this returns, the job is in Redis, once.

    Raises:
        BodyMalformed, ArgumentsInvalid: the body does not fit the task.
        IdempotencyConflict, NotUnique, QueueFull, LedgerFull: nothing was stored.
        LedgerUnavailable: it is not known whether it was stored.
        NotDurable: it is stored, and what it was to wait for was not had in time.
    """
    arguments = task.schema.from_body(body)
    with tracing.submitting(task.name) as span:
        job = submission(task, arguments, asked or Asked())
        span.tells(job)
        accepted = ledger().submit(job)
        span.accepted(accepted.id, new=accepted.new)
    return accepted


def submission(task: Task[Any, Any], arguments: str, asked: Asked) -> Submission:
    """The job that is asked for; `arguments` is JSON, and was checked (`task.schema`).

    Raises:
        ArgumentsInvalid: the task's key, or what is to be unique, lies in an object that is not there.
    """
    options = task.options
    told = replace(
        asked, queue=asked.queue or options.queue,
        priority=options.priority if asked.priority is None else asked.priority,
        key=_key(task, arguments) if asked.key is None else asked.key,
        expires=options.expires if asked.expires is None else asked.expires,
        wait=options.wait if asked.wait is None else asked.wait,
    )  # fmt: skip
    job = plain_submission(task.name, arguments, told)
    return replace(
        job, retention=_retention(options), unique=_unique(task, arguments), objective=options.objective
    )


def plain_submission(name: str, arguments: str, asked: Asked) -> Submission:
    """The job of a task that is not declared with `@task`: it has nothing of its own to say."""
    return Submission(
        id=asked.job_id or str(uuid.uuid4()), task=name, arguments=arguments,
        queue=asked.queue or settings().DEFAULT_QUEUE, priority=asked.priority or 0,
        key=short(asked.key or ""), delay=asked.delay, due=asked.run_at, options=with_origin(asked.options),
        expires=asked.expires if isinstance(asked.expires, datetime) else None,
        expires_in=asked.expires if isinstance(asked.expires, timedelta) else None,
        idempotency_key=asked.idempotency_key, wait=asked.wait or "",
    )  # fmt: skip


def short(key: str) -> str:
    """A key as the ledger takes it: what is too long, or would mix with another, by its digest."""
    if len(key) <= KEY_LIMIT and "\n" not in key:
        return key
    return "sha256:" + hashlib.sha256(key.encode()).hexdigest()


def _key(task: Task[Any, Any], arguments: str) -> str:
    values = list(_values(task, task.options.key_paths, arguments).values())
    if len(values) == 1 and isinstance(values[0], str):
        return values[0]
    return json.dumps(values, sort_keys=True, separators=(",", ":")) if values else ""


def _unique(task: Task[Any, Any], arguments: str) -> Unique | None:
    options = task.options
    if not options.unique:
        return None
    paths = options.unique if isinstance(options.unique, tuple) else task.schema.signature.parameters
    told = json.dumps(_values(task, paths, arguments), sort_keys=True)
    return Unique(
        kind=f"{task.name}\n{hashlib.sha256(told.encode()).hexdigest()[:32]}",
        while_waiting=options.unique_while == "waiting", refuse=options.unique_conflict == "refuse",
    )  # fmt: skip


def _values(task: Task[Any, Any], paths: Iterable[str], arguments: str) -> dict[str, Any]:
    """What lies at these paths of the arguments, or the parameter's default."""
    paths = list(paths)
    found = task.schema.whole(arguments) if paths else None
    return {path: _at(found, path) for path in paths}


def _at(arguments: Any, path: str) -> Any:
    value = arguments
    for name in path.split("."):
        if not isinstance(value, dict) or name not in value:
            raise ArgumentsInvalid(
                f"{path}: what tells the task's jobs apart lies there, and there is no {name!r}."
            )
        value = value[name]
    return value


def _retention(options: Options) -> Retention | None:
    if options.result_ttl is None and options.failure_ttl is None:
        return None
    return Retention(
        success=options.result_ttl or settings().RESULT_TTL,
        failure=options.failure_ttl or settings().FAILURE_TTL,
    )
