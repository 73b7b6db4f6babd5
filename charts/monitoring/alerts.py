"""Every alert. What is to be done about each stands in docs/runbooks."""

from charts.monitoring.alert import Alert, Group, minutes, rose
from charts.monitoring.objectives import BURNS, BURNS_FAST

_FAILED = rose('taskbell_jobs_finished_total{state="FAILURE"}', "30m", "queue", "task", "state")
_ENDED = rose('taskbell_jobs_finished_total{state=~"SUCCESS|FAILURE"}', "30m", "queue", "task", "state")
# Without probes and scrapes, which would hide what callers see.
_CALLED = 'route!~"/(livez|readyz|metrics(/ledger)?)/?"'


def _answers(selector: str) -> str:
    own = ("method", "route", "status", "version", "python")
    answers = rose(f"taskbell_http_requests_total{{{selector}}}", "5m", *own, there="taskbell_build_info")
    return f"sum without (method, route, status) ({answers})"


_ANSWERS, _ERRORS = _answers(_CALLED), _answers(f'{_CALLED},status=~"5.."')


_DIED = 'increase(taskbell_worker_processes_ended_total{cause!~"recycled|forced|asked"}[10m])'
_LOST = rose('taskbell_attempts_ended_total{outcome="LOST"}', "10m", "queue", "task", "outcome")


def _refused(reason: str) -> str:
    return rose(f'taskbell_submits_refused_total{{reason="{reason}"}}', "10m", "queue", "task", "reason")


JOBS = Group(
    name="taskbell-jobs",
    alerts=(
        Alert(
            name="TaskbellNothingConsumed",
            # What a pause or a limit holds is not `ready` here. The counters have no part in it: they may be
            # switched off.
            expr="""
sum without (kind) (taskbell_pool_jobs{kind="ready"}) > 0
  and sum without (kind) (taskbell_pool_jobs{kind="running"}) == 0
""",
            for_=minutes(5), severity="critical",
            summary="Jobs are ready, and no worker takes any",
            description="In pool {{ $labels.pool }} {{ $value }} jobs may start, and for five minutes none"
            " has run.",
        ),
        Alert(
            name="TaskbellQueueNotServed",
            # For queues that no pool names too. Which queue's jobs a task's pause or limit holds is not told:
            # so it must have more ready jobs than are held in all pools together. Where jobs run, the workers
            # are only busy: that is TaskbellJobsWaitTooLong.
            expr="""
sum without (state) (taskbell_jobs{state="ready"})
  > ignoring (queue) group_left () sum without (pool, kind) (taskbell_pool_jobs{kind="held"})
  unless taskbell_queue_paused == 1
  unless sum without (state) (max_over_time(taskbell_jobs{state="running"}[10m])) > 0
  unless sum without (task) (increase(taskbell_attempts_started_total[10m])) > 0
""",
            for_=minutes(10), severity="warning",
            summary="Nobody takes the jobs of a queue",
            description="In queue {{ $labels.queue }}, which is not paused, {{ $value }} jobs are ready, and"
            " no attempt was started for ten minutes.",
        ),
        Alert(
            name="TaskbellJobsWaitTooLong",
            # Where all that waits is held by a pause or a limit, no worker could help.
            expr="""
taskbell_pool_oldest_ready_age_seconds > taskbell_pool_objective_seconds
  and ignoring (kind) taskbell_pool_jobs{kind="ready"} > 0
""",
            for_=minutes(5), severity="warning",
            summary="Jobs wait longer than their pool's objective",
            description="In pool {{ $labels.pool }} the first of the ready jobs has waited for"
            " {{ $value | humanizeDuration }}.",
        ),
        Alert(
            name="TaskbellTaskFails",
            # Twenty that ended, so that one of two is no alarm. What was cancelled or expired did not fail.
            expr=f"""
sum without (state) ({_FAILED})
  / sum without (state) ({_ENDED})
  > 0.2
  and sum without (state) ({_ENDED}) >= 20
""",
            for_=minutes(5), severity="warning",
            summary="More than a fifth of a task's jobs fail for good",
            description="Of the jobs of task {{ $labels.task }} in queue {{ $labels.queue }} that ended in"
            " the last half hour, {{ $value | humanizePercentage }} failed for good.",
        ),
        BURNS_FAST,
        BURNS,
        Alert(
            name="TaskbellDeadLettersGrow",
            expr=f"""
{rose("taskbell_dead_letters", "1h", "queue", by="delta")} > 10
""",
            for_=minutes(5), severity="warning",
            summary="Dead letters are becoming more",
            description="Queue {{ $labels.queue }} has {{ $value | humanize }} dead letters more than an hour"
            " ago.",
        ),
        Alert(
            name="TaskbellAccountingGap",
            # It is 0 at every instant, so that what is told twice is no chance.
            expr="""
taskbell_accounting_gap != 0
""",
            for_=minutes(1), severity="critical",
            summary="Accepted jobs are nowhere",
            description="In queue {{ $labels.queue }} the ledger cannot account for {{ $value }} jobs.",
        ),
        Alert(
            name="TaskbellQueueFull",
            expr=f"""
sum without (task, reason) ({_refused("queue-full")}) > 0
""",
            for_=minutes(0), severity="warning",
            summary="Submits are refused: a queue is at its length",
            description="Queue {{ $labels.queue }} refused {{ $value | humanize }} submits with 429"
            " queue-full in the last ten minutes.",
        ),
        Alert(
            name="TaskbellLedgerFull",
            expr=f"""
sum without (queue, task, reason) ({_refused("ledger-full")}) > 0
""",
            for_=minutes(0), severity="critical",
            summary="Submits are refused: Redis has no room",
            description="{{ $value | humanize }} submits were refused with 429 ledger-full in the last ten"
            " minutes.",
        ),
    ),
)  # fmt: skip

