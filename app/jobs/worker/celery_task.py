"""The Celery task class of the platform: what it submits goes to the ledger, never to a queue's list."""

import logging
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from celery.contrib.django.task import DjangoTask
from celery.exceptions import Retry
from celery.result import AsyncResult, ResultBase
from celery.utils.serialization import raise_with_context
from kombu.exceptions import EncodeError
from kombu.utils import json as kombu_json

from jobs.errors import CanvasRefused
from jobs.ids import ID_RULE, is_queue, is_well_formed, queue_rule
from jobs.ledger import Submission
from jobs.retry import is_count
from jobs.submit import Asked, plain_submission
from jobs.worker.carried import aware, expiry
from jobs.worker.commit import at_commit
from jobs.worker.retrying import next_arguments
from jobs.worker.sending import Eager, Sending, result_of

logger = logging.getLogger("jobs.worker")
CANVAS = ("link", "link_error", "chain", "chord", "group_id")
"""Options of `apply_async` that ask for something to follow the job."""


def refuse_canvas(name: str, asked: Mapping[str, Any]) -> None:
    """Raise where a submit asks for something to follow the job.

    Raises:
        CanvasRefused: it does; nothing was submitted.
    """
    if found := [option for option in CANVAS if asked.get(option)]:
        raise CanvasRefused(f"{name}: {', '.join(found)}: this release cannot run one job after another.")


