"""The figures of each strategy, as a table."""

import math
from collections.abc import Iterator, Sequence

from bench.autoscale.day import Day
from bench.autoscale.simulation import Outcome

HEAD = (
    "strategy", "wait, median", "p95", "p99", "longest", "within {}", "pod-hours", "busy", "most pods",
    "ups", "downs", "told to go busy",
)  # fmt: skip
LATE_SECONDS = 600
"""After the day's end: what is told."""


def table(outcomes: Sequence[Outcome], objective: float) -> str:
    """A row for each strategy; it is Markdown, and its columns are aligned for a terminal."""
    head = [cell.format(seconds(objective)) for cell in HEAD]
    rows = [head, *(_row(each, objective) for each in outcomes)]
    widths = [max(len(row[place]) for row in rows) for place in range(len(head))]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    return "\n".join(f"| {' | '.join(_fitted(row, widths))} |" for row in [head, rule, *rows[1:]])


def remarks(day: Day, outcomes: Sequence[Outcome]) -> Iterator[str]:
    """What the table does not show, a line each."""
    for outcome in outcomes:
        name, pool = outcome.strategy.name, outcome.strategy.pool
        if (late := outcome.ended - day.seconds) > LATE_SECONDS:
            yield f"{name}: the last job ended {seconds(late)} after the day."
        if outcome.cut_off:
            yield (
                f"{name}: of the jobs whose pod was told to go, {outcome.cut_off:,} ran on for longer than"
                f" worker.shutdown.seconds ({pool.shutdown_seconds}): they would be cut off, and run again."
            )
    if outcomes[-1].strategy.pool.cpu_request is None:
        yield "No autoscaling by CPU: a pod requests none."


def _fitted(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    return [
        row[0].ljust(widths[0]),
        *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)),
    ]


def _row(outcome: Outcome, objective: float) -> list[str]:
    waits = sorted(outcome.waits)
    return [
        outcome.strategy.name, *(seconds(share_of(waits, share)) for share in (0.5, 0.95, 0.99, 1)),
        percent(within(outcome, objective)), f"{outcome.pod_seconds / 3600:,.1f}",
        percent(outcome.busy_share), str(max((each.pods for each in outcome.samples), default=0)),
        str(outcome.ups), str(outcome.downs), f"{outcome.asked_busy:,}",
    ]  # fmt: skip


def share_of(ordered: Sequence[float], share: float) -> float:
    """The smallest value that so great a share of all do not exceed."""
    return ordered[max(0, math.ceil(len(ordered) * share) - 1)] if ordered else 0.0


def within(outcome: Outcome, objective: float) -> float:
    """The share of the jobs that waited no longer."""
    return sum(wait <= objective for wait in outcome.waits) / max(1, len(outcome.waits))


def percent(share: float) -> str:
    """Rounded down: 100 % is all of them."""
    return f"{math.floor(share * 1000) / 10:.1f} %"


def seconds(duration: float) -> str:
    """For people: `0.4 s`, `12 s`, `3 min 20 s`, `2 h 5 min`."""
    if duration < 10:
        return f"{duration:.1f} s".replace(".0 s", " s")
    whole = round(duration)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min" + (f" {whole % 60} s" if whole % 60 else "")
    return f"{whole // 3600} h" + (f" {whole % 3600 // 60} min" if whole % 3600 >= 60 else "")


def summary(day: Day) -> str:
    """The day itself, in a line."""
    ordered = sorted(day.durations)
    median, p99 = (seconds(share_of(ordered, share)) for share in (0.5, 0.99))
    return (
        f"{len(ordered):,} jobs in {seconds(day.seconds)}; they run {median} (median), {p99} (p99),"
        f" {seconds(day.work / max(1, len(ordered)))} on average;"
        f" {day.work / day.seconds:.1f} slots are busy on average"
    )
