"""Traces: a span for each request, submit and attempt, sent to an OpenTelemetry collector.

The one package that knows OpenTelemetry. Where traces are off (the setting `TRACES`) nothing of it is
imported, nothing is kept with a job, and each of these does nothing.

A span is a block of `with`: what is done in it, the user's own spans too, is done below it.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any, Protocol

from jobs import log, origin
from jobs.conf import settings
from jobs.ledger import Claimed, Submission
from jobs.tracing.off import OFF


class Serving(Protocol):
    """A request that is being answered."""

    def answered(self, route: str | None, status: int) -> None:
        """`route` as the documentation writes it; None where none fits."""


class Submitting(Protocol):
    """A job that is being submitted."""

    def tells(self, job: Submission) -> None:
        """What is submitted."""

    def accepted(self, job_id: str, *, new: bool = True) -> None:
        """The job that came of it, or that was there."""


class Attempting(Protocol):
    """An attempt at a job."""

    def ended(self, outcome: str, error: BaseException | None) -> None:
        """What the ledger is to record, and what the task's code raised, if it did."""


def is_on() -> bool:
    """Whether there are traces."""
    return settings().TRACES


def load() -> None:
    """Import what makes spans, if they are wanted. Starts no thread: whoever calls may be about to fork."""
    if is_on():
        from jobs.tracing import context, exporting, spans  # noqa: F401 - whoever forks from here has them

        exporting.preload()
        if context.carried not in origin.carried:
            origin.carried.append(context.carried)
            log.about.append(context.about)


def start() -> None:
    """Begin to send spans, if they are wanted, before this process has any: its first one need not wait."""
    if is_on():
        from jobs.tracing import exporting

        exporting.tracer()


def finish() -> None:
    """Send what is left, for a second at the most. This process ends; it makes no more spans."""
    if is_on():
        from jobs.tracing import exporting

        exporting.finish()


def serving(method: str, headers: Mapping[str, str], path: str) -> AbstractContextManager[Serving]:
    """A request to the API; it goes on with the trace that its headers name."""
    if not is_on():
        return OFF
    from jobs.tracing import spans

    return spans.serving(method, headers, path)


def submitting(task: str, job_id: str = "") -> AbstractContextManager[Submitting]:
    """A submit; the job is made within it, and so carries it. Within its own job's it is no new one."""
    if not is_on():
        return OFF
    from jobs.tracing import spans

    return spans.submitting(task, job_id)


def attempting(job: Claimed, worker: str) -> AbstractContextManager[Attempting]:
    """An attempt: below its job's submit or, where that is another trace, linked to it."""
    if not is_on():
        return OFF
    from jobs.tracing import spans

    return spans.attempting(job, worker)


def headers() -> dict[str, str]:
    """The current span as W3C's headers tell it; empty where there is none."""
    if not is_on():
        return {}
    from jobs.tracing import context

    return context.carried()


def here() -> Any:
    """What `within` takes to go on from here, later or in another thread."""
    if not is_on():
        return None
    from jobs.tracing import context

    return context.here()


def within(here: Any) -> AbstractContextManager[object]:
    """Go on from there."""
    if here is None:
        return OFF
    from jobs.tracing import context

    return context.within(here)
