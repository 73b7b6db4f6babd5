"""The Celery task class of the platform: what it submits goes to the ledger, never to a queue's list."""

import json
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from celery import signals
from celery._state import get_current_worker_task
from celery.app.task import Context, Task
from celery.exceptions import Retry
from celery.result import AsyncResult
from celery.utils.time import maybe_make_aware
from kombu.utils import json as kombu_json

from jobs.errors import CanvasRefused
from jobs.ledger import Submission, ledger

CANVAS = ("link", "link_error", "chain", "chord", "group_id")
"""Options of `apply_async` that ask for something to follow the job."""
CARRIED = ("time_limit", "soft_time_limit", "headers", "shadow")
"""Options of `apply_async` that go with the job to its worker."""


def refuse_canvas(name: str, asked: Mapping[str, Any]) -> None:
    """Raise where a submit asks for something to follow the job.

    Raises:
        CanvasRefused: it does; nothing was submitted.
    """
    if found := [option for option in CANVAS if asked.get(option)]:
        raise CanvasRefused(f"{name}: {', '.join(found)}: this release cannot run one job after another.")


class JobTask(Task):  # type: ignore[misc]  # Celery has no types of its own
    """A Celery task whose jobs live in the ledger."""

    Strategy = "jobs.worker.adopt:strategy"

    def encode(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
        """Arguments as the ledger keeps them."""
        return str(kombu_json.dumps([list(args), dict(kwargs)]))

    def decode(self, arguments: str) -> tuple[list[Any], dict[str, Any]]:
        """Arguments as `run` takes them."""
        args, kwargs = kombu_json.loads(arguments)
        return args, kwargs

    def dump(self, value: Any) -> str:
        """A return value as JSON."""
        return str(kombu_json.dumps(value))

    def job_options(self) -> Mapping[str, Any]:
        """What `@task` says of every job of this task: `queue`, `priority`."""
        return {}

    def apply_async(
        self,
        args: Sequence[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        task_id: str | None = None,
        producer: Any = None,  # noqa: ARG002 - Celery's signature; nothing is published
        link: Any = None,
        link_error: Any = None,
        shadow: str | None = None,
        **options: Any,
    ) -> AsyncResult:
        """Submit a job, as Celery's `apply_async`; options that shape a message have no effect.

        Raises:
            CanvasRefused: something is to follow the job.
            TypeError, ArgumentsInvalid: the arguments do not fit the task.
            LedgerUnavailable, LedgerFull: the job was not accepted.
        """
        options = {**self._get_exec_options(), **self.job_options(), **options}
        options.update({"link": link, "link_error": link_error, "shadow": shadow})
        refuse_canvas(self.name, options)
        args, kwargs = args or (), kwargs or {}
        if self.typing and (check := getattr(self, "__header__", None)):
            check(*args, **kwargs)
        if self.app.conf.task_always_eager:
            return self.apply(args, kwargs, task_id=task_id or str(uuid.uuid4()), **options)
        return self._submit(task_id or str(uuid.uuid4()), args, kwargs, options)

    def _submit(
        self, task_id: str, args: Sequence[Any], kwargs: Mapping[str, Any], options: dict[str, Any]
    ) -> AsyncResult:
        parent = get_current_worker_task()
        options = self._published(task_id, args, kwargs, options)
        ledger().submit(Submission(
            id=task_id, task=self.name, queue=self._queue(options, args, kwargs),
            arguments=self.encode(args, kwargs), priority=min(9, max(0, int(options.get("priority") or 0))),
            delay=timedelta(seconds=float(options.get("countdown") or 0)), due=aware(options.get("eta")),
            expires=_expiry(options.get("expires")),
            options=carried(options, parent.request if parent else None, task_id),
        ))  # fmt: skip
        if signals.after_task_publish.receivers:
            signals.after_task_publish.send(
                sender=self.name, body=(args, kwargs, {}), exchange="", routing_key="",
                headers={"id": task_id, "task": self.name, **(options.get("headers") or {})},
            )  # fmt: skip
        result = self.AsyncResult(task_id)
        if parent and options.get("add_to_parent", True):
            parent.add_trail(result)
        return result

    def _published(
        self, task_id: str, args: Sequence[Any], kwargs: Mapping[str, Any], options: dict[str, Any]
    ) -> dict[str, Any]:
        """The options after `before_task_publish`, whose receivers put headers in (trace contexts)."""
        if not signals.before_task_publish.receivers:
            return options
        headers = {"id": task_id, "task": self.name, **(options.get("headers") or {})}
        signals.before_task_publish.send(
            sender=self.name, body=(args, kwargs, {}), exchange="", routing_key="", headers=headers,
            properties={"correlation_id": task_id}, declare=[], retry_policy={},
        )  # fmt: skip
        return {**options, "headers": {k: v for k, v in headers.items() if k not in ("id", "task")}}

    def _queue(self, options: dict[str, Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
        route = self.app.amqp.router.route(dict(options), self.name, args, kwargs)
        queue = route.get("queue")
        return str(getattr(queue, "name", None) or queue or route.get("routing_key"))

    def retry(  # noqa: PLR0913 - Celery's signature
        self,
        args: Sequence[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        exc: BaseException | None = None,
        throw: bool = True,  # noqa: FBT001, FBT002
        eta: datetime | None = None,
        countdown: float | None = None,
        max_retries: int | None = None,
        **options: Any,
    ) -> Retry:
        """Ask for another attempt, as Celery's `retry`. Nothing is published: the attempt's end says it."""
        request = self.request
        if request.called_directly or request.is_eager:
            return super().retry(args, kwargs, exc, throw, eta, countdown, max_retries, **options)
        limit = self.max_retries if max_retries is None else max_retries
        if limit is not None and request.retries >= limit:
            if exc is not None:
                raise exc
            raise self.MaxRetriesExceededError(
                f"Can't retry {self.name}[{request.id}]: {limit} retries are used up",
                task_args=request.args, task_kwargs=request.kwargs,
            )  # fmt: skip
        if eta is None and countdown is None:
            countdown = self.default_retry_delay
        asked = Retry(exc=exc, when=eta or countdown)
        if args is not None or kwargs is not None:
            asked.arguments = self.encode(
                request.args if args is None else args, request.kwargs if kwargs is None else kwargs
            )
        request.asked_retry = asked
        if throw:
            raise asked
        return asked


def carried(options: Mapping[str, Any], parent: Context | None, task_id: str) -> str:
    """What goes with the job to its worker, as JSON; '' where there is nothing."""
    found = {name: options[name] for name in CARRIED if options.get(name)}
    if options.get("ignore_result") is not None:
        found["ignore_result"] = options["ignore_result"]
    root = options.get("root_id") or (parent and (parent.root_id or parent.id))
    if root and root != task_id:
        found["root_id"] = root
    if above := options.get("parent_id") or (parent and parent.id):
        found["parent_id"] = above
    if options.get("retries"):
        found["retries"] = options["retries"]
    return json.dumps(found, separators=(",", ":"), default=str) if found else ""


def aware(instant: datetime | str | None) -> datetime | None:
    """An `eta` as an aware datetime; a naive one is UTC, as Celery takes it by default."""
    if isinstance(instant, str):
        instant = datetime.fromisoformat(instant)
    return None if instant is None else maybe_make_aware(instant, UTC)


def _expiry(expires: float | datetime | str | None) -> datetime | None:
    if isinstance(expires, int | float):
        return datetime.now(UTC) + timedelta(seconds=expires)
    return aware(expires)
