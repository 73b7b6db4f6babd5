"""The alerts by burn rate: how fast what a task's objective lets be missed is used up."""

from charts.monitoring.alert import Alert, minutes, rose


def _missed(span: str, speed: float) -> str:
    """Where a task's objective was missed by so many times the part of its jobs that may, in this span.

    Where that would be nearly all of them or more, nine of ten are enough.
    """
    missed = _held(span, '{outcome="missed"}')
    return f"""sum without (queue, outcome) ({missed})
  / sum without (queue, outcome) ({_held(span)})
  > clamp_max({speed} * (1 - taskbell_task_objective_ratio), 0.9)"""


def _held(span: str, selector: str = "") -> str:
    return rose(f"taskbell_objective_jobs_total{selector}", span, "queue", "task", "outcome")


# The short span lets it resolve soon. Twenty jobs, so that one of two is no alarm.
def _burns(long: str, short: str, speed: float) -> str:
    return f"""
{_missed(long, speed)}
  and {_missed(short, speed)}
  and sum without (queue, outcome) ({_held(long)}) >= 20
"""


BURNS_FAST = Alert(
    name="TaskbellObjectiveBurnsFast",
    # At this speed an hour uses up two percent of what may be missed in thirty days.
    expr=_burns("1h", "5m", 14.4),
    for_=minutes(2), severity="critical",
    summary="A task misses its objective much too often",
    description="Of the jobs of task {{ $labels.task }} in the last hour"
    " {{ $value | humanizePercentage }} missed its objective.",
)  # fmt: skip
BURNS = Alert(
    name="TaskbellObjectiveBurns",
    expr=_burns("6h", "30m", 6),
    for_=minutes(15), severity="warning",
    summary="A task misses its objective too often",
    description="Of the jobs of task {{ $labels.task }} in the last six hours"
    " {{ $value | humanizePercentage }} missed its objective.",
)  # fmt: skip
