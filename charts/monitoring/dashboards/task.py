"""One task: what comes of its jobs, and how long they take."""

from charts.monitoring.dashboards.page import Page, Row
from charts.monitoring.dashboards.panels import Says, heatmap, lines, stat
from charts.monitoring.dashboards.queries import Query, added, share
from charts.monitoring.dashboards.variables import INSTALLATION, LEDGER, ONE_TASK, QUEUE, TASK

_FAILED = 'state="FAILURE"'


def _sum(name: str, *more: str) -> Query:
    return Query(expr=f"sum({TASK.within(name, *more)})")


_SUMS = (
    stat(Says(title="Accepted", none="0", more="In the time that is shown."), _sum("jobs_submitted_total")),
    stat(Says(title="Ended", none="0", more="In the time that is shown."), _sum("jobs_finished_total")),
    stat(
        Says(title="Failed", unit="percentunit", none="no jobs", more="Of the jobs that ended."),
        Query(expr=share(TASK.within("jobs_finished_total", _FAILED), TASK.within("jobs_finished_total"))),
        steps={0.01: "orange", 0.05: "red"},
    ),
    stat(
        Says(
            title="Attempts a job",
            none="no jobs",
            more="Attempts that were started, for each job that ended.",
        ),
        Query(
            expr=f"sum({TASK.within('attempts_started_total')})"
            f" / (sum({TASK.within('jobs_finished_total')}) > 0)"
        ),
        steps={1.1: "orange", 2: "red"},
    ),
    stat(Says(title="Ready", none="0"), Query(expr=added(TASK.now("ready_jobs")))),
    stat(
        Says(
            title="Busy slots",
            more="Slots that ran this task, on average: its seconds of run a second; of attempts that ended.",
        ),
        Query(expr=added(TASK.rate("attempt_run_seconds_sum"))),
    ),
)

_OUTCOMES = (
    lines(
        Says(
            title="Attempts a second, by outcome", unit="ops",
            more="PENDING: handed back by a worker that stops. LOST: its process died.",
        ),
        Query(expr=added(TASK.rate("attempts_ended_total"), "outcome"), legend="{{outcome}}"),
        stacked=True,
    ),
    lines(
        Says(title="Jobs a second", unit="ops", more="Accepted, and ended by state."),
        Query(expr=added(TASK.rate("jobs_submitted_total")), legend="accepted"),
        Query(expr=added(TASK.rate("jobs_finished_total"), "state"), legend="{{state}}"),
    ),
)  # fmt: skip

_EXCEPTIONS = (
    lines(
        Says(title="Retries", unit="ops", more="Attempts a second that failed and are tried again."),
        Query(expr=added(TASK.rate("attempts_ended_total", 'outcome="RETRY"'), "queue"), legend="{{queue}}"),
    ),
    lines(
        Says(
            title="Lost, and run again", unit="ops",
            more="Lost: the attempt's process died. Recovered: its job was made ready again."
            " Redriven: a person ran an ended job again.",
        ),
        Query(expr=added(TASK.rate("attempts_ended_total", 'outcome="LOST"')), legend="lost"),
        Query(expr=added(TASK.rate("jobs_recovered_total")), legend="recovered"),
        Query(expr=added(TASK.rate("jobs_redriven_total")), legend="redriven"),
    ),
    lines(
        Says(
            title="Refused and repeated submits", unit="ops",
            more="By the problem's name; repeated: it got a job that was there already.",
        ),
        Query(expr=added(TASK.rate("submits_refused_total"), "reason"), legend="{{reason}}"),
        Query(expr=added(TASK.rate("submits_repeated_total")), legend="repeated"),
    ),
)  # fmt: skip

_OBJECTIVE = (
    stat(
        Says(title="Objective", unit="s", none="none", more="In what time a job should succeed."),
        Query(expr=f"max({LEDGER.now('task_objective_seconds', 'task="$task"')})"),
    ),
    lines(
        Says(
            title="Objective missed", unit="percentunit",
            more="Of the jobs that succeeded or failed, for a task that has an objective.",
        ),
        Query(
            expr=share(
                TASK.rate("objective_jobs_total", 'outcome="missed"'),
                TASK.rate("objective_jobs_total"),
                "queue",
            ),
            legend="{{queue}}",
        ),
        Query(expr=f"1 - max({LEDGER.now('task_objective_ratio', 'task="$task"')})", legend="may"),
    ),
)  # fmt: skip

_TIMES = {
    "attempt_wait": ("Wait", "From when a job could start to its attempt's start."),
    "attempt_run": ("Run", "From an attempt's start to its end; lost ones and hand-backs apart."),
    "job_total": ("Whole life", "From when a job was accepted to its final state; delays and retries too."),
}

PAGE = Page(
    uid="taskbell-task",
    title="taskbell / task",
    about="One task: what comes of its jobs and attempts, how long they wait and run.",
    variables=(*INSTALLATION, ONE_TASK, QUEUE),
    rows=(
        Row(panels=_SUMS, height=4),
        Row(heading="What comes of it", panels=_OUTCOMES),
        Row(panels=_EXCEPTIONS, height=7),
        Row(
            heading="How long it takes",
            panels=tuple(
                lines(Says(title=title, unit="s", more=more), *TASK.spread(name))
                for name, (title, more) in _TIMES.items()
            ),
        ),
        Row(
            panels=tuple(
                heatmap(
                    Says(title=f"{title}, spread", unit="s", more="How many took how long."),
                    TASK.buckets(name),
                )
                for name, (title, more) in _TIMES.items()
            )
        ),
        Row(heading="Its objective", panels=_OBJECTIVE, height=7),
        Row(
            heading="By queue",
            panels=(
                lines(
                    Says(title="Ready jobs, by queue"),
                    Query(expr=added(TASK.now("ready_jobs"), "queue"), legend="{{queue}}"),
                    stacked=True,
                ),
                lines(
                    Says(title="Started a second, by queue", unit="ops"),
                    Query(expr=added(TASK.rate("attempts_started_total"), "queue"), legend="{{queue}}"),
                    stacked=True,
                ),
            ),
        ),
    ),
)
