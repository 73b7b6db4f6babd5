"""Is it well: one look at the whole installation."""

from charts.monitoring.dashboards.page import Page, Row
from charts.monitoring.dashboards.panels import Column, Says, lines, stat, table
from charts.monitoring.dashboards.queries import Query, added, share
from charts.monitoring.dashboards.variables import INSTALLATION, LEDGER

_ENDED, _FAILED = "jobs_finished_total", 'state="FAILURE"'
_NEAR = {0.8: "orange", 1: "red"}
_WARNING = {0.7: "orange", 0.9: "red"}

_WELL = (
    stat(
        Says(title="Ledger", none="not scraped", more="Whether Redis told the numbers of this page."),
        Query(expr=f"min({LEDGER.now('ledger_up')})"),
        words={1: "up", 0: "down"}, steps={-1: "red", 1: "green"},
    ),
    stat(
        Says(title="Unaccounted", more="Accepted jobs that are nowhere. Anything but 0 is a bug."),
        Query(expr=f"sum(abs({LEDGER.now('accounting_gap')}))"),
        steps={1: "red"},
    ),
    stat(
        Says(
            title="Wait of objective", unit="percentunit", none="no objective",
            more="How long the first ready job has waited, of the longest that it should; the worst"
            " pool. Paused queues are left out.",
        ),
        Query(
            expr=f"max({LEDGER.now('pool_oldest_ready_age_seconds')}"
            f" / ({LEDGER.now('pool_objective_seconds')} > 0))"
        ),
        steps=_NEAR,
    ),
    stat(
        Says(title="Failed", unit="percentunit", none="no jobs", more="Of the jobs that ended in this time."),
        Query(expr=share(LEDGER.within(_ENDED, _FAILED), LEDGER.within(_ENDED))),
        steps={0.01: "orange", 0.05: "red"},
    ),
    stat(
        Says(title="Dead letters", more="Failed jobs that can be read back, and run again."),
        Query(expr=f"sum({LEDGER.now('dead_letters')})"),
        steps={1: "orange"},
    ),
    stat(
        Says(title="Workers", none="0"),
        Query(expr=f"sum({LEDGER.now('workers')})"),
        steps={0: "orange", 1: "green"},
    ),
    stat(
        Says(title="Redis memory", unit="percentunit", none="no limit", more="Of its maxmemory."),
        Query(
            expr=f"max({LEDGER.now('redis_memory_used_bytes')}"
            f" / ({LEDGER.now('redis_memory_limit_bytes')} > 0))"
        ),
        steps=_WARNING,
    ),
    stat(
        Says(title="Version", more="Two of them while an upgrade goes on."),
        Query(expr=f"max by (version) ({LEDGER.now('build_info')})", legend="{{version}}"),
    ),
)  # fmt: skip

_WORK = (
    lines(
        Says(title="Jobs a second", unit="ops", more="Accepted, and ended by state."),
        Query(expr=added(LEDGER.rate("jobs_submitted_total")), legend="accepted"),
        Query(expr=added(LEDGER.rate(_ENDED), "state"), legend="{{state}}"),
    ),
    lines(
        Says(title="Failures a second, by task", unit="ops"),
        Query(expr=added(LEDGER.rate(_ENDED, _FAILED), "task"), legend="{{task}}"),
        stacked=True,
    ),
)

_WAITING = (
    lines(
        Says(
            title="Oldest ready job", unit="s",
            more="How long the first ready job could have run, and the longest that it should have to wait.",
        ),
        Query(expr=f"max by (pool) ({LEDGER.now('pool_oldest_ready_age_seconds')})", legend="{{pool}}"),
        Query(
            expr=f"max by (pool) ({LEDGER.now('pool_objective_seconds')} > 0)", legend="{{pool}} objective"
        ),
    ),
    lines(
        Says(title="Backlog", more="Jobs that have not ended, by where they are."),
        Query(expr=added(LEDGER.now("jobs"), "state"), legend="{{state}}"),
        stacked=True,
    ),
)  # fmt: skip

_MACHINES = (
    lines(
        Says(
            title="Workers and load", more="Load: jobs that want a slot. Leases: slots that have run a job."
        ),
        Query(expr=added(LEDGER.now("workers")), legend="workers"),
        Query(expr=added(LEDGER.now("leases")), legend="leases"),
        Query(expr=added(LEDGER.now("autoscale_load"), "pool"), legend="load of {{pool}}"),
    ),
    lines(
        Says(title="Redis's memory", unit="bytes"),
        Query(expr=added(LEDGER.now("redis_memory_used_bytes")), legend="used"),
        Query(expr=f"sum({LEDGER.now('redis_memory_limit_bytes')} > 0)", legend="limit"),
    ),
)

_TASK_PAGE = (
    "/d/taskbell-task?var-task=${__value.raw}&${datasource:queryparam}&${namespace:queryparam}"
    "&${job:queryparam}&${__url_time_range}"
)
_TASKS = table(
    Says(title="Tasks", more="Now; a task's name leads to its page."),
    ("task",),
    Column(name="ended a second", unit="ops", expr=added(LEDGER.rate(_ENDED), "task")),
    Column(
        name="failed", unit="percentunit", steps={0.01: "orange", 0.05: "red"},
        expr=share(
            LEDGER.rate(_ENDED, _FAILED), LEDGER.rate(_ENDED), "task"
        ),
    ),
    Column(name="ready", expr=added(LEDGER.now("ready_jobs"), "task")),
    Column(name="95% wait", unit="s", expr=LEDGER.quantile(0.95, "attempt_wait", "task")),
    Column(name="95% run", unit="s", expr=LEDGER.quantile(0.95, "attempt_run", "task")),
    leads_to=_TASK_PAGE,
)  # fmt: skip

PAGE = Page(
    uid="taskbell-overview",
    title="taskbell / overview",
    about="Is it well: what comes in, what fails, what waits, and what it all runs on.",
    variables=INSTALLATION,
    rows=(
        Row(panels=_WELL, height=4),
        Row(panels=_WORK),
        Row(panels=_WAITING),
        Row(panels=_MACHINES),
        Row(panels=(_TASKS,), height=10),
    ),
)
