"""Messages of which no job can come: they are dropped as Celery would, and no line tells what is in them.

Celery's own lines would show the body and the headers, which have arguments.
"""

import logging
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import Any

from celery import signals
from celery.exceptions import InvalidTaskError
from celery.worker.consumer import Consumer

from jobs.ids import is_well_formed

logger = logging.getLogger("jobs.worker")


class Malformed(InvalidTaskError):
    """Says what is wrong with a message, and none of its values."""


def tell(consumer: Consumer) -> None:
    """Log the messages that this consumer drops."""
    consumer.on_invalid_task = partial(_on_invalid_task, consumer)
    consumer.on_unknown_message = partial(_on_unknown_message, consumer)
    consumer.on_decode_error = _on_decode_error


def _on_invalid_task(consumer: Consumer, body: Any, message: Any, error: Exception) -> None:
    _log(message, str(error) if isinstance(error, Malformed) else type(error).__name__)
    _reject(consumer, message, error)


def _on_unknown_message(consumer: Consumer, body: Any, message: Any) -> None:
    _log(message, "it names no task")
    _reject(consumer, message, None)


def _on_decode_error(message: Any, error: Exception) -> None:
    _log(message, "its body cannot be read")
    message.ack()


def _reject(consumer: Consumer, message: Any, error: Exception | None) -> None:
    message.reject_log_error(logger, consumer.connection_errors)
    signals.task_rejected.send(sender=consumer, message=message, exc=error)


def _log(message: Any, reason: str) -> None:
    told = _told(message)
    task, job = (_if_well_formed(told.get(name)) for name in ("task", "id"))
    logger.error("message.malformed task=%s job=%s reason=%s", task, job, reason)


def _told(message: Any) -> Mapping[str, Any]:
    """What a message says of itself: in its headers, or by protocol 1 in its body."""
    if isinstance(message.headers, Mapping) and "task" in message.headers:
        return message.headers
    with suppress(Exception):  # whatever is wrong with it is told already
        return dict(message.payload)
    return {}


def _if_well_formed(name: Any) -> str | None:
    return name if isinstance(name, str) and is_well_formed(name) else None
