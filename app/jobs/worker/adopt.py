"""Adoption: a message that a plain Celery client sent becomes a job, under its own id, once.

It happens in the main process, before the pool. Until then Celery's own guarantees hold: the message
is lost if the worker dies between taking it and submitting it.
"""

import logging
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from celery.app.base import Celery
from celery.exceptions import InvalidTaskError, WorkerShutdown
from celery.utils.time import maybe_iso8601
from celery.worker import state
from celery.worker.consumer import Consumer
from kombu.utils import json as kombu_json

from jobs.errors import CanvasRefused, JobsError
from jobs.ledger import Submission, ledger
from jobs.worker.bell import hand_to_pool
from jobs.worker.carried import aware, carried, own_headers
from jobs.worker.celery_task import refuse_canvas

logger = logging.getLogger("jobs.worker")


class Strategies(dict[str, Callable[..., None]]):
    """The worker's strategies by task name.

    A name that it does not know is adopted like any other: the job waits for a worker that does.
    """

    def __init__(self, app: Celery, consumer: Consumer) -> None:
        super().__init__()
        self._other = strategy(None, app, consumer)

    def __missing__(self, name: str) -> Callable[..., None]:
        return self._other


def strategy(task: Any, app: Celery, consumer: Consumer, **_: Any) -> Callable[..., None]:
    """What the worker does with a message for a task."""

    def on_message(message: Any, body: Any, ack: Any, reject: Any, callbacks: Any, **_: Any) -> None:
        try:
            job = submission(app, message)
        except CanvasRefused as error:
            message.ack_log_error(logger, consumer.connection_errors)
            _refuse(app, message, error)
            return
        except (AttributeError, KeyError, TypeError, ValueError) as error:  # the consumer logs and drops it
            raise InvalidTaskError(f"not a message for a task: {error!r}") from error
        message.ack_log_error(logger, consumer.connection_errors)
        _accept(consumer, job)
        hand_to_pool(consumer, job.queue)

    return on_message


def submission(app: Celery, message: Any) -> Submission:
    """The job that a message asks for.

    Raises:
        CanvasRefused: something is to follow it.
    """
    headers = message.headers
    payload = message.payload
    if isinstance(payload, Mapping):  # protocol 1: all in the body
        args, kwargs, embed, headers = payload.get("args", ()), payload.get("kwargs", {}), payload, payload
    else:
        args, kwargs, embed = payload
    name = headers["task"]
    refuse_canvas(name, {
        "link": embed.get("callbacks"), "link_error": embed.get("errbacks"),
        "chain": embed.get("chain"), "chord": embed.get("chord"), "group_id": headers.get("group"),
    })  # fmt: skip
    hard, soft = headers.get("timelimit") or (None, None)
    options = {**headers, "time_limit": hard, "soft_time_limit": soft, "headers": own_headers(headers)}
    return Submission(
        id=headers["id"], task=name, queue=_queue(app, message),
        arguments=str(kombu_json.dumps([args, kwargs])),
        priority=min(9, max(0, int(message.properties.get("priority") or 0))),
        due=_instant(headers.get("eta")), expires=_instant(headers.get("expires")),
        options=carried(options, None, headers["id"]),
    )  # fmt: skip


def _queue(app: Celery, message: Any) -> str:
    queue, served = message.delivery_info.get("routing_key"), app.amqp.queues.consume_from
    return str(queue if queue in served else next(iter(served)))


def _instant(text: str | datetime | None) -> datetime | None:
    return None if text is None else aware(maybe_iso8601(text))


def _accept(consumer: Consumer, job: Submission) -> None:
    """Submit, for as long as it takes: the message is nowhere else any more."""
    while True:
        try:
            ledger().submit(job)
            if job.id in state.revoked:
                ledger().cancel([job.id], running=False, reason="revoked")
        except JobsError as error:
            logger.warning("message.waits task=%s job=%s reason=%s", job.task, job.id, error)
            if state.should_stop is not None or state.should_terminate is not None:
                logger.critical("message.lost task=%s job=%s reason=%s", job.task, job.id, error)
                raise WorkerShutdown(0) from error
            time.sleep(0.5)
        else:
            return


def _refuse(app: Celery, message: Any, error: CanvasRefused) -> None:
    headers = message.headers if "id" in message.headers else message.payload
    logger.error("message.refused task=%s job=%s reason=%s", headers["task"], headers["id"], error)
    app.backend.store_result(headers["id"], error, "FAILURE", traceback=None)
