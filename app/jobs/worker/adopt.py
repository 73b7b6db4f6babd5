"""Adoption: a message that a plain Celery client sent becomes a job, under its own id, once.

It happens in the main process, before the pool. A message that cannot be adopted yet waits here, in turn with
the others of its queue, and goes back to Redis when the worker stops. One that is here when the worker is
killed is lost, as Celery's are.
"""

import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from queue import Empty
from typing import Any

from celery.app.base import Celery
from celery.utils.time import maybe_iso8601
from celery.worker import state
from celery.worker.consumer import Consumer
from kombu.utils import json as kombu_json

from jobs.errors import ArgumentsInvalid, CanvasRefused, JobsError, NotUnique
from jobs.ids import is_well_formed
from jobs.ledger import Submission, ledger
from jobs.submit import Asked, plain_submission
from jobs.worker.bell import hand_to_pool
from jobs.worker.carried import aware, carried, own_headers
from jobs.worker.celery_task import JobTask, refuse_canvas
from jobs.worker.counts import counts
from jobs.worker.malformed import Malformed

logger = logging.getLogger("jobs.worker")
TRY_AGAIN_SECONDS = 0.5
NEVER = timedelta(0)
"""How long a job may wait whose message was revoked: another worker may claim it before it is cancelled."""
REFUSALS = (CanvasRefused, NotUnique, ArgumentsInvalid)
"""What is no better a moment later."""


class Strategies(dict[str, Callable[..., None]]):
    """The worker's strategies by task name.

    A name that it does not know is adopted like any other: the job waits for a worker that does.
    """

    def __init__(self, app: Celery, consumer: Consumer) -> None:
        super().__init__()
        self._other = strategy(None, app, consumer)

    def __getitem__(self, name: Any) -> Callable[..., None]:
        """Also what is no name at all: a list would be an error here, and the end of the worker."""
        return self.get(name, self._other) if isinstance(name, str) else self._other


class Adopter:
    """What becomes of a consumer's messages."""

    def __init__(self, consumer: Consumer) -> None:
        self._consumer = consumer
        self._waiting: dict[str, dict[str, tuple[Any, Submission]]] = {}
        """Messages that could not be adopted yet, by queue and job, in turn."""
        self._timer: Any = None
        self._is_stopping = False

    def take(self, message: Any) -> None:
        """Adopt a message, now or as soon as that can be."""
        app = self._consumer.app
        try:
            job = submission(app, message)
        except REFUSALS as error:
            self._refuse(message, error)
            return
        except Malformed:
            raise
        except Exception as error:  # whatever it is: the consumer logs and drops it, and goes on
            raise Malformed(f"not a message for a task: {type(error).__name__}") from error
        line = self._waiting.get(job.queue)
        if line is None and not self._is_stopping and self._adopt(message, job):
            return
        line = self._waiting.setdefault(job.queue, {})
        if job.id not in line:  # else kombu gave it back as its connection broke, and here it is again
            self._consumer.qos.increment_eventually()  # it must not keep bells from this worker
        line[job.id] = (message, job)
        if self._is_stopping:
            self._put_back()
        else:
            self._try_later()

    def resume(self) -> None:
        """Go on with what waits: the consumer has a new connection, and may have forgotten its timers.

        The old one knows the messages no more, whether it could give them back to Redis or not.
        """
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        channel = self._consumer.task_consumer.channel
        for message, _ in (each for line in self._waiting.values() for each in line.values()):
            message.channel = channel
            channel.qos.append(message, message.delivery_tag)
            self._consumer.qos.increment_eventually()
        self._try_later()

    def give_back(self) -> None:
        """The worker stops: what waits, and what still comes, goes back to the end of its line."""
        self._is_stopping = True
        channel: Any = getattr(self._consumer.task_consumer, "channel", None)
        if getattr(channel, "_in_poll", None):
            # Redis may have answered already, and nobody would read that if the worker ends by force.
            with suppress(Empty, *self._consumer.connection_errors):
                channel._brpop_read()  # noqa: SLF001 - as kombu's own `close` does
        self._put_back()

    def _put_back(self) -> None:
        given, self._waiting = self._waiting, {}
        for message, job in (each for line in given.values() for each in line.values()):
            try:
                message.reject(requeue=True)
            except self._consumer.connection_errors as error:
                logger.critical("message.lost task=%s job=%s reason=%s", job.task, job.id, error)

    def _try_later(self) -> None:
        if self._waiting and self._timer is None:
            self._timer = self._consumer.timer.call_after(TRY_AGAIN_SECONDS, self._try_again)

    def _try_again(self) -> None:
        self._timer = None
        try:
            for queue, line in list(self._waiting.items()):
                while line and self._adopt(*line[first := next(iter(line))]):
                    del line[first]
                    self._consumer.qos.decrement_eventually()
                if not line:
                    del self._waiting[queue]
        finally:
            self._try_later()

    def _adopt(self, message: Any, job: Submission) -> bool:
        """Whether the message is done with."""
        try:
            is_revoked = job.id in state.revoked
            accepted = ledger().submit(replace(job, expires=None, expires_in=NEVER) if is_revoked else job)
            if accepted.id != job.id:  # nothing will ever be known of the id that the client asks for
                raise NotUnique(f"{job.task}: job {accepted.id} is there already.")
            if is_revoked:
                ledger().cancel([job.id], running=False, reason="revoked")
        except REFUSALS as error:
            self._refuse(message, error)
        except JobsError as error:
            logger.warning("message.waits task=%s job=%s reason=%s", job.task, job.id, error)
            return False
        else:
            counts.adopted += 1
            self._acknowledge(message)
            hand_to_pool(self._consumer, job.queue)
        return True

    def _refuse(self, message: Any, error: JobsError) -> None:
        counts.refused += 1
        headers = message.headers if "id" in message.headers else message.payload
        logger.error("message.refused task=%s job=%s reason=%s", headers["task"], headers["id"], error)
        self._consumer.app.backend.store_result(headers["id"], error, "FAILURE", traceback=None)
        self._acknowledge(message)

    def _acknowledge(self, message: Any) -> None:
        message.ack_log_error(logger, self._consumer.connection_errors)


