"""Tasks made from classes of Celery's own (`class MyTask(celery.Task)`) are the platform's all the same."""

from typing import Any

from celery.app.registry import TaskRegistry
from celery.app.task import Task

from jobs.worker.celery_task import JobTask


class JobRegistry(TaskRegistry):
    """A Celery application's tasks, by name."""

    def __setitem__(self, name: str, task: Any) -> None:
        if not isinstance(task, JobTask):
            _graft(task)
        super().__setitem__(name, task)


def _graft(task: Task) -> None:
    """Put `JobTask` below the task's class: what that class defines itself still comes first."""
    own = type(task)
    names = {name: getattr(own, name) for name in ("__module__", "__doc__", "__qualname__")}
    task.__class__ = type(own.__name__, (own, JobTask), names)
