"""The figures of one run, or of two beside each other, as a table; and the verdict."""

from collections.abc import Callable, Sequence

from jobs.chaos.figures import Figures

type Cell = Callable[[Figures], object]


def _number(value: object) -> str:
    if value is None:
        return "-"
    return (
        f"{value:,.2f}"
        if isinstance(value, float)
        else f"{value:,}"
        if isinstance(value, int)
        else str(value)
    )


ROWS: dict[str, Cell] = {
    "jobs submitted": lambda it: it.submitted,
    "accepted": lambda it: it.accepted,
    "finished": lambda it: it.finished,
    "lost": lambda it: it.lost,
    "stuck": lambda it: it.stuck,
    "ended wrongly": lambda it: it.wrong,
    "effects doubled while a lease was held": lambda it: it.doubled,
    "results that were not the last attempt's": lambda it: it.unfenced,
    "accounting gap at the end": lambda it: it.gap_at_end,
    "accounting gap, largest": lambda it: it.gap_largest,
    "counters that differ from what was seen": lambda it: it.miscounted,
    "attempts": lambda it: it.attempts,
    "- ran again, whatever the cause": lambda it: it.overtaken.get("ran again"),
    "- cut off in the middle, ran again": lambda it: it.overtaken.get("cut off"),
    "- done, killed before that was recorded, ran again": lambda it: it.overtaken.get("unrecorded"),
    "- fenced: went on after its worker was silent for a lease": lambda it: it.overtaken.get("fenced"),
    "- failed as meant, retried": lambda it: it.overtaken.get("retried"),
    "longest wait for the first attempt, s": lambda it: it.longest_wait,
    "median wait for the first attempt, s": lambda it: it.median_wait,
    "longest wait of a job that was cut off, s": lambda it: it.longest_recovery,
    "submits not answered, sent again": lambda it: it.unanswered,
    "- which went through twice": lambda it: it.accepted_twice,
    "cancels answered": lambda it: None if it.cancels is None else sum(it.cancels.values()),
    "replies dropped": lambda it: it.replies_lost,
    "pool processes killed, as their workers counted": lambda it: it.deaths,
    "processes that ended by themselves": lambda it: it.ended_by_themselves,
    "seconds": lambda it: it.seconds,
}


def table(runs: Sequence[Figures]) -> list[str]:
    """The lines of the table: what, and a column for each run."""
    rows = [("", *(figures.subject for figures in runs))]
    told = {name: [cell(figures) for figures in runs] for name, cell in ROWS.items()}
    rows += [
        (name, *map(_number, cells)) for name, cells in told.items() if any(c is not None for c in cells)
    ]
    rows.append(("done to it:", *("" for _ in runs)))
    faults = dict.fromkeys(name for figures in runs for name in sorted(figures.faults))
    rows += [(f"- {name}", *(_number(figures.faults.get(name, 0)) for figures in runs)) for name in faults]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(
            [f"{row[0]:<{widths[0]}}", *(f"{cell:>{w}}" for cell, w in zip(row[1:], widths[1:], strict=True))]
        )
        for row in rows
    ]


def verdict(figures: Figures) -> str:
    """One line."""
    if not (faulty := figures.faulty):
        told = "" if figures.doubled is None else ", doubled 0"
        return f"verdict: holds: lost 0, stuck 0{told}, gap 0"
    return f"verdict: BROKEN: {', '.join(f'{name} {number:,}' for name, number in faulty.items())}"
