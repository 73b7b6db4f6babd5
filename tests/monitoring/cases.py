"""Two installations, as one Prometheus reads them, and what goes wrong in one of them: `shop`.

Series are as promtool has them, a number a minute: `0+1x9` is 0, 1, … 9. The other installation is always
well, and no alert may ever name it. What happens begins at minute 60.
"""

from dataclasses import dataclass, field

BUILD = 'taskbell_build_info{version="1.0.0",python="3.13.1"}'
CERTIFICATE = "taskbell_adapter_certificate_expires_seconds"
FINISHED = 'taskbell_jobs_finished_total{queue="mail",task="send",state="%s"}'
FSYNC = 'taskbell_redis_fsync_info{policy="%s"}'
HELD = 'taskbell_pool_jobs{pool="default",kind="held"}'
MET = 'taskbell_objective_jobs_total{queue="mail",task="send",outcome="met"}'
MISSED = MET.replace("met", "missed")
LOST = 'taskbell_attempts_ended_total{queue="mail",task="send",outcome="LOST"}'
PAUSED = 'taskbell_queue_paused{queue="mail"}'
POOL_READY = 'taskbell_pool_jobs{pool="default",kind="ready"}'
POOL_RUNNING = 'taskbell_pool_jobs{pool="default",kind="running"}'
READY = 'taskbell_jobs{queue="mail",state="ready"}'
REFUSED = 'taskbell_submits_refused_total{queue="mail",task="send",reason="%s"}'
REQUESTS = 'taskbell_http_requests_total{method="POST",route="%s",status="%s"}'
RUNNING = 'taskbell_jobs{queue="mail",state="running"}'
RENEWED = "taskbell_worker_renewal_age_seconds"
STARTED = 'taskbell_attempts_started_total{queue="mail",task="send"}'
DIED = 'taskbell_worker_processes_ended_total{cause="%s"}'
SUBMIT = "/api/tasks/{name}/"
FAILED, DONE = FINISHED % "FAILURE", FINISHED % "SUCCESS"

