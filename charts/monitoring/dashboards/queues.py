"""Queues, the workers that serve them, and the Redis that holds them."""

from charts.monitoring.dashboards.page import Page, Row
from charts.monitoring.dashboards.panels import Column, Json, Says, Steps, bars, lines, stat, table
from charts.monitoring.dashboards.queries import Query, added
from charts.monitoring.dashboards.variables import (
    ADAPTER,
    EACH_WORKER,
    INSTALLATION,
    LEDGER,
    QUEUE,
    QUEUES,
    WORKERS,
)


def _by_queue(says: Says, expr: str, *, stacked: bool = False) -> Json:
    return lines(says, Query(expr=expr, legend="{{queue}}"), stacked=stacked)


def _most(name: str) -> str:
    return f"max by (queue) ({QUEUES.now(name)})"


_TABLE = table(
    Says(title="Each queue", more="Now."),
    ("queue",),
    *(
        Column(name=state, expr=added(QUEUES.now("jobs", f'state="{state}"'), "queue"))
        for state in ("ready", "scheduled", "running", "retrying")
    ),
    Column(name="oldest ready", unit="s", expr=_most("oldest_ready_age_seconds")),
    Column(name="dead letters", expr=added(QUEUES.now("dead_letters"), "queue"), steps={1: "orange"}),
    Column(
        name="given out", expr=_most("queue_paused"), words={0: "yes", 1: "paused"}, steps={1: "orange"}
    ),
    Column(name="bells", expr=added(QUEUES.now("queue_bells"), "queue")),
    Column(
        name="unaccounted", expr=f"sum by (queue) (abs({QUEUES.now('accounting_gap')}))", steps={1: "red"}
    ),
)  # fmt: skip

_BACKLOG = (
    lines(
        Says(title="Backlog, by state"),
        Query(expr=added(QUEUES.now("jobs"), "state"), legend="{{state}}"),
        stacked=True,
    ),
    _by_queue(
        Says(title="Ready, by queue"), added(QUEUES.now("jobs", 'state="ready"'), "queue"), stacked=True
    ),
    _by_queue(
        Says(title="Oldest ready, by queue", unit="s", more="How long the first ready job could have run."),
        _most("oldest_ready_age_seconds"),
    ),
)
_FLOW = (
    _by_queue(
        Says(title="Accepted a second", unit="ops"), added(QUEUES.rate("jobs_submitted_total"), "queue")
    ),
    _by_queue(Says(title="Ended a second", unit="ops"), added(QUEUES.rate("jobs_finished_total"), "queue")),
    _by_queue(
        Says(title="95% wait, by queue", unit="s", more="From when a job could start to its start."),
        QUEUES.quantile(0.95, "attempt_wait", "queue"),
    ),
)
_LEFT = (
    _by_queue(Says(title="Dead letters"), added(QUEUES.now("dead_letters"), "queue"), stacked=True),
    _by_queue(Says(title="Paused", more="1 while the queue gives out no jobs."), _most("queue_paused")),
    _by_queue(
        Says(title="Bells", more="What wakes workers; few are enough."),
        added(QUEUES.now("queue_bells"), "queue"),
    ),
)

