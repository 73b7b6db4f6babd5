"""The bell: the Celery message that wakes a worker. It names a queue and no job, and may be lost."""

import itertools
import logging
from collections.abc import Callable
from typing import Any

from celery.app.base import Celery
from celery.worker import state
from celery.worker.consumer import Consumer

from jobs.ledger import BELL_TASK
from jobs.worker.celery_task import JobTask
from jobs.worker.counts import counts
from jobs.worker.drain import drain

logger = logging.getLogger("jobs.worker")
_numbers = itertools.count()
_given: dict[str, Any] = {}
"""The slices that the pool has, by number: what it will answer with."""


class RingTask(JobTask):
    """What a bell names."""

    name = BELL_TASK
    ignore_result = True
    Strategy = "jobs.worker.bell:strategy"

    def run(self, queue: str) -> None:
        drain(queue)


class BellRequest:
    """One slice of a pool process's time, as Celery's worker state counts it.

    It carries no time limits, sends no events and counts as no active task: those mean jobs.
    """

    name = BELL_TASK

    def __init__(self, queue: str, hub: Any) -> None:
        self.id = f"slice-{next(_numbers)}"
        self.queue = queue
        self._hub = hub

    def execute_using_pool(self, pool: Any) -> Any:
        given = pool.apply_async(
            drain, args=(self.queue,), accept_callback=_accepted, callback=self._done,
            error_callback=self._done, correlation_id=self.id,
        )  # fmt: skip
        _given[self.id] = given
        return given

    def _done(self, *_: Any) -> None:
        _given.pop(self.id, None)
        state.requests.pop(self.id, None)
        state.reserved_requests.discard(self)
        if self._hub is not None:
            self._hub.call_soon(_accepted, 0, 0)  # a thread's end must wake the loop, to listen again


def forget_slices() -> None:
    """Let a pool that ends wait for no slice: a bell has no result, and its word can get lost."""
    for given in list(_given.values()):
        if hasattr(given, "discard"):
            given.discard()
    _given.clear()


def _accepted(pid: int, at: float) -> None:
    """The pool wants somebody to tell."""


def hand_to_pool(consumer: Consumer, queue: str) -> None:
    """Give a pool process a slice for this queue."""
    request = BellRequest(queue, consumer.hub)
    state.task_reserved(request)
    consumer.on_task_request(request)


def strategy(task: Any, app: Celery, consumer: Consumer, **_: Any) -> Callable[..., None]:
    """What the worker does with a bell."""

    def on_bell(message: Any, body: Any, ack: Any, reject: Any, callbacks: Any, **_: Any) -> None:
        message.ack_log_error(logger, consumer.connection_errors)
        counts.bells += 1
        hand_to_pool(consumer, message.payload[0][0])

    return on_bell