WELL = {
    "taskbell_ledger_up": "1+0x130", BUILD: "1+0x130", FSYNC % "everysec": "1+0x130",
    READY: "3+0x130", RUNNING: "4+0x130", STARTED: "0+60x130", PAUSED: "0+0x130",
    POOL_READY: "3+0x130", POOL_RUNNING: "4+0x130", HELD: "0+0x130",
    'taskbell_pool_oldest_ready_age_seconds{pool="default"}': "2+0x130",
    'taskbell_pool_objective_seconds{pool="default"}': "300+0x130",
    DONE: "0+60x130", 'taskbell_dead_letters{queue="mail"}': "7+0x130",
    'taskbell_accounting_gap{queue="mail"}': "0+0x130",
    MET: "0+60x130", MISSED: "0+0x130", 'taskbell_task_objective_ratio{task="send"}': "0.99+0x130",
    "taskbell_workers": "2+0x130", "taskbell_leases_lost_total": "5+0x130",
    "taskbell_tick_age_seconds": "0.4+0x130",
    RENEWED: "3+0x130", "taskbell_worker_lease_seconds": "20+0x130", DIED % "oom": "2+0x130",
    DIED % "recycled": "0+6x130",
    "taskbell_redis_memory_used_bytes": "5e8+0x130", "taskbell_redis_memory_limit_bytes": "1e9+0x130",
    "taskbell_redis_append_only": "1+0x130", "taskbell_redis_append_only_ok": "1+0x130",
    "taskbell_redis_evicts": "0+0x130", "taskbell_redis_evicted_keys_total": "0+0x130",
    REQUESTS % (SUBMIT, 202): "0+60x130", CERTIFICATE: "5e6-60x130",
}  # fmt: skip
"""An installation that is well and busy."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """What is so in `shop`, and which alerts it raises there."""

    said: str
    """A sentence that goes on from "when"."""
    series: dict[str, str]
    """Instead of, or beside, those of `WELL`."""
    fires: dict[str, dict[str, str]] = field(default_factory=dict)
    """By the alert's name, the labels that it has beside its target's; "" for one that it has not."""
    alone: bool = False
    """There is no other installation."""
    at: int = 90
    """The minute at which one looks."""


def now(before: str, after: str) -> str:
    """Something until minute 60, something else from then on."""
    return f"{before}x59 {after}x60"


NONE = "_x130"
IDLE = {READY: "0+0x130", RUNNING: "0+0x130", STARTED: "900+0x130", POOL_READY: "0+0x130",
        POOL_RUNNING: "0+0x130", DONE: "900+0x130"}  # fmt: skip
NOBODY = {READY.replace("mail", "nobody"): "2+0x130", RUNNING.replace("mail", "nobody"): "0+0x130"}
STUCK = {RUNNING: now("4+0", "0+0"), STARTED: now("0+60", "3540+0"), POOL_RUNNING: now("4+0", "0+0")}
UNCOUNTED = {STARTED: NONE, DONE: NONE}
MAIL, POOL = {"queue": "mail"}, {"pool": "default"}
SEND = MAIL | {"task": "send"}
OF_TASK = {"task": "send", "queue": ""}
OLDEST = 'taskbell_pool_oldest_ready_age_seconds{pool="default"}'
DEAD = 'taskbell_dead_letters{queue="mail"}'
STANDS = {"TaskbellNothingConsumed": POOL, "TaskbellQueueNotServed": MAIL}

OF_JOBS = (
    Case(said="all is well and busy", series={}),
    Case(said="nobody has anything to do", series=IDLE),
    Case(said="ready jobs are taken by nobody", series=STUCK, fires=STANDS),
    Case(said="nothing is counted and all is well", series=UNCOUNTED),
    Case(said="nothing is counted and ready jobs are taken by nobody", series=STUCK | UNCOUNTED,
         fires=STANDS),
    Case(said="ready jobs were taken by nobody for three minutes", series=STUCK, at=63),
    Case(
        said="a paused queue has ready jobs",
        series=STUCK | {PAUSED: "1+0x130", POOL_READY: "0+0x130", HELD: "3+0x130"},
    ),
    Case(said="a limit or a task's pause holds all ready jobs",
         series=STUCK | {POOL_READY: "0+0x130", HELD: "3+0x130", OLDEST: "900+0x130"}),
    Case(said="a queue that no pool names is served by nobody",
         series=NOBODY, fires={"TaskbellQueueNotServed": {"queue": "nobody"}}),
    Case(said="a queue that no pool names is paused",
         series=NOBODY | {PAUSED.replace("mail", "nobody"): "1+0x130"}),
    Case(said="no look at a queue sees its short jobs run",
         series=NOBODY | {STARTED.replace("mail", "nobody"): "0+1x130"}),
    Case(said="all workers are busy with long jobs", series={STARTED: "60+0x130"}),
    Case(said="ready jobs wait longer than the objective", series={OLDEST: "301+0x130"},
         fires={"TaskbellJobsWaitTooLong": POOL}),
    Case(said="ready jobs wait as long as the objective has it", series={OLDEST: "300+0x130"}),
    Case(said="a task begins to fail", series={FAILED: now("0+0", "0+30")},
         fires={"TaskbellTaskFails": SEND}),
    Case(said="a task that never failed fails at once, in a burst",
         series=IDLE | {FAILED: now("_", "30+0")}, at=75, fires={"TaskbellTaskFails": SEND}),
    Case(said="one job of two fails", at=75,
         series=IDLE | {FAILED: now("0+0", "1+0"), DONE: now("0+0", "1+0")}),
    Case(said="one job of ten fails", series={FAILED: "0+6x130"}),
    Case(said="Prometheus begins to read a ledger that has failed much",
         series={"taskbell_ledger_up": now("_", "1+0"), FAILED: now("_", "5000+0"), DONE: now("_", "50+0"),
                 DEAD: now("_", "5000+0"), REFUSED % "queue-full": now("_", "900+0"),
                 REFUSED % "ledger-full": now("_", "900+0"), LOST: now("_", "90+0")},
         at=69),
    Case(said="the counters begin anew with an empty Redis",
         series={FAILED: now("5000+0", "0+0"), DONE: now("9000+60", "0+60"), DEAD: now("5000+0", "0+0"),
                 "taskbell_leases_lost_total": now("5+0", "0+0"), LOST: now("90+0", "0+0"),
                 "taskbell_redis_evicted_keys_total": now("9+0", "0+0")}),
    Case(said="half of a task's jobs miss its objective", series={MISSED: now("0+0", "0+60")},
         fires={"TaskbellObjectiveBurnsFast": OF_TASK, "TaskbellObjectiveBurns": OF_TASK}),
    Case(said="an eighth of a task's jobs miss its objective for an hour", series={MISSED: now("0+0", "0+9")},
         at=129, fires={"TaskbellObjectiveBurns": OF_TASK}),
    Case(said="a task that began a moment ago misses its objective with all that it has",
         series={MET: NONE, MISSED: now("_", "50+0")}, at=63, fires={"TaskbellObjectiveBurnsFast": OF_TASK}),
    Case(said="all jobs of a task miss its objective, that four of five meet it",
         series={MET: "0+0x130", MISSED: now("0+0", "0+60"),
                 'taskbell_task_objective_ratio{task="send"}': "0.8+0x130"},
         fires={"TaskbellObjectiveBurnsFast": OF_TASK, "TaskbellObjectiveBurns": OF_TASK}),
    Case(said="as many jobs miss a task's objective as may", series={MISSED: "0+0.6x130"}, at=129),
    Case(said="most jobs missed a task's objective half an hour ago",
         series={MISSED: "0+0x29 0+600x30 18000+0x70"}, at=95),
    Case(said="a few jobs of a task that seldom runs miss its objective",
         series={MET: "0+0x130", MISSED: now("0+0", "0+0.2")}),
    Case(said="dead letters become more", series={DEAD: now("7+0", "7+1")}, at=100,
         fires={"TaskbellDeadLettersGrow": MAIL}),
    Case(said="a new queue is full of dead letters",
         series={DEAD.replace("mail", "new"): now("_", "40+0")},
         fires={"TaskbellDeadLettersGrow": {"queue": "new"}}),
    Case(said="a few dead letters come", series={DEAD: now("7+0", "12+0")}),
    Case(said="dead letters are redriven", series={DEAD: now("700+0", "0+0")}),
    Case(said="jobs are nowhere", series={'taskbell_accounting_gap{queue="mail"}': now("0+0", "1+0")},
         fires={"TaskbellAccountingGap": MAIL}),
    Case(said="jobs are there that were never accepted",
         series={'taskbell_accounting_gap{queue="mail"}': now("0+0", "-1+0")},
         fires={"TaskbellAccountingGap": MAIL}),
    Case(said="a queue is full for the first time", series={REFUSED % "queue-full": now("_", "3+0")}, at=65,
         fires={"TaskbellQueueFull": MAIL}),
    Case(said="Redis has no room", series={REFUSED % "ledger-full": now("0+0", "3+5")}, at=65,
         fires={"TaskbellLedgerFull": {}}),
    Case(said="refusals are an hour ago", series={REFUSED % "ledger-full": now("0+0", "3+0")}),
    Case(said="submits are refused for another reason", series={REFUSED % "not-unique": "0+9x130"}),
)  # fmt: skip
NO_POD = STUCK | {"taskbell_workers": now("2+0", "0+0")}
OF_WORKERS = (
    Case(said="the last worker is gone", series=NO_POD, fires=STANDS | {"TaskbellNoWorkers": {}}),
    Case(said="no worker is wanted", series=IDLE | {"taskbell_workers": "0+0x130"}),
    Case(said="no worker is wanted, as all jobs are held",
         series=NO_POD | {POOL_READY: "0+0x130", HELD: "3+0x130"}),
    Case(said="a worker fell silent", series={"taskbell_leases_lost_total": now("5+0", "7+0")}, at=65,
         fires={"TaskbellLeasesLost": {}}),
    Case(said="a worker fell silent after Redis had begun anew", at=66,
         series={"taskbell_leases_lost_total": "5+0x59 0+0x3 1+0x60"}, fires={"TaskbellLeasesLost": {}}),
    Case(said="a worker fell silent half an hour ago",
         series={"taskbell_leases_lost_total": now("5+0", "7+0")}),
    Case(said="workers crash every five minutes",
         series={LOST: "0+0x59 1+0x4 2+0x4 3+0x4 4+0x4 5+0x4 6+0x4 7+0x60"}, at=88,
         fires={"TaskbellAttemptsLost": {"task": "send"}}),
    Case(said="a pod was killed with all that it ran", series={LOST: now("0+0", "16+0")}, at=66),
    Case(said="processes die as they start", series={DIED % "SIGSEGV": now("0+0", "0+4")},
         fires={"TaskbellPoolProcessesDie": {}}),
    Case(said="a process died once", series={DIED % "oom": now("2+0", "3+0")}, at=75),
    Case(said="processes die with what they run",
         series={DIED % "oom": now("2+0", "2+1"), LOST: now("0+0", "0+1")},
         fires={"TaskbellAttemptsLost": {"task": "send"}}),
    Case(said="processes die without a job, and another attempt is lost every quarter of an hour",
         series={DIED % "SIGSEGV": now("0+0", "0+4"), LOST: "0+0x59 1+0x14 2+0x14 3+0x60"}, at=100,
         fires={"TaskbellPoolProcessesDie": {}}),
    Case(said="a process dies without a job every five minutes, and an attempt is lost in between",
         series={DIED % "SIGSEGV": "0+0x59 1+0x4 2+0x4 3+0x4 4+0x4 5+0x4 6+0x4 7+0x4 8+0x60",
                 LOST: "0+0x74 1+0x60"}, at=94,
         fires={"TaskbellPoolProcessesDie": {}}),
    Case(said="the first attempts that were ever lost die with their processes",
         series={DIED % "oom": now("2+0", "4+0"), LOST: now("_", "2+0")}, at=65),
    Case(said="processes are ended for their jobs' limits", series={DIED % "forced": now("0+0", "0+4")}),
    Case(said="an idle worker does not reach Redis", series={RENEWED: now("3+0", "0+60")},
         fires={"TaskbellWorkerOutOfReach": {}}),
    Case(said="a worker renews late", series={RENEWED: "15+0x130"}),
    Case(said="a worker that is cut off was at work", at=70,
         series={RENEWED: now("3+0", "0+60"), "taskbell_leases_lost_total": now("5+0", "7+0")},
         fires={"TaskbellLeasesLost": {}}),
)  # fmt: skip
GONE = dict.fromkeys(WELL, now("0+0", "stale _"))
FILE, WRITTEN = "taskbell_redis_append_only", "taskbell_redis_append_only_ok"
DURABLE: dict[str, dict[str, str]] = {"TaskbellRedisNotDurable": {}}
USED, LIMIT = "taskbell_redis_memory_used_bytes", "taskbell_redis_memory_limit_bytes"
OF_LEDGER = (
    Case(said="Redis is away", series=GONE | {"taskbell_ledger_up": now("1+0", "0+0"), CERTIFICATE: NONE},
         fires={"TaskbellLedgerAway": {}}),
    Case(said="no worker reaches Redis, nor does the API",
         series={"taskbell_ledger_up": now("1+0", "0+0"), RENEWED: now("3+0", "0+60")},
         fires={"TaskbellLedgerAway": {}}),
    Case(said="Redis was away for a minute", series={"taskbell_ledger_up": "1+0x59 0 1+0x60"}, at=62),
    Case(said="nobody reads the ledger any more", series=GONE, fires={"TaskbellLedgerNotRead": {}}),
    Case(said="the only installation is not read any more", alone=True, series=GONE,
         fires={"TaskbellLedgerNotRead": {}}),
    Case(said="no installation was ever read", alone=True, series=dict.fromkeys(WELL, NONE),
         fires={"TaskbellLedgerNotRead": {"namespace": ""}}),
    Case(said="another pod is read from now on",
         series={"taskbell_ledger_up": now("1+0", "stale _"),
                 'taskbell_ledger_up{instance="b"}': now("_", "1+0")}),
    Case(said="the tick does not run", series={"taskbell_tick_age_seconds": now("0.4+0", "0+60")},
         fires={"TaskbellTickStopped": {}}),
    Case(said="a tick is late", series={"taskbell_tick_age_seconds": "12+0x130"}),
    Case(said="Redis is close to full", series={USED: "8.1e8+0x130"}, fires={"TaskbellRedisAlmostFull": {}}),
    Case(said="Redis has no maxmemory", series={LIMIT: "0+0x130"}),
    Case(said="Redis keeps no file", series={FILE: "0+0x130"}, fires=DURABLE),
    Case(said="Redis could not write its file", series={WRITTEN: now("1+0", "0+0")}, fires=DURABLE),
    Case(said="Redis leaves it to the system when its file is on the disk",
         series={FSYNC % "everysec": NONE, FSYNC % "no": "1+0x130"}, fires=DURABLE),
    Case(said="Redis writes each change to the disk",
         series={FSYNC % "everysec": NONE, FSYNC % "always": "1+0x130"}),
    Case(said="Redis would drop jobs", series={"taskbell_redis_evicts": "1+0x130"}, fires=DURABLE),
    Case(said="Redis dropped keys", series={"taskbell_redis_evicted_keys_total": now("0+0", "9+0")},
         fires=DURABLE),
)  # fmt: skip
OF_EDGES = (
    Case(said="a tenth of the answers is an error", series={REQUESTS % (SUBMIT, 500): now("0+0", "0+7")},
         fires={"TaskbellApiErrors": {}}),
    Case(said="a route's first answers are errors, all before the next look", at=63,
         series={REQUESTS % (SUBMIT, 500): now("_", "50+0")}, fires={"TaskbellApiErrors": {}}),
    Case(said="Prometheus begins to read a pod that has answered with errors", at=63,
         series={BUILD: now("_", "1+0"), REQUESTS % (SUBMIT, 202): now("_", "90+60"),
                 REQUESTS % (SUBMIT, 500): now("_", "5000+0")}),
    Case(said="one answer in a hundred is an error", series={REQUESTS % (SUBMIT, 500): "0+0.6x130"}),
    Case(said="callers make mistakes", series={REQUESTS % (SUBMIT, 422): "0+60x130"}),
    Case(said="one answer of two is an error", at=64,
         series={REQUESTS % (SUBMIT, 202): now("0+0", "1+0"), REQUESTS % (SUBMIT, 500): now("0+0", "1+0")}),
    Case(said="only the probe is answered with errors", series={REQUESTS % ("/readyz/", 503): "0+60x130"}),
    Case(said="the certificate ends in two days", series={CERTIFICATE: "172800-60x130"},
         fires={"TaskbellAdapterCertificateExpires": {}}),
    Case(said="the certificate has ended", series={CERTIFICATE: "0-60x130"},
         fires={"TaskbellAdapterCertificateExpires": {}}),
    Case(said="no adapter runs", series={CERTIFICATE: NONE}),
)  # fmt: skip
CASES = (*OF_JOBS, *OF_WORKERS, *OF_LEDGER, *OF_EDGES)
