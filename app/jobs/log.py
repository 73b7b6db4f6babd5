"""The form of the log: text for people, or one object of JSON a line; both tell which job a line is of.

The platform's own lines are events with values, `name.event key=value`; in JSON each value is a field.
Known to no setting but its own two: gunicorn takes its form from here before there are any.
"""

import copy
import json
import logging
import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from jobs.origin import KEPT_AS, request_id

FORMS = ("text", "json")

about: list[Callable[[], Mapping[str, Any]]] = []
"""Each says of this thread what stands on all of its lines: its job, while it runs one."""

_EVENT = re.compile(r"[a-z]+\.[a-z_%]+")
_VALUE = re.compile(r"(\w+)=(.*)")
_TAKES = re.compile(r"%[-#0 +]*\d*(?:\.\d+)?[a-z]")
_OF_A_RECORD = ("task", "job", "attempt", KEPT_AS)
"""What a line may say of itself (`extra`)."""


def configuration(level: str, form: str) -> dict[str, Any]:
    """What `logging.config` takes, for one of the forms: all goes to standard error."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "text": {"format": "%(asctime)s %(levelname)-7s %(name)s  %(message)s"},
            "json": {"()": "jobs.log.JsonFormatter"},
        },
        "filters": {"told": {"()": "jobs.log.Told"}},
        "handlers": {
            "console": {
                "class": "logging.StreamHandler", "formatter": form,
                "filters": ["told"] if form == "text" else [],
            },
        },
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
        elif not any(isinstance(each, Told) for each in handler.filters):
            handler.addFilter(Told())


class Told(logging.Filter):
    """Adds to a line of text which job it is of, where it does not say so itself."""

    def filter(self, record: logging.LogRecord) -> bool | logging.LogRecord:
        if not (told := _about(record)):
            return True
        message = record.getMessage()
        missing = [f" {name}={value}" for name, value in told.items() if f" {name}=" not in message]
        new = copy.copy(record)
        new.msg, new.args = message + "".join(missing), ()
        return new


class JsonFormatter(logging.Formatter):
    """One line of JSON: `time`, `level`, `logger`, then `event` and its values, or `message`.

    Then whatever is known of the job and the request, and `error` and `traceback` of an exception.
    """

    def format(self, record: logging.LogRecord) -> str:
        instant = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line: dict[str, Any] = {
            "time": instant.replace("+00:00", "Z"), "level": record.levelname.lower(), "logger": record.name,
            **(_event(record) or {"message": record.getMessage()}),
        }  # fmt: skip
        for name, value in _about(record).items():
            line.setdefault(name, value)
        if record.exc_info and (error := record.exc_info[1]):
            line["error"] = f"{type(error).__qualname__}: {error}"
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, separators=(",", ":"), default=str)


def _about(record: logging.LogRecord) -> dict[str, Any]:
    """What is known of the job that a line is of, and of the request that it comes from."""
    told: dict[str, Any] = {}
    for tell in about:
        told |= tell()
    if origin := request_id.get():
        told[KEPT_AS] = origin
    return told | {name: getattr(record, name) for name in _OF_A_RECORD if hasattr(record, name)}


def _event(record: logging.LogRecord) -> dict[str, Any] | None:
    """The event that a line of the platform's is, with its values as they are; None for any other line."""
    parts = _parts(record.msg) if record.name.startswith("jobs") and isinstance(record.msg, str) else None
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
