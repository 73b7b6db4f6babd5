"""The form of the log: text for people, or one object of JSON a line; both tell which job a line is of.

The platform's own lines are events with values, `name.event key=value`; in JSON each value is a field.
It knows no settings: whoever sets the log up says the level and the form.
"""

import copy
import json
import logging
import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from traceback import format_exception_only
from typing import Any

from jobs.origin import KEPT_AS, request_id

FORMS = ("text", "json")

about: list[Callable[[], Mapping[str, Any]]] = []
"""Each says of this thread what stands on all of its lines: its job, while it runs one."""

TEXT = "%(asctime)s %(levelname)-7s %(name)s  %(message)s"
_EVENT = re.compile(r"[a-z]+\.[a-z_%]+")
_VALUE = re.compile(r"(\w+)=(.*)")
_TAKES = re.compile(r"%[-#0 +]*\d*(?:\.\d+)?[a-zA-Z]")
_OF_A_RECORD = ("task", "job", "attempt", KEPT_AS)
"""What a line of `job.logger` says of itself (`extra`)."""


def configuration(level: str, form: str) -> dict[str, Any]:
    """What `logging.config` takes, for one of the forms: all goes to standard error."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "text": {"()": "jobs.log.TextFormatter"}, "json": {"()": "jobs.log.JsonFormatter"},
        },
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": form}},
        "root": {"handlers": ["console"], "level": level},
        "loggers": {
            # Their own handlers would print each line again; a caller's 404 is no event of ours.
            "django": {"handlers": [], "propagate": True},
            "django.request": {"level": "ERROR"},
            "gunicorn.error": {"level": level, "handlers": [], "propagate": True},
        },
    }  # fmt: skip


def shape(logger: logging.Logger, form: str) -> None:
    """Give this form to a logger that somebody else has set up, and its handlers with it."""
    for handler in logger.handlers:
        if form == "json":
            handler.setFormatter(JsonFormatter())
        elif not isinstance(handler.formatter, TextFormatter):
            handler.setFormatter(TextFormatter(handler.formatter))


class TextFormatter(logging.Formatter):
    """A line of text as another formatter has it, and which job it is of, where it does not say so itself."""

    def __init__(self, inner: logging.Formatter | None = None) -> None:
        super().__init__()
        self._inner = inner or logging.Formatter(TEXT)

    def format(self, record: logging.LogRecord) -> str:
        if told := _about(record):
            message = record.getMessage()
            missing = [f" {name}={value}" for name, value in told.items() if f" {name}=" not in message]
            record = copy.copy(record)
            record.msg, record.args = message + "".join(missing), ()
        return self._inner.format(record)


class JsonFormatter(logging.Formatter):
    """One line of JSON: `time`, `level`, `logger`, then `event` and its values, or `message`.

    Then whatever is known of the job and the request, and `error` and `traceback` of an exception. It makes
    an object of every line, also of one that cannot be put together.
    """

    def format(self, record: logging.LogRecord) -> str:
        instant = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line: dict[str, Any] = {
            "time": instant.replace("+00:00", "Z"), "level": record.levelname.lower(), "logger": record.name,
        }  # fmt: skip
        for told in (_said(record), _about(record)):
            line |= {name: value for name, value in told.items() if name not in line}
        if record.exc_info and (error := record.exc_info[1]):
            line["error"] = format_exception_only(error)[-1].strip()
            line["traceback"] = self.formatException(record.exc_info)
        elif record.exc_text:
            line["traceback"] = record.exc_text
        if record.stack_info:
            line["stack"] = record.stack_info
        return json.dumps(line, separators=(",", ":"), default=str)


def _about(record: logging.LogRecord) -> dict[str, Any]:
    """What is known of the job that a line is of, and of the request that it comes from."""
    told: dict[str, Any] = {}
    for tell in about:
        told |= tell()
    if origin := request_id.get():
        told[KEPT_AS] = origin
    if record.name.startswith("tasks."):
        told |= {name: _plain(getattr(record, name), "%s") for name in _OF_A_RECORD if hasattr(record, name)}
    return told


def _said(record: logging.LogRecord) -> dict[str, Any]:
    """What the line itself says: its event with its values, or its message."""
    try:
        event = _event(record)
        return {"message": record.getMessage()} if event is None else event
    except Exception as error:  # noqa: BLE001 - a line whose text and values do not fit is somebody's bug
        return {"message": str(record.msg), "not_formatted": format_exception_only(error)[-1].strip()}


def _event(record: logging.LogRecord) -> dict[str, Any] | None:
    """The event that a line of the platform's is, with its values as they are; None for any other line."""
    parts = _parts(record.msg) if record.name.startswith("jobs.") and isinstance(record.msg, str) else None
    if parts is None or not isinstance(record.args, tuple | None):
        return None
    given = list(record.args or ())
    line: dict[str, Any] = {}
    for name, text in parts:
        values = tuple(given.pop(0) for _ in _TAKES.findall(text))
        line[name] = _plain(values[0], text) if text in {"%s", "%d"} else _number(text % values)
    return line


@lru_cache(maxsize=512)
def _parts(text: str) -> list[tuple[str, str]] | None:
    """`[("event", "job.%s"), ("task", "%s"), …]` of the text of such a line; None where it is another."""
    event, *values = text.split(" ")
    found = [_VALUE.fullmatch(each) for each in values]
    if not _EVENT.fullmatch(event) or None in found:
        return None
    return [("event", event), *((each[1], each[2]) for each in found if each)]


def _plain(value: Any, text: str) -> Any:
    if value is None or isinstance(value, bool | int):
        return value
    return value if isinstance(value, float) and math.isfinite(value) else text % (value,)


def _number(text: str) -> float | str:
    """A number that was rounded for its line; any other text as it is."""
    try:
        value = float(text)
    except ValueError:
        return text
    return value if math.isfinite(value) else text