def strategy(task: Any, app: Celery, consumer: Consumer, **_: Any) -> Callable[..., None]:
    """What the worker does with a message for a task."""

    def on_message(message: Any, body: Any, ack: Any, reject: Any, callbacks: Any, **_: Any) -> None:
        consumer.adopter.take(message)

    return on_message


def submission(app: Celery, message: Any) -> Submission:
    """The job that a message asks for.

    Raises:
        CanvasRefused: something is to follow it.
        Malformed: a value of it is none that it could have.
        Exception: it is no message for a task, in any of the ways in which it may be none.
    """
    headers = message.headers
    payload = message.payload
    if isinstance(payload, Mapping):  # protocol 1: all in the body
        args, kwargs, embed, headers = payload.get("args", ()), payload.get("kwargs", {}), payload, payload
    else:
        args, kwargs, embed = payload
    name = headers["task"]
    if not all(isinstance(each, str) and is_well_formed(each) for each in (name, headers["id"])):
        raise Malformed("no job could have this id, or no task this name")
    refuse_canvas(name, {
        "link": embed.get("callbacks"), "link_error": embed.get("errbacks"),
        "chain": embed.get("chain"), "chord": embed.get("chord"), "group_id": headers.get("group"),
    })  # fmt: skip
    hard, soft = headers.get("timelimit") or (None, None)
    options = {**headers, "time_limit": hard, "soft_time_limit": soft, "headers": own_headers(headers)}
    asked = Asked(
        job_id=headers["id"], queue=_queue(app, message), run_at=_instant(headers, "eta"),
        priority=min(9, max(0, int(message.properties.get("priority") or 0))) or None,
        expires=_instant(headers, "expires"), options=carried(options, None, headers["id"]), wait="",
    )  # fmt: skip
    task = app.tasks.get(name)
    if isinstance(task, JobTask):
        return task.adopted(args, kwargs, asked)
    return plain_submission(name, str(kombu_json.dumps([args, kwargs])), asked)


def _queue(app: Celery, message: Any) -> str:
    queue, served = message.delivery_info.get("routing_key"), app.amqp.queues.consume_from
    return str(queue if queue in served else next(iter(served)))


def _instant(headers: Mapping[str, Any], name: str) -> datetime | None:
    try:
        return None if (text := headers.get(name)) is None else aware(maybe_iso8601(text))
    except Exception as error:
        raise Malformed(f"its {name} is no instant") from error