_POOLS = (
    bars(
        Says(
            title="Wait of objective, by pool", unit="percentunit", none="no objective",
            more="How long the first ready job has waited, of the longest that it should.",
        ),
        Query(
            expr=f"max by (pool) ({LEDGER.now('pool_oldest_ready_age_seconds')}"
            f" / ({LEDGER.now('pool_objective_seconds')} > 0))",
            legend="{{pool}}",
        ),
        steps={0.8: "orange", 1: "red"},
    ),
    lines(
        Says(title="Load, by pool", more="Jobs that want a slot of the pool: what sizes it."),
        Query(expr=added(LEDGER.now("autoscale_load"), "pool"), legend="{{pool}}"),
    ),
    lines(
        Says(title="What the load is made of", more="And held: what a pause or a limit stops."),
        Query(expr=added(LEDGER.now("pool_jobs"), "pool", "kind"), legend="{{pool}}: {{kind}}"),
        stacked=True,
    ),
    stat(
        Says(
            title="Adapter's certificate", unit="s", none="no adapter",
            more="Until it ends; then nothing scales the workers.",
        ),
        Query(expr=f"min({ADAPTER.now('adapter_certificate_expires_seconds')})"),
        steps={-1e9: "red", 3 * 86400: "green"},
    ),
)  # fmt: skip
_WORKERS = (
    lines(
        Says(title="Workers and leases", more="Leases: slots of workers that have run a job."),
        Query(expr=added(LEDGER.now("workers")), legend="workers"),
        Query(expr=added(LEDGER.now("leases")), legend="leases"),
    ),
    lines(
        Says(title="Leases lost", unit="ops", more="Attempts taken back: their worker fell silent."),
        Query(expr=added(LEDGER.rate("leases_lost_total")), legend="lost"),
    ),
    lines(
        Says(
            title="Ticks and bells a second", unit="ops",
            more="The ledger's clock ticks once a second, and rings for jobs that no bell tells of.",
        ),
        Query(expr=added(LEDGER.rate("ticks_total")), legend="ticks"),
        Query(expr=added(LEDGER.rate("bells_rung_total")), legend="bells rung"),
    ),
    lines(
        Says(title="Since the last tick", unit="s", more="More than a few seconds: nothing ticks."),
        Query(expr=f"max({LEDGER.now('tick_age_seconds')})", legend="age"),
    ),
)  # fmt: skip
_SLOTS = (
    lines(
        Says(title="Slots", more="Jobs that may run at once, and what runs them."),
        Query(expr=added(EACH_WORKER.now("worker_slots")), legend="slots"),
        Query(expr=added(EACH_WORKER.now("worker_busy_slots")), legend="busy"),
        Query(expr=added(EACH_WORKER.now("worker_processes")), legend="pool processes"),
        Query(expr=added(EACH_WORKER.now("worker_stopping")), legend="workers that stop"),
    ),
    lines(
        Says(title="Pool processes that end", unit="ops", more="By cause: recycled and asked are well."),
        Query(expr=added(EACH_WORKER.rate("worker_processes_ended_total"), "cause"), legend="{{cause}}"),
        Query(expr=added(EACH_WORKER.rate("worker_processes_started_total")), legend="started"),
    ),
    lines(
        Says(title="Attempts by force", unit="ops", more="Fenced: they came too late with their outcome."),
        Query(expr=added(EACH_WORKER.rate("worker_attempts_forced_total"), "by"), legend="{{by}}"),
        Query(expr=added(EACH_WORKER.rate("worker_attempts_fenced_total")), legend="fenced"),
    ),
    lines(
        Says(title="Memory of workers", unit="bytes", more="Resident; what processes share is in each."),
        Query(expr=added(EACH_WORKER.now("worker_memory_bytes"), "of"), legend="{{of}}"),
        stacked=True,
    ),
)  # fmt: skip
_TO_REDIS = (
    lines(
        Says(title="Since the last renewal", unit="s", more="Of the worker that is worst off."),
        Query(expr=f"max({EACH_WORKER.now('worker_renewal_age_seconds')})", legend="age"),
        Query(expr=f"min({EACH_WORKER.now('worker_lease_seconds')})", legend="limit"),
    ),
    lines(
        Says(title="What a renewal takes", unit="s", more="A round trip; of the slowest worker."),
        Query(expr=f"max({EACH_WORKER.now('worker_renewal_seconds')})", legend="renewal"),
    ),
    lines(
        Says(title="Renewals and lost connections", unit="ops"),
        Query(expr=added(EACH_WORKER.rate("worker_renewals_total"), "outcome"), legend="{{outcome}}"),
        Query(expr=added(EACH_WORKER.rate("worker_disconnects_total")), legend="connections lost"),
    ),
    lines(
        Says(title="Bells and messages taken", unit="ops", more="Messages: of plain Celery clients."),
        Query(expr=added(EACH_WORKER.rate("worker_bells_total")), legend="bells"),
        Query(expr=added(EACH_WORKER.rate("worker_messages_total"), "outcome"), legend="{{outcome}}"),
    ),
)  # fmt: skip

_YES: Steps = {0: "red", 1: "green"}
_NO: Steps = {1: "red"}
_REDIS = (
    stat(
        Says(title="Append-only file", more="Without one a crash of Redis loses jobs."),
        Query(expr=f"min({LEDGER.now('redis_append_only')})"),
        steps=_YES, words={1: "kept", 0: "none"},
    ),
    stat(
        Says(title="Its last write"),
        Query(expr=f"min({LEDGER.now('redis_append_only_ok')})"),
        steps=_YES, words={1: "well", 0: "failed"},
    ),
    stat(
        Says(title="Written to disk", none="no file", more="When: its appendfsync."),
        Query(expr=f"max by (policy) ({LEDGER.now('redis_fsync_info')})", legend="{{policy}}"),
    ),
    stat(
        Says(title="May drop keys", more="Its maxmemory-policy must be noeviction: a key may be a job."),
        Query(expr=f"max({LEDGER.now('redis_evicts')})"),
        steps=_NO, words={1: "yes", 0: "no"},
    ),
    stat(
        Says(title="Keys dropped", more="In the time that is shown."),
        Query(expr=f"sum({LEDGER.within('redis_evicted_keys_total')})"),
        steps=_NO,
    ),
    stat(Says(title="Up for", unit="s"), Query(expr=f"min({LEDGER.now('redis_uptime_seconds')})")),
)  # fmt: skip
_REDIS_LINES = (
    lines(
        Says(title="Memory", unit="bytes"),
        Query(expr=added(LEDGER.now("redis_memory_used_bytes")), legend="used"),
        Query(expr=f"sum({LEDGER.now('redis_memory_limit_bytes')} > 0)", legend="limit"),
    ),
    lines(
        Says(title="Round trip", unit="s", more="What a question to Redis took."),
        Query(expr=f"max({LEDGER.now('redis_round_trip_seconds')})", legend="round trip"),
    ),
    lines(
        Says(title="Connections and replicas"),
        Query(expr=added(LEDGER.now("redis_clients")), legend="connections"),
        Query(expr=added(LEDGER.now("redis_replicas")), legend="replicas"),
    ),
)

PAGE = Page(
    uid="taskbell-queues",
    title="taskbell / queues and workers",
    about="What waits in each queue, what serves it, and the Redis that holds it.",
    variables=(*INSTALLATION, QUEUE, WORKERS),
    rows=(
        Row(heading="Queues", panels=(_TABLE,)),
        Row(panels=_BACKLOG),
        Row(panels=_FLOW, height=7),
        Row(panels=_LEFT, height=6),
        Row(heading="Pools and workers", panels=_POOLS),
        Row(panels=_WORKERS, height=7),
        Row(heading="Inside the workers", panels=_SLOTS, height=7),
        Row(panels=_TO_REDIS, height=7),
        Row(heading="Redis", panels=_REDIS, height=4),
        Row(panels=_REDIS_LINES, height=7),
    ),
)