WORKERS = Group(
    name="taskbell-workers",
    alerts=(
        Alert(
            name="TaskbellNoWorkers",
            # With KEDA a pool without jobs has no pod, and is to have none.
            expr="""
taskbell_workers == 0
  and sum without (pool, kind) (taskbell_pool_jobs{kind="ready"}) > 0
""",
            for_=minutes(3), severity="critical",
            summary="Jobs wait, and no worker lives",
            description="Jobs are ready to start, and for three minutes no worker has lived.",
        ),
        Alert(
            name="TaskbellLeasesLost",
            expr="""
increase(taskbell_leases_lost_total[15m]) > 0
""",
            for_=minutes(0), severity="warning",
            summary="A worker fell silent, and its jobs were taken back",
            description="{{ $value | humanize }} attempts were taken back in the last 15 minutes, because"
            " their worker did not renew their lease.",
        ),
        Alert(
            name="TaskbellAttemptsLost",
            # Longer than one loss is seen: a pod that is killed once, with all that it runs, is no alarm. The
            # span is longer than the five minutes that Kubernetes waits at the most before it starts a
            # crashing container again.
            expr="""
sum without (queue, outcome) (
  increase(taskbell_attempts_ended_total{outcome="LOST"}[10m])
) > 0
""",
            for_=minutes(15), severity="warning",
            summary="A task's attempts die with their process, again and again",
            description="Attempts of task {{ $labels.task }} have been lost for a quarter of an hour;"
            " {{ $value | humanize }} in the last ten minutes.",
        ),
        Alert(
            name="TaskbellPoolProcessesDie",
            # Those that take an attempt along are TaskbellAttemptsLost, which names the task; each takes one.
            # Half as many again: two targets are read at different times. Of workers and the ledger alike is
            # no label but the namespace.
            expr=f"""
sum without (cause) ({_DIED}) > 0
  unless on (namespace)
    1.5 * sum by (namespace) ({_LOST})
      >= sum by (namespace) ({_DIED})
""",
            for_=minutes(15), severity="warning",
            summary="A worker's pool processes die again and again, without a job",
            description="For a quarter of an hour pool processes of a worker have died that ran no job;"
            " {{ $value | humanize }} in the last ten minutes.",
        ),
        Alert(
            name="TaskbellWorkerOutOfReach",
            # Redis is away from all: TaskbellLedgerAway. It was at work: TaskbellLeasesLost, for a while.
            expr="""
taskbell_worker_renewal_age_seconds > taskbell_worker_lease_seconds
  unless on (namespace) taskbell_ledger_up == 0
  unless on (namespace) increase(taskbell_leases_lost_total[15m]) > 0
""",
            for_=minutes(2), severity="warning",
            summary="A worker does not reach Redis, and others do",
            description="A worker has renewed no lease for {{ $value | humanizeDuration }}: it takes no"
            " jobs.",
        ),
    ),
)  # fmt: skip