class JobTask(DjangoTask):
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
        """A return value as JSON.

        Raises:
            EncodeError: it has no JSON form.
        """
        try:
            return str(kombu_json.dumps(value.as_tuple() if isinstance(value, ResultBase) else value))
        except (TypeError, ValueError, RecursionError) as error:
            raise EncodeError(f"The task's return value has no JSON form: {error}") from error

    def job_options(self) -> Mapping[str, Any]:
        """What `@task` says of every job of this task: `queue`, `priority`."""
        return {}

    def apply_async(  # noqa: PLR0913, PLR0917 - Celery's signature
        self,
        args: Sequence[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        task_id: str | None = None,
        producer: Any = None,
        link: Any = None,
        link_error: Any = None,
        shadow: str | None = None,
        **options: Any,
    ) -> AsyncResult:
        """Submit a job, as Celery's `apply_async`; options that shape a message have no effect.

        With `on_commit`, the alias of a database, that happens if and when the database's transaction
        commits, and at once where there is none. The id is chosen, and all but the ledger is asked, at the
        call.

        Raises:
            CanvasRefused: something is to follow the job.
            TypeError, ValueError, ArgumentsInvalid: the arguments or the options do not fit the task.
            LedgerUnavailable, LedgerFull: the job was not accepted.
            NoDatabase, NotMigrated: there is no database for it to follow, or that one has no outbox.
        """
        task_id, using = task_id or str(uuid.uuid4()), options.pop("on_commit", None)
        options |= {"link": link, "link_error": link_error, "shadow": shadow}
        job = self._checked(args or (), kwargs or {}, task_id, options)
        if using is None:
            return job.submit()
        return at_commit(using, job) or result_of(self, task_id, options)

    def apply_async_on_commit(self, *args: Any, using: str | None = None, **options: Any) -> AsyncResult:
        """`apply_async` when the transaction of a database commits. Celery's gives nothing."""
        return self.apply_async(*args, on_commit=using or "default", **options)

    def delay_on_commit(self, *args: Any, **kwargs: Any) -> AsyncResult:
        """`delay` when the transaction of the `default` database commits. Celery's gives nothing."""
        return self.apply_async(args, kwargs, on_commit="default")

    def _checked(
        self, args: Sequence[Any], kwargs: Mapping[str, Any], task_id: str, options: dict[str, Any]
    ) -> Sending | Eager:
        """The job that is asked for, once all that can be known of it now was found right."""
        if self.soft_time_limit and self.time_limit and self.soft_time_limit > self.time_limit:
            raise ValueError("soft_time_limit must be less than or equal to time_limit")
        if options.get("max_attempts") is not None and not is_count(options["max_attempts"]):
            raise ValueError("max_attempts must be 1 or more")
        if options.get("wait") not in {None, "fsync", "replica"}:
            raise ValueError("wait must be 'fsync' or 'replica'")
        options = {**self._get_exec_options(), **self.job_options(), **options}
        refuse_canvas(self.name, options)
        options["shadow"] = options.get("shadow") or self.shadow_name(args, kwargs, options)
        if self.typing and (check := getattr(self, "__header__", None)):
            check(*args, **kwargs)
        if self._dump_pydantic_arguments is not None:
            args, kwargs = self._dump_pydantic_arguments(args, kwargs)
        arguments = self.encode(args, kwargs)
        if self.app.conf.task_always_eager:
            return Eager(task=self, job_id=task_id, arguments=arguments, options=options)
        asked = self._asked(task_id, self._queue(options, args, kwargs), options)
        return Sending(
            task=self, asked=asked, job_id=task_id, call=(args, kwargs), arguments=arguments, options=options
        )

    def _asked(self, task_id: str, queue: str, options: Mapping[str, Any]) -> Asked:
        if not is_well_formed(task_id):
            raise ValueError(f"{self.name}: {ID_RULE}")
        if not is_queue(queue):
            raise ValueError(f"{self.name}: {queue_rule()}")
        countdown = float(options.get("countdown") or 0)
        return Asked(
            job_id=task_id, queue=queue, priority=min(9, max(0, int(options.get("priority") or 0))),
            key=options.get("key"), delay=timedelta(seconds=countdown), run_at=aware(options.get("eta")),
            expires=expiry(options.get("expires")), idempotency_key=options.get("idempotency_key") or "",
            wait=options.get("wait"),
        )  # fmt: skip

    def submission(self, arguments: str, asked: Asked) -> Submission:
        """The job that is asked for, with what the task says of all its jobs."""
        return plain_submission(self.name, arguments, asked)

    def adopted(self, args: Sequence[Any], kwargs: Mapping[str, Any], asked: Asked) -> Submission:
        """The job that a message of a plain client asks for, with what the task says of all its jobs."""
        return plain_submission(self.name, JobTask.encode(self, args, kwargs), asked)

    def _queue(self, options: dict[str, Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
        route = self.app.amqp.router.route(dict(options), self.name, args, kwargs)
        queue = route.get("queue")
        return str(getattr(queue, "name", None) or queue or route.get("routing_key"))

    def retry(  # noqa: PLR0913, PLR0917 - Celery's signature
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
        """Ask for another attempt, as Celery's `retry`. Nothing is published: the attempt's end says it.

        What else Celery's takes (`queue`, `priority`, `expires`, limits…) is the job's for all of its
        attempts, and has no effect here.
        """
        request = self.request
        if request.called_directly or request.is_eager:
            return super().retry(args, kwargs, exc, throw, eta, countdown, max_retries, **options)
        self._spend_retry(exc, max_retries)
        if without_effect := sorted(name for name, value in options.items() if value is not None):
            logger.warning("retry.without_effect task=%s options=%s", self.name, ",".join(without_effect))
        if eta is None and countdown is None:
            countdown = self.default_retry_delay
        aware(eta)  # what is no instant, or no duration, fails here and not when the attempt has ended
        timedelta(seconds=countdown or 0)
        asked = Retry(exc=exc, when=eta or countdown)
        if args is not None or kwargs is not None:
            asked.arguments = self.encode(*self.next_arguments(args, kwargs))
        request.asked_retry = asked
        if throw:
            raise asked
        return asked

    def _spend_retry(self, exc: BaseException | None, max_retries: int | None) -> None:
        """Raise where no retry is left: the error that was to be retried, if it was named."""
        request = self.request
        if max_retries is not None:
            self.override_max_retries = max_retries  # read and cleared where `autoretry_for` is at work
        limit = self.max_retries if max_retries is None else max_retries
        if request.max_attempts is not None:  # what the job's submit says wins over what its task says
            limit = request.max_attempts - 1
        if limit is not None and request.retries >= limit:
            request.retries_spent = True
            if exc is not None:
                raise_with_context(exc)
            raise self.MaxRetriesExceededError(
                f"Can't retry {self.name}[{request.id}]: {limit} retries are used up",
                task_args=request.args, task_kwargs=request.kwargs,
            )  # fmt: skip

    def next_arguments(
        self, args: Sequence[Any] | None, kwargs: Mapping[str, Any] | None
    ) -> tuple[Sequence[Any], Mapping[str, Any]]:
        """The next attempt's arguments, where a retry names some of them."""
        return next_arguments(self.run, self.request.args or (), self.request.kwargs or {}, args, kwargs)

    def replace(self, sig: Any) -> Any:
        """Refused where the task runs as a job; eager, it is Celery's.

        Raises:
            CanvasRefused: always, in a worker.
        """
        if self.request.is_eager:
            return super().replace(sig)
        raise CanvasRefused(f"{self.name}: replace: this release cannot run one job after another.")

    def add_to_chord(self, sig: Any, lazy: bool = False) -> Any:  # noqa: FBT001, FBT002
        """Refused.

        Raises:
            CanvasRefused: always.
        """
        raise CanvasRefused(f"{self.name}: add_to_chord: this release cannot run one job after another.")
