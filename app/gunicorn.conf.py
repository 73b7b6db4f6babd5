"""How gunicorn serves the API: `gunicorn` in this directory, nothing else needed."""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

PORT = os.environ.get("PORT") or "8001"
if not PORT.isdecimal():
    raise SystemExit("taskbell: PORT: is not a number")

wsgi_app = "project.wsgi:application"
bind = f"0.0.0.0:{PORT}"

# Loaded once, before the fork: a wrong setting or declaration ends the start in one line, not one
# worker after the other, and the workers share the code's memory.
preload_app = True

worker_class = "gthread"
workers = int(os.environ.get("WEB_CONCURRENCY") or 2)
# A request waits for Redis most of its time; while Redis is away each waits for its whole timeout,
# so threads are what keeps /livez answering then.
threads = 32
# Longer than the idle timeout of the usual load balancers (60 s), so that they close first. A kept
# connection costs no thread.
keepalive = 75
graceful_timeout = 20
limit_request_line = 8190

# The heartbeat file must not wait for a disk, nor need one: the root file system may be read-only.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None

# Its processes count their requests together, in a directory that is gone with the last of them. After a HUP
# this file is read again, and they go on as they were.
OWN = "taskbell-metrics-"


def _metrics() -> str:
    """A new directory; those of others that were killed before they could remove theirs go."""
    place = Path(worker_tmp_dir or tempfile.gettempdir())
    for left in place.glob(f"{OWN}*"):
        if not Path(f"/proc/{left.name.removeprefix(OWN).partition('-')[0]}").exists():
            shutil.rmtree(left, ignore_errors=True)
    return tempfile.mkdtemp(prefix=f"{OWN}{os.getpid()}-", dir=place)


metrics = os.environ.get("PROMETHEUS_MULTIPROC_DIR") or _metrics()
os.environ["PROMETHEUS_MULTIPROC_DIR"] = metrics

from project.settings import LOGGING  # noqa: E402 - they read what was just set

control_socket_disable = True
accesslog = None
errorlog = "-"
logconfig_dict = LOGGING


def post_worker_init(worker: Any) -> None:
    """Keep the ledger's clock and the outbox going, also where no worker runs."""
    from jobs import relay, tracing  # the application must be loaded first
    from jobs.ticker import Ticker

    Ticker().start()
    relay.start()
    tracing.start()


def child_exit(_server: Any, worker: Any) -> None:
    """What a process said of itself alone ends with it."""
    from prometheus_client.multiprocess import mark_process_dead

    mark_process_dead(worker.pid)


def on_exit(_server: Any) -> None:
    """Leave nothing behind."""
    if Path(metrics).name.startswith(OWN):
        shutil.rmtree(metrics, ignore_errors=True)
