"""What a measurement says: a line of progress on a terminal, medians and ratios as a table."""

import shutil
import sys
from collections.abc import Sequence
from dataclasses import fields
from statistics import median

from measure import Run

STOCK = "stock Celery"
NUMBERS = tuple(field.name for field in fields(Run) if field.type in (float, "float"))


def progress(text: str) -> None:
    """Show how far it is, in one line that the next overwrites; nothing where no terminal reads."""
    if sys.stderr.isatty():
        width = shutil.get_terminal_size().columns - 1
        sys.stderr.write(f"\r{text[:width]:<{width}}")
        sys.stderr.flush()


def line(number: int, run: Run) -> str:
    """One run."""
    return (
        f"round {number}  {run.contender:<26} -c {run.processes}  {run.per_second:7,.0f}/s"
        f"  worker {run.worker_us:6.0f} us  Redis {run.redis_us:4.0f} us"
        f"  others {run.other_cores:.2f} cores  stolen {run.stolen:.1%}"
    )


def summary(runs: Sequence[Run]) -> list[dict[str, float | str | int | None]]:
    """The medians of each worker's runs, the spread of its rate, and the ratio to stock Celery's rate."""
    groups: dict[tuple[int, str], list[Run]] = {}
    for run in runs:
        groups.setdefault((run.processes, run.contender), []).append(run)
    rows: list[dict[str, float | str | int | None]] = []
    for (processes, contender), some in groups.items():
        medians = {name: median(getattr(run, name) for run in some) for name in NUMBERS}
        stock = groups.get((processes, STOCK))
        rates = [run.per_second for run in some]
        rows.append({
            "contender": contender, "processes": processes, "runs": len(some), **medians,
            "slowest": min(rates), "fastest": max(rates),
            "times_stock": medians["per_second"] / median(run.per_second for run in stock) if stock else None,
        })  # fmt: skip
    return sorted(rows, key=lambda row: (row["processes"], row["per_second"]))


def table(runs: Sequence[Run]) -> str:
    """The summary, for people; it is Markdown."""
    lines = [
        "| worker | processes | jobs/s | slowest – fastest | x stock | worker CPU us/job | Redis CPU us/job"
        " | commands/job | reads/job | other cores | stolen |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for row in summary(runs):
        ratio = "" if row["times_stock"] is None else f"{row['times_stock']:.1f}"
        lines.append(
            "| {contender} | {processes} | {per_second:,.0f} | {slowest:,.0f} – {fastest:,.0f} | {ratio} "
            "| {worker_us:.0f} | {redis_us:.0f} | {commands:.1f} | {reads:.1f} | {other_cores:.2f} "
            "| {stolen:.1%} |".format(ratio=ratio, **row)
        )
    return "\n".join(lines)
