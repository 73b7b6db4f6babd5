"""The environment in, Django's settings out: each variable is named here, and read by `environment.py`."""

import secrets
import ssl
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import dj_database_url
from pydantic import ValidationError

from jobs import log
from jobs.address import watched
from jobs.conf import Settings
from project import tracing
from project.environment import flag, is_set, refuse, secret, text


def _redis_url(variable: str, default: str) -> str:
    """The address under this variable, or under `REDIS_URL`, or the default."""
    named = variable if is_set(variable) else "REDIS_URL"
    url = secret(named, default)
    if not url.startswith(("redis://", "rediss://", "sentinel://")):
        refuse(named, "is not a redis://, rediss:// or sentinel:// address")
    try:
        watched(url)
    except ValueError as error:
        refuse(named, str(error))
    _check_who_asks(named, url)
    _check_authority(named, url)
    return url


def _check_who_asks(named: str, url: str) -> None:
    """One place says with what user and password Redis is asked."""
    asks = urlsplit(url)
    if secret("REDIS_PASSWORD") and (asks.password or asks.username):
        refuse("REDIS_PASSWORD", f"{named} has a user or a password of its own: set one of them")
    if secret("REDIS_SENTINEL_PASSWORD") and not watched(url):
        refuse("REDIS_SENTINEL_PASSWORD", f"{named} is no sentinel:// address")
    if text("REDIS_USERNAME") and not is_set("REDIS_PASSWORD"):
        refuse("REDIS_USERNAME", "needs REDIS_PASSWORD or REDIS_PASSWORD_FILE")


def _check_authority(named: str, url: str) -> None:
    """A CA that cannot be used would be found only where Redis seems to be away."""
    file = text("REDIS_CA_FILE")
    if not file:
        return
    if not url.startswith("rediss://"):
        refuse("REDIS_CA_FILE", f"{named} is no rediss:// address")
    try:
        ssl.create_default_context(cafile=file)
    except OSError as error:
        refuse("REDIS_CA_FILE", f"{file} holds no certificate that can be read: {error.strerror or error}")


BASE_DIR = Path(__file__).resolve().parents[1]

DEBUG = flag("DEBUG")
# Nothing here signs anything, so each process may have a key of its own; who adds sessions or signed
# links to this project sets one for all.
SECRET_KEY = secret("SECRET_KEY") or secrets.token_urlsafe(50)

# Nothing here makes an address from the Host header, and probes and services call a pod by its IP;
# who puts a browser's session in front of this names the hosts.
ALLOWED_HOSTS = text("ALLOWED_HOSTS", "*").split(",")

INSTALLED_APPS = ["jobs"]
MIDDLEWARE = [
    "jobs.api.middleware.with_origin", "jobs.api.middleware.traced", "jobs.api.middleware.timed",
    "jobs.api.middleware.lengths", "jobs.api.middleware.problems_only",
]  # fmt: skip
ROOT_URLCONF = "project.urls"
WSGI_APPLICATION = "project.wsgi.application"
ASGI_APPLICATION = "project.asgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "UTC"
USE_I18N = False


# Celery

CELERY_BROKER_URL = _redis_url("CELERY_BROKER_URL", "redis://redis:6379/0")
CELERY_RESULT_BACKEND = text("CELERY_RESULT_BACKEND", CELERY_BROKER_URL)
if CELERY_RESULT_BACKEND != CELERY_BROKER_URL:
    refuse("CELERY_RESULT_BACKEND", "must be the same as CELERY_BROKER_URL: jobs write their own results")
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_SERIALIZER = "json"
CELERY_RESULT_SERIALIZER = "json"
# A bell may be lost or doubled, so acknowledging it buys nothing; a busy worker must not swallow it.
# A network may swallow the first packets of a connection, and go on to: a new one gets through.
CELERY_BROKER_TRANSPORT_OPTIONS = {"ack_emulation": False, "socket_connect_timeout": 5.0}
CELERY_WORKER_DISABLE_PREFETCH = True
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None  # a worker waits for Redis, however long it is away


