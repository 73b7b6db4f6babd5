"""The environment in, Django's settings out: the only module that reads `os.environ`.

A value that cannot be used stops the start with one line that names its variable. An empty
variable counts as unset, as Compose and Helm hand on what nobody filled in.
"""

import os
import secrets
from datetime import timedelta
from pathlib import Path
from typing import Any, NoReturn

import dj_database_url
from pydantic import ValidationError

from jobs.conf import Settings


def _refuse(variable: str, fault: str) -> NoReturn:
    raise SystemExit(f"taskbell: {variable}: {fault}")


def _text(variable: str, default: str = "") -> str:
    return os.environ.get(variable) or default


def _flag(variable: str) -> bool:
    value = _text(variable, "false").lower()
    if value not in ("1", "true", "yes", "on", "0", "false", "no", "off"):
        _refuse(variable, "is neither true nor false")
    return value in ("1", "true", "yes", "on")


def _redis_url(variable: str, default: str) -> str:
    """The address under this variable, or under `REDIS_URL`, or the default."""
    named = variable if _text(variable) else "REDIS_URL"
    url = _text(named, default)
    if not url.startswith(("redis://", "rediss://")):
        _refuse(named, "is not a redis:// or rediss:// address")
    return url


BASE_DIR = Path(__file__).resolve().parents[1]

DEBUG = _flag("DEBUG")
# Nothing here signs anything, so each process may have a key of its own; who adds sessions or signed
# links to this project sets one for all.
SECRET_KEY = _text("SECRET_KEY") or secrets.token_urlsafe(50)

# Nothing here makes an address from the Host header, and probes and services call a pod by its IP;
# who puts a browser's session in front of this names the hosts.
ALLOWED_HOSTS = _text("ALLOWED_HOSTS", "*").split(",")

INSTALLED_APPS = ["jobs"]
MIDDLEWARE = ["jobs.api.middleware.lengths", "jobs.api.middleware.problems_only"]
ROOT_URLCONF = "project.urls"
WSGI_APPLICATION = "project.wsgi.application"
ASGI_APPLICATION = "project.asgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "UTC"
USE_I18N = False


# Celery

CELERY_BROKER_URL = _redis_url("CELERY_BROKER_URL", "redis://redis:6379/0")
CELERY_RESULT_BACKEND = _text("CELERY_RESULT_BACKEND", CELERY_BROKER_URL)
if CELERY_RESULT_BACKEND != CELERY_BROKER_URL:
    _refuse("CELERY_RESULT_BACKEND", "must be the same as CELERY_BROKER_URL: jobs write their own results")
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_SERIALIZER = "json"
CELERY_RESULT_SERIALIZER = "json"
# A bell may be lost or doubled, so acknowledging it buys nothing; a busy worker must not swallow it.
CELERY_BROKER_TRANSPORT_OPTIONS = {"ack_emulation": False}
CELERY_WORKER_DISABLE_PREFETCH = True
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True


# The platform: JOBS_LEASE_SECONDS sets LEASE, JOBS_PREFIX sets PREFIX, and so on (see jobs/conf.py)

JOBS_VARIABLES = {
    name: f"JOBS_{name}_SECONDS" if Settings.is_duration(name) else f"JOBS_{name}"
    for name in Settings.model_fields
    if name != "REDIS_URL"  # the broker's: bells lie where the jobs are
}


def _jobs_value(name: str, text: str) -> Any:
    if Settings.is_duration(name):
        try:
            return timedelta(seconds=float(text))
        except (ValueError, OverflowError):
            _refuse(JOBS_VARIABLES[name], "is not a number of seconds")
    return text.split(",") if name == "TASK_PACKAGES" else text


JOBS: dict[str, Any] = {"REDIS_URL": CELERY_BROKER_URL} | {
    name: _jobs_value(name, _text(variable)) for name, variable in JOBS_VARIABLES.items() if _text(variable)
}
try:
    DATA_UPLOAD_MAX_MEMORY_SIZE = Settings.model_validate(JOBS).BODY_LIMIT_BYTES
except ValidationError as error:
    fault = error.errors()[0]
    _refuse(JOBS_VARIABLES[str(fault["loc"][0])] if fault["loc"] else "JOBS_…", fault["msg"])


# Database: for results too large for Redis


def _database() -> dict[str, Any]:
    default = BASE_DIR.parent / ".taskbell" / "db.sqlite3"
    try:
        if not _text("DATABASE_URL"):
            default.parent.mkdir(exist_ok=True)
        found = dj_database_url.parse(
            _text("DATABASE_URL", f"sqlite:///{default}"), conn_max_age=60, conn_health_checks=True
        )
    except OSError as error:
        _refuse("DATABASE_URL", f"is missing, and the default's directory cannot be made: {error}")
    except ValueError as error:
        _refuse("DATABASE_URL", str(error))
    if found["ENGINE"] == "django.db.backends.sqlite3":
        # API and workers share the file: readers beside the writer, and writers that wait in line.
        found["OPTIONS"] = {
            "init_command": "PRAGMA journal_mode=WAL", "transaction_mode": "IMMEDIATE", "timeout": 5,
            **found.get("OPTIONS", {}),
        }  # fmt: skip
    return dict(found)


DATABASES = {"default": _database()}


# Logs

LOG_LEVEL = _text("LOG_LEVEL", "INFO").upper()
if LOG_LEVEL not in ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"):
    _refuse("LOG_LEVEL", "is none of DEBUG, INFO, WARNING, ERROR, CRITICAL")

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)-7s %(name)s  %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
    "loggers": {
        # Its own handlers would print each line again; a caller's 404 is no event of ours.
        "django": {"handlers": [], "propagate": True},
        "django.request": {"level": "ERROR"},
    },
}
