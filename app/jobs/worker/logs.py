"""The worker's log in the platform's form: Celery sets its loggers up by itself, and tells when it has."""

import logging
import os
from contextlib import suppress
from typing import Any, TextIO

from celery import signals
from celery.apps import worker as apps
from celery.utils.log import get_multiprocessing_logger
from django.conf import settings

from jobs import log
from jobs.worker import current


def install() -> None:
    """Shape what Celery sets up from now on; lines of a running job tell which it is."""
    if current.about not in log.about:
        log.about.insert(0, current.about)
    signals.after_setup_logger.connect(_shape)
    signals.after_setup_task_logger.connect(_shape)


def only_lines(worker: Any) -> None:
    """Where each line is JSON, what Celery says past its own log is one too: its stop; not its banner."""
    if settings.LOG_FORMAT == "json":
        worker.quiet = True
        apps.safe_say = _say


def _say(text: str, file: TextIO | None = None) -> None:
    """Said in a signal's handler, where no lock may be waited for, and so no logger."""
    told = {"name": "celery.apps.worker", "levelno": logging.WARNING, "levelname": "WARNING", "msg": text}
    with suppress(OSError):
        os.write(2, f"{log.JsonFormatter().format(logging.makeLogRecord(told))}\n".encode())


def _shape(logger: logging.Logger, **_: Any) -> None:
    for each in (logger, get_multiprocessing_logger()):  # that one tells of a pool process's death
        log.shape(each, settings.LOG_FORMAT)
