"""The Celery task that stands behind each `@task`."""

import asyncio
import threading
from collections.abc import Coroutine, Mapping, Sequence
from contextvars import copy_context
from datetime import timedelta
from typing import Any, cast

from celery.app.base import Celery

from jobs.conf import settings
from jobs.errors import ArgumentsInvalid, BodyMalformed
from jobs.job import Job
from jobs.ledger import Submission
from jobs.limits import UNITS, Limit, Limits, Rate
from jobs.submit import Asked, submission
from jobs.task import Task, declared
from jobs.worker.celery_task import JobTask
from jobs.worker.current import running_job

_local = threading.local()


class DeclaredTask(JobTask):
    """The Celery face of one declared task; its schema checks what comes in and shapes what goes out."""

    abstract = True
    declared: Task[Any, Any]
    typing = False  # the schema's own check says more

    def encode(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
        return self.declared.schema.from_call(args, kwargs)

    def decode(self, arguments: str) -> tuple[list[Any], dict[str, Any]]:
        schema = self.declared.schema
        if not arguments.startswith("["):
            return [], schema.parse(arguments)
        args, kwargs = super().decode(arguments)
        return [], schema.parse(schema.named(args, kwargs))

    def dump(self, value: Any) -> str:
        return self.declared.schema.dump(value).decode()

    def next_arguments(
        self, args: Sequence[Any] | None, kwargs: Mapping[str, Any] | None
    ) -> tuple[Sequence[Any], Mapping[str, Any]]:
        named = self.declared.schema.signature.bind_partial(*(args or ()), **(kwargs or {})).arguments
        return (), {**(self.request.kwargs or {}), **named}

    def job_options(self) -> Mapping[str, Any]:
        options = self.declared.options
        return {"queue": options.queue or settings().DEFAULT_QUEUE, "priority": options.priority}

    def submission(self, arguments: str, asked: Asked) -> Submission:
        return submission(self.declared, arguments, asked)

    def adopted(self, args: Sequence[Any], kwargs: Mapping[str, Any], asked: Asked) -> Submission:
        try:
            arguments = self.encode(args, kwargs)
        except (TypeError, BodyMalformed, ArgumentsInvalid):  # the job fails with it when it runs
            return super().adopted(args, kwargs, asked)
        return self.submission(arguments, asked)

    def run(self, *args: Any, **kwargs: Any) -> Any:
        first: tuple[Any, ...] = ()
        if self.declared.bound:
            first = (self,)
        elif self.declared.schema.takes_job:
            first = (running_job() or Job(id=self.request.id or "", task=self.name),)
        value = self.declared.function(*first, *args, **kwargs)
        if self.declared.schema.is_async:  # the thread's loop would show it the context of its first job
            return _run(value)
        return value


def bind_declared(app: Celery) -> None:
    """Give every declared task its Celery task; those that have one are left alone."""
    for task in declared.values():
        known = app.tasks.get(task.name)
        if not isinstance(known, DeclaredTask) or known.declared is not task:
            app.register_task(_celery_task(task))


def limits_of(task: Any) -> Limits:
    """What limits a task in the whole cluster; Celery's own `rate_limit` is taken so too."""
    found = getattr(task, "declared", None)
    if found is not None:
        return cast("Limits", found.options.limits)
    return Limits(task=Limit(rate=rate_of(getattr(task, "rate_limit", None))))


def rate_of(said: Any) -> Rate | None:
    """A rate as Celery reads it: `10/m`, a number of starts a second; None and 0 are no limit.

    Raises:
        ValueError: it is none of these.
    """
    starts, _, unit = str(said or 0).partition("/")
    if (unit or "s") not in UNITS or not 0 <= float(starts) < float("inf"):
        raise ValueError(f"a rate is written as 10/s, 100/m or 5/h, not {said!r}")
    if not float(starts):
        return None
    # A share of one is good as well.
    every = max(UNITS[unit or "s"] / float(starts), timedelta(microseconds=1))
    return Rate(count=1, per=every)


def _celery_task(task: Task[Any, Any]) -> DeclaredTask:
    options = task.options
    attributes = {
        "name": task.name, "declared": task, "abstract": False, "__module__": task.function.__module__,
        "__doc__": task.function.__doc__,
        "time_limit": options.time_limit and options.time_limit.total_seconds(),
        "soft_time_limit": options.soft_time_limit and options.soft_time_limit.total_seconds(),
        "show_arguments": options.show_arguments,
    }  # fmt: skip
    if options.max_attempts > 1:
        attributes["max_retries"] = options.max_attempts - 1
    made: DeclaredTask = type(task.name, (DeclaredTask,), attributes)()
    return made


def _run(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Run one job's coroutine on this thread's event loop: nothing of it is left there for the next job.

    A limit or a cancel may interrupt the loop while the coroutine waits: then it is cancelled, as are the
    tasks that it started and left.
    """
    runner = _runner()
    try:
        return runner.run(coroutine, context=copy_context())
    finally:
        loop = runner.get_loop()
        while left := asyncio.all_tasks(loop):
            for each in left:
                each.cancel()
            loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))


def _runner() -> asyncio.Runner:
    """This thread's event loop: one for all its jobs, since making one costs more than a short job."""
    if not hasattr(_local, "runner"):
        _local.runner = asyncio.Runner()
    runner: asyncio.Runner = _local.runner
    return runner
