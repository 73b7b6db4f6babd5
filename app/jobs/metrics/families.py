"""Every metric by name: the one list that the pages, the documentation and its tests are made from."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Family:
    """A metric, and what tells its series apart."""

    name: str
    """As Prometheus has it; of a counter without its `_total`."""
    kind: Literal["counter", "gauge", "histogram"]
    labels: tuple[str, ...]
    help: str

    @property
    def series(self) -> tuple[str, ...]:
        """What its samples are called."""
        match self.kind:
            case "counter":
                return (f"{self.name}_total",)
            case "histogram":
                return (f"{self.name}_bucket", f"{self.name}_sum", f"{self.name}_count")
        return (self.name,)


def _counter(name: str, help_: str, *labels: str) -> Family:
    return Family(name=f"taskbell_{name}", kind="counter", labels=labels, help=help_)


def _gauge(name: str, help_: str, *labels: str) -> Family:
    return Family(name=f"taskbell_{name}", kind="gauge", labels=labels, help=help_)


def _histogram(name: str, help_: str, *labels: str) -> Family:
    return Family(name=f"taskbell_{name}_seconds", kind="histogram", labels=labels, help=help_)


_JOB = ("queue", "task")
LEDGER_UP = _gauge("ledger_up", "Whether Redis told all that stands here; 0: nothing else does.")
BUILD = _gauge("build_info", "Always 1.", "version", "python")

SUBMITTED = _counter("jobs_submitted", "Jobs that were accepted.", *_JOB)
REPEATED = _counter("submits_repeated", "Submits that got a job that was there already.", *_JOB)
REFUSED = _counter(
    "submits_refused",
    "Submits that were refused, by the problem's slug.", *_JOB, "reason",
)  # fmt: skip
ATTEMPTS_STARTED = _counter("attempts_started", "Attempts that were given to a worker.", *_JOB)
ATTEMPTS_ENDED = _counter(
    "attempts_ended",
    "Attempts that ended: a state, of which RETRY is one, PENDING where it was handed back, LOST.",
    *_JOB, "outcome",
)  # fmt: skip
RECOVERED = _counter("jobs_recovered", "Jobs that were made ready again after a lost attempt.", *_JOB)
FINISHED = _counter(
    "jobs_finished", "Jobs that came to a final state; FAILURE is a dead letter.", *_JOB, "state"
)
OBJECTIVE = _counter(
    "objective_jobs",
    "Jobs of a task with an objective that succeeded or failed: met, missed.",
    *_JOB,
    "outcome",
)
OBJECTIVE_SECONDS = _gauge("task_objective_seconds", "In what time a job should succeed.", "task")
OBJECTIVE_RATIO = _gauge("task_objective_ratio", "The part of the jobs that should.", "task")
REDRIVEN = _counter("jobs_redriven", "Ended jobs that were made ready again.", *_JOB)
WAIT = _histogram("attempt_wait", "From when a job could start to its attempt's start.", *_JOB)
RUN = _histogram("attempt_run", "From an attempt's start to its end; lost ones and hand-backs apart.", *_JOB)
TOTAL = _histogram("job_total", "From when a job was accepted to its final state.", *_JOB)

JOBS = _gauge("jobs", "Jobs that are ready, scheduled, running or retrying.", "queue", "state")
READY = _gauge("ready_jobs", "Ready jobs.", *_JOB)
DEAD = _gauge("dead_letters", "Failed jobs that can still be read back, and run again.", "queue")
OLDEST = _gauge("oldest_ready_age_seconds", "How long the first of the ready jobs could have run.", "queue")
PAUSED = _gauge("queue_paused", "Whether the queue gives out no jobs.", "queue")
BELLS = _gauge("queue_bells", "Bells that lie in the queue's list.", "queue")
GAP = _gauge("accounting_gap", "Accepted jobs that are nowhere; anything but 0 is a bug.", "queue")

LOAD = _gauge("autoscale_load", "Jobs that want a slot of the pool; what sizes it.", "pool")
POOL_JOBS = _gauge(
    "pool_jobs",
    "The load's parts, ready, running and due_soon; and held by a pause or a limit.",
    "pool",
    "kind",
)
POOL_OLDEST = _gauge(
    "pool_oldest_ready_age_seconds", "How long the first of its queues' ready jobs could have run.", "pool"
)
POOL_OBJECTIVE = _gauge("pool_objective_seconds", "The longest that one should; a setting.", "pool")
WORKERS = _gauge("workers", "Workers that live.")
LEASES = _gauge("leases", "Holders with a lease: slots of workers that have run a job.")
LEASES_LOST = _counter("leases_lost", "Attempts that were taken back because their worker fell silent.")
TICKS = _counter("ticks", "Whole ticks of the ledger's clock; one a second.")
TICK_AGE = _gauge("tick_age_seconds", "Since the last whole tick.")
RUNG = _counter("bells_rung", "Bells that the ledger has rung.")

ROUND_TRIP = _gauge("redis_round_trip_seconds", "What a question to Redis took just now.")
MEMORY = _gauge("redis_memory_used_bytes", "Redis's used_memory.")
MEMORY_LIMIT = _gauge("redis_memory_limit_bytes", "Redis's maxmemory; 0: none.")
EVICTED = _counter("redis_evicted_keys", "Keys that Redis dropped for want of memory; each may be a job.")
EVICTS = _gauge("redis_evicts", "Whether its maxmemory-policy is another than noeviction.")
FILE = _gauge("redis_append_only", "Whether Redis keeps an append-only file.")
FILE_WRITTEN = _gauge("redis_append_only_ok", "Whether its last write to that file was well.")
FSYNC = _gauge("redis_fsync_info", "When that file is written to disk; always 1.", "policy")
REPLICAS = _gauge("redis_replicas", "Replicas that are connected.")
CLIENTS = _gauge("redis_clients", "Connections to Redis.")
UPTIME = _gauge("redis_uptime_seconds", "Since Redis was started.")

REQUESTS = _counter("http_requests", "Requests that were answered.", "method", "route", "status")
REQUEST_TIME = _histogram("http_request", "From when a request is read to its answer.", "method", "route")

SLOTS = _gauge("worker_slots", "Jobs that the worker may run at once.")
SLOTS_BUSY = _gauge("worker_busy_slots", "Slots that have a job.")
PROCESSES = _gauge("worker_processes", "Pool processes that live; 0 with threads or solo.")
PROCESSES_STARTED = _counter("worker_processes_started", "Pool processes that were started.")
PROCESSES_ENDED = _counter(
    "worker_processes_ended",
    "Pool processes that ended: recycled, forced (with its job), asked, oom, exit, a signal, unknown.",
    "cause",
)  # fmt: skip
ATTEMPTS_FORCED = _counter(
    "worker_attempts_forced",
    "What was done to attempts that went on too long: soft_limit, hard_limit, cancel, hand_back.",
    "by",
)
ATTEMPTS_FENCED = _counter(
    "worker_attempts_fenced", "Attempts whose outcome the ledger refused: their job was another's by then."
)
RENEWALS = _counter("worker_renewals", "Renewals of the worker's leases: renewed, failed.", "outcome")
RENEWAL_AGE = _gauge("worker_renewal_age_seconds", "Since the last one that went well, or since the start.")
LEASE = _gauge("worker_lease_seconds", "How long that may be before its jobs are given to others; a setting.")
RENEWAL_TIME = _gauge("worker_renewal_seconds", "What it took: a round trip to Redis.")
BELLS_TAKEN = _counter("worker_bells", "Bells that the worker took.")
MESSAGES = _counter("worker_messages", "Plain Celery clients' messages: adopted, refused.", "outcome")
DISCONNECTED = _counter("worker_disconnects", "Times that the connection to the broker was lost.")
STOPPING = _gauge("worker_stopping", "Whether the worker was told to stop.")
RESIDENT = _gauge(
    "worker_memory_bytes", "Resident memory of main and pool; what processes share is in each.", "of"
)

CERTIFICATE = _gauge(
    "adapter_certificate_expires_seconds", "Until the certificate that the adapter shows ends."
)

OF_ADAPTER = (CERTIFICATE,)
"""The adapter writes it by hand: it does without Prometheus' client."""
OF_PROCESS = (BUILD, REQUESTS, REQUEST_TIME)
OF_WORKER = (
    BUILD, SLOTS, SLOTS_BUSY, PROCESSES, PROCESSES_STARTED, PROCESSES_ENDED, ATTEMPTS_FORCED, ATTEMPTS_FENCED,
    RENEWALS, RENEWAL_AGE, LEASE, RENEWAL_TIME, BELLS_TAKEN, MESSAGES, DISCONNECTED, STOPPING, RESIDENT,
)  # fmt: skip
OF_LEDGER = tuple(
    each
    for each in list(globals().values())
    if isinstance(each, Family) and each not in (*OF_PROCESS[1:], *OF_ADAPTER, *OF_WORKER[1:])
)
