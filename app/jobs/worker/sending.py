"""A job on its way to the ledger: what `apply_async` makes of a call, and how it is submitted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from celery import signals
from celery._state import get_current_worker_task
from celery.result import AsyncResult, denied_join_result

from jobs import tracing
from jobs.ledger import Submission, ledger
from jobs.submit import Asked
from jobs.worker.carried import carried, message, own_headers, told_times

if TYPE_CHECKING:
    from jobs.worker.celery_task import JobTask


@dataclass(frozen=True, kw_only=True)
class Sending:
    """A call of a task that was found right; `submit` hands it to the ledger."""

    task: "JobTask"
    asked: Asked
    """Its options, which the worker is to know, come last."""
    job_id: str
    call: tuple[Sequence[Any], Mapping[str, Any]]
    arguments: str
    options: Mapping[str, Any]

    def submission(self) -> Submission:
        """The job as it stands, with nothing that the signals' receivers add."""
        return self._submission({**self.options, **self._times()})

    def submit(self) -> AsyncResult:
        """Submit the job, between the signals that tell of it.

        Raises:
            JobsError: the job was not accepted.
        """
        with tracing.submitting(self.task.name, self.job_id) as span:
            return self._submitted(span)

    def _submitted(self, span: tracing.Submitting) -> AsyncResult:
        options = {**self.options, **self._times()}
        told: dict[str, Any] = {}
        if signals.before_task_publish.receivers or signals.after_task_publish.receivers:
            told = message(self.task, self.job_id, str(self.asked.queue), self.call, options)
            properties = {"correlation_id": self.job_id, "reply_to": ""}
            signals.before_task_publish.send(**told, declare=[], retry_policy={}, properties=properties)
            options["headers"] = own_headers(told["headers"])  # with what its receivers put in
        job = self._submission(options)
        span.tells(job)
        accepted = ledger().submit(job)
        span.accepted(accepted.id, new=accepted.new)
        if told:
            signals.after_task_publish.send(**told)
        result = result_of(self.task, accepted.id, options)
        parent = get_current_worker_task()
        if parent and options.get("add_to_parent", True):
            parent.add_trail(result)
        return result

    def _times(self) -> dict[str, str | None]:
        return told_times(self.asked.run_at, self.asked.delay, self.asked.expires)

    def _submission(self, options: Mapping[str, Any]) -> Submission:
        parent = get_current_worker_task()
        known = carried(options, parent.request if parent else None, self.job_id)
        return self.task.submission(self.arguments, replace(self.asked, options=known))


@dataclass(frozen=True, kw_only=True)
class Eager:
    """The same where tasks run where they are called (`task_always_eager`)."""

    task: "JobTask"
    job_id: str
    arguments: str
    options: Mapping[str, Any]

    def submit(self) -> AsyncResult:
        """Run the job."""
        with denied_join_result():
            return self.task.apply(*self.task.decode(self.arguments), task_id=self.job_id, **self.options)


def result_of(task: "JobTask", job_id: str, options: Mapping[str, Any]) -> AsyncResult:
    """What a submit of this job gives."""
    result = task.AsyncResult(job_id)
    result.ignored = bool(options.get("ignore_result", task.ignore_result))
    return result