LEDGER = Group(
    name="taskbell-ledger",
    alerts=(
        Alert(
            name="TaskbellLedgerAway",
            expr="""
taskbell_ledger_up == 0
""",
            for_=minutes(2), severity="critical",
            summary="Redis does not answer the API",
            description="No job can be submitted, and the outcomes of those that run wait.",
        ),
        Alert(
            name="TaskbellLedgerNotRead",
            # Another pod may be read by now: what tells pods apart is left out, and a target's other labels
            # stay. An installation that was removed is forgotten after six hours. Where there is none at all,
            # nothing says which it was.
            expr="""
(
    group without (instance, pod, node) (last_over_time(taskbell_ledger_up[6h]))
  unless
    group without (instance, pod, node) (taskbell_ledger_up)
)
or on () absent(taskbell_ledger_up)
""",
            for_=minutes(5), severity="critical",
            summary="Prometheus does not read the ledger",
            description="/metrics/ledger is not read: no alert about jobs, the ledger or Redis can fire.",
        ),
        Alert(
            name="TaskbellTickStopped",
            expr="""
taskbell_tick_age_seconds > 30
""",
            for_=minutes(1), severity="critical",
            summary="The ledger's clock stands still",
            description="The last whole tick was {{ $value | humanizeDuration }} ago: delayed jobs and"
            " retries do not start, and lost jobs are not taken back.",
        ),
        Alert(
            name="TaskbellRedisAlmostFull",
            # A limit of 0 is none, and would make the share infinite.
            expr="""
taskbell_redis_memory_used_bytes / (taskbell_redis_memory_limit_bytes > 0) > 0.8
""",
            for_=minutes(5), severity="warning",
            summary="Redis is close to its maxmemory",
            description="Redis uses {{ $value | humanizePercentage }} of its maxmemory; above 90 % submits"
            " are refused.",
        ),
        Alert(
            name="TaskbellRedisNotDurable",
            expr="""
taskbell_redis_append_only == 0
  or taskbell_redis_append_only_ok == 0
  or taskbell_redis_evicts == 1
  or increase(taskbell_redis_evicted_keys_total[1h]) > 0
  or sum without (policy) (taskbell_redis_fsync_info{policy="no"}) == 1
""",
            for_=minutes(1), severity="critical",
            summary="Redis may lose jobs",
            description="Redis keeps no append-only file, or could not write it, or leaves it to the system"
            " when it is on the disk, or drops keys for want of memory.",
        ),
    ),
)  # fmt: skip

EDGES = Group(
    name="taskbell-edges",
    alerts=(
        Alert(
            name="TaskbellApiErrors",
            # Of each pod, as the rule has it for all; five, so that one of two is no alarm.
            expr=f"""
{_ERRORS}
  / {_ANSWERS}
  > 0.05
  and {_ERRORS} > 5
""",
            for_=minutes(3), severity="critical",
            summary="The API answers with errors of its own",
            description="{{ $value | humanizePercentage }} of a pod's answers in the last five minutes were"
            " 5xx.",
        ),
        Alert(
            name="TaskbellAdapterCertificateExpires",
            # The adapter makes the next one when a third of its life is left: thirty days by default.
            expr="""
taskbell_adapter_certificate_expires_seconds < 3 * 86400
""",
            for_=minutes(15), severity="warning",
            summary="The metrics adapter's certificate is about to end",
            description="It ends in {{ $value | humanizeDuration }}. Then workers are no longer scaled.",
        ),
    ),
)  # fmt: skip

GROUPS = (JOBS, WORKERS, LEDGER, EDGES)
ALERTS = tuple(alert for group in GROUPS for alert in group.alerts)