# The platform: JOBS_LEASE_SECONDS sets LEASE, JOBS_PREFIX sets PREFIX, and so on (see jobs/conf.py)


def _variable(name: str) -> str:
    if name.startswith("REDIS_") and not Settings.is_duration(name):
        return name  # the platform's and the broker's: bells lie where the jobs are
    return f"JOBS_{name}_SECONDS" if Settings.is_duration(name) else f"JOBS_{name}"


JOBS_VARIABLES = {
    name: _variable(name) for name in Settings.model_fields if name not in {"REDIS_URL", "TRACES"}
}


def _jobs_value(name: str, text: str) -> Any:
    if Settings.is_duration(name):
        try:
            return timedelta(seconds=float(text))
        except (ValueError, OverflowError):
            refuse(JOBS_VARIABLES[name], "is not a number of seconds")
    return text.split(",") if name == "TASK_PACKAGES" else text


JOBS: dict[str, Any] = (
    {"REDIS_URL": CELERY_BROKER_URL}
    | ({"TRACES": True} if tracing.is_wanted() else {})
    | {name: _jobs_value(name, text(variable)) for name, variable in JOBS_VARIABLES.items() if text(variable)}
)
try:
    DATA_UPLOAD_MAX_MEMORY_SIZE = Settings.model_validate(JOBS).BODY_LIMIT_BYTES
except ValidationError as error:
    fault = error.errors()[0]
    refuse(JOBS_VARIABLES[str(fault["loc"][0])] if fault["loc"] else "JOBS_…", fault["msg"])


# Database: for results too large for a status, and jobs that follow a transaction


def _database() -> dict[str, Any]:
    if secret("DATABASE_URL") == "none":
        return {"ENGINE": "django.db.backends.dummy"}
    default = BASE_DIR.parent / ".taskbell" / "db.sqlite3"
    try:
        if not is_set("DATABASE_URL"):
            default.parent.mkdir(exist_ok=True)
        found = dj_database_url.parse(
            secret("DATABASE_URL", f"sqlite:///{default}"), conn_max_age=60, conn_health_checks=True
        )
    except OSError as error:
        refuse("DATABASE_URL", f"is missing, and the default's directory cannot be made: {error}")
    except ValueError as error:
        refuse("DATABASE_URL", str(error))
    if found["ENGINE"] == "django.db.backends.sqlite3":
        # API and workers share the file: readers beside the writer, and writers that wait in line.
        found["OPTIONS"] = {
            "init_command": "PRAGMA journal_mode=WAL", "transaction_mode": "IMMEDIATE", "timeout": 5,
            **found.get("OPTIONS", {}),
        }  # fmt: skip
    elif found["ENGINE"] == "django.db.backends.postgresql":
        found["OPTIONS"] = {"connect_timeout": 5, **found.get("OPTIONS", {})}
    return dict(found)


DATABASES = {"default": _database()}


# Kubernetes, where this is a pod of one: the metrics adapter asks its API


def _kubernetes() -> str:
    host = text("KUBERNETES_SERVICE_HOST", "kubernetes.default.svc")
    return f"https://{f'[{host}]' if ':' in host else host}:{text('KUBERNETES_SERVICE_PORT', '443')}"


KUBERNETES = _kubernetes()


# Where the processes of one gunicorn keep what they count; it makes the directory itself

PROMETHEUS_MULTIPROC_DIR = text("PROMETHEUS_MULTIPROC_DIR")


# Logs

LOG_LEVEL = text("LOG_LEVEL", "INFO").upper()
if LOG_LEVEL not in ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"):
    refuse("LOG_LEVEL", "is none of DEBUG, INFO, WARNING, ERROR, CRITICAL")

LOG_FORMAT = text("LOG_FORMAT", "text")
if LOG_FORMAT not in log.FORMS:
    refuse("LOG_FORMAT", f"is none of {', '.join(log.FORMS)}")

LOGGING = log.configuration(LOG_LEVEL, LOG_FORMAT)
