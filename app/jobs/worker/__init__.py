"""Celery's worker as the platform's: the one package that knows Celery."""

from celery.app.base import Celery

from jobs.worker import broker, lifecycle
from jobs.worker.bell import RingTask
from jobs.worker.bind import bind_declared
from jobs.worker.grafting import JobRegistry

__all__ = ["install"]

BACKEND = "jobs.worker.backend:LedgerBackend"


def install(app: Celery) -> None:
    """Make a Celery application submit to the ledger, and its workers drain it.

    Called once, after the application was made and before its tasks are used.
    """
    app._tasks = JobRegistry(app._tasks)  # noqa: SLF001 - else only a parameter of its constructor
    app.task_cls = "jobs.worker.celery_task:JobTask"
    app.control_cls = "jobs.worker.control:LedgerControl"
    app.loader.override_backends = dict.fromkeys(("redis", "rediss", "sentinel"), BACKEND)
    broker.install(app)
    app.set_default()  # Celery's own notion of a current application is a thread's
    app.on_after_finalize.connect(_on_finalized)
    lifecycle.install(app)


def _on_finalized(sender: Celery, **_: object) -> None:
    sender.register_task(RingTask())
    bind_declared(sender)
