"""Flower, told the truth: what it shows of jobs and queues is the ledger's, and what it does is done to jobs.

Flower knows a task by the events that it heard, a queue by the messages in its list, and an action by a
worker's reply. Here each of these seams is taken over; what has a place in Flower keeps it. A seam that
Flower moves stops its start.
"""

from collections.abc import Callable
from typing import Any

from celery import current_app
from flower import api, events, urls, utils, views
from flower.views import tasks as task_views

from jobs.worker.dashboard import actions, lists, one_job, queues, shown, templates

STANDS_FOR: dict[str, type[Any]] = {
    "TaskView": one_job.JobView,
    "TaskInfo": one_job.JobInfo,
    "TasksDataTable": lists.JobsDataTable,
    "ListTasks": lists.ListJobs,
    "BrokerView": queues.QueuesView,
    "TaskSend": actions.Send,
    "TaskResult": actions.Result,
    "TaskAbort": actions.Abort,
    "TaskRevoke": actions.Revoke,
}
"""Which of ours answers in the place of which of Flower's handlers."""


class FlowerChanged(Exception):
    """A release of Flower has not what the platform takes over."""


def install() -> None:
    """For the Flower of this process."""
    _take_over(views, "Broker", queues.Queues)
    _take_over(views.BaseHandler, "get_active_queue_names", queues.names)
    # Its own makes an application for that, which is the thread's current one ever after.
    _take_over(views, "bugreport", lambda: utils.bugreport(current_app))
    _take_over(events.EventsState, "Task", shown.Job)
    _take_over(api.BaseApiHandler, "run_blocking", actions.telling(api.BaseApiHandler.run_blocking))
    task_views.TASK_COLUMNS |= {"attempt": "Attempt", "queue": "Queue"}
    urls.settings["template_loader"] = templates.Templates(urls.settings["template_path"])
    left = set(STANDS_FOR)
    for number, route in enumerate(urls.handlers):
        pattern, handler = (route[0], route[1]) if isinstance(route, tuple) else ("", route.handler_class)
        ours = STANDS_FOR.get(handler.__name__)
        if ours is None:
            continue
        if not issubclass(ours, handler):
            raise FlowerChanged(f"{ours.__name__} is no {handler.__module__}.{handler.__name__}")
        left.discard(handler.__name__)
        if pattern:
            urls.handlers[number] = (pattern, ours)
        else:
            route.handler_class = route.target = ours
    if left:
        raise FlowerChanged(f"no handler {', '.join(sorted(left))}")


def _take_over(place: Any, name: str, ours: Callable[..., Any]) -> None:
    if not hasattr(place, name):
        raise FlowerChanged(f"{place.__name__} has no {name}")
    setattr(place, name, ours)
